//! `fengsui status`: what a running daemon says of itself, for scripts and for a person without a browser.

use std::process::ExitCode;

use super::{EXIT_UNAVAILABLE, fail};

/// Prints the daemon's status as JSON; exit 0 when it is ready and its journal can be written.
#[expect(
    clippy::print_stdout,
    reason = "the result is for the person or script that asked"
)]
#[must_use]
pub fn status(address: &str) -> ExitCode {
    let answer = ureq::get(format!("http://{address}/api/v1/status"))
        .call()
        .and_then(|mut response| response.body_mut().read_to_string());
    let text = match answer {
        Ok(text) => text,
        Err(error) => {
            let advice = "is the daemon running? Until it is, read the panel and work by the panel";
            return fail(EXIT_UNAVAILABLE, &format!("{address}: {error}; {advice}"));
        }
    };
    println!("{text}");
    let status: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    if let Some(command) = status["first_account"].as_str() {
        eprintln!("fengsui: nobody can sign on yet; type here: {command}");
    }
    if status["ready"] == true && status["store"].is_null() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}
