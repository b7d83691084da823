//! `fengsui check`: whether the files of a site are valid. It reads them and nothing else: no port, no store, no field.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use super::EXIT_USAGE;
use crate::config::{self, Configuration};
use crate::domain::output::Arming;

/// Prints what the folder holds, or every error with file, line and caret.
#[must_use]
pub fn check(dir: &Path) -> ExitCode {
    match load(dir) {
        Ok(configuration) => {
            // A closed pipe is not an error of the files.
            drop(writeln!(io::stdout(), "{}", summary(&configuration)));
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

/// Loads the configuration or prints everything that is wrong with it.
///
/// # Errors
///
/// Exit code 64, after all errors were printed to standard error.
pub fn load(dir: &Path) -> Result<Configuration, ExitCode> {
    config::load(dir).map_err(|reports| {
        let mut stderr = io::stderr();
        let text = config::render(&reports, stderr.is_terminal());
        let many = match reports.len() {
            1 => "1 error".to_owned(),
            many => format!("{many} errors"),
        };
        let place = dir.display();
        drop(writeln!(
            stderr,
            "{text}{many} in {place}: nothing was started"
        ));
        ExitCode::from(EXIT_USAGE)
    })
}

/// What was read, in two lines.
pub(super) fn summary(configuration: &Configuration) -> String {
    let site = &configuration.site;
    let armed = site
        .outputs
        .values()
        .filter(|output| output.arming != Arming::Observe);
    format!(
        "{} points, {} outputs ({} armed), {} buses, {} recipients, {} plans: the configuration is valid\nversion {}",
        site.points.len(),
        site.outputs.len(),
        armed.count(),
        site.buses.len(),
        site.recipients.len(),
        configuration.plans.len(),
        configuration.version,
    )
}
