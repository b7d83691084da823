//! `fengsui user import`: many accounts from a file, by the engine's bulk lane, so that an alarm does not wait for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::{Outcome, SiteArguments, change, id, people, role, usage};
use crate::cli::load;
use crate::domain::site::Site;
use crate::engine::handle::BULK_ROWS_MAX;
use crate::engine::ports::AccountRow;
use crate::http::door::PersonRow;

/// Most wrong lines that are named.
const ERRORS_MAX: usize = 50;

/// A line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    account: String,
    name: String,
    role: String,
    recipient: Option<String>,
}

#[expect(
    clippy::print_stdout,
    reason = "the result is for the person who asked for it"
)]
pub(super) fn users(file: &Path, site: &SiteArguments) -> Outcome {
    let configuration = load(site)?;
    let text = std::fs::read(file).map_err(|e| usage(&format!("{}: {e}", file.display())))?;
    let known = people(&configuration)?.accounts;
    let known = known.into_iter().map(|row| (row.id.to_string(), row));
    let rows = read(&text, &configuration.site, &known.collect()).map_err(|errors| {
        let lines: Vec<String> = errors
            .iter()
            .map(|error| format!("{}:{error}", file.display()))
            .collect();
        usage(&format!("{}\nnothing was imported", lines.join("\n")))
    })?;
    let (all, subject) = (rows.len(), "accounts".to_owned());
    for (done, part) in rows.chunks(BULK_ROWS_MAX).enumerate() {
        let part = part.iter().cloned().map(PersonRow::Account).collect();
        change(&configuration, subject.clone(), part).inspect_err(|_| {
            let done = done * BULK_ROWS_MAX;
            eprintln!("{done} of {all} accounts are in; the same command goes on from there");
        })?;
    }
    println!("{all} accounts");
    Ok(())
}

/// The accounts of a file, or every line that is wrong.
fn read(
    text: &[u8],
    site: &Site,
    known: &BTreeMap<String, AccountRow>,
) -> Result<Vec<AccountRow>, Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text));
    let (mut rows, mut errors, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (at, row) in reader.deserialize::<Row>().enumerate() {
        let account = row
            .map_err(|error| error.to_string())
            .and_then(|row| account(row, site, known, &mut seen));
        match account {
            Ok(account) => rows.push(account),
            Err(why) if errors.len() < ERRORS_MAX => errors.push(format!("{}: {why}", at + 2)),
            Err(_) => {}
        }
    }
    if errors.is_empty() {
        Ok(rows)
    } else {
        Err(errors)
    }
}

fn account(
    row: Row,
    site: &Site,
    known: &BTreeMap<String, AccountRow>,
    seen: &mut BTreeSet<String>,
) -> Result<AccountRow, String> {
    let account = id(&row.account)?;
    if !seen.insert(account.clone()) {
        return Err(format!("account {account} stands in the file twice"));
    }
    if row.name.is_empty() {
        return Err("the name is missing".to_owned());
    }
    let recipient = row.recipient.filter(|recipient| !recipient.is_empty());
    if let Some(recipient) = &recipient
        && !site.recipients.contains_key(recipient.as_str())
    {
        return Err(format!("site.toml has no recipient {recipient}"));
    }
    let before = known.get(&account);
    Ok(AccountRow {
        name: row.name,
        role: role(&row.role)?,
        recipient: recipient.map(|recipient| recipient.as_str().into()),
        // No password fits an empty hash.
        password_hash: before.map_or(String::new(), |row| row.password_hash.clone()),
        disabled: before.is_some_and(|row| row.disabled),
        id: account.as_str().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::dormitory;

    #[test]
    fn every_wrong_line_is_named_and_none_is_taken() {
        let text = "\u{feff}account,name,role,recipient\n\
            li,李,operator,\n\
            li,李,operator,\n\
            wang,,guard,\n\
            zhao,赵,king,\n\
            qian,钱,guard,nobody\n";
        let errors = read(text.as_bytes(), &dormitory(), &BTreeMap::new()).expect_err("wrong");
        let lines: Vec<&str> = errors.iter().map(|error| &error[..1]).collect();
        assert_eq!(lines, ["3", "4", "5", "6"], "{errors:?}");
        assert!(errors[2].contains("the roles are"), "{errors:?}");
    }

    #[test]
    fn an_account_that_is_there_keeps_its_password() {
        let text = "account,name,role,recipient\nli,李,foreman,\nnew,新,guard,post2\n";
        let before = AccountRow {
            id: "li".into(),
            name: "old".to_owned(),
            role: role("operator").expect("a role"),
            recipient: None,
            password_hash: "hash".to_owned(),
            disabled: true,
        };
        let known = BTreeMap::from([("li".to_owned(), before)]);
        let rows = read(text.as_bytes(), &dormitory(), &known).expect("right");
        assert_eq!(
            (rows[0].password_hash.as_str(), rows[0].disabled),
            ("hash", true)
        );
        assert_eq!(rows[0].role.word(), "foreman");
        assert_eq!(rows[1].password_hash, "");
        assert_eq!(rows[1].recipient, Some("post2".into()));
    }
}
