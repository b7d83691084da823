//! A port and its devices over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Connection, What};
use super::frame::{Command, Decoder, Found, Frame, Header};
use super::testing::{LABEL, caller, frame, operation, part, points, profile, system, told};
use crate::domain::input::{Durable, Input, Telling};
use crate::domain::line::Line;
use crate::domain::point::PointKind;
use crate::domain::profile::UnitProfile;
use crate::domain::site::{Bus, Site, Unit};
use crate::domain::text::Text;
use crate::domain::transmitter::{Network, Transmitter};
use crate::field::FieldHandle;
use crate::field::testing::{BOUND, Engine, Heard, site};

const FIRE: u16 = 0x0002;

/// A port with two devices (889 as unit 1, 890 as unit 2), and the engine's end.
struct Centre {
    engine: Engine,
    field: Arc<FieldHandle>,
    address: SocketAddr,
    stop: CancellationToken,
    tracker: TaskTracker,
}

/// A port of this machine that nobody uses.
async fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

impl Centre {
    async fn start() -> Self {
        Self::with(profile(), |_| {}).await
    }

    async fn with(profile: Transmitter, change: impl FnOnce(&mut Bus)) -> Self {
        let address = free().await;
        let site = site_at(address, change);
        let engine = Engine::start();
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        let profiles = [("gb26875".to_owned(), UnitProfile::Transmitter(profile))];
        let handle = engine.handle.clone();
        let field = crate::field::start(
            Arc::new(site),
            &profiles.into(),
            handle,
            stop.clone(),
            &tracker,
        );
        Self {
            engine,
            field,
            address,
            stop,
            tracker,
        }
    }

    async fn connect(&self) -> Device {
        let connected = timeout(BOUND, async {
            loop {
                match TcpStream::connect(self.address).await {
                    Ok(stream) => return stream,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        });
        Device {
            stream: connected.await.expect("the port is open"),
            decoder: Decoder::default(),
        }
    }

    fn told(heard: &Heard) -> Vec<Telling> {
        let told = |input: &Input| {
            if let Input::Transmitted(transmission) = input {
                transmission.told.clone()
            } else {
                Vec::new()
            }
        };
        heard.inputs.iter().flat_map(told).collect()
    }

    async fn end(self) {
        self.stop.cancel();
        self.tracker.close();
        timeout(BOUND, self.tracker.wait())
            .await
            .expect("the port ends");
    }
}

fn site_at(address: SocketAddr, change: impl FnOnce(&mut Bus)) -> Site {
    let unit = |unit, source| Unit {
        unit,
        profile: "gb26875".to_owned(),
        gap_ms: 0,
        timeout_ms: None,
        retries: 0,
        caller: Some(caller(source)),
    };
    let mut bus = Bus {
        id: "devices".into(),
        name: Text::new("传输装置", "devices"),
        line: Line::Listen(address.to_string()),
        poll_interval_ms: 0,
        timeout_ms: 0,
        pause_after_connect_ms: 0,
        units: vec![unit(1, 889), unit(2, 890)],
    };
    change(&mut bus);
    let mut second = told("OTHER-2", PointKind::PanelFire, "other", (0, 0));
    second.unit = 2;
    let all = points().into_iter().chain([second]).collect();
    Site {
        utc_offset_minutes: 480,
        ..site(vec![bus], all)
    }
}

/// One socket of a device.
struct Device {
    stream: TcpStream,
    decoder: Decoder,
}

impl Device {
    async fn send(&mut self, frame: &Frame) {
        self.write(&frame.encode()).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame of the centre; `None` when it has closed the connection.
    async fn next(&mut self) -> Option<Frame> {
        let read = async {
            loop {
                if let Some(found) = self.decoder.next() {
                    let Found::Frame(frame) = found else {
                        panic!("the centre sent {found:?}");
                    };
                    return Some(frame);
                }
                let mut bytes = [0; 2_048];
                let count = self.stream.read(&mut bytes).await.unwrap_or(0);
                if count == 0 {
                    return None;
                }
                self.decoder.push(&bytes[..count]);
            }
        };
        timeout(BOUND, read).await.expect("the centre speaks")
    }

    /// The next confirm or deny; what the centre asks meanwhile is left unanswered.
    async fn reply(&mut self) -> Header {
        loop {
            let header = self.next().await.expect("the connection stands").header;
            if matches!(header.command, Command::Confirm | Command::Deny) {
                return header;
            }
        }
    }

    async fn replies(&mut self) -> (u16, Command) {
        let header = self.reply().await;
        (header.sequence, header.command)
    }
}

#[tokio::test]
async fn a_fire_is_confirmed_only_when_it_is_kept() {
    let centre = Centre::start().await;
    centre
        .engine
        .manners(|manners| manners.hold_transmissions = true);
    let mut device = centre.connect().await;
    device.send(&frame(1, &part(1, FIRE))).await;
    centre
        .engine
        .until("the fire", |heard| heard.has_edge("SMOKE-1"))
        .await;
    // What needs no record is confirmed meanwhile, so the fire would have been confirmed before it.
    device.send(&frame(2, &[])).await;
    assert_eq!(device.replies().await, (2, Command::Confirm));
    centre
        .engine
        .manners(|manners| manners.hold_transmissions = false);
    let confirm = device.reply().await;
    assert_eq!((confirm.sequence, confirm.command), (1, Command::Confirm));
    let sent = frame(1, &[]).header;
    assert_eq!(
        (confirm.source, confirm.destination),
        (sent.destination, sent.source)
    );
    assert_eq!(confirm.version, sent.version);
    centre.end().await;
}

#[tokio::test]
async fn what_is_kept_nowhere_but_in_memory_is_not_confirmed_until_it_is_sent_again() {
    let centre = Centre::start().await;
    centre
        .engine
        .manners(|manners| manners.durable = Durable::Memory);
    let mut device = centre.connect().await;
    let fire = frame(1, &operation(1, 0b10));
    device.send(&fire).await;
    centre
        .engine
        .until("the first", |heard| Centre::told(heard).len() == 1)
        .await;
    centre
        .engine
        .manners(|manners| manners.durable = Durable::Spool);
    device.send(&frame(2, &part(1, FIRE))).await;
    assert_eq!(
        device.replies().await,
        (2, Command::Confirm),
        "the spool outlives the process"
    );
    device.send(&fire).await;
    assert_eq!(device.replies().await, (1, Command::Confirm));
    centre.end().await;
}

#[tokio::test]
async fn what_the_engine_refuses_is_not_confirmed_and_told_anew() {
    let centre = Centre::start().await;
    let mut device = centre.connect().await;
    device.send(&frame(1, &[])).await;
    assert_eq!(device.replies().await, (1, Command::Confirm));
    centre
        .engine
        .until("up", |heard| heard.links() == ["up"])
        .await;
    centre.engine.manners(|manners| manners.busy = 1);
    device.send(&frame(2, &operation(1, 0b10))).await;
    centre
        .engine
        .until("refused", |heard| heard.refused.len() == 1)
        .await;
    device.send(&frame(2, &operation(1, 0b10))).await;
    assert_eq!(device.replies().await, (2, Command::Confirm));
    let told = Centre::told(&centre.engine.heard());
    assert_eq!(told.len(), 1, "{told:?}");
    centre.end().await;
}

#[tokio::test]
async fn the_same_frame_twice_is_confirmed_twice_and_is_one_alarm() {
    let centre = Centre::start().await;
    let mut device = centre.connect().await;
    for _ in 0..2 {
        device.send(&frame(1, &part(1, FIRE))).await;
        assert_eq!(device.replies().await, (1, Command::Confirm));
        device.send(&frame(2, &operation(1, 0b10))).await;
        assert_eq!(device.replies().await, (2, Command::Confirm));
    }
    let heard = centre.engine.heard();
    let edges = heard
        .observations
        .iter()
        .filter(|observation| observation.edge.is_some());
    assert_eq!(edges.count(), 1);
    assert_eq!(
        Centre::told(&heard).len(),
        2,
        "the fire in its words, and the silencing"
    );
    centre.end().await;
}

#[tokio::test]
async fn frames_may_come_in_pieces_and_at_once() {
    let centre = Centre::start().await;
    let mut device = centre.connect().await;
    for byte in frame(1, &part(1, FIRE)).encode() {
        device.write(&[byte]).await;
    }
    assert_eq!(device.replies().await, (1, Command::Confirm));
    let three = [
        frame(2, &part(1, 1)),
        frame(3, &part(2, FIRE)),
        frame(4, &[]),
    ];
    let bytes: Vec<u8> = three.iter().flat_map(Frame::encode).collect();
    device.write(&bytes).await;
    let mut confirmed = Vec::new();
    for _ in 0..3 {
        confirmed.push(device.replies().await.0);
    }
    confirmed.sort_unstable();
    assert_eq!(confirmed, [2, 3, 4]);
    let heard = centre.engine.heard();
    assert!(heard.has_edge("SMOKE-1") && heard.has_edge("SMOKE-2"));
    centre.end().await;
}

#[tokio::test]
async fn a_wrong_sum_is_denied_and_noise_costs_nothing_but_itself() {
    let centre = Centre::start().await;
    let mut device = centre.connect().await;
    let mut wrong = frame(1, &part(1, FIRE)).encode();
    let sum = wrong.len() - 3;
    wrong[sum] ^= 0xFF;
    device.write(&wrong).await;
    assert_eq!(device.replies().await, (1, Command::Deny));
    device.write(b"AT+CIPSEND\r\n@@").await;
    device.send(&frame(2, &part(2, FIRE))).await;
    assert_eq!(device.replies().await, (2, Command::Confirm));
    let heard = centre.engine.heard();
    assert!(
        heard.latest("SMOKE-1").is_none(),
        "nothing of a wrong frame is believed"
    );
    let counts = centre.field.counters(&"devices".into()).unwrap();
    assert_eq!(
        (counts.bad_checksum, counts.noise, counts.denied),
        (1, 14, 1)
    );
    centre.end().await;
}

#[tokio::test]
async fn a_good_frame_behind_half_a_frame_is_found_after_a_pause() {
    let centre = Centre::start().await;
    let mut device = centre.connect().await;
    let mut half = frame(9, &[0; 1_000]).encode();
    half.truncate(40);
    device.write(&half).await;
    device.send(&frame(2, &part(2, FIRE))).await;
    assert_eq!(device.replies().await, (2, Command::Confirm));
    centre.end().await;
}

#[tokio::test]
async fn a_device_may_have_two_connections_and_each_frame_is_confirmed_where_it_came() {
    let centre = Centre::start().await;
    let (mut first, mut second) = (centre.connect().await, centre.connect().await);
    first.send(&frame(1, &part(1, FIRE))).await;
    assert_eq!(first.replies().await, (1, Command::Confirm));
    // Its number starts anew on the second one.
    second.send(&frame(1, &part(1, FIRE))).await;
    second.send(&frame(2, &part(2, FIRE))).await;
    assert_eq!(second.replies().await, (1, Command::Confirm));
    assert_eq!(second.replies().await, (2, Command::Confirm));
    drop(second);
    first.send(&frame(2, &part(2, 1))).await;
    assert_eq!(first.replies().await, (2, Command::Confirm));
    let edges = |heard: &Heard| {
        heard
            .observations
            .iter()
            .filter(|o| o.edge.is_some())
            .count()
    };
    assert_eq!(edges(&centre.engine.heard()), 2);
    centre.end().await;
}

#[tokio::test]
async fn a_device_that_nobody_knows_is_denied_and_never_believed() {
    let centre = Centre::start().await;
    let mut device = centre.connect().await;
    let mut foreign = frame(1, &part(1, FIRE));
    foreign.header.source = super::frame::Station::of(4_711);
    device.send(&foreign).await;
    assert_eq!(device.replies().await, (1, Command::Deny));
    for _ in 0..20 {
        device.write(&foreign.encode()).await;
    }
    while device.next().await.is_some() {}
    let heard = centre.engine.heard();
    assert!(
        heard.observations.is_empty() && heard.inputs.is_empty(),
        "{heard:?}"
    );
    let counts = centre.field.counters(&"devices".into()).unwrap();
    assert_eq!(counts.strangers, 16);
    assert_eq!(counts.denied, 16, "then the connection is closed");
    centre.end().await;
}

#[tokio::test]
async fn a_device_from_another_network_than_its_own_is_a_stranger() {
    let centre = Centre::with(profile(), |bus| {
        for unit in &mut bus.units {
            let address: std::net::Ipv4Addr = "10.20.0.0".parse().unwrap();
            let address = address.to_ipv6_mapped().into();
            unit.caller.as_mut().unwrap().from = Some(Network { address, bits: 120 });
        }
    })
    .await;
    let mut device = centre.connect().await;
    assert_eq!(device.next().await, None, "closed at once");
    let counts = centre.field.counters(&"devices".into()).unwrap();
    assert_eq!((counts.strangers, counts.connections), (1, 0));
    centre.end().await;
}

#[tokio::test]
async fn a_silent_device_is_lost_and_comes_back_with_its_first_frame() {
    let quick = Transmitter {
        silent_after: Duration::from_millis(300),
        ..profile()
    };
    let centre = Centre::with(quick, |_| {}).await;
    let mut device = centre.connect().await;
    device.send(&frame(1, &[])).await;
    let lost = |heard: &Heard| heard.units().contains(&(1, "silent"));
    let heard = centre.engine.until("lost", lost).await;
    assert!(
        heard.units().contains(&(2, "not_connected")),
        "{:?}",
        heard.units()
    );
    assert_eq!(
        heard.links(),
        ["up"],
        "the port is open: it is the device that is lost"
    );
    device.send(&frame(2, &[])).await;
    let back =
        |heard: &Heard| heard.units().iter().rfind(|(unit, _)| *unit == 1) == Some(&(1, "up"));
    centre.engine.until("back", back).await;
    centre.end().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_lost_line_until_it_is_free() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = holder.local_addr().unwrap();
    let mut centre = Centre::with(profile(), |bus| {
        bus.line = Line::Listen(address.to_string())
    })
    .await;
    centre.address = address;
    let taken = |heard: &Heard| heard.links() == ["port_taken"];
    centre.engine.until("taken", taken).await;
    drop(holder);
    let mut device = centre.connect().await;
    device.send(&frame(1, &[])).await;
    let up = |heard: &Heard| heard.links() == ["port_taken", "up"];
    centre.engine.until("up", up).await;
    centre.end().await;
}

#[tokio::test]
async fn a_device_that_connects_gets_the_time_and_is_asked_one_thing_at_a_time() {
    let centre = Centre::start().await;
    let mut device = centre.connect().await;
    device.send(&frame(1, &[])).await;
    assert_eq!(device.replies().await, (1, Command::Confirm));
    let clock = device.next().await.unwrap();
    assert_eq!(
        (clock.header.command, &clock.adu[..2]),
        (Command::Control, &[90, 1][..])
    );
    assert_eq!(clock.header.destination, frame(0, &[]).header.source);
    let answer = |asked: &Frame, command, adu: &[u8]| Frame {
        header: asked.header.reply(command, LABEL),
        adu: adu.to_vec(),
    };
    device.send(&answer(&clock, Command::Confirm, &[])).await;
    let asked = device.next().await.unwrap();
    assert_eq!(
        (asked.header.command, &asked.adu[..]),
        (Command::Request, &[61, 1, 1, 1][..])
    );
    assert_eq!(asked.header.sequence, clock.header.sequence + 1);
    device
        .send(&answer(&asked, Command::Answer, &system(1, 1)))
        .await;
    centre
        .engine
        .until("the parts", |heard| heard.latest("SMOKE-2").is_some())
        .await;
    // A refusal of one is a refusal of its kind.
    let asked = device.next().await.unwrap();
    assert_eq!(asked.adu, [61, 1, 1, 2]);
    device.send(&answer(&asked, Command::Deny, &[])).await;
    let asked = device.next().await.unwrap();
    assert_eq!(asked.adu, [81, 1, 0]);
    device
        .send(&answer(&asked, Command::Answer, &[21, 1, 1]))
        .await;
    let asked = device.next().await.unwrap();
    assert_eq!(asked.adu[..2], [62, 6]);
    device
        .send(&answer(&asked, Command::Answer, &part(1, FIRE)))
        .await;
    centre
        .engine
        .until("the fire", |heard| heard.has_edge("SMOKE-1"))
        .await;
    centre.end().await;
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut device = TcpStream::connect(address).await.unwrap();
    let (news, mut heard) = tokio::sync::mpsc::channel(4);
    let (_replies, to_send) = tokio::sync::mpsc::channel(4);
    let connection = Connection {
        id: 7,
        stream: listener.accept().await.unwrap().0,
        news,
        replies: to_send,
        stop: CancellationToken::new(),
        idle_max: Duration::from_millis(100),
    };
    timeout(BOUND, connection.run()).await.expect("it ends");
    assert_eq!(device.read(&mut [0; 16]).await.unwrap(), 0);
    let gone = heard.recv().await.expect("news");
    assert!(gone.connection == 7 && matches!(gone.what, What::Gone));
}
