//! The field behind the lock: panel, I/O module and the log of what they were asked.

use crate::clock::Moment;
use crate::io::{IoModule, Output};
use crate::layout::Layout;
use crate::panel::{Panel, point_id};
use crate::server::Side;
use crate::view::{OutputView, PointView};
use crate::writes::{Write, WriteLog};

/// The state behind the lock.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) layout: Layout,
    pub(crate) panel: Panel,
    pub(crate) io: IoModule,
    pub(crate) writes: WriteLog,
    pub(crate) now: Moment,
}

impl Field {
    pub(crate) fn new(layout: Layout) -> Self {
        Self {
            panel: Panel::new(&layout),
            io: IoModule::new(&layout),
            writes: WriteLog::default(),
            now: Moment::default(),
            layout,
        }
    }

    /// Lets time pass until `now`.
    pub(crate) fn advance(&mut self, now: Moment) {
        self.now = now;
        self.panel.advance(now.field_ms);
        self.io.advance(now.field_ms);
    }

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
    pub(crate) fn number(&self, id: &str) -> Option<u16> {
        let prefix = &self.layout.panel.prefix;
        let number = id.strip_prefix(prefix.as_str())?.strip_prefix('-')?;
        let number = number.parse().ok()?;
        // Only the one spelling, so that a typing error cannot hit another device.
        (point_id(prefix, number) == id && (1..=self.layout.panel.devices_count).contains(&number))
            .then_some(number)
    }

    pub(crate) fn points(&self) -> Vec<PointView> {
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

    pub(crate) fn outputs(&self) -> Vec<OutputView> {
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
