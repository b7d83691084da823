//! A control room for the rules: the small campus, the real engine, a store in memory or on disk, and a stand-in for the field
//! that keeps what it was asked to write.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fengsui::clock::Clock;
use fengsui::config;
use fengsui::domain::actor::{Actor, Role};
use fengsui::domain::input::{Input, Reply, Verb};
use fengsui::domain::order::{Cause, ReplyVerb, Via};
use fengsui::domain::output::WriteOutcome;
use fengsui::domain::point::{Conditions, Quality, Reading};
use fengsui::domain::site::Site;
use fengsui::engine::handle::{Audience, Handle};
use fengsui::engine::ports::{Answer, Field, Store, WriteEffect};
use fengsui::engine::run::{self, Parts, Running};
use fengsui::store::memory::MemoryStore;
use serde_json::{Value, json};

/// Keeps what the field was asked to write.
#[derive(Default)]
struct Asked(Mutex<Vec<WriteEffect>>);

impl Field for Asked {
    fn write(&self, effect: WriteEffect) {
        self.0.lock().expect("not poisoned").push(effect);
    }
}

/// The small campus of the tests.
pub(crate) fn site() -> Site {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/campus");
    match config::load(&folder) {
        Ok(configuration) => configuration.site,
        Err(_) => panic!("the small campus is wrong: see fengsui check --config tests/campus"),
    }
}

/// The room.
pub(crate) struct Room {
    pub(crate) handle: Handle,
    pub(crate) site: Arc<Site>,
    field: Arc<Asked>,
    engine: Option<Running>,
}

impl Room {
    /// Everything up, all posts and persons online, the panel calm.
    pub(crate) fn new() -> Self {
        Self::on(Box::new(MemoryStore::new("rules")), site())
    }

    /// As [`Room::new`], on a store and a site of one's own.
    pub(crate) fn on(store: Box<dyn Store>, site: Site) -> Self {
        let room = Self::bare(store, site);
        for bus in room.site.buses.keys() {
            let up = Input::Link {
                bus: bus.clone(),
                up: true,
                reason: String::new(),
            };
            room.submit(Actor::Field, up).expect("accepted");
        }
        for recipient in room.site.recipients.keys() {
            let input = Input::Presence {
                recipient: recipient.clone(),
                online: true,
                via: Via::Mqtt,
            };
            room.submit(Actor::Recipient(recipient.clone()), input)
                .expect("accepted");
        }
        room.feed_back("P1-KEY", true);
        room.feed_back("P1-MAINS", true);
        room.feed_back("P1-SOUNDERS", false);
        room.until("point/P1-SOUNDERS", |point| point["quality"] == "good");
        room
    }

    /// The engine alone, nothing known of the field.
    pub(crate) fn bare(store: Box<dyn Store>, site: Site) -> Self {
        let (field, shared, clock) = (Arc::new(Asked::default()), run::shared(), Clock::default());
        let site = Arc::new(site);
        let engine = run::spawn(Parts {
            site: Arc::clone(&site),
            config_version: "1".into(),
            store,
            spool: None,
            field: Arc::clone(&field) as Arc<dyn Field>,
            clock: clock.clone(),
            shared: Arc::clone(&shared),
        })
        .expect("a thread");
        let room = Self {
            handle: run::handle(&shared, &clock),
            site,
            field,
            engine: Some(engine),
        };
        room.until("summary", |_| true);
        room
    }

    pub(crate) fn submit(&self, actor: Actor, input: Input) -> Answer {
        let answer = self.handle.enqueue(actor, input, Vec::new());
        answer.blocking_recv().expect("answered")
    }

    pub(crate) fn observe(&self, point: &str, conditions: Conditions) {
        let reading = Reading::new(conditions, Quality::Good, self.handle.now().engine);
        self.handle.observe(&point.into(), reading);
    }

    pub(crate) fn fire(&self, point: &str, fire: bool) {
        let conditions = Conditions {
            fire,
            ..Conditions::default()
        };
        self.observe(point, conditions);
    }

    pub(crate) fn feed_back(&self, point: &str, active: bool) {
        let conditions = Conditions {
            active,
            ..Conditions::default()
        };
        self.observe(point, conditions);
    }

    /// A verb of somebody with a role; the recipient that the account is, if it is one.
    pub(crate) fn verb_as(
        &self,
        role: Role,
        who: Option<&str>,
        case: &str,
        name: &str,
        body: Value,
    ) -> Answer {
        let verb = Verb {
            case: case.into(),
            name: name.into(),
            body,
            role,
            recipient: who.map(Into::into),
            idempotency: None,
        };
        self.submit(Actor::Account("somebody".into()), Input::Verb(verb))
    }

    /// A verb of the operator.
    pub(crate) fn verb(&self, case: &str, name: &str, body: Value) -> Answer {
        self.verb_as(Role::Operator, None, case, name, body)
    }

    pub(crate) fn reply(&self, order: &Value, verb: ReplyVerb, cause: Option<Cause>) -> Answer {
        let recipient = order["recipient"].as_str().expect("a recipient");
        let reply = Reply {
            recipient: recipient.into(),
            order: order["id"].as_str().expect("an id").into(),
            reply_id: format!("{verb:?}"),
            verb,
            cause,
            reason: None,
            via: Via::Mqtt,
            figures: None,
        };
        self.submit(Actor::Recipient(recipient.into()), Input::Reply(reply))
    }

    fn documents(&self) -> impl Iterator<Item = (Arc<str>, Value)> {
        let audience = Audience {
            role: Role::Operator,
            recipient: None,
        };
        let documents = self.handle.snapshot(&audience).by_key.into_iter();
        documents.map(|(key, text)| (key, serde_json::from_str(&text).expect("a document")))
    }

    /// The document whose key begins so, once it is as wanted, within 5 s.
    pub(crate) fn until(&self, prefix: &str, is: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..1_000 {
            let found = self
                .documents()
                .find(|(key, document)| key.starts_with(prefix) && is(document));
            if let Some((_, document)) = found {
                return document;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let all: Vec<_> = self
            .documents()
            .filter(|(key, _)| key.starts_with(prefix))
            .collect();
        panic!("not in 5 s; the documents {prefix} are {all:#?}");
    }

    pub(crate) fn order(&self, kind: &str) -> Value {
        self.until("order/", |order| {
            order["kind"] == kind && order["open"] == true
        })
    }

    /// The commands that the field was asked for since the last call.
    pub(crate) fn asked(&self) -> Vec<WriteEffect> {
        self.field
            .0
            .lock()
            .expect("not poisoned")
            .drain(..)
            .collect()
    }

    /// The names of [`Room::asked`], sorted.
    pub(crate) fn outputs_asked(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .asked()
            .iter()
            .map(|effect| effect.output.to_string())
            .collect();
        names.sort();
        names
    }

    /// Does what a bus does with a command: permit and write.
    pub(crate) fn write(&self, effect: &WriteEffect) -> bool {
        let command = effect.command.clone();
        let permit = self.submit(
            Actor::Field,
            Input::Permit {
                command: command.clone(),
            },
        );
        if permit.expect("answered").granted != Some(true) {
            return false;
        }
        let outcome = WriteOutcome::Written;
        self.submit(Actor::Field, Input::Written { command, outcome })
            .expect("accepted");
        true
    }

    /// An incident of one smoke detector, with its id and the order to the nearest post.
    pub(crate) fn alarm(&self, point: &str) -> (String, Value) {
        self.fire(point, true);
        let alarm = self.until("point/", |document| {
            document["id"] == point && !document["incident"].is_null()
        });
        let id = alarm["incident"].as_str().expect("an id").to_owned();
        let order = self.until("order/", |order| {
            order["incident"] == id && order["kind"] == "verify"
        });
        (id, order)
    }

    /// A confirmed fire.
    pub(crate) fn real_fire(&self, point: &str) -> String {
        let (id, _) = self.alarm(point);
        self.verb(&id, "confirm_fire", json!({}))
            .expect("confirmed");
        self.until(&format!("incident/{id}"), |incident| {
            incident["stage"] == "fighting"
        });
        id
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(engine) = self.engine.take() {
            engine.join();
        }
    }
}

/// A folder for a journal. It is in memory where the system has such a place: what these tests say must not hang on how busy the disk is.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
    folder.expect("a folder")
}
