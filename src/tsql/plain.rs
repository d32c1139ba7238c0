//! Whether a text that is executed can do anything worth telling, by its bytes alone. Conditions that each add a clause
//! make many texts of one, most of which only select; they are not even divided into tokens.
//!
//! Like [`reach`](super::reach) it is never wrong: what is asked for here is a part of every token that is asked for
//! there, and of every name that is told.

use super::code::Code;
use super::source::Source;
use aho_corasick::{AhoCorasick, MatchKind};
use memchr::{memchr, memchr_iter, memmem};
use std::sync::LazyLock;

/// In lower case: parts of all words that act.
const SIGNS: &[&str] = &[
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

/// In text that is known in part, a procedure of the server's may follow a hole.
const SIGNS_AFTER_HOLES: &[&str] = &["sp_", "xp_"];

/// Letters that are held equal to those of ASCII: the Kelvin sign, the long s, and how full-width ones begin.
const LIKE_ASCII: &[&[u8]] = &[b"\xE2\x84\xAA", b"\xC5\xBF", b"\xEF\xBC", b"\xEF\xBD"];

static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| searcher(&[]));
static WORDS_WITH_HOLES: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| searcher(SIGNS_AFTER_HOLES));

fn searcher(more: &[&str]) -> Option<AhoCorasick> {
    let signs = SIGNS.iter().chain(more);
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::LeftmostFirst);
    builder.build(signs).ok()
}

/// Whether a walk over the executed text would find nothing.
pub(super) fn is_plain(source: Source, quoted_identifier: bool, has_holes: bool) -> bool {
    let text = source.code().as_bytes();
    memchr(b'{', text).is_none()
        && memmem::find(text, b"--").is_none()
        && memmem::find(text, b"/*").is_none()
        && !has_sign(text, has_holes)
        && (text.is_ascii()
            || LIKE_ASCII
                .iter()
                .all(|like| memmem::find(text, like).is_none()))
        && !memchr_iter(b'(', text).any(|open| may_follow_qualified_name(text, open))
        && begins_with_keyword(source, quoted_identifier)
}

fn has_sign(text: &[u8], has_holes: bool) -> bool {
    /// Longer than any sign, which may lie across two pieces.
    const OVERLAP: usize = 16;
    let words = if has_holes { &WORDS_WITH_HOLES } else { &WORDS };
    let Some(words) = words.as_ref() else {
        return true;
    };
    let mut piece = [0; 1024];
    let mut rest = text;
    loop {
        let length = rest.len().min(piece.len());
        let (now, _) = rest.split_at(length);
        for (lower, byte) in piece.iter_mut().zip(now) {
            *lower = byte.to_ascii_lowercase();
        }
        if words.is_match(piece.get(..length).unwrap_or_default()) {
            return true;
        }
        if length == rest.len() {
            return false;
        }
        rest = rest.get(length - OVERLAP..).unwrap_or_default();
    }
}

/// Whether what stands before a parenthesis may be a name of two parts or more. There are no comments in the text.
fn may_follow_qualified_name(text: &[u8], open: usize) -> bool {
    let is_space = |byte: u8| byte <= b' ';
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_@#$".contains(&byte);
    let before = |mut end: usize, belongs: &dyn Fn(u8) -> bool| {
        while let Some(last) = end.checked_sub(1)
            && text.get(last).is_some_and(|byte| belongs(*byte))
        {
            end = last;
        }
        end
    };
    let end = before(open, &is_space);
    let start = before(end, &is_part);
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
fn begins_with_keyword(source: Source, quoted_identifier: bool) -> bool {
    let code = Code::beginning(source, quoted_identifier);
    let first = (0..code.len()).find(|at| !code.is(*at, ";"));
    first.is_some_and(|first| code.keyword(first).is_some() || code.is(first, "("))
}
