//! A unit with a map: its elements, what its points are set to, and what it is told to write. Pure.

use std::collections::BTreeMap;

use tokio_modbus::ExceptionCode;
use tokio_modbus::prelude::{Request, Response};

use super::file::{File, Quirks, SummaryEntry, Table};
use super::setting::{Setting, calm, calm_said};
use super::table::{At, Elements, Group, Part};
use super::write::Writable;
use super::{Area, MappedView, PlaceView, Said, State, Unset};
use crate::nasty::Behaviour;

/// What a request of the unit may ask for.
#[derive(Clone, Copy, Debug)]
struct Limits {
    registers_max: usize,
    bits_max: usize,
}

/// The unit.
#[derive(Clone, Debug)]
pub(crate) struct Mapped {
    limits: Limits,
    quirks: Quirks,
    groups: BTreeMap<String, Group>,
    writable: Writable,
    summary: Option<Summary>,
    elements: Elements,
    /// As they are while nothing is set.
    calm: Elements,
    said: BTreeMap<(String, At), (Said, usize)>,
}

/// Words that change with certain groups.
#[derive(Clone, Debug)]
struct Summary {
    area: Area,
    start: u16,
    count: u16,
    groups: Vec<String>,
}

impl Mapped {
    /// A unit with this map on a line whose replies have so many bytes beside the data.
    ///
    /// # Errors
    /// When the map is not understood.
    pub(crate) fn new(file: &File, beside: usize) -> Result<Self, String> {
        let read = |(name, table): (&String, &Table)| match Group::read(file, table) {
            Ok(group) => Ok((name.clone(), group)),
            Err(why) => Err(format!("group {name}: {why}")),
        };
        let groups = file.groups.iter().map(read);
        let groups: BTreeMap<String, Group> = groups.collect::<Result<_, _>>()?;
        let writable = Writable::read(file)?;
        let summary = file.summary.as_ref();
        let summary = summary
            .map(|entry| Summary::read(file, entry))
            .transpose()?;
        let mut elements = writable.elements();
        elements.extend(summary.iter().flat_map(Summary::elements));
        for group in groups.values() {
            elements.extend(group.elements()?);
        }
        fill(&mut elements, file.limits.gap_max);
        for group in groups.values() {
            calm(group, &mut elements);
        }
        let most = file.limits.frame_bytes_max.unwrap_or(usize::MAX);
        let data = most.saturating_sub(beside);
        Ok(Self {
            limits: Limits {
                registers_max: file.limits.registers_max.min(data / 2),
                bits_max: file.limits.bits_max.min(data.saturating_mul(8)),
            },
            quirks: file.quirks.clone(),
            groups,
            writable,
            summary,
            calm: elements.clone(),
            elements,
            said: BTreeMap::new(),
        })
    }

    /// In what it departs from the protocol.
    pub(crate) fn departs(&self) -> Vec<Behaviour> {
        let quirks = &self.quirks;
        let zero = quirks
            .unit_zero_replies
            .then_some(Behaviour::WrongUnit { unit: 0 });
        let own = quirks.transaction_not_echoed;
        let own = own.then_some(Behaviour::WrongTransaction { by: 1 });
        let coil = quirks.coil_on.map(|on| Behaviour::CoilValue { on });
        zero.into_iter().chain(own).chain(coil).collect()
    }

    /// Everything as at the start.
    pub(crate) fn calm(&mut self) {
        self.elements.clone_from(&self.calm);
        self.said.clear();
    }

    /// Every coil falls off: the device's own watchdog.
    pub(crate) fn drop_relays(&mut self) {
        for ((area, place), element) in &mut self.elements {
            if *area == Area::Coil && self.writable.has_coil(*place) {
                *element = 0;
            }
        }
    }

    /// The points of a group, or of all.
    pub(crate) fn points(&self, group: Option<&str>) -> Vec<MappedView> {
        let groups = self.groups.iter();
        let groups = groups.filter(|(name, _)| group.is_none_or(|group| group == *name));
        let points = groups.flat_map(|(name, group)| {
            let points = group.points().into_iter();
            points.map(move |(label, at)| self.view((name, group), (label, at)))
        });
        points.collect()
    }

    fn view(&self, (name, group): (&str, &Group), (index, at): (String, At)) -> MappedView {
        let said = self.said.get(&(name.to_owned(), at));
        let (said, ways) = said.cloned().unwrap_or_else(|| (calm_said(group), 1));
        let place = |part: &Part| {
            let places = part.places(at).unwrap_or_default();
            let elements = places
                .iter()
                .filter_map(|place| self.element(part.area, *place));
            PlaceView {
                area: part.area,
                address: places.first().copied().unwrap_or_default(),
                elements: elements.collect(),
            }
        };
        MappedView {
            group: name.to_owned(),
            index,
            said,
            ways,
            places: group.parts.iter().map(place).collect(),
        }
    }

    fn element(&self, area: Area, place: u16) -> Option<u16> {
        self.elements.get(&(area, place)).copied()
    }

    /// Sets a point, in the `way`-th of the ways in which the map says it.
    pub(crate) fn set(
        &mut self,
        (name, label): (&str, &str),
        state: &State,
        way: usize,
    ) -> Result<MappedView, Unset> {
        let group = self.groups.get(name).ok_or(Unset::Unknown)?;
        let mut points = group.points().into_iter();
        let found = points.find(|(known, _)| known == label);
        let (_, at) = found.ok_or(Unset::Unknown)?;
        let mut setting = Setting::new(group, way);
        match state {
            State::Shows(shown) => setting.show(&group.parts, shown)?,
            State::Trouble(trouble) => setting.trouble(&group.parts, *trouble)?,
            State::Value(value) => setting.measure(&group.parts, *value)?,
        }
        for (part, words) in setting.puts {
            if let Some(part) = group.parts.get(part) {
                part.put(&mut self.elements, at, &words);
            }
        }
        let said = (setting.said, setting.ways);
        self.said.insert((name.to_owned(), at), said);
        if let Some(summary) = &self.summary {
            summary.tell(name, &mut self.elements);
        }
        let group = self.groups.get(name).ok_or(Unset::Unknown)?;
        Ok(self.view((name, group), (label.to_owned(), at)))
    }

    /// What a write is called in the map.
    pub(crate) fn name_of(&self, request: &Request<'_>) -> Option<String> {
        self.writable.name_of(request)
    }

    /// Answers a request: reads by the limits of the map, writes by what it names.
    pub(crate) fn answer(
        &mut self,
        request: &Request<'_>,
        acts: bool,
    ) -> Result<Response, ExceptionCode> {
        if let Request::ReadCoils(address, count) = request {
            let bits = self.read(Area::Coil, *address, *count)?;
            return Ok(Response::ReadCoils(bits.map(|bit| bit != 0).collect()));
        }
        if let Request::ReadDiscreteInputs(address, count) = request {
            let bits = self.read(Area::Discrete, *address, *count)?;
            return Ok(Response::ReadDiscreteInputs(
                bits.map(|bit| bit != 0).collect(),
            ));
        }
        if let Request::ReadHoldingRegisters(address, count) = request {
            let words = self.read(Area::Holding, *address, *count)?;
            return Ok(Response::ReadHoldingRegisters(words.collect()));
        }
        if let Request::ReadInputRegisters(address, count) = request {
            let words = self.read(Area::Input, *address, *count)?;
            return Ok(Response::ReadInputRegisters(words.collect()));
        }
        let put = self.writable.take(request, &self.elements)?;
        if acts {
            self.elements.extend(put.elements);
        }
        Ok(put.response)
    }

    fn read(
        &self,
        area: Area,
        address: u16,
        count: u16,
    ) -> Result<impl Iterator<Item = u16> + use<>, ExceptionCode> {
        let most = if area.is_bits() {
            self.limits.bits_max
        } else {
            self.limits.registers_max
        };
        if self
            .elements
            .range((area, 0)..=(area, u16::MAX))
            .next()
            .is_none()
        {
            return Err(ExceptionCode::IllegalFunction);
        }
        if !(1..=most).contains(&usize::from(count)) {
            return Err(ExceptionCode::IllegalDataValue);
        }
        let end = address.checked_add(count - 1);
        let end = end.ok_or(ExceptionCode::IllegalDataAddress)?;
        let found = self.elements.range((area, address)..=(area, end));
        let found: Vec<u16> = found.map(|(_, element)| *element).collect();
        if found.len() == usize::from(count) {
            Ok(found.into_iter())
        } else {
            Err(ExceptionCode::IllegalDataAddress)
        }
    }
}

impl Summary {
    fn read(file: &File, entry: &SummaryEntry) -> Result<Self, String> {
        Ok(Self {
            area: entry.area,
            start: file.address(entry.area, entry.start)?,
            count: entry.count,
            groups: entry.groups.clone(),
        })
    }

    fn elements(&self) -> impl Iterator<Item = ((Area, u16), u16)> + use<> {
        let (area, places) = (self.area, self.start..=u16::MAX);
        let places = places.take(self.count.into());
        places.map(move |place| ((area, place), 0))
    }

    /// A point of a group has changed: the first word counts, the first bit turns over.
    fn tell(&self, group: &str, elements: &mut Elements) {
        if !self.groups.iter().any(|known| known == group) {
            return;
        }
        let first = elements.entry((self.area, self.start)).or_default();
        *first = if self.area.is_bits() {
            1 - *first
        } else {
            first.wrapping_add(1)
        };
    }
}

/// Gaps that a client may read along are there, and hold nothing.
fn fill(elements: &mut Elements, gap_max: u16) {
    let places: Vec<(Area, u16)> = elements.keys().copied().collect();
    for pair in places.windows(2) {
        let &[(area, from), (next, to)] = pair else {
            continue;
        };
        if area == next && to - from - 1 <= gap_max {
            elements.extend((from + 1..to).map(|place| ((area, place), 0)));
        }
    }
}
