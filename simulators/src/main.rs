//! The simulator's process: options in, one campus, a line with its addresses out.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use fengsui_sim::campus::{self, CampusOptions};
use fengsui_sim::guards::script;
use fengsui_sim::layout::Which;

/// Simulated panels, I/O modules and guards for Fengsui.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the demo campus: fire panels, I/O modules and a page to set them alight.
    Campus {
        /// Which campus stands here.
        #[arg(long, value_enum, default_value_t = Which::Lin)]
        layout: Which,
        /// The control API and its page; loopback only, it knows no passwords.
        #[arg(long, default_value = "127.0.0.1:9100")]
        control: SocketAddr,
        /// The line panel1 (Modbus TCP); where the layout says when nothing is said.
        #[arg(long)]
        panel: Option<SocketAddr>,
        /// The line io1 (Modbus TCP); where the layout says when nothing is said.
        #[arg(long)]
        io: Option<SocketAddr>,
        /// Every other line on a free port.
        #[arg(long)]
        free: bool,
        /// The folder in which serial lines are linked.
        #[arg(long, default_value = "/tmp/fengsui-demo")]
        serial: PathBuf,
        /// How many times faster than real time the campus lives.
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
        /// The broker for simulated guards.
        #[arg(long, requires = "guards")]
        mqtt: Option<SocketAddr>,
        /// A TOML file that lists them: `[[guard]]` with recipient, token and what they answer by themselves.
        #[arg(long, requires = "mqtt")]
        guards: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::builder()
                .with_default_directive(tracing::Level::INFO.into())
                .from_env_lossy(),
        )
        .init();
    let Command::Campus {
        layout,
        control,
        panel,
        io,
        free,
        serial,
        speed,
        mqtt,
        guards,
    } = Arguments::parse().command;
    let guards = guards
        .map(|path| script::read(&path).with_context(|| format!("guards file {}", path.display())))
        .transpose()?;
    let mut running = campus::start(CampusOptions {
        layout,
        lines: [("panel1", panel), ("io1", io)]
            .into_iter()
            .filter_map(|(id, address)| Some((id.to_owned(), address?)))
            .collect(),
        free,
        serial: Some(serial),
        control,
        speed,
    })
    .await
    .context("the campus cannot start")?;
    if let Some((broker, guards)) = mqtt.zip(guards) {
        running.start_guards(broker, guards);
    }
    // Whoever started us waits for this one line.
    writeln!(
        std::io::stdout(),
        "{}",
        serde_json::to_string(&running.addresses)?
    )?;
    tokio::select! {
        stopped = signal() => stopped?,
        () = running.ended() => anyhow::bail!("a part of the campus ended by itself"),
    }
    running.stop().await;
    Ok(())
}

/// Returns on Ctrl-C or SIGTERM.
async fn signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped,
        _ = terminate.recv() => Ok(()),
    }
}
