//! The tokens of a batch that mean something, and what is asked of them.

use super::holes;
use super::lexer::{Lexer, Token, TokenKind};
use super::signs::Signs;
use super::source::Source;
use super::words::Keyword;
use std::cell::Cell;
use std::ops::Range;
use std::sync::LazyLock;

/// A batch, or a part of one: its text and its tokens without white space and comments.
#[derive(Debug)]
pub(super) struct Code<'a> {
    source: Source<'a>,
    tokens: Vec<Meaningful>,
    /// Of a part of a batch: so many tokens more there seem to be, so that whoever goes on is noticed.
    left_out: usize,
    /// Whether a token has been asked for that is not there.
    overrun: Cell<bool>,
}

/// A token and what is asked of it again and again.
#[derive(Debug, Clone, Copy)]
struct Meaningful {
    start: u32,
    end: u32,
    kind: TokenKind,
    /// Of a word.
    keyword: Option<Keyword>,
    /// Of punctuation; 0 elsewhere.
    mark: u8,
}

impl Meaningful {
    #[inline]
    fn of(code: &[u8], token: Token) -> Option<Self> {
        let range = token.start as usize..token.end as usize;
        let (keyword, mark) = match token.kind {
            TokenKind::WhiteSpace | TokenKind::LineComment | TokenKind::BlockComment => {
                return None;
            }
            TokenKind::Word => (Keyword::at(code, range), 0),
            TokenKind::Punctuation => (None, *code.get(range.start)?),
            _ => (None, 0),
        };
        Some(Self {
            start: token.start,
            end: token.end,
            kind: token.kind,
            keyword,
            mark,
        })
    }
}

/// A name of one to four parts, in places of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    /// The first part or dot.
    pub(super) first: usize,
    /// The last part: the object's own name.
    pub(super) last: usize,
    /// The token after the name.
    pub(super) next: usize,
}

const MOST_DOTS: usize = 3;

/// The options that decide whether `"…"` is a name.
const SETTINGS_OF_QUOTES: &[&str] = &["quoted_identifier", "ansi_defaults"];

static QUOTES_ARE_SET: LazyLock<Signs> = LazyLock::new(|| Signs::new(SETTINGS_OF_QUOTES));

/// Reads `SET …, QUOTED_IDENTIFIER, … ON`, which counts from there on, wherever control goes.
#[derive(Debug, Default)]
struct QuotedIdentifier {
    in_set: bool,
    named: bool,
    /// Inside of a module the setting counts for nothing.
    in_module: bool,
}

impl QuotedIdentifier {
    /// The setting that the token at `at` makes.
    fn after(&mut self, code: &Code, at: usize) -> Option<bool> {
        if self.in_module || code.kind(at) != Some(TokenKind::Word) {
            return None;
        }
        if code.is_word(at, &["set"]) {
            (self.in_set, self.named) = (true, false);
        } else if self.in_set && code.is_word(at, SETTINGS_OF_QUOTES) {
            self.named = true;
        } else if self.in_set && code.is_word(at, &["on", "off"]) {
            self.in_set = false;
            return self.named.then(|| code.is_word(at, &["on"]));
        } else {
            const MODULES: &[&str] = &["proc", "procedure", "function", "trigger", "view"];
            let created = |at| code.is_word(at, &["create", "alter"]);
            self.in_module = code.is_word(at, MODULES) && at.checked_sub(1).is_some_and(created);
            self.in_set &= !code.keyword(at).is_some_and(Keyword::begins_statement);
        }
        None
    }
}

impl<'a> Code<'a> {
    pub(super) fn lex(source: Source<'a>, quoted_identifier: bool) -> Self {
        Self::lex_from(source, 0, quoted_identifier)
    }

    /// The batch that reaches from `start` to the end of the source.
    pub(super) fn lex_from(source: Source<'a>, start: usize, quoted_identifier: bool) -> Self {
        /// Code has fewer tokens than one for so many bytes, most of the time.
        const BYTES_PER_TOKEN: usize = 5;
        let text = source.code();
        let length = text.len().saturating_sub(start);
        let mut tokens = Vec::with_capacity(length / BYTES_PER_TOKEN);
        let mut lexer = Lexer::from(text, start, quoted_identifier);
        while let Some(token) = lexer.next_but_white_space() {
            if let Some(token) = Meaningful::of(text.as_bytes(), token) {
                tokens.push(token);
            }
        }
        Self::of(source, tokens)
    }

    fn of(source: Source<'a>, tokens: Vec<Meaningful>) -> Self {
        Self {
            source,
            tokens,
            left_out: 0,
            overrun: Cell::new(false),
        }
    }

    /// The part of the batch that reaches to the end of `source`, from the token that begins at `start` to the first one
    /// that `ends` it.
    pub(super) fn part_from(
        (source, start): (&'a str, usize),
        quoted_identifier: bool,
        mut ends: impl FnMut(&Self, usize) -> bool,
    ) -> Self {
        /// No loop that ends where the tokens do steps over more of them at once.
        const SEEM_LEFT: usize = 4;
        /// Most parts have fewer tokens.
        const FEW: usize = 32;
        let mut code = Self::of(Source::Outermost(source), Vec::with_capacity(FEW));
        let mut lexer = Lexer::from(source, start, quoted_identifier);
        while let Some(token) = lexer.next_but_white_space() {
            let Some(token) = Meaningful::of(source.as_bytes(), token) else {
                continue;
            };
            code.tokens.push(token);
            if ends(&code, code.tokens.len() - 1) {
                code.left_out = SEEM_LEFT;
                break;
            }
        }
        code
    }

    /// How many tokens are there.
    pub(super) fn part_len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether anybody has asked for more than the part of the batch has, so that the answer may be wrong.
    pub(super) fn is_overrun(&self) -> bool {
        self.left_out > 0 && self.overrun.get()
    }

    /// The first few tokens of a batch.
    pub(super) fn beginning(source: Source<'a>, quoted_identifier: bool) -> Self {
        const TOKENS: usize = 8;
        let text = source.code();
        let tokens = Lexer::new(text, quoted_identifier);
        let tokens = tokens.filter_map(|token| Meaningful::of(text.as_bytes(), token));
        Self::of(source, tokens.take(TOKENS).collect())
    }

    /// A batch of a script, which reaches to the end of `source`. SET QUOTED_IDENTIFIER in it is followed, and left in
    /// `quoted_identifier` as it is at its end.
    pub(super) fn lex_batch(source: &'a str, start: usize, quoted_identifier: &mut bool) -> Self {
        let batch = source.as_bytes().get(start..).unwrap_or_default();
        if !QUOTES_ARE_SET.any_in(batch, 0, |_| true) {
            return Self::lex_from(Source::Outermost(source), start, *quoted_identifier);
        }
        let mut code = Self::of(Source::Outermost(source), Vec::new());
        let mut lexer = Lexer::from(source, start, *quoted_identifier);
        let mut option = QuotedIdentifier::default();
        while let Some(token) = lexer.next() {
            let Some(token) = Meaningful::of(source.as_bytes(), token) else {
                continue;
            };
            code.tokens.push(token);
            if let Some(on) = option.after(&code, code.len() - 1) {
                *quoted_identifier = on;
                lexer.set_quoted_identifier(on);
            }
        }
        code
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len() + self.left_out
    }

    pub(super) fn source(&self) -> &Source<'a> {
        &self.source
    }

    fn token(&self, at: usize) -> Option<&Meaningful> {
        let token = self.tokens.get(at);
        if token.is_none() {
            self.overrun.set(true);
        }
        token
    }

    pub(super) fn kind(&self, at: usize) -> Option<TokenKind> {
        self.token(at).map(|token| token.kind)
    }

    /// The bytes of the token at `at`; empty after the last.
    pub(super) fn range(&self, at: usize) -> Range<usize> {
        let token = self.token(at);
        token.map_or(0..0, |token| token.start as usize..token.end as usize)
    }

    pub(super) fn text(&self, at: usize) -> &'a str {
        let code: &'a str = self.source.code();
        code.get(self.range(at)).unwrap_or_default()
    }

    /// The punctuation mark that the token is; 0 for any other token.
    pub(super) fn mark(&self, at: usize) -> u8 {
        self.tokens.get(at).map_or(0, |token| token.mark)
    }

    /// Whether the token is this punctuation mark.
    pub(super) fn is(&self, at: usize, mark: &str) -> bool {
        let token = self.token(at);
        token.is_some_and(|token| mark.as_bytes() == [token.mark])
    }

    pub(super) fn is_variable(&self, at: usize) -> bool {
        self.kind(at) == Some(TokenKind::Variable)
    }

    /// The places of all variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = usize> {
        let tokens = self.tokens.iter().enumerate();
        let variables = tokens.filter(|(_, token)| token.kind == TokenKind::Variable);
        variables.map(|(at, _)| at)
    }

    /// The first opening parenthesis, CREATE or ALTER from the token at `at` on.
    pub(super) fn next_opening_or_creation(&self, at: usize) -> Option<usize> {
        let is_either = |token: &Meaningful| match token.keyword {
            Some(Keyword::Create | Keyword::Alter) => true,
            _ => token.mark == b'(',
        };
        let rest = self.tokens.get(at..)?;
        Some(at + rest.iter().position(is_either)?)
    }

    pub(super) fn keyword(&self, at: usize) -> Option<Keyword> {
        self.token(at)?.keyword
    }

    /// Whether the token is one of these bare words, which need not be reserved.
    #[inline]
    pub(super) fn is_word(&self, at: usize, words: &[&str]) -> bool {
        let token = self.tokens.get(at);
        let is_word = |token: &Meaningful| token.kind == TokenKind::Word;
        // Most words are told apart by their lengths, without a look at the text.
        token.filter(|token| is_word(token)).is_some_and(|token| {
            let length = (token.end - token.start) as usize;
            let mut alike = words.iter().filter(|word| word.len() == length);
            alike.any(|word| self.text(at).eq_ignore_ascii_case(word))
        })
    }

    /// Whether the token's text is one of these, in any case.
    pub(super) fn is_any(&self, at: usize, texts: &[&str]) -> bool {
        let text = self.text(at);
        texts.iter().any(|other| text.eq_ignore_ascii_case(other))
    }

    /// Where the token was written, in the outermost source.
    pub(super) fn origin(&self, at: usize) -> usize {
        self.source.origin(self.range(at).start)
    }

    pub(super) fn is_hole(&self, at: usize) -> bool {
        self.kind(at) == Some(TokenKind::Hole)
    }

    /// `?` stands for a database or a table in text that sp_MSforeachdb and its siblings execute.
    pub(super) fn is_part(&self, at: usize) -> bool {
        self.is(at, "?")
            || matches!(
                self.kind(at),
                Some(
                    TokenKind::Word
                        | TokenKind::BracketedName
                        | TokenKind::QuotedName
                        | TokenKind::Hole
                )
            )
    }

    /// The name that begins with the token at `at`; parts may be missing between dots (`master..xp_cmdshell`), and a
    /// hole may hold any of a name's beginning.
    pub(super) fn name(&self, at: usize) -> Option<Name> {
        let mut last = None;
        let mut next = at;
        let mut dots = 0;
        let mut expects_part = true;
        loop {
            if expects_part && self.is_part(next) {
                last = Some(next);
                expects_part = self.is_hole(next);
            } else if self.is(next, ".")
                && dots < MOST_DOTS
                && (self.is(next + 1, ".") || self.is_part(next + 1))
            {
                dots += 1;
                expects_part = true;
            } else {
                break;
            }
            next += 1;
        }
        let name = |last| Name {
            first: at,
            last,
            next,
        };
        last.map(name)
    }

    /// The parts of a name without delimiters; what is not known in them is shown as `…`, a part left out is empty.
    pub(super) fn parts(&self, name: Name) -> Vec<String> {
        let mut parts = vec![String::new()];
        for at in name.first..=name.last {
            if self.is(at, ".") {
                parts.push(String::new());
            } else if let Some(part) = parts.last_mut() {
                self.show_part(at, part);
            }
        }
        parts
    }

    /// The same parts with dots between them.
    pub(super) fn dotted(&self, name: Name) -> String {
        let mut dotted = String::new();
        for at in name.first..=name.last {
            if self.is(at, ".") {
                dotted.push('.');
            } else {
                self.show_part(at, &mut dotted);
            }
        }
        dotted
    }

    fn show_part(&self, at: usize, out: &mut String) {
        let (text, _) = self.part(at);
        let doubled = match self.kind(at) {
            Some(TokenKind::BracketedName) => "]]",
            Some(TokenKind::QuotedName) => "\"\"",
            _ => return holes::show(text, out),
        };
        let single = doubled.get(1..).unwrap_or_default();
        holes::show(&text.replace(doubled, single), out);
    }

    /// A name's part without its delimiters, and where it begins in the batch.
    pub(super) fn part(&self, at: usize) -> (&'a str, usize) {
        match self.kind(at) {
            Some(TokenKind::Word) => (self.text(at), self.range(at).start),
            _ => self.source.name(self.range(at)),
        }
    }

    /// The token after a list of query words that may stand before a select list: DISTINCT, TOP (n) PERCENT.
    pub(super) fn after_select(&self, select: usize) -> usize {
        let mut at = select + 1;
        loop {
            match self.keyword(at) {
                Some(Keyword::Quantifier) => at += 1,
                Some(Keyword::Top) if self.is(at + 1, "(") => at = self.after_group(at + 1),
                Some(Keyword::Top) => at += 2,
                Some(Keyword::Clause) if self.is_word(at + 1, &["ties"]) => at += 2,
                _ if self.is_word(at, &["percent"]) => at += 1,
                _ => return at,
            }
        }
    }

    /// The token after the parenthesis that the one at `open` belongs to; a statement's beginning ends the search.
    pub(super) fn after_group(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        let mut at = open;
        while at < self.len() {
            if self.is(at, "(") {
                depth += 1;
            } else if self.is(at, ")") {
                depth = depth.saturating_sub(1);
            } else if self.keyword(at).is_some_and(Keyword::begins_statement) {
                return at;
            }
            at += 1;
            if depth == 0 {
                return at;
            }
        }
        at
    }

    /// The parenthesis that closes the one before `at`, or where a statement begins.
    pub(super) fn after_query(&self, mut at: usize) -> usize {
        while at < self.len() && !self.is(at, ")") && !self.is(at, ";") {
            if self.is(at, "(") {
                at = self.after_group(at);
            } else if self.keyword(at).is_some_and(Keyword::begins_statement) {
                break;
            } else {
                at += 1;
            }
        }
        at
    }

    /// The token after an argument of a procedure: a comma, or the end of the call.
    pub(super) fn after_argument(&self, mut at: usize) -> usize {
        while at < self.len() {
            if self.is(at, "(") {
                at = self.after_group(at);
                continue;
            }
            let ends = [",", ";", ")", "{", "}"]
                .iter()
                .any(|mark| self.is(at, mark));
            if ends || self.keyword(at).is_some_and(Keyword::ends_list) {
                return at;
            }
            at += 1;
        }
        at
    }
}
