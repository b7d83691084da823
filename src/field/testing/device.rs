//! A device on a real socket that does what its test asks of it, right or wrong. It reads requests by itself and shares no code
//! with the codec it tests.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each step of an answer knows only the misbehaviour that it makes"
)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{BOUND, TIMEOUT_MS};

/// When a late reply is sent.
const LATE: Duration = Duration::from_millis(TIMEOUT_MS as u64 * 3 / 2);

/// How one request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Right,
    Silence,
    /// After the client has given up, on the same connection.
    Late,
    Twice,
    /// In pieces of one byte.
    Pieces,
    Transaction,
    Protocol,
    Unit(u8),
    /// The right answer to a read of one element fewer, or more.
    Fewer,
    More,
    ByteCount,
    Function,
    EchoValue(u16),
    EchoAddress,
    /// The first bytes, then silence.
    Truncated,
    /// The first bytes, then a reset.
    ResetMidway,
    /// Reset without a byte.
    Reset,
    Exception(u8),
    /// Echoed and not done.
    NotDone,
}

/// What the device holds and does.
#[derive(Default)]
pub(crate) struct Device {
    pub(crate) registers: BTreeMap<u16, u16>,
    pub(crate) inputs: BTreeMap<u16, bool>,
    pub(crate) coils: BTreeMap<u16, bool>,
    /// What the coils drive is seen at the inputs.
    pub(crate) inputs_follow_coils: bool,
    /// Reads that touch one of these are answered with exception 02.
    pub(crate) holes: Vec<u16>,
    /// A longer question than this is not answered at all.
    pub(crate) registers_max: Option<u16>,
    /// Units that stay silent.
    pub(crate) silent_units: Vec<u8>,
    /// Units that answer everything with this exception.
    pub(crate) refusing_units: Vec<(u8, u8)>,
    /// What to do with the next requests of a function code; when it is empty all is right.
    pub(crate) acts: VecDeque<(u8, Act)>,
    /// What to do with every request that has no act.
    pub(crate) always: Option<Act>,
    /// Function code, unit, address and value of each request.
    pub(crate) asked: Vec<(u8, u8, u16, u16)>,
}

/// A device on a real socket.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: String,
    device: Arc<Mutex<Device>>,
    changed: watch::Sender<u64>,
    cut: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn listen(listener: TcpListener) -> Self {
        let server = Self {
            address: listener.local_addr().unwrap().to_string(),
            device: Arc::default(),
            changed: watch::Sender::new(0),
            cut: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        server.accept(listener);
        server
    }

    fn accept(&self, listener: TcpListener) {
        let serving = self.clone();
        self.tasks
            .spawn(self.cut.clone().run_until_cancelled_owned(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (serving, cut) = (serving.clone(), serving.cut.clone());
                    serving.tasks.clone().spawn(async move {
                        cut.run_until_cancelled(serving.serve(stream)).await;
                    });
                }
            }));
    }

    /// Ends all connections and listens no more; returns when that is so.
    pub(crate) async fn cut(&self) {
        self.cut.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Listens again at the same address, with the same device.
    pub(crate) async fn restore(&mut self) {
        self.cut = CancellationToken::new();
        self.tasks = TaskTracker::new();
        self.accept(TcpListener::bind(&self.address).await.unwrap());
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Device) -> T) -> T {
        change(&mut self.device.lock().unwrap())
    }

    /// The next request of this function code is answered so.
    pub(crate) fn next(&self, function: u8, act: Act) {
        self.with(|device| device.acts.push_back((function, act)));
    }

    /// Waits until the device is as wanted; looked at after every request.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Device) -> bool) {
        let mut changed = self.changed.subscribe();
        let wait = changed.wait_for(|_| self.with(|device| is_so(device)));
        assert!(
            tokio::time::timeout(BOUND, wait).await.is_ok(),
            "never: {what}"
        );
    }

    async fn serve(&self, mut stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut request = [0_u8; 12];
        while stream.read_exact(&mut request).await.is_ok() {
            let (act, frame) = self.with(|device| device.decide(&request));
            let goes_on = perform(&mut stream, &act, frame).await;
            self.changed.send_modify(|n| *n += 1);
            if !goes_on {
                return;
            }
        }
    }
}

impl Device {
    fn decide(&mut self, request: &[u8; 12]) -> (Act, Vec<u8>) {
        let (unit, function) = (request[6], request[7]);
        let address = u16::from_be_bytes([request[8], request[9]]);
        let value = u16::from_be_bytes([request[10], request[11]]);
        self.asked.push((function, unit, address, value));
        let is_too_long = self.registers_max.is_some_and(|most| value > most);
        if self.silent_units.contains(&unit) || function < 5 && is_too_long {
            return (Act::Silence, Vec::new());
        }
        let mut refusing = self.refusing_units.iter();
        if let Some((_, code)) = refusing.find(|(refusing, _)| *refusing == unit) {
            return (Act::Right, framed(request, &[function | 0x80, *code]));
        }
        let act = match self.acts.front() {
            Some((wanted, _)) if *wanted == function => self.acts.pop_front().unwrap().1,
            Some(_) | None => self.always.clone().unwrap_or(Act::Right),
        };
        let mut pdu = match act {
            Act::Exception(code) => vec![function | 0x80, code],
            Act::Fewer => self.pdu(function, address, value - 1, true),
            Act::More => self.pdu(function, address, value + 1, true),
            Act::NotDone => self.pdu(function, address, value, false),
            _ => self.pdu(function, address, value, true),
        };
        match act {
            Act::ByteCount => pdu[1] += 2,
            Act::Function => pdu[0] = if function == 3 { 4 } else { 3 },
            Act::EchoValue(value) => pdu[3..].copy_from_slice(&value.to_be_bytes()),
            Act::EchoAddress => pdu[2] ^= 1,
            _ => {}
        }
        (act, framed(request, &pdu))
    }

    fn pdu(&mut self, function: u8, address: u16, value: u16, acts: bool) -> Vec<u8> {
        let range = address..address.saturating_add(value);
        match function {
            1 | 2 => {
                let table = if function == 1 || self.inputs_follow_coils {
                    &self.coils
                } else {
                    &self.inputs
                };
                let mut bytes = vec![0_u8; usize::from(value.div_ceil(8))];
                for (n, at) in range.enumerate() {
                    bytes[n / 8] |=
                        u8::from(table.get(&at).copied().unwrap_or_default()) << (n % 8);
                }
                let mut pdu = vec![function, u8::try_from(bytes.len()).unwrap()];
                pdu.extend(bytes);
                pdu
            }
            3 | 4 => {
                if self.holes.iter().any(|hole| range.contains(hole)) {
                    return vec![function | 0x80, 2];
                }
                let mut pdu = vec![function, u8::try_from(value * 2).unwrap()];
                for at in range {
                    pdu.extend(
                        self.registers
                            .get(&at)
                            .copied()
                            .unwrap_or_default()
                            .to_be_bytes(),
                    );
                }
                pdu
            }
            5 if acts => {
                self.coils.insert(address, value == 0xFF00);
                echo(function, address, value)
            }
            6 if acts => {
                self.registers.insert(address, value);
                echo(function, address, value)
            }
            5 | 6 => echo(function, address, value),
            _ => vec![function | 0x80, 1],
        }
    }
}

fn echo(function: u8, address: u16, value: u16) -> Vec<u8> {
    let ([a1, a0], [v1, v0]) = (address.to_be_bytes(), value.to_be_bytes());
    vec![function, a1, a0, v1, v0]
}

fn framed(request: &[u8; 12], pdu: &[u8]) -> Vec<u8> {
    let [l1, l0] = u16::try_from(pdu.len() + 1).unwrap().to_be_bytes();
    let mut frame = vec![request[0], request[1], 0, 0, l1, l0, request[6]];
    frame.extend(pdu);
    frame
}

/// Returns whether the connection goes on.
async fn perform(stream: &mut TcpStream, act: &Act, mut frame: Vec<u8>) -> bool {
    match act {
        Act::Silence => return true,
        Act::Late => tokio::time::sleep(LATE).await,
        Act::Twice => frame = [frame.clone(), frame].concat(),
        Act::Pieces => {
            for byte in frame {
                if stream.write_all(&[byte]).await.is_err() {
                    return false;
                }
                tokio::task::yield_now().await;
            }
            return true;
        }
        Act::Transaction => frame[1] = frame[1].wrapping_add(1),
        Act::Protocol => frame[3] = 1,
        Act::Unit(unit) => frame[6] = *unit,
        Act::Truncated | Act::ResetMidway => frame.truncate(frame.len() - 1),
        Act::Reset => frame.clear(),
        Act::Right
        | Act::Fewer
        | Act::More
        | Act::ByteCount
        | Act::Function
        | Act::EchoValue(_)
        | Act::EchoAddress
        | Act::Exception(_)
        | Act::NotDone => {}
    }
    if stream.write_all(&frame).await.is_err() {
        return false;
    }
    if matches!(act, Act::Reset | Act::ResetMidway) {
        // Closing with linger zero is a reset instead of an orderly end.
        stream.set_zero_linger().unwrap();
        return false;
    }
    true
}
