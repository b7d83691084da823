//! The command line, one file per command. Exit codes: 0 done, 64 wrong configuration or usage, 69 something is not there,
//! 70 the journal is broken, 75 in use: try again later.

pub mod check;
mod door;
pub mod journal;
mod password;
pub mod people;
pub mod points;
pub mod probe;
pub mod run;
pub mod status;
pub mod trace;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::Configuration;

/// The configuration is wrong (EX_USAGE).
pub const EXIT_USAGE: u8 = 64;
/// Something that is needed is not there (EX_UNAVAILABLE).
pub const EXIT_UNAVAILABLE: u8 = 69;
/// The journal is not whole (EX_SOFTWARE).
pub const EXIT_BROKEN: u8 = 70;

/// Fengsui 烽燧: one daemon between a campus's fire panels and its people.
#[derive(Debug, Parser)]
#[command(name = "fengsui", version, about, long_about = None)]
pub struct Arguments {
    /// What is logged, as in `info` or `fengsui::field=debug`.
    #[arg(
        long,
        env = "FENGSUI_LOG",
        default_value = "info,mqtt5=error",
        global = true
    )]
    pub log: String,
    /// Device and inode of journald's socket, as the service manager tells it.
    #[arg(long, env = "JOURNAL_STREAM", hide = true, global = true)]
    pub journal: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the daemon.
    Run(SiteArguments),
    /// Checks the configuration: all errors at once, with file, line and caret.
    Check {
        /// Folder of the site's files.
        #[arg(long, default_value = "config")]
        config: PathBuf,
        /// Ends with 64 when there is a warning, too.
        #[arg(long)]
        strict: bool,
    },
    /// Checks the journal: its hash chain and its columns.
    Verify(SiteArguments),
    /// Makes every row anew from the journal and says which were not as they should be.
    Rebuild(SiteArguments),
    /// Accounts: add, list, disable, a new password. Through the running daemon, or without one.
    #[command(subcommand)]
    User(people::UserCommand),
    /// Gives a recipient's device its token.
    #[command(subcommand)]
    Device(people::DeviceCommand),
    /// Tokens of programs.
    #[command(subcommand)]
    Token(people::TokenCommand),
    /// The table of points: out to a spreadsheet, and back when all of it is right.
    #[command(subcommand)]
    Points(points::PointsCommand),
    /// Asks the units of a line, by reads alone: which are there, what their registers hold, what that means. And has one output
    /// written while it is in maintenance.
    Probe(probe::ProbeArguments),
    /// The frames of a line: as text, as JSON, as a capture for Wireshark; or a saved trace through the decoder again.
    Trace(trace::TraceArguments),
    /// Asks a running daemon how it is.
    Status {
        /// Where its HTTP listens.
        #[arg(long, default_value = "127.0.0.1:8080")]
        address: String,
    },
}

/// Which site.
#[derive(Clone, Debug, Args)]
pub struct SiteArguments {
    /// Folder of the site's files.
    #[arg(long, default_value = "config", global = true)]
    pub config: PathBuf,
    /// Folder of the journal, instead of the one in fengsui.toml.
    #[arg(long, global = true)]
    pub data: Option<PathBuf>,
}

/// Loads the configuration, or says everything that is wrong with it.
///
/// # Errors
/// The exit code 64 after all errors were printed.
pub fn load(site: &SiteArguments) -> Result<Configuration, ExitCode> {
    let mut configuration = check::load(&site.config)?;
    if let Some(data) = &site.data {
        configuration.settings.data.clone_from(data);
    }
    Ok(configuration)
}

/// The journal in a data folder.
#[must_use]
pub fn journal_file(data: &Path) -> PathBuf {
    data.join("fengsui.db")
}

/// The file that keeps the record while the journal cannot be written, in the data folder.
#[must_use]
pub fn spool_file(data: &Path) -> PathBuf {
    data.join("fengsui.spool")
}

/// Says to the person at the terminal what went wrong.
pub fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("fengsui: {message}");
    ExitCode::from(code)
}
