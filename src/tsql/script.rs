//! A file of T-SQL: batches between lines of GO, each judged by itself.

use super::code::Code;
use super::folded::Budget;
use super::found::Found;
use super::given_back::GivenBack;
use super::lexer::{LONGEST, Lexer, Token, TokenKind};
use super::module;
use super::names::Synonyms;
use super::object::Object;
use super::place::Places;
use super::signs::Signs;
use super::skim::{self, Look};
use super::walk::Walk;
use memchr::memchr2;
use std::ops::Range;
use std::sync::LazyLock;

/// What batches may cost together beyond what their lengths allow, in bytes.
const SHARED: usize = 32 << 20;

static SYNONYM: LazyLock<Signs> = LazyLock::new(|| Signs::new(&["synonym"]));

/// What a file's batches do, in order: one object for each that holds any code. GO is read as client tools read it, and
/// SET QUOTED_IDENTIFIER counts from where it stands; at the beginning it is on. Synonyms that the file creates are known
/// to all of it.
pub fn observe_script(text: &str) -> Vec<Object> {
    observe_script_among(text, &Synonyms::default())
}

/// The same, where `synonyms` are known besides those of the file.
pub fn observe_script_among(text: &str, synonyms: &Synonyms) -> Vec<Object> {
    observed((text, true), synonyms, false)
}

/// The same of a step of SQL Server Agent, which connects with QUOTED_IDENTIFIER off.
pub fn observe_job_step(text: &str, synonyms: &Synonyms) -> Vec<Object> {
    observed((text, false), synonyms, false)
}

/// What is found when every batch and text is walked, whether or not it can do anything.
#[cfg(test)]
pub(super) fn observe_script_without_first_pass(text: &str) -> Vec<Object> {
    observed((text, true), &Synonyms::default(), true)
}

fn observed(
    (text, begins_quoted): (&str, bool),
    synonyms: &Synonyms,
    walks_all: bool,
) -> Vec<Object> {
    if text.len() > LONGEST {
        return vec![module::unread()];
    }
    let batches = batches(text);
    let mut synonyms = synonyms.clone();
    if SYNONYM.any_in(text.as_bytes(), 0, |_| true) {
        let mut quoted_identifier = begins_quoted;
        for batch in &batches {
            let code = batch_code(text, batch, &mut quoted_identifier);
            collect_synonyms(&code, &mut synonyms);
        }
    }
    let mut script = Script {
        text,
        places: Places::new(text),
        quoted_identifier: begins_quoted,
        synonyms,
        given_back: GivenBack::default(),
        shared: SHARED,
        walks_all,
    };
    let objects = batches
        .into_iter()
        .filter_map(|batch| script.object(&batch));
    objects.collect()
}

struct Script<'a> {
    text: &'a str,
    places: Places<'a>,
    quoted_identifier: bool,
    synonyms: Synonyms,
    /// What procedures above give back.
    given_back: GivenBack,
    /// What is left of [`SHARED`].
    shared: usize,
    walks_all: bool,
}

impl Script<'_> {
    fn object(&mut self, batch: &Range<usize>) -> Option<Object> {
        let source = self.text.get(..batch.end).unwrap_or_default();
        let mut found = self.lend(batch);
        let before = found.left();
        let start = match skim::look((source, batch.start), &mut found) {
            Look::Found(start) => Some(start),
            Look::Walk(_) => {
                let code = Code::lex_batch(source, batch.start, &mut found.quoted_identifier);
                Walk::new(&code, &mut found, 0, false).run();
                (code.len() > 0).then(|| module::first(&code))
            }
        };
        self.take_back(&mut found, before);
        Some(module::object(found, source, start?, &mut self.places))
    }

    /// What the walk over a batch begins with.
    fn lend(&mut self, batch: &Range<usize>) -> Found {
        let budget = Budget::sharing(batch.len(), self.shared);
        let aside = Budget::sharing(batch.len(), self.shared);
        let synonyms = std::mem::take(&mut self.synonyms);
        let mut found = Found::new(budget, aside, self.quoted_identifier, synonyms);
        found.given_back = Some(std::mem::take(&mut self.given_back));
        found.walks_all = self.walks_all;
        found
    }

    /// What the walk leaves to the next.
    fn take_back(&mut self, found: &mut Found, before: usize) {
        let spent = before.saturating_sub(found.left());
        self.shared = self.shared.saturating_sub(spent);
        self.synonyms = std::mem::take(&mut found.synonyms);
        self.given_back = found.given_back.take().unwrap_or_default();
        self.quoted_identifier = found.quoted_identifier;
    }
}

fn batch_code<'a>(text: &'a str, batch: &Range<usize>, quoted_identifier: &mut bool) -> Code<'a> {
    let source = text.get(..batch.end).unwrap_or_default();
    Code::lex_batch(source, batch.start, quoted_identifier)
}

/// `CREATE SYNONYM s FOR …`, wherever it stands.
fn collect_synonyms(code: &Code, synonyms: &mut Synonyms) {
    for at in 1..code.len() {
        if !code.is_word(at, &["synonym"]) || !code.is_word(at - 1, &["create"]) {
            continue;
        }
        let Some(name) = code
            .name(at + 1)
            .filter(|name| code.is_word(name.next, &["for"]))
        else {
            continue;
        };
        if let Some(target) = code.name(name.next + 1) {
            synonyms.insert(&code.parts(name), &code.parts(target));
        }
    }
}

/// Where the lines of GO divide a text.
pub(super) fn batches(text: &str) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let mut start = text.len() - text.trim_start_matches('\u{FEFF}').len();
    let mut lexer = Lexer::from(text, start, true);
    let mut opening = lexer.next_opening();
    let mut line = start;
    while let Some(go) = next_go(text, line) {
        let end = line_end(text, go.end as usize);
        line = end;
        while opening.is_some_and(|opening| opening.end <= go.start) {
            opening = lexer.next_opening();
        }
        if let Some(around) = opening.filter(|opening| opening.start < go.start) {
            line = line_end(text, around.end as usize);
        } else if is_separator(text, &go) {
            batches.push(start..go.start as usize);
            start = end;
            // A comment that begins in the rest of the line is GO's.
            while let Some(passed) = opening.filter(|opening| (opening.start as usize) < end) {
                line = line.max(passed.end as usize);
                opening = lexer.next_opening();
            }
        }
    }
    batches.push(start..text.len());
    batches
}

/// The first word GO that begins a line, from the line at `line` on, whether or not it stands in a comment or a string.
fn next_go(text: &str, mut line: usize) -> Option<Token> {
    let lexer = Lexer::new(text, true);
    loop {
        let first = lexer.white_space(line);
        if matches!(text.as_bytes().get(first)?, b'g' | b'G') {
            let word = Lexer::from(text, first, true).next();
            let go = word.filter(|word| is_spelt(text, word, "go"));
            if go.is_some() {
                return go;
            }
        }
        line = line_end(text, first);
    }
}

fn written<'a>(text: &'a str, token: &Token) -> &'a str {
    text.get(token.start as usize..token.end as usize)
        .unwrap_or_default()
}

/// Whether the token is this word, in any case.
fn is_spelt(text: &str, token: &Token, word: &str) -> bool {
    let is_as_long = (token.end - token.start) as usize == word.len();
    is_as_long && written(text, token).eq_ignore_ascii_case(word)
}

/// Where the line ends that `at` is in.
fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + memchr2(b'\n', b'\r', rest.as_bytes()).unwrap_or(rest.len())
}

/// Whether a line's first token is a GO that has the line for itself, a count and comments aside.
fn is_separator(text: &str, token: &Token) -> bool {
    if token.kind != TokenKind::Word || !is_spelt(text, token, "go") {
        return false;
    }
    let end = line_end(text, token.end as usize);
    let line = text.get(..end).unwrap_or_default();
    Lexer::from(line, token.end as usize, true).all(|token| match token.kind {
        TokenKind::WhiteSpace | TokenKind::LineComment | TokenKind::BlockComment => true,
        TokenKind::Number => written(text, &token).bytes().all(|b| b.is_ascii_digit()),
        _ => written(text, &token) == ";",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same as [`batches`], by all tokens.
    fn batches_by_tokens(text: &str) -> Vec<Range<usize>> {
        let mut batches = Vec::new();
        let mut start = text.len() - text.trim_start_matches('\u{FEFF}').len();
        let mut lexer = Lexer::from(text, start, true).peekable();
        let mut begins_line = true;
        while let Some(token) = lexer.next() {
            let breaks = |token: &Token| written(text, token).contains(['\n', '\r']);
            let is_blank = |token: &Token| token.kind == TokenKind::WhiteSpace;
            if begins_line && is_spelt(text, &token, "go") && is_separator(text, &token) {
                batches.push(start..token.start as usize);
                start = line_end(text, token.end as usize);
                let is_on_line = |next: &Token| (next.start as usize) < start;
                while lexer
                    .next_if(|next| is_on_line(next) && !(is_blank(next) && breaks(next)))
                    .is_some()
                {}
            } else if is_blank(&token) {
                begins_line |= breaks(&token);
            } else {
                // Client tools know no constants that go on.
                let is_binary = token.kind == TokenKind::Binary;
                begins_line = is_binary && written(text, &token).ends_with(['\n', '\r']);
            }
        }
        batches.push(start..text.len());
        batches
    }

    const FRAGMENTS: &[&str] = &[
        "GO",
        "go",
        "Go 2",
        "GO;",
        "GO x",
        "GOTO",
        "go--",
        "GO /*",
        "GO /* a */ -- b",
        "\n",
        "\r",
        "\r\n",
        " ",
        "\t",
        "\u{A0}",
        "\u{3000}",
        "\u{0}",
        "\u{FEFF}",
        "'",
        "N'",
        "\"",
        "[",
        "]",
        "/*",
        "*/",
        "--",
        "-- go\n",
        "/* a\nGO\n*/",
        "'\nGO\n'",
        "[\nGO\n]",
        "1e--",
        "1.e--GO\n",
        "1e-",
        "a\u{FDD8}1e--",
        "\u{FDD8}",
        "\u{FF47}o",
        "e--",
        "0xA\\\n",
        "0x\\\r\nB",
        "\\\n",
        "SELECT 1",
        "a",
        "1",
    ];

    proptest! {
        #[test]
        fn lines_of_go_are_found_as_by_all_tokens(
            fragments in proptest::collection::vec(proptest::sample::select(FRAGMENTS), 0..20),
        ) {
            let text = fragments.concat();
            prop_assert_eq!(batches(&text), batches_by_tokens(&text), "{:?}", text);
        }
    }
}
