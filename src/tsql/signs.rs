//! Words in a text by its bytes alone, in any case, whatever they are a part of: many times faster than tokens.

use aho_corasick::{AhoCorasick, MatchKind};
use std::ops::Range;

/// No word that is looked for is longer.
const LONGEST: usize = 24;

/// Words that are looked for together.
pub(super) struct Signs(Option<AhoCorasick>);

impl Signs {
    /// The words are in lower case; of those that begin at one place the longest is found.
    pub(super) fn new(words: &[impl AsRef<[u8]>]) -> Self {
        let mut builder = AhoCorasick::builder();
        builder.match_kind(MatchKind::LeftmostLongest);
        let fit = words.iter().all(|word| word.as_ref().len() <= LONGEST);
        Self(builder.build(words).ok().filter(|_| fit))
    }

    /// Whether any sign from `from` on is one that `acts`.
    pub(super) fn any_in(
        &'static self,
        text: &[u8],
        from: usize,
        mut acts: impl FnMut(Range<usize>) -> bool,
    ) -> bool {
        let Some(mut search) = Search::from(text, from, self) else {
            return true;
        };
        while search.at < text.len() {
            if search.any_in_piece(&mut acts) {
                return true;
            }
        }
        false
    }
}

/// A search that has come to some place of a text.
pub(super) struct Search<'t> {
    signs: &'static AhoCorasick,
    text: &'t [u8],
    at: usize,
}

impl<'t> Search<'t> {
    /// `None` where nothing can be found, so that anything may be there.
    pub(super) fn from(text: &'t [u8], at: usize, signs: &'static Signs) -> Option<Self> {
        let signs = signs.0.as_ref()?;
        Some(Self { signs, text, at })
    }

    /// Where what has not been searched yet begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Whether any sign that begins in the text's next piece is one that `acts`.
    pub(super) fn any_in_piece(&mut self, mut acts: impl FnMut(Range<usize>) -> bool) -> bool {
        const PIECE: usize = 1024;
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let mut piece = [0; PIECE];
        for (lower, byte) in piece.iter_mut().zip(rest) {
            *lower = byte.to_ascii_lowercase();
        }
        let length = rest.len().min(PIECE);
        // What begins later may end in the next piece, and is found there.
        let end = if length < rest.len() {
            length - LONGEST
        } else {
            length
        };
        self.at += end;
        let found = self
            .signs
            .find_iter(piece.get(..length).unwrap_or_default());
        found
            .take_while(|found| found.start() < end)
            .any(|found| acts(start + found.start()..start + found.end()))
    }
}
