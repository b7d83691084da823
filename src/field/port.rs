//! A serial port of this machine: opened for us alone, set to the line's characters, read and written without waiting.
//!
//! Parity and speed are the hardware's. The direction of an RS-485 line is the adapter's business or, where the line says so, the
//! kernel's (`TIOCSRS485`); termination is always the adapter's.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rs485::{Rs485, SerialRs485};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::termios::{
    ControlModes, InputModes, OptionalActions, QueueSelector, ioctl_tiocexcl, isatty, tcflush,
    tcgetattr, tcsetattr,
};
use tokio::time::Instant;

use super::modbus::fault::Fault;
use crate::domain::line::{DriverEnable, Parity, SerialLine};

/// Where Linux keeps pseudo-terminals.
const PTYS: &str = "/dev/pts";

/// An open port.
#[derive(Debug)]
pub(crate) struct Port(File);

impl Port {
    /// Opens the port. What stands in its buffers is thrown away.
    pub(crate) fn open(line: &SerialLine) -> Result<Self, Fault> {
        Self::open_for(line, true)
    }

    /// Opens the port so that no byte can be written to it.
    pub(crate) fn open_to_listen(line: &SerialLine) -> Result<Self, Fault> {
        Self::open_for(line, false)
    }

    fn open_for(line: &SerialLine, writing: bool) -> Result<Self, Fault> {
        let path = Path::new(&line.path)
            .canonicalize()
            .map_err(|error| cause(&error))?;
        let is_pty = path.starts_with(PTYS);
        if line.pty_only && !is_pty {
            return Err(Fault::NotSimulated);
        }
        // Without waiting for a carrier, and never as the terminal that controls us.
        let flags = OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = OpenOptions::new()
            .read(true)
            .write(writing)
            .custom_flags(flags.bits().cast_signed())
            .open(&path)
            .map_err(|error| cause(&error))?;
        if !isatty(&file) {
            return Err(Fault::Missing);
        }
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| Fault::Taken)?;
        if !is_pty {
            // It would outlive a pseudo-terminal's user; on a port it ends with the last one.
            ioctl_tiocexcl(&file).map_err(|error| cause(&error.into()))?;
        }
        set(&file, line).map_err(|error| cause(&error.into()))?;
        if let Some(driver) = line.driver {
            drive(&file, driver)?;
        }
        Ok(Self(file))
    }

    /// Reads what is there; `None` when nothing is.
    pub(crate) fn read(&mut self, bytes: &mut [u8]) -> Result<Option<usize>, Fault> {
        match self.0.read(bytes) {
            Ok(0) => Err(Fault::Unplugged),
            Ok(count) => Ok(Some(count)),
            Err(error) if is_passing(&error) => Ok(None),
            Err(_) => Err(Fault::Unplugged),
        }
    }

    /// Writes what the port takes; 0 when it takes nothing now.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        match self.0.write(bytes) {
            Ok(count) => Ok(count),
            Err(error) if is_passing(&error) => Ok(0),
            Err(_) => Err(Fault::Unplugged),
        }
    }

    /// Waits until something can be read, or written. False when the time is over.
    pub(crate) fn wait(&self, flags: PollFlags, until: Instant) -> Result<bool, Fault> {
        let limit = until.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(&self.0, flags)];
        match poll(&mut fds, timespec(limit).as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => Ok(false),
            Ok(_) => Ok(true),
            Err(_) => Err(Fault::Unplugged),
        }
    }
}

fn timespec(limit: Duration) -> Option<Timespec> {
    Timespec::try_from(limit).ok()
}

fn set(file: &File, line: &SerialLine) -> rustix::io::Result<()> {
    let mut settings = tcgetattr(file)?;
    settings.make_raw();
    // A character with a wrong parity or stop bit is read as NUL and not as another character.
    settings.input_modes |= InputModes::INPCK;
    settings.set_speed(line.baud)?;
    let all = ControlModes::PARENB | ControlModes::PARODD | ControlModes::CSTOPB;
    settings.control_modes &= !(all | ControlModes::CRTSCTS);
    settings.control_modes |= ControlModes::CREAD | ControlModes::CLOCAL;
    settings.control_modes |= match line.parity {
        Parity::None => ControlModes::empty(),
        Parity::Even => ControlModes::PARENB,
        Parity::Odd => ControlModes::PARENB | ControlModes::PARODD,
    };
    if line.stop_bits == 2 {
        settings.control_modes |= ControlModes::CSTOPB;
    }
    tcsetattr(file, OptionalActions::Now, &settings)?;
    tcflush(file, QueueSelector::IOFlush)
}

/// Lets the kernel switch the line driver around what it sends.
fn drive(file: &File, driver: DriverEnable) -> Result<(), Fault> {
    let is_high = driver == DriverEnable::RtsHigh;
    let mut settings = SerialRs485::new();
    settings
        .set_enabled(true)
        .set_rts_on_send(is_high)
        .set_rts_after_send(!is_high);
    let set = file.set_rs485_conf(&settings);
    set.map_err(|_| Fault::NoDriver)
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the list of causes is open; a port that cannot be used is as good as none"
)]
fn cause(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Fault::Denied,
        io::ErrorKind::ResourceBusy => Fault::Taken,
        _ => Fault::Missing,
    }
}
