//! The campus: starts panels, I/O modules and the control API, and owns their one state.
//!
//! Nothing runs on timers here: what is due is worked out from the clock whenever somebody looks, so a test sees the same
//! campus as a person does.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

mod look;
mod mapped;
mod nasty;
mod printers;

use crate::clock::SimClock;
use crate::control;
use crate::field::Field;
use crate::guards::script::{GuardSpec, Script};
use crate::guards::{self, Broker, Guard, GuardRefusal, GuardView, HandReply};
use crate::io::OutputVerb;
use crate::layout::{Layout, Place, Which};
use crate::panel::{PanelVerb, PointVerb};
use crate::printer::{self, Printer, PrinterSpec, PrinterVerb};
use crate::scenario::Running as RunningScenario;
use crate::view::{Lamps, LinkView, OutputView, PointView};
use crate::wire::frame::Framing;
use crate::wire::pty::{FarEnd, Pty};
use crate::wire::serial::Cable;
use crate::wire::tcp::{self, Link};

/// Where the campus listens and how fast it lives. Every port may be 0.
///
/// A line of Modbus TCP listens at its address in `lines`, else on a free port or where the layout says.
#[derive(Clone, Debug)]
pub struct CampusOptions {
    /// Which campus.
    pub layout: Which,
    /// Addresses of lines that are not where the others are: link id and address.
    pub lines: BTreeMap<String, SocketAddr>,
    /// Lines without an address of their own take any free port; else the one in the layout.
    pub free: bool,
    /// Panels that print beside their line.
    pub printers: Vec<PrinterSpec>,
    /// The control API and its page, HTTP.
    pub control: SocketAddr,
    /// Where serial lines are linked under the names of the layout; without it only their pseudo-terminals are there.
    pub serial: Option<PathBuf>,
    /// How many times faster than real time; more than 0.
    pub speed: f64,
}

impl Default for CampusOptions {
    /// The small campus on free ports of the loopback interface, at real time.
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            layout: Which::Small,
            lines: BTreeMap::new(),
            free: true,
            serial: None,
            printers: Vec::new(),
            control: any,
            speed: 1.0,
        }
    }
}

/// Where the campus really listens.
#[derive(Clone, Debug, Serialize)]
pub struct Addresses {
    /// The line of the first fire panel, when it is a socket.
    pub panel: Option<SocketAddr>,
    /// The line of the first I/O module, when it is a socket.
    pub io: Option<SocketAddr>,
    /// Every line by its id: `host:port`, or the path of a serial line.
    pub lines: BTreeMap<String, String>,
    /// The line of every printer by its panel.
    pub printers: BTreeMap<String, PathBuf>,
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
    far_ends: Vec<FarEnd>,
    printers: Vec<Printer>,
}

impl Running {
    /// Sends guards to the broker; they try again until it is there. A recipient that is there already is not doubled.
    pub fn start_guards(&mut self, broker: SocketAddr, guards: Vec<GuardSpec>) {
        let broker = Broker {
            address: broker,
            prefix: format!("fengsui/v1/{}", self.campus.field().layout.id),
        };
        let mut known = self.campus.guard_map();
        for spec in guards {
            if let Entry::Vacant(place) = known.entry(spec.recipient.clone()) {
                let guard =
                    Arc::clone(place.insert(Arc::new(Guard::new(spec, self.campus.0.clock))));
                self.tasks.spawn(guards::run(guard, broker.clone()));
            }
        }
    }

    /// Stops everything and returns when the ports are closed.
    pub async fn stop(mut self) {
        self.far_ends.clear();
        self.printers.clear();
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
    /// The guard does not do it.
    Guard(GuardRefusal),
    /// A behaviour or a scenario that is not understood, or cannot be here.
    Unfit {
        /// Why.
        why: String,
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
    let layout = Layout::read(&options.layout)?;
    let (links, lines) = lines(&layout, &options)?;
    let (cables, ptys): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    let listener = TcpListener::bind(options.control).await?;
    let field = Field::new(layout);
    let field = field.map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
    let mut addresses = addresses(&field, (&links, &cables), listener.local_addr()?);
    let campus = Campus(Arc::new(Shared {
        field: Mutex::new(field),
        clock: SimClock::start(options.speed),
        links: links.clone(),
        cables: cables.clone(),
        guards: Mutex::new(BTreeMap::new()),
        scenario: Mutex::new(None),
        printers: Mutex::new(Vec::new()),
    }));
    let mut tasks = JoinSet::new();
    for link in &links {
        tasks.spawn(tcp::run(campus.clone(), Arc::clone(link)));
    }
    for link in &links {
        if !link.switch(true).await {
            return Err(io::Error::other(format!(
                "{} does not listen",
                link.address
            )));
        }
    }
    let far_ends = cables.iter().zip(ptys);
    let far_ends = far_ends.map(|(cable, pty)| cable.serve(campus.clone(), pty));
    let far_ends = far_ends.collect::<io::Result<_>>()?;
    let printers = campus.start_printers(&options.printers)?;
    for (printer, spec) in printers.iter().zip(&options.printers) {
        let path = printer.path.clone();
        addresses.printers.insert(spec.panel.clone(), path);
    }
    tasks.spawn(control::serve(listener, campus.clone()));
    Ok(Running {
        addresses,
        campus,
        tasks,
        far_ends,
        printers,
    })
}

type Lines = (Vec<Arc<Link>>, Vec<(Arc<Cable>, Pty)>);

/// Takes the address of every line on a socket and opens every serial one.
fn lines(layout: &Layout, options: &CampusOptions) -> io::Result<Lines> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (mut links, mut cables) = (Vec::new(), Vec::new());
    for (at, line) in layout.lines.iter().enumerate() {
        let address = |written: &SocketAddr| {
            let own = options.lines.get(&line.id).copied();
            own.unwrap_or(if options.free { any } else { *written })
        };
        match &line.place {
            Place::Tcp(written) => {
                links.push(Arc::new(Link::bind(at, Framing::Tcp, address(written))?));
            }
            Place::RtuTcp(written) => {
                links.push(Arc::new(Link::bind(at, Framing::Rtu, address(written))?));
            }
            Place::Serial { name, baud } => {
                let link = options.serial.as_ref().map(|folder| folder.join(name));
                cables.push(Cable::open(at, *baud, link.as_deref())?);
            }
        }
    }
    Ok((links, cables))
}

fn addresses(
    field: &Field,
    (links, cables): (&[Arc<Link>], &[Arc<Cable>]),
    control: SocketAddr,
) -> Addresses {
    let first = |id: Option<&String>| {
        let link = links
            .iter()
            .find(|link| Some(field.link_id(link.line)) == id.map(String::as_str));
        link.map(|link| link.address)
    };
    let sockets = links.iter();
    let sockets = sockets.map(|link| (link.line, link.address.to_string()));
    let serial = cables.iter();
    let serial = serial.map(|cable| (cable.line, cable.path().display().to_string()));
    Addresses {
        panel: first(field.layout.panels.first().map(|panel| &panel.id)),
        io: first(field.layout.modules.first().map(|module| &module.id)),
        lines: sockets
            .chain(serial)
            .map(|(line, address)| (field.link_id(line).to_owned(), address))
            .collect(),
        printers: BTreeMap::new(),
        control,
    }
}

/// A handle to the campus; clones share it.
#[derive(Clone, Debug)]
pub struct Campus(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    field: Mutex<Field>,
    clock: SimClock,
    links: Vec<Arc<Link>>,
    cables: Vec<Arc<Cable>>,
    guards: Mutex<BTreeMap<String, Arc<Guard>>>,
    scenario: Mutex<Option<RunningScenario>>,
    printers: Mutex<Vec<Arc<printer::Shared>>>,
}

impl Campus {
    /// The field as it is now.
    pub(crate) fn field(&self) -> MutexGuard<'_, Field> {
        // A panic elsewhere must not take the simulated campus away from the test that would report it.
        let mut field = self.0.field.lock().unwrap_or_else(PoisonError::into_inner);
        field.advance(self.0.clock.now());
        field
    }

    /// Something happens to a device.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn point(&self, id: &str, verb: PointVerb) -> Result<PointView, Refusal> {
        let mut field = self.field();
        if !field.point(id, verb).ok_or_else(|| unknown("point", id))? {
            return Err(Refusal::Absent { id: id.to_owned() });
        }
        field
            .points()
            .into_iter()
            .find(|point| point.id == id)
            .ok_or_else(|| unknown("point", id))
    }

    /// Something happens to an output's device.
    ///
    /// # Errors
    /// When there is no such output.
    pub fn output(&self, id: &str, verb: OutputVerb) -> Result<OutputView, Refusal> {
        let mut field = self.field();
        if !field.act(id, verb) {
            return Err(unknown("output", id));
        }
        field
            .outputs()
            .into_iter()
            .find(|output| output.id == id)
            .ok_or_else(|| unknown("output", id))
    }

    /// Somebody does something at a panel; at the first one when none is named.
    ///
    /// # Errors
    /// When there is no such panel.
    pub fn panel(&self, id: Option<&str>, verb: PanelVerb) -> Result<Lamps, Refusal> {
        let mut field = self.field();
        let panel = match id {
            Some(id) => field.panel(id),
            None => field.panels.first_mut(),
        };
        let panel = panel.ok_or_else(|| unknown("panel", id.unwrap_or_default()))?;
        panel.act(verb);
        Ok(panel.lamps())
    }

    /// Cuts (`up` false) or restores a link; returns when connections are refused, or accepted again.
    ///
    /// # Errors
    /// When there is no such link, or it does not follow.
    pub async fn link(&self, id: &str, up: bool) -> Result<LinkView, Refusal> {
        let mut cables = self.0.cables.iter();
        if let Some(cable) = cables.find(|cable| self.field().link_id(cable.line) == id) {
            cable.switch(up);
            return Ok(self.cable_view(cable));
        }
        let link = self
            .0
            .links
            .iter()
            .find(|link| self.field().link_id(link.line) == id)
            .ok_or_else(|| unknown("link", id))?;
        if link.switch(up).await {
            Ok(self.link_view(link))
        } else {
            Err(Refusal::LinkStays { id: id.to_owned() })
        }
    }

    /// Gives a guard another script.
    ///
    /// # Errors
    /// When there is no such guard, or the script makes no sense.
    pub fn guard_script(&self, recipient: &str, script: Script) -> Result<GuardView, Refusal> {
        let guard = self.guard(recipient)?;
        guard.set_script(script).map_err(Refusal::Guard)?;
        Ok(guard.view())
    }

    /// Answers a guard's order by hand.
    ///
    /// # Errors
    /// When there is no such guard, or no open order.
    pub fn guard_reply(&self, recipient: &str, reply: HandReply) -> Result<GuardView, Refusal> {
        let guard = self.guard(recipient)?;
        guard.answer(reply).map_err(Refusal::Guard)?;
        Ok(guard.view())
    }

    /// Cuts a guard's device off without a word (`online` false), or lets it connect again.
    ///
    /// # Errors
    /// When there is no such guard, or it does not go offline.
    pub async fn guard_online(&self, recipient: &str, online: bool) -> Result<GuardView, Refusal> {
        let guard = self.guard(recipient)?;
        guard.switch(online).await.map_err(Refusal::Guard)?;
        Ok(guard.view())
    }

    /// Every guard.
    #[must_use]
    pub fn guards(&self) -> Vec<GuardView> {
        self.guard_map()
            .values()
            .map(|guard| guard.view())
            .collect()
    }

    fn guard(&self, recipient: &str) -> Result<Arc<Guard>, Refusal> {
        self.guard_map()
            .get(recipient)
            .cloned()
            .ok_or_else(|| unknown("guard", recipient))
    }

    fn guard_map(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Guard>>> {
        self.0.guards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything back to calm: devices, links, guards and their scripts. The writes log and the orders stay.
    ///
    /// # Errors
    /// When a link does not come back.
    pub async fn calm(&self) -> Result<(), Refusal> {
        self.stop_scenario();
        self.field().calm();
        for guard in self.guard_map().values() {
            guard.calm();
        }
        for cable in &self.0.cables {
            cable.switch(true);
        }
        for printer in self.printer_list().iter() {
            printer.act(PrinterVerb::Right);
        }
        for link in &self.0.links {
            if !link.switch(true).await {
                return Err(Refusal::LinkStays {
                    id: self.field().link_id(link.line).to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn unknown(what: &'static str, id: &str) -> Refusal {
    Refusal::Unknown {
        what,
        id: id.to_owned(),
    }
}
