//! Values that many branches leave behind. Conditions that each add a clause to a query double its possible texts;
//! where all they differ in are such clauses, the longest and the shortest text show whatever any of them executes.

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
pub(super) fn thin_out(values: &mut Vec<Rc<Value>>) -> bool {
    let common = common_prefix(values);
    if !values
        .iter()
        .all(|value| is_clause_from(value.text(), common))
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
    let first = first.text().as_bytes();
    others.iter().fold(first.len(), |common, other| {
        let pairs = first.iter().zip(other.text().as_bytes()).take(common);
        pairs.take_while(|(a, b)| a == b).count()
    })
}

/// Whether the text, from the token that byte `from` is in, only goes on with a statement that calls nothing.
fn is_clause_from(text: &str, from: usize) -> bool {
    let mut in_query = false;
    for token in Lexer::new(text, true) {
        let slice = text
            .get(token.start as usize..token.end as usize)
            .unwrap_or_default();
        let differs = token.end as usize > from || token.end as usize == text.len();
        if token.kind != TokenKind::Word {
            if differs && !says_all(token, slice) {
                return false;
            }
            continue;
        }
        match Keyword::of(slice.as_bytes()) {
            Some(Keyword::Execute | Keyword::Into) if differs => return false,
            Some(Keyword::Execute) => in_query = false,
            Some(Keyword::Select) => in_query = true,
            Some(Keyword::Statement | Keyword::Update) if !differs => in_query = true,

            Some(keyword) if differs && keyword.begins_statement() => return false,
            None if differs
                && REACHING_OUT
                    .iter()
                    .any(|word| word.eq_ignore_ascii_case(slice)) =>
            {
                return false;
            }
            _ => {}
        }
        if differs && !in_query {
            return false;
        }
    }
    true
}

/// Whether a token ends by itself, and says all it stands for.
fn says_all(token: Token, text: &str) -> bool {
    match token.kind {
        TokenKind::Hole => false,
        TokenKind::LineComment => !holes::has_holes(text),
        kind => is_closed(kind, text),
    }
}
