//! Every statement that the collector sends, with every fault that a server can answer it with. Whatever happens, the
//! fact says so, with the server's number; nothing else is lost or invented; no rule passes without it; and the run
//! ends as incomplete.

mod cell;
mod due;
mod faults;
mod judged;
mod rows;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cell::Cell;
use faults::Kind;

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
