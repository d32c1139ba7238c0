//! One line, word by word.

use std::collections::VecDeque;

/// A line that is read from the left.
#[derive(Debug)]
pub struct Line<'t> {
    text: &'t str,
    words: VecDeque<Word>,
}

#[derive(Debug)]
struct Word {
    text: String,
    is_quoted: bool,
}

impl<'t> Line<'t> {
    /// Cuts a line into words.
    pub fn of(text: &'t str) -> Self {
        let mut words = VecDeque::new();
        let mut rest = text.trim();
        while !rest.is_empty() && !rest.starts_with("--") {
            let (word, is_quoted, after) = first(rest);
            words.push_back(Word {
                text: word.to_owned(),
                is_quoted,
            });
            rest = after.trim_start();
        }
        Self { text, words }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Goes over these words if they are next.
    pub fn take(&mut self, words: &str) -> bool {
        let count = words.split(' ').count();
        let mut own = self.words.iter();
        let mut all = words.split(' ');
        if !all.all(|w| {
            own.next()
                .is_some_and(|own| !own.is_quoted && own.text == w)
        }) {
            return false;
        }
        self.words.drain(..count);
        true
    }

    /// Goes over these words, which must be next.
    pub fn expect(&mut self, words: &str) {
        if !self.take(words) {
            self.fail(&format!("`{words}` expected"));
        }
    }

    /// The next word, quoted or not.
    pub fn name(&mut self) -> String {
        match self.words.pop_front() {
            Some(word) => word.text,
            None => self.fail("a word is missing"),
        }
    }

    /// All words up to one of these.
    pub fn until(&mut self, ends: &[&str]) -> String {
        let mut found = Vec::new();
        while let Some(word) = self.words.front() {
            if !word.is_quoted && ends.contains(&word.text.as_str()) {
                break;
            }
            found.push(self.name());
        }
        found.join(" ")
    }

    /// Nothing may be left.
    pub fn end(&self) {
        if let Some(word) = self.words.front() {
            self.fail(&format!("`{}` is not understood", word.text));
        }
    }

    /// Says what is wrong with the line.
    pub fn fail(&self, why: &str) -> ! {
        panic!("{why} in line: {}", self.text.trim())
    }
}

/// The first word of a text that begins with one, whether it is quoted, and what follows.
fn first(text: &str) -> (&str, bool, &str) {
    if let Some(quoted) = text.strip_prefix('"') {
        let Some((word, rest)) = quoted.split_once('"') else {
            panic!("quote without end in line: {text}")
        };
        return (word, true, rest);
    }
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, ',' | ':' | '='));
    let (word, rest) = text.split_at(end.unwrap_or(text.len()).max(1));
    (word, false, rest)
}
