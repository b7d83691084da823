//! How the command line asks a running daemon: at its socket in the data folder, one line of JSON there and one back.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;

use crate::http::door::{self, Asked, Told};

/// Longest wait for the daemon's answer.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// Why a daemon that is there gives nothing.
#[derive(Debug, Error)]
pub(super) enum Unheard {
    /// The daemon refused.
    #[error("the daemon says: {words}")]
    Refused {
        /// In Chinese and English, or in English where both are the same.
        words: String,
    },
    /// The daemon's socket broke off.
    #[error("the daemon's socket {path} gives no answer; nothing may have been changed")]
    Broken {
        /// The socket.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The socket is there and this user may not open it.
    #[error("{path} belongs to the daemon's user; run this command as that user or as root")]
    Forbidden {
        /// The socket.
        path: String,
    },
}

/// Asks the running daemon of a data folder; `None` when none runs.
pub(super) fn ask(data: &Path, asked: &Asked) -> Result<Option<Told>, Unheard> {
    let path = data.join(door::FILE);
    let said = || path.display().to_string();
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(Unheard::Forbidden { path: said() });
        }
        Err(_nobody) => return Ok(None),
    };
    let told = call(stream, asked).map_err(|source| Unheard::Broken {
        path: said(),
        source,
    })?;
    match told {
        Told::Refused { detail } if detail.zh == detail.en => {
            Err(Unheard::Refused { words: detail.en })
        }
        Told::Refused { detail } => Err(Unheard::Refused {
            words: format!("{} {}", detail.zh, detail.en),
        }),
        told @ (Told::Done { .. }
        | Told::Rows(_)
        | Told::Lines { .. }
        | Told::Frames { .. }
        | Told::Probed { .. }
        | Told::Output { .. }) => Ok(Some(told)),
    }
}

fn call(mut stream: UnixStream, asked: &Asked) -> std::io::Result<Told> {
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    let mut text = serde_json::to_string(asked)?;
    text.push('\n');
    stream.write_all(text.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}
