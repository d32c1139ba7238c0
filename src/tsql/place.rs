//! Byte offsets to lines and columns, in one pass over the text and only as far as the last place asked for.

/// A position that only moves forward.
pub(super) struct Places<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    column: u32,
}

impl<'a> Places<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            column: 1,
        }
    }

    /// Line and column, both from 1, the column in UTF-16 units, of the character at `offset`. Lines end with
    /// LF, CRLF or a lone CR. Offsets must not fall between calls.
    pub(super) fn advance_to(&mut self, offset: usize) -> (u32, u32) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut characters = rest.char_indices().peekable();
        let from = self.at;
        while let Some((index, character)) = characters.next() {
            if from + index >= offset {
                break;
            }
            self.at = from + index + character.len_utf8();
            let carriage_return_of_pair =
                character == '\r' && characters.peek().is_some_and(|(_, next)| *next == '\n');
            if character == '\n' || (character == '\r' && !carriage_return_of_pair) {
                self.line = self.line.saturating_add(1);
                self.column = 1;
            } else {
                let units = if u32::from(character) > 0xFFFF { 2 } else { 1 };
                self.column = self.column.saturating_add(units);
            }
        }
        (self.line, self.column)
    }
}
