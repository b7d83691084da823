//! Ids as types of their own, so that a point is never taken for a panel.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Declares an id: a short text that the site chose, cheap to clone, ordered by its letters.
macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as it is written in files, topics and addresses.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

id!(/// The site, as it stands in MQTT topics.
    SiteId);
id!(/// One detector, call point, feedback or panel state 点位.
    PointId);
id!(/// One serial line or socket of the field 总线.
    BusId);
id!(/// One thing that Fengsui can be asked to write 输出.
    OutputId);
id!(/// A building 建筑.
    BuildingId);
id!(/// A floor of a building 楼层.
    FloorId);
id!(/// A fire compartment 防火分区.
    CompartmentId);
id!(/// An alarm zone 报警区域: one or more compartments.
    ZoneId);
id!(/// Somebody who can be sent an order: a post 岗位 or a named person.
    RecipientId);
id!(/// Somebody who signs on 账号.
    AccountId);
id!(/// A case of a procedure, for example incident `F-20261124-001`.
    CaseId);
id!(/// One order to one recipient 指令.
    OrderId);
id!(/// One command to one output 命令.
    CommandId);
id!(/// A node of the route graph: a room door, a corridor, a stair landing, a gate.
    NodeId);
