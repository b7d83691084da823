//! One socket of a device: bytes in, frames to the port, replies out. It decides nothing.
//! *Bounds: one frame of bytes that wait, [`REPLIES_MAX`] replies, [`IDLE_MAX`] without a byte, [`NOISE_MAX`] bytes of noise.*

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::frame::{Decoder, FRAME_MAX, Found};

/// A connection on which nothing comes for so long is closed: a device that lost its power leaves it open for ever.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(120);
/// With half a frame and nothing more for so long, a good frame behind noise is looked for.
const PAUSE: Duration = Duration::from_secs(1);
/// A device that does not take its replies for so long is gone.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// Bytes of noise without a good frame after which the other end does not speak this protocol.
const NOISE_MAX: usize = 64 * 1_024;
/// Most replies that wait to be sent.
pub(super) const REPLIES_MAX: usize = 32;

/// What a connection tells its port.
#[derive(Debug)]
pub(super) struct News {
    pub(super) connection: u64,
    pub(super) what: What,
}

/// What there is to tell.
#[derive(Debug)]
pub(super) enum What {
    /// A frame, or what is none.
    Found(Found),
    /// It is closed.
    Gone,
}

/// One connection at work.
pub(super) struct Connection {
    pub(super) id: u64,
    pub(super) stream: TcpStream,
    pub(super) news: mpsc::Sender<News>,
    pub(super) replies: mpsc::Receiver<Vec<u8>>,
    pub(super) stop: CancellationToken,
    /// [`IDLE_MAX`], but in a test.
    pub(super) idle_max: Duration,
}

impl Connection {
    /// Works until either end closes it.
    pub(super) async fn run(mut self) {
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            _end = self.work() => {}
        }
        // The port has ended when nobody takes it.
        let _ = self.tell(What::Gone).await;
    }

    /// `None` is the end of the connection.
    async fn work(&mut self) -> Option<()> {
        let mut decoder = Decoder::default();
        let mut heard_at = Instant::now();
        // Half a frame is looked past once; what it lacks may still come.
        let mut looked = false;
        let mut noise = 0;
        let mut bytes = [0; FRAME_MAX];
        loop {
            let looks = decoder.waiting() > 0 && !looked;
            let pause = if looks { PAUSE } else { self.idle_max };
            tokio::select! {
                read = self.stream.read(&mut bytes) => {
                    let count = read.ok().filter(|count| *count > 0)?;
                    (heard_at, looked) = (Instant::now(), false);
                    decoder.push(bytes.get(..count)?);
                    self.tell_all(&mut decoder, &mut noise).await?;
                }
                reply = self.replies.recv() => {
                    let reply = reply?;
                    timeout(WRITE_MAX, self.stream.write_all(&reply)).await.ok()?.ok()?;
                }
                () = sleep_until(heard_at + pause) => {
                    if !looks {
                        return None;
                    }
                    looked = true;
                    if let Some(skipped) = decoder.look_past() {
                        self.tell(What::Found(skipped)).await?;
                        self.tell_all(&mut decoder, &mut noise).await?;
                    }
                }
            }
        }
    }

    /// Everything that can be told of what has come.
    async fn tell_all(&mut self, decoder: &mut Decoder, noise: &mut usize) -> Option<()> {
        while let Some(found) = decoder.next() {
            *noise = match &found {
                Found::Noise(count) => *noise + count,
                Found::Frame(_) | Found::BadSum(_) => 0,
            };
            self.tell(What::Found(found)).await?;
        }
        (*noise <= NOISE_MAX).then_some(())
    }

    /// Waits for room: a port that is behind slows its devices down and loses nothing.
    async fn tell(&self, what: What) -> Option<()> {
        let connection = self.id;
        self.news.send(News { connection, what }).await.ok()
    }
}
