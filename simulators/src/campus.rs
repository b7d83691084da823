//! The campus: starts the panel, the I/O module and the control API, and owns their one state.
//!
//! Nothing runs on timers here: what is due is worked out from the clock whenever somebody looks, so a test sees the same
//! campus as a person does.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::clock::{Moment, SimClock};
use crate::control;
use crate::io::{IoModule, Output, OutputVerb};
use crate::layout::Layout;
use crate::panel::{Panel, PanelVerb, PointVerb, point_id};
use crate::server::{self, Link, Side};
use crate::view::{FloorView, Lamps, LinkView, OutputView, PointView, StateView};
use crate::writes::{Write, WriteLog, Writes};

/// Writes that the state document carries.
const STATE_WRITES: usize = 200;

/// Where the campus listens and how fast it lives. Every port may be 0.
#[derive(Clone, Debug)]
pub struct CampusOptions {
    /// The fire panel, Modbus TCP.
    pub panel: SocketAddr,
    /// The I/O module, Modbus TCP.
    pub io: SocketAddr,
    /// The control API and its page, HTTP.
    pub control: SocketAddr,
    /// How many times faster than real time; more than 0.
    pub speed: f64,
}

impl Default for CampusOptions {
    /// Free ports on the loopback interface, at real time.
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            panel: any,
            io: any,
            control: any,
            speed: 1.0,
        }
    }
}

/// Where the campus really listens.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Addresses {
    /// The fire panel.
    pub panel: SocketAddr,
    /// The I/O module.
    pub io: SocketAddr,
    /// The control API.
    pub control: SocketAddr,
}

/// A campus that runs. Dropping it stops everything.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub addresses: Addresses,
    /// The campus itself, for tests in the same process.
    pub campus: Campus,
    tasks: JoinSet<()>,
}

impl Running {
    /// Stops everything and returns when the ports are closed.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    /// Returns when a part has ended, which none should.
    pub async fn ended(&mut self) {
        self.tasks.join_next().await;
    }
}

/// Why the campus does not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such thing.
    Unknown {
        /// `point`, `output`, `link` …
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// The panel has the address and no device there.
    Absent {
        /// The point.
        id: String,
    },
    /// The link did not follow in time.
    LinkStays {
        /// The link.
        id: String,
    },
}

/// Starts a campus on the current runtime.
///
/// # Errors
/// When an address cannot be taken or the options make no sense.
pub async fn start(options: CampusOptions) -> io::Result<Running> {
    if !(options.speed.is_finite() && options.speed > 0.0) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "speed must be a number above 0",
        ));
    }
    let layout = Layout::lin()?;
    let links = [
        Arc::new(Link::bind(Side::Panel, options.panel)?),
        Arc::new(Link::bind(Side::Io, options.io)?),
    ];
    let listener = TcpListener::bind(options.control).await?;
    let addresses = Addresses {
        panel: links[0].address,
        io: links[1].address,
        control: listener.local_addr()?,
    };
    let campus = Campus(Arc::new(Shared {
        field: Mutex::new(Field {
            panel: Panel::new(&layout),
            io: IoModule::new(&layout),
            writes: WriteLog::default(),
            now: Moment::default(),
            layout,
        }),
        clock: SimClock::start(options.speed),
        links: links.to_vec(),
    }));
    let mut tasks = JoinSet::new();
    for link in &links {
        tasks.spawn(server::run(campus.clone(), Arc::clone(link)));
    }
    for link in &links {
        if !link.switch(true).await {
            return Err(io::Error::other(format!(
                "{} does not listen",
                link.address
            )));
        }
    }
    tasks.spawn(control::serve(listener, campus.clone()));
    Ok(Running {
        addresses,
        campus,
        tasks,
    })
}

/// A handle to the campus; clones share it.
#[derive(Clone, Debug)]
pub struct Campus(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    field: Mutex<Field>,
    clock: SimClock,
    links: Vec<Arc<Link>>,
}

/// The state behind the lock.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) layout: Layout,
    pub(crate) panel: Panel,
    pub(crate) io: IoModule,
    writes: WriteLog,
    now: Moment,
}

impl Field {
    /// Logs a write; number and time are given here.
    pub(crate) fn keep(&mut self, write: Write) {
        if let Some(violation) = write.violation {
            tracing::warn!(?violation, output.id = ?write.output, "a write asked what no program may ask");
        }
        self.writes.push(self.now, write);
    }

    pub(crate) fn link_id(&self, side: Side) -> &str {
        match side {
            Side::Panel => &self.layout.panel.id,
            Side::Io => &self.layout.io.id,
        }
    }

    /// The address in `P1-015`.
    fn number(&self, id: &str) -> Option<u16> {
        let prefix = &self.layout.panel.prefix;
        let number = id.strip_prefix(prefix.as_str())?.strip_prefix('-')?;
        let number = number.parse().ok()?;
        // Only the one spelling, so that a typing error cannot hit another device.
        (point_id(prefix, number) == id && (1..=self.layout.panel.devices_count).contains(&number))
            .then_some(number)
    }

    fn points(&self) -> Vec<PointView> {
        self.layout
            .devices()
            .filter_map(|(number, floor, layout)| {
                let device = self.panel.device(number)?;
                Some(PointView {
                    id: point_id(&self.layout.panel.prefix, number),
                    number,
                    kind: layout.kind.clone(),
                    floor: floor.id.clone(),
                    room: layout.room.clone(),
                    smoke: device.smoke,
                    fire: device.latched,
                    fault: device.fault,
                    disabled: device.disabled,
                    word: self.panel.word(number),
                })
            })
            .collect()
    }

    fn outputs(&self) -> Vec<OutputView> {
        self.io
            .outputs()
            .map(|output| self.output(output))
            .collect()
    }

    fn output(&self, output: &Output) -> OutputView {
        let layout = &output.layout;
        OutputView {
            id: layout.id.clone(),
            coil: layout.coil,
            kind: layout.kind.clone(),
            name: layout.name.clone(),
            place: layout.place.clone(),
            coil_on: self.io.is_on(layout.coil),
            driven: output.driven,
            stuck: output.stuck,
            progress: output.progress(),
            stroke_ms: layout.stroke_ms,
            feedback: output.feedback(),
            pulse: layout.pulse,
        }
    }
}

impl Campus {
    /// The field as it is now.
    pub(crate) fn field(&self) -> MutexGuard<'_, Field> {
        // A panic elsewhere must not take the simulated campus away from the test that would report it.
        let mut field = self.0.field.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.0.clock.now();
        field.now = now;
        field.panel.advance(now.field_ms);
        field.io.advance(now.field_ms);
        field
    }

    /// Something happens to a device.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn point(&self, id: &str, verb: PointVerb) -> Result<PointView, Refusal> {
        let mut field = self.field();
        let number = field.number(id).ok_or_else(|| unknown("point", id))?;
        if !field.panel.point(number, verb) {
            return Err(Refusal::Absent { id: id.to_owned() });
        }
        field
            .points()
            .into_iter()
            .find(|point| point.number == number)
            .ok_or_else(|| unknown("point", id))
    }

    /// Something happens to an output's device.
    ///
    /// # Errors
    /// When there is no such output.
    pub fn output(&self, id: &str, verb: OutputVerb) -> Result<OutputView, Refusal> {
        let mut field = self.field();
        if !field.io.act(id, verb) {
            return Err(unknown("output", id));
        }
        field
            .outputs()
            .into_iter()
            .find(|output| output.id == id)
            .ok_or_else(|| unknown("output", id))
    }

    /// Somebody does something at the panel.
    pub fn panel(&self, verb: PanelVerb) -> Lamps {
        let mut field = self.field();
        field.panel.act(verb);
        field.panel.lamps()
    }

    /// Cuts (`up` false) or restores a link; returns when connections are refused, or accepted again.
    ///
    /// # Errors
    /// When there is no such link, or it does not follow.
    pub async fn link(&self, id: &str, up: bool) -> Result<LinkView, Refusal> {
        let link = self
            .0
            .links
            .iter()
            .find(|link| self.field().link_id(link.side) == id)
            .ok_or_else(|| unknown("link", id))?;
        if link.switch(up).await {
            Ok(self.link_view(link))
        } else {
            Err(Refusal::LinkStays { id: id.to_owned() })
        }
    }

    /// Everything back to calm, links too. The writes log stays.
    ///
    /// # Errors
    /// When a link does not come back.
    pub async fn calm(&self) -> Result<(), Refusal> {
        {
            let mut field = self.field();
            field.panel.calm();
            field.io.calm();
        }
        for link in &self.0.links {
            if !link.switch(true).await {
                return Err(Refusal::LinkStays {
                    id: self.field().link_id(link.side).to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Every device.
    #[must_use]
    pub fn points(&self) -> Vec<PointView> {
        self.field().points()
    }

    /// Every output.
    #[must_use]
    pub fn outputs(&self) -> Vec<OutputView> {
        self.field().outputs()
    }

    /// The panel's lamps and key.
    #[must_use]
    pub fn lamps(&self) -> Lamps {
        self.field().panel.lamps()
    }

    /// Writes after number `since`, oldest first; 0 for all that are kept.
    #[must_use]
    pub fn writes(&self, since: u64) -> Writes {
        self.field().writes.after(since, usize::MAX)
    }

    /// Everything, for the page.
    #[must_use]
    pub fn state(&self) -> StateView {
        let links = self
            .0
            .links
            .iter()
            .map(|link| self.link_view(link))
            .collect();
        let field = self.field();
        StateView {
            site: field.layout.id.clone(),
            name: field.layout.name.clone(),
            speed: self.0.clock.speed(),
            at_ms: field.now.at_ms,
            wall_ms: field.now.wall_ms,
            panel: field.panel.lamps(),
            links,
            floors: field
                .layout
                .floors
                .iter()
                .map(|floor| FloorView {
                    id: floor.id.clone(),
                    name: floor.name.clone(),
                })
                .collect(),
            points: field.points(),
            outputs: field.outputs(),
            writes: field.writes.after(0, STATE_WRITES),
        }
    }

    fn link_view(&self, link: &Link) -> LinkView {
        let field = self.field();
        LinkView {
            id: field.link_id(link.side).to_owned(),
            name: match link.side {
                Side::Panel => field.layout.panel.name.clone(),
                Side::Io => field.layout.io.name.clone(),
            },
            address: link.address.to_string(),
            up: link.is_up(),
            connections: link.connections.load(Ordering::Relaxed),
            requests: link.requests.load(Ordering::Relaxed),
        }
    }
}

fn unknown(what: &'static str, id: &str) -> Refusal {
    Refusal::Unknown {
        what,
        id: id.to_owned(),
    }
}
