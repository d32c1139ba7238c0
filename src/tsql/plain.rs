//! Whether a text that is executed can do anything worth telling, by its bytes alone. Conditions that each add a clause
//! make many texts of one, most of which only select; they are not even divided into tokens.
//!
//! Like [`reach`](super::reach) it is never wrong: what is asked for here is a part of every token that is asked for
//! there, and of every name that is told.

use super::branches::common_length;
use super::lexer::{Lexer, TokenKind, is_word_byte};
use super::signs::Signs;
use super::source::Source;
use super::words::Keyword;
use memchr::{memchr, memchr_iter};
use std::ops::Range;
use std::sync::LazyLock;

/// Parts of all words that act, in lower case.
const WORDS: &[&str] = &[
    "addextendedproc",
    "assembly",
    "bulk",
    "dm_os_",
    "exec",
    "external",
    "grant",
    "opendatasource",
    "openquery",
    "openrowset",
    "procedure_name",
    "synonym",
];

/// What begins comments, which may stand anywhere in a name; letters that are held equal to those of ASCII: the Kelvin
/// sign, the long s, and how full-width ones begin.
const SPELLINGS: &[&[u8]] = &[
    b"--",
    b"/*",
    b"\xE2\x84\xAA",
    b"\xC5\xBF",
    b"\xEF\xBC",
    b"\xEF\xBD",
];

/// In text that is known in part, a procedure of the server's may follow a hole.
const WORDS_AFTER_HOLES: &[&str] = &["sp_", "xp_"];

static SIGNS: LazyLock<Signs> = LazyLock::new(|| signs(&[]));
static SIGNS_WITH_HOLES: LazyLock<Signs> = LazyLock::new(|| signs(WORDS_AFTER_HOLES));

fn signs(more: &[&str]) -> Signs {
    let words = WORDS.iter().chain(more).map(|word| word.as_bytes());
    let signs: Vec<&[u8]> = words.chain(SPELLINGS.iter().copied()).collect();
    Signs::new(&signs)
}

/// Whether a walk over the executed text would find nothing. `like` is another text of which that is so: what both begin
/// with need not be looked at again.
pub(super) fn is_plain(
    source: Source,
    like: Option<&str>,
    quoted_identifier: bool,
    has_holes: bool,
) -> bool {
    /// Longer than any sign and what is looked at around it.
    const MARGIN: usize = 32;
    let text = source.code().as_bytes();
    let alike = like.map_or(0, |like| common_length(like.as_bytes(), text));
    let from = alike.saturating_sub(MARGIN);
    let rest = text.get(from..).unwrap_or_default();
    let opens = |at: usize| may_follow_qualified_name(text, from + at);
    memchr(b'{', rest).is_none()
        && !has_sign(text, from, has_holes)
        && !memchr_iter(b'(', rest).any(opens)
        && begins_with_keyword(source.code(), quoted_identifier)
}

fn has_sign(text: &[u8], from: usize, has_holes: bool) -> bool {
    let signs = if has_holes { &SIGNS_WITH_HOLES } else { &SIGNS };
    signs.any_in(text, from, |found| !is_part_of_longer_word(text, found))
}

/// Whether what is found is EXEC or EXECUTE in the middle of a longer word, as in the name of a column.
fn is_part_of_longer_word(text: &[u8], found: Range<usize>) -> bool {
    let is = |range: Range<usize>, word: &[u8]| {
        text.get(range)
            .is_some_and(|bytes| bytes.eq_ignore_ascii_case(word))
    };
    let mut end = found.end;
    if !is(found, b"exec") {
        return false;
    }
    if is(end..end + 3, b"ute") {
        end += 3;
    }
    text.get(end).is_some_and(|byte| is_word_byte(*byte))
}

/// Whether what stands before a parenthesis may be a name of two parts or more. There are no comments in the text.
fn may_follow_qualified_name(text: &[u8], open: usize) -> bool {
    let is_space = |byte: u8| byte <= b' ';
    let before = |mut end: usize, belongs: &dyn Fn(u8) -> bool| {
        while let Some(last) = end.checked_sub(1)
            && text.get(last).is_some_and(|byte| belongs(*byte))
        {
            end = last;
        }
        end
    };
    let end = before(open, &is_space);
    let start = before(end, &is_word_byte);
    let name = if start < end {
        before(start, &is_space)
    } else {
        end
    };
    match name.checked_sub(1).and_then(|last| text.get(last)) {
        None => false,
        // Of a delimited name, or of characters outside ASCII, more would have to be known.
        Some(b']' | b'"' | b'?') => start == end,
        Some(b'.') => true,
        Some(byte) => !byte.is_ascii(),
    }
}

/// Whether the text is sure not to begin with a procedure's name.
fn begins_with_keyword(text: &str, quoted_identifier: bool) -> bool {
    let mut written = Lexer::new(text, quoted_identifier)
        .filter(|token| token.kind != TokenKind::WhiteSpace)
        .map(|token| {
            text.get(token.start as usize..token.end as usize)
                .unwrap_or_default()
        });
    let first = written.find(|written| *written != ";");
    first.is_some_and(|first| first == "(" || Keyword::of(first.as_bytes()).is_some())
}
