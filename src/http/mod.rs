//! The HTTP adapter: sessions of people, view documents and their stream, verbs, replies, the embedded pages.
//!
//! It owns connections, cookies and problem details. It must never hold procedure logic: who may do what, and when, is decided
//! by the engine, whose refusals pass through unchanged. Everything that waits or grows here has a named bound.

mod assets;
mod auth;
mod changes;
mod connection;
mod device;
pub mod door;
mod extract;
mod first;
mod glance;
mod health;
mod html;
mod json;
mod live;
mod openapi;
mod orders;
mod pages;
pub mod password;
mod plain;
mod problem;
mod record;
mod reports;
mod secret;
mod session;
mod state;
mod stream;
mod token;
mod verbs;

#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::actor::Actor;
use crate::domain::input::Input;
use crate::domain::settings::HttpSettings;
use crate::domain::site::Site;
use crate::engine::handle::Handle;
use crate::engine::ports::{Done, Field, RowChange};
use auth::Tries;
use changes::Changes;
use connection::{Bounded, Peer};
use health::Counters;
use live::Values;
use pages::Pages;
use password::Passwords;
use problem::Failure;

/// Largest request body.
const BODY_MAX: usize = 1024 * 1024;
/// Longest time for a request; the stream alone lives longer.
const REQUEST_MAX: Duration = Duration::from_secs(15);
/// How long a caller waits for its commit before it is told that nothing is recorded yet; the pages give up after 5 s.
const COMMIT_WAIT: Duration = Duration::from_secs(4);
/// How long open connections may take to end when the daemon stops.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// Pages may load nothing from elsewhere; WebSockets are for the guard page's broker link.
const CONTENT_POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; \
    style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; frame-ancestors 'none'";

/// What the adapter needs.
pub struct HttpParts {
    /// The site's files.
    pub site: Arc<Site>,
    /// Sanitised SVG by file name.
    pub plans: BTreeMap<String, String>,
    /// Its slice of the settings.
    pub settings: HttpSettings,
    /// What the guard page is told of the broker.
    pub mqtt_websocket_port: u16,
    /// Where the socket for the command line is made, if anywhere.
    pub door: Option<PathBuf>,
    /// The engine.
    pub handle: Handle,
    /// The lines of the field, for their counts.
    pub field: Arc<dyn Field>,
    /// Ends the server.
    pub stop: CancellationToken,
}

/// What every handler may use.
struct Served {
    site: Arc<Site>,
    plans: BTreeMap<String, String>,
    secure_cookies: bool,
    step_up: Duration,
    mqtt_websocket_port: u16,
    handle: Handle,
    field: Arc<dyn Field>,
    stop: CancellationToken,
    changes: Changes,
    values: Values,
    pages: Arc<Pages>,
    passwords: Passwords,
    tries: Tries,
    counters: Counters,
    build: String,
}

impl Served {
    fn new(parts: HttpParts) -> std::io::Result<Self> {
        Ok(Self {
            site: parts.site,
            plans: parts.plans,
            secure_cookies: parts.settings.secure_cookies,
            step_up: parts.settings.step_up,
            mqtt_websocket_port: parts.mqtt_websocket_port,
            handle: parts.handle,
            field: parts.field,
            stop: parts.stop,
            changes: Changes::default(),
            values: Values::default(),
            pages: Arc::default(),
            passwords: Passwords::start()?,
            tries: Tries::default(),
            counters: Counters::default(),
            build: assets::build(),
        })
    }

    /// Puts an input in and waits for its commit, within a bound.
    async fn submit(
        &self,
        actor: Actor,
        input: Input,
        people: Vec<RowChange>,
    ) -> Result<Done, Failure> {
        let answer = self.handle.submit_with(actor, input, people);
        match tokio::time::timeout(COMMIT_WAIT, answer).await {
            Ok(answer) => answer.map_err(|problem| Failure::told(self, problem)),
            Err(_elapsed) => Err(Failure::new(503, "not_recorded")),
        }
    }
}

/// Serves until `parts.stop` is cancelled.
///
/// # Errors
/// The operating system gives no thread for passwords.
pub async fn serve(listener: TcpListener, parts: HttpParts) -> std::io::Result<()> {
    let (stop, door) = (parts.stop.clone(), parts.door.clone());
    // Subscribed before anything is served, so that no change is missed.
    let changes = parts.handle.changes();
    let served = Arc::new(Served::new(parts)?);
    let service = router(Arc::clone(&served)).into_make_service_with_connect_info::<Peer>();
    let server = axum::serve(Bounded::new(listener), service)
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_GRACE).await;
    };
    let beside = async {
        let following = served.changes.follow(changes, &served.handle);
        let door = door::answer(Arc::clone(&served), door);
        // Following ends with the engine; the door stays open until the daemon stops.
        tokio::join!(following, door, first::say_when_nobody(&served));
    };
    tokio::select! {
        ended = server => ended,
        () = late => {
            tracing::warn!("connections were still open when the HTTP server ended");
            Ok(())
        }
        () = beside => Ok(()),
        () = served.pages.tell(&served.handle) => Ok(()),
        never = served.values.tell(&served.handle) => match never {},
    }
}

fn router(served: Arc<Served>) -> Router {
    let (routes, _description) = described().split_for_parts();
    let all = routes
        .method_not_allowed_fallback(problem::method_unknown)
        .fallback(assets::page)
        .with_state(Arc::clone(&served));
    guarded(all).layer(middleware::map_response_with_state(served, counted))
}

async fn counted(State(served): State<Arc<Served>>, response: Response) -> Response {
    served.counters.answered(&response);
    response
}

/// Every route with its description: what is served is what is described.
fn described() -> OpenApiRouter<Arc<Served>> {
    let api = OpenApiRouter::new()
        .routes(routes!(session::sign_on, session::sign_off))
        .routes(routes!(session::me))
        .routes(routes!(session::proof))
        .routes(routes!(state::state))
        .routes(routes!(state::status))
        .routes(routes!(record::record))
        .routes(routes!(verbs::incident))
        .routes(routes!(verbs::site))
        .routes(routes!(verbs::output))
        .routes(routes!(orders::reply))
        .routes(routes!(reports::report))
        .routes(routes!(device::issue))
        .routes(routes!(assets::plan))
        .routes(routes!(openapi::document))
        .layer(middleware::from_fn(in_time))
        .routes(routes!(stream::stream));
    OpenApiRouter::with_openapi(openapi::head())
        .nest("/api/v1", api)
        .merge(without_scripts())
        .routes(routes!(openapi::page))
        .routes(routes!(health::healthz))
        .routes(routes!(health::metrics))
}

/// The pages that need no scripts.
fn without_scripts() -> OpenApiRouter<Arc<Served>> {
    OpenApiRouter::new()
        .routes(routes!(plain::overview))
        .routes(routes!(plain::verb))
        .routes(routes!(plain::sign_on))
        .routes(routes!(plain::sign_off))
        .routes(routes!(plain::act))
        .layer(middleware::from_fn(in_time))
}

/// What holds for every answer, whatever the route.
fn guarded(router: Router) -> Router {
    router
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::map_response(secured))
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_MAX, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => Failure::new(503, "too_slow").into_response(),
    }
}

fn panicked(_panic: Box<dyn Any + Send + 'static>) -> Response {
    // The panic hook has logged it; the connection and every other request go on.
    Failure::new(500, "internal").into_response()
}

async fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // A state that a cache answers would be an old one shown as the present.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The address of the caller.
fn address(ConnectInfo(Peer(address)): &ConnectInfo<Peer>) -> SocketAddr {
    *address
}
