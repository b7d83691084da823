//! The campus: starts panels, I/O modules and the control API, and owns their one state.
//!
//! Nothing runs on timers here: what is due is worked out from the clock whenever somebody looks, so a test sees the same
//! campus as a person does.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::clock::SimClock;
use crate::control;
use crate::field::{Field, Side};
use crate::guards::script::{GuardSpec, Script};
use crate::guards::{self, Broker, Guard, GuardRefusal, GuardView, HandReply};
use crate::io::OutputVerb;
use crate::layout::{Layout, LineLayout, Which};
use crate::panel::{Panel, PanelVerb, PointVerb};
use crate::serial::{Pty, Slave};
use crate::server::{self, Link};
use crate::view::{FloorView, Lamps, LinkView, OutputView, PanelView, PointView, StateView};
use crate::wire::Wire;
use crate::writes::Writes;

/// Writes that the state document carries.
const STATE_WRITES: usize = 200;

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
            control: any,
            speed: 1.0,
        }
    }
}

/// Where the campus really listens.
#[derive(Clone, Debug, Serialize)]
pub struct Addresses {
    /// The first fire panel.
    pub panel: SocketAddr,
    /// The first I/O module.
    pub io: SocketAddr,
    /// Every line by its id: `host:port`, or the path of a serial line.
    pub lines: BTreeMap<String, String>,
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
    slaves: Vec<Slave>,
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
        self.slaves.clear();
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
    let layout = Layout::read(options.layout)?;
    let (links, lines) = lines(&layout, &options)?;
    let (wires, ptys): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    let listener = TcpListener::bind(options.control).await?;
    let field = Field::new(layout);
    let addresses = addresses(&field, (&links, &wires), listener.local_addr()?)?;
    let campus = Campus(Arc::new(Shared {
        field: Mutex::new(field),
        clock: SimClock::start(options.speed),
        links: links.clone(),
        wires: wires.clone(),
        guards: Mutex::new(BTreeMap::new()),
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
    let slaves = wires.iter().zip(ptys);
    let slaves = slaves.map(|(wire, pty)| wire.serve(campus.clone(), pty));
    let slaves = slaves.collect::<io::Result<_>>()?;
    tasks.spawn(control::serve(listener, campus.clone()));
    Ok(Running {
        addresses,
        campus,
        tasks,
        slaves,
    })
}

type Lines = (Vec<Arc<Link>>, Vec<(Arc<Wire>, Pty)>);

/// Takes the address of every line of Modbus TCP and opens every serial one.
fn lines(layout: &Layout, options: &CampusOptions) -> io::Result<Lines> {
    let panels = layout.panels.iter().enumerate();
    let panels = panels.map(|(at, panel)| (Side::Panel(at), &panel.id, &panel.line));
    let modules = layout.modules.iter().enumerate();
    let modules = modules.map(|(at, module)| (Side::Io(at), &module.id, &module.line));
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (mut links, mut wires) = (Vec::new(), Vec::new());
    for (side, id, line) in panels.chain(modules) {
        match line {
            LineLayout::Tcp(written) => {
                let own = options.lines.get(id).copied();
                let address = own.unwrap_or(if options.free { any } else { *written });
                links.push(Arc::new(Link::bind(side, address)?));
            }
            LineLayout::Serial(name) => {
                let link = options.serial.as_ref().map(|folder| folder.join(name));
                wires.push(Wire::open(side, link.as_deref())?);
            }
        }
    }
    Ok((links, wires))
}

fn addresses(
    field: &Field,
    (links, wires): (&[Arc<Link>], &[Arc<Wire>]),
    control: SocketAddr,
) -> io::Result<Addresses> {
    let first = |side: Side| {
        let found = links.iter().find(|link| link.side == side);
        found
            .map(|link| link.address)
            .ok_or_else(|| io::Error::other("the first panel and the first module are on TCP"))
    };
    let tcp = links
        .iter()
        .map(|link| (link.side, link.address.to_string()));
    let serial = wires
        .iter()
        .map(|wire| (wire.side, wire.path.display().to_string()));
    Ok(Addresses {
        panel: first(Side::Panel(0))?,
        io: first(Side::Io(0))?,
        lines: tcp
            .chain(serial)
            .map(|(side, address)| (field.link_id(side).to_owned(), address))
            .collect(),
        control,
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
    wires: Vec<Arc<Wire>>,
    guards: Mutex<BTreeMap<String, Arc<Guard>>>,
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
        let mut wires = self.0.wires.iter();
        if let Some(wire) = wires.find(|wire| self.field().link_id(wire.side) == id) {
            wire.switch(up);
            return Ok(self.wire_view(wire));
        }
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
        self.field().calm();
        for guard in self.guard_map().values() {
            guard.calm();
        }
        for wire in &self.0.wires {
            wire.switch(true);
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

    /// Every panel with its lamps and key.
    #[must_use]
    pub fn panels(&self) -> Vec<PanelView> {
        let field = self.field();
        let view = |panel: &Panel| PanelView {
            id: panel.layout().id.clone(),
            name: panel.layout().name.clone(),
            lamps: panel.lamps(),
        };
        field.panels.iter().map(view).collect()
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
            .chain(self.0.wires.iter().map(|wire| self.wire_view(wire)))
            .collect();
        let guards = self.guards();
        let panels = self.panels();
        let field = self.field();
        StateView {
            site: field.layout.id.clone(),
            name: field.layout.name.clone(),
            speed: self.0.clock.speed(),
            at_ms: field.now.at_ms,
            wall_ms: field.now.wall_ms,
            panels,
            buildings: field.layout.buildings.clone(),
            links,
            floors: field
                .layout
                .floors
                .iter()
                .map(|floor| FloorView {
                    id: floor.id.clone(),
                    building: floor.building.clone(),
                    name: floor.name.clone(),
                })
                .collect(),
            points: field.points(),
            outputs: field.outputs(),
            people: field.layout.people.clone(),
            guards,
            writes: field.writes.after(0, STATE_WRITES),
        }
    }

    fn link_view(&self, link: &Link) -> LinkView {
        let field = self.field();
        LinkView {
            id: field.link_id(link.side).to_owned(),
            name: field.link_name(link.side),
            address: link.address.to_string(),
            up: link.is_up(),
            connections: link.connections.load(Ordering::Relaxed),
            requests: link.requests.load(Ordering::Relaxed),
        }
    }

    fn wire_view(&self, wire: &Wire) -> LinkView {
        let field = self.field();
        LinkView {
            id: field.link_id(wire.side).to_owned(),
            name: field.link_name(wire.side),
            address: wire.path.display().to_string(),
            up: wire.is_up(),
            connections: 0,
            requests: wire.requests.load(Ordering::Relaxed),
        }
    }
}

fn unknown(what: &'static str, id: &str) -> Refusal {
    Refusal::Unknown {
        what,
        id: id.to_owned(),
    }
}
