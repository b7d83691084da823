//! A running campus, clients for it, and waiting on conditions with a bound.

pub(crate) mod broker;

use std::net::SocketAddr;
use std::time::Duration;

use fengsui_sim::campus::{self, Campus, CampusOptions, Running};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_modbus::prelude::{ExceptionCode, Slave, tcp};

pub(crate) use tokio_modbus::client::Context;

/// No condition of these tests takes longer.
pub(crate) const BOUND: Duration = Duration::from_secs(10);

pub(crate) struct Site {
    pub(crate) running: Running,
}

impl Site {
    /// A campus on free ports that lives fifty times faster.
    pub(crate) async fn start() -> Self {
        let options = CampusOptions {
            speed: 50.0,
            ..CampusOptions::default()
        };
        Self {
            running: campus::start(options).await.expect("the campus starts"),
        }
    }

    pub(crate) fn campus(&self) -> &Campus {
        &self.running.campus
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        http(self.running.addresses.control, "GET", path, "").await
    }

    pub(crate) async fn post(&self, path: &str) -> (u16, Value) {
        http(self.running.addresses.control, "POST", path, "").await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> (u16, Value) {
        http(
            self.running.addresses.control,
            "POST",
            path,
            &body.to_string(),
        )
        .await
    }
}

impl Site {
    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        http(self.running.addresses.control, "DELETE", path, "").await
    }

    pub(crate) async fn post_text(&self, path: &str, body: &str) -> (u16, Value) {
        http(self.running.addresses.control, "POST", path, body).await
    }
}

pub(crate) async fn panel(site: &Site) -> Context {
    client(site.running.addresses.panel.expect("a socket"), 1).await
}

pub(crate) async fn io(site: &Site) -> Context {
    client(site.running.addresses.io.expect("a socket"), 1).await
}

pub(crate) async fn client(address: SocketAddr, unit: u8) -> Context {
    tcp::connect_slave(address, Slave(unit))
        .await
        .expect("connects")
}

/// The exception a call was refused with.
pub(crate) fn exception<T: std::fmt::Debug>(answer: tokio_modbus::Result<T>) -> ExceptionCode {
    answer.expect("an answer").expect_err("an exception")
}

/// Asks again until it is so; the question itself is the pause.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    tokio::time::timeout(BOUND, async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("waited in vain for {what}"));
}

/// One request over its own connection: HTTP/1.0, so that the end of the stream is the end of the answer.
async fn http(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: campus\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("writes");
    let mut answer = String::new();
    tokio::time::timeout(BOUND, stream.read_to_string(&mut answer))
        .await
        .expect("an answer in time")
        .expect("reads");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status");
    (
        status.parse().expect("a number"),
        serde_json::from_str(body).expect("JSON"),
    )
}
