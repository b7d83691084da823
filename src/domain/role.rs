//! The roles of the organisation and what each may use: one table, read by the procedures, the command line and the adapters.
//!
//! It must never grow into rules of a procedure: whether a step is due, or who holds command, is decided there.

use serde::{Deserialize, Serialize};

/// What a signed-on person is in the organisation. The words are those of the journal and of account rows: none is ever renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees, does nothing.
    Viewer,
    /// 学校归口部门: reads boards, has no operating verbs.
    School,
    /// 岗位: a post's own account, answers its own orders.
    Guard,
    /// 客服: takes calls, so it may record that somebody reports a fire.
    Clerk,
    /// 值班员: duty operator of the control room.
    Operator,
    /// 领班: leads a shift.
    Foreman,
    /// 主管: leads the security department.
    Supervisor,
    /// 项目主任: answers for the campus.
    Director,
    /// 工程: commissions and configures.
    Engineer,
}

/// A class of things that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Sees every document.
    SeeAll,
    /// Sees what stands on boards: the frame, incidents, points, lines; no orders of posts.
    SeeBoards,
    /// Says that there is a fire.
    Report,
    /// Protective verbs: 接警, 消音, 派岗, 确认真火, 119, starting an output. Everyone of the room.
    Protect,
    /// Verbs that follow a verdict: 停止警报, 复位, the checklist of what is restored.
    Settle,
    /// Weakening by decision: linkage to 手动.
    Weaken,
}

impl Power {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::SeeAll,
        Self::SeeBoards,
        Self::Report,
        Self::Protect,
        Self::Settle,
        Self::Weaken,
    ];
}

/// A row of the table.
struct Row {
    role: Role,
    word: &'static str,
    powers: &'static [Power],
}

const EVERYTHING: &[Power] = &Power::ALL;
const OPERATES: &[Power] = &[
    Power::SeeAll,
    Power::SeeBoards,
    Power::Report,
    Power::Protect,
    Power::Settle,
];

/// The table.
#[rustfmt::skip]
const ROLES: [Row; 9] = [
    Row { role: Role::Viewer,     word: "viewer",     powers: &[Power::SeeAll, Power::SeeBoards] },
    Row { role: Role::School,     word: "school",     powers: &[Power::SeeBoards] },
    Row { role: Role::Guard,      word: "guard",      powers: &[Power::Report] },
    Row { role: Role::Clerk,      word: "clerk",      powers: &[Power::SeeAll, Power::SeeBoards, Power::Report] },
    Row { role: Role::Operator,   word: "operator",   powers: OPERATES },
    Row { role: Role::Foreman,    word: "foreman",    powers: EVERYTHING },
    Row { role: Role::Supervisor, word: "supervisor", powers: EVERYTHING },
    Row { role: Role::Director,   word: "director",   powers: EVERYTHING },
    Row { role: Role::Engineer,   word: "engineer",   powers: EVERYTHING },
];

impl Role {
    /// Every role.
    pub fn all() -> impl Iterator<Item = Self> {
        ROLES.iter().map(|row| row.role)
    }

    /// Whether this role may use a class of verbs.
    #[must_use]
    pub fn may(self, power: Power) -> bool {
        let row = ROLES.iter().find(|row| row.role == self);
        row.is_some_and(|row| row.powers.contains(&power))
    }

    /// Whether this role belongs to the control room and so may use every protective verb.
    #[must_use]
    pub fn is_of_the_room(self) -> bool {
        self.may(Power::Protect)
    }

    /// Its word in rows and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        let row = ROLES.iter().find(|row| row.role == self);
        row.map_or("", |row| row.word)
    }

    /// The role of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        let row = ROLES.iter().find(|row| row.word == word);
        row.map(|row| row.role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_one_row_whose_word_is_the_one_of_the_journal() {
        for role in Role::all() {
            let word = serde_json::to_value(role).expect("a word");
            assert_eq!(word, role.word());
            assert_eq!(Role::of_word(role.word()), Some(role));
        }
        // Words that stand in journals and account rows of releases.
        for released in ["viewer", "guard", "operator", "supervisor", "engineer"] {
            assert!(Role::of_word(released).is_some(), "{released}");
        }
        assert_eq!(Role::of_word("chief"), None);
    }

    #[test]
    fn who_protects_also_sees_and_who_weakens_also_protects() {
        for role in Role::all() {
            assert!(!role.may(Power::Protect) || role.may(Power::SeeAll));
            assert!(!role.may(Power::Weaken) || role.may(Power::Protect));
            assert!(!role.may(Power::Settle) || role.may(Power::Protect));
        }
    }

    #[test]
    fn school_and_viewer_operate_nothing_and_a_guard_and_a_clerk_report_alone() {
        let operating = [Power::Report, Power::Protect, Power::Settle, Power::Weaken];
        for role in [Role::School, Role::Viewer] {
            assert!(operating.iter().all(|power| !role.may(*power)));
        }
        for role in [Role::Guard, Role::Clerk] {
            let may = operating.iter().filter(|power| role.may(**power));
            assert_eq!(may.collect::<Vec<_>>(), [&Power::Report]);
        }
        assert!(!Role::School.may(Power::SeeAll) && !Role::Guard.may(Power::SeeBoards));
        assert!(!Role::Operator.may(Power::Weaken));
    }
}
