//! Characters that stand for text nobody knows in text that code builds, by what that text cannot do.

/// Stands for text that is not known, however long. T-SQL has no use for it, nor for the other holes, outside
/// constants and delimited names.
pub(super) const HOLE: char = '\u{FFFC}';

/// The text of a number, a date or the like: never a quote, never the beginning of code.
pub(super) const NUMBER_HOLE: char = '\u{FDD8}';

/// Stands for any of these characters where the source itself has it in a string.
pub(super) const WRITTEN: char = '\u{FFFE}';

/// Holes whose text has some delimiters doubled are the noncharacters from here on, one for each set of them.
const DOUBLED: u32 = 0xFDD0;

/// `'` in the hole's text is doubled: the text stays in a string.
pub(super) const QUOTES: u8 = 1;
/// `]` is doubled: the text stays in a bracketed name.
pub(super) const BRACKETS: u8 = 2;
/// `"` is doubled.
pub(super) const DOUBLE_QUOTES: u8 = 4;

/// The delimiters that are doubled in the text this hole stands for; `None` for a character that is no such hole.
pub(super) fn doubled(character: char) -> Option<u8> {
    if character == HOLE {
        return Some(0);
    }
    let set = u32::from(character).checked_sub(DOUBLED)?;
    u8::try_from(set).ok().filter(|set| (1..8).contains(set))
}

/// The hole whose text has these delimiters doubled.
pub(super) fn hole(doubled: u8) -> char {
    match doubled & 7 {
        0 => HOLE,
        set => char::from_u32(DOUBLED + u32::from(set)).unwrap_or(HOLE),
    }
}

/// Whether the character stands for something that is not known.
pub(super) fn is_hole(character: char) -> bool {
    character == NUMBER_HOLE || doubled(character).is_some()
}

/// The set for a delimiter; 0 for one that no doubling is known of.
pub(super) fn delimiter(character: char) -> u8 {
    match character {
        '\'' => QUOTES,
        '[' | ']' => BRACKETS,
        '"' => DOUBLE_QUOTES,
        _ => 0,
    }
}

/// All holes begin with this byte in UTF-8.
pub(super) const FIRST_BYTE: u8 = 0xEF;

/// Whether any hole stands in the text.
pub(super) fn has_holes(text: &str) -> bool {
    let begins = |at: usize| text.get(at..).and_then(|rest| rest.chars().next());
    memchr::memchr_iter(FIRST_BYTE, text.as_bytes())
        .filter_map(begins)
        .any(is_hole)
}

/// Whether a hole that is no number's stands in the text.
pub(super) fn has_text_holes(text: &str) -> bool {
    has_holes(text) && text.chars().any(|character| doubled(character).is_some())
}

/// The text with another character in place of each hole that `becomes` gives one for.
pub(super) fn map_holes(text: &str, becomes: impl Fn(char) -> char) -> String {
    if !has_holes(text) {
        return text.to_owned();
    }
    let map = |character| {
        if is_hole(character) {
            becomes(character)
        } else {
            character
        }
    };
    text.chars().map(map).collect()
}

/// Appends the text as it is shown: each hole is `…`.
pub(super) fn show(text: &str, out: &mut String) {
    if has_holes(text) {
        out.push_str(&map_holes(text, |_| '…'));
    } else {
        out.push_str(text);
    }
}
