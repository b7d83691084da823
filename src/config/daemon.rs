//! fengsui.toml: where the daemon keeps its records and where it listens.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::lines;
use super::names::Word;
use super::scope::Scope;
use super::section::Section;
use crate::domain::settings::{Broker, HttpSettings, MqttSettings, Settings};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpEntry {
    listen: Word,
    secure_cookies: Spanned<bool>,
    step_up_seconds: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmbeddedEntry {
    listen: Word,
    websocket: Word,
    websocket_port: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExternalEntry {
    address: Word,
    user: Word,
    password_file: Word,
    websocket_port: Option<Spanned<i64>>,
}

/// How old a proof of the person may be when the file does not say.
const STEP_UP: Duration = Duration::from_secs(300);

/// Reads the file; relative paths start at `dir`.
pub(super) fn read(mut file: Section<'_>, dir: &Path, scope: &mut Scope<'_>) -> Option<Settings> {
    let data: Option<Word> = file.read("data", scope.reports);
    let data = data.map(|data| dir.join(scope.filled(data, "data")));
    let http = file.read("http", scope.reports);
    let http = http.and_then(|entry| read_http(&entry, scope));
    let mqtt = read_mqtt(&mut file, dir, scope);
    file.finish(scope.reports);
    Some(Settings {
        data: data?,
        http: http?,
        mqtt: mqtt?,
    })
}

fn read_http(entry: &HttpEntry, scope: &mut Scope<'_>) -> Option<HttpSettings> {
    let listen = socket(&entry.listen, scope)?;
    let secure_cookies = *entry.secure_cookies.as_ref();
    if !secure_cookies && !listen.ip().is_loopback() {
        scope.error(
            entry.secure_cookies.span(),
            "sessions would cross the network unencrypted",
            "write secure_cookies = true and put TLS in front, or listen on 127.0.0.1 only",
        );
    }
    let told = entry.step_up_seconds.as_ref();
    let told = told.map(|seconds| scope.number(seconds, 1..=3_600, "step_up_seconds"));
    Some(HttpSettings {
        listen,
        secure_cookies,
        step_up: match told {
            Some(seconds) => Duration::from_secs(seconds?),
            None => STEP_UP,
        },
    })
}

fn read_mqtt(file: &mut Section<'_>, dir: &Path, scope: &mut Scope<'_>) -> Option<MqttSettings> {
    if !file.has("mqtt") {
        return Some(MqttSettings {
            broker: Broker::None,
            websocket_port: 0,
        });
    }
    let mut section = file.section("mqtt", scope.reports)?;
    let span = section.span();
    let (has_embedded, has_external) = (section.has("embedded"), section.has("external"));
    let embedded = section.optional("embedded", scope.reports);
    let external = section.optional("external", scope.reports);
    section.finish(scope.reports);
    if has_embedded == has_external {
        scope.error(
            span,
            "there must be one broker",
            "keep exactly one of [mqtt.embedded] (inside Fengsui) and [mqtt.external], or no [mqtt] at all: orders then go over HTTP alone",
        );
        return None;
    }
    match (embedded, external) {
        (Some(entry), _) => read_embedded(&entry, scope),
        (None, Some(entry)) => read_external(entry, dir, scope),
        (None, None) => None,
    }
}

fn read_embedded(entry: &EmbeddedEntry, scope: &mut Scope<'_>) -> Option<MqttSettings> {
    let (listen, websocket) = (
        socket(&entry.listen, scope),
        socket(&entry.websocket, scope),
    );
    let told = entry.websocket_port.as_ref();
    let told = told.map(|port| scope.number(port, 1..=65_535, "websocket_port"));
    let (listen, websocket) = (listen?, websocket?);
    if listen == websocket && listen.port() != 0 {
        scope.clash(
            entry.websocket.span(),
            entry.listen.span(),
            "two servers cannot listen on one address",
            "give the WebSocket another port, usually 8083",
        );
    }
    Some(MqttSettings {
        broker: Broker::Embedded { listen, websocket },
        websocket_port: match told {
            Some(port) => port?,
            None => websocket.port(),
        },
    })
}

fn read_external(entry: ExternalEntry, dir: &Path, scope: &mut Scope<'_>) -> Option<MqttSettings> {
    lines::check_address(&entry.address, scope);
    let password_file = secret(&entry.password_file, dir, scope);
    let told = entry.websocket_port.as_ref();
    let websocket_port = match told {
        Some(port) => scope.number(port, 1..=65_535, "websocket_port"),
        // Pages then use HTTP alone.
        None => Some(0),
    };
    Some(MqttSettings {
        broker: Broker::External {
            address: entry.address.into_inner(),
            user: scope.filled(entry.user, "user"),
            password_file,
        },
        websocket_port: websocket_port?,
    })
}

/// An address to listen on.
fn socket(word: &Word, scope: &mut Scope<'_>) -> Option<SocketAddr> {
    let parsed = word.as_ref().parse().ok();
    if parsed.is_none() {
        scope.error(
            word.span(),
            format!("`{}` is not an address to listen on", word.as_ref()),
            "write IP:port, for example \"127.0.0.1:8080\" (this machine only) or \"0.0.0.0:8080\" (every network)",
        );
    }
    parsed
}

/// Where systemd puts the credentials of a service. It lets the service's user in by an access list, and the mask of that list
/// stands in the place of the group's bits (acl(5)).
const CREDENTIALS: &str = "/run/credentials";

/// What others may not have at a secret.
fn forbidden(path: &Path) -> u32 {
    if path.starts_with(CREDENTIALS) {
        0o037
    } else {
        0o077
    }
}

/// The path of a file that holds a secret: it must be there and nobody else's to read.
fn secret(word: &Word, dir: &Path, scope: &mut Scope<'_>) -> PathBuf {
    let path = dir.join(word.as_ref());
    match std::fs::metadata(&path) {
        Err(error) => scope.error(
            word.span(),
            format!("the secret in `{}` cannot be read: {error}", path.display()),
            "create the file with the secret in it, owned by the user that Fengsui runs as, and chmod 600",
        ),
        Ok(about) if about.permissions().mode() & forbidden(&path) != 0 => scope.error(
            word.span(),
            format!("others can read the secret in `{}`", path.display()),
            format!("chmod 600 {}", path.display()),
        ),
        Ok(_) => {}
    }
    path
}
