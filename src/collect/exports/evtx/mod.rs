//! Windows event logs (`.evtx`), a chunk at a time. A reader of our own: the crate of that name brings 25 others, and switches
//! on a feature of serde_json by which all JSON of this program would keep another order.
//!
//! Forms: Microsoft's \[MS-EVEN6\] (BinXml) and Joachim Metz' description of the file in libevtx. What is damaged is told by
//! its place, and everything that can still be read is: nothing here trusts a length, a count or an offset of the file.

mod binxml;
mod cursor;
mod value;

use std::io::{self, Read};

use super::fields::Fields;
use cursor::{Broken, Cursor};

/// What a file begins with.
pub const MAGIC: &[u8; 8] = b"ElfFile\0";
const CHUNK_MAGIC: &[u8; 8] = b"ElfChnk\0";
const HEADER: usize = 4096;
const CHUNK: usize = 65536;
/// Header and tables of a chunk.
const CHUNK_HEADER: usize = 512;
/// Places of a file's header.
const CHUNK_COUNT: usize = 42;
const NEXT_RECORD: usize = 24;
const FLAGS: usize = 120;
const CHECKSUM: usize = 124;
/// The log was open, and its header is older than its chunks.
const DIRTY: u32 = 1;
/// Places of a chunk's header.
const FIRST_NUMBER: usize = 8;
const LAST_NUMBER: usize = 16;
const FREE_SPACE: usize = 48;
const DATA_CHECKSUM: usize = 52;
const RECORD_MAGIC: u32 = 0x2a2a;
/// Magic, size, number and time of a record; the size stands at its end again.
const RECORD_HEADER: usize = 24;

/// What comes out of a file.
pub enum Found {
    /// A record, and where it is.
    Record(u64, Fields),
    /// Something that cannot be read, and where.
    Damage(u64, String),
}

/// Reads a file to its end.
///
/// # Errors
/// The carrier fails. What is wrong with the file itself is [`Found::Damage`].
pub fn read(from: &mut dyn Read, take: &mut dyn FnMut(Found)) -> io::Result<()> {
    let mut header = vec![0; HEADER];
    if filled(from, &mut header)? < HEADER {
        take(Found::Damage(
            0,
            "the file ends inside its header".to_owned(),
        ));
        return Ok(());
    }
    let due = head(&header, take);
    let mut seen = Seen::default();
    let mut chunk = vec![0; CHUNK];
    let mut at = HEADER as u64;
    loop {
        let length = filled(from, &mut chunk)?;
        if length == 0 {
            break;
        }
        if length < CHUNK {
            let why = format!(
                "the file ends inside a chunk, {length} bytes of which are there: its records are not read"
            );
            take(Found::Damage(at, why));
            seen.chunks += 1;
            break;
        }
        one(&chunk, at, &due, &mut seen, take);
        at += CHUNK as u64;
    }
    if seen.chunks < due.chunks {
        let why = format!(
            "the header says {} chunks, and there are {}: the file is cut off",
            due.chunks, seen.chunks
        );
        take(Found::Damage(at, why));
    } else if due.next_record > seen.next_record && !due.is_dirty {
        let why = format!(
            "the header says that records end at {}, and the last that was seen is {}",
            due.next_record.saturating_sub(1),
            seen.next_record.saturating_sub(1)
        );
        take(Found::Damage(at, why));
    }
    seen.holes(take);
    Ok(())
}

/// What the file's header promises.
struct Due {
    chunks: u64,
    next_record: u64,
    is_dirty: bool,
}

/// What was there.
#[derive(Default)]
struct Seen {
    chunks: u64,
    next_record: u64,
    /// First and last record of each chunk, as it says, and where it is.
    numbers: Vec<(u64, u64, u64)>,
}

impl Seen {
    /// Records that no chunk has or that two have, wherever the log begins: one that wrapped has lost its first, and its
    /// chunks stand in another order.
    fn holes(&mut self, take: &mut dyn FnMut(Found)) {
        self.numbers.sort_unstable();
        let mut until: Option<u64> = None;
        for (first, last, at) in &self.numbers {
            let due = until.map_or(*first, |last| last.saturating_add(1));
            if *first > due {
                let why = format!(
                    "records {due} to {} are not there: chunks are missing",
                    first.saturating_sub(1)
                );
                take(Found::Damage(*at, why));
            } else if *first < due {
                let why = format!("another chunk has record {first} as well");
                take(Found::Damage(*at, why));
            }
            until = until.max(Some(*last));
        }
    }
}

fn head(header: &[u8], take: &mut dyn FnMut(Found)) -> Due {
    let cursor = Cursor::over(header);
    let is_dirty = cursor.u32_at(FLAGS).unwrap_or(0) & DIRTY != 0;
    if is_dirty {
        let why = "the log was in use when it was copied, so that its newest events may be missing: export it with `wevtutil epl`";
        take(Found::Damage(0, why.to_owned()));
    }
    let sum = checksum(&[header.get(..FLAGS).unwrap_or_default()]);
    if cursor.u32_at(CHECKSUM).ok() != Some(sum) {
        take(Found::Damage(
            0,
            "the checksum of the file's header is wrong".to_owned(),
        ));
    }
    Due {
        chunks: cursor.u16_at(CHUNK_COUNT).unwrap_or(0).into(),
        next_record: cursor.u64_at(NEXT_RECORD).unwrap_or(0),
        is_dirty,
    }
}

fn one(chunk: &[u8], at: u64, due: &Due, seen: &mut Seen, take: &mut dyn FnMut(Found)) {
    let is_chunk = chunk.starts_with(CHUNK_MAGIC);
    if !is_chunk && seen.chunks >= due.chunks && chunk.iter().all(|b| *b == 0) {
        return; // room that the log had not used yet
    }
    seen.chunks += 1;
    if !is_chunk {
        take(Found::Damage(
            at,
            "a chunk does not begin as one: its records are not read".to_owned(),
        ));
        return;
    }
    if let Err(broken) = records(chunk, at, seen, take) {
        let why = format!("{}: the chunk's further records are not read", broken.what);
        take(Found::Damage(at + broken.at as u64, why));
    }
}

/// Where the records of a chunk end. Checksums that are wrong are told, and what they cover is read all the same.
fn free_space(chunk: &[u8], at: u64, take: &mut dyn FnMut(Found)) -> Result<usize, Broken> {
    let cursor = Cursor::over(chunk);
    let part = |range: std::ops::Range<usize>| chunk.get(range).unwrap_or_default();
    if cursor.u32_at(CHECKSUM)? != checksum(&[part(0..FLAGS), part(128..CHUNK_HEADER)]) {
        take(Found::Damage(
            at,
            "the checksum of a chunk's header is wrong".to_owned(),
        ));
    }
    let free = cursor.u32_at(FREE_SPACE)? as usize;
    if !(CHUNK_HEADER..=CHUNK).contains(&free) {
        return Err(Broken::new(
            FREE_SPACE,
            "free space begins outside of the chunk",
        ));
    }
    if cursor.u32_at(DATA_CHECKSUM)? != checksum(&[part(CHUNK_HEADER..free)]) {
        take(Found::Damage(
            at,
            "the checksum of a chunk's records is wrong: some may have been changed".to_owned(),
        ));
    }
    Ok(free)
}

/// The records of a chunk, up to the first whose own length cannot be believed.
fn records(
    chunk: &[u8],
    at: u64,
    seen: &mut Seen,
    take: &mut dyn FnMut(Found),
) -> Result<(), Broken> {
    let cursor = Cursor::over(chunk);
    let free = free_space(chunk, at, take)?;
    let (first, last) = (cursor.u64_at(FIRST_NUMBER)?, cursor.u64_at(LAST_NUMBER)?);
    let due = last
        .checked_sub(first)
        .map(|between| between.saturating_add(1));
    // More than it has bytes are told as damage of its own, below.
    if due.is_some_and(|due| due <= CHUNK as u64) {
        seen.numbers.push((first, last, at));
    }
    let (mut place, mut count) = (CHUNK_HEADER, 0_u64);
    let mut budget = binxml::Budget::default();
    while place < free {
        if cursor.u32_at(place)? != RECORD_MAGIC {
            return Err(Broken::new(place, "a record does not begin as one"));
        }
        let size = cursor.u32_at(place + 4)? as usize;
        let end = place.saturating_add(size);
        if size < RECORD_HEADER + 4 || end > free || cursor.u32_at(end - 4)? as usize != size {
            return Err(Broken::new(place, "a record's size cannot be"));
        }
        count += 1;
        seen.next_record = seen
            .next_record
            .max(cursor.u64_at(place + 8)?.saturating_add(1));
        let body = Cursor::new(chunk, place + RECORD_HEADER, end - 4);
        let offset = at + place as u64;
        take(match binxml::event(body, &mut budget) {
            Ok(fields) => Found::Record(offset, fields),
            Err(broken) => Found::Damage(
                at + broken.at as u64,
                format!(
                    "{} in the record at offset {offset}, which is not read",
                    broken.what
                ),
            ),
        });
        place = end;
    }
    if due != Some(count) {
        let why = format!("a chunk says that it has records {first} to {last}, and has {count}");
        take(Found::Damage(at, why));
    }
    Ok(())
}

/// Fills the buffer as far as there is something.
fn filled(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(n) => length += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let (mut at, mut start) = (0, 0_u32);
    while at < table.len() {
        let (mut value, mut bit) = (start, 0);
        while bit < 8 {
            value = if value & 1 == 1 {
                0xedb8_8320 ^ (value >> 1)
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[at] = value;
        at += 1;
        start += 1;
    }
    table
};

/// CRC-32 over parts.
fn checksum(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    !bytes.fold(u32::MAX, |sum, byte| {
        let at = (sum ^ u32::from(*byte)) & 0xff;
        (sum >> 8) ^ TABLE.get(at as usize).copied().unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_format() {
        assert_eq!(checksum(&[b"1234", b"56789"]), 0xcbf4_3926);
        assert_eq!(checksum(&[]), 0);
    }
}
