//! What each instance's question of AN0511 is answered with, in words.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::visible;
use crate::score::{Answer, Claim, Holds, Word};

/// The answer of an instance.
#[derive(Serialize, JsonSchema)]
pub struct AnswerView {
    /// `disabled`, `tightly governed`, `monitored`, `none of these` or `not seen enough to say`.
    pub word: &'static str,
    /// For style.
    pub class: &'static str,
    /// What the word rests on, a sentence each.
    pub because: Vec<String>,
    /// The claims that do not hold, with what stands against them.
    pub others: Vec<ClaimView>,
}

/// A claim that does not hold, or of which not enough was seen.
#[derive(Serialize, JsonSchema)]
pub struct ClaimView {
    /// `not disabled`, `not seen whether disabled`.
    pub word: String,
    /// What stands against it, a sentence each.
    pub because: Vec<String>,
}

/// Words and style.
const fn words(word: Word) -> (&'static str, &'static str) {
    match word {
        Word::Disabled => ("disabled", "whole"),
        Word::TightlyGoverned => ("tightly governed", "whole"),
        Word::Monitored => ("monitored", "medium"),
        Word::NoneOfThese => ("none of these", "critical"),
        Word::NotSeen => ("not seen enough to say", "unknown"),
    }
}

impl AnswerView {
    /// Every word and its style, the best first.
    pub const WORDS: [(&'static str, &'static str); 5] = [
        words(Word::Disabled),
        words(Word::TightlyGoverned),
        words(Word::Monitored),
        words(Word::NoneOfThese),
        words(Word::NotSeen),
    ];

    /// An answer.
    pub fn new(answer: &Answer) -> Self {
        let (word, class) = words(answer.word);
        let holding = answer.claims.iter().find(|claim| claim.holds == Holds::Yes);
        let others = answer
            .claims
            .iter()
            .filter(|claim| claim.holds != Holds::Yes);
        Self {
            word,
            class,
            because: holding.map(because).unwrap_or_default(),
            others: others.map(ClaimView::new).collect(),
        }
    }
}

impl ClaimView {
    fn new(claim: &Claim) -> Self {
        let (word, _) = words(claim.word);
        Self {
            word: match claim.holds {
                Holds::NotSeen => format!("not seen whether {word}"),
                Holds::No | Holds::Yes => format!("not {word}"),
            },
            because: because(claim),
        }
    }
}

fn because(claim: &Claim) -> Vec<String> {
    claim.because.iter().map(|said| visible(said)).collect()
}
