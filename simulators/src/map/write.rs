//! What can be written to a unit by its map, and what is refused.

use std::collections::BTreeMap;

use tokio_modbus::ExceptionCode;
use tokio_modbus::prelude::{Request, Response};

use super::Area;
use super::file::{File, WriteEntry};
use super::table::Elements;

/// The writes of a map by name.
#[derive(Clone, Debug)]
pub(super) struct Writable {
    writes: BTreeMap<String, Write>,
    /// It takes function codes 15 and 16 only.
    multiple_only: bool,
}

#[derive(Clone, Debug)]
struct Write {
    target: Target,
    pulse: bool,
}

#[derive(Clone, Debug)]
enum Target {
    /// A row of coils.
    Coils { first: u16, count: u16 },
    /// One or two values that are a command.
    Command { register: u16, values: Vec<u16> },
    /// Bits of a register, one beside the other.
    Bits { register: u16, mask: u16 },
}

/// Elements with what they become.
type Changed = Vec<((Area, u16), u16)>;

/// A write that is taken.
pub(super) struct Put {
    pub(super) elements: Changed,
    pub(super) response: Response,
}

impl Writable {
    pub(super) fn read(file: &File) -> Result<Self, String> {
        let write = |(name, entry): (&String, &WriteEntry)| {
            let target = Target::read(file, entry).map_err(|why| format!("write {name}: {why}"))?;
            let pulse = entry.pulse;
            Ok((name.clone(), Write { target, pulse }))
        };
        Ok(Self {
            writes: file
                .writes
                .iter()
                .map(write)
                .collect::<Result<_, String>>()?,
            multiple_only: file.quirks.writes_multiple,
        })
    }

    /// Every coil and register that can be written; each can be read, too.
    pub(super) fn elements(&self) -> Elements {
        let places = self.writes.values().flat_map(|write| write.target.places());
        places.map(|place| (place, 0)).collect()
    }

    /// Whether a coil is one of the map's outputs.
    pub(super) fn has_coil(&self, place: u16) -> bool {
        self.coil(place).is_some()
    }

    fn coil(&self, place: u16) -> Option<(&str, u16, &Write)> {
        self.writes
            .iter()
            .find_map(|(name, write)| match write.target {
                Target::Coils { first, count } => {
                    let index = place.checked_sub(first).filter(|index| *index < count)?;
                    Some((name.as_str(), index, write))
                }
                Target::Command { .. } | Target::Bits { .. } => None,
            })
    }

    /// What a write is called: `reset`, or `relays/3` in a row.
    pub(super) fn name_of(&self, request: &Request<'_>) -> Option<String> {
        match Asked::of(request)? {
            Asked::Coils(address, _) => {
                let (name, index, _) = self.coil(address)?;
                Some(format!("{name}/{index}"))
            }
            Asked::Registers(address, values) => {
                let mut writes = self.writes.iter();
                let named = writes.find(|(_, write)| write.target.is_command(address, &values));
                named.map(|(name, _)| name.clone())
            }
            Asked::Mask(address, and, _) => {
                let mut writes = self.writes.iter();
                let named = writes.find(|(_, write)| write.target.has_bits(address, !and));
                named.map(|(name, write)| format!("{name}/{}", write.target.index_of(!and)))
            }
        }
    }

    /// What a write does: 01 for a function code that the unit does not have, 02 for an address that is not written, 03 for a value
    /// that means nothing there.
    pub(super) fn take(
        &self,
        request: &Request<'_>,
        elements: &Elements,
    ) -> Result<Put, ExceptionCode> {
        let asked = Asked::of(request).ok_or(ExceptionCode::IllegalFunction)?;
        if self.multiple_only && matches!(request.function_code().value(), 5 | 6) {
            return Err(ExceptionCode::IllegalFunction);
        }
        let put = match asked {
            Asked::Coils(address, values) => self.coils(address, &values)?,
            Asked::Registers(address, values) => self.command(address, values)?,
            Asked::Mask(address, and, or) => self.bits(address, (and, or), elements)?,
        };
        let response = response(request).ok_or(ExceptionCode::IllegalFunction)?;
        Ok(Put {
            elements: put,
            response,
        })
    }

    fn coils(&self, address: u16, values: &[bool]) -> Result<Changed, ExceptionCode> {
        let mut put = Vec::new();
        for (place, on) in (address..=u16::MAX).zip(values) {
            let coil = self.coil(place).ok_or(ExceptionCode::IllegalDataAddress)?;
            let (_, _, write) = coil;
            // A stroke is over before anybody can read its coil.
            put.push(((Area::Coil, place), u16::from(*on && !write.pulse)));
        }
        if put.len() == values.len() && !put.is_empty() {
            Ok(put)
        } else {
            Err(ExceptionCode::IllegalDataAddress)
        }
    }

    /// A command register keeps what was written last, whatever came of it.
    fn command(&self, address: u16, values: Vec<u16>) -> Result<Changed, ExceptionCode> {
        let mut writes = self.writes.values();
        if !writes.any(|write| write.target.is_command(address, &values)) {
            let mut writes = self.writes.values();
            let is_known = writes.any(|write| write.target.is_command_register(address));
            return Err(if is_known {
                ExceptionCode::IllegalDataValue
            } else {
                ExceptionCode::IllegalDataAddress
            });
        }
        let places = (address..=u16::MAX).map(|place| (Area::Holding, place));
        Ok(places.zip(values).collect())
    }

    fn bits(
        &self,
        address: u16,
        (and, or): (u16, u16),
        elements: &Elements,
    ) -> Result<Changed, ExceptionCode> {
        let mut writes = self.writes.values();
        let found = writes.find(|write| write.target.has_bits(address, !and));
        let write = found.ok_or(ExceptionCode::IllegalDataAddress)?;
        let place = (Area::Holding, address);
        let before = elements.get(&place).copied().unwrap_or_default();
        // Result = (current AND and_mask) OR (or_mask AND NOT and_mask), as V1.1b3, 6.16 has it.
        let after = if write.pulse {
            before
        } else {
            before & and | or & !and
        };
        Ok(vec![(place, after)])
    }
}

impl Target {
    fn read(file: &File, entry: &WriteEntry) -> Result<Self, String> {
        let count = entry.count.unwrap_or(1);
        let register = |written| file.address(Area::Holding, written);
        match (entry.coil, entry.register) {
            (Some(coil), None) => Ok(Self::Coils {
                first: file.address(Area::Coil, coil)?,
                count,
            }),
            (None, Some(at)) => match (entry.value, entry.values, entry.bit) {
                (Some(value), None, None) => Ok(Self::Command {
                    register: register(at)?,
                    values: vec![value],
                }),
                (None, Some(values), None) => Ok(Self::Command {
                    register: register(at)?,
                    values: values.to_vec(),
                }),
                (None, None, Some(bit)) if bit + count <= 16 => Ok(Self::Bits {
                    register: register(at)?,
                    mask: (bit..bit + count).fold(0, |mask, bit| mask | 1 << bit),
                }),
                _ => Err("it does not say what is written".to_owned()),
            },
            _ => Err("it does not say where it is written".to_owned()),
        }
    }

    fn places(&self) -> Vec<(Area, u16)> {
        let row = |area, first: u16, count: usize| {
            let places = (first..=u16::MAX).take(count);
            places.map(|place| (area, place)).collect()
        };
        match self {
            Self::Coils { first, count } => row(Area::Coil, *first, (*count).into()),
            Self::Command { register, values } => row(Area::Holding, *register, values.len()),
            Self::Bits { register, .. } => row(Area::Holding, *register, 1),
        }
    }

    fn is_command(&self, address: u16, written: &[u16]) -> bool {
        matches!(self, Self::Command { register, values } if *register == address && values == written)
    }

    fn is_command_register(&self, address: u16) -> bool {
        matches!(self, Self::Command { register, .. } if *register == address)
    }

    fn has_bits(&self, address: u16, changed: u16) -> bool {
        matches!(self, Self::Bits { register, mask } if *register == address && changed & !mask == 0 && changed != 0)
    }

    fn index_of(&self, changed: u16) -> u32 {
        match self {
            Self::Bits { mask, .. } => changed.trailing_zeros() - mask.trailing_zeros(),
            Self::Coils { .. } | Self::Command { .. } => 0,
        }
    }
}

/// A request that writes, whichever function code it has.
enum Asked {
    Coils(u16, Vec<bool>),
    Registers(u16, Vec<u16>),
    Mask(u16, u16, u16),
}

impl Asked {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else writes here")]
    fn of(request: &Request<'_>) -> Option<Self> {
        Some(match request {
            Request::WriteSingleCoil(address, on) => Self::Coils(*address, vec![*on]),
            Request::WriteMultipleCoils(address, values) => Self::Coils(*address, values.to_vec()),
            Request::WriteSingleRegister(address, value) => Self::Registers(*address, vec![*value]),
            Request::WriteMultipleRegisters(address, values) => {
                Self::Registers(*address, values.to_vec())
            }
            Request::MaskWriteRegister(address, and, or) => Self::Mask(*address, *and, *or),
            _ => return None,
        })
    }
}

/// What the standard answers to a write that is taken.
#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else writes here")]
fn response(request: &Request<'_>) -> Option<Response> {
    let count = |length: usize| u16::try_from(length).ok();
    Some(match request {
        Request::WriteSingleCoil(address, on) => Response::WriteSingleCoil(*address, *on),
        Request::WriteMultipleCoils(address, values) => {
            Response::WriteMultipleCoils(*address, count(values.len())?)
        }
        Request::WriteSingleRegister(address, value) => {
            Response::WriteSingleRegister(*address, *value)
        }
        Request::WriteMultipleRegisters(address, values) => {
            Response::WriteMultipleRegisters(*address, count(values.len())?)
        }
        Request::MaskWriteRegister(address, and, or) => {
            Response::MaskWriteRegister(*address, *and, *or)
        }
        _ => return None,
    })
}
