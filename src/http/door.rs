//! The door for the command line: a Unix socket in the data folder, through which `fengsui user`, `device` and `token` reach a
//! running daemon, whose journal nobody else may write, and `trace` and `probe` its lines, which nobody else may use. What acts on an
//! output is done by a person who gives account and password, as over HTTP.
//!
//! It takes one line of JSON and answers with one. Who may open it is decided by the file system and by the caller's user id,
//! which is that of the daemon or root's; it never opens for another user, and never for the network.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::auth::{Pass, Signed, ready};
use super::extract::is_word;
use super::problem::Failure;
use super::session::Credentials;
use super::{Served, secret, session, verbs};
use crate::domain::actor::Actor;
use crate::domain::ids::{BusId, OutputId};
use crate::domain::input::Input;
use crate::domain::probe::{self, Frame, LinePlace, Question};
use crate::domain::text::Text;
use crate::engine::ports::{
    AccountRow, DeviceRow, Done, NotAsked, RowChange, SessionRow, Table, TokenRow,
};

/// The socket's name in the data folder.
pub const FILE: &str = "fengsui.sock";
/// Longest line that is read.
const LINE_MAX: u64 = 256 * 1024;
/// More rows than these go by the bulk lane.
const FEW: usize = 16;
/// Longest time for one caller.
const CALL_MAX: Duration = Duration::from_secs(10);
/// Callers that are answered at a time; more wait in the socket's own queue.
const CALLERS_MAX: usize = 8;
/// Frames of one answer; a caller that wants more asks again.
pub const FRAMES_MAX: usize = 512;
/// How long a socket that could not be made is left alone.
const AGAIN: Duration = Duration::from_secs(5);

/// What the command line may ask.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Asked {
    /// Every row of accounts, tokens and sessions.
    Rows,
    /// One entry with these rows.
    Change {
        /// What is changed, as `account/{id}`, `device/{id}` or `token/{name}`.
        subject: String,
        /// The rows as they are afterwards.
        rows: Vec<PersonRow>,
    },
    /// Every line of the field.
    Lines,
    /// What went over a line.
    Frames {
        /// The line.
        bus: BusId,
        /// The number of the first.
        from: u64,
    },
    /// A question to a unit of a line.
    Probe {
        /// The line.
        bus: BusId,
        /// The question.
        question: Question,
    },
    /// The document of an output.
    Output {
        /// The output.
        output: OutputId,
    },
    /// A verb of an output.
    Act(Act),
}

/// What a person does with an output, who gives the password in the same breath.
#[derive(Serialize, Deserialize)]
pub struct Act {
    /// The output.
    pub output: OutputId,
    /// The verb.
    pub verb: String,
    /// What was chosen.
    pub body: Value,
    /// Who.
    pub account: String,
    /// The password of the account. It is never printed.
    pub password: String,
}

impl fmt::Debug for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} by {}", self.verb, self.output, self.account)
    }
}

/// A row of people: exactly one of the tables that the command line may write.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "table", rename_all = "snake_case")]
pub enum PersonRow {
    /// An account, by its id.
    Account(AccountRow),
    /// A device, by the hash of its token.
    Device(DeviceRow),
    /// A program, by the hash of its token; no row revokes it.
    Token {
        /// SHA-256 of the token.
        id: String,
        /// The program.
        row: Option<TokenRow>,
    },
    /// A session that ends.
    SessionEnds {
        /// Its key.
        id: String,
    },
}

impl From<PersonRow> for RowChange {
    fn from(row: PersonRow) -> Self {
        // Rows of our own types always serialise.
        let (table, id, detail) = match row {
            PersonRow::Account(row) => {
                let detail = serde_json::to_string(&row).unwrap_or_default();
                (Table::Accounts, row.id.to_string(), Some(detail))
            }
            PersonRow::Device(row) => {
                let detail = serde_json::to_string(&row).unwrap_or_default();
                (Table::Devices, row.token_sha256, Some(detail))
            }
            PersonRow::Token { id, row } => {
                let detail = row.map(|row| serde_json::to_string(&row).unwrap_or_default());
                (Table::Tokens, id, detail)
            }
            PersonRow::SessionEnds { id } => (Table::Sessions, id, None),
        };
        Self {
            table,
            id,
            seq: 0,
            open: false,
            due: None,
            detail,
        }
    }
}

/// What the daemon answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Told {
    /// It is in the journal.
    Done {
        /// The entry.
        seq: u64,
    },
    /// What was asked for.
    Rows(People),
    /// Every line.
    Lines {
        /// With its address or port.
        lines: Vec<LinePlace>,
    },
    /// The frames from the number on that are still kept, at most [`FRAMES_MAX`].
    Frames {
        /// Oldest first.
        frames: Vec<Frame>,
    },
    /// What a unit answered.
    Probed {
        /// Its answer.
        answer: probe::Told,
    },
    /// An output as it is; `None` when there is no such output.
    Output {
        /// Its document.
        document: Option<Value>,
    },
    /// It is not done.
    Refused {
        /// Why.
        detail: Text,
    },
}

/// Who may come in, for lists on the terminal.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct People {
    /// Accounts.
    pub accounts: Vec<AccountRow>,
    /// Programs, by the hash of the token.
    pub tokens: Vec<(String, TokenRow)>,
    /// Sessions.
    pub sessions: Vec<SessionRow>,
}

/// Answers at the socket until the daemon stops. A socket that cannot be made costs the command line its way in and nothing else.
pub(super) async fn answer(served: Arc<Served>, path: Option<PathBuf>) {
    let Some(path) = path else {
        return;
    };
    let Some(listener) = bound(&served, &path).await else {
        return;
    };
    let mut callers = FuturesUnordered::new();
    loop {
        tokio::select! {
            () = served.stop.cancelled() => break,
            Some(()) = callers.next() => {}
            accepted = listener.accept(), if callers.len() < CALLERS_MAX => match accepted {
                Ok((stream, _address)) => callers.push(bounded_call(&served, stream)),
                Err(error) => {
                    tracing::debug!(%error, "a caller at the socket was lost");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
    // The next start takes its place whether or not it is gone.
    let _ = std::fs::remove_file(&path);
}

/// The socket, as soon as its folder is there; `None` when the daemon stops first.
async fn bound(served: &Served, path: &Path) -> Option<UnixListener> {
    let mut said = false;
    loop {
        let error = match bind(path).await {
            Ok(listener) => return Some(listener),
            Err(error) => error,
        };
        if !std::mem::replace(&mut said, true) {
            tracing::warn!(path = %path.display(), %error,
                "the socket for the command line cannot be made; accounts cannot be changed now");
        }
        tokio::select! {
            () = served.stop.cancelled() => return None,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// Takes the socket's place: that of a daemon that was killed, never that of one that runs.
async fn bind(path: &Path) -> io::Result<UnixListener> {
    if UnixStream::connect(path).await.is_ok() {
        return Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "another daemon answers there",
        ));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn bounded_call(served: &Served, stream: UnixStream) {
    let called = tokio::time::timeout(CALL_MAX, call(served, stream)).await;
    if let Ok(Err(error)) = called {
        tracing::debug!(%error, "a caller at the socket went away");
    }
}

async fn call(served: &Served, stream: UnixStream) -> io::Result<()> {
    let caller = stream.peer_cred()?.uid();
    if caller != 0 && caller != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "another user's process",
        ));
    }
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reading.take(LINE_MAX))
        .read_line(&mut line)
        .await?;
    let told = match serde_json::from_str(&line) {
        Ok(asked) => tell(served, asked).await,
        Err(error) => Told::Refused {
            detail: Text::new(error.to_string(), error.to_string()),
        },
    };
    // Rows of our own types always serialise.
    let mut text = serde_json::to_string(&told).unwrap_or_default();
    text.push('\n');
    writing.write_all(text.as_bytes()).await
}

async fn tell(served: &Served, asked: Asked) -> Told {
    let done = match (ready(served), asked) {
        // The lines are looked at while the journal cannot be read, too.
        (_, Asked::Lines) => {
            return Told::Lines {
                lines: served.field.places(),
            };
        }
        (_, Asked::Frames { bus, from }) => return frames(served, &bus, from),
        (_, Asked::Probe { bus, question }) => return probed(served, &bus, question).await,
        (Err(failure), _) => Err(failure),
        (Ok(()), Asked::Rows) => return Told::Rows(rows(served)),
        (Ok(()), Asked::Change { subject, rows }) => {
            let rows = rows.into_iter().map(Into::into).collect();
            let input = Input::PeopleChanged { subject };
            submit(served, input, rows).await
        }
        (Ok(()), Asked::Output { output }) => {
            let text = served.handle.document(&format!("output/{output}"));
            // A document is JSON.
            let document = text.and_then(|text| serde_json::from_str(&text).ok());
            return Told::Output { document };
        }
        (Ok(()), Asked::Act(act)) => acted(served, act).await,
    };
    match done {
        Ok(done) => Told::Done { seq: done.seq },
        Err(failure) => Told::Refused {
            detail: refused(served, &failure),
        },
    }
}

/// A verb of an output, by the same way as over HTTP. The password that came with it is the step-up.
async fn acted(served: &Served, act: Act) -> Result<Done, Failure> {
    if !is_word(act.output.as_str()) {
        return Err(Failure::new(404, "output_unknown"));
    }
    let credentials = Credentials {
        account: act.account,
        password: act.password,
    };
    let here = Ipv4Addr::LOCALHOST.into();
    let account = session::verified(served, here, credentials).await?;
    let now = served.handle.now();
    // It lasts for this call and is kept nowhere.
    let session = SessionRow {
        id: String::new(),
        account: account.id.clone(),
        csrf: secret::token()?,
        opened_at: now.wall,
        proved_at: Some(now.engine),
    };
    let pass = Pass::Session(session);
    let what = (format!("output/{}", act.output), act.verb);
    let body = (secret::token()?, act.body);
    verbs::perform(served, Signed { pass, account }, what, body).await
}

/// Why not, with who settled it and when.
fn refused(served: &Served, failure: &Failure) -> Text {
    let mut words = failure.words().clone();
    if let Some((by, at)) = failure.settled() {
        let at = at.civil_text(served.site.utc_offset_minutes);
        words.zh = format!("{}（{by}，{at}）", words.zh);
        words.en = format!("{} ({by}, {at})", words.en);
    }
    words
}

fn frames(served: &Served, bus: &BusId, from: u64) -> Told {
    match served.field.frames(bus, from, FRAMES_MAX) {
        Some(frames) => Told::Frames { frames },
        None => not_asked(NotAsked::NoBus),
    }
}

async fn probed(served: &Served, bus: &BusId, question: Question) -> Told {
    match served.field.ask(bus, question).await {
        Ok(answer) => Told::Probed { answer },
        Err(why) => not_asked(why),
    }
}

/// Whoever commissions a site at a terminal reads English, as in every other answer of the tools.
fn not_asked(why: NotAsked) -> Told {
    Told::Refused {
        detail: Text::new(why.to_string(), why.to_string()),
    }
}

/// Many rows are an import, which alarms and people overtake.
async fn submit(served: &Served, input: Input, rows: Vec<RowChange>) -> Result<Done, Failure> {
    if rows.len() <= FEW {
        return served.submit(Actor::System, input, rows).await;
    }
    let answer = served.handle.import(Actor::System, input, rows).await;
    answer.map_err(|problem| Failure::told(served, problem))
}

/// Everybody. The socket is the owner's alone, who can read the same from the journal's file.
fn rows(served: &Served) -> People {
    served.handle.people(|people| People {
        accounts: people.accounts.values().cloned().collect(),
        tokens: people
            .tokens
            .iter()
            .map(|(id, row)| (id.clone(), row.clone()))
            .collect(),
        sessions: people.sessions.values().cloned().collect(),
    })
}
