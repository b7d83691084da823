//! A port for transmission devices, and errors planted in it.

use super::*;
use crate::domain::ids::{BusId, PointId};
use crate::domain::line::Line;
use crate::domain::point::Address;
use crate::domain::profile::UnitProfile;

const BUS: &str = r#"[[buses]]
id = "devices"
name = { zh = "传输装置", en = "Transmission devices" }
listen = "127.0.0.1:8001"
units = [{ unit = 1, profile = "gb26875", source = "889", from = "10.20.0.0/24" }]

# The ways on foot."#;
const HEADER: &str = "compartment,x,y,node,bus,unit,group,index\n";
const ROWS: &str = "\
R-SMOKE,smoke,感烟,Smoke,C1,C1-1F,灶台区,Stoves,C1-1K,,,c1-plant,devices,1,parts,1/10-2
R-HEAT,heat,感温,Heat,C1,C1-1F,灶台区,Stoves,C1-1K,,,c1-plant,devices,1,parts,1/0x00030010
R-WARM,supervisory,温度,Warmth,C1,C1-1F,灶台区,Stoves,C1-1K,,,c1-plant,devices,1,temperature_c,1/10-2
R-KEY,panel_key,钥匙,Key,C1,C1-1F,灶台区,Stoves,C1-1K,,,c1-plant,devices,1,system,1
R-MAINS,panel_mains,主电,Mains,C1,C1-1F,灶台区,Stoves,C1-1K,,,c1-plant,devices,1,system,1
R-OTHER,panel_fire,未登记,Unlisted,C1,C1-1F,灶台区,Stoves,C1-1K,,,c1-plant,devices,1,other,0
";

fn with_devices() -> Site {
    let site = Site::new();
    let profile = Path::new(SHIPPED).join("panels/gb26875.toml");
    fs::copy(profile, site.path("panels/gb26875.toml")).unwrap();
    site.edit("site.toml", "# The ways on foot.", BUS);
    site.edit("points.csv", HEADER, &format!("{HEADER}{ROWS}"));
    site
}

#[test]
fn a_port_for_transmission_devices_is_read() {
    let loaded = with_devices()
        .load()
        .unwrap_or_else(|r| panic!("{}", render(&r, false)));
    let bus = &loaded.site.buses[&BusId::from("devices")];
    assert_eq!(bus.line, Line::Listen("127.0.0.1:8001".to_owned()));
    let caller = bus.units[0].caller.unwrap();
    assert_eq!(
        (caller.source, caller.from.map(|from| from.bits)),
        (889, Some(120))
    );
    let address = |id: &str| loaded.site.points[&PointId::from(id)].address.clone();
    let part = |part| Address::Part { system: 1, part };
    assert_eq!(address("R-SMOKE"), part(0x0002_000A));
    assert_eq!(address("R-HEAT"), part(0x0003_0010));
    assert_eq!(address("R-WARM"), part(0x0002_000A));
    let UnitProfile::Transmitter(profile) = &loaded.profiles["gb26875"] else {
        panic!("a transmitter");
    };
    assert!(profile.answers && !profile.honour_test_bit);
    assert_eq!(
        (profile.text_bytes, profile.silent_after.as_secs()),
        (31, 90)
    );
}

#[expect(clippy::too_many_lines, reason = "a list, or one case after the other")]
#[test]
fn errors_of_such_a_port_are_found_where_they_stand() {
    let planted = [
        (
            "site.toml",
            "listen = \"127.0.0.1:8001\"",
            "listen = \"0.0.0.0:8001\"",
            "a demo site must not listen at `0.0.0.0:8001`",
        ),
        (
            "site.toml",
            "source = \"889\", ",
            "",
            "nothing says how this device is known when it connects",
        ),
        (
            "site.toml",
            "source = \"889\"",
            "source = \"X\"",
            "`X` is no source address",
        ),
        (
            "site.toml",
            "10.20.0.0/24",
            "10.20.0.0/33",
            "`10.20.0.0/33` is no network",
        ),
        (
            "site.toml",
            "profile = \"gb26875\", ",
            "profile = \"dry_contact_io\", ",
            "profile `dry_contact_io` does not speak what this line speaks",
        ),
        (
            "points.csv",
            "parts,1/10-2",
            "parts,1/10",
            "`1/10` is no address of group `parts`",
        ),
        (
            "points.csv",
            "parts,1/10-2",
            "part,1/10-2",
            "profile `gb26875` has no group `part`",
        ),
        (
            "points.csv",
            "R-KEY,panel_key",
            "R-KEY,panel_sounders",
            "group `system` never tells what a point of kind `panel_sounders` shows",
        ),
        (
            "points.csv",
            "R-MAINS,panel_mains",
            "R-MAINS,panel_key",
            "`R-KEY` and `R-MAINS` are read from the same place",
        ),
        (
            "points.csv",
            "R-OTHER,panel_fire,未登记,Unlisted,C1,C1-1F,灶台区,Stoves,C1-1K,,,c1-plant,devices,1,other,0\n",
            "",
            "nothing stands for what unit 1 of bus `devices` tells and points.csv does not have",
        ),
        (
            "panels/gb26875.toml",
            "silent_after_s = 90",
            "silent_after_s = 5",
            "`silent_after_s` is 5, out of its limits",
        ),
        (
            "panels/gb26875.toml",
            "text_bytes = 31",
            "text_bytez = 31",
            "unknown key `text_bytez`",
        ),
    ];
    for (file, from, to, message) in planted {
        let site = with_devices();
        site.edit(file, from, to);
        let reports = site.reports();
        let found = reports.iter().any(|report| report.message() == message);
        assert!(found, "{message}\n{}", render(&reports, false));
    }
}

#[test]
fn two_devices_of_a_port_have_two_addresses_and_nothing_else_takes_these_keys() {
    let site = with_devices();
    let second =
        "from = \"10.20.0.0/24\" }, { unit = 2, profile = \"gb26875\", source = \"790300000000\" }";
    site.edit("site.toml", "from = \"10.20.0.0/24\" }", second);
    assert!(
        site.messages()
            .iter()
            .any(|m| m.ends_with("two units have the source address 889"))
    );
    let site = Site::new();
    site.edit(
        "site.toml",
        "profile = \"dry_contact_io\" }",
        "profile = \"dry_contact_io\", source = \"1\" }",
    );
    assert_eq!(
        site.messages(),
        ["site.toml: only a device that connects to us has this key"]
    );
    let site = Site::new();
    site.edit("site.toml", "poll_interval_ms = 100\n", "");
    assert_eq!(
        site.messages(),
        ["site.toml: `poll_interval_ms` is missing in this bus"]
    );
}
