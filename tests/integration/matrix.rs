//! Every statement that the collector sends, with every fault that a server can answer it with. Whatever happens, the
//! fact says so, with the server's number; nothing else is lost or invented; no rule passes without it; and the run
//! ends as incomplete.

mod cell;
mod connect_only;
mod due;
mod faults;
mod judged;
mod rows;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mssql_posture::collect::queries;

use crate::support::estate::Estate;
use crate::support::tds_server::Options;
use cell::Cell;
use faults::Kind;
use rows::{Row, Statement};

/// More than cores, since those whose server falls silent only wait.
const WORKERS: usize = 10;

fn cells() -> Vec<Cell> {
    let rows = rows::rows();
    let cells = rows.iter().flat_map(|row| {
        let kinds = Kind::of(row).into_iter();
        kinds.map(|kind| Cell { row: *row, kind })
    });
    cells.collect()
}

/// Checks all on several threads; the names of those that failed, with the reason.
fn failures(cells: &[Cell]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(cell) = cells.get(next.fetch_add(1, Ordering::SeqCst)) {
            if let Err(why) = catch_unwind(AssertUnwindSafe(|| cell.check())) {
                let text = why.downcast_ref::<String>().map(String::as_str);
                let text = text.or(why.downcast_ref::<&str>().copied());
                let line = format!("{}: {}", cell.name(), text.unwrap_or("a panic"));
                failed.lock().unwrap().push(line);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(work);
        }
    });
    failed.into_inner().unwrap()
}

/// Cells that also the program is run on: a statement in a place, the fault, and the exit code.
const BY_PROGRAM: &[(&str, Option<&str>, Kind, i32)] = &[
    ("session", None, Kind::Foreign, 3),
    ("databases", None, Kind::LockTimeout, 3),
    ("services", None, Kind::Denied(300), 3),
    ("configurations", None, Kind::Hang, 3),
    ("jobs", Some("msdb"), Kind::Denied(229), 3),
    ("startup_procedures", Some("master"), Kind::NoColumn, 3),
    ("modules", Some("erp"), Kind::AfterRows, 3),
    ("objects", Some("erp"), Kind::Cut, 3),
    ("context", Some("erp"), Kind::Fatal, 3),
    // Nobody has to hold what these take.
    ("traces", None, Kind::Denied(8189), 0),
    ("scoped_credentials", Some("erp"), Kind::Deadlock, 0),
];

#[test]
fn the_program_ends_as_the_matrix_says() {
    let all = cells();
    for (query, database, kind, code) in BY_PROGRAM {
        let cell = all.iter().find(|cell| {
            let row = &cell.row;
            let asked = row.statement == Statement::Query && row.query.name == *query;
            asked && row.database == *database && cell.kind == *kind
        });
        let cell = cell.unwrap_or_else(|| panic!("no cell {query} {kind:?}"));
        let server = cell.server(&cell.row.instance(), Options::default());
        let limits = "retries = 0\nsessions_per_target = 1\ntimeouts = { query_seconds = 2 }";
        let ran = Estate::with_defaults(limits)
            .with("troubled", &server)
            .audit(&["--fail-on", "never"])
            .run();
        assert_eq!(ran.code, *code, "{}: {}", cell.name(), ran.stderr);
    }
}

#[test]
fn every_query_of_every_form_has_its_row() {
    for query in queries() {
        let mut rows = rows::rows().into_iter();
        let own = |row: &Row| {
            row.statement == Statement::Query
                && row.query.text == query.text
                && query.versions.contains(&row.version)
        };
        assert!(rows.any(|row| own(&row)), "{}", query.name);
    }
}

#[test]
fn every_statement_under_every_fault() {
    let cells = cells();
    let failed = failures(&cells);
    assert!(
        failed.is_empty(),
        "{} of {} cells:\n{}",
        failed.len(),
        cells.len(),
        failed.join("\n")
    );
}
