//! What happened to an incident, for the log: one line per committed event, in English, with ids and never with names.

use tracing::field::display;

use crate::domain::actor::Actor;
use crate::domain::text::Line;
use crate::procedure::Campus;
use crate::procedure::timeline::TimelineLine;
use crate::text;

/// Logs the lines of incidents behind entry `after`, up to `upto`.
pub(super) fn lines(campus: &Campus, after: u64, upto: u64) {
    let lines = campus.recent.lines.iter();
    for line in lines.filter(|line| line.seq > after && line.seq <= upto) {
        if let Some(incident) = &line.incident {
            let words = words(line);
            let (seq, by) = (line.seq, id(&line.by));
            let point = line.point.as_ref().map(display);
            let output = line.output.as_ref().map(display);
            let recipient = line.recipient.as_ref().map(display);
            if line.class == "fault" {
                tracing::warn!(incident.id = %incident, entry.seq = seq, by, point.id = point, output.id = output, recipient.id = recipient, "{words}");
            } else {
                tracing::info!(incident.id = %incident, entry.seq = seq, by, point.id = point, output.id = output, recipient.id = recipient, "{words}");
            }
        }
    }
}

fn id(actor: &Actor) -> &str {
    match actor {
        Actor::System => "system",
        Actor::Field => "field",
        Actor::Account(id) => id.as_str(),
        Actor::Recipient(id) => id.as_str(),
    }
}

/// The words of the catalogue with ids in the place of names.
fn words(line: &TimelineLine) -> String {
    let mut words = Line::new(format!("line.{}", line.key));
    for (name, value) in &line.args {
        words = words.with(name, value);
    }
    let ids = [
        ("point", line.point.as_ref().map(ToString::to_string)),
        ("output", line.output.as_ref().map(ToString::to_string)),
        (
            "recipient",
            line.recipient.as_ref().map(ToString::to_string),
        ),
        ("bus", line.bus.as_ref().map(ToString::to_string)),
    ];
    for (name, id) in ids {
        if let Some(id) = id {
            words = words.with(name, id);
        }
    }
    text::both(&words).en
}
