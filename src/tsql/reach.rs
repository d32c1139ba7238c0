//! The first pass over a batch: whether anything in it can be a sink, execute text, call a module or be worth a note.
//! Most code only reads and writes tables; nothing of what its variables hold is ever told, so it need not be walked.
//!
//! It is never wrong: each place where the walk reports, calls or notes something hangs on a token that is asked for
//! here, by the same rule or by a wider one.

use super::code::Code;
use super::lexer::TokenKind;
use super::procedures;
use super::words::Keyword;

/// Words without which neither remote rows, assemblies, external code, synonyms nor activated procedures are named.
const WORDS: &[&str] = &[
    "assembly",
    "external",
    "opendatasource",
    "openquery",
    "openrowset",
    "procedure_name",
    "synonym",
];

/// The shortest and the longest of them.
const LENGTHS: std::ops::RangeInclusive<usize> = 7..=14;

/// Whether a walk over the batch can find anything but the module's header.
pub(super) fn may_act(code: &Code, has_holes: bool) -> bool {
    code.bare_call().is_some() || (0..code.len()).any(|at| acts(code, at, has_holes))
}

fn acts(code: &Code, at: usize, has_holes: bool) -> bool {
    match code.kind(at) {
        Some(TokenKind::Word) => match code.keyword(at) {
            Some(keyword) => begins_action(code, at, keyword),
            None => LENGTHS.contains(&code.range(at).len()) && code.is_any(at, WORDS),
        },
        Some(TokenKind::Punctuation) => {
            code.is(at, "{")
                || code.is(at, "(") && (reaches_files(code, at) || code.passes_variable(at))
        }
        Some(TokenKind::Hole) => has_holes && code.call_behind_hole(at).is_some(),
        _ => false,
    }
}

fn begins_action(code: &Code, at: usize, keyword: Keyword) -> bool {
    match keyword {
        Keyword::Execute => !code.is_permission(at),
        Keyword::Bulk | Keyword::Grant => true,
        Keyword::Dbcc => code.is_word(at + 1, &["addextendedproc"]),
        _ => false,
    }
}

/// Whether what stands before the parenthesis is a function that reaches the file system.
fn reaches_files(code: &Code, open: usize) -> bool {
    open.checked_sub(1).is_some_and(|own| {
        let (name, _) = code.part(own);
        procedures::is_file_function(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_as_long_as_is_said() {
        assert!(WORDS.iter().all(|word| LENGTHS.contains(&word.len())));
    }
}
