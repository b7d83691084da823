//! A daemon without accounts: what must be typed, said on every page for signing on, in the log and by `fengsui status`.
//!
//! There is no default password and no page that makes an account: only who owns the machine can, at its terminal.

use std::time::Duration;

use super::Served;

/// The command that makes the first account.
pub(super) const COMMAND: &str = "fengsui user add NAME --role director";
/// How often the journal is looked at until it is loaded.
const LOOK: Duration = Duration::from_millis(250);

/// The command, while nobody can sign on at all; `None` when somebody can or nobody knows yet.
pub(super) fn command(served: &Served) -> Option<&'static str> {
    let nobody = served
        .handle
        .people(|people| people.accounts.values().all(|account| account.disabled));
    (served.handle.health().ready && nobody).then_some(COMMAND)
}

/// Says it once in the log, as soon as the journal is loaded.
pub(super) async fn say_when_nobody(served: &Served) {
    let mut looks = tokio::time::interval(LOOK);
    while !served.handle.health().ready {
        tokio::select! {
            () = served.stop.cancelled() => return,
            _ = looks.tick() => {}
        }
    }
    if let Some(command) = command(served) {
        tracing::warn!(
            command,
            "nobody can sign on yet; make the first account at this machine's terminal"
        );
    }
}
