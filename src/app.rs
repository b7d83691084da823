//! The composition root: the only file that knows every part.
//!
//! Threads (ARCHITECTURE.md, "Threads"): the engine and its committer have their own; the field's buses share one runtime, so
//! that no page can hold up a poll; HTTP, the stream, the MQTT link and the broker inside share a second one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cli::{journal_file, spool_file};
use crate::clock::Clock;
use crate::config::Configuration;
use crate::domain::settings::{Broker, Settings};
use crate::engine::handle::Handle;
use crate::engine::ports::Field;
use crate::engine::run::{self, Parts, Running};
use crate::http::{self, HttpParts};
use crate::mqtt::{self, MqttAddresses, MqttParts};
use crate::store::sqlite::SqliteStore;
use crate::{engine, field, service};

/// Longest wait for tasks to end after the engine has ended.
const STOP_WITHIN: Duration = Duration::from_secs(5);
/// Workers of each runtime: the machine of a control room has few cores, and both runtimes mostly wait.
const WORKERS: usize = 2;

/// Where the daemon really listens.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// HTTP.
    pub http: SocketAddr,
    /// The broker inside, if there is one.
    pub mqtt: MqttAddresses,
}

/// The tasks of the field. They end before the engine does, so that a write in flight still tells its result.
#[derive(Default)]
struct Buses {
    stop: CancellationToken,
    tracker: TaskTracker,
}

/// A running daemon.
pub struct App {
    handle: Handle,
    engine: Running,
    addresses: Addresses,
    clock: Clock,
    stop: CancellationToken,
    tracker: TaskTracker,
    buses: Buses,
    field_runtime: Runtime,
    people_runtime: Runtime,
}

impl App {
    /// Starts every part. Nothing listens and nothing is written to the field before the configuration is valid, which the
    /// caller has seen to.
    ///
    /// # Errors
    /// The operating system gives no thread or no address to listen on. A missing panel, broker or journal is no error: the
    /// daemon says so and waits for it.
    pub fn start(configuration: Configuration) -> std::io::Result<Self> {
        let Configuration {
            site,
            profiles,
            settings,
            plans,
            version,
        } = configuration;
        let site = Arc::new(site);
        let clock = Clock::default();
        let shared = run::shared();
        let handle = engine::run::handle(&shared, &clock);
        let stop = CancellationToken::new();
        let (tracker, buses) = (TaskTracker::new(), Buses::default());
        let field_runtime = runtime("field")?;
        let people_runtime = runtime("people")?;

        let listener = people_runtime.block_on(TcpListener::bind(settings.http.listen))?;
        let listening = listener.local_addr()?;
        let field: Arc<dyn Field> = {
            let _inside = field_runtime.enter();
            field::start(
                Arc::clone(&site),
                &profiles,
                handle.clone(),
                buses.stop.clone(),
                &buses.tracker,
            )
        };
        let engine = run::spawn(Parts {
            site: Arc::clone(&site),
            config_version: version,
            store: Box::new(SqliteStore::new(&journal_file(&settings.data))?),
            spool: Some(spool_file(&settings.data)),
            field: Arc::clone(&field),
            clock: clock.clone(),
            shared,
        })?;
        let mqtt = people_runtime.block_on(mqtt::start(MqttParts {
            site: Arc::clone(&site),
            settings: settings.mqtt.clone(),
            handle: handle.clone(),
            stop: stop.clone(),
            tracker: tracker.clone(),
        }))?;
        let parts = HttpParts {
            site,
            plans,
            mqtt_websocket_port: websocket_port(&settings, &mqtt),
            door: Some(settings.data.join(http::door::FILE)),
            settings: settings.http,
            handle: handle.clone(),
            field,
            stop: stop.clone(),
        };
        tracker.spawn_on(serve(listener, parts), people_runtime.handle());
        let watch = service::watch(handle.clone(), stop.clone());
        tracker.spawn_on(watch, people_runtime.handle());
        Ok(Self {
            handle,
            engine,
            addresses: Addresses {
                http: listening,
                mqtt,
            },
            clock,
            stop,
            tracker,
            buses,
            field_runtime,
            people_runtime,
        })
    }

    /// Where the daemon listens.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The engine's handle, for tests.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Both clocks, for tests.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Runs until SIGTERM or SIGINT.
    pub fn run_until_told(self) {
        service::ready();
        self.people_runtime.block_on(told_to_stop());
        service::stopping();
        tracing::info!("stopping");
        self.stop();
    }

    /// Ends the buses with the write that they are in, then the engine with what waits, then the rest.
    pub fn stop(self) {
        let Self {
            handle,
            engine,
            stop,
            tracker,
            buses,
            field_runtime,
            people_runtime,
            ..
        } = self;
        buses.stop.cancel();
        ended(&field_runtime, &buses.tracker, "buses");
        handle.stop();
        engine.join();
        stop.cancel();
        ended(&people_runtime, &tracker, "pages and orders");
        field_runtime.shutdown_timeout(STOP_WITHIN);
        people_runtime.shutdown_timeout(STOP_WITHIN);
    }
}

/// Waits for tasks to end, within a bound.
fn ended(runtime: &Runtime, tracker: &TaskTracker, what: &str) {
    tracker.close();
    let waiting = async { tokio::time::timeout(STOP_WITHIN, tracker.wait()).await };
    if runtime.block_on(waiting).is_err() {
        tracing::warn!(
            what,
            tasks = tracker.len(),
            "some tasks did not end in time"
        );
    }
}

fn runtime(name: &'static str) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name(name)
        .enable_all()
        .build()
}

async fn serve(listener: TcpListener, parts: HttpParts) {
    if let Err(error) = http::serve(listener, parts).await {
        tracing::error!(%error, "HTTP has ended; no page can be opened until a restart");
    }
}

/// The port that the guard page is told: the broker's own where it is inside.
fn websocket_port(settings: &Settings, mqtt: &MqttAddresses) -> u16 {
    let inside = mqtt.websocket.map(|address| address.port());
    match &settings.mqtt.broker {
        Broker::Embedded { websocket, .. } => inside.unwrap_or(websocket.port()),
        Broker::External { .. } | Broker::None => settings.mqtt.websocket_port,
    }
}

async fn told_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        tracing::error!("signals cannot be caught; stop the daemon with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
