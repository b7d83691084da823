use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::domain::output::{Action, Target};
use crate::field::testing::effect;

fn coil(command: &str) -> WriteEffect {
    effect("io1", command, Target::Coil { register: 0 }, Action::Level)
}

fn taken(commands: &Commands, now: EngineTime) -> Option<String> {
    let effect = commands.take(now, |_| true)?;
    Some(effect.command.to_string())
}

#[test]
fn a_command_waits_once_until_the_bus_is_through_with_it() {
    let (commands, now) = (Commands::default(), Clock::default().now().engine);
    commands.push(coil("A#1")).unwrap();
    commands.push(coil("A#1")).unwrap();
    assert_eq!(taken(&commands, now).as_deref(), Some("A#1"));
    commands.push(coil("A#1")).unwrap();
    assert_eq!(taken(&commands, now), None);
    commands.forget(&"A#1".into());
    commands.push(coil("A#1")).unwrap();
    assert_eq!(taken(&commands, now).as_deref(), Some("A#1"));
}

#[test]
fn an_expired_command_is_dropped_and_may_be_offered_again() {
    let (commands, now) = (Commands::default(), Clock::default().now().engine);
    commands.push(coil("A#1")).unwrap();
    let later = now + Duration::from_secs(60);
    assert_eq!(taken(&commands, later), None);
    let expires = later + Duration::from_secs(1);
    let again = WriteEffect {
        expires,
        ..coil("A#1")
    };
    commands.push(again).unwrap();
    assert_eq!(taken(&commands, later).as_deref(), Some("A#1"));
}

#[test]
fn a_silent_unit_does_not_hold_up_the_commands_of_another() {
    let (commands, now) = (Commands::default(), Clock::default().now().engine);
    for (command, unit) in [("A#1", 1), ("B#1", 2)] {
        let effect = WriteEffect {
            unit,
            ..coil(command)
        };
        commands.push(effect).unwrap();
    }
    let first = commands.take(now, |effect| effect.unit == 2).unwrap();
    assert_eq!(first.command, "B#1".into());
    assert!(commands.take(now, |effect| effect.unit == 2).is_none());
}

#[test]
fn a_full_queue_is_a_counted_fault_and_blocks_nobody() {
    let engine = crate::engine::run::handle(&crate::engine::run::shared(), &Clock::default());
    let port = Arc::new(Port::new(engine, Arc::default()));
    let field = FieldHandle {
        ports: [("io1".into(), Arc::clone(&port))].into(),
        ..FieldHandle::default()
    };
    for n in 0..COMMANDS_WAITING_MAX + 2 {
        field.write(coil(&format!("A#{n}")));
    }
    let counts = field.counters(&"io1".into()).unwrap();
    assert_eq!(counts.commands_dropped, 2);
    let now = Clock::default().now().engine;
    assert_eq!(taken(&port.commands, now).as_deref(), Some("A#0"));
    // A bus that does not exist is a fault in the log, nothing more.
    field.write(WriteEffect {
        bus: "none".into(),
        ..coil("B#1")
    });
}
