//! The field behind the lock: panels, I/O modules and the log of what they were asked.

use crate::clock::Moment;
use crate::io::{IoModule, Output, OutputVerb};
use crate::layout::{Layout, Line, Name};
use crate::map::Mapped;
use crate::nasty::catalogue::Way;
use crate::nasty::{Nasty, Order};
use crate::panel::{Panel, PointVerb};
use crate::view::{OutputView, PointView, UnitView};
use crate::writes::{Write, WriteLog};

/// A device: its place in the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Panel(usize),
    Io(usize),
    Mapped(usize),
}

/// A device that answers requests.
pub(crate) enum Device<'a> {
    Panel(&'a mut Panel),
    Io(&'a mut IoModule),
    Mapped(&'a mut Mapped),
}

/// The state behind the lock.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) layout: Layout,
    pub(crate) panels: Vec<Panel>,
    pub(crate) modules: Vec<IoModule>,
    pub(crate) mapped: Vec<Mapped>,
    pub(crate) writes: WriteLog,
    pub(crate) nasty: Nasty,
    pub(crate) now: Moment,
}

impl Field {
    /// The devices of a layout.
    ///
    /// # Errors
    /// When a map is not understood.
    pub(crate) fn new(layout: Layout) -> Result<Self, String> {
        let panels = layout.panels.iter();
        let modules = layout.modules.iter();
        let mapped = layout.maps.iter().enumerate();
        let mapped = mapped.map(|(at, map)| Mapped::new(map, beside(&layout, Side::Mapped(at))));
        let mut field = Self {
            panels: panels.map(|one| Panel::new(&layout, one)).collect(),
            modules: modules.map(|one| IoModule::new(&layout, one)).collect(),
            mapped: mapped.collect::<Result<_, _>>()?,
            writes: WriteLog::default(),
            nasty: Nasty::default(),
            now: Moment::default(),
            layout,
        };
        field.depart();
        Ok(field)
    }

    /// Units depart from the protocol as their maps say.
    fn depart(&mut self) {
        for (at, line) in self.layout.lines.iter().enumerate() {
            for side in &line.devices {
                let Side::Mapped(n) = side else { continue };
                let unit = self.layout.mapped.get(*n).map(|unit| unit.unit);
                let departs = self.mapped.get(*n).map(Mapped::departs);
                for behaviour in departs.into_iter().flatten() {
                    let order = Order {
                        behaviour,
                        times: None,
                        function: None,
                    };
                    self.nasty.switch_on((at, unit.unwrap_or_default()), order);
                }
            }
        }
    }

    /// Lets time pass until `now`.
    pub(crate) fn advance(&mut self, now: Moment) {
        self.now = now;
        for panel in &mut self.panels {
            panel.advance(now.field_ms);
        }
        for module in &mut self.modules {
            module.advance(now.field_ms);
        }
        for (line, unit) in self.nasty.fallen_silent(now.at_ms) {
            match self.device(line, unit) {
                Some(Device::Io(module)) => module.drop_relays(),
                Some(Device::Mapped(unit)) => unit.drop_relays(),
                Some(Device::Panel(_)) | None => {}
            }
        }
    }

    /// Everything back to calm.
    pub(crate) fn calm(&mut self) {
        self.panels.iter_mut().for_each(Panel::calm);
        self.modules.iter_mut().for_each(IoModule::calm);
        self.mapped.iter_mut().for_each(Mapped::calm);
        self.nasty.calm();
        self.depart();
    }

    /// Logs a write; number and time are given here.
    pub(crate) fn keep(&mut self, write: Write) {
        if let Some(violation) = write.violation {
            tracing::warn!(?violation, output.id = ?write.output, "a write asked what no program may ask");
        }
        self.writes.push(self.now, write);
    }

    /// The unit of a line.
    pub(crate) fn device(&mut self, line: usize, unit: u8) -> Option<Device<'_>> {
        let devices = &self.layout.lines.get(line)?.devices;
        let side = *devices
            .iter()
            .find(|side| self.unit(**side) == Some(unit))?;
        match side {
            Side::Panel(at) => self.panels.get_mut(at).map(Device::Panel),
            Side::Io(at) => self.modules.get_mut(at).map(Device::Io),
            Side::Mapped(at) => self.mapped.get_mut(at).map(Device::Mapped),
        }
    }

    /// The unit identifier that a device answers to.
    fn unit(&self, side: Side) -> Option<u8> {
        match side {
            Side::Panel(at) => self.layout.panels.get(at).map(|panel| panel.unit),
            Side::Io(at) => self.layout.modules.get(at).map(|module| module.unit),
            Side::Mapped(at) => self.layout.mapped.get(at).map(|unit| unit.unit),
        }
    }

    /// All units of a line.
    pub(crate) fn units_of(&self, line: usize) -> Vec<u8> {
        let line = self.layout.lines.get(line).into_iter();
        line.flat_map(|line| &line.devices)
            .filter_map(|side| self.unit(*side))
            .collect()
    }

    fn line(&self, line: usize) -> Option<&Line> {
        self.layout.lines.get(line)
    }

    /// `panel1`, `io1`
    pub(crate) fn link_id(&self, line: usize) -> &str {
        self.line(line).map_or("", |line| &line.id)
    }

    pub(crate) fn link_name(&self, line: usize) -> Name {
        let none = || Name {
            zh: String::new(),
            en: String::new(),
        };
        self.line(line).map_or_else(none, |line| line.name.clone())
    }

    /// Every unit with what is on for it.
    pub(crate) fn units(&self) -> Vec<UnitView> {
        let lines = self.layout.lines.iter().enumerate();
        lines
            .flat_map(|(at, line)| line.devices.iter().map(move |side| (at, line, *side)))
            .filter_map(|(at, line, side)| {
                let unit = self.unit(side)?;
                let (behaviours, applied) = self.nasty.of((at, unit));
                Some(UnitView {
                    line: line.id.clone(),
                    unit,
                    name: self.device_name(side)?,
                    way: line.way(),
                    behaviours,
                    applied,
                })
            })
            .collect()
    }

    fn device_name(&self, side: Side) -> Option<Name> {
        match side {
            Side::Panel(at) => self.layout.panels.get(at).map(|panel| panel.name.clone()),
            Side::Io(at) => self
                .layout
                .modules
                .get(at)
                .map(|module| module.name.clone()),
            Side::Mapped(at) => self.layout.mapped.get(at).map(|unit| unit.name.clone()),
        }
    }

    /// A panel by its id.
    pub(crate) fn panel(&mut self, id: &str) -> Option<&mut Panel> {
        self.panels.iter_mut().find(|panel| panel.layout().id == id)
    }

    /// A unit with a map by its id.
    pub(crate) fn mapped(&mut self, id: &str) -> Option<&mut Mapped> {
        let at = self.layout.mapped.iter().position(|unit| unit.id == id)?;
        self.mapped.get_mut(at)
    }

    /// Something happens to a device. `None` when there is no such address, false when it has no device.
    pub(crate) fn point(&mut self, id: &str, verb: PointVerb) -> Option<bool> {
        let found = self.panels.iter_mut().find_map(|panel| {
            let number = panel.number(id)?;
            Some((panel, number))
        });
        match found {
            Some((panel, number)) => Some(panel.point(number, verb)),
            None => self.contact(id, verb),
        }
    }

    /// A contact of a module knows only on and off.
    fn contact(&mut self, id: &str, verb: PointVerb) -> Option<bool> {
        let closed = match verb {
            PointVerb::Alarm => true,
            PointVerb::Normal => false,
            PointVerb::Gas(_)
            | PointVerb::Fault
            | PointVerb::Repaired
            | PointVerb::Disable
            | PointVerb::Enable => return None,
        };
        let mut modules = self.modules.iter_mut();
        modules
            .any(|module| module.contact(id, closed))
            .then_some(true)
    }

    /// Something happens to an output's device; false when there is no such output.
    pub(crate) fn act(&mut self, id: &str, verb: OutputVerb) -> bool {
        self.modules.iter_mut().any(|module| module.act(id, verb))
    }

    pub(crate) fn points(&self) -> Vec<PointView> {
        self.panels
            .iter()
            .flat_map(|panel| self.points_of(panel))
            .chain(self.modules.iter().flat_map(contacts))
            .collect()
    }

    fn points_of<'a>(&'a self, panel: &'a Panel) -> impl Iterator<Item = PointView> {
        let devices = self.layout.devices(&panel.layout().id);
        devices.filter_map(|(number, floor, layout)| {
            let device = panel.device(number)?;
            Some(PointView {
                id: panel.point_id(number),
                panel: panel.layout().id.clone(),
                number,
                kind: layout.kind.clone(),
                floor: floor.id.clone(),
                room: layout.room.clone(),
                smoke: device.smoke,
                gas: device.is_gas.then_some(device.gas),
                gas_shown: device.is_gas.then_some(device.gas_latched),
                fire: device.latched,
                fault: device.fault,
                disabled: device.disabled,
                word: panel.word(number),
            })
        })
    }

    pub(crate) fn outputs(&self) -> Vec<OutputView> {
        self.modules
            .iter()
            .flat_map(|module| module.outputs().map(|output| view(module, output)))
            .collect()
    }
}

/// Bytes of a reply beside its data, on the line of a device: transaction, protocol, length, unit, function code and count, or unit,
/// function code, count and checksum.
fn beside(layout: &Layout, side: Side) -> usize {
    let mut lines = layout.lines.iter();
    let line = lines.find(|line| line.devices.contains(&side));
    match line.map(Line::way) {
        Some(Way::RtuTcp | Way::Serial) => 5,
        Some(Way::Tcp) | None => 9,
    }
}

/// Contacts of a module as points: they hang on no loop.
fn contacts(module: &IoModule) -> impl Iterator<Item = PointView> {
    module.contacts().map(|(input, closed)| PointView {
        id: input.id.clone(),
        panel: input.io.clone(),
        number: input.channel,
        kind: input.kind.clone(),
        floor: input.floor.clone(),
        room: input.room.clone(),
        smoke: *closed,
        gas: None,
        gas_shown: None,
        fire: false,
        fault: false,
        disabled: false,
        word: u16::from(*closed),
    })
}

fn view(module: &IoModule, output: &Output) -> OutputView {
    let layout = &output.layout;
    OutputView {
        id: layout.id.clone(),
        io: layout.io.clone(),
        coil: layout.coil,
        kind: layout.kind.clone(),
        name: layout.name.clone(),
        place: layout.place.clone(),
        coil_on: module.is_on(layout.coil),
        driven: output.driven,
        stuck: output.stuck,
        progress: output.progress(),
        stroke_ms: layout.stroke_ms,
        feedback: output.feedback(),
        pulse: layout.pulse,
    }
}
