//! An output in maintenance, written from the terminal over real Modbus TCP.

use serde_json::{Value, json};

use super::site::{TestSite, until};

impl TestSite {
    /// `fengsui probe` with an account, whose password is right.
    fn probe(&self, account: &str, arguments: &[&str]) -> (i32, String) {
        let file = self.secret("secret\n");
        let who = ["--as", account, "--password-file", &file];
        self.tool(&[&["probe"], arguments, &who[..]].concat())
    }

    fn maintain(&self, output: &str) -> (i32, String) {
        let what = ["--person", "chief-eng", "--why", "验收试写"];
        self.probe("leader", &[&["maintain", output], &what[..]].concat())
    }

    /// How often the field was told to do this.
    async fn written(&self, output: &str) -> usize {
        let log = self.field_says("/writes").await;
        let writes = log["writes"].as_array().expect("writes").iter();
        writes.filter(|write| write["output"] == output).count()
    }

    async fn outputs_in_maintenance(&self) -> Value {
        let status = self.status_until("status", |_| true).await;
        status["maintenance"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_in_maintenance_is_written_and_what_came_back_is_shown() {
    let mut site = TestSite::start(20.0).await;
    let write = ["write", "D1-SOUNDER"];
    let (code, printed) = site.probe("leader", &write);
    assert_eq!(code, 69, "{printed}");
    assert!(printed.contains("is not in maintenance"), "{printed}");
    let (code, printed) = site.maintain("D1-SOUNDER");
    assert_eq!(code, 0, "{printed}");
    assert_eq!(printed, "D1-SOUNDER is in maintenance for 900 s");
    assert_eq!(site.outputs_in_maintenance().await, json!(["D1-SOUNDER"]));
    assert_eq!(site.written("D1-SOUNDER").await, 0);

    let (code, printed) = site.probe("leader", &write);
    assert_eq!(code, 0, "{printed}");
    for shown in [
        "before: D1-SOUNDER-FB does not show it yet",
        "done: the echo is right, and so is what was read back; D1-SOUNDER-FB shows it",
        "> sent        unit 1 FC 05",
        "< right       unit 1 FC 05",
        "< right       unit 1 FC 01",
    ] {
        assert!(printed.contains(shown), "{shown}: {printed}");
    }
    assert_eq!(site.written("D1-SOUNDER").await, 1);

    // It goes on over a restart, until somebody of the room ends it.
    site.stop().await;
    let (code, printed) = site.probe("leader", &write);
    assert_eq!(code, 69, "{printed}");
    assert!(printed.contains("no daemon runs here"), "{printed}");
    site.run();
    site.ready().await;
    assert_eq!(site.outputs_in_maintenance().await, json!(["D1-SOUNDER"]));
    let (code, printed) = site.probe("leader", &write);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("shows it already"), "{printed}");
    assert_eq!(site.written("D1-SOUNDER").await, 2);
    let (code, printed) = site.probe("operator", &["end-maintenance", "D1-SOUNDER"]);
    assert_eq!(code, 0, "{printed}");
    let (code, printed) = site.probe("leader", &write);
    assert_eq!(code, 69, "{printed}");
    let who = "Somebody ended the maintenance";
    assert!(
        printed.contains(who) && printed.contains("(张伟, "),
        "{printed}"
    );
    assert_eq!(site.written("D1-SOUNDER").await, 2);
    site.stop().await;
    for proof in ["verify", "rebuild"] {
        let (code, printed) = site.tool(&[proof]);
        assert_eq!(code, 0, "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_by_the_wrong_person_after_its_time_or_in_a_fire() {
    let mut site = TestSite::prepare(20.0).await;
    let (long, short) = ("maintenance_seconds = 900", "maintenance_seconds = 1");
    site.edit("procedures.toml", long, short);
    site.run();
    site.ready().await;
    let write = ["write", "GAS-VALVE"];
    let (code, printed) = site.probe("leader", &["write", "NONE"]);
    assert_eq!(code, 64, "{printed}");
    assert!(printed.contains("no output NONE"), "{printed}");
    let (code, printed) = site.probe("operator", &write);
    assert_eq!(code, 69, "{printed}");
    assert!(printed.contains("are for a foreman"), "{printed}");
    let file = site.secret("guessed\n");
    let wrong = ["--as", "leader", "--password-file", &file];
    let (code, printed) = site.tool(&[&["probe"], &write[..], &wrong[..]].concat());
    assert_eq!(code, 69, "{printed}");
    assert!(printed.contains("the daemon says"), "{printed}");

    let (code, printed) = site.maintain("GAS-VALVE");
    assert_eq!(code, 0, "{printed}");
    until("the end of its time", async || {
        let running = site.outputs_in_maintenance().await;
        (running == json!([])).then_some(())
    })
    .await;
    let (code, printed) = site.probe("leader", &write);
    assert_eq!(code, 69, "{printed}");
    assert!(printed.contains("has passed"), "{printed}");

    site.stop().await;
    site.edit("procedures.toml", short, long);
    site.run();
    site.ready().await;
    let (code, printed) = site.maintain("GAS-VALVE");
    assert_eq!(code, 0, "{printed}");
    site.field("/points/P1-005/alarm").await;
    until("the fire", async || {
        let running = site.outputs_in_maintenance().await;
        (running == json!([])).then_some(())
    })
    .await;
    for refused in [site.probe("leader", &write), site.maintain("GAS-VALVE")] {
        let (code, printed) = refused;
        assert_eq!(code, 69, "{printed}");
        assert!(printed.contains("Incident F-"), "{printed}");
    }
    assert_eq!(site.written("GAS-VALVE").await, 0);
    site.stop().await;
}
