//! Carries orders out and replies in, over one connection after the other.
//!
//! It subscribes before it publishes, acknowledges a reply only after its commit, and takes who answers from the topic. It keeps
//! no queue: what is to send is in the outbox, which follows the documents.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use thiserror::Error;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::endpoint::{Endpoint, NoWay, Way};
use super::link::{self, Access, Connection, Event, Later, Lost, Received, Sent};
use super::pace::Paces;
use super::payload::{self, Strays};
use super::presence::Presences;
use super::publish::Outbox;
use super::retry::{self, Backoff, Outcome};
use super::session::{Session, Settled};
use super::times::Times;
use super::topics::{DAEMON, DAEMON_STATUS, Incoming, Topics};
use crate::domain::actor::{Actor, Role};
use crate::domain::ids::{OrderId, RecipientId};
use crate::domain::input::{self, Input};
use crate::domain::order::{ReplyVerb, Via};
use crate::domain::site::Site;
use crate::engine::handle::{Audience, Change, Handle};

/// Most messages without acknowledgement that may wait with the others; beyond it they are dropped. The others are bounded by
/// what the broker may send.
const UNACKNOWLEDGED_MAX: usize = 128;
/// How long devices have to come back after the link was made, before they are taken for gone.
const PRESENCE_GRACE: Duration = Duration::from_secs(10);
/// How long the last words of a daemon that stops may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why there is no link.
#[derive(Debug, Error)]
enum Away {
    #[error(transparent)]
    Lost(#[from] Lost),
    #[error(transparent)]
    NoWay(#[from] NoWay),
}

/// The courier with all it remembers between two connections.
pub(super) struct Courier {
    topics: Topics,
    site: Arc<Site>,
    handle: Handle,
    endpoint: Arc<Endpoint>,
    stop: CancellationToken,
    outbox: Outbox,
    presences: Presences,
    paces: Paces,
    strays: Strays,
    times: Times,
    /// What the engine was told of the broker.
    told_up: Option<bool>,
    /// Orders that the broker has and the engine does not know of yet.
    announced: Vec<OrderId>,
}

impl Courier {
    /// A courier that has not been anywhere yet.
    pub(super) fn new(
        topics: Topics,
        site: Arc<Site>,
        handle: Handle,
        endpoint: Arc<Endpoint>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            topics,
            site,
            handle,
            endpoint,
            stop,
            outbox: Outbox::default(),
            presences: Presences::default(),
            paces: Paces::default(),
            strays: Strays::default(),
            times: Times::default(),
            told_up: None,
            announced: Vec::new(),
        }
    }

    /// Keeps a link until the daemon stops.
    pub(super) async fn keep(mut self) {
        let stop = self.stop.clone();
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            let way = tokio::select! {
                way = self.endpoint.way() => way,
                () = stop.cancelled() => break,
            };
            let away = match way {
                Ok(way) => match self.session(way).await {
                    Ok(()) => break,
                    Err(lost) => lost.into(),
                },
                Err(no_way) => Away::from(no_way),
            };
            self.outbox.disconnected();
            if self.told_up == Some(true) || matches!(away, Away::NoWay(NoWay::NotYet)) {
                backoff = Backoff::default();
            }
            if self.told_up != Some(false) {
                tracing::warn!(
                    error = &away as &dyn std::error::Error,
                    "no link to the broker"
                );
            }
            // Presences stay as they are: that the link is down says nothing about the posts, and each of them would be ordered
            // about by radio for it. Who is still there is heard when the link is made again.
            self.tell_up(false);
            backoff.pause(&stop).await;
        }
    }

    fn farewell(&self, seq: u64) -> String {
        let now = self.handle.now().wall;
        payload::daemon(false, "", seq, now).text.to_string()
    }

    /// One connection from its first packet to its end. Ok when the daemon stops.
    async fn session(&mut self, way: Way) -> Result<(), Lost> {
        let access = Access {
            way,
            client: format!("{DAEMON}-{}", self.topics.site()),
            will: (self.topics.full(DAEMON_STATUS), self.farewell(0)),
        };
        let (connection, wire, mut events) = link::connect(access);
        let wire = wire.run();
        tokio::pin!(wire);
        let mut session = Session::new(connection, self.handle.changes());
        let stop = self.stop.clone();
        while !stop.is_cancelled() {
            // In no fixed order, so that no flood of one kind keeps the others waiting.
            tokio::select! {
                () = stop.cancelled() => {}
                lost = &mut wire => return Err(lost),
                Some(event) = events.recv() => self.event(&mut session, event)?,
                Some(settled) = session.sent.next(), if !session.sent.is_empty() => {
                    self.settled(&mut session, settled)?;
                }
                Some((received, outcome)) = session.waiting.next(), if !session.waiting.is_empty() => {
                    acknowledge(&session.connection, &received, outcome)?;
                }
                change = session.changes.recv(), if session.is_subscribed => {
                    self.changed(&mut session, change);
                }
                () = until(session.settle_at), if session.settle_at.is_some() => {
                    session.settle_at = None;
                    self.presences.settle();
                }
                () = until(session.again_at), if session.again_at.is_some() => {
                    session.again_at = None;
                    self.outbox.again();
                }
            }
            self.tell(&mut session);
            self.pump(&mut session)?;
        }
        drop(events);
        let goodbye = self.goodbye(session, wire);
        if tokio::time::timeout(GOODBYE, goodbye).await.is_err() {
            tracing::debug!("the broker did not hear the last words");
        }
        Ok(())
    }

    fn event(&mut self, session: &mut Session, event: Event) -> Result<(), Lost> {
        match event {
            Event::Connected => {
                self.outbox.connected();
                let answer = session.connection.subscribe(self.topics.inbox())?;
                session
                    .sent
                    .push(Box::pin(async move { (None, answer.await) }));
            }
            Event::Message(received) => self.received(session, received),
        }
        Ok(())
    }

    /// The broker sends what it has for us from now on.
    fn subscribed(&mut self, session: &mut Session) {
        session.is_subscribed = true;
        self.presences.reconnected();
        session.settle_at = Some(Instant::now() + PRESENCE_GRACE);
        self.snapshot(session);
        if self.told_up != Some(true) {
            tracing::info!("the link to the broker is there");
        }
        self.tell_up(true);
    }

    /// All documents at once: at every connect, and when too many changes were missed.
    fn snapshot(&mut self, session: &mut Session) {
        let everything = Audience {
            role: Role::Engineer,
            recipient: None,
        };
        let documents = self.handle.snapshot(&everything);
        if documents.by_key.is_empty() {
            return;
        }
        let now = self.handle.now().wall;
        session.seq = documents.seq;
        self.outbox.snapshot(documents.by_key.iter(), documents.seq);
        if !session.is_loaded {
            session.is_loaded = true;
            for recipient in self.presences.here() {
                self.outbox.came_back(recipient.as_str());
            }
            // Behind every open order, so that whoever hears it has heard them all.
            let hello = payload::daemon(true, &documents.journal_id, documents.seq, now);
            self.outbox.daemon(hello);
        }
    }

    fn changed(&mut self, session: &mut Session, change: Result<Arc<Change>, RecvError>) {
        let change = match change {
            Ok(change) if session.is_loaded => change,
            Ok(_) | Err(RecvError::Lagged(_)) => return self.snapshot(session),
            Err(RecvError::Closed) => {
                // The engine has ended; so will the daemon.
                session.is_subscribed = false;
                return;
            }
        };
        if change.seq <= session.seq {
            return;
        }
        session.seq = change.seq;
        for (key, text) in &change.documents {
            self.times.committed(key);
            self.outbox.changed(key, text.as_ref(), change.seq);
        }
    }

    fn received(&mut self, session: &mut Session, received: Received) {
        let topic = received.topic();
        if !received.needs_acknowledgement() && session.waiting.len() >= UNACKNOWLEDGED_MAX {
            return self.strays.count(&topic, &"too many messages wait");
        }
        let waits: Later<Outcome> = match self.topics.incoming(&topic) {
            Some(Incoming::Reply { recipient, order }) => {
                match self.reply(recipient, order, received.payload()) {
                    Ok(waits) => waits,
                    Err(why) => {
                        self.strays.count(&topic, &why);
                        nothing()
                    }
                }
            }
            Some(Incoming::Report { recipient }) => {
                match self.report(recipient, received.payload()) {
                    Ok(waits) => waits,
                    Err(why) => {
                        self.strays.count(&topic, &why);
                        nothing()
                    }
                }
            }
            Some(Incoming::Presence { recipient }) => {
                self.presence(&topic, &recipient, received.payload());
                nothing()
            }
            Some(Incoming::Retained { below }) => {
                if received.is_retained() {
                    self.outbox.found(&below);
                }
                nothing()
            }
            None => {
                self.strays.count(&topic, &"the topic is none of ours");
                nothing()
            }
        };
        let waits = async move { (received, waits.await) };
        session.waiting.push_back(Box::pin(waits));
    }

    /// Puts a reply in. An error is for good: the message is acknowledged and forgotten.
    fn reply(
        &mut self,
        recipient: RecipientId,
        order: OrderId,
        payload: &[u8],
    ) -> Result<Later<Outcome>, String> {
        if !self.site.recipients.contains_key(&recipient) {
            return Err("there is no such recipient".to_owned());
        }
        let now = self.handle.now().engine;
        let reply =
            payload::reply(recipient.clone(), order, payload).map_err(|error| error.to_string())?;
        if !self.paces.take(&recipient, now) {
            return Err("the recipient answers too fast".to_owned());
        }
        self.answer_again(&reply);
        if reply.verb == ReplyVerb::Received {
            self.times.received(&self.handle, &reply.order);
        }
        crate::crash::point("reply_received_before_commit");
        let actor = Actor::Recipient(recipient);
        let outcome = retry::submit(&self.handle, actor, Input::Reply(reply));
        Ok(Box::pin(outcome))
    }

    /// Puts a report from the scene in, as a reply.
    fn report(&mut self, recipient: RecipientId, payload: &[u8]) -> Result<Later<Outcome>, String> {
        if !self.site.recipients.contains_key(&recipient) {
            return Err("there is no such recipient".to_owned());
        }
        let now = self.handle.now().engine;
        let report =
            payload::report(recipient.clone(), payload).map_err(|error| error.to_string())?;
        if !self.paces.take(&recipient, now) {
            return Err("the recipient reports too fast".to_owned());
        }
        let actor = Actor::Recipient(recipient);
        let outcome = retry::submit(&self.handle, actor, Input::Report(report));
        Ok(Box::pin(outcome))
    }

    /// Whoever says again what was heard of an order that is over has not heard so. A new answer changes the document, and that is
    /// said by itself.
    fn answer_again(&mut self, reply: &input::Reply) {
        let key = format!("order/{}/{}", reply.recipient, reply.order);
        let document = self.handle.document(&key);
        let id = format!("\"{}\"", reply.reply_id);
        if document.is_some_and(|document| document.contains(&id)) {
            self.outbox.say_again(&key);
        }
    }

    fn presence(&mut self, topic: &str, recipient: &RecipientId, payload: &[u8]) {
        if payload.is_empty() {
            return;
        }
        let read = payload::presence(payload);
        match read {
            Ok(presence) if self.site.recipients.contains_key(recipient) => {
                let now = self.handle.now().engine;
                if self.presences.heard(recipient, presence) && self.paces.take(recipient, now) {
                    self.outbox.came_back(recipient.as_str());
                }
            }
            Ok(_) => self.strays.count(topic, &"there is no such recipient"),
            Err(error) => self.strays.count(topic, &error),
        }
    }

    fn settled(&mut self, session: &mut Session, settled: Settled) -> Result<(), Lost> {
        match settled {
            (_, Sent::Silent) => return Err(Lost::Silent),
            (None, Sent::Acknowledged) => self.subscribed(session),
            (None, Sent::Refused(why)) => return Err(Lost::Subscription(why)),
            (None, Sent::Gone) => return Err(Lost::Subscription("it was not sent".to_owned())),
            (Some(topic), Sent::Acknowledged) => {
                let announces = self.outbox.acknowledged(&topic);
                let handle = &self.handle;
                self.times.published(handle, &topic, announces.as_ref());
                if let Some(order) = announces {
                    crate::crash::point("order_published_before_at_broker");
                    self.announced.push(order);
                }
            }
            (Some(topic), Sent::Refused(why)) => {
                tracing::warn!(mqtt.topic = %topic, why, "the broker refused a message; it is tried again");
                self.outbox.refused(&topic);
                session.again_soon();
            }
            (Some(topic), Sent::Gone) => {
                self.outbox.refused(&topic);
                session.again_soon();
            }
        }
        Ok(())
    }

    /// Tells the engine what it does not know yet; what it is too busy for is told again.
    fn tell(&mut self, session: &mut Session) {
        let now = self.handle.now().engine;
        for (recipient, online) in self.presences.news() {
            let input = Input::Presence {
                recipient: recipient.clone(),
                online,
                via: Via::Mqtt,
            };
            let actor = Actor::Recipient(recipient.clone());
            if self.presences.may_tell(&recipient, now) && retry::put(&self.handle, actor, input) {
                self.presences.told(recipient, online, now);
            } else {
                session.again_soon();
            }
        }
        let handle = &self.handle;
        self.announced.retain(|order| {
            let order = order.clone();
            !retry::put(handle, Actor::System, Input::AtBroker { order })
        });
        if !self.announced.is_empty() {
            session.again_soon();
        }
        if session.is_subscribed {
            self.tell_up(true);
            if self.told_up != Some(true) {
                session.again_soon();
            }
        }
    }

    fn tell_up(&mut self, up: bool) {
        if self.told_up != Some(up) && retry::put(&self.handle, Actor::System, Input::Broker { up })
        {
            self.told_up = Some(up);
        }
    }

    /// Sends whatever may be sent now.
    fn pump(&mut self, session: &mut Session) -> Result<(), Lost> {
        if !session.is_subscribed || !session.is_loaded {
            return Ok(());
        }
        let now = self.handle.now().wall;
        while let Some(publish) = self.outbox.next(now) {
            let full = self.topics.full(&publish.topic);
            let sent = session
                .connection
                .publish(full, &publish.payload, publish.retain)?;
            session.sent.push(Box::pin(async move {
                let topic = publish.topic;
                (Some(topic), sent.await)
            }));
        }
        Ok(())
    }

    /// Says that the daemon is going, and takes its last will back by leaving in order.
    async fn goodbye(
        &self,
        session: Session,
        mut wire: std::pin::Pin<&mut impl Future<Output = Lost>>,
    ) {
        let Session {
            connection, seq, ..
        } = session;
        let topic = self.topics.full(DAEMON_STATUS);
        if let Ok(sent) = connection.publish(topic, &self.farewell(seq), true) {
            tokio::select! {
                _ = sent => {}
                _ = &mut wire => return,
            }
        }
        if connection.leave() {
            wire.await;
        }
    }
}

/// For a message that asks nothing of the engine.
fn nothing() -> Later<Outcome> {
    Box::pin(std::future::ready(Outcome::Nothing))
}

/// Acknowledges a message whose input is committed, refused for good, or none.
fn acknowledge(connection: &Connection, received: &Received, outcome: Outcome) -> Result<(), Lost> {
    match outcome {
        Outcome::Committed => crate::crash::point("reply_committed_before_ack"),
        Outcome::Refused(code) => tracing::debug!(code, "a reply was refused"),
        Outcome::Nothing => {}
        // Nothing was decided: the broker must send it again.
        Outcome::Stopped => return Ok(()),
    }
    connection.acknowledge(received)
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
