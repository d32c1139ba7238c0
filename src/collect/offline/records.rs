//! From the bytes of a saved output to what the script said. Records are found by their marks wherever they stand;
//! blanks and line ends in them, which a client's line width or an editor adds, do not count, and what stands
//! between them is a client's own (counts of rows, times of completion). The order of numbers and the chain of
//! hashes show what is missing, added or changed.

use memchr::memmem;
use sha2::{Digest, Sha256};

use super::columns::unhex;
use super::script::{BEGIN, CHUNK, END, FORMAT, Script, VERSION};
use super::{ImportError, LARGEST_OUTPUT};

/// Number, content, hash and two colons.
const LONGEST_RECORD: usize = 10 + CHUNK + 64 + 2;

/// What the records carry, joined.
#[derive(Debug)]
pub struct Joined {
    /// Lines that end with a semicolon each.
    pub content: String,
    /// How many records there are.
    pub records: u32,
    /// The last hash, which stands for the whole output.
    pub seal: String,
}

/// Reads the records of one run.
///
/// # Errors
/// They are not the whole, unchanged output of this version's script.
pub fn read(file: &[u8], script: &Script) -> Result<Joined, ImportError> {
    if file.len() as u64 > LARGEST_OUTPUT {
        return Err(ImportError::TooLarge);
    }
    let text = ascii(file);
    let mut chain = Chain::default();
    let mut rest = text.as_slice();
    let begin = memmem::Finder::new(BEGIN);
    let end = memmem::Finder::new(END);
    while let Some(at) = begin.find(rest) {
        let body = rest.get(at + BEGIN.len()..).unwrap_or_default();
        let within = body.get(..body.len().min(LONGEST_RECORD + END.len()));
        let within = within.unwrap_or_default();
        let next = begin.find(within).unwrap_or(within.len());
        let Some(length) = end.find(within).filter(|length| *length < next) else {
            let cut = body.len() == within.len() && next == within.len();
            return Err(chain.broken(cut));
        };
        chain.add(body.get(..length).unwrap_or_default(), script)?;
        rest = body.get(length + END.len()..).unwrap_or_default();
    }
    chain.finish()
}

/// Every character without blanks; those that no record can hold become `?`.
fn ascii(file: &[u8]) -> Vec<u8> {
    let keep = |unit: u16| match u8::try_from(unit) {
        Ok(b' ' | b'\t' | b'\r' | b'\n' | 0) => None,
        Ok(byte) if byte.is_ascii() => Some(byte),
        _ => Some(b'?'),
    };
    let wide = |decode: fn([u8; 2]) -> u16| {
        file.chunks_exact(2)
            .filter_map(move |pair| keep(decode([pair[0], pair[1]])))
            .collect()
    };
    match file {
        [0xFF, 0xFE, ..] | [1..=0x7F, 0, ..] => wide(u16::from_le_bytes),
        [0xFE, 0xFF, ..] | [0, 1..=0x7F, ..] => wide(u16::from_be_bytes),
        _ => file
            .iter()
            .filter_map(|byte| keep(u16::from(*byte)))
            .collect(),
    }
}

/// The records so far.
#[derive(Default)]
struct Chain {
    content: String,
    last: u32,
    hash: Vec<u8>,
    closed: bool,
}

impl Chain {
    /// A record begins here and does not end.
    fn broken(&self, cut: bool) -> ImportError {
        match (self.closed, cut) {
            (true, _) => ImportError::SecondRun { record: self.last },
            (false, true) => ImportError::CutOff { record: self.last },
            (false, false) => ImportError::Edited {
                record: self.last.saturating_add(1),
            },
        }
    }

    fn add(&mut self, record: &[u8], script: &Script) -> Result<(), ImportError> {
        let due = self.last.saturating_add(1);
        let edited = |record| Err(ImportError::Edited { record });
        if self.closed {
            return Err(ImportError::SecondRun { record: self.last });
        }
        let Some((number, content, hash)) = parts(record) else {
            return edited(due);
        };
        if number == 1 && due > 1 {
            return Err(ImportError::SecondRun { record: self.last });
        }
        if number != due {
            return Err(ImportError::Missing { due, found: number });
        }
        if number == 1 {
            self.hash = opening(content, script)?;
        }
        let signed = record
            .get(..record.len() - hash.len() - 1)
            .unwrap_or_default();
        let found: [u8; 32] = Sha256::new()
            .chain_update(&self.hash)
            .chain_update(signed)
            .finalize()
            .into();
        if unhex(hash).is_none_or(|named| named != found) {
            return edited(number);
        }
        self.hash = found.to_vec();
        self.last = number;
        self.closed = content.starts_with("close,");
        self.content += content;
        Ok(())
    }

    fn finish(self) -> Result<Joined, ImportError> {
        if self.last == 0 {
            return Err(ImportError::NoRecords);
        }
        if !self.closed {
            return Err(ImportError::CutOff { record: self.last });
        }
        let seal = self.hash.iter().map(|byte| format!("{byte:02x}"));
        Ok(Joined {
            content: self.content,
            records: self.last,
            seal: seal.collect(),
        })
    }
}

/// Number, content and hash.
fn parts(record: &[u8]) -> Option<(u32, &str, &str)> {
    let record = std::str::from_utf8(record).ok()?;
    let (number, rest) = record.split_once(':')?;
    let (content, hash) = rest.rsplit_once(':')?;
    let parsed: u32 = number.parse().ok()?;
    let plain = parsed.to_string() == number && hash.len() == 64 && content.len() <= CHUNK;
    plain.then_some((parsed, content, hash))
}

/// What the first record says of the script: the hash that the chain begins with.
fn opening(content: &str, script: &Script) -> Result<Vec<u8>, ImportError> {
    let fields: Vec<&str> = content.split(',').collect();
    let ["open", format, version, found, ..] = fields.as_slice() else {
        return Err(ImportError::Edited { record: 1 });
    };
    let word = |text: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || ".-+".contains(c);
        text.chars()
            .filter(|c| known(*c))
            .take(40)
            .collect::<String>()
    };
    if *format != FORMAT {
        return Err(ImportError::OtherFormat {
            format: word(format),
            version: word(version),
        });
    }
    if *version != VERSION {
        return Err(ImportError::OtherVersion {
            version: word(version),
            own: VERSION,
        });
    }
    let upper = found.to_ascii_uppercase();
    match unhex(&upper) {
        Some(hash) if *found == script.sha256 => Ok(hash),
        _ => Err(ImportError::OtherScript {
            found: found
                .chars()
                .filter(char::is_ascii_hexdigit)
                .take(64)
                .collect(),
            due: script.sha256.clone(),
        }),
    }
}
