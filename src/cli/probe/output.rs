//! `fengsui probe maintain`, `write` and `end-maintenance`: verbs of one output, done by a person at the terminal through the running
//! daemon. What a write is, and whether it may be, is the daemon's matter; here it is asked for and shown.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::way::asked_of;
use super::{Stopped, say};
use crate::cli::trace::write as trace;
use crate::cli::{SiteArguments, load, password};
use crate::config::Configuration;
use crate::domain::output::Output;
use crate::domain::probe::Frame;
use crate::http::door::{Act, Asked, Told};

/// How often the daemon is asked how far the command is.
const LOOK: Duration = Duration::from_millis(100);
/// The write did not end as it should.
const EXIT_NOT_DONE: u8 = 1;
const NO_DAEMON: &str = "no daemon runs here: only a running one writes";

/// Which output, and who acts.
#[derive(Debug, Args)]
pub struct Acting {
    /// The output, as in linkage.toml.
    pub output: String,
    /// Your account; its password is asked for.
    #[arg(long = "as", value_name = "ACCOUNT")]
    pub account: String,
    /// File that holds the password instead of the terminal; its first line counts.
    #[arg(long)]
    pub password_file: Option<PathBuf>,
}

/// A maintenance to begin.
#[derive(Debug, Args)]
pub struct Maintain {
    /// Which output, and who acts.
    #[command(flatten)]
    pub acting: Acting,
    /// Who stands at the device: a recipient of site.toml.
    #[arg(long)]
    pub person: String,
    /// Why.
    #[arg(long)]
    pub why: String,
}

/// `fengsui probe maintain OUTPUT`
pub(super) fn maintain(maintain: &Maintain, site: &SiteArguments) -> Result<(), Stopped> {
    let way = Way::open(&maintain.acting, site)?;
    way.act(
        "maintenance",
        json!({ "person": maintain.person, "text": maintain.why }),
    )?;
    let limit = &way.document()?["maintenance"]["limit"];
    let (Some(from), Some(due)) = (limit["from"].as_i64(), limit["due"].as_i64()) else {
        return Err(Stopped::unavailable("it has ended again: see the desk"));
    };
    let (output, seconds) = (&maintain.acting.output, (due - from) / 1_000);
    say(&format!("{output} is in maintenance for {seconds} s"));
    Ok(())
}

/// `fengsui probe end-maintenance OUTPUT`
pub(super) fn end(acting: &Acting, site: &SiteArguments) -> Result<(), Stopped> {
    Way::open(acting, site)?.act("end_maintenance", json!({}))?;
    say(&format!("{} is not in maintenance", acting.output));
    Ok(())
}

/// `fengsui probe write OUTPUT`
pub(super) fn write(acting: &Acting, site: &SiteArguments) -> Result<(), Stopped> {
    let way = Way::open(acting, site)?;
    let output = way.output()?;
    let before = way.document()?;
    let address = before["address"].as_str().unwrap_or_default();
    say(&format!("{} {}: {address}", output.id, output.name.en));
    if let Some(feedback) = &output.feedback {
        let is_there = before["feedback_active"] == feedback.active;
        let shows = match before["quality"].as_str() {
            Some("good") if is_there => "shows it already, so it will prove nothing",
            Some("good") => "does not show it yet",
            Some(_) | None => "cannot be read",
        };
        say(&format!("before: {} {shows}", feedback.point));
    }
    let remembered = way.frames(output, 0)?;
    let from = remembered.last().map_or(0, |frame| frame.number + 1);
    way.act("write", json!({}))?;
    if way.follow(output, from)? == "done" {
        return Ok(());
    }
    let why = "it did not do what it should; look at the device before it is written again";
    Err(Stopped {
        code: EXIT_NOT_DONE,
        why: why.to_owned(),
    })
}

/// The way to an output: through the running daemon, by an account.
struct Way<'a> {
    acting: &'a Acting,
    configuration: Configuration,
}

impl<'a> Way<'a> {
    /// Nobody is asked for a password in vain: the output is known, and a daemon runs.
    fn open(acting: &'a Acting, site: &SiteArguments) -> Result<Self, Stopped> {
        // Its errors are printed by then.
        let configuration = load(site).map_err(|_| Stopped::usage("the output is not known"))?;
        let way = Self {
            acting,
            configuration,
        };
        way.output()?;
        way.document()?;
        Ok(way)
    }

    fn output(&self) -> Result<&Output, Stopped> {
        let id = self.acting.output.as_str();
        let output = self.configuration.site.outputs.get(id);
        output.ok_or_else(|| Stopped::usage(format!("linkage.toml has no output {id}")))
    }

    fn ask(&self, asked: &Asked) -> Result<Told, Stopped> {
        let told = asked_of(&self.configuration.settings.data, asked)?;
        told.ok_or_else(|| Stopped::unavailable(NO_DAEMON))
    }

    /// The output as the daemon has it.
    fn document(&self) -> Result<Value, Stopped> {
        let output = self.acting.output.as_str().into();
        let Told::Output { document } = self.ask(&Asked::Output { output })? else {
            return Err(Stopped::unavailable("the daemon answers something else"));
        };
        document.ok_or_else(|| Stopped::unavailable("the running daemon does not know the output"))
    }

    fn act(&self, verb: &str, body: Value) -> Result<(), Stopped> {
        let file = self.acting.password_file.as_deref();
        let act = Act {
            output: self.acting.output.as_str().into(),
            verb: verb.to_owned(),
            body,
            account: self.acting.account.clone(),
            password: password::of_account(file).map_err(Stopped::usage)?,
        };
        self.ask(&Asked::Act(act)).map(drop)
    }

    /// Says how far the command is until nothing more is expected of it, and shows its frames, which are later than `from`.
    fn follow(&self, output: &Output, from: u64) -> Result<String, Stopped> {
        let command = self.document()?["command"].clone();
        let (mut said, mut shown) = (String::new(), false);
        loop {
            let document = self.document()?;
            if document["command"] != command {
                return Err(Stopped::unavailable(
                    "another command has taken the place of this one",
                ));
            }
            let state = document["state"].as_str().unwrap_or_default();
            let has_left = !matches!(state, "asked" | "sending");
            if has_left && !shown {
                // Now, before the polling pushes them out of the daemon's memory.
                self.show(output, &self.frames(output, from)?);
                shown = true;
            }
            if state != said {
                state.clone_into(&mut said);
                say(&words(output, state, &document));
            }
            // `unknown` waits for its feedback, where it has one.
            if has_left && document["limit"].is_null() {
                return Ok(said);
            }
            thread::sleep(LOOK);
        }
    }

    fn frames(&self, output: &Output, from: u64) -> Result<Vec<Frame>, Stopped> {
        let data = &self.configuration.settings.data;
        let frames = trace::remembered(data, &output.bus, from);
        frames.map_err(|error| Stopped::unavailable(error.to_string()))
    }

    /// What went over the line.
    fn show(&self, output: &Output, frames: &[Frame]) {
        let site = &self.configuration.site;
        let bus = site.buses.get(&output.bus);
        let lines = bus.map(|bus| {
            let unit = (&bus.line, output.unit);
            trace::lines(frames, unit, site.utc_offset_minutes)
        });
        lines.into_iter().flatten().for_each(|line| say(&line));
    }
}

/// How far a command is.
fn words(output: &Output, state: &str, document: &Value) -> String {
    let feedback = output.feedback.as_ref().map(|feedback| &feedback.point);
    let wire = match output.target.read_back(output.action) {
        _ if document["sent_at"].is_null() => "no right answer came",
        Some(_) => "the echo is right, and so is what was read back",
        None => "the echo is right; this target cannot be read back",
    };
    let said = match (state, feedback) {
        ("asked", _) => "it waits for its turn on the line".to_owned(),
        ("sending", _) => "the permit is committed; bytes may be on the line".to_owned(),
        ("sent", _) => wire.to_owned(),
        ("done", Some(point)) => format!("{wire}; {point} shows it"),
        ("done", None) => format!("{wire}; it has no feedback, only the device itself shows it"),
        ("no_feedback", Some(point)) => {
            format!("{wire}; {point} did not show it within its window")
        }
        ("refused", _) => {
            let code = document["refused"]["args"]["code"].to_string();
            format!("the device answered with exception {code}; nothing was done")
        }
        ("unknown", _) => format!("{wire}: it may or may not have acted"),
        ("expired", _) => "it could not be written in its time, and was not".to_owned(),
        _ => return state.to_owned(),
    };
    format!("{state}: {said}")
}
