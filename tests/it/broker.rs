//! Other ways to people: mosquitto with the files that are shipped, and no broker at all.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::branches::false_alarm;
use super::fire::Fire;
use super::kill::written;
use super::site::{Person, RECIPIENTS, TestSite, until};

/// The password of the daemon.
const PASSWORD: &str = "of the daemon";

/// Debian's mosquitto with the files of config/mosquitto.
struct Mosquitto {
    folder: tempfile::TempDir,
    address: SocketAddr,
    child: Child,
}

impl Mosquitto {
    fn start(site: &TestSite) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let free = || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address")
        };
        let (address, websocket) = (free(), free());
        let here = format!("{}/", folder.path().display());
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/mosquitto");
        let text = std::fs::read_to_string(shipped.join("mosquitto.conf")).expect("the file");
        let mut text = text
            .replace("/etc/mosquitto/", &here)
            .replace("/var/lib/mosquitto/", &here)
            .replace(
                "listener 1883",
                &format!("listener {} 127.0.0.1", address.port()),
            )
            .replace(
                "listener 8083",
                &format!("listener {} 127.0.0.1", websocket.port()),
            );
        // As root it would become another user, who may not enter this folder.
        text.push_str("user root\nlog_dest stderr\n");
        std::fs::write(folder.path().join("conf"), text).expect("written");
        std::fs::copy(shipped.join("acl"), folder.path().join("fengsui.acl")).expect("copied");
        let passwords = folder.path().join("fengsui.passwords");
        std::fs::write(&passwords, "").expect("written");
        let add = |user: &str, password: &str| {
            let mut command = Command::new("mosquitto_passwd");
            command.arg("-b").arg(&passwords).args([user, password]);
            assert!(command.status().expect("installed").success());
        };
        add("fengsui", PASSWORD);
        for recipient in RECIPIENTS {
            add(recipient, &site.token(recipient));
        }
        let child = run(folder.path());
        Self {
            folder,
            address,
            child,
        }
    }

    fn kill(&mut self) {
        self.child.kill().expect("it ran");
        self.child.wait().expect("it ran");
    }

    fn start_again(&mut self) {
        self.child = run(self.folder.path());
    }

    /// The site with this broker, its field read.
    async fn serve(&self, site: &mut TestSite) {
        use std::os::unix::fs::PermissionsExt;
        let password = self.folder.path().join("password");
        std::fs::write(&password, PASSWORD).expect("written");
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&password, mode).expect("set");
        let file = site.config().join("fengsui.toml");
        let text = std::fs::read_to_string(&file).expect("a file");
        let (head, _) = text.split_once("\n[mqtt.embedded]").expect("a broker");
        let external = format!(
            "{head}\n[mqtt.external]\naddress = \"{}\"\nuser = \"fengsui\"\npassword_file = \"{}\"\n",
            self.address,
            password.display()
        );
        std::fs::write(&file, external).expect("written");
        site.run();
        site.mqtt = self.address.to_string();
        site.ready().await;
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(folder: &Path) -> Child {
    let mut child = Command::new("/usr/sbin/mosquitto")
        .arg("-c")
        .arg(folder.join("conf"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("installed by scripts/tools");
    // It says so when it listens; its end would close the pipe.
    let mut said = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let runs = said.any(|line| line.is_ok_and(|line| line.ends_with(" running")));
    assert!(runs, "mosquitto ended: wrong files?");
    // Nobody may wait for a pipe that nobody reads.
    std::thread::spawn(move || said.for_each(drop));
    child
}

/// A client of mosquitto's own, as independent of us as the broker.
struct Client<'a>(&'a Mosquitto, &'a str, String);

impl Client<'_> {
    fn command(&self, program: &str, topic: &str) -> Command {
        let Self(broker, user, password) = self;
        let mut command = Command::new(program);
        let port = broker.address.port().to_string();
        command.args(["-h", "127.0.0.1", "-p", &port, "-V", "5", "-q", "1"]);
        command.args(["-u", user, "-P", password, "-t", topic]);
        command
    }

    /// Whether the broker takes a message.
    fn may_write(&self, topic: &str) -> bool {
        let mut command = self.command("mosquitto_pub", topic);
        let output = command
            .args(["-m", "{}", "-r"])
            .output()
            .expect("installed");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success() && !said.contains("Not authorized")
    }

    /// The topics of what is retained for it.
    fn reads(&self, filter: &str) -> Vec<String> {
        let mut command = self.command("mosquitto_sub", filter);
        let output = command.args(["-F", "%t", "-W", "1"]).output();
        let output = output.expect("installed");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.lines().map(str::to_owned).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_alarm_goes_over_mosquitto_with_the_shipped_files() {
    let mut site = TestSite::prepare(20.0).await;
    let broker = Mosquitto::start(&site);
    broker.serve(&mut site).await;
    false_alarm(&mut site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mosquitto_keeps_everybody_to_what_is_his() {
    let mut site = TestSite::prepare(20.0).await;
    let broker = Mosquitto::start(&site);
    broker.serve(&mut site).await;
    let operator = site.sign_on("operator").await;
    let post1 = Client(&broker, "post1", site.token("post1"));
    let post2 = Client(&broker, "post2", site.token("post2"));
    let wrong = Client(&broker, "post1", site.token("post2"));
    site.field("/points/P1-003/alarm").await;
    operator
        .sees("order/post2", |order| order["state"] == "at_broker")
        .await;
    let at = |below: &str| format!("fengsui/v1/lin/{below}");
    let own = post2.reads(&at("order/#"));
    assert!(own.iter().all(|topic| topic.contains("/order/post2/")));
    assert_eq!(own.len(), 1, "{own:?}");
    let read: Vec<String> = post1.reads("#");
    let kinds = |kind: &str| read.iter().filter(|topic| topic.contains(kind)).count();
    assert_eq!(kinds("/order/post2/"), 0, "{read:?}");
    assert!(
        kinds("/status/daemon") == 1 && kinds("/alarm/") == 1,
        "{read:?}"
    );
    assert!(
        wrong.reads("#").is_empty(),
        "nobody comes in with another's token"
    );
    for forged in [
        "order/post1/o1",
        "order/post2/o1",
        "reply/post2/o1",
        "presence/post2",
        "status/daemon",
        "alarm/F-1",
    ] {
        assert!(!post1.may_write(&at(forged)), "{forged}");
    }
    assert!(!post1.may_write("fengsui/v1/other/reply/post1/o1"));
    assert!(post1.may_write(&at("presence/post1")));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_fire_goes_on_when_mosquitto_is_killed_in_the_middle() {
    let mut site = TestSite::prepare(20.0).await;
    let mut broker = Mosquitto::start(&site);
    broker.serve(&mut site).await;
    let observer = site.sign_on("viewer").await;
    let mut fire = Fire::ready(site).await;
    let interrupt = async {
        observer
            .sees("order/post2", |order| order["state"] == "accepted")
            .await;
        broker.kill();
        observer
            .sees("summary", |summary| summary["broker"] == "down")
            .await;
        broker.start_again();
        observer
            .sees("summary", |summary| summary["broker"] == "up")
            .await;
    };
    let (incident, ()) = tokio::join!(fire.burn(), interrupt);
    assert_eq!(fire.restarts, 0);
    let id = incident["id"].as_str().expect("an id");
    let timeline = fire.document(&format!("timeline/{id}"), |_| true).await;
    let lines = timeline["lines"].as_array().expect("lines");
    let answers = lines
        .iter()
        .filter(|line| line["line"]["key"] == "line.order_replied");
    let documents = fire.operator.documents().await.expect("documents");
    let orders = documents
        .iter()
        .filter(|(key, _)| key.starts_with("order/"));
    let heard = orders.map(|(_, order)| order["heard"].as_array().map_or(0, Vec::len));
    assert_eq!(
        answers.count(),
        heard.sum::<usize>(),
        "an answer is in the record twice"
    );
    for (output, count) in written(&fire).await {
        assert_eq!(count, 1, "{output} was written more than once");
    }
    fire.site.stop().await;
}

/// A site without any broker, its field read.
async fn without_broker() -> TestSite {
    let mut site = TestSite::prepare(20.0).await;
    let file = site.config().join("fengsui.toml");
    let text = std::fs::read_to_string(&file).expect("a file");
    let (head, _) = text.split_once("\n[mqtt.embedded]").expect("a broker");
    std::fs::write(&file, head).expect("written");
    // The post has a second to have the order, so that the ladder is seen.
    site.edit(
        "procedures.toml",
        "receive_seconds = 15",
        "receive_seconds = 1",
    );
    site.run();
    site.status_until("ready", |status| {
        status["ready"] == true && status["links"]["up"] == status["links"]["total"]
    })
    .await;
    site
}

async fn replies(guard: &Person, order: &Value, reply_id: &str, verb: &str, cause: Option<&str>) {
    let id = order["id"].as_str().expect("an id");
    let reply = json!({ "v": 1, "reply_id": reply_id, "verb": verb, "cause": cause, "at": 0 });
    guard.does(&format!("orders/{id}/replies"), reply).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_broker_orders_go_over_http_and_are_shown_so() {
    let mut site = without_broker().await;
    let operator = site.sign_on("operator").await;
    let summary = operator.sees("summary", |_| true).await;
    assert_eq!(summary["broker"], "none");
    assert!(!summary["faults"].to_string().contains("broker"));
    let guard = site.sign_on("post2").await;
    let page = guard.follows_as_device().await;
    let post = operator
        .sees("recipient/post2", |post| post["online"] == true)
        .await;
    assert_eq!(
        (&post["http"], &post["mqtt"]),
        (&json!(true), &json!(false))
    );

    site.field("/points/P1-003/alarm").await;
    let order = guard.sees("order/post2", |_| true).await;
    assert_eq!(
        (&order["state"], &order["via"]),
        (&json!("queued"), &json!("http"))
    );
    let late = operator
        .sees("order/post2", |order| order["late"] == json!(["receive"]))
        .await;
    assert_eq!(late["state"], "queued", "nobody has it, and it is said");
    replies(&guard, &order, "r1", "received", None).await;
    let received = operator
        .sees("order/post2", |order| order["state"] == "received")
        .await;
    assert_eq!(received["via"], "http");
    for (reply_id, verb, state) in [("r2", "accept", "accepted"), ("r3", "arrive", "arrived")] {
        replies(&guard, &order, reply_id, verb, None).await;
        operator
            .sees("order/post2", |order| order["state"] == state)
            .await;
    }
    replies(&guard, &order, "r4", "report_false", Some("steam")).await;
    let incident = operator
        .sees("incident/", |incident| incident["stage"] == "false_alarm")
        .await;
    assert_eq!(incident["orders"].as_array().map(Vec::len), Some(1));
    let heard = guard
        .sees("order/post2", |order| order["open"] == false)
        .await;
    assert_eq!(heard["heard"], json!(["r1", "r2", "r3", "r4"]));
    drop(page);
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_sends_orders_the_other_way_until_it_is() {
    let mut site = TestSite::prepare(20.0).await;
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = other.local_addr().expect("an address").to_string();
    let file = site.config().join("fengsui.toml");
    let text = std::fs::read_to_string(&file).expect("a file");
    let (head, mqtt) = text.split_once("\n[mqtt.embedded]").expect("a broker");
    let mqtt = mqtt.replacen("127.0.0.1:0", &taken, 1);
    std::fs::write(&file, format!("{head}\n[mqtt.embedded]{mqtt}")).expect("written");
    site.run();
    let operator = site.sign_on_when_ready("operator").await;
    let guard = site.sign_on("post2").await;
    let _page = guard.follows_as_device().await;
    operator
        .sees("recipient/post2", |post| post["online"] == true)
        .await;
    operator
        .sees("summary", |summary| summary["broker"] == "down")
        .await;
    site.field("/points/P1-003/alarm").await;
    let queued = guard.sees("order/post2", |_| true).await;
    assert_eq!(
        (&queued["state"], &queued["via"]),
        (&json!("queued"), &json!("http"))
    );
    drop(other);
    let sent = operator
        .sees("order/post2", |order| order["state"] == "at_broker")
        .await;
    assert_eq!(sent["via"], "mqtt");
    assert!(
        sent["seq"].as_u64() > queued["seq"].as_u64(),
        "the newer revision is known by its number"
    );
    replies(&guard, &queued, "r1", "received", None).await;
    let via = until("received", async || {
        let order = operator.sees("order/post2", |_| true).await;
        (order["state"] == "received").then(|| order["via"].clone())
    })
    .await;
    assert_eq!(via, "http");
    site.stop().await;
}
