//! The fire panel: what it does with its detectors, its lamps and its keys.
//!
//! A pure machine over field time. It knows registers and no sockets, and it never acts for anybody: alarms latch
//! until a reset, faults follow their source, and a detector that still smells smoke alarms again after a reset.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio_modbus::ExceptionCode;

use crate::layout::{Layout, PanelLayout};

/// What a word holds for an address without a device.
pub(crate) const ABSENT: u16 = 0xFFFF;

const FIRE: u16 = 1 << 0;
const FAULT: u16 = 1 << 1;
const DISABLED: u16 = 1 << 2;
const GAS_LOW: u16 = 1 << 4;
const GAS_HIGH: u16 = 1 << 5;

const KEY_AUTO: u16 = 1 << 0;
const SILENCED: u16 = 1 << 1;
const SOUNDERS: u16 = 1 << 2;
const MAINS: u16 = 1 << 3;

/// What happens to a device on the campus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointVerb {
    /// It smells smoke, or somebody presses it. A gas detector reads over its high limit.
    Alarm,
    /// What a gas detector smells; anything else smells no gas.
    Gas(GasLevel),
    /// The smoke is gone; the panel keeps the alarm until it is reset.
    Normal,
    /// It breaks.
    Fault,
    /// It is repaired; the fault goes by itself.
    Repaired,
    /// 屏蔽 set at the panel: no new alarm of it shows.
    Disable,
    /// 屏蔽 lifted: smoke that is there alarms at once.
    Enable,
}

/// What a gas detector reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GasLevel {
    /// Below both limits.
    #[default]
    Normal,
    /// Over the low limit.
    Low,
    /// Over the high limit, and so over the low one.
    High,
}

/// What somebody does at the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelVerb {
    /// The key to 自动.
    KeyAuto,
    /// The key to 手动.
    KeyManual,
    /// Mains power is back.
    MainsOn,
    /// Mains power fails; the panel goes on from its battery.
    MainsOff,
    /// 消音: the buzzer stops until something new happens.
    Silence,
    /// 停止警报: the evacuation sounders stop.
    StopSounders,
    /// 复位: latched alarms are cleared; causes that are still there alarm again.
    Reset,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Device {
    /// It is a gas detector: it knows two limits and no fire.
    pub(crate) is_gas: bool,
    /// What a gas detector reads now.
    pub(crate) gas: GasLevel,
    /// The highest that the panel shows since its reset.
    pub(crate) gas_latched: GasLevel,
    /// There is smoke, or the button is in.
    pub(crate) smoke: bool,
    /// The panel shows 火警.
    pub(crate) latched: bool,
    pub(crate) fault: bool,
    pub(crate) disabled: bool,
    /// After a reset: when it alarms again.
    realarm_at: Option<u64>,
}

/// The panel.
#[derive(Debug)]
pub(crate) struct Panel {
    layout: PanelLayout,
    devices: BTreeMap<u16, Device>,
    key_auto: bool,
    silenced: bool,
    sounders: bool,
    sounders_at: Option<u64>,
    mains: bool,
    command: u16,
    first_alarm: Option<u16>,
    resets: u64,
    now: u64,
}

impl Panel {
    pub(crate) fn new(campus: &Layout, layout: &PanelLayout) -> Self {
        let device = |kind: &str| Device {
            is_gas: kind == "gas",
            ..Device::default()
        };
        Self {
            devices: campus
                .devices(&layout.id)
                .map(|(number, _, one)| (number, device(&one.kind)))
                .collect(),
            key_auto: layout.key_auto,
            layout: layout.clone(),
            silenced: false,
            sounders: false,
            sounders_at: None,
            mains: true,
            command: 0,
            first_alarm: None,
            resets: 0,
            now: 0,
        }
    }

    /// Lets time pass: re-alarms and sounders that are due happen, in the order in which they were due.
    pub(crate) fn advance(&mut self, now: u64) {
        let due: Vec<(u64, u16)> = self
            .devices
            .iter()
            .filter_map(|(number, device)| Some((device.realarm_at?, *number)))
            .filter(|(at, _)| *at <= now)
            .collect();
        for (at, number) in due {
            self.latch(number, at);
        }
        if self.sounders_at.is_some_and(|at| at <= now) {
            self.sounders_at = None;
            self.sounders = true;
        }
        self.now = now;
    }

    /// Applies what happens to a device; false when there is no such device.
    pub(crate) fn point(&mut self, number: u16, verb: PointVerb) -> bool {
        let Some(device) = self.devices.get_mut(&number) else {
            return false;
        };
        match verb {
            PointVerb::Alarm if device.is_gas => self.smell(number, GasLevel::High),
            PointVerb::Gas(level) if device.is_gas => self.smell(number, level),
            // It smells no gas.
            PointVerb::Gas(_) => return false,
            PointVerb::Alarm => {
                device.smoke = true;
                self.latch(number, self.now);
            }
            PointVerb::Normal => {
                device.smoke = false;
                device.gas = GasLevel::Normal;
                device.realarm_at = None;
            }
            PointVerb::Fault => {
                // A new fault sounds again, as a new alarm does.
                self.silenced &= device.fault;
                device.fault = true;
            }
            PointVerb::Repaired => device.fault = false,
            PointVerb::Disable => {
                device.disabled = true;
                device.realarm_at = None;
            }
            PointVerb::Enable => {
                device.disabled = false;
                if device.smoke || device.gas > GasLevel::Normal {
                    self.latch(number, self.now);
                }
            }
        }
        true
    }

    fn smell(&mut self, number: u16, level: GasLevel) {
        if let Some(device) = self.devices.get_mut(&number) {
            device.gas = level;
        }
        self.latch(number, self.now);
    }

    /// A device that is disabled, or stands in alarm already, changes nothing.
    fn latch(&mut self, number: u16, at: u64) {
        let Some(device) = self.devices.get_mut(&number) else {
            return;
        };
        device.realarm_at = None;
        if device.is_gas {
            // Gas sounds the buzzer of its controller and no evacuation sounders.
            if !device.disabled && device.gas > device.gas_latched {
                device.gas_latched = device.gas;
                self.silenced = false;
            }
            return;
        }
        if device.disabled || device.latched {
            return;
        }
        device.latched = true;
        self.first_alarm.get_or_insert(number);
        self.silenced = false;
        if !self.sounders {
            self.sounders_at
                .get_or_insert(at.saturating_add(self.layout.sounder_delay_ms));
        }
    }

    /// Applies what somebody does at the panel, by hand or by the command register.
    pub(crate) fn act(&mut self, verb: PanelVerb) {
        match verb {
            PanelVerb::KeyAuto => self.key_auto = true,
            PanelVerb::KeyManual => self.key_auto = false,
            PanelVerb::MainsOn => self.mains = true,
            PanelVerb::MainsOff => {
                self.silenced &= !self.mains;
                self.mains = false;
            }
            PanelVerb::Silence => self.silenced = true,
            PanelVerb::StopSounders => {
                self.sounders = false;
                self.sounders_at = None;
            }
            PanelVerb::Reset => self.reset(),
        }
    }

    fn reset(&mut self) {
        self.resets += 1;
        let realarm_at = self.now.saturating_add(self.layout.realarm_ms);
        for device in self.devices.values_mut() {
            device.latched = false;
            device.gas_latched = GasLevel::Normal;
            let is_there = device.smoke || device.gas > GasLevel::Normal;
            device.realarm_at = (is_there && !device.disabled).then_some(realarm_at);
        }
        self.silenced = false;
        self.sounders = false;
        self.sounders_at = None;
        self.first_alarm = None;
    }

    /// Reads holding registers (function code 03); a panel that does not latch shows an alarm only while its cause is there.
    pub(crate) fn read(
        &self,
        address: u16,
        count: u16,
        latches: bool,
    ) -> Result<Vec<u16>, ExceptionCode> {
        if !(1..=125).contains(&count) {
            return Err(ExceptionCode::IllegalDataValue);
        }
        (0..count)
            .map(|offset| {
                address
                    .checked_add(offset)
                    .and_then(|register| self.register(register, latches))
                    .ok_or(ExceptionCode::IllegalDataAddress)
            })
            .collect()
    }

    fn register(&self, register: u16, latches: bool) -> Option<u16> {
        if register == self.layout.status_register {
            return Some(self.status());
        }
        if register == self.layout.command_register {
            return Some(self.command);
        }
        let index = register.checked_sub(self.layout.devices_first)?;
        let number = (index < self.layout.devices_count).then(|| index + 1)?;
        let calm = self.devices.get(&number);
        let calm = calm.is_some_and(|device| !device.smoke && device.gas == GasLevel::Normal);
        let kept = if calm && !latches {
            FIRE | GAS_LOW | GAS_HIGH
        } else {
            0
        };
        Some(match self.word(number) {
            ABSENT => ABSENT,
            word => word & !kept,
        })
    }

    /// The word of a device.
    pub(crate) fn word(&self, number: u16) -> u16 {
        self.devices.get(&number).map_or(ABSENT, |device| {
            flag(device.latched, FIRE)
                | flag(device.fault, FAULT)
                | flag(device.disabled, DISABLED)
                | flag(device.gas_latched >= GasLevel::Low, GAS_LOW)
                | flag(device.gas_latched >= GasLevel::High, GAS_HIGH)
        })
    }

    fn status(&self) -> u16 {
        flag(self.key_auto, KEY_AUTO)
            | flag(self.silenced, SILENCED)
            | flag(self.sounders, SOUNDERS)
            | flag(self.mains, MAINS)
    }

    /// Writes one holding register (function code 06).
    pub(crate) fn write(&mut self, register: u16, value: u16) -> Result<(), ExceptionCode> {
        if register != self.layout.command_register {
            return Err(ExceptionCode::IllegalDataAddress);
        }
        let verb = match value {
            1 => PanelVerb::Silence,
            2 => PanelVerb::StopSounders,
            3 => PanelVerb::Reset,
            4 => PanelVerb::KeyAuto,
            _ => return Err(ExceptionCode::IllegalDataValue),
        };
        self.command = value;
        self.act(verb);
        Ok(())
    }

    /// Whether a register takes commands.
    pub(crate) fn is_command(&self, register: u16) -> bool {
        register == self.layout.command_register
    }

    /// How often it was reset.
    pub(crate) fn resets(&self) -> u64 {
        self.resets
    }

    pub(crate) fn device(&self, number: u16) -> Option<&Device> {
        self.devices.get(&number)
    }

    /// Back to calm: no smoke, no fault, nothing disabled, the key as at the start.
    pub(crate) fn calm(&mut self) {
        for device in self.devices.values_mut() {
            *device = Device {
                is_gas: device.is_gas,
                ..Device::default()
            };
        }
        self.reset();
        self.key_auto = self.layout.key_auto;
        self.mains = true;
    }

    /// `P1-015`
    pub(crate) fn point_id(&self, number: u16) -> String {
        point_id(&self.layout.prefix, number)
    }

    /// The address in `P1-015`, when that is a place on this panel's loop.
    pub(crate) fn number(&self, id: &str) -> Option<u16> {
        let number = id.strip_prefix(&self.layout.prefix)?.strip_prefix('-')?;
        let number = number.parse().ok()?;
        // Only the one spelling, so that a typing error cannot hit another device.
        (self.point_id(number) == id && (1..=self.layout.devices_count).contains(&number))
            .then_some(number)
    }

    pub(crate) fn layout(&self) -> &PanelLayout {
        &self.layout
    }

    pub(crate) fn lamps(&self) -> crate::view::Lamps {
        crate::view::Lamps {
            key: if self.key_auto { "auto" } else { "manual" },
            silenced: self.silenced,
            sounders: self.sounders,
            mains: self.mains,
            first_alarm: self.first_alarm.map(|number| self.point_id(number)),
            command_register: self.command,
        }
    }
}

fn point_id(prefix: &str, number: u16) -> String {
    format!("{prefix}-{number:03}")
}

fn flag(on: bool, bit: u16) -> u16 {
    if on { bit } else { 0 }
}

#[cfg(test)]
mod tests;
