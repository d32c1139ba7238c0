//! The first pass over a batch: whether anything in it can be a sink, execute text, call a module or be worth a note.
//! Most code only reads and writes tables; nothing of what its variables hold is ever told, so it need not be walked.
//!
//! It is never wrong: each place where the walk reports, calls or notes something hangs on a token that is asked for
//! here, by the same rule or by a wider one.

use super::code::Code;
use super::header;
use super::lexer::TokenKind;
use super::procedures;
use super::words::Keyword;

/// Whether a walk over the batch can find anything but what CREATE and ALTER make by themselves.
pub(super) fn may_act(code: &Code, has_holes: bool) -> bool {
    if code.bare_call().is_some() {
        return true;
    }
    let mut at = 0;
    while at < code.len() {
        if acts(code, at, has_holes) {
            return true;
        }
        // What is declared in a header is no call.
        at = header::after(code, at);
    }
    false
}

fn acts(code: &Code, at: usize, has_holes: bool) -> bool {
    match code.kind(at) {
        Some(TokenKind::Word) => match code.keyword(at) {
            Some(keyword) => begins_action(code, at, keyword),
            None => code.is_remote_source(at),
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
        // Their content may be a variable's value.
        Keyword::Create | Keyword::Alter => {
            let what = header::created(code, at);
            what.is_some_and(|what| code.is_word(what, &["assembly", "external"]))
        }
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
