//! `fengsui user`, `fengsui device`, `fengsui token`: who may come in, written as entries of the journal like everything else.
//!
//! Each works through a running daemon, and into the journal where none runs. Accounts are never deleted: the journal names them.

mod import;
mod reach;
mod tokens;

pub use tokens::{TokenCommand, token};

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use sha2::{Digest, Sha256};

use super::{EXIT_UNAVAILABLE, EXIT_USAGE, SiteArguments, fail, load, password};
use crate::config::Configuration;
use crate::domain::role::{Power, Role};
use crate::domain::settings::Broker;
use crate::domain::site::Site;
use crate::engine::ports::{AccountRow, DeviceRow};
use crate::http::door::{People, PersonRow};
use crate::http::password::hash_password;

/// Longest id of an account or a program.
const ID_MAX: usize = 64;

/// Accounts.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Adds an account, or gives it a new name, role and password. Asks for the password at the terminal.
    Add(AddUser),
    /// Adds the accounts of a CSV file with the columns account, name, role and recipient, in UTF-8; none of them when a line is
    /// wrong. Accounts that are there keep their password; new ones get theirs by `fengsui user password`.
    Import {
        /// The file.
        file: PathBuf,
        /// Which site.
        #[command(flatten)]
        site: SiteArguments,
    },
    /// Lists accounts with their roles.
    List {
        /// Which site.
        #[command(flatten)]
        site: SiteArguments,
    },
    /// Nobody signs on with the account any more, and its sessions end.
    Disable(OneUser),
    /// The account can be used again.
    Enable(OneUser),
    /// Gives an account a new password. Who is signed on stays signed on.
    Password {
        /// Which account.
        #[command(flatten)]
        user: OneUser,
        /// File that holds the password instead of the terminal; its first line counts.
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
}

/// An account to add.
#[derive(Debug, Args)]
pub struct AddUser {
    /// Its id: what the person types to sign on.
    #[arg(value_parser = id)]
    pub account: String,
    /// The person's name; the id when it is not given.
    #[arg(long)]
    pub name: Option<String>,
    /// What it may do: viewer, school, guard, clerk, operator, foreman, supervisor, director or engineer.
    #[arg(long, value_parser = role)]
    pub role: Role,
    /// The post or person that this account is.
    #[arg(long)]
    pub recipient: Option<String>,
    /// File that holds the password instead of the terminal; its first line counts.
    #[arg(long)]
    pub password_file: Option<PathBuf>,
    /// Which site.
    #[command(flatten)]
    pub site: SiteArguments,
}

/// One account.
#[derive(Debug, Args)]
pub struct OneUser {
    /// Its id.
    pub account: String,
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

/// An id of an account or program: it stands in the journal, in keys and in URLs.
fn id(word: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !word.is_empty() && word.len() <= ID_MAX && word.bytes().all(plain) {
        return Ok(word.to_owned());
    }
    Err(format!(
        "1 to {ID_MAX} letters, digits, `-`, `_` or `.`; the person's name goes into --name"
    ))
}

/// `fengsui user …`
#[must_use]
pub fn user(command: &UserCommand) -> ExitCode {
    told(match command {
        UserCommand::Add(add) => add_user(add),
        UserCommand::Import { file, site } => import::users(file, site),
        UserCommand::List { site } => list_users(site),
        UserCommand::Disable(user) => set_disabled(user, true),
        UserCommand::Enable(user) => set_disabled(user, false),
        UserCommand::Password {
            user,
            password_file,
        } => new_password(user, password_file.as_ref()),
    })
}

/// `fengsui device …`
#[must_use]
pub fn device(command: &DeviceCommand) -> ExitCode {
    let DeviceCommand::Add(add) = command;
    told(add_device(add))
}

/// An exit code that was explained already.
type Outcome = Result<(), ExitCode>;

fn told(outcome: Outcome) -> ExitCode {
    outcome.err().unwrap_or(ExitCode::SUCCESS)
}

fn usage(message: &str) -> ExitCode {
    fail(EXIT_USAGE, message)
}

fn unreached(error: &reach::Unreached) -> ExitCode {
    fail(EXIT_UNAVAILABLE, &error.to_string())
}

fn change(configuration: &Configuration, subject: String, rows: Vec<PersonRow>) -> Outcome {
    reach::change(configuration, subject, rows).map_err(|error| unreached(&error))
}

fn people(configuration: &Configuration) -> Result<People, ExitCode> {
    reach::people(configuration).map_err(|error| unreached(&error))
}

fn add_user(add: &AddUser) -> Outcome {
    let configuration = load(&add.site)?;
    if let Some(recipient) = &add.recipient {
        known_recipient(&configuration.site, recipient)?;
    }
    let password = password::new(add.password_file.as_deref()).map_err(|why| usage(&why))?;
    let account = AccountRow {
        id: add.account.as_str().into(),
        name: add.name.clone().unwrap_or_else(|| add.account.clone()),
        role: add.role,
        recipient: add.recipient.as_deref().map(Into::into),
        password_hash: hash_password(&password),
        disabled: false,
    };
    let subject = format!("account/{}", add.account);
    change(&configuration, subject, vec![PersonRow::Account(account)])
}

#[expect(
    clippy::print_stdout,
    reason = "the list is for the person who asked for it"
)]
fn list_users(site: &SiteArguments) -> Outcome {
    let configuration = load(site)?;
    let people = people(&configuration)?;
    if people.accounts.is_empty() {
        eprintln!("no accounts; fengsui user add NAME --role director");
    }
    for account in &people.accounts {
        let recipient = account.recipient.as_ref().map_or("-", |id| id.as_str());
        let state = if account.disabled {
            "disabled"
        } else {
            "active"
        };
        println!(
            "{}\t{}\t{state}\t{recipient}\t{}",
            account.id,
            account.role.word(),
            account.name
        );
    }
    Ok(())
}

/// The account, with everybody else.
fn found(configuration: &Configuration, user: &OneUser) -> Result<(AccountRow, People), ExitCode> {
    let people = people(configuration)?;
    let mut accounts = people.accounts.iter();
    match accounts.find(|account| account.id.as_str() == user.account) {
        Some(account) => Ok((account.clone(), people)),
        None => Err(usage(&format!(
            "no account {}; fengsui user list",
            user.account
        ))),
    }
}

fn set_disabled(user: &OneUser, disabled: bool) -> Outcome {
    let configuration = load(&user.site)?;
    let (account, people) = found(&configuration, user)?;
    let mut others = people
        .accounts
        .iter()
        .filter(|other| other.id != account.id && !other.disabled);
    if disabled && !others.any(|other| other.role.may(Power::Weaken)) {
        return Err(usage(
            "this is the last account that may lead; add another one first",
        ));
    }
    let id = account.id.clone();
    let ends = people
        .sessions
        .into_iter()
        .filter(|session| disabled && session.account == id)
        .map(|session| PersonRow::SessionEnds { id: session.id });
    let mut rows: Vec<PersonRow> = ends.collect();
    rows.insert(
        0,
        PersonRow::Account(AccountRow {
            disabled,
            ..account
        }),
    );
    change(&configuration, format!("account/{id}"), rows)
}

fn new_password(user: &OneUser, file: Option<&PathBuf>) -> Outcome {
    let configuration = load(&user.site)?;
    let (account, _people) = found(&configuration, user)?;
    let password = password::new(file.map(PathBuf::as_path)).map_err(|why| usage(&why))?;
    let subject = format!("account/{}", account.id);
    let account = AccountRow {
        password_hash: hash_password(&password),
        ..account
    };
    change(&configuration, subject, vec![PersonRow::Account(account)])
}

#[expect(
    clippy::print_stdout,
    reason = "the token is for the person or script that asked"
)]
fn add_device(add: &AddDevice) -> Outcome {
    let configuration = load(&add.site)?;
    known_recipient(&configuration.site, &add.recipient)?;
    let (token, token_sha256) = random_token("")?;
    let device = DeviceRow {
        recipient: add.recipient.as_str().into(),
        token_sha256,
    };
    let subject = format!("device/{}", add.recipient);
    change(&configuration, subject, vec![PersonRow::Device(device)])?;
    println!("{token}");
    if let Broker::External { .. } = configuration.settings.mqtt.broker {
        // The token itself stays off this line: standard error may be a log.
        let recipient = &add.recipient;
        eprintln!(
            "fengsui: the broker must know it too: mosquitto_passwd /etc/mosquitto/fengsui.passwords {recipient}"
        );
    }
    Ok(())
}

/// A new token of 256 bit and its SHA-256.
fn random_token(beginning: &str) -> Result<(String, String), ExitCode> {
    let mut random = [0_u8; 32];
    if getrandom::fill(&mut random).is_err() {
        return Err(fail(
            EXIT_UNAVAILABLE,
            "the operating system gives no random bytes",
        ));
    }
    let random = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, random);
    let token = format!("{beginning}{random}");
    let digest = Sha256::digest(&token);
    let hash = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((token, hash))
}

fn known_recipient(site: &Site, id: &str) -> Outcome {
    if site.recipients.contains_key(id) {
        return Ok(());
    }
    let known: Vec<&str> = site.recipients.keys().map(|id| id.as_str()).collect();
    let known = known.join(", ");
    Err(usage(&format!(
        "site.toml has no recipient {id}; it has {known}"
    )))
}
