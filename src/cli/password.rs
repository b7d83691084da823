//! Where a password comes from: the first line of a file, or the terminal, without showing it; a new one twice.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Shortest password that is typed. What a script gives is the script's matter.
const TYPED_MIN: usize = 8;
/// Longest password that a sign-on looks at.
const MAX: usize = 256;

/// A new password, or what is wrong with it.
pub(super) fn new(file: Option<&Path>) -> Result<String, String> {
    read(file, typed_twice)
}

/// The password that an account has.
pub(super) fn of_account(file: Option<&Path>) -> Result<String, String> {
    read(file, || {
        let _silent = Silent::begin()?;
        line("Password: ")
    })
}

fn read(
    file: Option<&Path>,
    typed: impl FnOnce() -> Result<String, String>,
) -> Result<String, String> {
    let password = match file {
        Some(path) => of_file(path)?,
        None if std::io::stdin().is_terminal() => typed()?,
        None => return Err("no terminal to ask for the password; use --password-file".to_owned()),
    };
    if password.len() > MAX {
        return Err(format!("a password has at most {MAX} bytes"));
    }
    Ok(password)
}

fn of_file(path: &Path) -> Result<String, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        Some(_) | None => Err("the password file is empty".to_owned()),
    }
}

fn typed_twice() -> Result<String, String> {
    let silent = Silent::begin()?;
    let password = line("Password: ")?;
    let again = line("The same once more: ")?;
    drop(silent);
    if password.chars().count() < TYPED_MIN {
        return Err(format!("a password has at least {TYPED_MIN} characters"));
    }
    if password != again {
        return Err("the two are not the same; nothing was changed".to_owned());
    }
    Ok(password)
}

fn line(prompt: &str) -> Result<String, String> {
    let told = |error: std::io::Error| error.to_string();
    let mut out = std::io::stderr();
    write!(out, "{prompt}").map_err(told)?;
    out.flush().map_err(told)?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(told)?;
    writeln!(out).map_err(told)?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// The terminal without echo, until dropped.
struct Silent(Termios);

impl Silent {
    fn begin() -> Result<Self, String> {
        let input = std::io::stdin();
        let before = tcgetattr(&input).map_err(|error| error.to_string())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Flush, &silent).map_err(|error| error.to_string())?;
        Ok(Self(before))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_the_file_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("password");
        let given = |text: &str| {
            std::fs::write(&path, text).expect("written");
            new(Some(&path))
        };
        assert_eq!(given("一个密码\nother\n"), Ok("一个密码".to_owned()));
        assert_eq!(given("a b"), Ok("a b".to_owned()));
        for wrong in ["", "\n", &"x".repeat(MAX + 1)] {
            given(wrong).expect_err("refused");
        }
        new(Some(Path::new("/nowhere"))).expect_err("refused");
    }
}
