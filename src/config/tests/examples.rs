//! What stands commented out in the shipped files is right, too.

use super::*;
use crate::domain::ids::BusId;
use crate::domain::line::{Line, PrinterLine};

/// A row of points.csv in a comment.
const ROW: &str = "#   ";

/// The shipped site with its examples taken in, as their comment says.
fn with_examples() -> Site {
    let site = Site(TempDir::new().unwrap());
    for folder in ["", "panels", "plans"] {
        let from = Path::new(SHIPPED).join(folder);
        fs::create_dir_all(site.path(folder)).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let file = entry.unwrap().path();
            if file.is_file() {
                let name = Path::new(folder).join(file.file_name().unwrap());
                fs::copy(&file, site.0.path().join(name)).unwrap();
            }
        }
    }
    let text = site.text("site.toml");
    let (before, examples) = text.split_once("# Two examples of panels").unwrap();
    let (examples, after) = examples.split_once("# The ways on foot.").unwrap();
    let mut points = site.text("points.csv");
    let mut taken_in = String::new();
    for line in examples.lines().skip(1) {
        let bare = line.strip_prefix('#').unwrap_or_default();
        match line.strip_prefix(ROW) {
            Some(row) => points.extend([row, "\n"]),
            None if bare.starts_with(' ') => {}
            None => taken_in.extend([bare, "\n"]),
        }
    }
    let text = [before, &taken_in, "# The ways on foot.", after].concat();
    site.write("site.toml", text).write("points.csv", points);
    site
}

#[test]
fn the_examples_of_panels_without_a_register_map_are_right() {
    let loaded = with_examples().load();
    let loaded = loaded.unwrap_or_else(|r| panic!("{}", render(&r, false)));
    let line = |bus| &loaded.site.buses[&BusId::from(bus)].line;
    assert_eq!(*line("devices"), Line::Listen("127.0.0.1:8001".to_owned()));
    assert!(matches!(
        line("printer"),
        Line::Printer(PrinterLine::Serial(_))
    ));
    let points_of = |bus: &str| {
        let points = loaded.site.points.values();
        points.filter(|point| point.bus.as_str() == bus).count()
    };
    assert_eq!(["devices", "printer"].map(points_of), [5, 2]);
}
