//! The first look at a batch: its tokens one by one, none of them kept. Most modules hold nothing that acts but calls of
//! procedures and functions by their names. Of these the header is read and the calls, each by itself; the rest does
//! nothing but decide what variables hold, and no call is passed one that is ever given a value.
//!
//! It is never wrong: whatever acts by [`reach`](super::reach) is found here by the same rule or by a wider one, and
//! where a call needs more of the batch than was read for it, or a variable's value, nothing is decided here.

use super::code::Code;
use super::found::Found;
use super::lexer::{Lexer, TokenKind};
use super::named_calls::NamedCall;
use super::procedures;
use super::source::Source;
use super::variables::{Variables, key};
use super::walk::Walk;
use super::words::Keyword;
use std::collections::HashSet;

/// The words without which nothing acts but calls by name, in lower case: of sinks, and of settings that change what
/// values and tokens are.
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
    "quoted_identifier",
];

const EXECUTES: &[&str] = &["exec", "execute"];

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
    let lists = [ACTING, EXECUTES, MADE];
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

/// Whether a word is as long as one that is asked for and begins with the same letter.
fn begins_like_asked_for(word: &[u8]) -> bool {
    let letters = FIRST_LETTERS.get(word.len()).copied().unwrap_or(0);
    word.first()
        .is_some_and(|first| letters >> (first & 0x1F) & 1 != 0)
}

/// The tokens of the longest name before a parenthesis.
const LONGEST_NAME: usize = 5;

/// The batch that reaches from an offset to the end of a text.
type Batch<'a> = (&'a str, usize);

/// What a first look comes to.
pub(super) enum Look<'a> {
    /// All that the batch does has been found; its first token begins here.
    Found(usize),
    /// The batch must be walked. These are its tokens, if they were needed, but that SET QUOTED_IDENTIFIER was not
    /// followed.
    Walk(Option<Code<'a>>),
}

/// Finds what the batch does, if calls by name are all that acts in it.
pub(super) fn look<'a>(batch: Batch<'a>, found: &mut Found) -> Look<'a> {
    let mut written = Written::default();
    if found.walks_all {
        return Look::Walk(None);
    }
    let mut own = found.begin_again();
    match calls_alone(batch, &mut own, &mut written) {
        Some(start) => {
            own.given_back = found.given_back.take();
            *found = own;
            Look::Found(start)
        }
        None => Look::Walk(written.code),
    }
}

fn calls_alone<'a>(
    batch: Batch<'a>,
    found: &mut Found,
    written: &mut Written<'a>,
) -> Option<usize> {
    let begun = Begun::of(batch, found, false)?;
    let calls = Skim::new(batch, found, written).calls(begun.body)?;
    let mut variables = Variables::default();
    let passes_variables = written.code.is_some();
    if passes_variables {
        variables = Begun::of(batch, found, true)?.variables;
    }
    for call in calls {
        let mut walk = Walk::new(call.code(), found, 0, false);
        walk.variables = variables;
        if passes_variables {
            walk.variables.number_tokens(call.code());
        }
        call.walk(&mut walk);
        variables = walk.variables;
        if call.code().is_overrun() {
            return None;
        }
    }
    Some(begun.start)
}

/// The variables that the batch may give values, once a call is passed any.
#[derive(Default)]
struct Written<'a> {
    code: Option<Code<'a>>,
    variables: HashSet<String>,
}

impl<'a> Written<'a> {
    /// Whether the call is passed a variable that may not hold what it holds in the beginning.
    fn reaches(
        &mut self,
        call: &NamedCall,
        batch: Batch<'a>,
        (body, quoted): (usize, bool),
    ) -> bool {
        let passed = call.variables();
        if self.code.is_none() && !passed.is_empty() {
            let (source, start) = batch;
            let code = Code::lex_from(Source::Outermost(source), start, quoted);
            self.variables = code.written_variables(body);
            self.code = Some(code);
        }
        let names = passed.iter().map(|at| key(call.code().text(*at)));
        names.into_iter().any(|name| self.variables.contains(&name))
    }
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
    fn of(batch: Batch, found: &mut Found, reads_parameters: bool) -> Option<Self> {
        let code = Code::part_from(batch, found.quoted_identifier, may_begin_body);
        if code.len() == 0 || code.bare_call().is_some() {
            return None;
        }
        let mut begun = Self {
            start: code.range(0).start,
            body: code.range(0).start,
            variables: Variables::default(),
        };
        if matches!(code.keyword(0), Some(Keyword::Create | Keyword::Alter)) {
            let mut walk = Walk::new(&code, found, 0, false);
            if reads_parameters {
                walk.variables.number_tokens(&code);
            }
            walk.begun = !reads_parameters;
            let body = walk.create(0);
            if walk.gives_back() {
                return None;
            }
            begun.variables = walk.variables;
            let has_header = found.module.is_some();
            begun.body = match code.range(body) {
                _ if !has_header => begun.start,
                after if after.is_empty() => batch.0.len(),
                token => token.start,
            };
        }
        (!code.is_overrun()).then_some(begun)
    }
}

/// Whether the batch creates no module, or the module's body is sure to begin, or else its header is too long to be read
/// by itself.
fn may_begin_body(code: &Code, at: usize) -> bool {
    const LONGEST: usize = 4096;
    /// A name that may be called is told by fewer tokens.
    const ENOUGH: usize = 16;
    let creates = matches!(code.keyword(0), Some(Keyword::Create | Keyword::Alter));
    if !creates && at > ENOUGH {
        return true;
    }
    let begins = |keyword: Keyword| keyword.begins_statement() || keyword == Keyword::Select;
    let follows_as = at > 0 && code.keyword(at - 1) == Some(Keyword::As);
    follows_as && code.keyword(at).is_some_and(begins) || at > LONGEST
}

/// The tokens of a batch as they pass by.
struct Skim<'a, 'f> {
    batch: Batch<'a>,
    source: &'a str,
    body: usize,
    lexer: Lexer<'a>,
    found: &'f Found,
    written: &'f mut Written<'a>,
    /// Where the last tokens begin, and how many have passed.
    starts: [usize; RECENT],
    passed: usize,
    calls: Vec<NamedCall<'a>>,
}

/// A power of two.
const RECENT: usize = 8;

impl<'a, 'f> Skim<'a, 'f> {
    fn new(batch: Batch<'a>, found: &'f Found, written: &'f mut Written<'a>) -> Self {
        let (source, start) = batch;
        Self {
            batch,
            source,
            body: start,
            lexer: Lexer::from(source, start, found.quoted_identifier),
            found,
            written,
            starts: [start; RECENT],
            passed: 0,
            calls: Vec::new(),
        }
    }

    /// All calls that begin at `body` or after it; `None` where something else acts.
    fn calls(mut self, body: usize) -> Option<Vec<NamedCall<'a>>> {
        use TokenKind::{BlockComment, LineComment, WhiteSpace};
        self.body = body;
        while let Some(token) = self.lexer.next_but_white_space() {
            let start = token.start as usize;
            let acts = match token.kind {
                WhiteSpace | LineComment | BlockComment => continue,
                TokenKind::Word => {
                    let word = self.source.as_bytes().get(start..token.end as usize);
                    word.is_some_and(|word| {
                        begins_like_asked_for(word) && start >= body && self.word(start, word)
                    })
                }
                TokenKind::Punctuation => match self.source.as_bytes().get(start) {
                    Some(b'(') => start >= body && self.parenthesis(start),
                    Some(b'{') => start >= body,
                    _ => false,
                },
                TokenKind::Hole => true,
                _ => false,
            };
            if acts {
                return None;
            }
            if let Some(place) = self.starts.get_mut(self.passed % RECENT) {
                *place = start;
            }
            self.passed += 1;
        }
        Some(self.calls)
    }

    /// Whether the word that begins at `start` acts in another way than calls by name, which are noted.
    fn word(&mut self, start: usize, word: &[u8]) -> bool {
        let is_in = |words: &[&str]| {
            words
                .iter()
                .any(|other| word.eq_ignore_ascii_case(other.as_bytes()))
        };
        if is_in(EXECUTES) {
            let call = NamedCall::of_procedure(self.source, start, self.found);
            return call.is_none_or(|call| self.call(call));
        }
        is_in(ACTING) || is_in(MADE) && self.follows_create()
    }

    /// Where the token begins that has passed so many tokens ago.
    fn recent(&self, ago: usize) -> usize {
        let place = self.passed.wrapping_sub(ago) % RECENT;
        self.starts.get(place).copied().unwrap_or(0)
    }

    fn follows_create(&self) -> bool {
        let rest = self.source.get(self.recent(1)..).unwrap_or_default();
        let begins = |word: &&str| {
            rest.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        ["create", "alter"].iter().any(begins)
    }

    /// Whether a function that acts stands before the parenthesis; others are noted.
    fn parenthesis(&mut self, open: usize) -> bool {
        let own = self.recent(1);
        let is_long = open.saturating_sub(own) >= procedures::SHORTEST_FILE_FUNCTION;
        if is_long && procedures::is_file_function(self.name_at(own)) {
            return true;
        }
        let dot = self.source.as_bytes().get(self.recent(2));
        if self.passed > 1 && dot == Some(&b'.') {
            let name = self.passed.min(LONGEST_NAME);
            let call = NamedCall::of_function(self.source, self.recent(name), name, self.found);
            return self.call(call);
        }
        false
    }

    /// Notes a call, unless it hangs on what a variable is given.
    fn call(&mut self, call: NamedCall<'a>) -> bool {
        let whole = (self.body, self.found.quoted_identifier);
        let acts = self.written.reaches(&call, self.batch, whole);
        self.calls.push(call);
        acts
    }

    /// The name that begins at `start`, without its delimiters.
    fn name_at(&self, start: usize) -> &'a str {
        let quoted_identifier = self.found.quoted_identifier;
        let token = Lexer::from(self.source, start, quoted_identifier).next();
        let range = token.map_or(0..0, |token| token.start as usize..token.end as usize);
        Source::Outermost(self.source).name(range).0
    }
}
