//! How the command line reaches the rows of people: through the running daemon, or into the journal when none runs.
//!
//! A journal has one writer. Where a daemon runs, its socket is the only way in.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::cli::{journal_file, spool_file};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::domain::actor::Actor;
use crate::domain::input::{Input, Request};
use crate::domain::time::WallTime;
use crate::engine::handle::Shared;
use crate::engine::ports::{Batch, RowChange, Store, StoreError};
use crate::engine::{load, run};
use crate::http::door::{self, Asked, People, PersonRow, Told};
use crate::store::sqlite::SqliteStore;

/// Longest wait for the daemon's answer.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// Why the rows of people cannot be reached.
#[derive(Debug, Error)]
pub(super) enum Unreached {
    /// The daemon refused.
    #[error("the daemon says: {zh} {en}")]
    Refused {
        /// In Chinese.
        zh: String,
        /// In English.
        en: String,
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
    /// Files that root makes here the daemon could not write.
    #[error(
        "{path} belongs to user {owner}; run this command as that user, so that the daemon can write its journal"
    )]
    Owner {
        /// The data folder.
        path: String,
        /// Its owner's number.
        owner: u32,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] StoreError),
    /// The operating system gives no runtime.
    #[error("the journal cannot be opened")]
    System(#[from] std::io::Error),
}

/// Everybody who may come in.
pub(super) fn people(configuration: &Configuration) -> Result<People, Unreached> {
    let data = &configuration.settings.data;
    match through_door(data, &Asked::Rows)? {
        Some(Told::Rows(people)) => Ok(people),
        Some(Told::Done { .. } | Told::Refused { .. }) => Ok(People::default()),
        None => {
            let (_store, _loaded, shared) = opened(configuration)?;
            let people = shared
                .people
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            Ok(People {
                accounts: people.accounts.values().cloned().collect(),
                tokens: people.tokens.clone().into_iter().collect(),
                sessions: people.sessions.values().cloned().collect(),
            })
        }
    }
}

/// One entry with its rows.
pub(super) fn change(
    configuration: &Configuration,
    subject: String,
    rows: Vec<PersonRow>,
) -> Result<(), Unreached> {
    let asked = Asked::Change { subject, rows };
    if through_door(&configuration.settings.data, &asked)?.is_some() {
        return Ok(());
    }
    let Asked::Change { subject, rows } = asked else {
        return Ok(());
    };
    written(configuration, subject, rows)
}

/// The present, for rows that say when they were made.
pub(super) fn now() -> WallTime {
    Clock::default().now().wall
}

/// Asks the running daemon; `None` when there is none.
fn through_door(data: &Path, asked: &Asked) -> Result<Option<Told>, Unreached> {
    let path = data.join(door::FILE);
    let said = || path.display().to_string();
    let stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(Unreached::Forbidden { path: said() });
        }
        Err(_nobody) => return Ok(None),
    };
    let told = call(stream, asked).map_err(|source| Unreached::Broken {
        path: said(),
        source,
    })?;
    match told {
        Told::Refused { detail } => Err(Unreached::Refused {
            zh: detail.zh,
            en: detail.en,
        }),
        Told::Done { .. } | Told::Rows(_) => Ok(Some(told)),
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

/// The journal of a site whose daemon does not run, with its people.
fn opened(
    configuration: &Configuration,
) -> Result<(SqliteStore, load::Loaded, Arc<Shared>), Unreached> {
    let data = &configuration.settings.data;
    let caller = rustix::process::geteuid().as_raw();
    if let Some(owner) = std::fs::metadata(data).ok().map(|folder| folder.uid())
        && caller == 0
        && owner != 0
    {
        let path = data.display().to_string();
        return Err(Unreached::Owner { path, owner });
    }
    let mut store = SqliteStore::new(&journal_file(data))?;
    let site = Arc::new(configuration.site.clone());
    let shared = run::shared();
    let spool = spool_file(data);
    let from = (Some(spool.as_path()), configuration.version.as_str());
    let loaded = load::load(&mut store, &site, from, &shared)?;
    Ok((store, loaded, shared))
}

fn written(
    configuration: &Configuration,
    subject: String,
    rows: Vec<PersonRow>,
) -> Result<(), Unreached> {
    let (mut store, mut loaded, _shared) = opened(configuration)?;
    let clock = Clock::default();
    load::continue_time(&clock, &loaded.ledger);
    let request = Request {
        actor: Actor::System,
        input: Input::PeopleChanged { subject },
    };
    let taken = loaded.ledger.take(clock.now(), &request);
    let dirty = loaded.ledger.take_dirty();
    let mut all = loaded.ledger.rows(&dirty);
    let seq = loaded.ledger.head.seq;
    let stamped = rows.into_iter().map(RowChange::from);
    all.extend(stamped.map(|row| RowChange { seq, ..row }));
    store.commit(&Batch {
        entries: taken.entry.into_iter().collect(),
        rows: all,
    })?;
    Ok(())
}
