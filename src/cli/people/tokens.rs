//! `fengsui token`: credentials of programs. A token is printed once and kept as SHA-256.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Outcome, change, id, people, random_token, reach, role, told, usage};
use crate::cli::{SiteArguments, load};
use crate::domain::role::Role;
use crate::domain::time::WallTime;
use crate::engine::ports::TokenRow;
use crate::http::door::PersonRow;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3_600_000;

/// Tokens of programs.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Makes a token for a program and prints it once.
    Add {
        /// The program's name, as the journal says it.
        #[arg(value_parser = id)]
        name: String,
        /// What it may do, as the role of a person: viewer sees and does nothing.
        #[arg(long, value_parser = role)]
        role: Role,
        /// Days for which it is good; until it is revoked when not given.
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        days: Option<u16>,
        /// Which site.
        #[command(flatten)]
        site: SiteArguments,
    },
    /// Lists programs; never their tokens.
    List {
        /// Which site.
        #[command(flatten)]
        site: SiteArguments,
    },
    /// Every token of the program is good no more.
    Revoke {
        /// The program.
        name: String,
        /// Which site.
        #[command(flatten)]
        site: SiteArguments,
    },
}

/// `fengsui token …`
#[must_use]
pub fn token(command: &TokenCommand) -> ExitCode {
    told(match command {
        TokenCommand::Add {
            name,
            role,
            days,
            site,
        } => add_token(name, *role, *days, site),
        TokenCommand::List { site } => list_tokens(site),
        TokenCommand::Revoke { name, site } => revoke(name, site),
    })
}

#[expect(
    clippy::print_stdout,
    reason = "the token is for the person or script that asked"
)]
fn add_token(name: &str, role: Role, days: Option<u16>, site: &SiteArguments) -> Outcome {
    let configuration = load(site)?;
    let made_at = reach::now();
    let row = TokenRow {
        name: name.to_owned(),
        role,
        made_at,
        ends_at: days.map(|days| WallTime(made_at.0 + i64::from(days) * DAY_MS)),
    };
    // The beginning lets a scanner for secrets know what it has found.
    let (token, id) = random_token("fengsui_")?;
    let row = PersonRow::Token { id, row: Some(row) };
    change(&configuration, format!("token/{name}"), vec![row])?;
    println!("{token}");
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "the list is for the person who asked for it"
)]
fn list_tokens(site: &SiteArguments) -> Outcome {
    let configuration = load(site)?;
    let now = reach::now();
    for (_id, token) in people(&configuration)?.tokens {
        let state = match token.ends_at {
            Some(end) if end <= now => "ended".to_owned(),
            Some(end) => format!("{} days left", (end.0 - now.0) / DAY_MS),
            None => "until revoked".to_owned(),
        };
        println!("{}\t{}\t{state}", token.name, token.role.word());
    }
    Ok(())
}

fn revoke(name: &str, site: &SiteArguments) -> Outcome {
    let configuration = load(site)?;
    let tokens = people(&configuration)?.tokens.into_iter();
    let rows: Vec<PersonRow> = tokens
        .filter(|(_, token)| token.name == name)
        .map(|(id, _)| PersonRow::Token { id, row: None })
        .collect();
    if rows.is_empty() {
        return Err(usage(&format!("no program {name}; fengsui token list")));
    }
    change(&configuration, format!("token/{name}"), rows)
}
