//! Writing: permit, one write, echo, read-back, result (DESIGN.md 4, rule 8).
//!
//! One command at a time is in the hand of the bus. The permit is asked for only while the line works. The next frame waits for it
//! as long as a commit takes; after that polling goes on until it is there. Between the permit and the result every way out has
//! its outcome: nothing left this machine, the device refused, it is written and seen to be, or nobody knows.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Bus, Line};
use crate::domain::output::{Target, WriteOutcome};
use crate::domain::profile::Quirks;
use crate::engine::ports::WriteEffect;
use crate::field::modbus::pdu::{Reply, Request, Span, Values};
use crate::field::report::Permit;

/// The device is busy and has done nothing (V1.1b3, 7).
const BUSY: u8 = 0x06;
/// The device has taken the request and is still at it.
const ACKNOWLEDGE: u8 = 0x05;
/// The gateway has no way to the device: nothing was passed on.
const NO_GATEWAY_PATH: u8 = 0x0A;
/// So long the next frame waits for a permit: a commit takes milliseconds, also in a flood of alarms; a frame of a slow line hundreds.
const PERMIT: Duration = Duration::from_millis(100);
/// A busy device is asked again after this pause, at most so often.
const BUSY_PAUSE: Duration = Duration::from_millis(100);
const BUSY_TRIES_MAX: u8 = 20;

/// The command that the bus has in hand.
#[derive(Debug)]
pub(super) enum Hand {
    Empty,
    /// The engine has been asked.
    Asked(WriteEffect),
    /// The permit is committed: this command ends with a result.
    Permitted {
        effect: WriteEffect,
        not_before: Instant,
        busy: u8,
    },
}

/// What one write came to.
enum Written {
    Outcome(WriteOutcome),
    /// Nothing was done; the device may be asked again.
    Busy,
}

impl Bus {
    /// Takes the next command into the empty hand when its unit can be written, and asks for the permit.
    pub(super) async fn next_command(&mut self) {
        if matches!(self.line, Line::Closed { .. }) {
            // A busy device has done nothing yet, and now it is gone.
            self.drop_hand(WriteOutcome::NotSent);
        }
        if !matches!(self.hand, Hand::Empty) {
            return;
        }
        let now = self.handle.now().engine;
        let is_open = matches!(self.line, Line::Open(_));
        let (units, supplies) = (&self.units, &self.port.supplies);
        let can_write = |effect: &WriteEffect| {
            let is_there = is_open && units.is_answering(effect.unit);
            is_there && supplies.take(effect.stagger.as_ref(), now)
        };
        if let Some(effect) = self.port.commands.take(now, can_write) {
            self.reports.ask_permit(effect.command.clone());
            self.hand = Hand::Asked(effect);
            self.hear_permit().await;
        }
    }

    async fn hear_permit(&mut self) {
        let until = Instant::now() + PERMIT;
        while matches!(self.hand, Hand::Asked(_)) {
            match timeout_at(until, self.reports.answered()).await {
                Ok(Some(permit)) => self.decided(&permit),
                Ok(None) => {}
                Err(_late) => return,
            }
        }
    }

    /// The engine has decided about a command.
    pub(super) fn decided(&mut self, permit: &Permit) {
        let effect = match std::mem::replace(&mut self.hand, Hand::Empty) {
            Hand::Asked(effect) if effect.command == permit.command => effect,
            other @ (Hand::Asked(_) | Hand::Empty | Hand::Permitted { .. }) => {
                // Only a panic in between has another hand by now; no permit may stay without a result.
                self.hand = other;
                if permit.granted {
                    let command = permit.command.clone();
                    self.reports.result(command, WriteOutcome::NotSent);
                }
                return;
            }
        };
        if !permit.granted {
            self.port.supplies.give_back(effect.stagger.as_ref());
            self.port.commands.forget(&effect.command);
            return;
        }
        self.hand = Hand::Permitted {
            effect,
            not_before: Instant::now(),
            busy: 0,
        };
        if matches!(self.line, Line::Closed { .. }) {
            self.finish(WriteOutcome::NotSent);
        }
    }

    /// When the command in hand may be written.
    pub(super) fn write_at(&self) -> Option<Instant> {
        match &self.hand {
            Hand::Permitted { not_before, .. } => Some(*not_before),
            Hand::Empty | Hand::Asked(_) => None,
        }
    }

    /// Writes the command in hand.
    pub(super) async fn write(&mut self) {
        let Hand::Permitted { effect, busy, .. } = &self.hand else {
            return;
        };
        let (effect, busy) = (effect.clone(), *busy);
        self.written_in_a_row += 1;
        crate::crash::point("after_permit_before_first_byte");
        if effect.expires <= self.handle.now().engine {
            // The permit came too late. Nothing left, and the engine expires the command itself.
            self.finish(WriteOutcome::NotSent);
            return;
        }
        let outcome = match self.write_once(&effect).await {
            Written::Outcome(outcome) => outcome,
            Written::Busy if busy < BUSY_TRIES_MAX => {
                self.hand = Hand::Permitted {
                    effect,
                    not_before: Instant::now() + BUSY_PAUSE,
                    busy: busy + 1,
                };
                return;
            }
            Written::Busy => WriteOutcome::Refused { exception: BUSY },
        };
        crate::crash::point("after_last_byte_before_result");
        self.finish(outcome);
    }

    async fn write_once(&mut self, effect: &WriteEffect) -> Written {
        let terms = self.terms.of(effect.unit);
        let Some(request) = request(effect.target, &terms.quirks) else {
            return Written::Outcome(WriteOutcome::NotSent);
        };
        let sent = match self.send(effect.unit, request).await {
            Ok(sent) => sent,
            Err(failure) if failure.has_left => return Written::Outcome(WriteOutcome::Unknown),
            Err(_) => return Written::Outcome(WriteOutcome::NotSent),
        };
        crate::crash::point("mid_write");
        let replied = self.reply(effect.unit, sent).await;
        if let Err(failure) = &replied {
            self.lost_reply(effect.unit, failure.fault);
        }
        match replied {
            Ok(Reply::Written) => Written::Outcome(self.read_back(effect).await),
            Ok(Reply::Exception(BUSY)) => Written::Busy,
            Ok(Reply::Exception(code)) if is_refusal(code) => {
                Written::Outcome(WriteOutcome::Refused { exception: code })
            }
            // Nothing else is an answer to a write.
            Ok(Reply::Exception(_) | Reply::Values(_) | Reply::Identity(_)) | Err(_) => {
                Written::Outcome(WriteOutcome::Unknown)
            }
        }
    }

    /// An echo proves that the request arrived, not that the output stands: where it can be asked it is, and more than once where the
    /// replies of its unit are doubted.
    async fn read_back(&mut self, effect: &WriteEffect) -> WriteOutcome {
        let Some((area, register)) = effect.target.read_back(effect.action) else {
            return WriteOutcome::Written;
        };
        let Some(span) = Span::new(area, register, 1) else {
            return WriteOutcome::Unknown;
        };
        for _ in 0..self.units.replies_needed(effect.unit) {
            match self.exchange(effect.unit, Request::Read(span)).await {
                Ok(Reply::Values(values)) if stands(effect.target, &values) => {}
                Ok(_) => return WriteOutcome::Unknown,
                Err(failure) => {
                    self.lost_reply(effect.unit, failure.fault);
                    return WriteOutcome::Unknown;
                }
            }
        }
        WriteOutcome::Written
    }

    /// The command in hand ends. It is forgotten first: the engine may offer it again before this result is answered.
    fn finish(&mut self, outcome: WriteOutcome) {
        match std::mem::replace(&mut self.hand, Hand::Empty) {
            Hand::Permitted { effect, .. } => {
                tracing::info!(
                    bus.id = self.name, command.id = %effect.command, ?outcome,
                    "a command was written or tried"
                );
                let (stagger, now) = (effect.stagger.as_ref(), self.handle.now().engine);
                match outcome {
                    WriteOutcome::Written | WriteOutcome::Unknown => {
                        self.port.supplies.started(stagger, now);
                    }
                    WriteOutcome::NotSent | WriteOutcome::Refused { .. } => {
                        self.port.supplies.give_back(stagger);
                    }
                }
                self.port.commands.forget(&effect.command);
                self.reports.result(effect.command, outcome);
            }
            other @ (Hand::Asked(_) | Hand::Empty) => self.hand = other,
        }
    }

    /// Nothing more will be written: a permit that is out comes back as "not sent" or, after a panic, as unknown.
    pub(super) fn drop_hand(&mut self, outcome: WriteOutcome) {
        if matches!(self.hand, Hand::Permitted { .. }) {
            self.finish(outcome);
        }
    }
}

/// What is sent for a target to a device with these ways.
fn request(target: Target, quirks: &Quirks) -> Option<Request> {
    match target {
        Target::Coil { register } if quirks.writes_multiple => {
            Request::write_coils(register, vec![true])
        }
        Target::Coil { register } => Some(Request::WriteCoil {
            address: register,
            value: quirks.coil_on,
        }),
        Target::Register { register, value } if quirks.writes_multiple => {
            Request::write_registers(register, vec![value])
        }
        Target::Register { register, value } => Some(Request::WriteRegister {
            address: register,
            value,
        }),
        Target::Registers { register, values } => {
            Request::write_registers(register, values.to_vec())
        }
        Target::Mask { register, and, or } => Some(Request::MaskWrite {
            address: register,
            and,
            or,
        }),
    }
}

/// Whether what was read is what the target asks for.
fn stands(target: Target, values: &Values) -> bool {
    match (target, values) {
        (Target::Coil { .. }, Values::Bits(bits)) => bits == &[true],
        (Target::Mask { and, or, .. }, Values::Registers(words)) => {
            matches!(words.as_slice(), [word] if word & !and == or & !and)
        }
        (Target::Coil { .. } | Target::Mask { .. }, _)
        | (Target::Register { .. } | Target::Registers { .. }, _) => false,
    }
}

/// Whether an exception says that nothing was done. A device that acknowledges is still at it; a gateway that has passed the request
/// on and heard nothing, or something that it could not read, does not know.
fn is_refusal(code: u8) -> bool {
    code != ACKNOWLEDGE && code <= NO_GATEWAY_PATH
}
