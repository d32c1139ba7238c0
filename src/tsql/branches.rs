//! Values that many branches leave behind. Conditions that each add a clause to a query double its possible texts;
//! where all they differ in are such clauses, the longest and the shortest text show whatever any of them executes.

use super::folded::Values;
use super::holes;
use super::lexer::{Lexer, Token, TokenKind};
use super::value::{Value, is_closed};
use super::words::Keyword;
use std::rc::Rc;

/// Words that reach out of the database from within a query.
const REACHING_OUT: &[&str] = &[
    "openquery",
    "openrowset",
    "opendatasource",
    "bulk",
    "external",
    "assembly",
];

/// Keeps the longest and the shortest of many values if what they differ in can call nothing; tells whether it could.
pub(super) fn thin_out(values: &mut Values) -> bool {
    let common = common_prefix(values);
    let Some(first) = values.first() else {
        return false;
    };
    let beginning = Beginning::read(first.text(), common);
    if !values
        .iter()
        .all(|value| beginning.goes_on_with_clauses(value.text()))
    {
        return false;
    }
    let shortest = values.iter().min_by_key(|value| value.len()).cloned();
    let longest = values.iter().max_by_key(|value| value.len()).cloned();
    *values = longest.into_iter().chain(shortest).collect();
    true
}

/// How many bytes all texts begin with alike.
fn common_prefix(values: &[Rc<Value>]) -> usize {
    let Some((first, others)) = values.split_first() else {
        return 0;
    };
    let first = first.text();
    others.iter().fold(first.len(), |common, other| {
        common.min(common_length(first.as_bytes(), other.text().as_bytes()))
    })
}

/// How many bytes both begin with alike: many at once, as far as that goes.
pub(super) fn common_length(a: &[u8], b: &[u8]) -> usize {
    const MANY: usize = 32;
    let pieces = a.chunks_exact(MANY).zip(b.chunks_exact(MANY));
    let alike = MANY * pieces.take_while(|(a, b)| a == b).count();
    let rest = a.iter().zip(b).skip(alike);
    alike + rest.take_while(|(a, b)| a == b).count()
}

/// What texts that begin alike have in common, up to the token in which they part.
struct Beginning {
    /// Where that token begins, or the white space before it.
    parts_at: usize,
    /// Whether a statement has begun that calls nothing.
    in_query: bool,
}

impl Beginning {
    /// Reads the first `common` bytes.
    fn read(text: &str, common: usize) -> Self {
        let mut beginning = Self {
            parts_at: 0,
            in_query: false,
        };
        let mut tokens = Lexer::new(text, true);
        while let Some(token) = tokens.next_but_white_space() {
            // A token that ends where the texts part may be longer in another.
            if token.end as usize >= common {
                break;
            }
            beginning.parts_at = token.end as usize;
            let slice = text.get(token.start as usize..token.end as usize);
            match keyword(token, slice.unwrap_or_default()) {
                Some(Keyword::Execute) => beginning.in_query = false,
                Some(Keyword::Select | Keyword::Statement | Keyword::Update) => {
                    beginning.in_query = true;
                }
                _ => {}
            }
        }
        beginning
    }

    /// Whether a text that begins so only goes on with a statement that calls nothing.
    fn goes_on_with_clauses(&self, text: &str) -> bool {
        let mut in_query = self.in_query;
        let mut tokens = Lexer::from(text, self.parts_at, true);
        std::iter::from_fn(|| tokens.next_but_white_space()).all(|token| {
            let slice = text
                .get(token.start as usize..token.end as usize)
                .unwrap_or_default();
            let keyword = keyword(token, slice);
            let is_harmless = match keyword {
                Some(Keyword::Select) => true,
                Some(Keyword::Into) => false,
                Some(keyword) => !keyword.begins_statement(),
                None => {
                    let mut far = REACHING_OUT.iter();
                    says_all(token, slice) && !far.any(|word| word.eq_ignore_ascii_case(slice))
                }
            };
            in_query |= keyword == Some(Keyword::Select);
            is_harmless && in_query
        })
    }
}

fn keyword(token: Token, text: &str) -> Option<Keyword> {
    match token.kind {
        TokenKind::Word => Keyword::of(text.as_bytes()),
        _ => None,
    }
}

/// Whether a token ends by itself, and says all it stands for.
fn says_all(token: Token, text: &str) -> bool {
    match token.kind {
        TokenKind::Hole => false,
        TokenKind::LineComment => !holes::has_holes(text),
        kind => is_closed(kind, text),
    }
}
