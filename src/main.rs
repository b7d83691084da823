//! The life of the process, top to bottom.

use std::process::ExitCode;

use clap::Parser;
use fengsui::cli::{Arguments, Command, check, journal, people, run, status};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_new(&arguments.log).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    match arguments.command {
        Command::Run(site) => run::run(&site),
        Command::Check { config } => check::check(&config),
        Command::Verify(site) => journal::verify(&site),
        Command::Rebuild(site) => journal::rebuild(&site),
        Command::User(command) => people::user(&command),
        Command::Device(command) => people::device(&command),
        Command::Token(command) => people::token(&command),
        Command::Status { address } => status::status(&address),
    }
}
