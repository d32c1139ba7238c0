//! Byte offsets to lines and columns, in one pass over the text and only as far as the last place asked for.

use memchr::memchr2_iter;

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
        let mut line = 0;
        for end in memchr2_iter(b'\n', b'\r', passed) {
            let is_pair = passed.get(end) == Some(&b'\r')
                && self.bytes.get(self.at + end + 1) == Some(&b'\n');
            if !is_pair {
                self.next_line();
                line = end + 1;
            }
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

    fn next_line(&mut self) {
        self.line = self.line.saturating_add(1);
        self.column = 1;
    }
}
