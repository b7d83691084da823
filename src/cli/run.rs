//! `fengsui run`: the daemon in the foreground, until it is told to stop.

use std::process::ExitCode;

use super::{EXIT_UNAVAILABLE, SiteArguments, fail, load};
use crate::app::App;

/// Runs until SIGTERM or SIGINT.
#[must_use]
pub fn run(site: &SiteArguments) -> ExitCode {
    let configuration = match load(site) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    match App::start(configuration) {
        Ok(app) => {
            announce(&app);
            app.run_until_told();
            ExitCode::SUCCESS
        }
        Err(error) => fail(EXIT_UNAVAILABLE, &error.to_string()),
    }
}

/// One line of JSON on standard output, for scripts and tests: where the daemon listens. The log says the same in words.
#[expect(
    clippy::print_stdout,
    reason = "the line is for the script that started the daemon"
)]
fn announce(app: &App) {
    let addresses = app.addresses();
    println!(
        "{}",
        serde_json::json!({
            "http": addresses.http.to_string(),
            "mqtt": addresses.mqtt.tcp.map(|address| address.to_string()),
            "websocket": addresses.mqtt.websocket.map(|address| address.to_string()),
        })
    );
    tracing::info!(http = %addresses.http, "Fengsui runs");
}
