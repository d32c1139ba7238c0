//! The first look at a batch: its tokens one by one, none of them kept. Most modules hold nothing that acts but calls of
//! procedures and functions by their names. Of these the header is read and the calls, each by itself; the rest does
//! nothing but decide what variables hold, and no call passes one on.
//!
//! It is never wrong: whatever acts by [`reach`](super::reach) is found here by the same rule or by a wider one, and
//! where a call needs more of the batch than was read for it, or a variable's value, nothing is decided here.

use super::code::Code;
use super::found::Found;
use super::function_calls::MOST_TOKENS;
use super::header::{self, Header};
use super::lexer::{Lexer, Token, TokenKind};
use super::procedures;
use super::source::Source;
use super::variables::Variables;
use super::walk::Walk;
use super::words::Keyword;

/// The words without which nothing acts but calls by name, in lower case: of sinks, and of settings that change what
/// values are.
const ACTING: &[&str] = &[
    "addextendedproc",
    "ansi_defaults",
    "bulk",
    "concat_null_yields_null",
    "external",
    "grant",
    "opendatasource",
    "openquery",
    "openrowset",
];

/// What CREATE and ALTER make that acts, or is a module by itself.
const MADE: &[&str] = &[
    "aggregate",
    "assembly",
    "function",
    "proc",
    "procedure",
    "queue",
    "synonym",
    "trigger",
    "type",
    "view",
];

/// The first letters of words that are asked for, by their length.
static FIRST_LETTERS: [u32; 32] = {
    let mut letters = [0; 32];
    let lists = [ACTING, MADE, &["alter", "create", "exec", "execute"]];
    let mut list = 0;
    while list < lists.len() {
        let mut at = 0;
        while at < lists[list].len() {
            let word = lists[list][at].as_bytes();
            letters[word.len()] |= 1 << (word[0] & 0x1F);
            at += 1;
        }
        list += 1;
    }
    letters
};

/// The tokens of the longest name before a parenthesis.
const LONGEST_NAME: usize = 5;

/// A call, by the part of the batch that is looked at for it.
enum Call<'a> {
    /// From EXECUTE on.
    Procedure(Code<'a>),
    /// From a name on, and the parenthesis after it.
    Function(Code<'a>, usize),
}

/// The batch that reaches from an offset to the end of a text.
type Batch<'a> = (&'a str, usize);

/// Finds what the batch does, and gives the offset of its first token; `None`, and nothing found, where it must be walked.
pub(super) fn observe(batch: Batch, found: &mut Found) -> Option<usize> {
    if found.walks_all {
        return None;
    }
    let mut own = found.begin_again();
    let start = calls_alone(batch, &mut own)?;
    own.given_back = found.given_back.take();
    *found = own;
    Some(start)
}

fn calls_alone(batch: Batch, found: &mut Found) -> Option<usize> {
    let begun = Begun::of(batch, found)?;
    let calls = Skim::new(batch, found).calls(begun.body)?;
    let mut variables = begun.variables;
    for call in calls {
        let (Call::Procedure(part) | Call::Function(part, _)) = &call;
        let mut walk = Walk::new(part, found, 0, false);
        walk.variables = variables;
        match call {
            Call::Procedure(_) => walk.execute(0),
            Call::Function(_, open) => walk.function_call(open),
        }
        variables = walk.variables;
        if part.is_overrun() {
            return None;
        }
    }
    Some(begun.start)
}

/// A batch's beginning.
struct Begun {
    /// Where its first token begins.
    start: usize,
    /// Where its body begins.
    body: usize,
    /// What its parameters hold.
    variables: Variables,
}

impl Begun {
    /// Reads the header of the module that the batch creates, if it creates one.
    fn of(batch: Batch, found: &mut Found) -> Option<Self> {
        let code = Code::part_from(batch, found.quoted_identifier, may_begin_body);
        if code.len() == 0 || code.bare_call().is_some() {
            return None;
        }
        let mut begun = Self {
            start: code.range(0).start,
            body: code.range(0).start,
            variables: Variables::default(),
        };
        if header::created(&code, 0).is_some_and(|what| Header::read(&code, what).is_some()) {
            let mut walk = Walk::new(&code, found, 0, false);
            let body = walk.create(0);
            if walk.gives_back() {
                return None;
            }
            begun.variables = walk.variables;
            begun.body = match code.range(body) {
                after if after.is_empty() => batch.0.len(),
                token => token.start,
            };
        }
        (!code.is_overrun()).then_some(begun)
    }
}

/// Whether a module's body is sure to begin before long, or the header is too long to be read by itself.
fn may_begin_body(code: &Code, at: usize) -> bool {
    const LONGEST: usize = 4096;
    let begins = |keyword: Keyword| keyword.begins_statement() || keyword == Keyword::Select;
    let follows_as = at > 0 && code.keyword(at - 1) == Some(Keyword::As);
    follows_as && code.keyword(at).is_some_and(begins) || at > LONGEST
}

/// Whether a call's arguments have ended at the token at `at`.
fn ends_call(code: &Code, at: usize) -> bool {
    code.is(at, ";") || code.keyword(at).is_some_and(Keyword::ends_list)
}

/// Whether a variable's value is passed in the call, which is all of the code but a token or two.
fn passes_variable(code: &Code) -> bool {
    let after_name = code.name(called(code)).map(|name| name.next);
    let mut depth = 0_usize;
    for at in called(code)..code.len() {
        if ends_call(code, at) {
            return false;
        }
        depth += usize::from(code.is(at, "("));
        let begins = after_name == Some(at) || depth == 0 && code.is(at - 1, ",");
        let is_name = begins && code.is(at + 1, "=");
        if code.is_variable(at) && !is_name {
            return true;
        }
    }
    false
}

/// What EXECUTE calls, by its token.
fn called(code: &Code) -> usize {
    let gives_back = code.is_variable(1) && code.is(2, "=");
    if gives_back { 3 } else { 1 }
}

/// Whether the EXECUTE that the code begins with calls a procedure, not one of the server's that acts, by its name; or
/// nothing.
fn calls_by_name(code: &Code, found: &Found) -> bool {
    let called = called(code);
    if code.is(called, "(") || code.kind(called) == Some(TokenKind::String) {
        return false;
    }
    code.name(called).is_none_or(|name| {
        let acts = |parts: &[String]| {
            parts
                .last()
                .is_none_or(|own| procedures::procedure(own).is_some())
        };
        let parts = code.parts(name);
        !acts(&parts) && found.synonyms.get(&parts).is_none()
    })
}

/// The tokens of a batch as they pass by.
struct Skim<'a, 'f> {
    source: &'a str,
    lexer: Lexer<'a>,
    found: &'f Found,
    /// Where the last tokens begin, and how many have passed.
    starts: [usize; RECENT],
    passed: usize,
    last: Token,
    before_last: Token,
    calls: Vec<Call<'a>>,
}

/// A power of two.
const RECENT: usize = 8;

impl<'a, 'f> Skim<'a, 'f> {
    fn new((source, start): Batch<'a>, found: &'f Found) -> Self {
        let none = Token {
            kind: TokenKind::WhiteSpace,
            start: 0,
            end: 0,
        };
        Self {
            source,
            lexer: Lexer::from(source, start, found.quoted_identifier),
            found,
            starts: [0; RECENT],
            passed: 0,
            last: none,
            before_last: none,
            calls: Vec::new(),
        }
    }

    /// All calls that begin at `body` or after it; `None` where something else acts.
    fn calls(mut self, body: usize) -> Option<Vec<Call<'a>>> {
        while let Some(token) = self.lexer.next_but_white_space() {
            if matches!(
                token.kind,
                TokenKind::WhiteSpace | TokenKind::LineComment | TokenKind::BlockComment
            ) {
                continue;
            }
            if token.start as usize >= body && self.acts(token) {
                return None;
            }
            if let Some(start) = self.starts.get_mut(self.passed % RECENT) {
                *start = token.start as usize;
            }
            self.passed += 1;
            self.before_last = std::mem::replace(&mut self.last, token);
        }
        Some(self.calls)
    }

    /// Whether the token acts in another way than calls by name, which are noted.
    fn acts(&mut self, token: Token) -> bool {
        match token.kind {
            TokenKind::Word => self.word(token),
            TokenKind::Punctuation => match self.source.as_bytes().get(token.start as usize) {
                Some(b'(') => self.parenthesis(),
                Some(b'{') => true,
                _ => false,
            },
            TokenKind::Hole => true,
            _ => false,
        }
    }

    fn word(&mut self, token: Token) -> bool {
        let word = self.written(token);
        let letters = FIRST_LETTERS.get(word.len()).copied().unwrap_or(0);
        let first = word.first().map_or(0, |first| first & 0x1F);
        if letters >> first & 1 == 0 {
            return false;
        }
        if [&b"exec"[..], b"execute"]
            .iter()
            .any(|w| word.eq_ignore_ascii_case(w))
        {
            return self.procedure(token.start as usize).is_none();
        }
        let is_in = |words: &[&str]| {
            words
                .iter()
                .any(|other| word.eq_ignore_ascii_case(other.as_bytes()))
        };
        is_in(ACTING) || is_in(MADE) && self.follows_create()
    }

    /// Whether CREATE or ALTER has just passed.
    fn follows_create(&self) -> bool {
        let last = self.written(self.last);
        [&b"create"[..], b"alter"]
            .iter()
            .any(|w| last.eq_ignore_ascii_case(w))
    }

    fn parenthesis(&mut self) -> bool {
        let range = self.last.start as usize..self.last.end as usize;
        let (own, _) = Source::Outermost(self.source).name(range);
        if procedures::is_file_function(own) {
            return true;
        }
        self.written(self.before_last) == b"." && self.function().is_none()
    }

    /// Notes the call that begins with EXECUTE; `None` where it is none by name, or a variable is passed.
    fn procedure(&mut self, start: usize) -> Option<()> {
        let ends = |code: &Code, at: usize| at > 1 && ends_call(code, at - 1);
        let code = Code::part_from((self.source, start), self.found.quoted_identifier, ends);
        let is_alone = calls_by_name(&code, self.found) && !passes_variable(&code);
        is_alone.then(|| self.calls.push(Call::Procedure(code)))
    }

    /// Notes the call whose parenthesis has come; `None` where a variable is passed.
    fn function(&mut self) -> Option<()> {
        let open = self.passed.min(LONGEST_NAME);
        let start = *self.starts.get((self.passed - open) % RECENT)?;
        let mut depth = 0_usize;
        let ends = |code: &Code, at: usize| {
            depth += usize::from(at >= open && code.is(at, "("));
            depth = depth.saturating_sub(usize::from(code.is(at, ")")));
            at > open && (depth == 0 || at > open + MOST_TOKENS)
        };
        let code = Code::part_from((self.source, start), self.found.quoted_identifier, ends);
        (!code.passes_variable(open)).then(|| self.calls.push(Call::Function(code, open)))
    }

    fn written(&self, token: Token) -> &'a [u8] {
        let range = token.start as usize..token.end as usize;
        self.source.as_bytes().get(range).unwrap_or_default()
    }
}
