//! `fengsui user` and `fengsui device`: accounts and device tokens, written as entries of the journal like everything else.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use sha2::{Digest, Sha256};

use super::{EXIT_UNAVAILABLE, EXIT_USAGE, SiteArguments, fail, journal_file, load};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::domain::actor::Actor;
use crate::domain::input::{Input, Request};
use crate::domain::role::Role;
use crate::domain::site::Site;
use crate::engine::ports::{AccountRow, Batch, DeviceRow, RowChange, Store, StoreError, Table};
use crate::engine::{load as start, run};
use crate::http::password::hash_password;
use crate::store::sqlite::SqliteStore;

/// Accounts.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Adds an account, or gives it a new name, role and password.
    Add(AddUser),
}

/// An account to add.
#[derive(Debug, Args)]
pub struct AddUser {
    /// Its id: what the person types to sign on.
    pub account: String,
    /// The person's name.
    #[arg(long)]
    pub name: String,
    /// What it may do: viewer, school, guard, clerk, operator, foreman, supervisor, director or engineer.
    #[arg(long, value_parser = role)]
    pub role: Role,
    /// The post or person that this account is.
    #[arg(long)]
    pub recipient: Option<String>,
    /// File that holds the password; its first line counts.
    #[arg(long)]
    pub password_file: PathBuf,
    /// Which site.
    #[command(flatten)]
    pub site: SiteArguments,
}

/// Device tokens.
#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Makes a token for a recipient's device and prints it once.
    Add(AddDevice),
}

/// A token to make.
#[derive(Debug, Args)]
pub struct AddDevice {
    /// The post or person whose device it is.
    pub recipient: String,
    /// Which site.
    #[command(flatten)]
    pub site: SiteArguments,
}

/// A role on the command line.
fn role(word: &str) -> Result<Role, String> {
    Role::of_word(word).ok_or_else(|| {
        let known: Vec<&str> = Role::all().map(Role::word).collect();
        format!("the roles are {}", known.join(", "))
    })
}

/// `fengsui user …`
#[must_use]
pub fn user(command: &UserCommand) -> ExitCode {
    let UserCommand::Add(add) = command;
    let configuration = match load(&add.site) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    if let Some(unknown) = add
        .recipient
        .as_ref()
        .filter(|id| !configuration.site.recipients.contains_key(id.as_str()))
    {
        return unknown_recipient(&configuration.site, unknown);
    }
    let password = match std::fs::read_to_string(&add.password_file) {
        Ok(text) => text.lines().next().unwrap_or_default().to_owned(),
        Err(error) => {
            let path = add.password_file.display();
            return fail(EXIT_USAGE, &format!("{path}: {error}"));
        }
    };
    if password.is_empty() {
        return fail(EXIT_USAGE, "the password file is empty");
    }
    let account = AccountRow {
        id: add.account.as_str().into(),
        name: add.name.clone(),
        role: add.role,
        recipient: add.recipient.as_deref().map(Into::into),
        password_hash: hash_password(&password),
        disabled: false,
    };
    let row = row(Table::Accounts, &add.account, &account);
    written(&configuration, &format!("account/{}", add.account), row)
}

/// `fengsui device …`
#[expect(
    clippy::print_stdout,
    reason = "the token is for the person or script that asked"
)]
#[must_use]
pub fn device(command: &DeviceCommand) -> ExitCode {
    let DeviceCommand::Add(add) = command;
    let configuration = match load(&add.site) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    if !configuration
        .site
        .recipients
        .contains_key(add.recipient.as_str())
    {
        return unknown_recipient(&configuration.site, &add.recipient);
    }
    let mut random = [0_u8; 32];
    if getrandom::fill(&mut random).is_err() {
        return fail(
            EXIT_UNAVAILABLE,
            "the operating system gives no random bytes",
        );
    }
    let token = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, random);
    let digest = Sha256::digest(&token);
    let token_sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let device = DeviceRow {
        recipient: add.recipient.as_str().into(),
        token_sha256: token_sha256.clone(),
    };
    let row = row(Table::Devices, &token_sha256, &device);
    let code = written(&configuration, &format!("device/{}", add.recipient), row);
    if code == ExitCode::SUCCESS {
        println!("{token}");
    }
    code
}

fn unknown_recipient(site: &Site, id: &str) -> ExitCode {
    let known: Vec<&str> = site.recipients.keys().map(|id| id.as_str()).collect();
    let known = known.join(", ");
    fail(
        EXIT_USAGE,
        &format!("site.toml has no recipient {id}; it has {known}"),
    )
}

fn row<T: serde::Serialize>(table: Table, id: &str, detail: &T) -> RowChange {
    RowChange {
        table,
        id: id.to_owned(),
        seq: 0,
        open: false,
        due: None,
        // Rows of our own types always serialise.
        detail: serde_json::to_string(detail).ok(),
    }
}

/// Writes one entry with its row.
fn written(configuration: &Configuration, subject: &str, row: RowChange) -> ExitCode {
    match write(configuration, subject, row) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(EXIT_UNAVAILABLE, &error.to_string()),
    }
}

fn write(configuration: &Configuration, subject: &str, row: RowChange) -> Result<(), StoreError> {
    let path = journal_file(&configuration.settings.data);
    let mut store =
        SqliteStore::new(&path).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let site = Arc::new(configuration.site.clone());
    let shared = run::shared();
    let mut loaded = start::load(&mut store, &site, &configuration.version, &shared)?;
    let clock = Clock::default();
    start::continue_time(&clock, &loaded.ledger);
    let request = Request {
        actor: Actor::System,
        input: Input::PeopleChanged {
            subject: subject.to_owned(),
        },
    };
    let taken = loaded.ledger.take(clock.now(), &request);
    let dirty = loaded.ledger.take_dirty();
    let mut rows = loaded.ledger.rows(&dirty);
    rows.push(RowChange {
        seq: loaded.ledger.head.seq,
        ..row
    });
    store.commit(&Batch {
        entries: taken.entry.into_iter().collect(),
        rows,
    })
}
