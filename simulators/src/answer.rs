//! What the devices of a line answer: which unit, which function codes. The devices' own logic is in `panel`, `io` and `map`; what
//! becomes of a right reply on its way is in `nasty`.
//!
//! Refusals as in the MODBUS Application Protocol V1.1b3, 7: 01 for a function code the device does not have, 02 for an
//! address it does not have, 03 for a count or value it cannot take. A request for another unit gets no answer.

use tokio_modbus::ExceptionCode;
use tokio_modbus::prelude::{Request, Response};

use crate::field::{Device, Field};
use crate::io::{IoModule, Violation};
use crate::nasty::Manner;
use crate::panel::Panel;
use crate::wire::pdu;
use crate::writes::{Answer, Write};

/// The device's own reply to a request; `None` when the unit is not on the line. A write is logged, whatever the answer was.
pub(crate) fn answer(
    field: &mut Field,
    (line, unit): (usize, u8),
    asked: &[u8],
    manner: Manner,
) -> Option<Vec<u8>> {
    let function = asked.first().copied().unwrap_or_default();
    let refusal = |code: ExceptionCode| pdu::refusal(function, code.into());
    let Some(request) = pdu::parse(&translated(asked, manner.coil_on)) else {
        let is_here = field.device(line, unit).is_some();
        return is_here.then(|| refusal(ExceptionCode::IllegalDataValue));
    };
    let request = shifted(request, manner.shift);
    let answer = field.device(line, unit).map(|device| match device {
        Device::Panel(device) => panel(device, &request, manner),
        Device::Io(module) => io_module(module, &request, manner),
        Device::Mapped(unit) => {
            let answer = unit.answer(&request, manner.acts);
            answer.map(|response| (response, None))
        }
    });
    log(field, (line, unit), &request, &answer);
    let reply = match answer? {
        Ok((response, _)) => pdu::reply(&response),
        Err(code) => Some(refusal(code)),
    };
    if reply.is_none() {
        tracing::error!("an answer that has no bytes");
    }
    reply
}

/// A write of a coil in the words of the standard.
fn translated(asked: &[u8], coil_on: Option<u16>) -> Vec<u8> {
    let mut asked = asked.to_vec();
    if let [5, _, _, value @ ..] = asked.as_mut_slice()
        && coil_on.is_some_and(|on| *value == on.to_be_bytes())
    {
        value.copy_from_slice(&[0xFF, 0x00]);
    }
    asked
}

/// The same question somewhere else in the map.
fn shifted(request: Request<'static>, by: i32) -> Request<'static> {
    let moved = |address: u16| {
        let moved = i32::from(address).saturating_add(by);
        u16::try_from(moved).unwrap_or(address)
    };
    if let Request::ReadHoldingRegisters(address, count) = request {
        return Request::ReadHoldingRegisters(moved(address), count);
    }
    if let Request::ReadInputRegisters(address, count) = request {
        return Request::ReadInputRegisters(moved(address), count);
    }
    if let Request::ReadCoils(address, count) = request {
        return Request::ReadCoils(moved(address), count);
    }
    if let Request::ReadDiscreteInputs(address, count) = request {
        return Request::ReadDiscreteInputs(moved(address), count);
    }
    request
}

type Answered = Result<(Response, Option<Violation>), ExceptionCode>;

fn log(
    field: &mut Field,
    (line, unit): (usize, u8),
    request: &Request<'_>,
    answer: &Option<Answered>,
) {
    let Some((address, values)) = written(request) else {
        return;
    };
    let (command, output) = match field.device(line, unit) {
        Some(Device::Panel(panel)) => (panel.is_command(address), None),
        Some(Device::Io(module)) => (false, module.id_of(address).map(str::to_owned)),
        Some(Device::Mapped(unit)) => (false, unit.name_of(request)),
        None => (false, None),
    };
    field.keep(Write {
        seq: 0,
        at_ms: 0,
        wall_ms: 0,
        link: field.link_id(line).to_owned(),
        unit,
        function: request.function_code().value(),
        address,
        values,
        command,
        output,
        answer: match answer {
            None => Answer::Silence,
            Some(Ok(_)) => Answer::Taken,
            Some(Err(code)) => Answer::Exception((*code).into()),
        },
        violation: match answer {
            Some(Ok((_, violation))) => *violation,
            Some(Err(_)) | None => None,
        },
    });
}

/// The panel has function codes 03 and 06.
fn panel(panel: &mut Panel, request: &Request<'_>, manner: Manner) -> Answered {
    if let Request::ReadHoldingRegisters(address, count) = request {
        let words = panel.read(*address, *count, manner.latches)?;
        return Ok((Response::ReadHoldingRegisters(words), None));
    }
    if let Request::WriteSingleRegister(address, value) = request {
        if manner.acts {
            panel.write(*address, *value)?;
        }
        return Ok((Response::WriteSingleRegister(*address, *value), None));
    }
    Err(ExceptionCode::IllegalFunction)
}

/// The I/O module has function codes 01, 02, 05 and 15.
fn io_module(io: &mut IoModule, request: &Request<'_>, manner: Manner) -> Answered {
    if let Request::ReadCoils(address, count) = request {
        let bits = io.read_coils(*address, *count)?;
        return Ok((Response::ReadCoils(bits), None));
    }
    if let Request::ReadDiscreteInputs(address, count) = request {
        let bits = io.read_inputs(*address, *count)?;
        return Ok((Response::ReadDiscreteInputs(bits), None));
    }
    let mut write = |address: u16, values: &[bool]| match manner.acts {
        true => io.write(address, values),
        false => Ok(None),
    };
    if let Request::WriteSingleCoil(address, on) = request {
        let violation = write(*address, &[*on])?;
        return Ok((Response::WriteSingleCoil(*address, *on), violation));
    }
    if let Request::WriteMultipleCoils(address, values) = request {
        let violation = write(*address, values)?;
        let count = u16::try_from(values.len()).unwrap_or(u16::MAX);
        return Ok((Response::WriteMultipleCoils(*address, count), violation));
    }
    Err(ExceptionCode::IllegalFunction)
}

/// Address and values of a request that writes.
fn written(request: &Request<'_>) -> Option<(u16, Vec<u16>)> {
    match request {
        Request::WriteSingleCoil(address, on) => Some((*address, vec![u16::from(*on)])),
        Request::WriteMultipleCoils(address, values) => {
            Some((*address, values.iter().map(|on| u16::from(*on)).collect()))
        }
        Request::WriteSingleRegister(address, value) => Some((*address, vec![*value])),
        Request::WriteMultipleRegisters(address, values)
        | Request::ReadWriteMultipleRegisters(_, _, address, values) => {
            Some((*address, values.to_vec()))
        }
        Request::MaskWriteRegister(address, and, or) => Some((*address, vec![*and, *or])),
        Request::ReadCoils(..)
        | Request::ReadDiscreteInputs(..)
        | Request::ReadInputRegisters(..)
        | Request::ReadHoldingRegisters(..)
        | Request::ReportServerId
        | Request::ReadDeviceIdentification(..)
        | Request::Custom(..) => None,
    }
}
