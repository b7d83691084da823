//! The simulator's process: options in, one campus, a line with its addresses out.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum as _};
use fengsui_sim::bench::field::{BenchField, FieldOptions};
use fengsui_sim::bench::line::{BenchLine, LineOptions};
use fengsui_sim::bench::{self, Measured};
use fengsui_sim::campus::{self, CampusOptions, Running};
use fengsui_sim::guards::script;
use fengsui_sim::layout::Which;
use fengsui_sim::printer::{Form, PrinterSpec};
use fengsui_sim::scenario::Scenario;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Simulated panels, I/O modules and guards for Fengsui.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a campus: fire panels, I/O modules and a page to set them alight and to make them misbehave.
    Campus(CampusArguments),
    /// Runs units that answer by a panel map: any file of a site's `panels/`.
    Panel(PanelArguments),
    /// Runs many panels on sockets that answer every read after the same time, for measurements.
    Field(FieldArguments),
    /// Runs one serial line with its clock on a pseudo-terminal, for measurements.
    Line(LineArguments),
}

#[derive(Args)]
struct CampusArguments {
    /// Which campus stands here: lin, small, or the path of a layout file.
    #[arg(long, default_value = "lin")]
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
    /// A panel that prints beside its line, as PANEL=FORM[@BAUD]: panel1=gst9000@2400. Its line is linked as printer-PANEL.tty.
    #[arg(long = "printer", value_parser = printer)]
    printers: Vec<PrinterSpec>,
    /// How many times faster than real time the campus lives.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// A TOML file of what happens by itself, and when.
    #[arg(long)]
    scenario: Option<PathBuf>,
    /// The broker for simulated guards.
    #[arg(long, requires = "guards")]
    mqtt: Option<SocketAddr>,
    /// A TOML file that lists them: `[[guard]]` with recipient, token and what they answer by themselves.
    #[arg(long, requires = "mqtt")]
    guards: Option<PathBuf>,
}

#[derive(Args)]
struct PanelArguments {
    /// The map: a register profile such as config/panels/honeywell_clss.toml.
    #[arg(long)]
    profile: PathBuf,
    /// Where it listens (Modbus TCP).
    #[arg(long, default_value = "127.0.0.1:1502")]
    listen: SocketAddr,
    /// Unit identifiers that answer, each with points of its own: 1,2,5.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    units: Vec<u8>,
    /// The control API and its page; loopback only, it knows no passwords.
    #[arg(long, default_value = "127.0.0.1:9100")]
    control: SocketAddr,
}

#[derive(Args)]
struct FieldArguments {
    /// So many servers of Modbus TCP.
    #[arg(long, default_value_t = 1)]
    tcp: u16,
    /// The port of the first server, the others follow; 0 for free ones.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// From a request to its reply, in milliseconds.
    #[arg(long, default_value_t = 5.0)]
    delay_ms: f64,
    /// The server, from 0 on, that accepts and never answers.
    #[arg(long)]
    dead: Option<u16>,
    /// `GET /report`, `POST /reset`, `POST /registers/{server}/{address}/{value}`.
    #[arg(long, default_value = "127.0.0.1:0")]
    control: SocketAddr,
}

#[derive(Args)]
struct LineArguments {
    /// Bits per second, with characters of ten bits (8N1).
    #[arg(long, default_value_t = 9_600)]
    baud: u32,
    /// Units 1 to this answer.
    #[arg(long, default_value_t = 4)]
    units: u8,
    /// A unit that never answers; may be repeated.
    #[arg(long)]
    dead: Vec<u8>,
    /// From the end of a request to the reply, in milliseconds; 3.5 characters when nothing is said.
    #[arg(long)]
    turn_ms: Option<f64>,
    /// A path that leads to the pseudo-terminal.
    #[arg(long)]
    link: Option<PathBuf>,
    /// `GET /report`, `POST /reset`, `POST /registers/{unit}/{address}/{value}`.
    #[arg(long, default_value = "127.0.0.1:0")]
    control: SocketAddr,
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
    match Arguments::parse().command {
        Command::Campus(asked) => campus(asked).await,
        Command::Panel(asked) => panel(asked).await,
        Command::Field(asked) => field(asked).await,
        Command::Line(asked) => line(asked).await,
    }
}

async fn campus(asked: CampusArguments) -> anyhow::Result<()> {
    let guards = asked
        .guards
        .map(|path| script::read(&path).with_context(|| format!("guards file {}", path.display())));
    let guards = guards.transpose()?;
    let scenario = asked
        .scenario
        .map(|path| read_scenario(&path))
        .transpose()?;
    let mut running = campus::start(CampusOptions {
        layout: asked.layout,
        lines: [("panel1", asked.panel), ("io1", asked.io)]
            .into_iter()
            .filter_map(|(id, address)| Some((id.to_owned(), address?)))
            .collect(),
        free: asked.free,
        printers: asked
            .printers
            .into_iter()
            .map(|spec| PrinterSpec {
                link: Some(asked.serial.join(format!("printer-{}.tty", spec.panel))),
                ..spec
            })
            .collect(),
        serial: Some(asked.serial),
        control: asked.control,
        speed: asked.speed,
    })
    .await
    .context("the campus cannot start")?;
    if let Some((broker, guards)) = asked.mqtt.zip(guards) {
        running.start_guards(broker, guards);
    }
    if let Some(scenario) = scenario {
        let played = running.campus.play(scenario);
        played.map_err(|why| anyhow::anyhow!("the scenario cannot run: {why:?}"))?;
    }
    run(running).await
}

async fn panel(asked: PanelArguments) -> anyhow::Result<()> {
    let running = campus::start(CampusOptions {
        layout: Which::Mapped {
            map: asked.profile,
            units: asked.units,
        },
        lines: [("panel".to_owned(), asked.listen)].into(),
        control: asked.control,
        ..CampusOptions::default()
    });
    run(running.await.context("the panel cannot start")?).await
}

/// Says where everything listens, and runs it until it is told to stop.
async fn run(mut running: Running) -> anyhow::Result<()> {
    say(&serde_json::to_value(&running.addresses)?)?;
    tokio::select! {
        stopped = signal() => stopped?,
        () = running.ended() => anyhow::bail!("a part of the campus ended by itself"),
    }
    running.stop().await;
    Ok(())
}

/// `panel1=gst9000@2400`
fn printer(text: &str) -> Result<PrinterSpec, String> {
    let asked = text.split_once('=');
    let (panel, form) = asked.ok_or("write PANEL=FORM, for example panel1=gst9000")?;
    let (form, baud) = form.split_once('@').unwrap_or((form, "2400"));
    Ok(PrinterSpec {
        panel: panel.to_owned(),
        form: Form::from_str(form, true)?,
        baud: baud.parse().map_err(|_| format!("{baud} is no speed"))?,
        link: None,
    })
}

fn read_scenario(path: &std::path::Path) -> anyhow::Result<Scenario> {
    let place = || format!("scenario file {}", path.display());
    let text = std::fs::read_to_string(path).with_context(place)?;
    Scenario::parse(&text)
        .map_err(anyhow::Error::msg)
        .with_context(place)
}

async fn field(asked: FieldArguments) -> anyhow::Result<()> {
    let options = FieldOptions {
        servers: asked.tcp,
        port: asked.port,
        delay: Duration::try_from_secs_f64(asked.delay_ms / 1000.0).context("--delay-ms")?,
        dead: asked.dead,
    };
    let (field, addresses) = BenchField::start(&options).context("the field cannot start")?;
    measured(asked.control, field, json!({ "servers": addresses })).await
}

async fn line(asked: LineArguments) -> anyhow::Result<()> {
    let turn_round = asked.turn_ms;
    let turn_round = turn_round.map(|ms| Duration::try_from_secs_f64(ms / 1000.0));
    let options = LineOptions {
        baud: asked.baud,
        units: asked.units,
        dead: asked.dead,
        turn_round: turn_round.transpose().context("--turn-ms")?,
        link: asked.link,
    };
    let (line, path) = BenchLine::start(&options).context("the line cannot start")?;
    measured(asked.control, line, json!({ "path": path })).await
}

async fn measured(
    control: SocketAddr,
    measured: impl Measured,
    mut said: Value,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(control).await.context("--control")?;
    said["control"] = json!(listener.local_addr()?);
    say(&said)?;
    tokio::select! {
        stopped = signal() => stopped?,
        served = bench::serve(listener, measured) => served?,
    }
    Ok(())
}

/// Whoever started us waits for this one line.
fn say(line: &Value) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

/// Returns on Ctrl-C or SIGTERM.
async fn signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped,
        _ = terminate.recv() => Ok(()),
    }
}
