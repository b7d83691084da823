//! A gateway that passes the bytes of a serial line on over TCP, for one client at a time as such gateways do.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// A gateway at work; it ends when this is dropped.
pub(crate) struct Gateway {
    pub(crate) address: String,
    /// The connection of its client, to be cut.
    client: Arc<Mutex<Option<TcpStream>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Passes on between its address and the terminal at `path`.
    pub(crate) fn start(path: &Path) -> Self {
        let port = open(path);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (client, stop) = (Arc::<Mutex<_>>::default(), Arc::<AtomicBool>::default());
        let (ours, stopped) = (Arc::clone(&client), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                *ours.lock().unwrap() = Some(stream.try_clone().unwrap());
                pass_on(&port, &stream, &stopped);
            }
        });
        Self {
            address,
            client,
            stop,
            thread: Some(thread),
        }
    }

    /// Ends the connection of the client, as a gateway that starts anew.
    pub(crate) fn cut(&self) {
        if let Some(stream) = self.client.lock().unwrap().take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.cut();
        let _ = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn open(path: &Path) -> File {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlags::NOCTTY.bits().cast_signed())
        .open(path)
        .unwrap();
    let mut settings = tcgetattr(&file).unwrap();
    settings.make_raw();
    tcsetattr(&file, OptionalActions::Now, &settings).unwrap();
    file
}

/// Until one side ends.
fn pass_on(port: &File, stream: &TcpStream, stop: &AtomicBool) {
    let mut bytes = [0_u8; 256];
    let limit = Timespec {
        tv_sec: 0,
        tv_nsec: 20_000_000,
    };
    while !stop.load(Ordering::Relaxed) {
        let mut fds = [
            PollFd::new(port, PollFlags::IN),
            PollFd::new(stream, PollFlags::IN),
        ];
        poll(&mut fds, Some(&limit)).unwrap();
        let ready = fds.map(|fd| !fd.revents().is_empty());
        if ready[0] {
            let Ok(count) = (&mut &*port).read(&mut bytes) else {
                return;
            };
            if (&mut &*stream).write_all(&bytes[..count]).is_err() {
                return;
            }
        }
        if ready[1] {
            match (&mut &*stream).read(&mut bytes) {
                Ok(count) if count > 0 => (&mut &*port).write_all(&bytes[..count]).unwrap(),
                _ => return,
            }
        }
    }
}
