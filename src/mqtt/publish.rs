//! What is to stand at the broker, and what to send next to make it so. Pure: courier.rs sends.
//!
//! The documents are the truth; there is no queue beside them. Each topic remembers what the broker is known to hold, so a
//! message that was lost is simply due again, an unchanged one is not sent twice, and a topic has at most one message under way:
//! an older revision can never arrive after a newer one. Orders and alarms go first; status of points is coalesced per topic and
//! goes one at a time, so that no order ever waits behind more than one of them. A point at rest has no topic.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::payload::{self, Message, Stand};
use super::topics::{DAEMON_STATUS, Topics};
use crate::domain::ids::OrderId;
use crate::domain::time::WallTime;

/// Most orders, alarms and links under way.
pub(super) const URGENT_MAX: usize = 32;
/// Most messages of points under way.
const BACKGROUND_MAX: usize = 1;

/// What goes before what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Order,
    Alarm,
    Link,
    Point,
}

/// What the broker is known to hold at a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    Nothing,
    /// Something retained that may be anything.
    Something,
    /// Exactly this content, retained.
    Exactly(Arc<str>),
    /// The last word was sent; what is retained still has to go.
    LastWordSent,
}

/// One message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Publish {
    /// Topic below the prefix.
    pub(super) topic: Arc<str>,
    /// Payload; empty to clear what is retained.
    pub(super) payload: Arc<str>,
    /// Whether the broker keeps it.
    pub(super) retain: bool,
}

/// What becomes of the topic once the message under way is acknowledged.
#[derive(Debug)]
struct UnderWay {
    then: Held,
    announces: Option<OrderId>,
}

#[derive(Debug)]
struct Topic {
    class: Class,
    stand: Stand,
    /// A newer document with its entry, not looked at before its turn: thousands of points may change at once, and only the
    /// latest state of each is worth reading.
    unread: Option<(Arc<str>, u64)>,
    /// The document that was read last.
    source: Option<Arc<str>>,
    held: Held,
    under_way: Option<UnderWay>,
    /// Place in the line while something is to send.
    ticket: Option<u64>,
    /// Somebody may not have heard the last word.
    say_again: bool,
}

/// Everything that is to stand at the broker.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    topics: BTreeMap<Arc<str>, Topic>,
    line: BTreeMap<(Class, u64), Arc<str>>,
    tickets: u64,
    urgent: usize,
    background: usize,
}

impl Outbox {
    /// Takes all documents at once; what is no longer among them has ended.
    pub(super) fn snapshot<'a>(
        &mut self,
        documents: impl Iterator<Item = (&'a Arc<str>, &'a Arc<str>)>,
        seq: u64,
    ) {
        let mut gone: BTreeSet<Arc<str>> = self.topics.keys().cloned().collect();
        gone.remove(DAEMON_STATUS);
        for (key, text) in documents {
            if let Some(topic) = Topics::of_document(key) {
                gone.remove(topic.as_str());
                self.document(key, Some(text), seq);
            }
        }
        for topic in gone {
            self.stand(&topic, None);
        }
    }

    /// Takes one document, or that it is gone.
    pub(super) fn document(&mut self, key: &str, text: Option<&Arc<str>>, seq: u64) {
        let (Some(topic), Some((kind, _))) = (Topics::of_document(key), key.split_once('/')) else {
            return;
        };
        let Some(text) = text else {
            return self.stand(&topic, None);
        };
        match kind {
            "order" => self.read(&topic, Class::Order, payload::order(text)),
            "incident" => self.read(&topic, Class::Alarm, payload::alarm(text, seq)),
            "link" => self.keep_unread(&topic, Class::Link, text, seq),
            _ if self.topics.contains_key(topic.as_str()) || !payload::is_at_rest(text) => {
                self.keep_unread(&topic, Class::Point, text, seq);
            }
            // Most points, most of the time.
            _ => {}
        }
    }

    /// Takes one document of a new entry. An order that was given and ended in one entry, as by a report from the scene, still has
    /// a last word that its recipient waits for.
    pub(super) fn changed(&mut self, key: &str, text: Option<&Arc<str>>, seq: u64) {
        let is_new = !self.topics.contains_key(key);
        self.document(key, text, seq);
        if is_new && key.starts_with("order/") {
            self.say_again(key);
        }
    }

    fn read(&mut self, topic: &str, class: Class, stand: Option<Stand>) {
        self.stand(topic, stand.map(|stand| (class, stand)));
    }

    fn keep_unread(&mut self, name: &str, class: Class, text: &Arc<str>, seq: u64) {
        if !self.topics.contains_key(name) {
            self.insert(name, class, Stand::Ended(None));
        }
        if let Some(topic) = self.topics.get_mut(name) {
            let latest = topic.unread.as_ref().map(|(text, _)| text);
            if latest.or(topic.source.as_ref()) == Some(text) {
                return;
            }
            topic.unread = Some((Arc::clone(text), seq));
        }
        self.queue(name);
    }

    /// The daemon says that it is there; the broker may have said the contrary since.
    pub(super) fn daemon(&mut self, message: Message) {
        self.stand(DAEMON_STATUS, Some((Class::Link, Stand::Retained(message))));
        if let Some(daemon) = self.topics.get_mut(DAEMON_STATUS) {
            daemon.held = Held::Something;
        }
        self.queue(DAEMON_STATUS);
    }

    /// The broker retains something at a topic of ours.
    pub(super) fn found(&mut self, topic: &str) {
        if !self.topics.contains_key(topic) {
            let class = match topic.split_once('/') {
                Some(("order", _)) => Class::Order,
                Some(("status", _)) => Class::Point,
                _ => Class::Alarm,
            };
            self.insert(topic, class, Stand::Ended(None));
        }
        if let Some(found) = self.topics.get_mut(topic)
            && found.held == Held::Nothing
            && found.under_way.is_none()
        {
            found.held = Held::Something;
        }
        self.queue(topic);
    }

    /// A recipient's device came back: it may believe that an order is open which ended meanwhile.
    pub(super) fn came_back(&mut self, recipient: &str) {
        let below = format!("order/{recipient}/");
        let all = self
            .topics
            .range::<str, _>((Bound::Included(below.as_str()), Bound::Unbounded));
        let own = all.take_while(|(name, _)| name.starts_with(&below));
        let own: Vec<Arc<str>> = own.map(|(name, _)| Arc::clone(name)).collect();
        for name in own {
            self.say_again(&name);
        }
    }

    /// A device still answers what has ended: it has to hear the last word, and what is heard of its answers.
    pub(super) fn say_again(&mut self, name: &str) {
        if let Some(topic) = self.topics.get_mut(name)
            && matches!(topic.stand, Stand::Ended(Some(_)))
        {
            topic.say_again = true;
            self.queue(name);
        }
    }

    /// The connection is gone. Whatever was under way may or may not have arrived.
    pub(super) fn disconnected(&mut self) {
        self.urgent = 0;
        self.background = 0;
        for topic in self.topics.values_mut() {
            if topic.under_way.take().is_some() {
                topic.held = Held::Something;
            }
        }
        self.queue_all();
    }

    /// A connection is made. It may be to a broker that was killed meanwhile and came back with older files: that it acknowledged a
    /// message, or still knows the session, does not say that it holds the message now. So everything is published again.
    pub(super) fn connected(&mut self) {
        for topic in self.topics.values_mut() {
            if topic.held != Held::Nothing {
                topic.held = Held::Something;
            }
        }
        self.queue_all();
    }

    /// The next message to send, if one may be sent now.
    pub(super) fn next(&mut self, now: WallTime) -> Option<Publish> {
        loop {
            let (&(class, ticket), name) = self.line.first_key_value()?;
            let name = Arc::clone(name);
            let free = match class {
                Class::Order | Class::Alarm | Class::Link => self.urgent < URGENT_MAX,
                Class::Point => self.background < BACKGROUND_MAX,
            };
            if !free {
                return None;
            }
            self.line.remove(&(class, ticket));
            let topic = self.topics.get_mut(&name)?;
            topic.ticket = None;
            topic.read(now);
            // What was read may say nothing new.
            let Some((publish, under_way)) = step(&name, topic) else {
                if topic.is_over() {
                    self.topics.remove(&name);
                }
                continue;
            };
            if publish.retain && topic.held == Held::Nothing {
                topic.held = Held::Something;
            }
            topic.say_again = false;
            topic.under_way = Some(under_way);
            *self.counter(class) += 1;
            return Some(publish);
        }
    }

    /// The broker has the message that was under way. Returns the order that it announced.
    pub(super) fn acknowledged(&mut self, name: &str) -> Option<OrderId> {
        let topic = self.topics.get_mut(name)?;
        let under_way = topic.under_way.take()?;
        topic.held = under_way.then;
        let class = topic.class;
        if topic.is_over() {
            self.topics.remove(name);
        }
        self.leave(class);
        self.queue(name);
        under_way.announces
    }

    /// The broker refused the message; it stays out of the line until [`Outbox::again`].
    pub(super) fn refused(&mut self, name: &str) {
        if let Some(topic) = self.topics.get_mut(name)
            && topic.under_way.take().is_some()
        {
            let class = topic.class;
            self.leave(class);
        }
    }

    /// Puts whatever is still to send back into the line.
    pub(super) fn again(&mut self) {
        self.queue_all();
    }

    fn counter(&mut self, class: Class) -> &mut usize {
        match class {
            Class::Order | Class::Alarm | Class::Link => &mut self.urgent,
            Class::Point => &mut self.background,
        }
    }

    fn leave(&mut self, class: Class) {
        let counter = self.counter(class);
        *counter = counter.saturating_sub(1);
    }

    fn stand(&mut self, name: &str, stand: Option<(Class, Stand)>) {
        match stand {
            Some((class, stand)) => match self.topics.get_mut(name) {
                Some(topic) => {
                    topic.say_again |= is_another_last_word(&topic.stand, &stand);
                    topic.stand = stand;
                }
                None => self.insert(name, class, stand),
            },
            None => {
                let Some(topic) = self.topics.get_mut(name) else {
                    return;
                };
                topic.stand = Stand::Ended(None);
                (topic.unread, topic.source) = (None, None);
                if topic.is_over() {
                    let ticket = topic.ticket.map(|ticket| (topic.class, ticket));
                    ticket.map(|ticket| self.line.remove(&ticket));
                    self.topics.remove(name);
                }
            }
        }
        self.queue(name);
    }

    fn insert(&mut self, name: &str, class: Class, stand: Stand) {
        let topic = Topic {
            class,
            stand,
            unread: None,
            source: None,
            held: Held::Nothing,
            under_way: None,
            ticket: None,
            say_again: false,
        };
        self.topics.insert(name.into(), topic);
    }

    /// Gives a topic a place in the line when it has something to send and none under way.
    fn queue(&mut self, name: &str) {
        let Some((key, _)) = self.topics.get_key_value(name) else {
            return;
        };
        let key = Arc::clone(key);
        let Some(topic) = self.topics.get_mut(name) else {
            return;
        };
        let is_due = topic.unread.is_some() || step(&key, topic).is_some();
        if !is_due || topic.under_way.is_some() || topic.ticket.is_some() {
            return;
        }
        self.tickets += 1;
        topic.ticket = Some(self.tickets);
        self.line.insert((topic.class, self.tickets), key);
    }

    fn queue_all(&mut self) {
        let names: Vec<Arc<str>> = self.topics.keys().cloned().collect();
        for name in names {
            self.queue(&name);
        }
    }
}

impl Topic {
    /// Whether it may be forgotten. An order that has ended may still be answered.
    fn is_over(&self) -> bool {
        let has_ended = match &self.stand {
            Stand::Retained(_) => false,
            Stand::Ended(last) => last.is_none() || self.class == Class::Point,
        };
        let owes = self.unread.is_some() || self.under_way.is_some();
        has_ended && self.held == Held::Nothing && !owes
    }

    /// Looks at the newer document, if there is one.
    fn read(&mut self, now: WallTime) {
        let Some((text, seq)) = self.unread.take() else {
            return;
        };
        let stand = match self.class {
            Class::Link => payload::link(&text, seq, now),
            Class::Point => payload::point(&text, seq, now),
            // Orders and alarms are read as they come.
            Class::Order | Class::Alarm => None,
        };
        self.stand = stand.unwrap_or(Stand::Ended(None));
        self.source = Some(text);
    }
}

/// What ended says more than before: an answer was heard that came late.
fn is_another_last_word(before: &Stand, now: &Stand) -> bool {
    match (before, now) {
        (Stand::Ended(Some(before)), Stand::Ended(Some(now))) => before.content != now.content,
        (Stand::Retained(_) | Stand::Ended(_), Stand::Retained(_) | Stand::Ended(_)) => false,
    }
}

/// What brings a topic one step nearer to where it should stand.
fn step(name: &Arc<str>, topic: &Topic) -> Option<(Publish, UnderWay)> {
    let send = |message: &Message, retain, then| {
        let publish = Publish {
            topic: Arc::clone(name),
            payload: Arc::clone(&message.text),
            retain,
        };
        let announces = message.announces.clone();
        (publish, UnderWay { then, announces })
    };
    match (&topic.stand, &topic.held) {
        (Stand::Retained(message), Held::Exactly(held)) if *held == message.content => None,
        (Stand::Retained(message), _) => {
            let then = Held::Exactly(Arc::clone(&message.content));
            Some(send(message, true, then))
        }
        (Stand::Ended(Some(message)), Held::Nothing | Held::LastWordSent) if topic.say_again => {
            Some(send(message, false, topic.held.clone()))
        }
        (Stand::Ended(_), Held::Nothing) => None,
        (Stand::Ended(Some(message)), Held::Something | Held::Exactly(_)) => {
            Some(send(message, false, Held::LastWordSent))
        }
        (Stand::Ended(_), Held::LastWordSent | Held::Something | Held::Exactly(_)) => {
            let publish = Publish {
                topic: Arc::clone(name),
                payload: "".into(),
                retain: true,
            };
            let under_way = UnderWay {
                then: Held::Nothing,
                announces: None,
            };
            Some((publish, under_way))
        }
    }
}

#[cfg(test)]
mod tests;
