//! The life of the process, top to bottom.

use std::process::ExitCode;

use clap::Parser;
use fengsui::cli::{Arguments, Command, check, journal, people, points, probe, run, status, trace};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Written to the end when this function returns.
    let _log = fengsui::log::start(&arguments.log, arguments.journal.as_deref());
    match arguments.command {
        Command::Run(site) => run::run(&site),
        Command::Check { config, strict } => check::check(&config, strict),
        Command::Verify(site) => journal::verify(&site),
        Command::Rebuild(site) => journal::rebuild(&site),
        Command::User(command) => people::user(&command),
        Command::Device(command) => people::device(&command),
        Command::Token(command) => people::token(&command),
        Command::Points(command) => points::points(&command),
        Command::Probe(arguments) => probe::probe(&arguments),
        Command::Trace(arguments) => trace::trace(&arguments),
        Command::Status { address } => status::status(&address),
    }
}
