//! The command line: wiring, progress, exit codes. The only room that prints, reads the environment
//! and opens paths.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod assess;
mod attribution;
mod audit;
mod baseline;
mod changes;
mod checklists;
mod controls;
mod definitions;
mod detections;
mod diff;
mod history;
mod host;
mod import;
mod json;
mod judge;
mod keys;
mod learn;
mod ledger;
mod operator;
mod output;
mod paths;
mod preflight;
mod progress;
mod redact;
mod reference;
mod reports;
mod rules;
mod scan;
mod script;
mod secrets;
mod stop;
mod targets;
mod verify;
mod waivers;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

/// How a command ends. Incomplete outranks findings, which outrank clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing to report.
    Clean = 0,
    /// Findings at or over `--fail-on`.
    Findings = 1,
    /// Usage or invalid input.
    Usage = 2,
    /// Something in scope could not be seen.
    Incomplete = 3,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print(); // nothing can be said if that fails
            return ExitCode::from(if error.use_stderr() {
                Exit::Usage as u8
            } else {
                0
            });
        }
    };
    let ended = match cli.command {
        Command::Audit(args) => audit::audit(&args),
        Command::Collect(args) => audit::collect(&args),
        Command::Assess(args) => assess::assess(&args),
        Command::Verify(args) => verify::verify(&args),
        Command::History(args) => history::history(&args),
        Command::Baseline(args) => baseline::baseline(&args),
        Command::Keygen(args) => keys::keygen(&args),
        Command::Sign(args) => keys::sign(&args),
        Command::Scan(args) => scan::scan(&args),
        Command::Paths(args) => paths::paths(&args),
        Command::Diff(args) => diff::diff(&args),
        Command::Detections(args) => detections::detections(&args),
        Command::Preflight(args) => preflight::preflight(&args),
        Command::Script(args) => script::script(&args),
        Command::Import(args) => import::import(&args),
        Command::Changes(args) => changes::changes(&args),
        Command::Queries(args) => reference::queries(&args),
        Command::Rules(args) => rules::rules(&args),
        Command::Explain { name, format } => rules::explain(&name, format),
        Command::Waivers(args) => waivers::waivers(&args),
        Command::Schema { name } => reference::schema(name),
        Command::Completions { shell } => reference::completions(shell),
    };
    match ended {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            output::error(&error);
            ExitCode::from(Exit::Usage as u8)
        }
    }
}

/// Prints a result. A reader that went away (`| head`) is not an error.
fn print(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
