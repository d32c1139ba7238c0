//! The words that matter: keywords by what they do to a statement, and functions by what they do to a text.

use std::ops::Range;

/// A reserved word's part in finding statements and the ends of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Alter,
    As,
    Begin,
    Bulk,
    Case,
    Collate,
    Create,
    Dbcc,
    Declare,
    Else,
    End,
    Execute,
    From,
    Goto,
    Grant,
    If,
    Into,
    Null,
    Over,
    Select,
    Set,
    Then,
    Top,
    Update,
    When,
    While,
    Within,
    /// ALL, DISTINCT: may stand before a select list.
    Quantifier,
    /// ON, TO, ANY: what follows EXECUTE where it names a permission, like AS and FROM.
    PermissionTail,
    /// Not reserved; assigns from a queue's rows.
    Receive,
    /// Begins a clause of a query, so ends an expression.
    Clause,
    /// Begins a statement that assigns nothing.
    Statement,
    /// An operator written as a word; its result is no text.
    Operator,
}

/// Every keyword, in lower case and in order.
#[rustfmt::skip] // one word, one line
const KEYWORDS: &[(&str, Keyword)] = &[
    ("all", Keyword::Quantifier),
    ("alter", Keyword::Alter),
    ("and", Keyword::Operator),
    ("any", Keyword::PermissionTail),
    ("as", Keyword::As),
    ("backup", Keyword::Statement),
    ("begin", Keyword::Begin),
    ("between", Keyword::Operator),
    ("break", Keyword::Statement),
    ("bulk", Keyword::Bulk),
    ("case", Keyword::Case),
    ("checkpoint", Keyword::Statement),
    ("close", Keyword::Statement),
    ("collate", Keyword::Collate),
    ("commit", Keyword::Statement),
    ("continue", Keyword::Statement),
    ("create", Keyword::Create),
    ("dbcc", Keyword::Dbcc),
    ("deallocate", Keyword::Statement),
    ("declare", Keyword::Declare),
    ("delete", Keyword::Statement),
    ("deny", Keyword::Statement),
    ("distinct", Keyword::Quantifier),
    ("drop", Keyword::Statement),
    ("else", Keyword::Else),
    ("end", Keyword::End),
    ("escape", Keyword::Operator),
    ("except", Keyword::Clause),
    ("exec", Keyword::Execute),
    ("execute", Keyword::Execute),
    ("exists", Keyword::Operator),
    ("fetch", Keyword::Statement),
    ("for", Keyword::Clause),
    ("from", Keyword::From),
    ("goto", Keyword::Goto),
    ("grant", Keyword::Grant),
    ("group", Keyword::Clause),
    ("having", Keyword::Clause),
    ("if", Keyword::If),
    ("in", Keyword::Operator),
    ("insert", Keyword::Statement),
    ("intersect", Keyword::Clause),
    ("into", Keyword::Into),
    ("is", Keyword::Operator),
    ("kill", Keyword::Statement),
    ("like", Keyword::Operator),
    ("merge", Keyword::Statement),
    ("not", Keyword::Operator),
    ("null", Keyword::Null),
    ("on", Keyword::PermissionTail),
    ("open", Keyword::Statement),
    ("option", Keyword::Clause),
    ("or", Keyword::Operator),
    ("order", Keyword::Clause),
    ("over", Keyword::Over),
    ("print", Keyword::Statement),
    ("raiserror", Keyword::Statement),
    ("readtext", Keyword::Statement),
    ("receive", Keyword::Receive),
    ("reconfigure", Keyword::Statement),
    ("restore", Keyword::Statement),
    ("return", Keyword::Statement),
    ("revert", Keyword::Statement),
    ("revoke", Keyword::Statement),
    ("rollback", Keyword::Statement),
    ("save", Keyword::Statement),
    ("select", Keyword::Select),
    ("set", Keyword::Set),
    ("shutdown", Keyword::Statement),
    ("then", Keyword::Then),
    ("to", Keyword::PermissionTail),
    ("top", Keyword::Top),
    ("truncate", Keyword::Statement),
    ("union", Keyword::Clause),
    ("update", Keyword::Update),
    ("updatetext", Keyword::Statement),
    ("use", Keyword::Statement),
    ("waitfor", Keyword::Statement),
    ("when", Keyword::When),
    ("where", Keyword::Clause),
    ("while", Keyword::While),
    ("with", Keyword::Clause),
    ("within", Keyword::Within),
    ("writetext", Keyword::Statement),
];

/// Longer words are none.
const LONGEST_KEYWORD: usize = 11;

/// As many places as make most words that are no keywords fall on an empty one.
const SLOTS: usize = 512;

/// A word of as many letters at most, in lower case, one byte each; 0 where it has ended. Two words are compared at once.
type Letters = u128;

const MOST_LETTERS: usize = size_of::<Letters>();

/// The first so many of these bytes. Bytes that are no letters make no word that is one of letters.
const fn letters(bytes: [u8; MOST_LETTERS], length: usize) -> Letters {
    const LOWER_CASE: Letters = Letters::from_le_bytes([0x20; MOST_LETTERS]);
    (Letters::from_le_bytes(bytes) | LOWER_CASE) & FIRST[length]
}

/// The bytes of the first so many letters.
static FIRST: [Letters; LONGEST_KEYWORD + 1] = {
    let mut first = [0; LONGEST_KEYWORD + 1];
    let mut length = 1;
    while length <= LONGEST_KEYWORD {
        first[length] = first[length - 1] << 8 | 0xFF;
        length += 1;
    }
    first
};

/// The letters of each keyword.
static SPELT: [Letters; KEYWORDS.len()] = {
    let mut spelt = [0; KEYWORDS.len()];
    let mut number = 0;
    while number < KEYWORDS.len() {
        let word = KEYWORDS[number].0.as_bytes();
        let mut bytes = [0; MOST_LETTERS];
        let mut at = 0;
        while at < word.len() {
            bytes[at] = word[at];
            at += 1;
        }
        spelt[number] = letters(bytes, word.len());
        number += 1;
    }
    spelt
};

/// Where each keyword is in [`KEYWORDS`], counted from 1, at the place of its letters or the next free one; 0 elsewhere.
static PLACES: [u8; SLOTS] = {
    let mut places = [0; SLOTS];
    let mut number = 0;
    while number < KEYWORDS.len() {
        let mut slot = slot(SPELT[number]);
        while places[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        number += 1;
        #[allow(clippy::cast_possible_truncation)] // there are fewer than 256
        {
            places[slot] = number as u8;
        }
    }
    places
};

/// The place of a word.
#[allow(clippy::cast_possible_truncation)] // what is cut off has been added before, and places are few
const fn slot(word: Letters) -> usize {
    const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
    let both = word as u64 ^ (word >> u64::BITS) as u64;
    (both.wrapping_mul(SPREAD) >> (u64::BITS - SLOTS.ilog2())) as usize
}

impl Keyword {
    /// The keyword that the bare word at `range` of a text is, in any case.
    #[inline]
    pub(super) fn at(text: &[u8], range: Range<usize>) -> Option<Self> {
        let length = range.len();
        if !(2..=LONGEST_KEYWORD).contains(&length) {
            return None;
        }
        let bytes = text.get(range.start..)?;
        match bytes.first_chunk() {
            Some(bytes) => Self::spelt(letters(*bytes, length)),
            None => Self::of(bytes.get(..length)?),
        }
    }

    /// The keyword this bare word is, in any case.
    #[inline(never)] // seldom asked
    pub(super) fn of(word: &[u8]) -> Option<Self> {
        if word.len() < 2 || word.len() > LONGEST_KEYWORD {
            return None;
        }
        let mut bytes = [0; MOST_LETTERS];
        bytes.get_mut(..word.len())?.copy_from_slice(word);
        Self::spelt(letters(bytes, word.len()))
    }

    fn spelt(word: Letters) -> Option<Self> {
        let mut slot = slot(word);
        loop {
            let number = usize::from(*PLACES.get(slot)?).checked_sub(1)?;
            if *SPELT.get(number)? == word {
                return KEYWORDS.get(number).map(|(_, keyword)| *keyword);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// Whether a statement begins here wherever the word stands, so that an expression before it has ended.
    pub(super) fn begins_statement(self) -> bool {
        matches!(
            self,
            Self::Alter
                | Self::Begin
                | Self::Bulk
                | Self::Create
                | Self::Dbcc
                | Self::Declare
                | Self::Execute
                | Self::Goto
                | Self::Grant
                | Self::If
                | Self::Set
                | Self::Statement
                | Self::Update
                | Self::While
        )
    }

    /// Whether a list of arguments or declarations has ended here.
    pub(super) fn ends_list(self) -> bool {
        self.begins_statement() || matches!(self, Self::Select | Self::End | Self::Else)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keyword_is_found_in_any_case_and_nothing_like_it() {
        for (word, keyword) in KEYWORDS {
            assert_eq!(Keyword::of(word.as_bytes()), Some(*keyword), "{word}");
            let text = format!("a {word} and much more than that");
            let range = 2..2 + word.len();
            assert_eq!(Keyword::at(text.as_bytes(), range.clone()), Some(*keyword));
            assert_eq!(
                Keyword::at(&text.as_bytes()[..range.end], range),
                Some(*keyword)
            );
            assert_eq!(
                Keyword::of(word.to_uppercase().as_bytes()),
                Some(*keyword),
                "{word}"
            );
            assert_eq!(Keyword::of(format!("{word}_").as_bytes()), None, "{word}");
            let (shorter, _) = word.split_at(word.len() - 1);
            let other = KEYWORDS.iter().find(|(other, _)| *other == shorter);
            assert_eq!(
                Keyword::of(shorter.as_bytes()),
                other.map(|(_, keyword)| *keyword)
            );
        }
        for word in [
            "",
            "a",
            "\u{e9}",
            "selec\u{17F}",
            "executes",
            "deallocates",
            "e\u{1d}ec",
        ] {
            assert_eq!(Keyword::of(word.as_bytes()), None, "{word}");
        }
    }

    #[test]
    fn the_table_is_in_order_in_lower_case_and_without_doubles() {
        assert!(KEYWORDS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (word, _) in KEYWORDS {
            assert!((2..=LONGEST_KEYWORD).contains(&word.len()), "{word}");
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase()), "{word}");
        }
    }
}
