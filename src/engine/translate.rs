//! The only translator between the rooms and the adapters: refusals become problems, owed effects become effects.

use super::ports::{Problem, WriteEffect};
use crate::domain::site::Site;
use crate::domain::text::Line;
use crate::procedure::{Owed, Refusal, RefusalKind};
use crate::text;

/// A refusal as the HTTP edge tells it.
#[must_use]
pub fn problem(refusal: &Refusal) -> Problem {
    let status = match refusal.kind {
        RefusalKind::Unknown => 404,
        RefusalKind::Role => 403,
        RefusalKind::Conflict => 409,
        RefusalKind::Body => 422,
    };
    let how = refusal.how.clone();
    let line = Line::new(format!("code.{}", refusal.code));
    Problem {
        status,
        code: refusal.code.clone(),
        detail: text::both(&line.with("how", how.as_deref().unwrap_or_default())),
        settled_by: refusal.settled.as_ref().map(|by| by.by.clone()),
        settled_at: refusal.settled.as_ref().map(|by| by.at),
        how,
    }
}

/// An idempotency key that was used for something else.
#[must_use]
pub fn key_reused() -> Problem {
    Problem {
        status: 422,
        code: "idempotency_key_reused".to_owned(),
        detail: text::both(&Line::new("code.idempotency_key_reused")),
        settled_by: None,
        settled_at: None,
        how: None,
    }
}

/// The journal does not answer: only what protects people is taken now.
#[must_use]
pub fn store_down() -> Problem {
    Problem {
        status: 503,
        code: "store_down".to_owned(),
        detail: text::both(&Line::new("code.store_down")),
        settled_by: None,
        settled_at: None,
        how: None,
    }
}

/// What the field is to write, when that is what is owed.
#[must_use]
pub fn write(site: &Site, owed: &Owed) -> Option<WriteEffect> {
    let Owed::Write {
        command,
        output,
        expires,
    } = owed
    else {
        return None;
    };
    let output = site.outputs.get(output)?;
    Some(WriteEffect {
        command: command.clone(),
        output: output.id.clone(),
        bus: output.bus.clone(),
        unit: output.unit,
        target: output.target,
        action: output.action,
        stagger: output.stagger.clone(),
        expires: *expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::EngineTime;
    use crate::engine::testing::dormitory;

    fn owed(output: &str) -> Owed {
        Owed::Write {
            command: format!("{output}#1").as_str().into(),
            output: output.into(),
            expires: EngineTime(1),
        }
    }

    #[test]
    fn only_what_linkage_toml_lists_is_ever_written_and_only_where_it_says() {
        let site = dormitory();
        for output in site.outputs.values() {
            let effect = write(&site, &owed(output.id.as_str())).unwrap();
            let said = (&output.bus, output.unit, output.target, output.action);
            assert_eq!(
                (&effect.bus, effect.unit, effect.target, effect.action),
                said
            );
        }
        // A command that an older configuration has left behind.
        assert!(write(&site, &owed("GONE")).is_none());
    }
}
