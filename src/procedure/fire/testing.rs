//! A fire played by hand: the pure core with a clock that the test moves. No thread, no store.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Incident, Order};
use crate::domain::actor::{Actor, Role};
use crate::domain::ids::CommandId;
use crate::domain::input::{Input, Observation, Reply, Request, Verb};
use crate::domain::order::{Cause, Figures, ReplyVerb, Via};
use crate::domain::output::{CommandState, WriteOutcome};
use crate::domain::point::{Conditions, Quality, Reading};
use crate::domain::site::Site;
use crate::domain::time::{EngineTime, Now, WallTime};
use crate::engine::ledger::Ledger;
use crate::engine::ports::{Answer, Done, Head, Problem};
use crate::engine::testing::dormitory;
use crate::procedure::view::{self, Erasable, Viewer};

/// The dormitory of the engine's tests, everybody there.
pub(crate) struct Play {
    pub(crate) ledger: Ledger,
    pub(crate) now: Now,
    pub(crate) erasable: Erasable,
    replies: u32,
}

impl Play {
    /// Everybody is there.
    pub(crate) fn new() -> Self {
        Self::on(dormitory())
    }

    pub(crate) fn on(site: Site) -> Self {
        let mut play = Self::alone(site);
        let everybody: Vec<_> = play.ledger.site.recipients.keys().cloned().collect();
        for id in everybody {
            play.presence(id.as_str(), true);
        }
        play
    }

    /// Nothing is known of anybody.
    pub(crate) fn alone(site: Site) -> Self {
        let head = Head {
            journal_id: "play".into(),
            seq: 0,
            hash: [0; 32],
            epoch: 1,
            engine_time: EngineTime(0),
            wall_time: WallTime(0),
        };
        let now = Now {
            engine: EngineTime(0),
            wall: WallTime(1_767_225_600_000),
        };
        let mut play = Self {
            ledger: Ledger::new(Arc::new(site), head, "1".into()),
            now,
            erasable: Erasable::default(),
            replies: 0,
        };
        play.restart();
        play
    }

    /// The daemon starts anew: nobody's presence is known.
    pub(crate) fn restart(&mut self) {
        let started = Input::Started {
            boot_id: "boot".into(),
            boot_ms_at_zero: 0,
            program: "test".into(),
        };
        self.take(Actor::System, started).expect("accepted");
    }

    pub(crate) fn take(&mut self, actor: Actor, input: Input) -> Answer {
        self.ledger.take(self.now, &Request { actor, input }).answer
    }

    pub(crate) fn presence(&mut self, recipient: &str, online: bool) {
        let input = Input::Presence {
            recipient: recipient.into(),
            online,
            via: Via::Mqtt,
        };
        self.take(Actor::Recipient(recipient.into()), input)
            .expect("accepted");
    }

    /// Time passes, and every limit with it.
    pub(crate) fn wait(&mut self, seconds: u64) {
        let end = self.now.engine + Duration::from_secs(seconds);
        while let Some(due) = self.ledger.next_due().filter(|due| *due <= end) {
            self.move_to(due.max(self.now.engine));
            let Some(cell) = self.ledger.pop_due(due) else {
                break;
            };
            let cell = cell.to_string();
            self.take(Actor::System, Input::Due { cell })
                .expect("accepted");
        }
        self.move_to(end);
    }

    fn move_to(&mut self, engine: EngineTime) {
        let by = engine.0 - self.now.engine.0;
        self.now.engine = engine;
        self.now.wall.0 += by;
    }

    pub(crate) fn fire(&mut self, point: &str, fire: bool) {
        let observation = Observation {
            point: point.into(),
            latest: Reading::new(
                Conditions {
                    fire,
                    ..Conditions::default()
                },
                Quality::Good,
                self.now.engine,
            ),
            edge: None,
            missed_edges: 0,
        };
        self.take(Actor::Field, Input::Observed(observation))
            .expect("accepted");
    }

    /// A verb of an account with a role; the recipient that it is, if it is one.
    pub(crate) fn verb_as(
        &mut self,
        (account, role, recipient): (&str, Role, Option<&str>),
        case: &str,
        name: &str,
        body: Value,
    ) -> Answer {
        let verb = Verb {
            case: case.into(),
            name: name.into(),
            body,
            role,
            recipient: recipient.map(Into::into),
            idempotency: None,
        };
        self.take(Actor::Account(account.into()), Input::Verb(verb))
    }

    /// A verb of the operator on the incident that is open.
    pub(crate) fn verb(&mut self, name: &str, body: Value) -> Answer {
        let case = self.incident().id.to_string();
        self.verb_as(("operator", Role::Operator, None), &case, name, body)
    }

    /// A verb of the room as a whole.
    pub(crate) fn site_verb(&mut self, name: &str, body: Value) -> Answer {
        self.verb_as(("operator", Role::Operator, None), "site", name, body)
    }

    /// A verb of a recipient who has an account as supervisor.
    pub(crate) fn verb_of(&mut self, recipient: &str, name: &str, body: Value) -> Answer {
        let case = self.incident().id.to_string();
        let who = (recipient, Role::Supervisor, Some(recipient));
        self.verb_as(who, &case, name, body)
    }

    /// The latest order to a recipient that is open and of this kind or group.
    pub(crate) fn order(&self, recipient: &str, what: &str) -> Order {
        self.orders(what)
            .into_iter()
            .rfind(|order| order.given.recipient.as_str() == recipient)
            .unwrap_or_else(|| panic!("{recipient} has no order {what}"))
    }

    /// Orders of a kind or of a group, oldest first.
    pub(crate) fn orders(&self, what: &str) -> Vec<Order> {
        let is =
            |order: &&Order| json!(order.given.kind) == what || json!(order.given.group) == what;
        let mut orders: Vec<Order> = self
            .incident()
            .orders
            .values()
            .filter(is)
            .cloned()
            .collect();
        orders.sort_by_key(Order::number);
        orders
    }

    /// Whom orders of a kind or group went to.
    pub(crate) fn ordered(&self, what: &str) -> Vec<String> {
        let orders = self.orders(what).into_iter();
        orders
            .map(|order| order.given.recipient.to_string())
            .collect()
    }

    pub(crate) fn reply(&mut self, order: &Order, verb: ReplyVerb) -> Answer {
        self.reply_with(order, verb, Figures::default())
    }

    pub(crate) fn reply_with(
        &mut self,
        order: &Order,
        verb: ReplyVerb,
        figures: Figures,
    ) -> Answer {
        let cause = (verb == ReplyVerb::ReportFalse).then_some(Cause::Dust);
        self.replies += 1;
        let reply = Reply {
            recipient: order.given.recipient.clone(),
            order: order.given.id.clone(),
            reply_id: format!("reply-{}", self.replies),
            verb,
            cause,
            reason: None,
            via: Via::Mqtt,
            figures: figures.given(),
        };
        let actor = Actor::Recipient(order.given.recipient.clone());
        self.take(actor, Input::Reply(reply))
    }

    /// The incident that was opened last.
    pub(crate) fn incident(&self) -> &Incident {
        let incidents = self.ledger.campus.incidents.values();
        incidents.last().expect("an incident")
    }

    /// A fire that the operator confirmed; he has taken it.
    pub(crate) fn confirmed() -> Self {
        let mut play = Self::new();
        play.burn();
        play
    }

    pub(crate) fn burn(&mut self) {
        self.fire("P1-015", true);
        self.verb("take", json!({})).expect("taken");
        self.verb("confirm_fire", json!({})).expect("confirmed");
    }

    /// A dormitory whose outputs can be seen.
    pub(crate) fn seen() -> Self {
        let mut play = Self::new();
        let up = Input::Link {
            bus: "io1".into(),
            up: true,
            reason: String::new(),
        };
        play.take(Actor::Field, up).expect("accepted");
        play
    }

    pub(crate) fn permit(&mut self, command: &str) -> bool {
        let command = CommandId::from(command);
        let asked = self.take(Actor::Field, Input::Permit { command });
        asked.expect("an answer").granted == Some(true)
    }

    pub(crate) fn written(&mut self, command: &str) {
        self.became(command, WriteOutcome::Written);
    }

    pub(crate) fn became(&mut self, command: &str, outcome: WriteOutcome) {
        let command = CommandId::from(command);
        self.take(Actor::Field, Input::Written { command, outcome })
            .expect("accepted");
    }

    pub(crate) fn shows(&mut self, point: &str, active: bool) {
        let conditions = Conditions {
            active,
            ..Conditions::default()
        };
        let observation = Observation {
            point: point.into(),
            latest: Reading::new(conditions, Quality::Good, self.now.engine),
            edge: None,
            missed_edges: 0,
        };
        self.take(Actor::Field, Input::Observed(observation))
            .expect("accepted");
    }

    pub(crate) fn state_of(&self, output: &str) -> Option<CommandState> {
        let state = self.ledger.campus.outputs.get(output);
        state.map(|state| state.state)
    }

    /// A document as the pages get it.
    pub(crate) fn document(&self, key: &str) -> Value {
        let viewer = Viewer {
            campus: &self.ledger.campus,
            site: &self.ledger.site,
            erasable: &self.erasable,
        };
        let mut found = None;
        view::all(&viewer, |named, document| {
            if named == key {
                found = document;
            }
        });
        found.unwrap_or_else(|| panic!("no document {key}"))
    }

    pub(crate) fn incident_document(&self) -> Value {
        self.document(&format!("incident/{}", self.incident().id))
    }

    /// The timeline's keys, oldest first.
    pub(crate) fn said(&self) -> Vec<String> {
        let lines = self.incident().timeline.lines.iter();
        lines.map(|line| line.key.clone()).collect()
    }
}

/// The code with which a verb was refused.
pub(crate) fn code(answer: Answer) -> String {
    refused(answer).code
}

pub(crate) fn refused(answer: Answer) -> Problem {
    match answer {
        Ok(Done { seq, .. }) => panic!("accepted as entry {seq}"),
        Err(problem) => problem,
    }
}
