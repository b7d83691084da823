//! Which broker the courier goes to, and how it comes in.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;

use super::topics::DAEMON;

/// How long the broker inside may take to start before it is called away.
const BROKER_START: Duration = Duration::from_secs(2);

/// Which broker, and how to come in.
pub(super) enum Endpoint {
    /// Inside this process.
    Embedded {
        /// Where it listens, while it does.
        address: watch::Receiver<Option<SocketAddr>>,
        /// Made at start, known to the gate alone.
        token: String,
    },
    /// Another process.
    External {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
        /// User name.
        user: String,
        /// Read at every connect, so that it can be changed while the daemon runs.
        password_file: PathBuf,
    },
}

impl Endpoint {
    /// A broker elsewhere, from `host:port`.
    ///
    /// # Errors
    /// The address has no port, or none that is a number.
    pub(super) fn external(
        address: &str,
        user: String,
        password_file: PathBuf,
    ) -> io::Result<Self> {
        let unusable = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
        let (host, port) = address
            .rsplit_once(':')
            .ok_or_else(|| unusable("the broker's address has no port"))?;
        Ok(Self::External {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: port
                .parse()
                .map_err(|_| unusable("the broker's port is no number"))?,
            user,
            password_file,
        })
    }
}

/// Where to knock, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// Host name or address.
    pub(super) host: String,
    /// Port.
    pub(super) port: u16,
    /// User name.
    pub(super) user: String,
    /// Its password.
    pub(super) password: String,
}

/// Why there is no way in.
#[derive(Debug, Error)]
pub(super) enum NoWay {
    /// The broker inside does not run yet, or no longer.
    #[error("the broker inside does not run")]
    NotYet,
    /// There is no password to come in with.
    #[error("the password of the broker cannot be read from {path}")]
    Password {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl Endpoint {
    /// The way in. A broker inside is waited for a moment.
    pub(super) async fn way(&self) -> Result<Way, NoWay> {
        match self {
            Self::Embedded { address, token } => {
                let mut address = address.clone();
                let found = address.wait_for(Option::is_some);
                let found = tokio::time::timeout(BROKER_START, found).await;
                let found = found.ok().and_then(Result::ok).and_then(|found| *found);
                let found = found.ok_or(NoWay::NotYet)?;
                Ok(Way {
                    host: found.ip().to_string(),
                    port: found.port(),
                    user: DAEMON.to_owned(),
                    password: token.clone(),
                })
            }
            Self::External {
                host,
                port,
                user,
                password_file,
            } => match password(password_file).await {
                Ok(password) => Ok(Way {
                    host: host.clone(),
                    port: *port,
                    user: user.clone(),
                    password,
                }),
                Err(source) => Err(NoWay::Password {
                    path: password_file.clone(),
                    source,
                }),
            },
        }
    }
}

/// Reads the password, and refuses a file that everybody on the machine can read.
async fn password(path: &Path) -> io::Result<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = tokio::fs::metadata(path).await?.permissions().mode();
    if mode & 0o007 != 0 {
        let kind = io::ErrorKind::PermissionDenied;
        return Err(io::Error::new(kind, "others can read it"));
    }
    let text = tokio::fs::read_to_string(path).await?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_host_and_a_port() {
        let host_of = |address: &str| match Endpoint::external(address, String::new(), "p".into()) {
            Ok(Endpoint::External { host, port, .. }) => Some((host, port)),
            Ok(Endpoint::Embedded { .. }) | Err(_) => None,
        };
        let found = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(host_of("broker.lan:1883"), found("broker.lan", 1_883));
        assert_eq!(host_of("[::1]:1883"), found("::1", 1_883));
        assert_eq!(host_of("broker.lan"), None);
        assert_eq!(host_of("broker.lan:mqtt"), None);
    }

    #[tokio::test]
    async fn a_password_that_everybody_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("password");
        std::fs::write(&path, "secret\n").expect("written");
        let allow = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
        };
        allow(0o644);
        assert!(password(&path).await.is_err());
        allow(0o640);
        assert_eq!(password(&path).await.expect("read"), "secret");
    }
}
