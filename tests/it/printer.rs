//! A panel that only prints, through the whole daemon: printed 火警, a located incident, 误报, 请在主机上按复位, printed 复位, closed.

use fengsui_sim::campus::CampusOptions;
use fengsui_sim::guards::script::Script;
use fengsui_sim::printer::{Form, PrinterSpec};
use serde_json::{Value, json};

use super::site::{Person, TestSite};

/// The small campus, its panel read from its printer alone.
async fn printing(form: Form) -> TestSite {
    let spec = PrinterSpec {
        panel: "panel1".to_owned(),
        form,
        // The speed of these ports.
        baud: 2_400,
        link: None,
    };
    let options = CampusOptions {
        speed: 20.0,
        printers: vec![spec],
        ..CampusOptions::default()
    };
    let site = TestSite::prepare_with(options).await;
    let modbus = format!("address = \"{}\"", site.campus.addresses.lines["panel1"]);
    let path = site.campus.addresses.printers["panel1"]
        .display()
        .to_string();
    let printer = format!("printer = {{ path = \"{path}\", baud = 2400 }}");
    site.edit("site.toml", &modbus, &printer);
    let (profile, label) = match form {
        Form::Gst9000 => ("gst9000_printer", "1-"),
        Form::Utf8 => ("generic_utf8_printer", "1-1-"),
    };
    site.edit(
        "site.toml",
        "\"simulated_panel\"",
        &format!("\"{profile}\""),
    );
    relabel(&site, label);
    site
}

/// Devices by their labels, the panel's states by their words, and a point for everything else. Nothing is written to the panel.
fn relabel(site: &TestSite, label: &str) {
    let path = site.config().join("points.csv");
    let table = std::fs::read_to_string(&path).expect("a table");
    let mut rows = Vec::new();
    for row in table.lines() {
        let Some((head, index)) = row.rsplit_once(',') else {
            continue;
        };
        rows.push(match head.strip_suffix("panel1,1,devices") {
            // Index 0 is device 1.
            Some(head) => {
                let number = index.parse::<u32>().expect("a number") + 1;
                format!("{head}panel1,1,points,{label}{number:03}")
            }
            None => match head.strip_suffix("panel1,1,status") {
                Some(head) => {
                    let states = ["automatic", "silenced", "sounders", "mains"];
                    let state = states[index.parse::<usize>().expect("a number")];
                    format!("{head}panel1,1,panel,{state}")
                }
                None => row.to_owned(),
            },
        });
    }
    rows.push("P1-OTHER,panel_fire,主机其他报警,Other alarms,C1,C1-1F,消防控制室,Control room,C1-1D,,,c1-control,panel1,1,other,0\n".to_owned());
    std::fs::write(&path, rows.join("\n")).expect("written");
    let path = site.config().join("linkage.toml");
    let linkage = std::fs::read_to_string(&path).expect("a file");
    let (outputs, _) = linkage
        .split_once("# Commands to the panel itself")
        .expect("a part");
    std::fs::write(&path, outputs).expect("written");
}

fn reports(report: &str) -> Script {
    Script {
        accept_after_s: Some(1.0),
        arrive_after_s: Some(5.0),
        report_after_s: Some(2.0),
        report: report.to_owned(),
        done_after_s: Some(2.0),
    }
}

async fn quality(operator: &Person, point: &str, wanted: &str) {
    operator
        .sees(&format!("point/{point}"), |point| {
            point["quality"] == wanted
        })
        .await;
}

fn step<'a>(incident: &'a Value, id: &str) -> &'a Value {
    let steps = incident["steps"].as_array().expect("steps");
    steps
        .iter()
        .find(|step| step["id"] == id)
        .expect("the step")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printed_fire_is_located_judged_and_ended_by_the_printed_reset() {
    let mut site = printing(Form::Gst9000).await;
    site.run();
    site.ready().await;
    site.send_guards(&[("post1", reports("")), ("post2", reports(""))]);
    let operator = site.sign_on("operator").await;
    operator
        .sees("summary", |summary| summary["posts"]["online"] == 2)
        .await;
    // Nothing is known of the panel until it is seen to be reset.
    let unheard = |summary: &Value| {
        let faults = summary["faults"].as_array().expect("faults");
        let of_panel = |fault: &&Value| fault["id"] == "link/panel1/1";
        faults
            .iter()
            .find(of_panel)
            .map(|fault| fault["line"]["args"]["reason"].clone())
    };
    operator
        .sees("summary", |summary| {
            unheard(summary) == Some(json!("fault.link.not_heard"))
        })
        .await;
    quality(&operator, "P1-006", "unknown").await;
    site.field("/panels/panel1/reset").await;
    operator
        .sees("summary", |summary| unheard(summary).is_none())
        .await;
    quality(&operator, "P1-006", "good").await;

    site.field("/points/P1-005/alarm").await;
    let incident = operator.sees("incident/", |_| true).await;
    assert_eq!(incident["first"]["point"], "P1-005");
    assert_eq!(incident["first"]["room"]["zh"], "205室");
    let id = incident["id"].as_str().expect("an id").to_owned();
    let key = format!("incident/{id}");
    operator
        .does(&format!("incidents/{id}/take"), json!({}))
        .await;

    // The daemon ends in the middle of it and starts again: what was printed stands, what was not is not believed.
    site.stop().await;
    site.run();
    site.ready().await;
    let operator = site.sign_on("operator").await;
    operator
        .sees("summary", |summary| {
            unheard(summary) == Some(json!("fault.link.not_heard"))
        })
        .await;
    quality(&operator, "P1-005", "good").await;
    quality(&operator, "P1-006", "stale").await;
    let incident = operator.sees(&key, |_| true).await;
    assert_eq!(incident["stage"], "verifying");

    site.send_guards(&[("post3", reports("false:cooking"))]);
    operator
        .sees("summary", |summary| summary["posts"]["online"] == 3)
        .await;
    operator
        .does(
            &format!("incidents/{id}/dispatch"),
            json!({ "recipient": "post3" }),
        )
        .await;
    let incident = operator
        .sees(&key, |incident| incident["stage"] == "false_alarm")
        .await;
    assert_eq!(incident["verdict"]["cause"], "cooking");
    let reset = step(&incident, "reset");
    assert_eq!(reset["verbs"], json!([]), "{reset}");
    assert_eq!(reset["facts"][0]["key"], "fact.reset_at_panel", "{reset}");

    site.field("/points/P1-005/normal").await;
    site.field("/panels/panel1/reset").await;
    operator
        .sees(&key, |incident| incident["stage"] == "closed")
        .await;
    quality(&operator, "P1-006", "good").await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_line_does_to_a_fire_it_is_shown_and_at_no_wrong_place() {
    let mut site = printing(Form::Utf8).await;
    site.run();
    site.ready().await;
    let operator = site.sign_on("operator").await;
    site.field("/panels/panel1/reset").await;
    quality(&operator, "P1-006", "good").await;
    let burning = async || {
        let documents = operator.documents().await.expect("documents");
        let burns = |(key, point): (String, Value)| {
            let id = key.strip_prefix("point/")?.to_owned();
            (point["fire"] == true).then_some(id)
        };
        documents.into_iter().filter_map(burns).collect::<Vec<_>>()
    };
    let mut number = 1;
    for (nasty, shown_as) in [
        ("split", Some("own")),
        ("noise", None),
        ("half", None),
        ("encoding", None),
        ("twice", Some("own")),
        ("no_ends", None),
        ("joined", Some("own")),
        ("stranger", None),
    ] {
        let own = format!("P1-{number:03}");
        number += 1;
        let expected = shown_as.map_or("P1-OTHER", |_| own.as_str());
        if nasty == "stranger" {
            site.field("/printers/panel1/stranger").await;
        } else {
            site.field(&format!("/printers/panel1/{nasty}")).await;
            site.field(&format!("/points/{own}/alarm")).await;
        }
        if nasty == "joined" {
            // The next record is joined with it.
            site.field(&format!("/points/P1-{number:03}/fault")).await;
        }
        operator
            .sees(&format!("point/{expected}"), |point| point["fire"] == true)
            .await;
        let shown = burning().await;
        assert_eq!(shown, [expected], "{nasty}");
        site.field("/printers/panel1/right").await;
        site.field(&format!("/points/{own}/normal")).await;
        site.field("/panels/panel1/reset").await;
        operator
            .sees(&format!("point/{expected}"), |point| point["fire"] == false)
            .await;
    }
    // At a wrong speed nothing can be read: no word, but a fault.
    site.field("/printers/panel1/wrong_speed").await;
    for number in 20..34 {
        site.field(&format!("/points/P1-{number:03}/fault")).await;
    }
    operator
        .sees("link/panel1", |link| {
            link["lost"][0]["reason"]["key"] == "fault.link.unreadable"
        })
        .await;
    assert_eq!(burning().await, Vec::<String>::new());
    site.stop().await;
}
