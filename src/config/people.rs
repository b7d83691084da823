//! `[[recipients]]` and `[[groups]]` of site.toml, and who of the recipients commands.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::names::{Noun, Word};
use super::scope::Scope;
use super::section::Section;
use super::site::{by_id, ids};
use crate::domain::group::{Group, GroupId};
use crate::domain::ids::RecipientId;
use crate::domain::site::{Recipient, RecipientKind};
use crate::domain::text::Text;

/// The MQTT user name of the daemon itself.
const RESERVED: &str = "fengsui";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipientEntry {
    id: Word,
    kind: Kind,
    name: Word,
    place: Spanned<Text>,
    node: Option<Word>,
    plan_place: Option<(f64, f64)>,
    radio: Option<Word>,
    may_leave: Option<bool>,
    #[serde(default)]
    keys: Vec<Word>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Post,
    Person,
}

/// Reads `[[recipients]]`.
pub(super) fn read(
    file: &mut Section<'_>,
    scope: &mut Scope<'_>,
) -> BTreeMap<RecipientId, Recipient> {
    let entries = file.list("recipients", scope.reports);
    by_id(entries, |entry| Some(read_recipient(entry, scope)))
}

fn read_recipient(entry: RecipientEntry, scope: &mut Scope<'_>) -> (RecipientId, Recipient) {
    scope.refer_all(Noun::Node, &entry.node);
    scope.refer_all(Noun::Building, &entry.keys);
    if entry.id.as_ref() == RESERVED {
        scope.error(
            entry.id.span(),
            "`fengsui` is the daemon's own name at the broker",
            "give the recipient another id",
        );
    }
    if entry.kind == Kind::Post && entry.node.is_none() {
        let message = format!("post `{}` stands nowhere", entry.id.as_ref());
        let help =
            "add `node = \"…\"`, the place of the routes where it stands; only then can it be sent";
        scope.error(entry.id.span(), message, help);
    }
    let id: RecipientId = entry.id.into_inner().into();
    let recipient = Recipient {
        id: id.clone(),
        kind: match entry.kind {
            Kind::Post => RecipientKind::Post,
            Kind::Person => RecipientKind::Person,
        },
        name: scope.filled(entry.name, "name"),
        place: scope.text(entry.place),
        node: entry.node.map(|node| node.into_inner().into()),
        plan_place: entry.plan_place,
        radio: entry.radio.map(|radio| scope.filled(radio, "radio")),
        may_leave: entry.may_leave.unwrap_or(entry.kind == Kind::Post),
        keys: ids(entry.keys),
    };
    (id, recipient)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupEntry {
    id: Spanned<GroupId>,
    leader: Word,
    #[serde(default)]
    deputies: Vec<Word>,
}

/// Reads `[[groups]]`. A group that is missing is no error: it is shown red at a fire.
pub(super) fn read_groups(
    file: &mut Section<'_>,
    scope: &mut Scope<'_>,
) -> BTreeMap<GroupId, Group> {
    let entries: Vec<GroupEntry> = file.list("groups", scope.reports);
    let mut first: BTreeMap<GroupId, Range<usize>> = BTreeMap::new();
    for entry in &entries {
        let id = entry.id.as_ref();
        if let Some(first) = first.insert(*id, entry.id.span()) {
            let message = format!("group `{}` stands twice", id.word());
            scope.clash(entry.id.span(), first, message, "delete one of the two");
        }
    }
    by_id(entries, |entry| Some(read_group(entry, scope)))
}

fn read_group(entry: GroupEntry, scope: &mut Scope<'_>) -> (GroupId, Group) {
    let id = entry.id.into_inner();
    scope.refer(Noun::Recipient, &entry.leader);
    scope.refer_all(Noun::Recipient, &entry.deputies);
    let mut seen = BTreeMap::from([(entry.leader.as_ref(), &entry.leader)]);
    for deputy in &entry.deputies {
        if let Some(first) = seen.insert(deputy.as_ref(), deputy) {
            let message = format!(
                "`{}` stands twice in group `{}`",
                deputy.as_ref(),
                id.word()
            );
            scope.clash(
                deputy.span(),
                first.span(),
                message,
                "name somebody else, or nobody",
            );
        }
    }
    let group = Group {
        id,
        leader: entry.leader.into_inner().into(),
        deputies: ids(entry.deputies),
    };
    (id, group)
}

/// Who the confirmed fire is reported to and who takes command.
pub(super) fn check_command(
    succession: &Spanned<Vec<Word>>,
    commander: &Word,
    scope: &mut Scope<'_>,
) {
    scope.refer(Noun::Recipient, commander);
    scope.refer_all(Noun::Recipient, succession.as_ref());
    if succession.as_ref().is_empty() {
        scope.error(
            succession.span(),
            "nobody takes command at a confirmed fire",
            "name at least one recipient, the first to be asked first",
        );
    }
    let mut seen: BTreeMap<&str, &Word> = BTreeMap::new();
    for word in succession.as_ref() {
        if let Some(first) = seen.insert(word.as_ref(), word) {
            let message = format!("`{}` stands twice in the succession", word.as_ref());
            scope.clash(word.span(), first.span(), message, "delete one of the two");
        }
    }
}
