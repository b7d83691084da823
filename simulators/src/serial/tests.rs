use std::sync::{Mutex, PoisonError};

use tokio_modbus::prelude::Request;

use super::*;

/// Reads from the daemon's end until so many bytes are there.
fn hear(port: &mut File, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    port.read_exact(&mut bytes).unwrap();
    bytes
}

fn port(path: &Path) -> File {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut settings = tcgetattr(&file).unwrap();
    settings.make_raw();
    tcsetattr(&file, OptionalActions::Now, &settings).unwrap();
    file
}

#[test]
fn requests_are_answered_at_the_pace_of_the_line() {
    let pty = Pty::open(None).unwrap();
    let mut port = port(&pty.path);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let slave = Slave::start(pty, Pace::new(9_600), move |request| {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(request.request.clone());
        match request.slave {
            17 => Ok(Some(Response::ReadHoldingRegisters(vec![
                0xAE41, 0x5652, 0x4340,
            ]))),
            18 => Err(ExceptionCode::IllegalDataAddress),
            _ => Ok(None),
        }
    })
    .unwrap();
    let started = Instant::now();
    // Noise, a request with a wrong checksum, one for nobody; then the worked example of many manuals: unit 17, registers 107 on.
    port.write_all(&[0x00, 0x11, 0x03, 0x00, 0x6B, 0x00, 0x03, 0x76, 0x88])
        .unwrap();
    port.write_all(&[0x11, 0x03, 0x00, 0x6B, 0x00, 0x03, 0x76, 0x87])
        .unwrap();
    let reply = hear(&mut port, 11);
    assert_eq!(
        reply,
        [
            0x11, 0x03, 0x06, 0xAE, 0x41, 0x56, 0x52, 0x43, 0x40, 0x49, 0xAD
        ]
    );
    // Eight characters of request, eleven of reply, and the device.
    let least = Duration::from_secs(10) / 9_600 * 19 + Duration::from_millis(5);
    assert!(started.elapsed() >= least);
    port.write_all(&frame::exception(
        18,
        &Request::ReadCoils(0, 1),
        ExceptionCode::ServerDeviceBusy,
    ))
    .unwrap();
    port.write_all(&[0x12, 0x05, 0x00, 0x01, 0xFF, 0x00, 0xDF, 0x59])
        .unwrap();
    assert_eq!(hear(&mut port, 5)[..3], [0x12, 0x85, 0x02]);
    drop(slave);
    let log = asked.lock().unwrap();
    let last = [
        Request::ReadHoldingRegisters(107, 3),
        Request::WriteSingleCoil(1, true),
    ];
    assert_eq!(*log, last);
}

#[test]
fn a_link_leads_to_the_newest_terminal_and_is_gone_in_the_end() {
    let folder = std::env::temp_dir().join(format!("fengsui-sim-{}", std::process::id()));
    let link = folder.join("ttyPanel");
    let first = Pty::open(Some(&link)).unwrap();
    let second = Pty::open(Some(&link)).unwrap();
    drop(first);
    assert_eq!(fs::read_link(&link).unwrap(), second.path);
    drop(second);
    assert!(!link.is_symlink());
    fs::remove_dir(&folder).unwrap();
}
