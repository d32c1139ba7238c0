//! JSON files of the folder, in which nothing is obeyed or hidden by what shows them.

use std::io::{self, Write};

use serde::Serialize;

use crate::report;

/// A file of the folder: JSON in which nothing is obeyed or hidden by what shows it.
pub(super) fn bytes(value: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    write(value, &mut bytes)?;
    Ok(bytes)
}

/// The same piece by piece: that of a large estate has half a gigabyte.
pub(super) fn write(value: &impl Serialize, to: &mut dyn io::Write) -> io::Result<()> {
    let lines = VisibleLines {
        to,
        waiting: Vec::new(),
    };
    let mut lines = io::BufWriter::new(lines);
    serde_json::to_writer_pretty(&mut lines, value)?;
    lines.write_all(b"\n")?;
    lines.flush()
}

/// Passes JSON on by whole lines, within which every string ends, with what a reader would obey escaped.
struct VisibleLines<'w> {
    to: &'w mut dyn io::Write,
    waiting: Vec<u8>,
}

impl io::Write for VisibleLines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if let Some(last) = self.waiting.iter().rposition(|byte| *byte == b'\n') {
            let rest = self.waiting.split_off(last + 1);
            let lines = std::mem::replace(&mut self.waiting, rest);
            let lines = String::from_utf8(lines).map_err(io::Error::other)?;
            self.to.write_all(report::visible_json(&lines).as_bytes())?;
        }
        Ok(bytes.len())
    }

    /// The last line ends with a line feed, so nothing waits.
    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
