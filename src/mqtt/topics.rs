//! Topics of the campus (docs/asyncapi.yaml): built, read and guarded here and nowhere else. Pure.
//!
//! An id becomes a level of a topic only when it is fit for one, so that no id can ever reach into somebody else's branch.

use crate::domain::ids::{OrderId, RecipientId, SiteId};

/// Longest id that may stand in a topic, in bytes.
pub(super) const LEVEL_MAX: usize = 128;
/// The user name of the daemon's own link at the embedded broker.
pub(super) const DAEMON: &str = "fengsui";

/// Where the daemon says that it is there, below the prefix.
pub(super) const DAEMON_STATUS: &str = "status/daemon";

/// The topics of one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topics {
    /// `fengsui/v1/{site}/`.
    prefix: String,
}

/// What a message that reached the daemon is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// `reply/{recipient}/{order}`.
    Reply {
        /// Who answers; the payload has no say in it.
        recipient: RecipientId,
        /// Which order.
        order: OrderId,
    },
    /// `report/{recipient}`: 发现火情.
    Report {
        /// Who reports; the payload has no say in it.
        recipient: RecipientId,
    },
    /// `presence/{recipient}`.
    Presence {
        /// Whose device.
        recipient: RecipientId,
    },
    /// `order/…`, `alarm/…` or `status/point/…`: what the broker still retains of an earlier time.
    Retained {
        /// The topic without the prefix.
        below: String,
    },
}

impl Topics {
    /// The topics of a site; `None` when its id cannot stand in a topic.
    pub(super) fn new(site: &SiteId) -> Option<Self> {
        is_level(site.as_str()).then(|| Self {
            prefix: format!("fengsui/v1/{site}/"),
        })
    }

    /// The site's id.
    pub(super) fn site(&self) -> &str {
        self.prefix.split('/').nth(2).unwrap_or_default()
    }

    /// The whole topic of what is below the prefix.
    pub(super) fn full(&self, below: &str) -> String {
        format!("{}{below}", self.prefix)
    }

    /// The topic below the prefix for a view document, when the document is published and its id is fit for a topic.
    pub(super) fn of_document(key: &str) -> Option<String> {
        let (kind, rest) = key.split_once('/')?;
        match kind {
            "order" => {
                let (recipient, order) = rest.split_once('/')?;
                (is_level(recipient) && is_level(order)).then(|| key.to_owned())
            }
            "incident" => is_level(rest).then(|| format!("alarm/{rest}")),
            "point" | "link" => is_level(rest).then(|| format!("status/{key}")),
            _ => None,
        }
    }

    /// What the daemon's link subscribes to: replies and presences, and what is retained of its own orders, alarms and points.
    pub(super) fn inbox(&self) -> [(String, Inbox); 6] {
        [
            (self.full("reply/+/+"), Inbox::People),
            (self.full("report/+"), Inbox::People),
            (self.full("presence/+"), Inbox::People),
            (self.full("order/+/+"), Inbox::Own),
            (self.full("alarm/+"), Inbox::Own),
            (self.full("status/point/+"), Inbox::Own),
        ]
    }

    /// What a message to the daemon is about; `None` for anything that is none of its business.
    pub(super) fn incoming(&self, topic: &str) -> Option<Incoming> {
        let below = topic.strip_prefix(&self.prefix)?;
        let levels: Vec<&str> = below.split('/').collect();
        if !levels.iter().all(|level| is_level(level)) {
            return None;
        }
        match *levels.as_slice() {
            ["reply", recipient, order] => Some(Incoming::Reply {
                recipient: recipient.into(),
                order: order.into(),
            }),
            ["report", recipient] => Some(Incoming::Report {
                recipient: recipient.into(),
            }),
            ["presence", recipient] => Some(Incoming::Presence {
                recipient: recipient.into(),
            }),
            ["order", _, _] | ["alarm", _] | ["status", "point", _] => Some(Incoming::Retained {
                below: below.to_owned(),
            }),
            _ => None,
        }
    }

    /// Whether a user may publish to a topic: the daemon below its prefix, a recipient its own replies and presence.
    pub(super) fn may_publish(&self, user: &str, topic: &str) -> bool {
        if user == DAEMON {
            return topic.starts_with(&self.prefix);
        }
        match self.incoming(topic) {
            Some(
                Incoming::Reply { recipient, .. }
                | Incoming::Report { recipient }
                | Incoming::Presence { recipient },
            ) => recipient.as_str() == user,
            Some(Incoming::Retained { .. }) | None => false,
        }
    }

    /// Whether a user may subscribe to a filter: the daemon below its prefix, a recipient its own orders and the common status.
    ///
    /// The levels that decide must be written out, so no wildcard reaches beyond them; `$share/…` never begins with the prefix.
    pub(super) fn may_subscribe(&self, user: &str, filter: &str) -> bool {
        let Some(below) = filter.strip_prefix(&self.prefix) else {
            return false;
        };
        if user == DAEMON {
            return true;
        }
        let own = is_level(user).then(|| format!("order/{user}/"));
        own.is_some_and(|own| below.starts_with(&own))
            || below.starts_with("status/")
            || below.starts_with("alarm/")
    }
}

/// How the daemon subscribes to a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inbox {
    /// Others publish there.
    People,
    /// The daemon itself publishes there and wants to read only what is retained.
    Own,
}

/// Whether a text can be one level of a topic and nothing more.
pub(super) fn is_level(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LEVEL_MAX
        && !text
            .chars()
            .any(|c| matches!(c, '/' | '+' | '#') || c.is_control())
}

/// Whether a client id belongs to a user: `{user}-…`, and no other recipient's id is a longer beginning of it. Else `post1` could
/// take over the session of a device of `post1-b`.
pub(super) fn is_client_of<'a>(
    client: &str,
    user: &str,
    mut recipients: impl Iterator<Item = &'a str>,
) -> bool {
    let begins_with = |id: &str| {
        client
            .strip_prefix(id)
            .is_some_and(|rest| rest.len() > 1 && rest.starts_with('-'))
    };
    begins_with(user) && !recipients.any(|other| other.len() > user.len() && begins_with(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lin() -> Topics {
        Topics::new(&"lin".into()).expect("fit")
    }

    #[test]
    fn a_site_that_cannot_stand_in_a_topic_has_none() {
        for bad in ["", "a/b", "a+b", "#", "a\0", "a\nb"] {
            assert_eq!(Topics::new(&bad.into()), None, "{bad:?}");
        }
        assert!(Topics::new(&"临江".into()).is_some());
    }

    #[test]
    fn documents_have_their_topics() {
        let rows = [
            (
                "order/post2/F-20261124-001-1",
                Some("order/post2/F-20261124-001-1"),
            ),
            ("incident/F-20261124-001", Some("alarm/F-20261124-001")),
            ("point/P1-015", Some("status/point/P1-015")),
            ("link/panel1", Some("status/link/panel1")),
            ("order/post2", None),
            ("order/post2/a/b", None),
            ("order//a", None),
            ("order/+/a", None),
            ("incident/#", None),
            ("point/a/b", None),
            ("summary", None),
            ("timeline/F-20261124-001", None),
            ("recipient/post2", None),
        ];
        for (key, topic) in rows {
            assert_eq!(Topics::of_document(key).as_deref(), topic, "{key}");
        }
    }

    #[test]
    fn only_replies_presences_and_own_leftovers_are_read() {
        let reply = Incoming::Reply {
            recipient: "post2".into(),
            order: "o1".into(),
        };
        let presence = Incoming::Presence {
            recipient: "post2".into(),
        };
        let retained = |below: &str| Incoming::Retained {
            below: below.to_owned(),
        };
        let rows = [
            ("fengsui/v1/lin/reply/post2/o1", Some(reply)),
            ("fengsui/v1/lin/presence/post2", Some(presence)),
            (
                "fengsui/v1/lin/order/post2/o1",
                Some(retained("order/post2/o1")),
            ),
            ("fengsui/v1/lin/alarm/F-1", Some(retained("alarm/F-1"))),
            ("fengsui/v1/lin/reply/post2", None),
            ("fengsui/v1/lin/reply/post2/o1/x", None),
            ("fengsui/v1/lin/reply//o1", None),
            ("fengsui/v1/other/reply/post2/o1", None),
            ("fengsui/v2/lin/reply/post2/o1", None),
            ("reply/post2/o1", None),
            ("fengsui/v1/lin/status/daemon", None),
            ("", None),
        ];
        for (topic, incoming) in rows {
            assert_eq!(lin().incoming(topic), incoming, "{topic}");
        }
    }

    #[test]
    fn a_recipient_publishes_its_own_replies_and_presence_and_nothing_else() {
        let rows = [
            ("fengsui/v1/lin/reply/post2/o1", true),
            ("fengsui/v1/lin/presence/post2", true),
            ("fengsui/v1/lin/report/post2", true),
            ("fengsui/v1/lin/report/post1", false),
            ("fengsui/v1/lin/reply/post1/o1", false),
            ("fengsui/v1/lin/presence/post1", false),
            ("fengsui/v1/lin/order/post2/o1", false),
            ("fengsui/v1/lin/order/post1/o1", false),
            ("fengsui/v1/lin/alarm/F-1", false),
            ("fengsui/v1/lin/status/daemon", false),
            ("fengsui/v1/lin/reply/post2/o1/x", false),
            ("fengsui/v1/other/reply/post2/o1", false),
            ("$SYS/broker", false),
        ];
        for (topic, allowed) in rows {
            assert_eq!(lin().may_publish("post2", topic), allowed, "{topic}");
        }
        assert!(lin().may_publish(DAEMON, "fengsui/v1/lin/order/post2/o1"));
        assert!(!lin().may_publish(DAEMON, "fengsui/v1/other/order/post2/o1"));
    }

    #[test]
    fn a_recipient_subscribes_its_own_orders_and_the_common_status_and_nothing_else() {
        let rows = [
            ("fengsui/v1/lin/order/post2/#", true),
            ("fengsui/v1/lin/order/post2/+", true),
            ("fengsui/v1/lin/order/post2/o1", true),
            ("fengsui/v1/lin/status/#", true),
            ("fengsui/v1/lin/status/point/+", true),
            ("fengsui/v1/lin/alarm/#", true),
            ("#", false),
            ("+/#", false),
            ("$SYS/#", false),
            ("fengsui/#", false),
            ("fengsui/v1/+/status/#", false),
            ("fengsui/v1/lin/#", false),
            ("fengsui/v1/lin/+/post2/#", false),
            ("fengsui/v1/lin/order/#", false),
            ("fengsui/v1/lin/order/+/#", false),
            ("fengsui/v1/lin/order/post1/#", false),
            ("fengsui/v1/lin/order/post22/#", false),
            ("fengsui/v1/lin/reply/post2/#", false),
            ("fengsui/v1/lin/presence/post2", false),
            ("$share/g/fengsui/v1/lin/order/post2/#", false),
            ("$share/g/#", false),
        ];
        for (filter, allowed) in rows {
            assert_eq!(lin().may_subscribe("post2", filter), allowed, "{filter}");
        }
        for user in ["", "+", "#", "a/b"] {
            let filter = format!("fengsui/v1/lin/order/{user}/x");
            assert!(!lin().may_subscribe(user, &filter), "{user}");
        }
        assert!(lin().may_subscribe(DAEMON, "fengsui/v1/lin/reply/+/+"));
        assert!(!lin().may_subscribe(DAEMON, "$share/g/fengsui/v1/lin/reply/+/+"));
    }

    #[test]
    fn a_client_id_belongs_to_one_recipient() {
        let rows = [
            ("post1-phone", "post1", true),
            ("post1-b-phone", "post1-b", true),
            ("post1-b-phone", "post1", false),
            ("post1-b", "post1", true),
            ("post1-", "post1", false),
            ("post1", "post1", false),
            ("post11-phone", "post1", false),
            ("fengsui-lin", "post1", false),
            ("", "post1", false),
        ];
        for (client, user, owns) in rows {
            let recipients = ["post1", "post1-b", "post2"].into_iter();
            assert_eq!(is_client_of(client, user, recipients), owns, "{client}");
        }
    }
}
