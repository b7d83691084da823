//! One connection after the other: what is sent, repeated, answered.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

use super::frame::{self, Received};
use super::{FIRE, NORMAL, RETRIES, Shared, Spec, State};

/// Pause before the centre is called again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// What a modem says before its data.
const NOISE: &[u8] = b"+IPD,64:\r\n@";

/// Runs until its task is dropped.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        if let Ok(stream) = TcpStream::connect(shared.spec.address).await {
            shared.state().counts.connections += 1;
            let session = Session::new(&shared, stream);
            tokio::select! {
                end = session.run() => tracing::debug!(?end, "the connection to the centre ended"),
                () = shared.cut.notified() => {}
            }
        }
        sleep(AGAIN_AFTER).await;
    }
}

/// The frame that waits for its confirm.
struct Open {
    sequence: u16,
    sent_at: Instant,
    repeats: u32,
}

struct Session<'a> {
    shared: &'a Shared,
    stream: TcpStream,
    sequence: u16,
    open: Option<Open>,
    heartbeat_at: Instant,
    received: Vec<u8>,
}

impl<'a> Session<'a> {
    fn new(shared: &'a Shared, stream: TcpStream) -> Self {
        Self {
            shared,
            stream,
            sequence: 0,
            open: None,
            heartbeat_at: Instant::now(),
            received: Vec::new(),
        }
    }

    async fn run(mut self) -> io::Result<()> {
        let mut bytes = [0; 2_048];
        loop {
            self.send_what_is_due().await?;
            let repeat_at = self
                .open
                .as_ref()
                .map(|open| open.sent_at + self.shared.spec.retry_after);
            let wake_at = repeat_at.map_or(self.heartbeat_at, |at| at.min(self.heartbeat_at));
            tokio::select! {
                read = self.stream.read(&mut bytes) => {
                    let count = read?;
                    if count == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.received.extend_from_slice(&bytes[..count]);
                    while let Some(received) = frame::take(&mut self.received) {
                        self.hear(&received).await?;
                    }
                }
                () = self.shared.news.notified() => {}
                () = sleep_until(wake_at) => {}
            }
        }
    }

    async fn send_what_is_due(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.heartbeat_at <= now {
            self.heartbeat_at = now + self.shared.spec.heartbeat;
            let short = self.shared.state().manners.short_heartbeat;
            // Its number is always 0, as in the field.
            let unit: &[u8] = if short { &[0x16] } else { &[] };
            self.send((0, 2), unit).await?;
        }
        let head = self.shared.state().queue.front().cloned();
        let Some(unit) = head else { return Ok(()) };
        match &mut self.open {
            Some(open) if now < open.sent_at + self.shared.spec.retry_after => Ok(()),
            Some(open) if open.repeats >= RETRIES => Err(io::ErrorKind::TimedOut.into()),
            Some(open) => {
                (open.sent_at, open.repeats) = (now, open.repeats + 1);
                let sequence = open.sequence;
                self.shared.state().counts.repeats += 1;
                self.send((sequence, 2), &unit).await
            }
            None => {
                self.sequence = self.sequence.wrapping_add(1);
                let open = Open {
                    sequence: self.sequence,
                    sent_at: now,
                    repeats: 0,
                };
                self.open = Some(open);
                self.send((self.sequence, 2), &unit).await
            }
        }
    }

    async fn hear(&mut self, received: &Received) -> io::Result<()> {
        let Received {
            sequence,
            command,
            unit,
        } = received;
        match command {
            3 | 6 => {
                self.replied(*sequence, *command == 3);
                Ok(())
            }
            1 | 4 => self.asked(*sequence, *command, unit).await,
            _ => Ok(()),
        }
    }

    fn replied(&mut self, sequence: u16, confirmed: bool) {
        let mut state = self.shared.state();
        if sequence == 0 {
            state.counts.heartbeats += u64::from(confirmed);
            return;
        }
        let is_ours = self
            .open
            .as_ref()
            .is_some_and(|open| open.sequence == sequence);
        if !is_ours {
            return;
        }
        if confirmed {
            state.counts.confirmed += 1;
            state.queue.pop_front();
            self.open = None;
        } else if let Some(open) = &mut self.open {
            // A denial is sent again at once.
            state.counts.denied += 1;
            let now = Instant::now();
            open.sent_at = now.checked_sub(self.shared.spec.retry_after).unwrap_or(now);
        }
    }

    /// The centre asks or commands.
    async fn asked(&mut self, sequence: u16, command: u8, unit: &[u8]) -> io::Result<()> {
        let answer = {
            let mut state = self.shared.state();
            state.counts.asked += 1;
            let spec = &self.shared.spec;
            match (command, unit) {
                (1, [90, 1, ..]) => {
                    state.counts.clock_set += 1;
                    state.manners.clock_off_s = 0;
                    Some((3, Vec::new()))
                }
                _ if state.manners.refuses => None,
                (4, [61, 1, _, system]) => Some((5, system_state(spec, &state, *system))),
                (4, [62, count, asked @ ..]) => {
                    Some((5, parts_state(spec, &state, (*count, asked))))
                }
                (4, [81, 1, 0]) => {
                    let mut unit = vec![21, 1, 1];
                    unit.extend(label(&state));
                    Some((5, unit))
                }
                _ => None,
            }
        };
        let (command, unit) = answer.unwrap_or((6, Vec::new()));
        self.send((sequence, command), &unit).await
    }

    async fn send(&mut self, head: (u16, u8), unit: &[u8]) -> io::Result<()> {
        let (bytes, in_pieces) = {
            let mut state = self.shared.state();
            let spec = &self.shared.spec;
            let mut one = frame::frame(head, (spec.source, spec.centre), label(&state), unit);
            if std::mem::take(&mut state.manners.wrong_sum_once) {
                let sum = one.len() - 3;
                one[sum] ^= 0xFF;
            }
            let noise = if state.manners.noise { NOISE } else { &[] };
            let times = if state.manners.twice { 2 } else { 1 };
            state.counts.sent += 1;
            (
                [noise, &one].concat().repeat(times),
                state.manners.in_pieces,
            )
        };
        if !in_pieces {
            return self.stream.write_all(&bytes).await;
        }
        for byte in bytes {
            self.stream.write_all(&[byte]).await?;
            self.stream.flush().await?;
        }
        Ok(())
    }
}

/// The label of now, as this device's clock shows it.
pub(super) fn label(state: &State) -> [u8; 6] {
    frame::label(state.manners.clock_off_s, state.manners.decimal_digits)
}

/// Type 2 of one part.
pub(super) fn part_state(spec: &Spec, state: &State, part: usize) -> Option<Vec<u8>> {
    let mut unit = vec![2, 1];
    unit.extend(object(spec, state, part)?);
    Some(unit)
}

/// Type 2 of the parts that were asked for; those that are not there are left out.
fn parts_state(spec: &Spec, state: &State, (_, asked): (u8, &[u8])) -> Vec<u8> {
    let wanted = asked.chunks_exact(6).filter_map(|one| {
        let (system, zone, unit) = (one[1], [one[2], one[3]], [one[4], one[5]]);
        let (zone, unit) = (u16::from_le_bytes(zone), u16::from_le_bytes(unit));
        let is_it =
            |part: &super::Part| (part.system, part.zone, part.unit) == (system, zone, unit);
        spec.parts.iter().position(is_it)
    });
    let objects: Vec<Vec<u8>> = wanted
        .filter_map(|part| object(spec, state, part))
        .collect();
    let count = u8::try_from(objects.len()).unwrap_or(u8::MAX);
    [vec![2, count], objects.concat()].concat()
}

fn object(spec: &Spec, state: &State, at: usize) -> Option<Vec<u8>> {
    let (part, bits) = (spec.parts.get(at)?, state.parts.get(at)?);
    let normal = if state.manners.no_normal_bit {
        0
    } else {
        NORMAL
    };
    let mut object = vec![1, part.system, part.kind];
    object.extend_from_slice(&part.zone.to_le_bytes());
    object.extend_from_slice(&part.unit.to_le_bytes());
    object.extend_from_slice(&(bits | normal).to_le_bytes());
    object.extend_from_slice(&frame::text(&part.text, state.manners.leftover_text));
    object.extend_from_slice(&label(state));
    Some(object)
}

/// Type 1: what stands anywhere in a panel.
pub(super) fn system_state(spec: &Spec, state: &State, system: u8) -> Vec<u8> {
    let parts = spec.parts.iter().zip(&state.parts);
    let stands = parts.filter(|(part, _)| part.system == system);
    let bits = stands.fold(0, |all, (_, bits)| all | bits);
    let normal = if state.manners.no_normal_bit && bits & FIRE != 0 {
        0
    } else {
        NORMAL
    };
    let mut unit = vec![1, 1, 1, system];
    unit.extend_from_slice(&(bits & 0x7F | normal).to_le_bytes());
    unit.extend_from_slice(&label(state));
    unit
}
