//! The campus over real sockets: another Modbus client, and the control API over plain HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it must be"
)]

#[allow(dead_code, reason = "each test program uses its part of it")]
mod common;

use common::{Site, exception, io, panel, until};
use fengsui_sim::io::OutputVerb;
use fengsui_sim::panel::{PanelVerb, PointVerb};
use fengsui_sim::writes::Answer;
use tokio_modbus::prelude::{Client as _, ExceptionCode, Reader as _, Request, Writer as _};

#[tokio::test]
async fn a_latched_alarm_is_read_until_the_reset() {
    let site = Site::start().await;
    let mut client = panel(&site).await;
    site.campus().point("P1-015", PointVerb::Alarm).unwrap();
    assert_eq!(
        client.read_holding_registers(14, 1).await.unwrap().unwrap(),
        [1]
    );
    site.campus().point("P1-015", PointVerb::Normal).unwrap();
    until("sounders", async || {
        client
            .read_holding_registers(200, 1)
            .await
            .unwrap()
            .unwrap()[0]
            & 4
            != 0
    })
    .await;
    client.write_single_register(300, 1).await.unwrap().unwrap();
    client.write_single_register(300, 2).await.unwrap().unwrap();
    let status = client
        .read_holding_registers(200, 1)
        .await
        .unwrap()
        .unwrap()[0];
    assert_eq!(
        status, 0b1010,
        "silenced, sounders off, mains there, key 手动"
    );
    client.write_single_register(300, 3).await.unwrap().unwrap();
    assert_eq!(
        client.read_holding_registers(14, 1).await.unwrap().unwrap(),
        [0]
    );
}

#[tokio::test]
async fn smoke_alarms_again_after_a_reset() {
    let site = Site::start().await;
    let mut client = panel(&site).await;
    site.campus().point("P1-033", PointVerb::Alarm).unwrap();
    client.write_single_register(300, 3).await.unwrap().unwrap();
    until("the second alarm", async || {
        client.read_holding_registers(32, 1).await.unwrap().unwrap() == [1]
    })
    .await;
}

#[tokio::test]
async fn strokes_scale_with_the_speed() {
    let site = Site::start().await;
    let mut client = io(&site).await;
    let started = tokio::time::Instant::now();
    client.write_single_coil(2, true).await.unwrap().unwrap();
    until("the lift", async || {
        client.read_discrete_inputs(2, 1).await.unwrap().unwrap()[0]
    })
    .await;
    // 20 s at speed 50 are 0.4 s.
    assert!(
        started.elapsed().as_millis() >= 395,
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_stuck_output_takes_the_write_and_moves_when_freed() {
    let site = Site::start().await;
    let mut client = io(&site).await;
    site.campus()
        .output("GAS-VALVE", OutputVerb::Stuck)
        .unwrap();
    client
        .write_multiple_coils(2, &[true, true])
        .await
        .unwrap()
        .unwrap();
    until("the lift, which takes longer than the valve", async || {
        client.read_discrete_inputs(2, 1).await.unwrap().unwrap()[0]
    })
    .await;
    assert_eq!(client.read_coils(3, 1).await.unwrap().unwrap(), [true]);
    assert_eq!(
        client.read_discrete_inputs(3, 1).await.unwrap().unwrap(),
        [false]
    );
    site.campus().output("GAS-VALVE", OutputVerb::Free).unwrap();
    until("the valve", async || {
        client.read_discrete_inputs(3, 1).await.unwrap().unwrap()[0]
    })
    .await;
}

#[tokio::test]
async fn the_pump_coil_clears_itself_and_the_pump_runs() {
    let site = Site::start().await;
    let mut client = io(&site).await;
    client.write_single_coil(4, true).await.unwrap().unwrap();
    until("the pump", async || {
        client.read_discrete_inputs(4, 1).await.unwrap().unwrap()[0]
    })
    .await;
    assert_eq!(client.read_coils(4, 1).await.unwrap().unwrap(), [false]);
}

#[tokio::test]
async fn what_a_device_does_not_have_is_an_exception() {
    let site = Site::start().await;
    let mut client = panel(&site).await;
    let refused = async |answer: Request<'static>, client: &mut common::Context| {
        exception(client.call(answer).await)
    };
    for request in [
        Request::ReadCoils(0, 1),
        Request::ReadInputRegisters(0, 1),
        Request::WriteMultipleRegisters(300, vec![3].into()),
        Request::MaskWriteRegister(300, 0, 3),
        Request::Custom(0x41, vec![1].into()),
    ] {
        assert_eq!(
            refused(request, &mut client).await,
            ExceptionCode::IllegalFunction
        );
    }
    let address = ExceptionCode::IllegalDataAddress;
    assert_eq!(
        refused(Request::ReadHoldingRegisters(120, 1), &mut client).await,
        address
    );
    assert_eq!(
        refused(Request::WriteSingleRegister(0, 1), &mut client).await,
        address
    );
    let mut client = io(&site).await;
    assert_eq!(
        refused(Request::WriteSingleCoil(16, true), &mut client).await,
        address
    );
    assert_eq!(
        refused(Request::ReadHoldingRegisters(0, 1), &mut client).await,
        ExceptionCode::IllegalFunction
    );
}

#[tokio::test]
async fn another_unit_gets_no_answer_and_its_write_is_logged() {
    let site = Site::start().await;
    let mut stranger = common::client(site.running.addresses.panel.unwrap(), 2).await;
    let write = tokio::spawn(async move { stranger.write_single_register(300, 3).await.is_ok() });
    until("the write in the log", async || {
        site.campus().writes(0).total == 1
    })
    .await;
    // The panel answers its own unit meanwhile, and the stranger's request is still open.
    let mut client = panel(&site).await;
    client.read_holding_registers(0, 48).await.unwrap().unwrap();
    assert!(!write.is_finished());
    let kept = site.campus().writes(0).writes;
    assert_eq!((kept[0].unit, kept[0].answer), (2, Answer::Silence));
    write.abort();
}

#[tokio::test]
async fn every_write_is_kept_with_what_became_of_it() {
    let site = Site::start().await;
    let mut client = panel(&site).await;
    client.write_single_register(300, 1).await.unwrap().unwrap();
    client
        .write_single_register(300, 9)
        .await
        .unwrap()
        .unwrap_err();
    let mut client = io(&site).await;
    client.write_single_coil(3, true).await.unwrap().unwrap();
    client.write_single_coil(3, false).await.unwrap().unwrap();
    client.write_single_coil(6, true).await.unwrap().unwrap();
    let log = site.get("/writes").await.1;
    assert_eq!(
        (log["bound"].as_u64(), log["dropped"].as_u64()),
        (Some(100_000), Some(0))
    );
    let rows: Vec<_> = log["writes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            format!(
                "{} {} fc{} {} {} {} {} {}",
                row["seq"],
                row["link"],
                row["function"],
                row["address"],
                row["values"],
                row["command"],
                row["answer"],
                row["violation"],
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            r#"1 "panel1" fc6 300 [1] true "taken" null"#,
            r#"2 "panel1" fc6 300 [9] true {"exception":3} null"#,
            r#"3 "io1" fc5 3 [1] false "taken" null"#,
            r#"4 "io1" fc5 3 [0] false "taken" "undo""#,
            r#"5 "io1" fc5 6 [1] false "taken" "lift_not_home""#,
        ]
    );
    assert_eq!(log["writes"][2]["output"], "GAS-VALVE");
    assert!(log["writes"][0]["wall_ms"].as_u64().unwrap() > 1_700_000_000_000);
    let later = site.get("/writes?since=4").await.1;
    assert_eq!(later["writes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_dropped_link_cuts_and_refuses_until_it_is_restored() {
    let site = Site::start().await;
    let mut client = panel(&site).await;
    client.read_holding_registers(0, 48).await.unwrap().unwrap();
    let (status, link) = site.post("/links/panel1/drop").await;
    assert_eq!((status, &link["up"]), (200, &false.into()));
    client
        .read_holding_registers(0, 1)
        .await
        .expect_err("the connection is cut");
    let refused = tokio::net::TcpStream::connect(site.running.addresses.panel.unwrap()).await;
    assert_eq!(
        refused.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    io(&site).await.read_coils(0, 16).await.unwrap().unwrap();
    let (status, link) = site.post("/links/panel1/restore").await;
    assert_eq!((status, &link["up"]), (200, &true.into()));
    panel(&site)
        .await
        .read_holding_registers(0, 48)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn the_control_api_does_what_its_paths_say() {
    let site = Site::start().await;
    let (status, point) = site.post("/points/P1-015/alarm").await;
    assert_eq!((status, point["fire"].as_bool()), (200, Some(true)));
    assert_eq!(site.post("/points/P1-016/fault").await.1["fault"], true);
    assert_eq!(site.post("/points/P1-017/disable").await.1["word"], 4);
    assert_eq!(site.post("/outputs/D1-LIFT/stuck").await.1["stuck"], true);
    assert_eq!(site.post("/panel/key/auto").await.1["key"], "auto");
    assert_eq!(site.post("/panel/mains/off").await.1["mains"], false);
    assert_eq!(site.post("/panel/silence").await.1["silenced"], true);
    site.post("/links/io1/drop").await;
    let state = site.get("/state").await.1;
    assert_eq!(state["panels"][0]["first_alarm"], "P1-015");
    assert_eq!(state["points"].as_array().unwrap().len(), 42);
    assert_eq!(state["outputs"].as_array().unwrap().len(), 10);
    let state = site.post("/reset-campus").await.1;
    assert_eq!(state["panels"][0]["key"], "manual");
    assert_eq!(state["panels"][0]["first_alarm"], serde_json::Value::Null);
    assert!(
        state["links"]
            .as_array()
            .unwrap()
            .iter()
            .all(|link| link["up"] == true)
    );
    for point in site.get("/points").await.1.as_array().unwrap() {
        assert_eq!(point["word"], 0);
    }
    for output in site.get("/outputs").await.1.as_array().unwrap() {
        assert_eq!(
            (&output["stuck"], &output["feedback"]),
            (&false.into(), &false.into())
        );
    }
}

#[tokio::test]
async fn the_control_api_refuses_with_a_code_and_words() {
    let site = Site::start().await;
    for (path, status, code) in [
        ("/points/P1-199/alarm", 404, "not_found"),
        ("/points/P1-15/alarm", 404, "not_found"),
        ("/points/P1-043/alarm", 422, "absent"),
        ("/points/P1-015/explode", 422, "unknown_verb"),
        ("/outputs/NO-VALVE/stuck", 404, "not_found"),
        ("/outputs/GAS-VALVE/open", 422, "unknown_verb"),
        ("/panel/key/sideways", 422, "unknown_verb"),
        ("/links/panel9/drop", 404, "not_found"),
        ("/links/panel1/cut", 422, "unknown_verb"),
        ("/nowhere", 404, "not_found"),
        ("/state", 405, "wrong_method"),
    ] {
        let (answered, body) = site.post(path).await;
        assert_eq!(
            (answered, body["code"].as_str()),
            (status, Some(code)),
            "{path}"
        );
        assert!(body["message"]["zh"].is_string() && body["message"]["en"].is_string());
    }
    let (status, body) = site.get("/writes?since=yesterday").await;
    assert_eq!((status, &body["code"]), (422, &"unreadable".into()));
}

#[tokio::test]
async fn somebody_at_the_panel_presses_reset() {
    let site = Site::start().await;
    site.campus().point("P1-020", PointVerb::Alarm).unwrap();
    site.campus().point("P1-020", PointVerb::Normal).unwrap();
    assert_eq!(
        site.campus()
            .panel(None, PanelVerb::Reset)
            .unwrap()
            .first_alarm,
        None
    );
    assert_eq!(
        site.campus().writes(0).total,
        0,
        "a hand at the panel is no write"
    );
}

#[tokio::test]
async fn a_stopped_campus_cuts_its_connections() {
    let site = Site::start().await;
    let mut client = panel(&site).await;
    client.read_holding_registers(0, 48).await.unwrap().unwrap();
    site.running.stop().await;
    client
        .read_holding_registers(0, 48)
        .await
        .expect_err("the connection is cut");
}

/// The whole campus on free ports.
async fn whole() -> fengsui_sim::campus::Running {
    let options = fengsui_sim::campus::CampusOptions {
        layout: fengsui_sim::layout::Which::Lin,
        speed: 50.0,
        ..fengsui_sim::campus::CampusOptions::default()
    };
    fengsui_sim::campus::start(options).await.unwrap()
}

#[tokio::test]
async fn panels_of_the_whole_campus_are_independent() {
    let site = Site {
        running: whole().await,
    };
    site.campus().point("P1-015", PointVerb::Alarm).unwrap();
    site.campus().point("P2-001", PointVerb::Alarm).unwrap();
    assert_eq!(site.post("/panels/panel2/reset").await.0, 200);
    let panels = site.campus().panels();
    let first = |id: &str| {
        let panel = panels.iter().find(|panel| panel.id == id).unwrap();
        panel.lamps.first_alarm.clone()
    };
    assert_eq!(first("panel1").as_deref(), Some("P1-015"));
    assert_eq!(first("panel4"), None);
    assert_eq!(site.post("/panels/panel9/reset").await.0, 404);
}

#[tokio::test]
async fn gas_and_contacts_are_set_by_the_control_api() {
    let site = Site {
        running: whole().await,
    };
    let (status, point) = site.post("/points/G1-001/gas?level=low").await;
    assert_eq!((status, &point["word"]), (200, &16.into()));
    let point = site.post("/points/G1-001/gas?level=high").await.1;
    assert_eq!(point["word"], 48);
    assert_eq!(point["fire"], false);
    assert_eq!(site.post("/points/G1-001/gas?level=much").await.0, 422);
    assert_eq!(site.post("/points/P1-001/gas?level=high").await.0, 422);
    assert_eq!(site.post("/points/W1-TANK-LOW/alarm").await.1["word"], 1);
    assert_eq!(site.post("/points/W1-TANK-LOW/fault").await.0, 404);
    site.campus().calm().await.unwrap();
    let points = site.campus().points();
    assert!(points.iter().all(|point| point.word == 0));
}
