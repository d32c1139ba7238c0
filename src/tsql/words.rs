//! The words that matter: keywords by what they do to a statement, and functions by what they do to a text.

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

/// Where each keyword is in [`KEYWORDS`], counted from 1, at the place of its letters or the next free one; 0 elsewhere.
static PLACES: [u8; SLOTS] = {
    let mut places = [0; SLOTS];
    let mut number = 0;
    while number < KEYWORDS.len() {
        let mut slot = slot(KEYWORDS[number].0.as_bytes());
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

/// The place of a word of two letters or more: the same in any case.
const fn slot(word: &[u8]) -> usize {
    const CASE: u8 = 0x20;
    let length = word.len();
    let (first, second) = ((word[0] | CASE) as usize, (word[1] | CASE) as usize);
    let (middle, last) = (
        (word[length / 2] | CASE) as usize,
        (word[length - 1] | CASE) as usize,
    );
    (first * 81 + second * 39 + middle * 127 + last * 89 + length * 57) % SLOTS
}

impl Keyword {
    /// The keyword this bare word is, in any case.
    pub(super) fn of(word: &[u8]) -> Option<Self> {
        if word.len() < 2 || word.len() > LONGEST_KEYWORD {
            return None;
        }
        let mut slot = slot(word);
        loop {
            let number = usize::from(*PLACES.get(slot)?);
            let (spelt, keyword) = KEYWORDS.get(number.checked_sub(1)?)?;
            if word.eq_ignore_ascii_case(spelt.as_bytes()) {
                return Some(*keyword);
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
