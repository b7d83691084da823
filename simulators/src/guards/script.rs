//! What a simulated guard does by itself, and the file that lists the guards.

use std::fmt;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// How long after arriving a guard reports when the script does not say.
const REPORT_AFTER_S: f64 = 5.0;

/// What a guard answers by itself. Seconds are seconds on the campus: a speed of 10 makes them ten times shorter.
///
/// The empty script confirms receipt and leaves the rest to a person.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// From receipt to 收到; nothing for never.
    pub accept_after_s: Option<f64>,
    /// From 收到 to 已到场.
    pub arrive_after_s: Option<f64>,
    /// From 已到场 to the report; 5 s when nothing is said.
    pub report_after_s: Option<f64>,
    /// `real`, `false:cooking` or another cause, or empty: nobody reports.
    pub report: String,
    /// From 收到 to 完成, for orders that are done and not verified.
    pub done_after_s: Option<f64>,
}

/// What a guard's script reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    Nothing,
    Real,
    False(String),
}

impl Script {
    /// The report in its parts.
    pub(crate) fn report(&self) -> Report {
        match self.report.split_once(':') {
            Some((_, cause)) => Report::False(cause.to_owned()),
            None if self.report.is_empty() => Report::Nothing,
            None => Report::Real,
        }
    }

    pub(crate) fn report_after_s(&self) -> f64 {
        self.report_after_s.unwrap_or(REPORT_AFTER_S)
    }

    /// Says what is wrong with it.
    ///
    /// # Errors
    /// When a time is negative or no number, or the report is none of the known ones.
    pub fn check(&self) -> Result<(), String> {
        let times = [
            ("accept_after_s", self.accept_after_s),
            ("arrive_after_s", self.arrive_after_s),
            ("report_after_s", self.report_after_s),
            ("done_after_s", self.done_after_s),
        ];
        for (name, seconds) in times {
            if seconds.is_some_and(|seconds| !(seconds.is_finite() && seconds >= 0.0)) {
                return Err(format!("{name} must be 0 or more"));
            }
        }
        match self.report.split_once(':') {
            None if self.report.is_empty() || self.report == "real" => Ok(()),
            Some(("false", cause)) if !cause.is_empty() => Ok(()),
            Some(_) | None => Err(format!(
                "report is {:?}; it must be \"real\", \"false:<cause>\" or empty",
                self.report
            )),
        }
    }
}

/// A device token; never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// A guard: who it is, how it signs on, and what it does by itself.
#[derive(Clone, Debug)]
pub struct GuardSpec {
    /// Recipient id, which is the MQTT user name.
    pub recipient: String,
    /// Device token, which is the password.
    pub token: Token,
    /// What it does by itself.
    pub script: Script,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GuardFile {
    #[serde(rename = "guard", default)]
    guards: Vec<GuardRow>,
}

/// A guard as it stands in the file: the script's keys beside the others. Not flattened, because serde would then pass
/// over a misspelt key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GuardRow {
    recipient: String,
    token: Token,
    accept_after_s: Option<f64>,
    arrive_after_s: Option<f64>,
    report_after_s: Option<f64>,
    #[serde(default)]
    report: String,
    done_after_s: Option<f64>,
}

impl GuardRow {
    fn spec(self) -> GuardSpec {
        GuardSpec {
            recipient: self.recipient,
            token: self.token,
            script: Script {
                accept_after_s: self.accept_after_s,
                arrive_after_s: self.arrive_after_s,
                report_after_s: self.report_after_s,
                report: self.report,
                done_after_s: self.done_after_s,
            },
        }
    }
}

/// Reads a guards file.
///
/// # Errors
/// When it cannot be read or a guard makes no sense.
pub fn read(path: &Path) -> io::Result<Vec<GuardSpec>> {
    parse(&std::fs::read_to_string(path)?)
}

fn parse(text: &str) -> io::Result<Vec<GuardSpec>> {
    // The parser's message would quote the line, and the line may be the token's.
    let file: GuardFile = toml::from_str(text).map_err(|error| invalid(error.message()))?;
    let guards: Vec<GuardSpec> = file.guards.into_iter().map(GuardRow::spec).collect();
    for guard in &guards {
        if guard.recipient.is_empty() || guard.recipient.contains(['/', '+', '#']) {
            return Err(invalid(&format!("{:?} is no recipient", guard.recipient)));
        }
        guard
            .script
            .check()
            .map_err(|why| invalid(&format!("guard {}: {why}", guard.recipient)))?;
    }
    Ok(guards)
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::{Report, parse};

    #[test]
    fn a_guards_file_lists_guards_with_their_scripts() {
        let guards = parse(
            "[[guard]]\nrecipient = \"post1\"\ntoken = \"secret\"\n\
             [[guard]]\nrecipient = \"post2\"\ntoken = \"secret\"\naccept_after_s = 4\nreport = \"false:cooking\"\n",
        )
        .unwrap();
        assert_eq!(guards[0].script, super::Script::default());
        assert_eq!(guards[1].script.accept_after_s, Some(4.0));
        assert_eq!(
            guards[1].script.report(),
            Report::False("cooking".to_owned())
        );
        assert!(!format!("{guards:?}").contains("secret"));
    }

    #[test]
    fn a_guards_file_with_a_mistake_is_refused_without_its_token() {
        let head = "[[guard]]\nrecipient = \"post1\"\ntoken = \"secret\"\n";
        for line in [
            "report = \"maybe\"",
            "report = \"false:\"",
            "accept_after_s = -1",
            "acept_after_s = 1",
            "done_after_s = \"soon\"",
        ] {
            let error = parse(&format!("{head}{line}\n")).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        parse("[[guard]]\nrecipient = \"post1/#\"\ntoken = \"secret\"\n").unwrap_err();
    }
}
