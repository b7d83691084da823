//! A slave on a pseudo-terminal that keeps the pace of 9600 8N1, does wrong on request, and writes down when each request began and
//! when the byte before it was sent. It shares no code with the frames it tests.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::time::Instant;

/// One character of ten bits at 9600.
const CHARACTER: Duration = Duration::from_nanos(1_041_667);

/// How one request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Silence,
    /// So long after the request.
    Late(Duration),
    Twice,
    /// The right reply, and again after so long.
    Doubled(Duration),
    /// The right reply, and after so long that of another device with the same address, on which everything stands otherwise.
    Contradicted(Duration),
    /// The reply of another unit.
    Foreign,
    /// The reply of another unit, then the right one.
    ForeignFirst,
    Truncated,
    /// Noise, then the right reply.
    NoiseBefore,
    Checksum,
    /// Another number of registers, well framed.
    Longer,
    /// Our own request, then the right reply.
    Echo,
    /// The device is busy.
    Busy,
    /// The device refuses with this code.
    Exception(u8),
    /// In two pieces with so much silence between them.
    Split(Duration),
    /// The right reply, then noise.
    NoiseAfter,
    /// The right reply under unit 0.
    UnitZero,
    /// The right reply with one bit of the unit turned over.
    BadUnit,
    /// One register fewer, well framed.
    Shorter,
    /// A write that is echoed with another value.
    OtherValue,
    /// A write that is echoed and not done.
    NotDone,
}

/// What the slave holds, does and has seen.
#[derive(Debug, Default)]
pub(crate) struct Slave {
    /// Holding registers of every unit that answers.
    pub(crate) units: BTreeMap<u8, BTreeMap<u16, u16>>,
    /// Coils of all of them.
    pub(crate) coils: BTreeMap<u16, bool>,
    /// Two devices have the address of each unit: their replies lie over each other.
    pub(crate) collides: bool,
    /// A longer question than this is not answered at all.
    pub(crate) registers_max: Option<u16>,
    pub(crate) acts: VecDeque<Wrong>,
    /// The same for every read of one unit when there is no other.
    pub(crate) always: Option<(u8, Wrong)>,
    /// The same for writes.
    pub(crate) write_acts: VecDeque<Wrong>,
    /// Unit and address of each read.
    pub(crate) asked: Vec<(u8, u16)>,
    /// Function code, unit and address of each request, in order.
    pub(crate) requests: Vec<(u8, u8, u16)>,
    /// From the last byte on the line to the first byte of a request.
    pub(crate) silences: Vec<Duration>,
    /// Bytes that were no request.
    pub(crate) bad: usize,
    /// Characters on the line, both ways.
    pub(crate) characters: usize,
}

/// A slave at work; it ends when this is dropped.
pub(crate) struct Wire {
    pub(crate) path: PathBuf,
    slave: Arc<Mutex<Slave>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    pub(crate) fn start(units: BTreeMap<u8, BTreeMap<u16, u16>>) -> Self {
        let fd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&fd).unwrap();
        unlockpt(&fd).unwrap();
        let path = ptsname(&fd, Vec::new()).unwrap().into_string().unwrap();
        let slave = Slave {
            units,
            ..Slave::default()
        };
        let (slave, stop) = (Arc::new(Mutex::new(slave)), Arc::<AtomicBool>::default());
        let (serving, stopped) = (Arc::clone(&slave), Arc::clone(&stop));
        let thread = thread::spawn(move || serve(&File::from(fd), &serving, &stopped));
        Self {
            path: path.into(),
            slave,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Slave) -> T) -> T {
        look(&mut self.slave.lock().unwrap())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(file: &File, slave: &Mutex<Slave>, stop: &AtomicBool) {
    let mut pending = Vec::new();
    let mut began = Instant::now();
    let mut last_sent: Option<Instant> = None;
    while !stop.load(Ordering::Relaxed) {
        let mut fds = [PollFd::new(file, PollFlags::IN)];
        let limit = Timespec {
            tv_sec: 0,
            tv_nsec: 20_000_000,
        };
        let is_there = poll(&mut fds, Some(&limit)).unwrap() > 0;
        let mut bytes = [0_u8; 256];
        let count = match is_there.then(|| (&mut &*file).read(&mut bytes)) {
            Some(Ok(count)) => count,
            // Nobody has opened the other end yet.
            Some(Err(_)) => {
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            None => 0,
        };
        if pending.is_empty() && count > 0 {
            began = Instant::now();
            if let Some(last) = last_sent.take() {
                let silence = began.saturating_duration_since(last);
                slave.lock().unwrap().silences.push(silence);
            }
        }
        pending.extend_from_slice(&bytes[..count]);
        while let Some(length) = request_len(&pending) {
            let request: Vec<u8> = pending.drain(..length).collect();
            if let Some(sent) = answer(file, slave, &request, began) {
                last_sent = Some(sent);
            }
            began = Instant::now();
        }
    }
}

/// Answers one request; returns when the last byte of the reply was sent, unless a request crossed it.
#[expect(clippy::too_many_lines, reason = "a list, or one case after the other")]
fn answer(file: &File, slave: &Mutex<Slave>, request: &[u8], began: Instant) -> Option<Instant> {
    let mut slave = slave.lock().unwrap();
    slave.characters += request.len();
    let (unit, function) = (request[0], request[1]);
    let (address, count) = (word(request, 2), word(request, 4));
    if crc(request) != 0 {
        slave.bad += 1;
        return None;
    }
    slave.requests.push((function, unit, address));
    if function == 3 {
        slave.asked.push((unit, address));
    }
    let registers = slave.units.get(&unit)?.clone();
    if slave.registers_max.is_some_and(|most| count > most) {
        return None;
    }
    let act = match function {
        5 | 6 => slave.write_acts.pop_front(),
        _ => {
            let always = slave.always.filter(|(of, _)| *of == unit);
            let next = slave.acts.pop_front();
            next.or(always.map(|(_, wrong)| wrong))
        }
    };
    let right = match function {
        3 => read(unit, &registers, address, count),
        1 => {
            let is_on = slave.coils.get(&address).copied().unwrap_or_default();
            sealed(vec![unit, 1, 1, u8::from(is_on)])
        }
        5 => {
            if act != Some(Wrong::NotDone) {
                slave.coils.insert(address, count == 0xFF00);
            }
            request.to_vec()
        }
        6 => {
            let registers = slave.units.get_mut(&unit)?;
            registers.insert(address, count);
            request.to_vec()
        }
        _ => sealed(vec![unit, function | 0x80, 1]),
    };
    let foreign = match function {
        3 => read(unit + 1, &registers, address, count),
        _ => right.clone(),
    };
    let reply = match act {
        Some(Wrong::Silence) => return None,
        Some(Wrong::Twice) => [right.clone(), right].concat(),
        Some(Wrong::Foreign) => foreign,
        Some(Wrong::ForeignFirst) => [foreign, right].concat(),
        Some(Wrong::Truncated) => right[..right.len() - 3].to_vec(),
        Some(Wrong::NoiseBefore) => [vec![0xFF, 0x00], right].concat(),
        Some(Wrong::Checksum) => spoilt(right),
        Some(Wrong::Longer) => read(unit, &registers, address, count + 1),
        Some(Wrong::Echo) => [request.to_vec(), right].concat(),
        Some(Wrong::Busy) => sealed(vec![unit, function | 0x80, 6]),
        Some(Wrong::Exception(code)) => sealed(vec![unit, function | 0x80, code]),
        Some(Wrong::NoiseAfter) => [right, vec![0x00, 0xFF]].concat(),
        Some(Wrong::UnitZero) => resealed(right, |frame| frame[0] = 0),
        Some(Wrong::BadUnit) => resealed(right, |frame| frame[0] ^= 0x40),
        Some(Wrong::Shorter) => read(unit, &registers, address, count - 1),
        Some(Wrong::OtherValue) => resealed(right, |frame| frame[4] = 0x01),
        Some(Wrong::Doubled(_)) => [right.clone(), right].concat(),
        Some(Wrong::Contradicted(_)) => {
            let inverted =
                |frame: &mut Vec<u8>| frame[3..].iter_mut().for_each(|byte| *byte ^= 0xFF);
            [right.clone(), resealed(right, inverted)].concat()
        }
        Some(Wrong::Late(_) | Wrong::Split(_) | Wrong::NotDone) | None => right,
    };
    let reply = if slave.collides {
        reply.iter().map(|byte| byte & 0x5A).collect()
    } else {
        reply
    };
    slave.characters += reply.len();
    drop(slave);
    let late = match act {
        Some(Wrong::Late(by)) => by,
        _ => Duration::from_millis(5),
    };
    let starts = began + CHARACTER * 8 + late;
    let (mut sent, mut is_crossed) = (starts, false);
    let half = u32::try_from(reply.len() / 2).unwrap();
    let (from, pause) = match act {
        Some(Wrong::Split(pause)) => (2, pause),
        Some(Wrong::Doubled(pause) | Wrong::Contradicted(pause)) => (half, pause),
        _ => (0, Duration::ZERO),
    };
    for (n, byte) in (1_u32..).zip(reply) {
        let due = starts + CHARACTER * n + if n > from { pause } else { Duration::ZERO };
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if n == 1 {
            // A request that came while the line was silent has not waited for this reply.
            let mut fds = [PollFd::new(file, PollFlags::IN)];
            is_crossed = poll(&mut fds, Some(&Timespec::default())).unwrap() > 0;
        }
        // Before the write: never later than the byte was on the line.
        sent = Instant::now();
        (&mut &*file).write_all(&[byte]).unwrap();
    }
    (!is_crossed).then_some(sent)
}

fn read(unit: u8, registers: &BTreeMap<u16, u16>, address: u16, count: u16) -> Vec<u8> {
    let mut frame = vec![unit, 3, u8::try_from(count * 2).unwrap()];
    for at in address..address + count {
        frame.extend(
            registers
                .get(&at)
                .copied()
                .unwrap_or_default()
                .to_be_bytes(),
        );
    }
    sealed(frame)
}

/// Length of the request that stands there, when it is whole.
fn request_len(pending: &[u8]) -> Option<usize> {
    let length = match pending.get(1)? {
        0x0F | 0x10 => 9 + usize::from(*pending.get(6)?),
        0x16 => 10,
        _ => 8,
    };
    (pending.len() >= length).then_some(length)
}

fn resealed(mut frame: Vec<u8>, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    frame.truncate(frame.len() - 2);
    change(&mut frame);
    sealed(frame)
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn sealed(mut frame: Vec<u8>) -> Vec<u8> {
    frame.extend(crc(&frame).to_le_bytes());
    frame
}

fn spoilt(mut frame: Vec<u8>) -> Vec<u8> {
    frame[3] ^= 0x10;
    frame
}

/// Bit by bit, as the guide draws it.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xA001 } else { 0 }
        })
    })
}
