use std::sync::{Mutex, PoisonError};

use super::*;
use crate::wire::frame::Asked;

/// Answers unit 17 with three registers and unit 18 with two pieces; keeps what it heard.
#[derive(Clone, Default)]
struct Two(Arc<Mutex<(Vec<Asked>, usize)>>);

impl Two {
    fn log(&self) -> std::sync::MutexGuard<'_, (Vec<Asked>, usize)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ear for Two {
    fn hear(&mut self, heard: &Heard<'_>) -> Vec<Outgoing> {
        self.log().0.push(heard.asked.clone());
        let frame = |pdu: &[u8]| heard.framing.wrap(0, heard.asked.unit, pdu);
        let steps = match heard.asked.unit {
            17 => vec![Step::Send(frame(&[
                0x03, 0x06, 0xAE, 0x41, 0x56, 0x52, 0x43, 0x40,
            ]))],
            18 => {
                let whole = frame(&[0x85, 0x02]);
                let (first, second) = whole.split_at(2);
                let pause = Step::Wait(Duration::from_millis(60));
                vec![
                    Step::Send(first.to_vec()),
                    pause,
                    Step::Send(second.to_vec()),
                ]
            }
            _ => return Vec::new(),
        };
        let when = When::After(Duration::ZERO);
        vec![Outgoing { when, steps }]
    }

    fn noise(&mut self, bytes: usize) {
        self.log().1 += bytes;
    }
}

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
    let two = Two::default();
    let far_end = FarEnd::start(pty, Pace::new(9_600), two.clone()).unwrap();
    let started = Instant::now();
    // Noise, a request with a wrong checksum; then the worked example of many manuals: unit 17, registers 107 on.
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
    let started = Instant::now();
    port.write_all(&[0x12, 0x05, 0x00, 0x01, 0xFF, 0x00, 0xDF, 0x59])
        .unwrap();
    assert_eq!(hear(&mut port, 5)[..3], [0x12, 0x85, 0x02]);
    assert!(started.elapsed() >= Duration::from_millis(60), "two pieces");
    drop(far_end);
    let (asked, noise) = two.log().clone();
    let units: Vec<u8> = asked.iter().map(|asked| asked.unit).collect();
    assert_eq!((units, noise), (vec![17, 18], 9));
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
