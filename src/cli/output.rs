//! Where results and notes go: the terminal's width and colours, and lines on stderr.

use std::io::IsTerminal;
use std::path::PathBuf;

use super::Exit;
use crate::report::visible;

/// Width when nothing says otherwise: a pipe, a log, a file.
const PLAIN_WIDTH: u16 = 100;

/// What stdout can show.
pub struct Terminal {
    /// Columns.
    pub width: u16,
    /// Whether colour is wanted.
    pub color: bool,
}

impl Terminal {
    /// Asks the terminal; COLUMNS and NO_COLOR (any value) are honoured.
    pub fn of_stdout() -> Self {
        let stdout = std::io::stdout();
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|text| text.parse().ok());
        let measured = terminal_size::terminal_size_of(&stdout).map(|(width, _)| width.0);
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            width: columns.or(measured).unwrap_or(PLAIN_WIDTH),
            color: stdout.is_terminal() && !set("NO_COLOR") && !dumb,
        }
    }
}

/// A line for people on stderr.
pub fn note(text: &str) {
    eprintln!("{}", visible(text));
}

/// Work after which servers have been asked: an error in it (a full disk, say) leaves the audit incomplete,
/// it does not make the call invalid.
pub fn incomplete_on_error(work: impl FnOnce() -> anyhow::Result<Exit>) -> Exit {
    work().unwrap_or_else(|failure| {
        error(&failure);
        Exit::Incomplete
    })
}

/// An error on stderr. It may quote a file or a server: only line ends keep their meaning.
pub fn error(error: &anyhow::Error) {
    let text = format!("error: {error:#}");
    let lines: Vec<String> = text.lines().map(visible).collect();
    eprintln!("{}", lines.join("\n"));
}

/// The folder to write: as given, or named after the time, UTC.
pub fn folder(given: Option<&PathBuf>) -> PathBuf {
    given.cloned().unwrap_or_else(|| {
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        PathBuf::from(format!("mssql-posture-{now}"))
    })
}
