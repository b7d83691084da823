//! The adapter over real connections, with a real engine on a store in memory.

mod edges;
mod health;
mod maintenance;
mod orders;
mod plain;
mod record;
mod reports;
mod sessions;
mod several;
mod step_up;
mod streams;
mod tokens;
mod trouble;
mod verbs;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::password::hash_password;
use super::{HttpParts, serve};
use crate::clock::Clock;
use crate::domain::actor::{Actor, Role};
use crate::domain::ids::PointId;
use crate::domain::input::Input;
use crate::domain::point::{Conditions, Quality, Reading};
use crate::domain::settings::HttpSettings;
use crate::domain::site::Site;
use crate::engine::handle::{Audience, Handle};
use crate::engine::ports::{
    AccountRow, Count, Field, NoField, RowChange, Store, Table, WriteEffect,
};
use crate::engine::run::{Parts, Running, handle, shared, spawn};
use crate::engine::stages::Stage;
use crate::engine::testing::dormitory;
use crate::store::memory::MemoryStore;

/// Nothing that is waited for may take longer.
const BOUND: Duration = Duration::from_secs(10);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(2);
const PASSWORD: &str = "demo";

static HASH: LazyLock<String> = LazyLock::new(|| hash_password(PASSWORD));

/// Account, name, role, recipient.
const ACCOUNTS: [(&str, &str, Role, Option<&str>); 9] = [
    ("op", "张伟", Role::Operator, None),
    ("lead", "周敏", Role::Supervisor, Some("duty-lead")),
    ("director", "陈建国", Role::Supervisor, Some("director")),
    ("post1", "刘洋", Role::Guard, Some("post1")),
    ("post2", "王强", Role::Guard, Some("post2")),
    ("view", "访客", Role::Viewer, None),
    ("school", "保卫处", Role::School, None),
    ("clerk", "客服", Role::Clerk, None),
    ("shift", "领班", Role::Foreman, Some("director")),
];

/// A dormitory with its HTTP server.
struct House {
    address: SocketAddr,
    handle: Handle,
    stop: CancellationToken,
    server: Option<JoinHandle<std::io::Result<()>>>,
    engine: Option<Running>,
}

impl House {
    async fn open() -> Self {
        Self::furnished(Box::new(MemoryStore::new("test"))).await
    }

    /// With accounts, and lines of the field that answer.
    async fn furnished(store: Box<dyn Store>) -> Self {
        let house = Self::with(store).await;
        house.until(|| house.handle.health().ready).await;
        for (id, name, role, recipient) in ACCOUNTS {
            house.account(id, name, role, recipient).await;
        }
        for bus in ["panel1", "io1"] {
            let up = Input::Link {
                bus: bus.into(),
                up: true,
                reason: String::new(),
            };
            house.submit(Actor::Field, up).await;
        }
        house
    }

    /// Serves at once, whether or not the journal can be opened.
    async fn with(store: Box<dyn Store>) -> Self {
        let site = Arc::new(dormitory());
        let shared = shared();
        let clock = Clock::default();
        let handle = handle(&shared, &clock);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let parts = parts(Arc::clone(&site), handle.clone(), stop.clone());
        let server = tokio::spawn(serve(listener, parts));
        let engine = spawn(Parts {
            site,
            config_version: "1".into(),
            store,
            spool: None,
            field: Arc::new(NoField),
            clock,
            shared,
        });
        Self {
            address,
            handle,
            stop,
            server: Some(server),
            engine: Some(engine.expect("a thread")),
        }
    }

    async fn account(&self, id: &str, name: &str, role: Role, recipient: Option<&str>) {
        let account = AccountRow {
            id: id.into(),
            name: name.to_owned(),
            role,
            recipient: recipient.map(Into::into),
            password_hash: HASH.clone(),
            disabled: false,
        };
        let row = RowChange {
            table: Table::Accounts,
            id: id.to_owned(),
            seq: 0,
            open: false,
            due: None,
            detail: Some(serde_json::to_string(&account).expect("a row")),
        };
        let subject = format!("account/{id}");
        let input = Input::PeopleChanged { subject };
        let answer = self.handle.submit_with(Actor::System, input, vec![row]);
        answer.await.expect("accepted");
    }

    async fn submit(&self, actor: Actor, input: Input) {
        let answer = self.handle.submit(actor, input).await;
        answer.expect("accepted");
    }

    async fn until(&self, is: impl Fn() -> bool) {
        let waiting = async {
            let mut looks = tokio::time::interval(LOOK);
            while !is() {
                looks.tick().await;
            }
        };
        let waited = tokio::time::timeout(BOUND, waiting).await;
        waited.expect("it happens in time");
    }

    fn fire(&self, point: &str) {
        let conditions = Conditions {
            fire: true,
            ..Conditions::default()
        };
        let reading = Reading::new(conditions, Quality::Good, self.handle.now().engine);
        self.handle.observe(&PointId::from(point), reading);
    }

    /// Fire at a detector with a post that is online; returns the incident and the order.
    async fn alarm(&self) -> (String, Value) {
        let input = Input::Presence {
            recipient: "post2".into(),
            online: true,
            via: crate::domain::order::Via::Mqtt,
        };
        self.submit(Actor::Recipient("post2".into()), input).await;
        self.fire("P1-015");
        self.until(|| self.document("order/post2/").is_some()).await;
        let order = self.document("order/post2/").expect("an order");
        let incident = order["incident"].as_str().expect("an id").to_owned();
        (incident, order)
    }

    /// The first document whose key starts like this.
    fn document(&self, key: &str) -> Option<Value> {
        let audience = Audience {
            role: Role::Operator,
            recipient: None,
        };
        let documents = self.handle.snapshot(&audience).by_key;
        let found = documents.iter().find(|(found, _)| found.starts_with(key));
        found.map(|(_, text)| serde_json::from_str(text).expect("a document"))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn browser(&self) -> Browser {
        Browser {
            client: Client::builder()
                .cookie_store(true)
                .timeout(BOUND)
                .build()
                .expect("a client"),
            root: self.url(""),
            csrf: None,
        }
    }

    async fn signed_on(&self, account: &str) -> Browser {
        let mut browser = self.browser();
        let response = browser.sign_on(account, PASSWORD).await;
        assert_eq!(response.status(), 200, "{account}");
        let me: Value = response.json().await.expect("me");
        browser.csrf = Some(me["csrf"].as_str().expect("a token").to_owned());
        browser
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
        self.handle.stop();
        if let Some(server) = self.server.take() {
            server.abort();
        }
        if let Some(engine) = self.engine.take() {
            engine.join();
        }
    }
}

fn parts(site: Arc<Site>, handle: Handle, stop: CancellationToken) -> HttpParts {
    HttpParts {
        site,
        plans: [("d1-2f.svg".to_owned(), "<svg/>".to_owned())].into(),
        settings: HttpSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            secure_cookies: false,
            step_up: Duration::from_secs(300),
        },
        mqtt_websocket_port: 8083,
        door: None,
        handle,
        field: Arc::new(Counted),
        stop,
    }
}

/// A field with two counts.
struct Counted;

impl Field for Counted {
    fn write(&self, _effect: WriteEffect) {}

    fn counts(&self) -> Vec<Count> {
        let of = |unit, count| Count {
            bus: "panel1".into(),
            unit,
            kind: "timeout".to_owned(),
            count,
        };
        vec![of(None, 3), of(Some(2), 1)]
    }
}

/// A browser with its cookies.
#[derive(Clone)]
struct Browser {
    client: Client,
    root: String,
    csrf: Option<String>,
}

impl Browser {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut headers = HeaderMap::new();
        if let Some(csrf) = &self.csrf {
            let csrf = HeaderValue::from_str(csrf).expect("a header");
            headers.insert("x-fengsui-csrf", csrf);
        }
        let request = self.client.request(method, format!("{}{path}", self.root));
        request.headers(headers)
    }

    async fn sign_on(&self, account: &str, password: &str) -> Response {
        let body = json!({ "account": account, "password": password });
        let request = self.request(Method::POST, "/api/v1/session").json(&body);
        request.send().await.expect("an answer")
    }

    async fn get(&self, path: &str) -> Response {
        let request = self.request(Method::GET, path);
        request.send().await.expect("an answer")
    }

    async fn post(&self, path: &str, body: &Value) -> Response {
        let request = self.request(Method::POST, path).json(body);
        request.send().await.expect("an answer")
    }

    async fn verb(&self, path: &str, key: &str, body: &Value) -> Response {
        let request = self.request(Method::POST, path).json(body);
        let request = request.header("idempotency-key", key);
        request.send().await.expect("an answer")
    }

    async fn state(&self) -> Value {
        let response = self.get("/api/v1/state").await;
        assert_eq!(response.status(), 200);
        response.json().await.expect("a snapshot")
    }

    async fn stream(&self, query: &str) -> Events {
        let request = self.request(Method::GET, &format!("/api/v1/stream{query}"));
        // Each event has its own bound; the whole has none that counts.
        let request = request.timeout(100 * BOUND);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(
            response.headers()["content-type"],
            "text/event-stream; charset=utf-8"
        );
        assert!(!response.headers().contains_key("content-encoding"));
        Events {
            bytes: response.bytes_stream().boxed(),
            read: Vec::new(),
        }
    }
}

/// One event of the stream.
#[derive(Debug)]
struct Event {
    name: String,
    id: Option<String>,
    data: String,
}

impl Event {
    fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("JSON")
    }
}

/// Reads events as the HTML standard says.
struct Events {
    bytes: BoxStream<'static, reqwest::Result<axum::body::Bytes>>,
    read: Vec<u8>,
}

impl Events {
    /// The next event, within the bound; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.read.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.read.drain(..end + 2).collect();
                return Some(parsed(std::str::from_utf8(&block).expect("a text")));
            }
            let bytes = tokio::time::timeout(BOUND, self.bytes.next()).await;
            self.read.extend(bytes.expect("in time")?.ok()?);
        }
    }

    /// The next event of this name.
    async fn named(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name {
                return event;
            }
        }
    }
}

fn parsed(block: &str) -> Event {
    let field = |name: &str| {
        let mut lines = block.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value.to_owned())
    };
    Event {
        name: field("event").expect("a name"),
        id: field("id"),
        data: field("data").expect("data"),
    }
}

/// A refusal with everything that a refusal must have.
async fn refused(response: Response, status: u16, code: &str) -> Value {
    assert_eq!(response.status().as_u16(), status, "{code}");
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(headers["cache-control"], "no-store");
    let problem: Value = response.json().await.expect("a problem");
    assert_eq!(problem["code"], code);
    assert_eq!(problem["status"], status);
    assert_eq!(problem["type"], "about:blank");
    assert!(problem["title"].as_str().is_some_and(|t| !t.is_empty()));
    for language in ["zh", "en"] {
        let detail = problem["detail"][language].as_str().expect("words");
        assert!(!detail.starts_with("code."), "{code} has no words");
    }
    problem
}
