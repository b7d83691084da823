//! Simulated guards: people with a device that talks MQTT, who answer by script or by hand.

mod duty;
mod link;
pub mod script;
pub mod task;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{Notify, watch};

use crate::clock::{Moment, SimClock};
use duty::Duty;
use script::{GuardSpec, Script, Token};
use task::{Answer, ReplyVerb, Task};

/// How long a guard may take to follow its offline/online switch.
const SWITCH_LIMIT: Duration = Duration::from_secs(5);

/// Where the guards find the broker, and under which topics.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    /// `fengsui/v1/lin`
    pub(crate) prefix: String,
}

/// A guard, as the control API shows it.
#[derive(Clone, Debug, Serialize)]
pub struct GuardView {
    /// Recipient id.
    pub recipient: String,
    /// Its device has a connection to the broker.
    pub online: bool,
    /// Its device is meant to have one.
    pub wanted: bool,
    /// Why it has none.
    pub error: Option<String>,
    /// What it answers by itself.
    pub script: Script,
    /// Orders, newest first; ended ones too.
    pub orders: Vec<Task>,
    /// Order documents that could not be read.
    pub unreadable: u64,
}

/// Why a guard does not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardRefusal {
    /// There is no open order to answer.
    NoOrder,
    /// The script makes no sense.
    Script(String),
    /// The device did not go offline, or found no broker, in time.
    Stays,
}

/// A guard and its device.
#[derive(Debug)]
pub(crate) struct Guard {
    recipient: String,
    token: Token,
    first_script: Script,
    clock: SimClock,
    duty: Mutex<Duty>,
    error: Mutex<Option<String>>,
    wanted: watch::Sender<bool>,
    online: watch::Sender<bool>,
    /// Something may have to be said now.
    wake: Notify,
}

impl Guard {
    pub(crate) fn new(spec: GuardSpec, clock: SimClock) -> Self {
        // Time and process make reply ids unique over restarts of the simulator.
        let stem = format!(
            "{}-sim-{:x}-{:x}",
            spec.recipient,
            clock.now().wall_ms,
            std::process::id()
        );
        Self {
            duty: Mutex::new(Duty::new(spec.script.clone(), stem)),
            recipient: spec.recipient,
            token: spec.token,
            first_script: spec.script,
            clock,
            error: Mutex::new(None),
            wanted: watch::Sender::new(true),
            online: watch::Sender::new(false),
            wake: Notify::new(),
        }
    }

    pub(crate) fn view(&self) -> GuardView {
        let duty = self.duty();
        GuardView {
            recipient: self.recipient.clone(),
            online: *self.online.borrow(),
            wanted: *self.wanted.borrow(),
            error: lock(&self.error).clone(),
            script: duty.script.clone(),
            orders: duty.tasks(),
            unreadable: duty.unreadable,
        }
    }

    /// Gives the guard another script, from now on.
    pub(crate) fn set_script(&self, script: Script) -> Result<(), GuardRefusal> {
        script.check().map_err(GuardRefusal::Script)?;
        self.duty().script = script;
        self.wake.notify_one();
        Ok(())
    }

    /// Answers an order by hand.
    pub(crate) fn answer(&self, reply: HandReply) -> Result<(), GuardRefusal> {
        let answer = Answer {
            verb: reply.verb,
            cause: reply.cause,
            reason: reply.reason,
        };
        let now = self.now();
        if !self.duty().answer(reply.order.as_deref(), answer, now) {
            return Err(GuardRefusal::NoOrder);
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Cuts the device off without a word, or lets it connect again. Going offline waits until it is.
    pub(crate) async fn switch(&self, online: bool) -> Result<(), GuardRefusal> {
        self.wanted.send_replace(online);
        if online {
            // Whether a broker is there is not the guard's affair.
            return Ok(());
        }
        let mut is_online = self.online.subscribe();
        match tokio::time::timeout(SWITCH_LIMIT, is_online.wait_for(|online| !online)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(GuardRefusal::Stays),
        }
    }

    /// Online again, with the script of the file.
    pub(crate) fn calm(&self) {
        self.duty().script = self.first_script.clone();
        self.wanted.send_replace(true);
    }

    fn duty(&self) -> MutexGuard<'_, Duty> {
        lock(&self.duty)
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }
}

/// A reply by hand, as the control API takes it.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandReply {
    /// What is answered.
    pub verb: ReplyVerb,
    /// Why it is a false alarm.
    #[serde(default)]
    pub cause: Option<String>,
    /// Why it cannot be done.
    #[serde(default)]
    pub reason: Option<String>,
    /// Which order; the newest open one when nothing is said.
    #[serde(default)]
    pub order: Option<String>,
}

/// Lives a guard's life for ever.
pub(crate) async fn run(guard: Arc<Guard>, broker: Broker) {
    link::run(&guard, &broker).await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
