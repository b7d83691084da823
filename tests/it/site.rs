//! A site for tests: the small campus of `tests/campus` on free ports, the simulated campus in this process, the daemon as a process of
//! its own, and people who press and answer.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fengsui::app::App;
use fengsui_sim::campus::{self, CampusOptions};
use fengsui_sim::guards::script::{GuardSpec, Script, Token};
use fengsui_sim::layout::Which;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest wait for anything that must happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The small campus of the tests.
const SMALL: &str = "tests/campus";

/// Where the shipped files look for each line of the field.
const LINES: [(&str, &str); 9] = [
    ("panel1", "127.0.0.1:15020"),
    ("panel2", "127.0.0.1:15022"),
    ("panel3", "/tmp/fengsui-demo/panel3.tty"),
    ("panel4", "127.0.0.1:15028"),
    ("gas1", "127.0.0.1:15026"),
    ("io1", "127.0.0.1:15021"),
    ("io2", "127.0.0.1:15023"),
    ("io3", "127.0.0.1:15024"),
    ("io4", "127.0.0.1:15025"),
];

/// Accounts: account, name, role, recipient.
const ACCOUNTS: [(&str, &str, &str, Option<&str>); 4] = [
    ("operator", "张伟", "operator", None),
    ("leader", "周敏", "supervisor", Some("duty-lead")),
    ("viewer", "访客", "viewer", None),
    ("post2", "王强", "guard", Some("post2")),
];

/// Recipients that the simulator can play.
pub(crate) const RECIPIENTS: [&str; 7] = [
    "post1",
    "post2",
    "post3",
    "duty-lead",
    "director",
    "warden",
    "chief-eng",
];

/// A data folder with accounts and device tokens, made once by the program itself and copied for every site.
static PEOPLE: OnceLock<(TempDir, BTreeMap<&str, String>)> = OnceLock::new();

/// Whoever is signed on.
pub(crate) struct Person {
    client: reqwest::Client,
    http: String,
    csrf: String,
}

/// The whole of a small campus.
pub(crate) struct TestSite {
    folder: TempDir,
    /// The simulated field.
    pub(crate) campus: campus::Running,
    daemon: Option<Child>,
    /// `http://host:port` of the daemon.
    pub(crate) http: String,
    /// `host:port` of the broker inside.
    pub(crate) mqtt: String,
    environment: Vec<(String, String)>,
    /// The data folder is a disk of its own with so many MiB, mounted for the daemon alone.
    disk_mib: Option<u32>,
    logs: bool,
    client: reqwest::Client,
}

impl TestSite {
    /// A site whose outputs act `speed` times as fast as real ones, with the daemon running and its field read.
    pub(crate) async fn start(speed: f64) -> Self {
        let mut site = Self::prepare(speed).await;
        site.run();
        site.ready().await;
        site
    }

    /// As [`TestSite::start`], on the whole shipped campus with its serial line.
    pub(crate) async fn start_whole(speed: f64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = CampusOptions {
            layout: Which::Lin,
            serial: Some(folder.path().join("lines")),
            speed,
            ..CampusOptions::default()
        };
        let mut site = Self::on(folder, options).await;
        site.write_config("config");
        site.run();
        site.ready().await;
        site
    }

    /// As [`TestSite::start`], before the daemon is started.
    pub(crate) async fn prepare(speed: f64) -> Self {
        let options = CampusOptions {
            speed,
            ..CampusOptions::default()
        };
        let folder = tempfile::tempdir().expect("a folder");
        let site = Self::on(folder, options).await;
        site.write_config(SMALL);
        site
    }

    /// As [`TestSite::prepare`], with a campus of one's own.
    pub(crate) async fn prepare_with(options: CampusOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let site = Self::on(folder, options).await;
        site.write_config(SMALL);
        site
    }

    /// A site of its own, before the daemon is started: the simulator plays `layout`, and `write` makes the files of the small campus
    /// into those of this one, with where each line is.
    pub(crate) async fn generated(
        layout: &str,
        write: impl FnOnce(&Path, &BTreeMap<String, String>),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("layout.toml");
        std::fs::write(&path, layout).expect("written");
        let options = CampusOptions {
            layout: Which::File(path),
            serial: Some(folder.path().join("lines")),
            ..CampusOptions::default()
        };
        let site = Self::on(folder, options).await;
        copy(&of_this_tree(SMALL), &site.config());
        site.free_ports();
        write(&site.config(), &site.campus.addresses.lines);
        site
    }

    async fn on(folder: TempDir, options: CampusOptions) -> Self {
        let campus = campus::start(options).await.expect("the campus starts");
        let mut site = Self {
            folder,
            campus,
            daemon: None,
            http: String::new(),
            mqtt: String::new(),
            environment: Vec::new(),
            disk_mib: None,
            logs: false,
            client: reqwest::Client::new(),
        };
        let crash = site.crash_file().display().to_string();
        site.set("FENGSUI_CRASH_FILE", &crash);
        let (people, _) = PEOPLE.get_or_init(people);
        copy(people.path(), &site.data());
        site
    }

    /// Sends the simulator's guards to the broker inside, each with a script.
    pub(crate) fn send_guards(&mut self, scripts: &[(&str, Script)]) {
        let (_, tokens) = PEOPLE.get_or_init(people);
        let guard = |(recipient, script): &(&str, Script)| GuardSpec {
            recipient: (*recipient).to_owned(),
            token: Token(tokens[recipient].clone()),
            script: script.clone(),
        };
        let guards = scripts.iter().map(guard).collect();
        let broker = self.mqtt.parse().expect("the broker's address");
        self.campus.start_guards(broker, guards);
    }

    /// The folder of the journal.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder of the site's files.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    fn crash_file(&self) -> PathBuf {
        self.folder.path().join("crash")
    }

    /// Has the daemon end itself at the n-th time from now on that a place is reached.
    pub(crate) fn crash_at(&self, place: &str, n: usize) {
        let path = self.crash_file();
        let new = path.with_extension("new");
        std::fs::write(&new, format!("{place}:{n}")).expect("written");
        std::fs::rename(new, path).expect("renamed");
    }

    /// Starts the daemon again when it has ended, without a crash to come. Returns whether it had ended.
    pub(crate) fn revive(&mut self) -> bool {
        let child = self.daemon.as_mut().expect("a daemon");
        if child.try_wait().expect("a child").is_none() {
            return false;
        }
        // It may not be there: the daemon was killed from outside.
        let _ = std::fs::remove_file(self.crash_file());
        self.run();
        true
    }

    /// Starts the daemon again after a kill, with the crash that was asked for still to come.
    pub(crate) async fn restart_until_crash(&mut self) {
        let mut child = self.daemon.take().expect("a daemon");
        until("the daemon's end", async || {
            child.try_wait().expect("a child")
        })
        .await;
        self.run();
    }

    /// Waits for the end of a daemon that was killed.
    pub(crate) async fn gone(&mut self) {
        let mut child = self.daemon.take().expect("a daemon");
        until("the daemon's end", async || {
            child.try_wait().expect("a child")
        })
        .await;
    }

    /// The process, to be killed at a moment of one's own.
    pub(crate) fn process(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.daemon.as_ref().expect("a daemon"))
    }

    /// Sets a variable for the daemons that are started from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Replaces text in one of the site's files.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.config().join(file);
        let text = std::fs::read_to_string(&path).expect("a file of the site");
        assert!(text.contains(from), "{file} has no {from:?}");
        std::fs::write(&path, text.replace(from, to)).expect("written");
    }

    fn write_config(&self, files: &str) {
        copy(&of_this_tree(files), &self.config());
        for (line, address) in &self.campus.addresses.lines {
            let shipped = LINES.iter().find(|(id, _)| id == line);
            let (_, shipped) = shipped.expect("a line of the shipped files");
            self.edit("site.toml", shipped, address);
        }
        self.free_ports();
    }

    fn free_ports(&self) {
        for port in ["127.0.0.1:8080", "127.0.0.1:1883", "127.0.0.1:8083"] {
            self.edit("fengsui.toml", port, "127.0.0.1:0");
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        command(&self.config(), &self.data(), arguments)
    }

    /// Gives the daemon that is started next a disk of its own for its data, which can then be filled.
    pub(crate) fn set_disk(&mut self, mib: u32) {
        self.disk_mib = Some(mib);
    }

    /// The data folder as the running daemon sees it.
    pub(crate) fn data_inside(&self) -> PathBuf {
        let root = format!("/proc/{}/root", self.process().as_raw_nonzero());
        let data = self.data();
        Path::new(&root).join(data.strip_prefix("/").expect("an absolute path"))
    }

    /// `fengsui run`, behind a mount namespace of its own where the data folder is a small disk.
    fn daemon(&self) -> Command {
        let run = self.command(&["run"]);
        let Some(mib) = self.disk_mib else {
            return run;
        };
        let script = "cp -a $1 $1.before && mount -t tmpfs -o size=$2m tmpfs $1 && cp -a $1.before/. $1 && shift 2 && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-ec",
            script,
            "sh",
        ]);
        command.arg(self.data()).arg(mib.to_string());
        command.arg(run.get_program()).args(run.get_args());
        command.envs(
            run.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        command
    }

    /// `fengsui check`: its exit code and what it printed.
    pub(crate) fn check(&self) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fengsui"));
        command.arg("check").arg("--config").arg(self.config());
        ended(command)
    }

    /// Runs a command of the program to its end: its exit code and what it printed.
    pub(crate) fn tool(&self, arguments: &[&str]) -> (i32, String) {
        ended(self.command(arguments))
    }

    /// As [`TestSite::tool`], for a command that asks a running daemon and reads no files of the site.
    pub(crate) fn bare(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fengsui"));
        command.args(["--log", "warn"]).args(arguments);
        ended(command)
    }

    /// A file with a secret in it, outside the data folder.
    pub(crate) fn secret(&self, text: &str) -> String {
        let path = self.folder.path().join("secret");
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }

    /// Starts the daemon and learns where it listens; later starts listen there again.
    pub(crate) fn run(&mut self) {
        let mut command = self.daemon();
        if self.logs {
            let log = std::fs::File::create(self.log_file()).expect("a file");
            command.stderr(log);
        }
        let mut child = command
            .envs(self.environment.iter().cloned())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = child.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it says where it listens");
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let at = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        self.http = format!("http://{}", at("http"));
        self.mqtt = at("mqtt");
        let again = [("http", 0), ("mqtt", 1), ("websocket", 2)];
        let text = std::fs::read_to_string(self.config().join("fengsui.toml")).expect("a file");
        let mut parts: Vec<&str> = text.splitn(4, "127.0.0.1:0").collect();
        if parts.len() == 4 {
            let (http, mqtt, websocket) = (at(again[0].0), at(again[1].0), at(again[2].0));
            let last = parts.pop().unwrap_or_default();
            let text = [parts[0], &http, parts[1], &mqtt, parts[2], &websocket, last].concat();
            std::fs::write(self.config().join("fengsui.toml"), text).expect("written");
        }
        self.daemon = Some(child);
    }

    /// Runs the daemon inside this process; the caller stops it.
    pub(crate) async fn run_inside(&mut self) -> App {
        let (config, data) = (self.config(), self.data());
        let started = tokio::task::spawn_blocking(move || {
            let Ok(mut configuration) = fengsui::config::load(&config) else {
                panic!("the configuration is wrong: see fengsui check");
            };
            configuration.settings.data = data;
            App::start(configuration).expect("it starts")
        });
        let app = started.await.expect("it starts");
        self.http = format!("http://{}", app.addresses().http);
        app
    }

    /// Waits until the journal is loaded and both lines are read.
    pub(crate) async fn ready(&self) {
        self.status_until("ready", |status| {
            status["ready"] == true
                && status["links"]["up"] == status["links"]["total"]
                && status["broker_up"] == true
        })
        .await;
    }

    /// The daemon's own words of itself, once they satisfy `is`.
    pub(crate) async fn status_until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let url = format!("{}/api/v1/status", self.http);
        until(what, async || {
            let status: Value = self.client.get(&url).send().await.ok()?.json().await.ok()?;
            is(&status).then_some(status)
        })
        .await
    }

    /// The text of `/metrics`.
    pub(crate) async fn metrics(&self) -> String {
        let url = format!("{}/metrics", self.http);
        let answer = self.client.get(&url).send().await.expect("an answer");
        answer.text().await.expect("text")
    }

    /// Keeps the log of the daemons that are started from now on, down to traces.
    pub(crate) fn log_everything(&mut self) {
        self.logs = true;
        self.set("FENGSUI_LOG", "debug,fengsui=trace");
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The token of a recipient's device.
    #[expect(clippy::unused_self, reason = "all sites have the same people")]
    pub(crate) fn token(&self, recipient: &str) -> String {
        let (_, tokens) = PEOPLE.get_or_init(people);
        tokens[recipient].clone()
    }

    /// SIGTERM; the daemon must end by itself and well.
    pub(crate) async fn stop(&mut self) {
        let pid = self.process();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
        self.ended_well().await;
    }

    /// The daemon, that was told to stop, ends well.
    pub(crate) async fn ended_well(&mut self) {
        let mut child = self.daemon.take().expect("a daemon");
        let status = until("the daemon's end", async || {
            child.try_wait().expect("a child")
        })
        .await;
        assert!(status.success(), "{status}");
    }

    /// Signs somebody on once the journal is loaded.
    pub(crate) async fn sign_on_when_ready(&self, account: &str) -> Person {
        self.status_until("ready", |status| status["ready"] == true)
            .await;
        self.sign_on(account).await
    }

    /// Signs somebody on.
    pub(crate) async fn sign_on(&self, account: &str) -> Person {
        let client = reqwest::Client::builder()
            .cookie_store(true)
            .build()
            .expect("a client");
        let answer = client
            .post(format!("{}/api/v1/session", self.http))
            .json(&json!({ "account": account, "password": "secret" }))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200, "{account} signs on");
        let me: Value = answer.json().await.expect("JSON");
        Person {
            client,
            http: self.http.clone(),
            csrf: me["csrf"].as_str().expect("a token").to_owned(),
        }
    }

    /// Does something at the simulator's control API.
    pub(crate) async fn field(&self, path: &str) {
        let url = format!("http://{}{path}", self.campus.addresses.control);
        let answer = self.client.post(&url).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Reads something from the simulator's control API.
    pub(crate) async fn field_says(&self, path: &str) -> Value {
        let url = format!("http://{}{path}", self.campus.addresses.control);
        let answer = self.client.get(&url).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }
}

impl Drop for TestSite {
    fn drop(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            // It may have ended already; then there is nothing to kill.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Person {
    /// The session's CSRF token.
    pub(crate) fn csrf(&self) -> String {
        self.csrf.clone()
    }

    /// A verb; the key makes a repeat harmless. Returns status and body.
    pub(crate) async fn verb(&self, path: &str, body: Value) -> (u16, Value) {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        let key = format!("key-{}", KEYS.fetch_add(1, Ordering::Relaxed));
        self.verb_with_key(path, body, &key).await
    }

    /// As [`Person::verb`], with a key of one's own.
    pub(crate) async fn verb_with_key(&self, path: &str, body: Value, key: &str) -> (u16, Value) {
        let answer = self.try_verb(path, body, key).await;
        answer.expect("an answer")
    }

    /// A verb, tried once; `None` when nobody answers.
    pub(crate) async fn try_verb(
        &self,
        path: &str,
        body: Value,
        key: &str,
    ) -> Option<(u16, Value)> {
        let answer = self
            .client
            .post(format!("{}/api/v1/{path}", self.http))
            .header("X-Fengsui-CSRF", &self.csrf)
            .header("Idempotency-Key", key)
            .json(&body)
            .send()
            .await
            .ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.ok()?))
    }

    /// A verb that must be done.
    pub(crate) async fn does(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.verb(path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// All documents that this person may see.
    pub(crate) async fn documents(&self) -> Option<serde_json::Map<String, Value>> {
        let url = format!("{}/api/v1/state", self.http);
        let mut state: Value = self.client.get(url).send().await.ok()?.json().await.ok()?;
        match state["documents"].take() {
            Value::Object(documents) => Some(documents),
            _ => None,
        }
    }

    /// All documents of now, and the stream from there on.
    pub(crate) async fn follows_from_now(
        &self,
    ) -> (serde_json::Map<String, Value>, reqwest::Response) {
        let url = format!("{}/api/v1/state", self.http);
        let state = self.client.get(url).send().await.expect("an answer");
        let mut state: Value = state.json().await.expect("a state");
        let Value::Object(documents) = state["documents"].take() else {
            panic!("no documents in the state");
        };
        let url = format!("{}/api/v1/stream?since={}", self.http, state["seq"]);
        let stream = self.client.get(url).send().await.expect("an answer");
        assert_eq!(stream.status(), 200);
        (documents, stream)
    }

    /// Has the page of a recipient's device open, until the answer is dropped.
    pub(crate) async fn follows_as_device(&self) -> reqwest::Response {
        let url = format!("{}/api/v1/stream?device=true", self.http);
        let answer = self.client.get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer
    }

    /// A document whose key starts with `prefix`, once it satisfies `is`.
    pub(crate) async fn sees(&self, prefix: &str, is: impl Fn(&Value) -> bool) -> Value {
        until(prefix, async || {
            let documents = self.documents().await?;
            let mut found = documents
                .into_iter()
                .filter(|(key, _)| key.starts_with(prefix));
            found
                .find(|(_, document)| is(document))
                .map(|(_, document)| document)
        })
        .await
    }
}

/// Asks again until there is something, within [`SOON`].
pub(crate) async fn until<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    until_long(what, SOON, ask).await
}

/// Asks again until there is something, within a bound of one's own.
pub(crate) async fn until_long<T>(
    what: &str,
    bound: Duration,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let asking = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            if let Some(found) = ask().await {
                return found;
            }
        }
    };
    match tokio::time::timeout(bound, asking).await {
        Ok(found) => found,
        Err(_) => panic!("not within {} s: {what}", bound.as_secs()),
    }
}

fn command(config: &Path, data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fengsui"));
    command.env("FENGSUI_LOG", "warn").args(arguments);
    command.arg("--config").arg(config).arg("--data").arg(data);
    command
}

fn ended(mut command: Command) -> (i32, String) {
    let output = command.output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = text(&output.stdout) + &text(&output.stderr);
    (
        output.status.code().unwrap_or(-1),
        printed.trim().to_owned(),
    )
}

fn of_this_tree(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

fn people() -> (TempDir, BTreeMap<&'static str, String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "secret\n").expect("written");
    let secret = secret.path().display().to_string();
    let tool = |arguments: &[&str]| {
        let (code, printed) = ended(command(&of_this_tree(SMALL), folder.path(), arguments));
        assert_eq!(code, 0, "{printed}");
        printed
    };
    for (account, name, role, recipient) in ACCOUNTS {
        let mut arguments = vec!["user", "add", account, "--name", name, "--role", role];
        arguments.extend(["--password-file", &secret]);
        arguments.extend(recipient.iter().flat_map(|id| ["--recipient", id]));
        tool(&arguments);
    }
    let tokens = RECIPIENTS.map(|recipient| (recipient, tool(&["device", "add", recipient])));
    (folder, tokens.into())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        // Follows links: limits and profiles are the shipped ones.
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}
