//! Passwords: Argon2id hashes as PHC strings, verified on one thread so that sign-ons never take the processor from alarms.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::oneshot;

/// Most sign-ons that may wait for the thread; the next caller is told to try again.
const WAITING_MAX: usize = 32;

/// The hash of a password as it is kept in an account.
///
/// # Panics
/// When the operating system gives no random bytes, without which no password can be kept safely.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "without random bytes the daemon cannot have accounts"
)]
pub fn hash_password(password: &str) -> String {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .expect("the operating system gives random bytes and every password can be hashed");
    hash.to_string()
}

/// One password to look at.
struct Job {
    password: String,
    /// `None` for an account that is not there: the same work is done for nothing.
    hash: Option<String>,
    reply: oneshot::Sender<bool>,
}

/// The door to the one thread; the thread ends with it.
#[derive(Debug)]
pub(super) struct Passwords {
    jobs: SyncSender<Job>,
}

impl Passwords {
    /// Starts the thread.
    pub(super) fn start() -> std::io::Result<Self> {
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        std::thread::Builder::new()
            .name("passwords".to_owned())
            .spawn(move || verify_all(&waiting))?;
        Ok(Self { jobs })
    }

    /// Whether the password is the account's; `None` when too many wait.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> Option<bool> {
        let (reply, answer) = oneshot::channel();
        let job = Job {
            password,
            hash,
            reply,
        };
        match self.jobs.try_send(job) {
            Ok(()) => answer.await.ok(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => None,
        }
    }
}

fn verify_all(waiting: &Receiver<Job>) {
    let nobody = hash_password("nobody's password");
    while let Ok(job) = waiting.recv() {
        if job.reply.is_closed() {
            continue;
        }
        let hash = job.hash.as_ref().unwrap_or(&nobody);
        let matches = is_of(&job.password, hash) && job.hash.is_some();
        // A caller that has gone away needs no answer.
        let _ = job.reply.send(matches);
    }
}

fn is_of(password: &str, hash: &str) -> bool {
    match PasswordHash::new(hash) {
        Ok(hash) => Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok(),
        Err(error) => {
            tracing::error!(%error, "an account's password hash cannot be read; set it again");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_password_alone() {
        let hash = hash_password("demo");
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(is_of("demo", &hash));
        assert!(!is_of("Demo", &hash));
        assert!(!is_of("demo", "not a hash"));
        assert_ne!(hash, hash_password("demo"), "each has a salt of its own");
    }

    #[tokio::test]
    async fn an_account_that_is_not_there_never_matches() {
        let passwords = Passwords::start().expect("a thread");
        let answer = passwords.verify("nobody's password".to_owned(), None).await;
        assert_eq!(answer, Some(false));
    }
}
