//! Panels that only print: their lines, their profiles, their points.

use super::*;
use crate::domain::line::{Line, PrinterLine};
use crate::domain::point::Address;
use crate::domain::profile::UnitProfile;

const PROFILE: &str = "panels/generic_utf8_printer.toml";
const BUS: &str = "address = \"127.0.0.1:15020\"\n# Time between two reads of the same block (20 or more), and the longest wait for a reply (60000 or less).\npoll_interval_ms = 100\ntimeout_ms = 500\n";

/// The small campus, its panel printing.
fn printing() -> Site {
    let site = Site::new();
    fs::copy(Path::new(SMALL).join(PROFILE), site.path(PROFILE)).unwrap();
    site.edit(
        "site.toml",
        BUS,
        "printer = { path = \"/dev/ttyS1\", baud = 2400 }\n",
    );
    site.edit(
        "site.toml",
        "\"simulated_panel\"",
        "\"generic_utf8_printer\"",
    );
    let points = site.text("points.csv");
    let points = points.replace("panel1,1,devices,", "panel1,1,points,1-1-0");
    let points =
        ["silenced", "sounders", "mains"]
            .iter()
            .zip(1..)
            .fold(points, |points, (word, at)| {
                points.replace(
                    &format!("panel1,1,status,{at}"),
                    &format!("panel1,1,panel,{word}"),
                )
            });
    let points = points.replace("panel1,1,status,0", "panel1,1,panel,automatic");
    let other = "P1-OTHER,panel_fire,主机其他报警,Other alarms,C1,C1-1F,消防控制室,Control room,C1-1D,,,c1-control,panel1,1,other,0\n";
    site.write("points.csv", points + other);
    let linkage = site.text("linkage.toml");
    let (outputs, _) = linkage
        .split_once("# Commands to the panel itself")
        .unwrap();
    site.write("linkage.toml", outputs);
    site
}

#[test]
fn a_printing_panel_is_a_line_a_profile_and_labels() {
    let loaded = printing()
        .load()
        .unwrap_or_else(|r| panic!("{}", render(&r, false)));
    let bus = &loaded.site.buses["panel1"];
    let Line::Printer(PrinterLine::Serial(serial)) = &bus.line else {
        panic!("{:?}", bus.line);
    };
    // The line of a demo site never reaches a device.
    assert!(serial.baud == 2_400 && serial.pty_only);
    let point = &loaded.site.points["P1-010"];
    assert_eq!(point.address, Address::Label("1-1-9".to_owned()));
    assert!(matches!(
        loaded.profiles["generic_utf8_printer"],
        UnitProfile::Printer(_)
    ));
    let site = printing();
    site.edit(
        "site.toml",
        "{ path = \"/dev/ttyS1\", baud = 2400 }",
        "{ address = \"127.0.0.1:4001\" }",
    );
    assert!(site.load().is_ok());
}

/// File, what is replaced by what, the message.
const WRONG: &str = r#"
site.toml | { path = "/dev/ttyS1", baud = 2400 } | { path = "/dev/ttyS1" } | the printer's line is neither a port nor a device server
site.toml | { path = "/dev/ttyS1", baud = 2400 } | { address = "a:1", baud = 2400 } | the printer's line is neither a port nor a device server
site.toml | baud = 2400 } | baud = 2500 } | 2500 is no speed of a serial line
points.csv | points,1-1-03 | points,1-1-004 | `P1-004` and `P1-005` are read from the same place
points.csv | points,1-1-03 | devices,1-1-03 | profile `generic_utf8_printer` has no group `devices`
points.csv | points,1-1-03⏎ | points,⏎ | the point has no label
points.csv | P1-OTHER,panel_fire | P1-OTHER,supervisory | this kind of point does not stand for a whole panel
points.csv | other,0 | other,1 | `1` is no address of group `other`
points.csv | panel,mains | panel,main | `main` is no state of the panel
points.csv | P1-MAINS,panel_mains | P1-MAINS,panel_key | `mains` is not what this kind of point shows
points.csv | panel,mains | points,9-9-9 | this kind of point is a state of the panel
points.csv | P1-OTHER,panel_fire | #P1-OTHER,panel_fire | nothing stands for what bus `panel1` prints and points.csv does not have
panels/generic_utf8_printer.toml | encoding = "utf8" | encoding = "gbk" | `gbk` is not a word that can stand here
panels/generic_utf8_printer.toml | ["火警", "FIRE"] | [] | 0 alarm words
panels/generic_utf8_printer.toml | "FIRE"] | "FIRE IN PROGRESS"] | `FIRE IN PROGRESS` is no alarm word
panels/generic_utf8_printer.toml | reset_clears = [] | reset_clears = ["reset"] | this is no condition of a point
panels/generic_utf8_printer.toml | silence_max_s = 1800 | silence_max_s = 1 | `silence_max_s` is 1, out of its limits
panels/generic_utf8_printer.toml | ends = ["0D 0A", "0A"] | ends = ["0D0A"] | `0D0A` is no row of bytes
panels/generic_utf8_printer.toml | idle_ms = 1500 | idle_ms = 1500⏎drops = ["41 42"] | `41 42` begins with a character that is text
panels/generic_utf8_printer.toml | bytes_max = 256 | bytes_max = 16 | `bytes_max` is 16, out of its limits
panels/generic_utf8_printer.toml | {point:1-3} 火警 {*} | {point:1-3 火警 {*} | this form cannot be read: `{point:1-3 火警 {*}` does not say its digits: write {loop:3} or {loop:1-3}, at most 9
panels/generic_utf8_printer.toml | {point:1-3} 火警 {*} | {device:1-3} 火警 {*} | the label needs `{point}`, and this form does not have it
panels/generic_utf8_printer.toml | says = "silenced"⏎ | says = "silenced"⏎clears = "fire"⏎ | a pattern says something or clears it, not both
panels/generic_utf8_printer.toml | says = "silenced"⏎ | ⏎ | the pattern does not tell what its text says
panels/generic_utf8_printer.toml | says = "reset"⏎ | says = "alive"⏎ | no pattern says "reset"
panels/generic_utf8_printer.toml | 消音"] | 复位"] | this form stands twice
"#;

#[test]
fn what_is_wrong_with_a_printing_panel_is_said_where_it_stands() {
    for line in WRONG.lines().filter(|line| !line.is_empty()) {
        let parts: Vec<String> = line
            .split(" | ")
            .map(|part| part.replace('⏎', "\n"))
            .collect();
        let [file, from, to, message] = parts.as_slice() else {
            panic!("{line}");
        };
        let site = printing();
        site.edit(file, from, to);
        let found = site.messages();
        assert_eq!(found, [format!("{file}: {message}")], "{line}");
    }
}

#[test]
fn nothing_is_switched_over_a_printer_and_no_register_is_read_there() {
    let site = printing();
    site.edit("linkage.toml", "bus = \"io1\"", "bus = \"panel1\"");
    assert_eq!(
        site.messages(),
        ["linkage.toml: nothing can be switched over a printer's line"]
    );
    let site = printing();
    site.edit(
        "site.toml",
        "profile = \"generic_utf8_printer\"",
        "profile = \"dry_contact_io\"",
    );
    let found = "site.toml: profile `dry_contact_io` does not speak what this line speaks";
    assert!(site.messages().contains(&found.to_owned()));
    let site = printing();
    site.edit(
        "site.toml",
        "printer = {",
        "address = \"127.0.0.1:1\"\nprinter = {",
    );
    assert!(
        site.messages()
            .contains(&"site.toml: the bus has two lines".to_owned())
    );
    let site = printing();
    let two =
        "profile = \"generic_utf8_printer\" }, { unit = 2, profile = \"generic_utf8_printer\" }";
    site.edit("site.toml", "profile = \"generic_utf8_printer\" }", two);
    assert_eq!(
        site.messages()[0],
        "site.toml: two panels cannot print on one line"
    );
}
