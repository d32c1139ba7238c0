//! Byte offsets to lines and columns, in one pass over the text and only as far as the last place asked for.

use memchr::{memchr_iter, memrchr2};

/// A position that only moves forward.
#[derive(Debug)]
pub(super) struct Places<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
    column: u32,
}

impl<'a> Places<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
            line: 1,
            column: 1,
        }
    }

    /// Line and column, both from 1, the column in UTF-16 units, of the character at `offset`. Lines end with
    /// LF, CRLF or a lone CR. Offsets must not fall between calls.
    pub(super) fn advance_to(&mut self, offset: usize) -> (u32, u32) {
        let passed = self.bytes.get(self.at..offset).unwrap_or_default();
        let returns = self.lone_returns(passed);
        let ends = returns + memchr_iter(b'\n', passed).count();
        let mut line = 0;
        if ends > 0 {
            self.line = self
                .line
                .saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
            self.column = 1;
            line = line_start(passed, self.bytes.get(self.at + passed.len()).copied());
        }
        for byte in passed.get(line..).unwrap_or_default() {
            let units = match byte {
                // The first byte of a character outside the basic plane, which is two units.
                0xF0.. => 2,
                // The other bytes of a character.
                0x80..0xC0 => 0,
                _ => 1,
            };
            self.column = self.column.saturating_add(units);
        }
        self.at = self.at.max(offset);
        (self.line, self.column)
    }

    /// How many CR of what is passed no LF follows. Mostly there is none, which is told for many bytes at once.
    fn lone_returns(&self, passed: &[u8]) -> usize {
        let after = self.bytes.get(self.at + 1..).unwrap_or_default();
        let pairs = passed.iter().zip(after);
        let any = pairs.fold(0, |any, (byte, next)| {
            any | u8::from(*byte == b'\r') & u8::from(*next != b'\n')
        });
        if any == 0 && after.len() >= passed.len() {
            return 0;
        }
        let is_alone = |end: &usize| self.bytes.get(self.at + end + 1) != Some(&b'\n');
        memchr_iter(b'\r', passed).filter(is_alone).count()
    }
}

/// Where the last line of `passed` begins, which `next` follows: a CR before an LF is no end yet.
fn line_start(passed: &[u8], next: Option<u8>) -> usize {
    let before_pair = match passed.split_last() {
        Some((b'\r', before)) if next == Some(b'\n') => before,
        _ => passed,
    };
    memrchr2(b'\n', b'\r', before_pair).map_or(0, |end| end + 1)
}
