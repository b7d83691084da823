//! `fengsui verify` and `fengsui rebuild`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::{EXIT_BROKEN, EXIT_UNAVAILABLE, SiteArguments, fail, journal_file, load, spool_file};
use crate::engine::chain::{self, Broken, Verified};
use crate::engine::rebuild;
use crate::engine::spool::Found;
use crate::store::sqlite::SqliteStore;

/// Reads the whole journal and says whether it is whole; a daemon may be running.
#[expect(
    clippy::print_stdout,
    reason = "the result is for the person or script that asked"
)]
#[must_use]
pub fn verify(site: &SiteArguments) -> ExitCode {
    let configuration = match load(site) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    let path = journal_file(&configuration.settings.data);
    let outcome = SqliteStore::reader(&path)
        .map_err(|error| error.to_string())
        .map(|mut store| chain::verify(&mut store, |_, _| {}));
    match outcome {
        Ok(Ok(verified)) => {
            println!(
                "{} entries, the chain is whole; head {}",
                verified.entries,
                hex(&verified.head)
            );
            verify_spool(&configuration.settings.data, &verified)
        }
        Ok(Err(broken @ Broken::At { .. })) => fail(
            EXIT_BROKEN,
            &format!(
                "the journal is not whole: {broken}. Keep the file and the anchors as evidence."
            ),
        ),
        Ok(Err(Broken::Store(error))) => {
            fail(EXIT_UNAVAILABLE, &format!("{}: {error}", path.display()))
        }
        Err(error) => fail(EXIT_UNAVAILABLE, &error),
    }
}

/// Whether what only the spool has continues the journal. Its records become entries at the daemon's next start, or as soon as the
/// journal answers.
#[expect(
    clippy::print_stdout,
    reason = "the result is for the person or script that asked"
)]
fn verify_spool(data: &Path, journal: &Verified) -> ExitCode {
    let path = spool_file(data);
    let records = match Found::read(&path) {
        Ok(found) => found.map(|found| found.records).unwrap_or_default(),
        Err(error) => return fail(EXIT_UNAVAILABLE, &format!("{}: {error}", path.display())),
    };
    match chain::verify_spool(journal, &records) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(entries) => {
            println!("{entries} entries more wait in the spool and continue the chain");
            ExitCode::SUCCESS
        }
        Err(broken) => fail(EXIT_BROKEN, &format!("the spool is not whole: {broken}")),
    }
}

/// Makes every row anew; the daemon must not be running.
#[expect(
    clippy::print_stdout,
    reason = "the result is for the person or script that asked"
)]
#[must_use]
pub fn rebuild(site: &SiteArguments) -> ExitCode {
    let configuration = match load(site) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    let path = journal_file(&configuration.settings.data);
    let outcome = SqliteStore::new(&path)
        .map_err(|error| error.to_string())
        .map(|mut store| rebuild::rebuild(&mut store, &Arc::new(configuration.site)));
    match outcome {
        Ok(Ok(rebuilt)) if rebuilt.different.is_empty() => {
            println!(
                "{} entries, {} rows, all identical",
                rebuilt.entries, rebuilt.rows
            );
            ExitCode::SUCCESS
        }
        Ok(Ok(rebuilt)) => {
            println!(
                "{} entries, {} rows; these were different and are mended:",
                rebuilt.entries, rebuilt.rows
            );
            for row in rebuilt.different {
                println!("  {row}");
            }
            ExitCode::from(1)
        }
        Ok(Err(Broken::Store(error))) => {
            fail(EXIT_UNAVAILABLE, &format!("{}: {error}", path.display()))
        }
        Ok(Err(broken)) => fail(EXIT_BROKEN, &format!("nothing was changed: {broken}")),
        Err(error) => fail(EXIT_UNAVAILABLE, &error),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
