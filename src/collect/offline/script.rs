//! The script: `collector.sql` with the queries in it.

use std::fmt::Write as _;
use std::sync::LazyLock;

use crate::collect::query::{self, Query, SESSION_SETTINGS, Scope, Sight};
use crate::snapshot::sha256_hex;

/// The form of the records. Another number where an older `import` would misread them.
pub(super) const FORMAT: &str = "1";
/// This version, as script and output name it.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What a record begins with.
pub(super) const BEGIN: &str = "<<posture:";
/// What it ends with.
pub(super) const END: &str = ">>";
/// Characters of content in a record. With number, hash and marks it stays under 2000: some clients cut off or
/// lose messages over about 2047, though PRINT itself gives 8000.
pub(super) const CHUNK: usize = 1700;

const TEMPLATE: &str = include_str!("collector.sql");
/// The last version of an open range, for people.
const NEWEST: u16 = 99;

/// The script that this version writes.
pub struct Script {
    /// All of it.
    pub text: String,
    /// SHA-256 of all lines but the first, which carries it; as lower-case hex.
    pub sha256: String,
}

/// The script, which is the same in every run of one build.
pub fn script() -> &'static Script {
    static SCRIPT: LazyLock<Script> = LazyLock::new(write);
    &SCRIPT
}

fn write() -> Script {
    // A checkout with CRLF must give the same script.
    let template = TEMPLATE.replace("\r\n", "\n");
    let (first, rest) = template.split_once('\n').unwrap_or_default();
    // In a database the proof of its name comes before all else.
    let mut queries: Vec<&Query> = query::all().iter().collect();
    queries.sort_by_key(|query| match query.scope {
        Scope::Session | Scope::Server | Scope::Events => 0,
        Scope::Context => 1,
        Scope::Master | Scope::Msdb | Scope::Database => 2,
    });
    let context = queries.iter().position(|q| q.scope == Scope::Context);
    let mut blocks = String::new();
    for (index, query) in queries.iter().enumerate() {
        blocks += &block(index + 1, query);
    }
    let rest = rest
        .replace("{version}", VERSION)
        .replace("{settings}", SESSION_SETTINGS)
        .replace("{format}", FORMAT)
        .replace("{chunk}", &CHUNK.to_string())
        .replace("{begin}", BEGIN)
        .replace("{end}", END)
        .replace("{count}", &queries.len().to_string())
        .replace("{context}", &context.map_or(0, |at| at + 1).to_string())
        // Last: a query's own braces stay as they are.
        .replace("{queries}\n", &blocks);
    let sha256 = sha256_hex(rest.as_bytes());
    let text = format!("{}\n{rest}", first.replace("{hash}", &sha256));
    Script { text, sha256 }
}

/// One query: what the script must know of it, and its text as it stands in its own file, quotes doubled.
fn block(number: usize, query: &Query) -> String {
    let mut block = String::new();
    let _ = write!(
        block,
        "    -- {purpose}\n    IF @pick = {number}\n        SELECT @name = '{name}', @scope = '{scope}',{right} @first = {first}, \
         @last = {last},\n            @columns = N'{columns}',\n            @query = N'\n{text}';\n",
        purpose = query.purpose,
        name = query.name,
        scope = place(query.scope),
        right = right(query.sight),
        first = query.versions.start(),
        last = query.versions.end().min(&NEWEST),
        columns = query.columns,
        text = query.text.replace("\r\n", "\n").replace('\'', "''"),
    ); // writing to a String cannot fail
    block
}

/// The server's right without which a query is not asked.
fn right(sight: Sight) -> &'static str {
    match sight {
        Sight::AlterTrace => " @right = N'ALTER TRACE',",
        Sight::Control => " @right = N'CONTROL SERVER',",
        _ => "",
    }
}

/// Where the script runs a query of a scope.
fn place(scope: Scope) -> &'static str {
    match scope {
        Scope::Session | Scope::Server => "server",
        Scope::Master => "master",
        Scope::Msdb => "msdb",
        Scope::Context => "context",
        Scope::Database => "database",
        Scope::Events => "events",
    }
}
