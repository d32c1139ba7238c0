//! How long judging takes once all code was read: `cargo bench --bench judge` for one instance with 20,000 modules in
//! four databases, of which only the stored observations are at hand, by all rules, on one thread; without what the
//! privilege graph's exposure and what to fix first take (`--bench graph`). In the same run, what the stored form takes to
//! read, and the same rules on the same instance without modules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use mssql_posture::rules::{self, Analysis, Case, Observations};
use mssql_posture::snapshot::{ModuleTexts, Snapshot, sha256_hex};
use support::recording::{Base, On, Recording};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DATABASES: [&str; 4] = ["Sales", "Stock", "Ledger", "Archive"];
const MODULES: usize = 5_000;
const LOGINS: usize = 200;
const ROUNDS: usize = 15;

/// Makes the text of a module from its number.
type Text = fn(usize) -> String;

fn main() {
    let none = instance(0, text);
    let bare = best(|| rules::judge(&none.case()));
    println!(
        "judged by {} rules without a module: {}",
        rules::ALL.len(),
        shown(bare)
    );
    let estates: [(&str, Text); 2] = [
        (
            "one of fifty reaches a command channel, one executes its parameter",
            text,
        ),
        (
            "every one reaches a command channel, most of them by way of others",
            loud,
        ),
    ];
    for (about, text) in estates {
        let own = instance(MODULES, text);
        println!("{} modules; {about}", MODULES * DATABASES.len());
        println!("  stored observations   {} kB", own.stored.len() / 1000);
        let hash = sha256_hex(own.stored.as_bytes());
        let read = best(|| Observations::from_json(&own.stored, &hash).unwrap());
        println!("  read from their file  {}", shown(read));
        let count = rules::judge(&own.case()).len();
        let judged = best(|| rules::judge(&own.case()));
        println!(
            "  judged by all rules   {}, {count} verdicts",
            shown(judged)
        );
        slowest(&own);
    }
}

/// An instance, and what was observed of its code.
struct Own {
    snapshot: Snapshot,
    stored: String,
    observations: Observations,
    texts: ModuleTexts,
}

impl Own {
    fn case(&self) -> Case<'_> {
        Case::new(&self.snapshot, &self.texts, Some(&[]))
            .with_observations(Some(&self.observations))
            .as_of("2026-01-01")
    }
}

/// Each rule by itself, so that what is shared is counted for each.
fn slowest(own: &Own) {
    let mut each: Vec<_> = rules::ALL
        .iter()
        .map(|rule| (best(|| rule.judge(&own.case())), rule.slug))
        .collect();
    each.sort();
    for (time, slug) in each.iter().rev().take(5) {
        println!("  {slug:<36} alone {}", shown(*time));
    }
}

fn best<T>(mut work: impl FnMut() -> T) -> Duration {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        let result = work();
        let time = start.elapsed();
        drop(result);
        time
    });
    times.min().unwrap()
}

fn shown(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// With so many modules in each database.
fn instance(modules: usize, text: Text) -> Own {
    let mut r = Recording::new(Base::windows("BIG", 16));
    r.set_option("xp_cmdshell", 1, 1);
    for id in 0..LOGINS {
        r.add_login(&format!("login{id}"), "S");
    }
    for database in DATABASES {
        r.add_database(database, "sa");
        for id in 0..LOGINS {
            let (user, login) = (format!("user{id}"), format!("login{id}"));
            r.add_user(database, &user, Some(&login));
            r.grant(database, On::Database, "EXECUTE", &user);
        }
        for id in 0..modules {
            let name = format!("dbo.p{id}");
            r.add_module(database, &name, "P", &text(id));
        }
    }
    let recorded = r.finish();
    let analysis = Analysis::new(&recorded.snapshot, &recorded.texts());
    let stored = analysis.into_observations().render().unwrap();
    let stored = String::from_utf8(stored).unwrap();
    let observations = Observations::from_json(&stored, &sha256_hex(stored.as_bytes())).unwrap();
    Own {
        snapshot: recorded.snapshot,
        stored,
        observations,
        texts: ModuleTexts::default(),
    }
}

/// Every module calls two others, but those that reach a command channel or execute their parameter.
fn text(id: usize) -> String {
    procedure(
        id,
        &match id % 50 {
            0 => "EXEC master.dbo.xp_cmdshell @text;\n".to_owned(),
            1 => "EXEC (@text);\n".to_owned(),
            2 | 3 => String::new(),
            _ => format!("EXEC dbo.p{}; EXEC dbo.p{};\n", id - 1, id - 2),
        },
    )
}

/// Every module calls two others, down to the first.
fn loud(id: usize) -> String {
    let calls = format!("EXEC dbo.p{}; EXEC dbo.p{};\n", id / 2, id / 3);
    let own = if id.is_multiple_of(50) {
        "EXEC master.dbo.xp_cmdshell @text;\n"
    } else {
        ""
    };
    procedure(id, &(calls + own))
}

fn procedure(id: usize, body: &str) -> String {
    format!(
        "CREATE PROCEDURE dbo.p{id} @text nvarchar(max) AS\nBEGIN\n{body}UPDATE dbo.t SET a = a + 1 WHERE b = N'c';\nEND"
    )
}
