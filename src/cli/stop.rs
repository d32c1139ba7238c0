//! Ctrl-C and SIGTERM: the first ends the work in order, the second at once.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Exit;
use crate::collect::wait_for_signal;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Listens from here on. Where no handler is to be had, signals keep their own effect.
pub fn listen() {
    std::thread::spawn(|| {
        while wait_for_signal().is_ok() {
            if ASKED.swap(true, Ordering::SeqCst) {
                std::process::exit(Exit::Incomplete as i32);
            }
        }
    });
}

/// The flag that the first signal sets.
pub fn flag() -> &'static AtomicBool {
    &ASKED
}

/// Whether a signal came.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
