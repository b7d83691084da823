//! A port to which transmission devices connect: who may come in, what is confirmed when, and when a device is lost.
//!
//! ```text
//! frame ─► readings into their slots ─► an input behind them in the alarm lane ─► its answer: both are kept ─► 确认
//! ```
//! The engine takes the slots before the inputs that waited behind them, so its answer covers the readings too. While it keeps them
//! nowhere but in memory, nothing is confirmed and the device sends again.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Connection, IDLE_MAX, News, REPLIES_MAX, What};
use super::device::{Device, Reply, Taken};
use super::frame::{Command, Found, Frame, Header};
use super::labels;
use super::strangers::Strangers;
use crate::domain::actor::Actor;
use crate::domain::ids::BusId;
use crate::domain::input::{Durable, Input, Transmission};
use crate::domain::time::EngineTime;
use crate::engine::handle::Handle;
use crate::field::command::Port;
use crate::field::report::Reports;
use crate::field::trace::Verdict;

/// Most connections of one port: every device twice, and a few strangers.
const CONNECTIONS_MAX: usize = 64;
/// Most frames that wait for the engine; more are left in their sockets.
const COMMITS_MAX: usize = 256;
/// Most news that wait for the port.
const NEWS_MAX: usize = 64;
/// Denied frames after which a connection is closed.
const DENIED_MAX: u32 = 16;
/// Pause before a port that could not be opened is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often somebody looks for what is due.
const LOOK: Duration = Duration::from_millis(250);
/// How long one step may take before the watchdog no longer believes in the task.
const SILENT_MAX: Duration = Duration::from_secs(10);
/// What is still to be told when the process stops is told this long.
const FAREWELL: Duration = Duration::from_secs(2);

/// A frame whose readings the engine has, or will never have.
struct Kept {
    connection: u64,
    header: Header,
    kept: bool,
}

/// A connection as the port knows it.
struct Open {
    peer: SocketAddr,
    replies: mpsc::Sender<Vec<u8>>,
    stop: CancellationToken,
    /// Which device spoke last on it.
    device: Option<usize>,
    denied: u32,
}

/// A port at work.
pub(crate) struct Server {
    id: BusId,
    address: String,
    utc_offset_minutes: i32,
    handle: Handle,
    port: Arc<Port>,
    stop: CancellationToken,
    tasks: TaskTracker,
    devices: Vec<Device>,
    /// On which connection each device can be asked.
    ways: BTreeMap<usize, u64>,
    reports: Reports,
    connections: BTreeMap<u64, Open>,
    next_connection: u64,
    commits: FuturesUnordered<Pin<Box<dyn Future<Output = Kept> + Send>>>,
    strangers: Strangers,
    /// Since when the port is open, for devices that have not spoken yet.
    since: EngineTime,
}

impl Server {
    pub(super) fn new(
        (id, address): (BusId, String),
        devices: Vec<Device>,
        utc_offset_minutes: i32,
        (port, handle): (Arc<Port>, Handle),
        stop: CancellationToken,
    ) -> Self {
        Self {
            reports: Reports::new(id.clone(), handle.clone()),
            id,
            address,
            utc_offset_minutes,
            since: handle.now().engine,
            handle,
            port,
            stop,
            tasks: TaskTracker::new(),
            devices,
            ways: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_connection: 0,
            commits: FuturesUnordered::new(),
            strangers: Strangers::default(),
        }
    }

    /// Works until it is told to stop. A panic is a fault of this port alone: its devices connect again.
    pub(crate) async fn run(mut self) {
        while !self.stop.is_cancelled() {
            if AssertUnwindSafe(self.work()).catch_unwind().await.is_err() {
                tracing::error!(bus.id = %self.id, "the task of a port panicked; starting it again");
                self.close_all();
                self.reports.set_link(false, "bad_reply");
            }
        }
        self.close_all();
        let farewell = async {
            while self.reports.is_waiting() {
                self.reports.answered().await;
            }
        };
        // What is not told by then is told by the next start.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    async fn work(&mut self) {
        let pulse = self.handle.pulse(&format!("bus {}", self.id));
        while !self.stop.is_cancelled() {
            pulse.good_for(SILENT_MAX);
            // Before the journal is loaded nothing can be kept, and the engine's time may still jump to where it was.
            if !self.handle.health().ready {
                self.pause(LOOK).await;
                continue;
            }
            match TcpListener::bind(&self.address).await {
                Ok(listener) => {
                    tracing::info!(bus.id = %self.id, address = self.address, "devices can connect");
                    self.since = self.handle.now().engine;
                    self.serve(&listener).await;
                }
                Err(error) => {
                    tracing::warn!(bus.id = %self.id, address = self.address, %error, "the port cannot be opened");
                    self.reports.set_link(false, reason(&error));
                    self.pause(AGAIN_AFTER).await;
                    self.reports.collect();
                }
            }
        }
    }

    async fn pause(&mut self, span: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = sleep(span) => {}
        }
    }

    async fn serve(&mut self, listener: &TcpListener) {
        let pulse = self.handle.pulse(&format!("bus {}", self.id));
        let (to_port, mut news) = mpsc::channel(NEWS_MAX);
        let stop = self.stop.clone();
        let mut accept_at = Instant::now();
        while !stop.is_cancelled() {
            pulse.good_for(SILENT_MAX);
            crate::crash::hold("bus");
            self.look();
            let wake_at = Instant::now() + LOOK;
            tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept(), if accept_at <= Instant::now() => match accepted {
                    Ok((stream, peer)) => self.welcome(stream, peer, &to_port),
                    // No file handles, for example: the devices wait in the backlog.
                    Err(error) => {
                        tracing::warn!(bus.id = %self.id, %error, "a connection could not be accepted");
                        accept_at = Instant::now() + AGAIN_AFTER;
                    }
                },
                Some(news) = news.recv(), if self.commits.len() < COMMITS_MAX => self.hear(news),
                Some(kept) = self.commits.next() => self.kept(&kept),
                _permit = self.reports.answered(), if self.reports.is_waiting() => {}
                () = sleep_until(wake_at) => {}
            }
        }
    }

    // ------------------------------------------------------------------------------------------------------- connections

    fn welcome(&mut self, stream: TcpStream, peer: SocketAddr, to_port: &mpsc::Sender<News>) {
        let ip = peer.ip().to_canonical();
        if !self.devices.iter().any(|device| may_come(device, ip)) {
            self.refuse(
                format!("{ip}"),
                "a connection from a network that no device may come from",
            );
            return;
        }
        if self.connections.len() >= CONNECTIONS_MAX && !self.make_room() {
            self.refuse(format!("{ip}"), "too many connections");
            return;
        }
        // Small frames that somebody waits for.
        let _ = stream.set_nodelay(true);
        let (replies, to_send) = mpsc::channel(REPLIES_MAX);
        let id = self.next_connection;
        self.next_connection += 1;
        let stop = self.stop.child_token();
        let connection = Connection {
            id,
            stream,
            news: to_port.clone(),
            replies: to_send,
            stop: stop.clone(),
            idle_max: IDLE_MAX,
        };
        self.tasks.spawn(connection.run());
        self.port
            .counters
            .change(None, |counts| counts.connections += 1);
        self.connections.insert(
            id,
            Open {
                peer,
                replies,
                stop,
                device: None,
                denied: 0,
            },
        );
    }

    /// The oldest connection on which no device has spoken makes room for one that may be.
    fn make_room(&mut self) -> bool {
        let stranger = self
            .connections
            .iter()
            .find(|(_, open)| open.device.is_none());
        let Some(id) = stranger.map(|(id, _)| *id) else {
            return false;
        };
        self.close(id);
        true
    }

    fn close(&mut self, id: u64) {
        if let Some(open) = self.connections.remove(&id) {
            open.stop.cancel();
        }
        self.ways.retain(|_, way| *way != id);
    }

    fn close_all(&mut self) {
        for open in std::mem::take(&mut self.connections).into_values() {
            open.stop.cancel();
        }
        self.ways.clear();
    }

    fn refuse(&mut self, who: String, why: &str) {
        self.port
            .counters
            .change(None, |counts| counts.strangers += 1);
        if self
            .strangers
            .is_worth_a_line(&who, self.handle.now().engine)
        {
            tracing::warn!(bus.id = %self.id, from = who, "{why}");
        }
    }

    // ------------------------------------------------------------------------------------------------------------ frames

    fn hear(&mut self, news: News) {
        let id = news.connection;
        match news.what {
            What::Gone => self.close(id),
            What::Found(Found::Noise(count)) => {
                let count = u64::try_from(count).unwrap_or(u64::MAX);
                self.port
                    .counters
                    .change(None, |counts| counts.noise += count);
            }
            What::Found(Found::BadSum(header)) => {
                self.port
                    .counters
                    .change(None, |counts| counts.bad_checksum += 1);
                self.deny(id, &header);
            }
            What::Found(Found::Frame(frame)) => self.frame(id, &frame),
        }
    }

    fn frame(&mut self, id: u64, frame: &Frame) {
        let Some(open) = self.connections.get(&id) else {
            return;
        };
        let (peer, source) = (open.peer.ip().to_canonical(), frame.header.source);
        let is_it =
            |device: &Device| device.caller.source == source.number() && may_come(device, peer);
        let Some(index) = self.devices.iter().position(is_it) else {
            self.port.ring.heard(&frame.encode(), Verdict::Stray);
            self.refuse(
                format!("{source} at {peer}"),
                "a device that this port does not know",
            );
            self.deny(id, &frame.header);
            return;
        };
        let unit = self.devices.get(index).map(|device| device.unit);
        self.port.counters.change(unit, |counts| counts.ok += 1);
        self.port.ring.heard(&frame.encode(), Verdict::Right);
        let now = self.handle.now();
        // The newest connection is the one on which it can be asked; an older one may be open only at our end.
        let is_new_way = self.ways.get(&index).is_none_or(|way| *way < id);
        if is_new_way {
            self.ways.insert(index, id);
        }
        if let Some(open) = self.connections.get_mut(&id) {
            (open.device, open.denied) = (Some(index), 0);
        }
        let Some(device) = self.devices.get_mut(index) else {
            return;
        };
        let reply = device.take(frame, now);
        if is_new_way {
            tracing::info!(bus.id = %self.id, unit = device.unit, %peer, "a device has connected");
            device.connected(now.engine);
        }
        match reply {
            Reply::Now(adu) => self.reply(id, &frame.header, (Command::Confirm, adu)),
            Reply::Deny => self.deny(id, &frame.header),
            Reply::WhenKept(taken) => self.keep(index, taken, Some((id, frame.header))),
            Reply::None(taken) => self.keep(index, taken, None),
        }
        self.heard(index);
    }

    /// Puts readings down, and what was told behind them. What is to be confirmed is confirmed when the engine has both.
    fn keep(&mut self, index: usize, taken: Taken, confirm: Option<(u64, Header)>) {
        let Some(device) = self.devices.get(index) else {
            return;
        };
        for (point, reading) in taken.readings {
            self.handle.observe(&point, reading);
        }
        if confirm.is_none() && taken.told.is_empty() {
            return;
        }
        let input = Input::Transmitted(Transmission {
            bus: self.id.clone(),
            unit: device.unit,
            told: taken.told,
        });
        let answer = self.handle.enqueue(Actor::Field, input, Vec::new());
        let Some((connection, header)) = confirm else {
            return;
        };
        self.commits.push(Box::pin(async move {
            let done = answer.await.ok().and_then(Result::ok);
            let kept = done.is_some_and(|done| done.durable != Durable::Memory);
            crate::crash::point("kept_before_confirm");
            Kept {
                connection,
                header,
                kept,
            }
        }));
    }

    fn kept(
        &mut self,
        Kept {
            connection,
            header,
            kept,
        }: &Kept,
    ) {
        if *kept {
            self.reply(*connection, header, (Command::Confirm, Vec::new()));
            return;
        }
        tracing::warn!(bus.id = %self.id, sequence = header.sequence, "not kept and so not confirmed: the device sends it again");
        let source = header.source.number();
        let mut devices = self.devices.iter_mut();
        if let Some(device) = devices.find(|device| device.caller.source == source) {
            device.forget(header.sequence);
        }
    }

    fn deny(&mut self, id: u64, header: &Header) {
        self.port.counters.change(None, |counts| counts.denied += 1);
        self.reply(id, header, (Command::Deny, Vec::new()));
        let Some(open) = self.connections.get_mut(&id) else {
            return;
        };
        open.denied += 1;
        if open.denied >= DENIED_MAX {
            self.close(id);
        }
    }

    fn reply(&self, id: u64, to: &Header, (command, adu): (Command, Vec<u8>)) {
        let time = labels::label(self.handle.now().wall, self.utc_offset_minutes);
        let header = to.reply(command, time);
        self.send(id, &Frame { header, adu });
    }

    /// A device that takes no replies gets none: it sends again, and its connection ends at its limits.
    fn send(&self, id: u64, frame: &Frame) {
        let Some(open) = self.connections.get(&id) else {
            return;
        };
        let bytes = frame.encode();
        self.port.ring.sent(&bytes);
        if open.replies.try_send(bytes).is_err() {
            tracing::debug!(bus.id = %self.id, "a reply had no room");
        }
    }

    // -------------------------------------------------------------------------------------------------------------- time

    /// A device speaks: it is there, and so is the line.
    fn heard(&mut self, index: usize) {
        if let Some(device) = self.devices.get(index) {
            self.reports.set_unit(device.unit, true, "");
        }
        self.line_is_up();
    }

    /// The port is open and something is known of a device. One that has not spoken yet is not believed because another one has.
    fn line_is_up(&mut self) {
        if self.reports.link() == Some(true) {
            return;
        }
        for device in self
            .devices
            .iter()
            .filter(|device| device.heard_at.is_none())
        {
            self.reports.set_unit(device.unit, false, "not_connected");
        }
        self.reports.set_link(true, "");
    }

    /// Looks for what is due: silence, fires of facilities that wait for their part, questions.
    fn look(&mut self) {
        let now = self.handle.now();
        for index in 0..self.devices.len() {
            self.look_at(index, now.engine);
            let label = labels::label(now.wall, self.utc_offset_minutes);
            let Some(device) = self.devices.get_mut(index) else {
                continue;
            };
            let due = device.next_due().is_some_and(|at| at <= now.engine);
            let taken = due.then(|| device.due(now));
            let way = self.ways.get(&index).copied();
            if let Some(id) = way
                && let Some(ready) = device.asker.next(now.engine, label)
            {
                let header = device.header(ready.sequence, ready.command, label);
                let adu = ready.ask.encode();
                self.send(id, &Frame { header, adu });
            }
            if let Some(taken) = taken {
                self.keep(index, taken, None);
            }
        }
    }

    fn look_at(&mut self, index: usize, now: EngineTime) {
        let Some(device) = self.devices.get(index) else {
            return;
        };
        let since = device.heard_at.unwrap_or(self.since).max(self.since);
        if now - since < device.silent_after() {
            return;
        }
        let reason = if self.ways.contains_key(&index) {
            "silent"
        } else {
            "not_connected"
        };
        self.reports.set_unit(device.unit, false, reason);
        self.line_is_up();
    }
}

/// Whether a device may come from an address.
fn may_come(device: &Device, ip: IpAddr) -> bool {
    let address = match ip {
        IpAddr::V4(ip) => u128::from(ip.to_ipv6_mapped()),
        IpAddr::V6(ip) => u128::from(ip),
    };
    let from = device.caller.from;
    from.is_none_or(|network| network.contains(address))
}

/// The word of the catalogue for a port that cannot be opened.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the list of causes is open; what is not named here has no word of its own"
)]
fn reason(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => "port_taken",
        std::io::ErrorKind::PermissionDenied => "port_denied",
        _ => "port_failed",
    }
}
