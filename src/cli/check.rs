//! `fengsui check`: whether the files of a site are valid, and whether what they describe is more than the standards and the lines
//! allow. It reads the files and nothing else: no port, no store, no field.

mod capacity;

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use self::capacity::Warning;
use super::EXIT_USAGE;
use crate::config::{self, Configuration};
use crate::domain::output::Arming;
use crate::field::budget::{self, Budget};

/// A fire alarm is shown within this time of its input (GB 25506-2010 5.1).
const ALARM_MAX: Duration = Duration::from_secs(10);

/// Prints what the folder holds, or every error with file, line and caret. Warnings end it with 64 only where they are not allowed.
#[must_use]
pub fn check(dir: &Path, is_strict: bool) -> ExitCode {
    let configuration = match load(dir) {
        Ok(configuration) => configuration,
        Err(code) => return code,
    };
    let budgets = budget::budgets(&configuration.site, &configuration.profiles);
    let mut warnings = capacity::warnings(&configuration.site);
    warnings.extend(budgets.iter().flat_map(of_line));
    // A closed pipe is not an error of the files.
    drop(writeln!(io::stdout(), "{}", told(&configuration, &budgets)));
    for Warning { message, help } in &warnings {
        drop(writeln!(io::stderr(), "warning: {message}\n    {help}"));
    }
    if is_strict && !warnings.is_empty() {
        return super::fail(EXIT_USAGE, "there are warnings (--strict)");
    }
    ExitCode::SUCCESS
}

/// What the files hold and how long each serial line takes.
fn told(configuration: &Configuration, budgets: &[Budget]) -> String {
    let mut told = summary(configuration);
    for line in budgets {
        let (bus, reads, baud) = (&line.bus, line.reads, line.baud);
        let (cycle, alarm) = (seconds(line.cycle), seconds(line.alarm));
        let device = budget::DEVICE.as_millis();
        // Writing into a String cannot fail.
        let _ = write!(
            told,
            "\n{bus}: {reads} reads at {baud} baud take {cycle}, an alarm is read within {alarm} (with {device} ms for each answer)"
        );
    }
    told
}

/// What is too much for a line.
fn of_line(line: &Budget) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let faster = "raise the speed, split the line, read fewer registers (bits instead of words), or set scan = \"rest\" where no alarm is";
    if line.alarm > ALARM_MAX {
        warnings.push(Warning {
            message: format!(
                "`{}` may read an alarm only after {}; {} are allowed from the input to the screen (GB 25506-2010 5.1)",
                line.bus,
                seconds(line.alarm),
                seconds(ALARM_MAX)
            ),
            help: faster.to_owned(),
        });
    } else if line.cycle > line.interval {
        warnings.push(Warning {
            message: format!(
                "`{}` needs {} for a cycle; poll_interval_ms wants one every {}",
                line.bus,
                seconds(line.cycle),
                seconds(line.interval)
            ),
            help: format!("write a longer poll_interval_ms, or {faster}"),
        });
    }
    warnings
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// Loads the configuration or prints everything that is wrong with it.
///
/// # Errors
///
/// Exit code 64, after all errors were printed to standard error.
pub fn load(dir: &Path) -> Result<Configuration, ExitCode> {
    printed(config::load(dir)).map_err(|many| {
        let place = dir.display();
        drop(writeln!(
            io::stderr(),
            "{many} in {place}: nothing was started"
        ));
        ExitCode::from(EXIT_USAGE)
    })
}

/// What was read, or how many errors, after they were printed to standard error.
pub(super) fn printed<T>(read: Result<T, Vec<config::Report>>) -> Result<T, String> {
    read.map_err(|reports| {
        let mut stderr = io::stderr();
        let text = config::render(&reports, stderr.is_terminal());
        let many = match reports.len() {
            1 => "1 error".to_owned(),
            many => format!("{many} errors"),
        };
        drop(write!(stderr, "{text}"));
        many
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The small campus with `points` more on its first panel.
    fn with_points(
        points: usize,
        change: impl Fn(usize, &mut crate::domain::point::Point),
    ) -> Vec<String> {
        let small = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/campus");
        let Ok(mut configuration) = config::load(Path::new(small)) else {
            panic!("the small campus is valid");
        };
        let site = &mut configuration.site;
        let like = site.points.get("P1-001").expect("a point").clone();
        for n in 0..points {
            let mut point = like.clone();
            point.id = format!("N-{n}").as_str().into();
            change(n, &mut point);
            site.points.insert(point.id.clone(), point);
        }
        let warnings = capacity::warnings(site).into_iter();
        warnings.map(|warning| warning.message).collect()
    }

    #[test]
    fn the_shipped_sites_are_within_every_figure() {
        assert_eq!(with_points(0, |_, _| {}), Vec::<String>::new());
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config");
        assert!(check(Path::new(shipped), true) == ExitCode::SUCCESS);
    }

    #[test]
    fn one_device_too_many_is_told_with_its_clause() {
        use crate::domain::point::{Address, PointKind};
        let in_loops = |n: usize, point: &mut crate::domain::point::Point| {
            point.group = format!("loop{}", n / 150)
        };
        let has = |warnings: Vec<String>, words: &str| {
            warnings.iter().any(|warning| warning.contains(words))
        };
        assert!(!has(with_points(3_000, in_loops), "controller"));
        assert!(has(
            with_points(3_201, in_loops),
            "one controller must have at most 3200 (GB 50116-2013 3.1.5, 应)"
        ));
        let one =
            |_: usize, point: &mut crate::domain::point::Point| point.group = "loop1".to_owned();
        assert_eq!(with_points(180, one), Vec::<String>::new());
        assert!(has(
            with_points(181, one),
            "`loop1` of unit 1 on `panel1` has 181 devices; of the 200"
        ));
        assert!(has(
            with_points(201, one),
            "has 201 devices; one loop should have at most 200"
        ));
        let modules = |_: usize, point: &mut crate::domain::point::Point| {
            (point.kind, point.address) =
                (PointKind::Feedback, Address::Label("1-2-15".to_owned()));
        };
        assert!(has(
            with_points(101, modules),
            "`1-2` of unit 1 on `panel1` has 101 modules"
        ));
    }

    #[test]
    fn a_line_that_is_too_slow_is_told() {
        let line = |cycle, interval, alarm| Budget {
            bus: "panel3".into(),
            baud: 9_600,
            reads: 34,
            cycle: Duration::from_millis(cycle),
            interval: Duration::from_millis(interval),
            alarm: Duration::from_millis(alarm),
        };
        assert_eq!(of_line(&line(900, 1_000, 1_200)), []);
        assert!(
            of_line(&line(1_100, 1_000, 1_400))[0]
                .message
                .contains("needs 1.10 s for a cycle")
        );
        assert!(
            of_line(&line(9_600, 1_000, 10_400))[0]
                .message
                .contains("only after 10.40 s; 10.00 s are allowed")
        );
    }
}
