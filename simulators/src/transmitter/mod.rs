//! A user information transmission device 用户信息传输装置 (GB/T 26875.3-2011): it connects to the centre, sends heartbeats and the states
//! of its parts, waits for each confirm before it sends the next, and sends again what was not confirmed.
//!
//! It keeps what the centre has not confirmed, also over a lost connection: a real device does, and a test of the centre needs it.

mod frame;
mod session;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Bit 0 of a state: in operation.
const NORMAL: u16 = 1 << 0;
/// 火警.
const FIRE: u16 = 1 << 1;
/// 故障.
const FAULT: u16 = 1 << 2;

/// A part 部件 behind the device.
#[derive(Clone, Debug)]
pub struct Part {
    /// 系统地址.
    pub system: u8,
    /// 部件类型 (table 5): 40 smoke, 23 call point …
    pub kind: u8,
    /// 区号.
    pub zone: u16,
    /// 位号.
    pub unit: u16,
    /// What the panel calls it.
    pub text: String,
}

/// A device and where it connects.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its own address.
    pub source: u64,
    /// The address of the centre.
    pub centre: u64,
    /// Where the centre listens.
    pub address: SocketAddr,
    /// How often it says that it is there.
    pub heartbeat: Duration,
    /// How long it waits for a confirm; at most 10 s by the standard.
    pub retry_after: Duration,
    /// What hangs on it.
    pub parts: Vec<Part>,
}

/// How often an unconfirmed frame is sent again before the connection is given up.
pub const RETRIES: u32 = 3;

/// What a device of the field does that the standard does not say. All off is a device by the book.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// Every frame is sent twice.
    pub twice: bool,
    /// Frames leave byte by byte.
    pub in_pieces: bool,
    /// Bytes of a modem come before every frame.
    pub noise: bool,
    /// The next frame has a wrong sum.
    pub wrong_sum_once: bool,
    /// Times are written as decimal digits.
    pub decimal_digits: bool,
    /// Bit 0 of a state is never set.
    pub no_normal_bit: bool,
    /// Behind the NUL of a text stands what was there before.
    pub leftover_text: bool,
    /// A panel in fire is told as a whole before its part.
    pub system_first: bool,
    /// Heartbeats are one byte, 0x16.
    pub short_heartbeat: bool,
    /// Questions of the centre are denied.
    pub refuses: bool,
    /// So many seconds its clock is off.
    pub clock_off_s: i64,
}

/// What happened on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were made.
    pub connections: u64,
    /// Frames that were sent, repeats among them.
    pub sent: u64,
    /// Of these, repeats.
    pub repeats: u64,
    /// Messages that the centre confirmed.
    pub confirmed: u64,
    /// Messages that the centre denied.
    pub denied: u64,
    /// Heartbeats that the centre confirmed.
    pub heartbeats: u64,
    /// Questions and commands of the centre.
    pub asked: u64,
    /// Times that the centre set the clock.
    pub clock_set: u64,
    /// Messages that wait for their confirm.
    pub waiting: usize,
}

#[derive(Debug)]
struct State {
    /// The state bits of each part, bit 0 apart.
    parts: Vec<u16>,
    /// What is to be sent, oldest first; the first is on its way.
    queue: VecDeque<Vec<u8>>,
    manners: Manners,
    counts: Counts,
}

#[derive(Debug)]
struct Shared {
    spec: Spec,
    state: Mutex<State>,
    news: Notify,
    cut: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A device that runs until its task is dropped.
#[derive(Debug)]
pub struct Transmitter {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Transmitter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Transmitter {
    /// Starts a device on the current runtime; it connects when the centre is there.
    #[must_use]
    pub fn start(spec: Spec, manners: Manners) -> Self {
        let state = State {
            parts: vec![0; spec.parts.len()],
            queue: VecDeque::new(),
            manners,
            counts: Counts::default(),
        };
        let shared = Arc::new(Shared {
            spec,
            state: Mutex::new(state),
            news: Notify::new(),
            cut: Notify::new(),
        });
        let task = tokio::spawn(session::run(Arc::clone(&shared)));
        Self { shared, task }
    }

    /// A part alarms; an unknown one does nothing.
    pub fn alarm(&self, part: usize) {
        self.change(part, |bits| bits | FIRE);
    }

    /// A part is in fault.
    pub fn fault(&self, part: usize) {
        self.change(part, |bits| bits | FAULT);
    }

    /// A part is as it should be.
    pub fn normal(&self, part: usize) {
        self.change(part, |_| 0);
    }

    /// A part's state bits, without bit 0.
    pub fn bits(&self, part: usize, bits: u16) {
        self.change(part, |_| bits & !NORMAL);
    }

    fn change(&self, part: usize, change: impl FnOnce(u16) -> u16) {
        let mut state = self.shared.state();
        let Some(bits) = state.parts.get_mut(part) else {
            return;
        };
        let before = *bits;
        *bits = change(before);
        let fire = *bits & FIRE != 0 && before & FIRE == 0;
        let system = self.shared.spec.parts.get(part).map(|part| part.system);
        if let Some(system) = system.filter(|_| fire && state.manners.system_first) {
            let told = session::system_state(&self.shared.spec, &state, system);
            state.queue.push_back(told);
        }
        let told = session::part_state(&self.shared.spec, &state, part);
        state.queue.extend(told);
        drop(state);
        self.shared.news.notify_one();
    }

    /// Somebody resets a panel: its parts are quiet, and only the operation is told.
    pub fn reset(&self, system: u8, operator: u8) {
        let mut state = self.shared.state();
        let parts = self.shared.spec.parts.iter().zip(&mut state.parts);
        for (_, bits) in parts.filter(|(part, _)| part.system == system) {
            *bits &= !FIRE;
        }
        drop(state);
        self.operate(system, 1, operator);
    }

    /// Somebody does something at a panel: bits of figure 13.
    pub fn operate(&self, system: u8, acts: u8, operator: u8) {
        self.tell(vec![4, 1, 1, system, acts, operator], true);
    }

    /// Any application unit.
    pub fn say(&self, unit: Vec<u8>) {
        self.tell(unit, false);
    }

    fn tell(&self, mut unit: Vec<u8>, with_label: bool) {
        let mut state = self.shared.state();
        if with_label {
            unit.extend(session::label(&state));
        }
        state.queue.push_back(unit);
        drop(state);
        self.shared.news.notify_one();
    }

    /// Changes what it does that the standard does not say.
    pub fn manners(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.shared.state().manners);
    }

    /// The connection is cut; the next one starts with number 0.
    pub fn cut(&self) {
        self.shared.cut.notify_one();
    }

    /// What happened on the wire.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let state = self.shared.state();
        Counts {
            waiting: state.queue.len(),
            ..state.counts
        }
    }
}
