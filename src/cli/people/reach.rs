//! How the command line reaches the rows of people: through the running daemon, or into the journal when none runs.
//!
//! A journal has one writer. Where a daemon runs, its socket is the only way in.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use thiserror::Error;

use crate::cli::door::{self, Unheard};
use crate::cli::{journal_file, spool_file};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::domain::actor::Actor;
use crate::domain::input::{Input, Request};
use crate::domain::time::WallTime;
use crate::engine::handle::Shared;
use crate::engine::ports::{Batch, RowChange, Store, StoreError};
use crate::engine::{load, run};
use crate::http::door::{Asked, People, PersonRow, Told};
use crate::store::sqlite::SqliteStore;

/// Why the rows of people cannot be reached.
#[derive(Debug, Error)]
pub(super) enum Unreached {
    /// The daemon is there and does not do it.
    #[error(transparent)]
    Daemon(#[from] Unheard),
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
    match door::ask(data, &Asked::Rows)? {
        Some(Told::Rows(people)) => Ok(people),
        Some(_) => Ok(People::default()),
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
    if door::ask(&configuration.settings.data, &asked)?.is_some() {
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
