//! The daemon's link to its broker: the only file that names `rumqttc`.
//!
//! Owns one connection at a time. It subscribes before it publishes, acknowledges a reply only after its commit, and takes who
//! answers from the topic. A lost connection is thrown away whole, with everything under way: what is still to send comes from
//! the documents again (publish.rs), what was not acknowledged the broker sends again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{FuturesOrdered, FuturesUnordered};
use rumqttc::mqttbytes::QoS;
use rumqttc::{
    AckMode, AsyncClient, BrokerSessionResumePolicy, ConnectionError, Event, EventLoop, LastWill,
    MqttOptions, NetworkOptions, Packet, PubAckReason, Publish as Received, PublishNoticeError,
    PublishOptions, PublishResult, SessionMode, SubAck, SubscribeFilterInput, SubscribeNoticeError,
    SubscribeReasonCode,
};
use thiserror::Error;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::payload::{self, Strays};
use super::presence::Presences;
use super::publish::{Outbox, Publish};
use super::retry::{self, Backoff};
use super::topics::{DAEMON, DAEMON_STATUS, Inbox, Incoming, Topics};
use crate::domain::actor::{Actor, Role};
use crate::domain::ids::OrderId;
use crate::domain::input::Input;
use crate::engine::handle::{Audience, Change, Handle};
use crate::engine::ports::Answer;

/// A dead broker is noticed after one and a half of these.
const KEEP_ALIVE_S: u16 = 5;
/// How long the broker keeps replies for a daemon that is away.
const SESSION_KEPT_S: u32 = 24 * 3_600;
/// Most messages that the broker may send before it has acknowledgements.
const RECEIVE_MAX: u16 = 128;
/// Most replies that wait for their commit; those sent without QoS are dropped beyond it, and their devices repeat them.
const REPLIES_MAX: usize = 256;
/// Room for requests to the connection: the windows of publish.rs, every acknowledgement, and the subscription.
const REQUESTS_MAX: usize = 512;
/// Largest packet that is read.
const PACKET_MAX: u32 = 1024 * 1024;
/// How long the broker inside may take to start before it is called away.
const BROKER_START: Duration = Duration::from_secs(2);
/// A broker that acknowledges nothing for so long is not there, whatever its pings say.
const ACKNOWLEDGE: Duration = Duration::from_secs(10);
/// Pause before what was refused is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long devices have to come back after the link was made, before they are taken for gone.
const PRESENCE_GRACE: Duration = Duration::from_secs(10);
/// How long the last words of a daemon that stops may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Which broker, and how to come in.
pub(super) enum Endpoint {
    /// Inside this process.
    Embedded {
        /// Where it listens, while it does.
        address: watch::Receiver<Option<SocketAddr>>,
        /// Made at start, known to the gate alone.
        token: String,
    },
    /// Another process.
    External {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
        /// User name.
        user: String,
        /// Read at every connect, so that it can be changed while the daemon runs.
        password_file: PathBuf,
    },
}

/// Why there is no link.
#[derive(Debug, Error)]
enum Lost {
    #[error("the connection to the broker is gone")]
    Connection(#[source] Box<ConnectionError>),
    #[error("the broker refuses a subscription: {0:?}")]
    Refused(Vec<SubscribeReasonCode>),
    #[error("the subscription came to nothing")]
    Subscription(#[source] SubscribeNoticeError),
    #[error("the broker acknowledges nothing")]
    Silent,
    #[error("the password of the broker cannot be read from {path}")]
    Password {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the connection takes no requests")]
    Requests,
}

/// The link with all it remembers between two connections.
pub(super) struct Link {
    topics: Topics,
    handle: Handle,
    endpoint: Endpoint,
    stop: CancellationToken,
    outbox: Outbox,
    presences: Presences,
    strays: Strays,
    /// What the engine was told of the broker.
    told_up: Option<bool>,
    /// Orders that the broker has and the engine does not know of yet.
    announced: Vec<OrderId>,
}

/// What came of something that was sent.
enum Settled {
    Subscribed(Result<SubAck, SubscribeNoticeError>),
    Published {
        topic: std::sync::Arc<str>,
        outcome: Option<Result<PublishResult, PublishNoticeError>>,
    },
}

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One connection.
struct Session {
    client: AsyncClient,
    sent: FuturesUnordered<Later<Settled>>,
    replies: FuturesOrdered<Later<(Received, Option<Answer>)>>,
    changes: broadcast::Receiver<std::sync::Arc<Change>>,
    /// Documents up to this entry are in the outbox.
    seq: u64,
    /// The broker knows what to send us.
    is_subscribed: bool,
    /// The engine has shown its documents; before that nothing may be concluded from what is not there.
    is_loaded: bool,
    /// Presences count as complete from here on.
    settle_at: Option<Instant>,
    /// When refused messages and inputs are tried again.
    again_at: Option<Instant>,
}

impl Link {
    pub(super) fn new(
        topics: Topics,
        handle: Handle,
        endpoint: Endpoint,
        stop: CancellationToken,
    ) -> Self {
        Self {
            topics,
            handle,
            endpoint,
            stop,
            outbox: Outbox::default(),
            presences: Presences::default(),
            strays: Strays::default(),
            told_up: None,
            announced: Vec::new(),
        }
    }

    /// Keeps the link until the daemon stops.
    pub(super) async fn keep(mut self) {
        let stop = self.stop.clone();
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            let lost = match self.options(&mut backoff).await {
                None => break,
                Some(Err(lost)) => lost,
                Some(Ok(options)) => match self.session(options).await {
                    Ok(()) => break,
                    Err(lost) => lost,
                },
            };
            self.outbox.disconnected();
            if self.told_up == Some(true) {
                backoff = Backoff::default();
            }
            if self.told_up != Some(false) {
                tracing::warn!(
                    error = &lost as &dyn std::error::Error,
                    "no link to the broker"
                );
            }
            self.tell_up(false);
            backoff.pause(&stop).await;
        }
    }

    /// How to connect. Waits for a broker inside this process; `None` when the daemon stops first.
    async fn options(&mut self, backoff: &mut Backoff) -> Option<Result<MqttOptions, Lost>> {
        let (host, port, user, password) = match &mut self.endpoint {
            Endpoint::Embedded { address, token } => {
                let mut found = tokio::select! {
                    found = listening(address) => Some(found),
                    () = tokio::time::sleep(BROKER_START) => None,
                    () = self.stop.cancelled() => return None,
                };
                if found.is_none() {
                    // A busy engine learns it when the next connection is made or fails.
                    let input = Input::Broker { up: false };
                    if self.told_up != Some(false) && retry::put(&self.handle, Actor::System, input)
                    {
                        self.told_up = Some(false);
                    }
                    found = tokio::select! {
                        found = listening(address) => Some(found),
                        () = self.stop.cancelled() => None,
                    };
                }
                let found = found??;
                *backoff = Backoff::default();
                let host = found.ip().to_string();
                (host, found.port(), DAEMON.to_owned(), token.clone())
            }
            Endpoint::External {
                host,
                port,
                user,
                password_file,
            } => match password(password_file).await {
                Ok(password) => (host.clone(), *port, user.clone(), password),
                Err(source) => {
                    let path = password_file.clone();
                    return Some(Err(Lost::Password { path, source }));
                }
            },
        };
        let client = format!("{DAEMON}-{}", self.topics.site());
        let mut options = MqttOptions::new(client, (host, port));
        options.set_credentials(user, password);
        self.settle(&mut options);
        Some(Ok(options))
    }

    /// Everything that holds for every broker.
    fn settle(&self, options: &mut MqttOptions) {
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        let now = self.handle.now().wall;
        let farewell = payload::daemon(false, "", 0, now).text;
        options
            .set_network_options(network)
            .set_connect_timeout(Duration::from_secs(3))
            .set_keep_alive(KEEP_ALIVE_S)
            .set_session_mode(SessionMode::Persistent)
            .set_session_expiry_interval(Some(SESSION_KEPT_S))
            // The broker may know our session while this connection is new: what was under way comes from the documents.
            .set_broker_session_resume_policy(BrokerSessionResumePolicy::AllowBrokerOnly)
            .set_ack_mode(AckMode::Manual)
            .set_receive_maximum(Some(RECEIVE_MAX))
            .set_max_packet_size(Some(PACKET_MAX))
            .set_last_will(LastWill::new(
                self.topics.full(DAEMON_STATUS),
                farewell.as_bytes(),
                QoS::AtLeastOnce,
                true,
                None,
            ));
    }

    /// One connection from its first packet to its end. Ok when the daemon stops.
    async fn session(&mut self, options: MqttOptions) -> Result<(), Lost> {
        let (client, connection) = AsyncClient::builder(options).capacity(REQUESTS_MAX).build();
        let (sender, mut events) = mpsc::channel(usize::from(RECEIVE_MAX));
        let connection = poll(connection, sender);
        tokio::pin!(connection);
        let mut session = Session::new(client, self.handle.changes());
        let stop = self.stop.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(event) = events.recv() => self.event(&mut session, event)?,
                lost = &mut connection => return Err(Lost::Connection(Box::new(lost))),
                Some(settled) = session.sent.next(), if !session.sent.is_empty() => {
                    self.settled(&mut session, settled)?;
                }
                Some((received, answer)) = session.replies.next(), if !session.replies.is_empty() => {
                    acknowledge(&session, &received, answer)?;
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
        self.goodbye(session, connection).await;
        Ok(())
    }

    fn event(&mut self, session: &mut Session, event: Event) -> Result<(), Lost> {
        match event {
            Event::Incoming(Packet::ConnAck(connack)) => {
                if !connack.session_present {
                    self.outbox.session_lost();
                }
                session.subscribe(&self.topics)
            }
            Event::Incoming(Packet::Publish(received)) => self.received(session, received),
            Event::Incoming(_) | Event::Outgoing(_) | Event::Auth(_) => Ok(()),
        }
    }

    /// The broker sends what it has for us from now on.
    fn subscribed(&mut self, session: &mut Session, answer: &SubAck) -> Result<(), Lost> {
        let codes = &answer.return_codes;
        let granted = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
        if !codes.iter().all(granted) {
            return Err(Lost::Refused(codes.clone()));
        }
        session.is_subscribed = true;
        self.presences.reconnected();
        session.settle_at = Some(Instant::now() + PRESENCE_GRACE);
        self.snapshot(session);
        if self.told_up != Some(true) {
            tracing::info!("the link to the broker is there");
        }
        self.tell_up(true);
        Ok(())
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
        self.outbox
            .snapshot(documents.by_key.iter(), documents.seq, now);
        if !session.is_loaded {
            session.is_loaded = true;
            let hello = payload::daemon(true, &documents.journal_id, documents.seq, now);
            self.outbox.daemon(hello);
        }
    }

    fn changed(
        &mut self,
        session: &mut Session,
        change: Result<std::sync::Arc<Change>, broadcast::error::RecvError>,
    ) {
        let change = match change {
            Ok(change) if session.is_loaded => change,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return self.snapshot(session),
            // The engine has ended; so will the daemon.
            Err(broadcast::error::RecvError::Closed) => return session.is_subscribed = false,
        };
        if change.seq <= session.seq {
            return;
        }
        session.seq = change.seq;
        let now = self.handle.now().wall;
        for (key, text) in &change.documents {
            self.outbox.document(key, text.as_ref(), change.seq, now);
        }
    }

    fn received(&mut self, session: &mut Session, received: Received) -> Result<(), Lost> {
        let topic = String::from_utf8_lossy(&received.topic).into_owned();
        match self.topics.incoming(&topic) {
            Some(Incoming::Reply { recipient, order }) => {
                match payload::reply(recipient.clone(), order, &received.payload) {
                    Ok(reply) if session.replies.len() < REPLIES_MAX => {
                        crate::crash::point("reply_received_before_commit");
                        let actor = Actor::Recipient(recipient);
                        let answer = retry::submit(&self.handle, actor, Input::Reply(reply));
                        let answer = async move { (received, answer.await) };
                        session.replies.push_back(Box::pin(answer));
                        return Ok(());
                    }
                    Ok(_) => self.strays.count(&topic, &"too many replies wait"),
                    Err(error) => self.strays.count(&topic, &error),
                }
            }
            Some(Incoming::Presence { recipient }) if !received.payload.is_empty() => {
                match payload::presence(&received.payload) {
                    Ok(presence) => self.presences.heard(&recipient, presence),
                    Err(error) => self.strays.count(&topic, &error),
                }
            }
            Some(Incoming::Retained { below }) if received.retain => self.outbox.found(&below),
            Some(Incoming::Presence { .. } | Incoming::Retained { .. }) => {}
            None => self.strays.count(&topic, &"the topic is none of ours"),
        }
        // In the order of arrival: behind the replies that still wait for their commit.
        session
            .replies
            .push_back(Box::pin(std::future::ready((received, None))));
        Ok(())
    }

    fn settled(&mut self, session: &mut Session, settled: Settled) -> Result<(), Lost> {
        let (topic, outcome) = match settled {
            Settled::Subscribed(Ok(answer)) => return self.subscribed(session, &answer),
            Settled::Subscribed(Err(error)) => return Err(Lost::Subscription(error)),
            Settled::Published { topic, outcome } => (topic, outcome.ok_or(Lost::Silent)?),
        };
        match outcome {
            // That nobody listens is no failure: the message is retained, and the order's own limits tell who did not get it.
            Ok(PublishResult::Qos1(ack))
                if matches!(
                    ack.reason,
                    PubAckReason::Success | PubAckReason::NoMatchingSubscribers
                ) =>
            {
                if let Some(order) = self.outbox.acknowledged(&topic) {
                    crate::crash::point("order_published_before_at_broker");
                    self.announced.push(order);
                }
            }
            Ok(refused) => {
                tracing::warn!(mqtt.topic = %topic, ?refused, "the broker refused a message; it is tried again");
                self.outbox.refused(&topic);
                session.again_soon();
            }
            Err(error) => {
                tracing::debug!(mqtt.topic = %topic, %error, "a message was not sent");
                self.outbox.refused(&topic);
                session.again_soon();
            }
        }
        Ok(())
    }

    /// Tells the engine what it does not know yet; what it is too busy for is told again.
    fn tell(&mut self, session: &mut Session) {
        for (recipient, online) in self.presences.news() {
            let actor = Actor::Recipient(recipient.clone());
            let input = Input::Presence {
                recipient: recipient.clone(),
                online,
            };
            if retry::put(&self.handle, actor, input) {
                self.presences.told(recipient, online);
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
        while let Some(publish) = self.outbox.next() {
            session.publish(&self.topics, &publish)?;
        }
        Ok(())
    }

    /// Says that the daemon is going, and takes its last will back by leaving in order.
    async fn goodbye(
        &self,
        session: Session,
        mut connection: Pin<&mut impl Future<Output = ConnectionError>>,
    ) {
        let now = self.handle.now().wall;
        let Session { client, seq, .. } = session;
        let farewell = payload::daemon(false, "", seq, now).text;
        let topic = self.topics.full(DAEMON_STATUS);
        let options = PublishOptions::at_least_once().retained();
        let sent = client.try_publish_tracked(topic, farewell.as_bytes(), options);
        let last = async {
            if let Ok(notice) = sent {
                tokio::select! {
                    _ = notice.wait_async() => {}
                    _ = &mut connection => return,
                }
            }
            if client.try_disconnect().is_ok() {
                connection.await;
            }
        };
        if tokio::time::timeout(GOODBYE, last).await.is_err() {
            tracing::debug!("the broker did not hear the last words");
        }
    }
}

impl Session {
    fn new(client: AsyncClient, changes: broadcast::Receiver<std::sync::Arc<Change>>) -> Self {
        Self {
            client,
            sent: FuturesUnordered::new(),
            replies: FuturesOrdered::new(),
            changes,
            seq: 0,
            is_subscribed: false,
            is_loaded: false,
            settle_at: None,
            again_at: None,
        }
    }

    fn again_soon(&mut self) {
        self.again_at.get_or_insert_with(|| Instant::now() + AGAIN);
    }

    fn subscribe(&self, topics: &Topics) -> Result<(), Lost> {
        let filters = topics.inbox().map(|(filter, inbox)| {
            SubscribeFilterInput::new(filter, QoS::AtLeastOnce).no_local(inbox == Inbox::Own)
        });
        let notice = self
            .client
            .try_subscribe_many_tracked(filters)
            .map_err(|_full| Lost::Requests)?;
        self.sent.push(Box::pin(async move {
            let answer = tokio::time::timeout(ACKNOWLEDGE, notice.wait_async()).await;
            match answer {
                Ok(answer) => Settled::Subscribed(answer),
                Err(_silent) => Settled::Subscribed(Err(SubscribeNoticeError::Recv)),
            }
        }));
        Ok(())
    }

    fn publish(&self, topics: &Topics, publish: &Publish) -> Result<(), Lost> {
        let options = PublishOptions::at_least_once().retain(publish.retain);
        let full = topics.full(&publish.topic);
        let notice = self
            .client
            .try_publish_tracked(full, publish.payload.as_bytes(), options)
            .map_err(|_full| Lost::Requests)?;
        let topic = std::sync::Arc::clone(&publish.topic);
        self.sent.push(Box::pin(async move {
            let outcome = tokio::time::timeout(ACKNOWLEDGE, notice.wait_async()).await;
            let outcome = outcome.ok();
            Settled::Published { topic, outcome }
        }));
        Ok(())
    }
}

/// Acknowledges a message whose input is committed, refused for good, or none.
fn acknowledge(session: &Session, received: &Received, answer: Option<Answer>) -> Result<(), Lost> {
    match answer {
        // The engine stops: nothing was decided, so the broker must send it again.
        Some(Err(problem)) if problem.code == "stopping" => return Ok(()),
        Some(Err(problem)) => {
            tracing::debug!(problem.code, "a reply was refused");
        }
        Some(Ok(_)) => crate::crash::point("reply_committed_before_ack"),
        None => {}
    }
    session
        .client
        .try_ack(received)
        .map_err(|_full| Lost::Requests)
}

/// Drives the connection and passes on what matters, until it is lost.
async fn poll(mut connection: EventLoop, events: mpsc::Sender<Event>) -> ConnectionError {
    loop {
        match connection.poll().await {
            Ok(event @ Event::Incoming(Packet::ConnAck(_) | Packet::Publish(_))) => {
                // Nobody listens only while the daemon says goodbye.
                let _ = events.send(event).await;
            }
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

/// Where the broker inside listens, once it does; `None` when it never will again.
async fn listening(address: &mut watch::Receiver<Option<SocketAddr>>) -> Option<SocketAddr> {
    let found = address.wait_for(Option::is_some).await;
    found.ok().and_then(|found| *found)
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Reads the password, and refuses a file that everybody on the machine can read.
async fn password(path: &Path) -> std::io::Result<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = tokio::fs::metadata(path).await?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            "others can read it",
        ));
    }
    let text = tokio::fs::read_to_string(path).await?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
