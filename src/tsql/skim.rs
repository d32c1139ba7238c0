//! The first look at a batch, which divides as little of it into tokens as it can. Most modules hold nothing that acts but calls of
//! procedures and functions by their names. Of these the header is read and the calls, each by itself; the rest does
//! nothing but decide what variables hold, and no call is passed one that is ever given a value.
//!
//! It is never wrong: whatever acts by [`reach`](super::reach) is found here by the same rule or by a wider one, and
//! where a call needs more of the batch than was read for it, or a variable's value, nothing is decided here.

use super::code::Code;
use super::found::Found;
use super::lexer::{Lexer, Token, TokenKind, is_word_byte, word_start};
use super::named_calls::NamedCall;
use super::procedures;
use super::signs::{Search, Signs};
use super::source::Source;
use super::variables::{Variables, key};
use super::walk::Walk;
use super::words::Keyword;
use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::LazyLock;

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

static SIGNS: LazyLock<Signs> = LazyLock::new(|| Signs::new(&[ACTING, EXECUTES, MADE].concat()));

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
    let words = Words::of_calls(batch)?;
    let begun = Begun::of(batch, found, false)?;
    let calls = Skim::new(batch, begun.body, words, (found, written))?.calls()?;
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

/// A batch of which no tokens are made but those that may hold anything and those around calls. Where the bytes leave
/// open what a token is, nothing is decided here.
struct Skim<'a, 'f> {
    batch: Batch<'a>,
    source: &'a str,
    body: usize,
    lexer: Lexer<'a>,
    words: Words,
    found: &'f Found,
    written: &'f mut Written<'a>,
    /// What the lexer stopped at last: what follows up to the next stop is neither comment, string nor delimited name.
    stop: Token,
    /// Tokens that have passed, but few of them.
    landmarks: Last,
    calls: Vec<NamedCall<'a>>,
}

impl<'a, 'f> Skim<'a, 'f> {
    fn new(
        batch: Batch<'a>,
        body: usize,
        words: Words,
        (found, written): (&'f Found, &'f mut Written<'a>),
    ) -> Option<Self> {
        let (source, start) = batch;
        let at = u32::try_from(start).ok()?;
        Some(Self {
            batch,
            source,
            body,
            lexer: Lexer::from(source, start, found.quoted_identifier),
            words,
            found,
            written,
            stop: Token {
                kind: TokenKind::Punctuation,
                start: at,
                end: at,
            },
            landmarks: Last::new(start),
            calls: Vec::new(),
        })
    }

    /// All calls in the body; `None` where something else acts.
    fn calls(mut self) -> Option<Vec<NamedCall<'a>>> {
        loop {
            let stop = self.lexer.next_opening_or_mark();
            let end = stop.map_or(self.source.len(), |stop| stop.start as usize);
            while let Some(word) = self.words.next_before(end) {
                if word.start >= self.stop.end as usize && word.start >= self.body {
                    self.word(word)?;
                }
            }
            let Some(stop) = stop else {
                return Some(self.calls);
            };
            self.pass(stop)?;
            self.stop = stop;
        }
    }

    fn pass(&mut self, stop: Token) -> Option<()> {
        use TokenKind::{BracketedName, Hole, Punctuation, QuotedName, String};
        let start = stop.start as usize;
        match stop.kind {
            Hole => return None,
            Punctuation => match self.source.as_bytes().get(start) {
                Some(b'(' | b'{') if start < self.body => {}
                Some(b'(') => self.parenthesis(start)?,
                _ => return None,
            },
            String | BracketedName | QuotedName => {}
            // What is outside ASCII may stand in the middle of a token.
            _ => return Some(()),
        }
        self.landmarks.pass(start);
        Some(())
    }

    /// Notes the call that begins with a word found outside of comments, strings and delimited names; `None` where the
    /// word acts in another way.
    fn word(&mut self, range: Range<usize>) -> Option<()> {
        let bytes = self.source.as_bytes();
        let next = bytes.get(range.end).copied().unwrap_or_default();
        if is_word_byte(next) || word_start(bytes, range.end)? != range.start {
            return Some(());
        }
        let word = bytes.get(range.clone())?;
        let is_in = |words: &[&str]| {
            words
                .iter()
                .any(|other| word.eq_ignore_ascii_case(other.as_bytes()))
        };
        let is_made = is_in(MADE) && self.follows_create(range.start);
        if !next.is_ascii() || is_in(ACTING) || is_made {
            return None;
        }
        self.landmarks.pass(range.start);
        if is_in(EXECUTES) {
            let call = NamedCall::of_procedure(self.source, range.start, self.found)?;
            self.call(call)?;
        }
        Some(())
    }

    /// The tokens before `at`, where one begins: so many, or a few more or all of the batch.
    fn last_before(&self, at: usize, number: usize) -> Last {
        let quoted_identifier = self.found.quoted_identifier;
        let mut last = Last::new(at);
        for ago in 1..=number {
            let start = self.landmarks.start(ago);
            last = Last::new(start);
            let mut lexer = Lexer::from(self.source, start, quoted_identifier);
            while let Some(token) = lexer.next_but_white_space()
                && (token.start as usize) < at
            {
                use TokenKind::{BlockComment, LineComment, WhiteSpace};
                if !matches!(token.kind, WhiteSpace | LineComment | BlockComment) {
                    last.pass(token.start as usize);
                }
            }
            if last.passed >= number {
                break;
            }
        }
        last
    }

    fn follows_create(&self, at: usize) -> bool {
        let before = self.last_before(at, 1).start(1);
        let rest = self.source.get(before..).unwrap_or_default();
        let begins = |word: &&str| {
            rest.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        ["create", "alter"].iter().any(begins)
    }

    /// Notes the function whose name stands before the parenthesis, if that may be one; `None` where it acts by itself.
    fn parenthesis(&mut self, open: usize) -> Option<()> {
        if self.follows_plain_word(open) {
            return Some(());
        }
        let last = self.last_before(open, LONGEST_NAME);
        let own = last.start(1);
        let is_long = open.saturating_sub(own) >= procedures::SHORTEST_FILE_FUNCTION;
        if is_long && procedures::is_file_function(self.name_at(own)) {
            return None;
        }
        let dot = self.source.as_bytes().get(last.start(2));
        if last.passed > 1 && dot == Some(&b'.') {
            let name = last.passed.min(LONGEST_NAME);
            let call = NamedCall::of_function(self.source, last.start(name), name, self.found);
            self.call(call)?;
        }
        Some(())
    }

    /// Whether the bytes before the parenthesis are enough to tell that it follows no qualified name, nor one as long as
    /// that of a function that acts. Most do.
    fn follows_plain_word(&self, open: usize) -> bool {
        let before = self.source.as_bytes().get(self.stop.end as usize..open);
        let without = |bytes: &'a [u8], belongs: fn(u8) -> bool| {
            let last = bytes.iter().rposition(|byte| !belongs(*byte));
            bytes
                .get(..last.map_or(0, |last| last + 1))
                .unwrap_or_default()
        };
        let is_blank: fn(u8) -> bool = |byte| byte <= b' ';
        let name = without(before.unwrap_or_default(), is_blank);
        let before_name = without(name, is_word_byte);
        let is_short = name.len() - before_name.len() < procedures::SHORTEST_FILE_FUNCTION;
        let is_plain = match without(before_name, is_blank).last() {
            Some(last) => last.is_ascii() && !matches!(last, b'.' | b'?'),
            // A string can be taken for a name, but not for a part of a longer one.
            None => match self.stop.kind {
                TokenKind::Punctuation => true,
                TokenKind::String => !name.is_empty(),
                _ => false,
            },
        };
        is_short && is_plain
    }

    /// Notes a call, unless it hangs on what a variable is given.
    fn call(&mut self, call: NamedCall<'a>) -> Option<()> {
        let whole = (self.body, self.found.quoted_identifier);
        let acts = self.written.reaches(&call, self.batch, whole);
        self.calls.push(call);
        (!acts).then_some(())
    }

    /// The name that begins at `start`, without its delimiters.
    fn name_at(&self, start: usize) -> &'a str {
        let quoted_identifier = self.found.quoted_identifier;
        let token = Lexer::from(self.source, start, quoted_identifier).next();
        let range = token.map_or(0..0, |token| token.start as usize..token.end as usize);
        Source::Outermost(self.source).name(range).0
    }
}

/// Words that are looked for, wherever they stand, in order.
struct Words(VecDeque<Range<usize>>);

impl Words {
    /// Those of a batch, unless the bytes say that it hardly does nothing but call procedures by name: then `None`.
    fn of_calls((source, start): Batch) -> Option<Self> {
        let bytes = source.as_bytes();
        let mut search = Search::from(bytes, start, &SIGNS)?;
        let mut found = VecDeque::new();
        while search.at() < bytes.len() {
            let acts = search.any_in_piece(|word| {
                let acts = executes_text(bytes, &word);
                found.push_back(word);
                acts
            });
            if acts {
                return None;
            }
        }
        Some(Self(found))
    }

    fn next_before(&mut self, end: usize) -> Option<Range<usize>> {
        let is_next = self.0.front()?.start < end;
        is_next.then(|| self.0.pop_front()).flatten()
    }
}

/// Whether EXECUTE stands before a parenthesis or the name of a procedure that acts, though perhaps in a comment.
fn executes_text(bytes: &[u8], word: &Range<usize>) -> bool {
    const ACTING_NAMES: &[&str] = &["(", "sp_executesql", "sp_configure", "sp_oa", "xp_"];
    let written = bytes.get(word.clone()).unwrap_or_default();
    let is_execute = |execute: &&str| written.eq_ignore_ascii_case(execute.as_bytes());
    if !EXECUTES.iter().any(is_execute) {
        return false;
    }
    let rest = bytes.get(word.end..).unwrap_or_default();
    let rest = rest.trim_ascii_start();
    ACTING_NAMES.iter().any(|name| {
        let begins = rest.get(..name.len());
        begins.is_some_and(|begins| begins.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// Where the last tokens begin, and how many have passed.
struct Last {
    starts: [usize; Last::KEPT],
    passed: usize,
}

impl Last {
    /// A power of two, and enough for the longest name.
    const KEPT: usize = 8;

    fn new(start: usize) -> Self {
        Self {
            starts: [start; Self::KEPT],
            passed: 0,
        }
    }

    fn pass(&mut self, start: usize) {
        if let Some(place) = self.starts.get_mut(self.passed % Self::KEPT) {
            *place = start;
        }
        self.passed += 1;
    }

    /// Where the token begins that has passed so many tokens ago.
    fn start(&self, ago: usize) -> usize {
        let place = self.passed.wrapping_sub(ago) % Self::KEPT;
        self.starts.get(place).copied().unwrap_or(0)
    }
}
