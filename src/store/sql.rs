//! Every statement, as constants. Times are `bigint` ms, ids and documents `text`, hashes blobs.

/// The schema that this program knows.
pub(super) const SCHEMA_VERSION: i64 = 2;

/// The first migration.
pub(super) const MIGRATION_1: &str = "
CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL) STRICT;
CREATE TABLE journal (
    seq integer PRIMARY KEY,
    epoch integer NOT NULL,
    engine_time integer NOT NULL,
    wall_time integer NOT NULL,
    config_version text NOT NULL,
    case_id text,
    actor text NOT NULL,
    bytes text NOT NULL,
    hash blob NOT NULL
) STRICT;
CREATE INDEX journal_case ON journal (case_id, seq) WHERE case_id IS NOT NULL;
CREATE TABLE cases (id text PRIMARY KEY, seq integer NOT NULL, open integer NOT NULL, due integer, detail text NOT NULL) STRICT;
CREATE INDEX cases_open ON cases (open, seq);
CREATE TABLE cells (id text PRIMARY KEY, seq integer NOT NULL, open integer NOT NULL, due integer, detail text NOT NULL) STRICT;
CREATE TABLE outbox (id text PRIMARY KEY, seq integer NOT NULL, open integer NOT NULL, due integer, detail text NOT NULL) STRICT;
CREATE TABLE answers (id text PRIMARY KEY, seq integer NOT NULL, open integer NOT NULL, due integer, detail text NOT NULL) STRICT;
CREATE TABLE accounts (id text PRIMARY KEY, seq integer NOT NULL, open integer NOT NULL, due integer, detail text NOT NULL) STRICT;
CREATE TABLE devices (id text PRIMARY KEY, seq integer NOT NULL, open integer NOT NULL, due integer, detail text NOT NULL) STRICT;
CREATE TABLE sessions (id text PRIMARY KEY, seq integer NOT NULL, open integer NOT NULL, due integer, detail text NOT NULL) STRICT;
";

/// Tokens of programs, and what was reported in words.
pub(super) const MIGRATION_2: &str = "
CREATE TABLE tokens (id text PRIMARY KEY, seq integer NOT NULL, open integer NOT NULL, due integer, detail text NOT NULL) STRICT;
CREATE TABLE notes (id text PRIMARY KEY, seq integer NOT NULL, open integer NOT NULL, due integer, detail text NOT NULL) STRICT;
";

/// $1 lists the entries, $2 holds their texts one after the other: to wrap a text of its own size into JSON and out again would cost
/// more than to write it.
pub(super) const APPEND: &str = "
INSERT INTO journal (seq, epoch, engine_time, wall_time, config_version, case_id, actor, bytes, hash)
SELECT value->>'seq', value->>'epoch', value->>'engine_time', value->>'wall_time', value->>'config_version',
       value->>'case', value->>'actor', CAST(substr($2, value->>'from', value->>'length') AS text), unhex(value->>'hash')
FROM json_each($1)";

pub(super) const HEAD: &str =
    "SELECT seq, epoch, engine_time, wall_time, hash FROM journal ORDER BY seq DESC LIMIT 1";

pub(super) const HASHES: &str = "SELECT seq, hash FROM journal WHERE seq BETWEEN $1 AND $2";

pub(super) const ENTRIES: &str = "
SELECT seq, epoch, engine_time, wall_time, config_version, case_id, actor, bytes, hash
FROM journal WHERE seq >= $1 ORDER BY seq LIMIT $2";

/// Upsert, delete, select all, select one and clear of a table.
pub(super) struct TableSql {
    pub(super) upsert: &'static str,
    pub(super) delete: &'static str,
    pub(super) all: &'static str,
    pub(super) one: &'static str,
    pub(super) clear: &'static str,
}

macro_rules! table_sql {
    ($table:literal, $where:literal) => {
        TableSql {
            upsert: concat!(
                "INSERT INTO ", $table, " (id, seq, open, due, detail) ",
                "SELECT value->>'id', value->>'seq', value->>'open', value->>'due', CAST(substr($2, value->>'from', value->>'length') AS text) ",
                "FROM json_each($1) WHERE true ON CONFLICT (id) DO UPDATE SET ",
                "seq = excluded.seq, open = excluded.open, due = excluded.due, detail = excluded.detail"
            ),
            delete: concat!("DELETE FROM ", $table, " WHERE id IN (SELECT value FROM json_each($1))"),
            all: concat!("SELECT id, seq, open, due, detail FROM ", $table, $where, " ORDER BY id"),
            one: concat!("SELECT id, seq, open, due, detail FROM ", $table, " WHERE id = $1"),
            clear: concat!("DELETE FROM ", $table),
        }
    };
}

pub(super) const CASES: TableSql = table_sql!("cases", " WHERE open = 1");
pub(super) const CASES_ALL: &str = "SELECT id, seq, open, due, detail FROM cases ORDER BY id";
pub(super) const CASES_CLOSED: &str =
    "SELECT id, seq, open, due, detail FROM cases WHERE open = 0 ORDER BY seq DESC, id LIMIT $1";
pub(super) const CELLS: TableSql = table_sql!("cells", "");
pub(super) const OUTBOX: TableSql = table_sql!("outbox", "");
pub(super) const ANSWERS: TableSql = table_sql!("answers", "");
pub(super) const ACCOUNTS: TableSql = table_sql!("accounts", "");
pub(super) const DEVICES: TableSql = table_sql!("devices", "");
pub(super) const TOKENS: TableSql = table_sql!("tokens", "");
pub(super) const NOTES: TableSql = table_sql!("notes", "");
pub(super) const SESSIONS: TableSql = table_sql!("sessions", "");
