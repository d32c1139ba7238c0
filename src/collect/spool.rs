//! Texts on their way from the server to the module-text file. They go into a scratch file as they arrive, so that an
//! instance may have more code than there is memory.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::snapshot::{ModuleLine, ModuleTextFile, TextHash};

/// A scratch file that nobody else reads.
pub trait Scratch: Read + Write + Seek + Send {}

impl<T: Read + Write + Seek + Send> Scratch for T {}

/// Makes a scratch file for one target.
pub type NewScratch = Arc<dyn Fn() -> io::Result<Box<dyn Scratch>> + Send + Sync>;

/// Scratch files in memory.
pub fn in_memory() -> NewScratch {
    Arc::new(|| Ok(Box::new(Cursor::new(Vec::new()))))
}

/// The texts of one target.
pub struct Spool(Mutex<Inner>);

struct Inner {
    file: Box<dyn Scratch>,
    /// Where the next text goes.
    end: u64,
    /// What is not yet in the file.
    pending: Vec<u8>,
}

/// Written to the scratch file at once.
const PENDING: usize = 256 << 10;

/// A text in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    sha256: [u8; 32],
    utf16_units: u32,
    offset: u64,
    /// Bytes.
    length: u64,
}

/// A line of the module-text file, its text in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpooledLine {
    /// See [`ModuleLine`].
    pub database: Option<Arc<str>>,
    /// See [`ModuleLine`].
    pub object_id: i32,
    /// See [`ModuleLine`].
    pub part: Option<Box<str>>,
    /// The text.
    pub kept: Kept,
}

impl Kept {
    /// What a fact says of the text.
    pub fn hash(&self) -> TextHash {
        TextHash {
            sha256: hex(&self.sha256),
            utf16_units: self.utf16_units,
        }
    }
}

impl Spool {
    /// A spool over a scratch file.
    pub fn new(file: Box<dyn Scratch>) -> Self {
        Self(Mutex::new(Inner {
            file,
            end: 0,
            pending: Vec::new(),
        }))
    }

    /// A spool in memory, for little.
    pub fn in_memory() -> Self {
        Self::new(Box::new(Cursor::new(Vec::new())))
    }

    /// Puts a text in.
    ///
    /// # Errors
    /// The scratch file takes no more.
    pub fn keep(&self, text: &str) -> io::Result<Kept> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = inner.end;
        inner.pending.extend_from_slice(text.as_bytes());
        inner.end += text.len() as u64;
        if inner.pending.len() >= PENDING {
            inner.flush()?;
        }
        Ok(Kept {
            sha256: Sha256::digest(text.as_bytes()).into(),
            utf16_units: u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX),
            offset,
            length: text.len() as u64,
        })
    }

    /// Reads a text back.
    ///
    /// # Errors
    /// The scratch file cannot be read.
    pub fn text(&self, kept: &Kept) -> io::Result<String> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.flush()?;
        inner.file.seek(SeekFrom::Start(kept.offset))?;
        let mut text = String::new();
        (&mut inner.file)
            .take(kept.length)
            .read_to_string(&mut text)?;
        Ok(text)
    }
}

impl Inner {
    fn flush(&mut self) -> io::Result<()> {
        if !self.pending.is_empty() {
            let start = self.end - self.pending.len() as u64;
            self.file.seek(SeekFrom::Start(start))?;
            self.file.write_all(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }
}

/// The module-text file of one target: sorted, one JSON object a line, LF.
pub struct ModuleText {
    lines: Vec<SpooledLine>,
    spool: Option<Arc<Spool>>,
}

impl ModuleText {
    /// Of a target that has none.
    pub fn none() -> Self {
        Self {
            lines: Vec::new(),
            spool: None,
        }
    }

    /// Lines in any order, whose texts are in the spool.
    pub fn new(mut lines: Vec<SpooledLine>, spool: Arc<Spool>) -> Self {
        lines.sort_by(|a, b| {
            let key = |line: &SpooledLine| (line.object_id, line.part.clone(), line.kept.sha256);
            (a.database.cmp(&b.database)).then_with(|| key(a).cmp(&key(b)))
        });
        Self {
            lines,
            spool: Some(spool),
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The scratch file cannot be read, or `to` cannot be written.
    pub fn write_to(&self, to: &mut dyn Write) -> io::Result<()> {
        let Some(spool) = &self.spool else {
            return Ok(());
        };
        for line in &self.lines {
            let line = ModuleLine {
                database: line.database.as_deref().map(str::to_owned),
                object_id: line.object_id,
                part: line.part.as_deref().map(str::to_owned),
                sha256: hex(&line.kept.sha256),
                definition: spool.text(&line.kept)?,
            };
            serde_json::to_writer(&mut *to, &line)?;
            to.write_all(b"\n")?;
        }
        Ok(())
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// The scratch file cannot be read.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes)?;
        Ok(bytes)
    }

    /// What a snapshot says of the file.
    ///
    /// # Errors
    /// The scratch file cannot be read.
    pub fn describe(&self) -> io::Result<ModuleTextFile> {
        let mut hasher = Hasher(Sha256::new());
        self.write_to(&mut hasher)?;
        Ok(ModuleTextFile {
            sha256: hex(&hasher.0.finalize()),
            modules: u32::try_from(self.lines.len()).unwrap_or(u32::MAX),
            observations: None,
        })
    }
}

/// Hashes what is written.
pub struct Hasher(pub Sha256);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}"); // writing to a String cannot fail
            hex
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::snapshot::render_module_lines;

    #[test]
    fn the_file_is_the_one_that_lines_in_memory_make() {
        let spool = Arc::new(Spool::in_memory());
        let long = "x".repeat(PENDING);
        let texts = [
            (Some("erp"), 7, None, "EXEC b \u{1f512}"),
            (None, 1, None, ""),
            (Some("erp"), 7, Some("2"), "EXEC a"),
            (Some("crm"), 9, None, long.as_str()),
            (Some("erp"), -3, None, "line\r\nline \u{202e}"),
        ];
        let mut lines = Vec::new();
        let mut due = Vec::new();
        for (database, object_id, part, text) in texts {
            let kept = spool.keep(text).unwrap();
            assert_eq!(
                kept.hash().utf16_units as usize,
                text.encode_utf16().count()
            );
            due.push(ModuleLine {
                database: database.map(str::to_owned),
                object_id,
                part: part.map(str::to_owned),
                sha256: kept.hash().sha256,
                definition: text.to_owned(),
            });
            lines.push(SpooledLine {
                database: database.map(Into::into),
                object_id,
                part: part.map(Into::into),
                kept,
            });
        }
        let text = ModuleText::new(lines, spool);
        let (due, file) = render_module_lines(due).unwrap();
        let mut written = Vec::new();
        text.write_to(&mut written).unwrap();
        assert_eq!(String::from_utf8(written), String::from_utf8(due));
        assert_eq!(text.describe().unwrap(), file);
        assert_eq!(ModuleText::none().describe().unwrap().modules, 0);
    }

    #[test]
    fn a_full_disk_is_told() {
        struct Full;
        impl Read for Full {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Ok(0)
            }
        }
        impl Seek for Full {
            fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
                Ok(0)
            }
        }
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let spool = Spool::new(Box::new(Full));
        assert!(spool.keep("small").is_ok(), "not yet written");
        assert!(spool.keep(&"x".repeat(PENDING)).is_err());
    }
}
