//! One connection to a broker: the only file that names `rumqttc`.
//!
//! Owns the socket and nothing else: courier.rs decides what goes over it. A lost connection is thrown away whole, never mended:
//! what was under way comes from the documents again, what was not acknowledged the broker sends again. So nothing of an older
//! connection can ever arrive after something newer.

use std::pin::Pin;
use std::time::Duration;

use rumqttc::mqttbytes::QoS;
use rumqttc::{
    AckMode, AsyncClient, ConnectionError, EventLoop, LastWill, MqttOptions, NetworkOptions,
    Packet, PersistedAckMode, PersistedSession, PubAckReason, Publish, PublishNoticeError,
    PublishOptions, PublishResult, SessionMode, SessionStore, SessionStoreError, SessionStoreKey,
    SubscribeFilterInput, SubscribeReasonCode,
};
use thiserror::Error;
use tokio::sync::mpsc;

use super::endpoint::Way;
use super::topics::Inbox;

/// A dead broker is noticed after one and a half of these.
const KEEP_ALIVE_S: u16 = 5;
/// How long the broker keeps replies for a daemon that is away.
const SESSION_KEPT_S: u32 = 24 * 3_600;
/// Most messages that the broker may send before it has acknowledgements.
pub(super) const RECEIVE_MAX: u16 = 128;
/// Most messages of ours that wait for the broker: the windows of publish.rs and a goodbye. The crate keeps a place for each and
/// looks through all of them at every packet.
const SEND_MAX: u16 = 64;
/// Room for requests: the windows of publish.rs, every acknowledgement, and the subscription.
const REQUESTS_MAX: usize = 512;
/// Largest packet that is read.
const PACKET_MAX: u32 = 1024 * 1024;
/// How long a connect may take.
const CONNECT: Duration = Duration::from_secs(3);
/// A broker that acknowledges nothing for so long is not there, whatever its pings say.
const ACKNOWLEDGE: Duration = Duration::from_secs(10);

/// Why a connection ended or never was.
#[derive(Debug, Error)]
pub(super) enum Lost {
    /// The socket or the broker ended it.
    #[error("the connection to the broker is gone")]
    Connection(#[source] Box<ConnectionError>),
    /// The broker does not let us read what we must.
    #[error("the broker refuses a subscription: {0}")]
    Subscription(String),
    /// It answers pings and nothing else.
    #[error("the broker acknowledges nothing")]
    Silent,
    /// More requests wait than the windows allow.
    #[error("the connection takes no requests")]
    Requests,
}

/// How to come in.
pub(super) struct Access {
    /// Where, and as whom.
    pub(super) way: Way,
    /// Client id, the name of the session.
    pub(super) client: String,
    /// Topic and payload of the retained last will.
    pub(super) will: (String, String),
}

/// What happens on a connection.
#[derive(Debug)]
pub(super) enum Event {
    /// It is made.
    Connected,
    /// A message came.
    Message(Received),
}

/// A message that waits for its acknowledgement.
#[derive(Debug)]
pub(super) struct Received(Box<Publish>);

impl Received {
    /// Its topic.
    pub(super) fn topic(&self) -> String {
        String::from_utf8_lossy(&self.0.topic).into_owned()
    }

    /// Its payload.
    pub(super) fn payload(&self) -> &[u8] {
        &self.0.payload
    }

    /// Whether the broker counts it as under way until it is acknowledged.
    pub(super) fn needs_acknowledgement(&self) -> bool {
        self.0.qos != QoS::AtMostOnce
    }

    /// Whether the broker had kept it from before.
    pub(super) fn is_retained(&self) -> bool {
        self.0.retain
    }
}

/// What became of a message or a subscription.
#[derive(Debug)]
pub(super) enum Sent {
    /// The broker has it.
    Acknowledged,
    /// The broker does not want it.
    Refused(String),
    /// The connection ended first, or did not take it.
    Gone,
    /// No answer in time.
    Silent,
}

/// What comes later, without borrowing anything.
pub(super) type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The sending end of a connection. No call waits, so it can be used beside [`Wire::run`] in one task.
pub(super) struct Connection(AsyncClient);

/// The driving end.
pub(super) struct Wire(EventLoop, mpsc::Sender<Event>);

/// Prepares a connection; the events come while [`Wire::run`] is polled.
pub(super) fn connect(access: Access) -> (Connection, Wire, mpsc::Receiver<Event>) {
    let (client, wire) = AsyncClient::builder(options(access))
        .capacity(REQUESTS_MAX)
        .build();
    let (sender, events) = mpsc::channel(usize::from(RECEIVE_MAX));
    (Connection(client), Wire(wire, sender), events)
}

fn options(access: Access) -> MqttOptions {
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    let Access { way, client, will } = access;
    let mut options = MqttOptions::new(client, (way.host, way.port));
    let (topic, payload) = will;
    options
        .set_credentials(way.user, way.password)
        .set_network_options(network)
        .set_connect_timeout(CONNECT)
        .set_keep_alive(KEEP_ALIVE_S)
        .set_session_mode(SessionMode::Persistent)
        .set_session_expiry_interval(Some(SESSION_KEPT_S))
        .set_session_store(NothingUnderWay)
        .set_ack_mode(AckMode::Manual)
        .set_receive_maximum(Some(RECEIVE_MAX))
        .set_outgoing_inflight_upper_limit(SEND_MAX)
        .set_max_packet_size(Some(PACKET_MAX))
        .set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, true, None));
    options
}

/// What the crate calls the client's half of a session: always empty here, because what is under way is in the documents.
///
/// Without one the crate takes a session that only the broker knows for read-only, and drops every subscription and every order
/// without a word on the wire (its `BrokerSessionResumePolicy::AllowBrokerOnly`).
#[derive(Debug)]
struct NothingUnderWay;

impl SessionStore for NothingUnderWay {
    fn load<'a>(
        &'a self,
        key: &'a SessionStoreKey,
    ) -> Pin<
        Box<dyn Future<Output = Result<Option<PersistedSession>, SessionStoreError>> + Send + 'a>,
    > {
        let session = PersistedSession {
            format_version: 1,
            client_id: key.client_id().to_owned(),
            clean_start: false,
            session_expiry_interval: Some(SESSION_KEPT_S),
            outgoing_inflight_upper_limit: Some(SEND_MAX),
            ack_mode: PersistedAckMode::Manual,
            last_pkid: 0,
            last_puback: 0,
            replay: Vec::new(),
            incoming_qos2: Vec::new(),
        };
        Box::pin(std::future::ready(Ok(Some(session))))
    }

    fn save<'a>(
        &'a self,
        _key: &'a SessionStoreKey,
        _session: &'a PersistedSession,
    ) -> Pin<Box<dyn Future<Output = Result<(), SessionStoreError>> + Send + 'a>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn clear<'a>(
        &'a self,
        _key: &'a SessionStoreKey,
    ) -> Pin<Box<dyn Future<Output = Result<(), SessionStoreError>> + Send + 'a>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Wire {
    /// Drives the connection until it is lost.
    pub(super) async fn run(mut self) -> Lost {
        loop {
            let event = match self.0.poll().await {
                Ok(rumqttc::Event::Incoming(Packet::ConnAck(_))) => Event::Connected,
                Ok(rumqttc::Event::Incoming(Packet::Publish(publish))) => {
                    Event::Message(Received(Box::new(publish)))
                }
                Ok(_) => continue,
                Err(error) => return Lost::Connection(Box::new(error)),
            };
            // Nobody listens only while the daemon says goodbye.
            let _ = self.1.send(event).await;
        }
    }
}

impl Connection {
    /// Subscribes to everything at once.
    pub(super) fn subscribe<const N: usize>(
        &self,
        filters: [(String, Inbox); N],
    ) -> Result<Later<Sent>, Lost> {
        let filters = filters.map(|(filter, inbox)| {
            SubscribeFilterInput::new(filter, QoS::AtLeastOnce).no_local(inbox == Inbox::Own)
        });
        let notice = self
            .0
            .try_subscribe_many_tracked(filters)
            .map_err(|_full| Lost::Requests)?;
        Ok(Box::pin(async move {
            let answer = tokio::time::timeout(ACKNOWLEDGE, notice.wait_async()).await;
            let granted =
                |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
            match answer {
                Ok(Ok(answer)) if answer.return_codes.iter().all(granted) => Sent::Acknowledged,
                Ok(Ok(answer)) => Sent::Refused(format!("{:?}", answer.return_codes)),
                Ok(Err(_gone)) => Sent::Gone,
                Err(_late) => Sent::Silent,
            }
        }))
    }

    /// Publishes one message with QoS 1.
    pub(super) fn publish(
        &self,
        topic: String,
        payload: &str,
        retain: bool,
    ) -> Result<Later<Sent>, Lost> {
        let options = PublishOptions::at_least_once().retain(retain);
        let notice = self
            .0
            .try_publish_tracked(topic, payload.as_bytes(), options)
            .map_err(|_full| Lost::Requests)?;
        Ok(Box::pin(async move {
            match tokio::time::timeout(ACKNOWLEDGE, notice.wait_async()).await {
                Ok(outcome) => sent(outcome),
                Err(_late) => Sent::Silent,
            }
        }))
    }

    /// Acknowledges a message.
    pub(super) fn acknowledge(&self, received: &Received) -> Result<(), Lost> {
        self.0.try_ack(&received.0).map_err(|_full| Lost::Requests)
    }

    /// Leaves in order, which takes the last will back. False when the connection does not take it any more.
    pub(super) fn leave(&self) -> bool {
        self.0.try_disconnect().is_ok()
    }
}

fn sent(outcome: Result<PublishResult, PublishNoticeError>) -> Sent {
    match outcome {
        // That nobody listens is no failure: the message is retained, and the order's own limits tell who did not get it.
        Ok(PublishResult::Qos1(ack))
            if matches!(
                ack.reason,
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers
            ) =>
        {
            Sent::Acknowledged
        }
        Ok(refused) => Sent::Refused(format!("{refused:?}")),
        Err(PublishNoticeError::Recv | PublishNoticeError::SessionReset) => Sent::Gone,
        Err(error) => Sent::Refused(error.to_string()),
    }
}
