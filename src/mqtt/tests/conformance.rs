//! What is relied on of a broker. Each row takes an address, so that it runs against another broker as well.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::campus::{Campus, login};
use super::device::{Device, Login, Message};
use super::until;
use crate::mqtt::broker::{BrokerError, Gate, Place, Server};
use crate::mqtt::topics::Topics;

pub(super) const TOKEN: &str = "the daemon's own";

/// The broker inside, without the daemon's link.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    websocket: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn run(campus: &Campus) -> Running {
    let any = "127.0.0.1:0".parse().expect("an address");
    run_at(campus, any).await.expect("opens")
}

pub(super) async fn run_at(campus: &Campus, tcp: SocketAddr) -> Result<Running, BrokerError> {
    let topics = Topics::new(&campus.site.id).expect("fit");
    let gate = Gate::new(
        topics,
        Arc::clone(&campus.site),
        campus.handle.clone(),
        TOKEN,
    );
    let place = Place {
        tcp,
        websocket: "127.0.0.1:0".parse().expect("an address"),
    };
    let server = Server::open(place, Arc::new(gate)).await?;
    let place = server.place();
    let stop = CancellationToken::new();
    let (up, mut address) = watch::channel(None);
    let ended = stop.clone();
    let task = tokio::spawn(async move {
        server.run(&ended, &up).await.expect("ends in order");
    });
    address
        .wait_for(Option::is_some)
        .await
        .expect("the broker runs");
    Ok(Running {
        address: place.tcp,
        websocket: place.websocket,
        stop,
        task,
    })
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("no panic");
    }

    /// Ends it in the middle of whatever it does.
    pub(super) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.expect_err("aborted").is_cancelled());
    }

    async fn daemon(&self) -> Device {
        let mut login = Login::new("fengsui", TOKEN);
        login.client = "fengsui-test".to_owned();
        enter(self.address, &login).await
    }
}

async fn enter(address: SocketAddr, login: &Login) -> Device {
    Device::connect(address, login).await.expect("admitted")
}

fn full(below: &str) -> String {
    format!("fengsui/v1/test/{below}")
}

/// Not authorized (3.9.3, 3.4.2.1).
const NOT_AUTHORIZED: u8 = 0x87;

#[tokio::test(flavor = "multi_thread")]
async fn only_known_devices_come_in_and_a_revoked_one_never_again() {
    let campus = Campus::new().await;
    let broker = run(&campus).await;
    let refused = async |login: &Login| Device::connect(broker.address, login).await.err();
    enter(broker.address, &login("post2")).await.leave().await;

    assert_eq!(refused(&Login::new("post2", "wrong")).await, Some(0x86));
    assert_eq!(refused(&Login::new("post2", "")).await, Some(0x86));
    let of_another = Login::new("post2", &login("post1").password);
    assert_eq!(refused(&of_another).await, Some(0x86));
    let nobody = Login::new("nobody", &login("post1").password);
    assert_eq!(refused(&nobody).await, Some(0x86));
    let daemon = Login::new("fengsui", &login("post1").password);
    assert_eq!(refused(&daemon).await, Some(0x86));
    let mut anonymous = login("post2");
    anonymous.user = None;
    assert_eq!(refused(&anonymous).await, Some(0x86));
    let mut stolen = login("post2");
    stolen.client = "post1-phone".to_owned();
    assert_eq!(refused(&stolen).await, Some(0x85));
    stolen.client = "fengsui-test".to_owned();
    assert_eq!(refused(&stolen).await, Some(0x85));

    campus
        .device("post2", &login("post2").password, false)
        .await;
    assert_eq!(refused(&login("post2")).await, Some(0x86));
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_reads_and_writes_only_what_is_its_own() {
    let campus = Campus::new().await;
    let broker = run(&campus).await;
    let mut daemon = broker.daemon().await;
    assert_eq!(daemon.subscribe(&full("reply/+/+")).await, 1);
    assert_eq!(daemon.subscribe(&full("presence/+")).await, 1);
    let mut post1 = enter(broker.address, &login("post1")).await;
    for own in ["order/post1/#", "status/#", "alarm/#"] {
        assert_eq!(post1.subscribe(&full(own)).await, 1, "{own}");
    }
    let others = [
        "#".to_owned(),
        "+/#".to_owned(),
        "$SYS/#".to_owned(),
        "$share/g/#".to_owned(),
        format!("$share/g/{}", full("order/post1/#")),
        full("#"),
        full("order/#"),
        full("order/+/+"),
        full("order/post2/#"),
        full("reply/+/+"),
        full("presence/post2"),
    ];
    for other in others {
        assert_eq!(post1.subscribe(&other).await, NOT_AUTHORIZED, "{other}");
    }
    let forged = [
        "order/post2/o1",
        "order/post1/o1",
        "alarm/F-1",
        "status/daemon",
        "reply/post2/o1",
        "presence/post2",
    ];
    for forged in forged {
        let reason = post1.publish(&full(forged), "forged", true).await;
        assert_eq!(reason, NOT_AUTHORIZED, "{forged}");
    }
    assert_eq!(
        post1.publish(&full("reply/post1/o1"), "mine", false).await,
        0
    );
    let first = daemon.message().await;
    assert_eq!(first.topic, full("reply/post1/o1"), "nothing else came");
    daemon
        .publish(&full("order/post2/o2"), "secret", true)
        .await;
    daemon.publish(&full("order/post1/o1"), "yours", true).await;
    assert_eq!(post1.message().await.payload, b"yours");
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_will_beyond_the_own_topics_is_never_said() {
    let campus = Campus::new().await;
    let broker = run(&campus).await;
    let mut daemon = broker.daemon().await;
    daemon.subscribe(&full("#")).await;
    let mut login = login("post1");
    login.will = Some((full("order/post2/o1"), "forged".to_owned()));
    enter(broker.address, &login).await.vanish();
    login.will = Some((full("presence/post1"), "gone".to_owned()));
    enter(broker.address, &login).await.vanish();
    let first = daemon.message().await;
    assert_eq!(
        (first.topic, first.payload),
        (full("presence/post1"), b"gone".to_vec())
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_recipient_sends_is_small_and_not_retained() {
    let campus = Campus::new().await;
    let broker = run(&campus).await;
    let mut post1 = enter(broker.address, &login("post1")).await;
    let huge = "x".repeat(5_000);
    post1.publish(&full("reply/post1/o1"), &huge, false).await;
    post1.publish(&full("reply/post1/o2"), "kept?", true).await;
    post1.publish(&full("presence/post1"), "here", true).await;
    let mut daemon = broker.daemon().await;
    daemon.subscribe(&full("#")).await;
    let first = daemon.message().await;
    assert_eq!(first.topic, full("presence/post1"));
    assert!(first.retain);
    broker.stop().await;
}

async fn retained_is_kept_and_cleared(daemon: &mut Device, address: SocketAddr) {
    let topic = full("order/post2/o1");
    daemon.publish(&topic, "first", true).await;
    daemon.publish(&topic, "second", true).await;
    let mut post2 = enter(address, &login("post2")).await;
    post2.subscribe(&full("order/post2/#")).await;
    let expected = |payload: &[u8], retain| Message {
        topic: topic.clone(),
        payload: payload.to_vec(),
        retain,
    };
    assert_eq!(post2.message().await, expected(b"second", true));
    daemon.publish(&topic, "last word", false).await;
    assert_eq!(post2.message().await, expected(b"last word", false));
    daemon.publish(&topic, "", true).await;
    assert_eq!(post2.message().await, expected(b"", false));
    post2.leave().await;
    let mut post2 = enter(address, &login("post2")).await;
    post2.subscribe(&full("order/post2/#")).await;
    daemon.publish(&topic, "marker", false).await;
    assert_eq!(post2.message().await.payload, b"marker");
    post2.leave().await;
}

async fn a_last_will_follows_an_abrupt_end(daemon: &mut Device, address: SocketAddr) {
    daemon.subscribe(&full("presence/+")).await;
    let mut login = login("post2");
    login.will = Some((full("presence/post2"), "gone".to_owned()));
    let device = enter(address, &login).await;
    device.vanish();
    let will = daemon
        .until(|message| message.topic == full("presence/post2"))
        .await;
    assert_eq!(will.payload, b"gone");
    enter(address, &login).await.leave().await;
    daemon.publish(&full("presence/marker"), "m", false).await;
    let next = daemon.message().await;
    assert_eq!(next.payload, b"m", "who leaves in order leaves no will");
}

async fn a_session_keeps_what_came_meanwhile(daemon: &mut Device, address: SocketAddr) {
    let mut login = login("post2");
    login.client = "post2-away".to_owned();
    login.clean = false;
    let mut post2 = enter(address, &login).await;
    assert!(!post2.session_present);
    post2.subscribe(&full("order/post2/#")).await;
    post2.vanish();
    for n in 0..50 {
        daemon
            .publish(&full("order/post2/o1"), &n.to_string(), false)
            .await;
    }
    let mut post2 = enter(address, &login).await;
    assert!(post2.session_present);
    for n in 0..50 {
        assert_eq!(post2.message().await.payload, n.to_string().as_bytes());
    }
    post2.leave().await;
    login.clean = true;
    enter(address, &login).await.leave().await;
}

/// The rows that hold for every broker.
async fn rows(daemon: &mut Device, address: SocketAddr) {
    retained_is_kept_and_cleared(daemon, address).await;
    a_last_will_follows_an_abrupt_end(daemon, address).await;
    a_session_keeps_what_came_meanwhile(daemon, address).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_inside_does_what_is_relied_on() {
    let campus = Campus::new().await;
    let broker = run(&campus).await;
    let mut daemon = broker.daemon().await;
    rows(&mut daemon, broker.address).await;
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_forgets_everything() {
    let campus = Campus::new().await;
    let broker = run(&campus).await;
    let mut daemon = broker.daemon().await;
    daemon.publish(&full("order/post2/o1"), "open", true).await;
    let mut keeps = login("post2");
    keeps.clean = false;
    let mut post2 = enter(broker.address, &keeps).await;
    post2.publish(&full("presence/post2"), "here", true).await;
    let address = broker.address;
    broker.stop().await;
    assert!(post2.is_sent_away().await);
    let broker = until("the port", async || run_at(&campus, address).await.ok()).await;
    let post2 = enter(broker.address, &keeps).await;
    assert!(!post2.session_present);
    let mut daemon = broker.daemon().await;
    daemon.subscribe(&full("#")).await;
    daemon.publish(&full("alarm/marker"), "m", false).await;
    assert_eq!(daemon.message().await.payload, b"m");
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_socket_keeps_no_web_page_out() {
    let campus = Campus::new().await;
    let broker = run(&campus).await;
    let silent = tokio::net::TcpStream::connect(broker.websocket)
        .await
        .expect("a listener");
    let page = mqtt5::MqttClient::new("post2-page");
    let options =
        mqtt5::ConnectOptions::new("post2-page").with_credentials("post2", login("post2").password);
    let url = format!("ws://{}/mqtt", broker.websocket);
    let joined = Box::pin(page.connect_with_options(&url, options));
    tokio::time::timeout(std::time::Duration::from_secs(5), joined)
        .await
        .expect("while the other says nothing")
        .expect("admitted");
    page.disconnect().await.expect("leaves");
    drop(silent);
    broker.stop().await;
}

/// What a server answers to a request for a WebSocket.
async fn asks(broker: &Running, path: &str) -> tokio::net::TcpStream {
    use tokio::io::AsyncWriteExt;
    let mut stream = tokio::net::TcpStream::connect(broker.websocket)
        .await
        .expect("a listener");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_is_mqtt_at_its_path_and_bounded() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let campus = Campus::new().await;
    let broker = run(&campus).await;
    let mut answer = [0; 512];
    let mut elsewhere = asks(&broker, "/").await;
    let length = elsewhere.read(&mut answer).await.expect("an answer");
    assert!(answer[..length].starts_with(b"HTTP/1.1 404"));
    let mut page = asks(&broker, "/mqtt").await;
    let length = page.read(&mut answer).await.expect("an answer");
    let head = String::from_utf8_lossy(&answer[..length]).to_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(head.contains("sec-websocket-protocol: mqtt\r\n"), "{head}");
    // A masked binary frame that announces 16 MiB (RFC 6455, 5.2) before anybody signed on.
    let frame = [0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4];
    page.write_all(&frame).await.expect("sent");
    let ends = async { while page.read(&mut answer).await.is_ok_and(|length| length > 0) {} };
    let ended = tokio::time::timeout(std::time::Duration::from_secs(5), ends).await;
    assert!(ended.is_ok(), "it is sent away at once");
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mosquitto_does_what_is_relied_on() {
    use std::io::BufRead;
    let folder = tempfile::tempdir().expect("a folder");
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let address = free.expect("a port").local_addr().expect("an address");
    let settings = folder.path().join("mosquitto.conf");
    let port = address.port();
    let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
    std::fs::write(&settings, text).expect("written");
    let mut mosquitto = std::process::Command::new("/usr/sbin/mosquitto")
        .arg("-c")
        .arg(&settings)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("installed");
    // It says so when it listens; its end would close the pipe.
    let said = std::io::BufReader::new(mosquitto.stderr.take().expect("a pipe"));
    let mut said = said.lines().map_while(Result::ok);
    assert!(said.any(|line| line.ends_with(" running")), "it ended");
    let mut login = Login::new("fengsui", TOKEN);
    login.client = "fengsui-test".to_owned();
    let mut daemon = enter(address, &login).await;
    rows(&mut daemon, address).await;
    mosquitto.kill().expect("it ran");
    mosquitto.wait().expect("it ran");
}
