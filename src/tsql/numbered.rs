//! The variables of one batch by number, so that names are compared once and not wherever a variable is used.

use super::code::Code;
use super::variables::key;
use std::collections::HashMap;

/// A variable of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Variable(u32);

impl Variable {
    fn place(self) -> usize {
        self.0 as usize
    }
}

/// The variables that a batch names, and those it is given.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By their names as they are compared, from 1.
    numbers: HashMap<String, Variable>,
    /// Of each token; 0 where it is no variable.
    tokens: Vec<Variable>,
}

impl Names {
    /// Numbers the variables that the code names.
    pub(super) fn number_tokens(&mut self, code: &Code) {
        self.tokens.clear();
        let mut variables = code.variables().peekable();
        if variables.peek().is_none() {
            return;
        }
        // Most are spelt as they were before, which is told without another name.
        let mut spelt = [("", Variable::default()); SPELLINGS];
        self.tokens.resize(code.len(), Variable::default());
        self.numbers.reserve(MANY);
        for at in variables {
            let text = code.text(at);
            let before = &mut spelt[spelling(text)];
            if before.0 != text {
                *before = (text, number(&mut self.numbers, text));
            }
            if let Some(token) = self.tokens.get_mut(at) {
                *token = before.1;
            }
        }
    }

    /// The variable of this name, in any case.
    pub(super) fn number(&mut self, name: &str) -> Variable {
        number(&mut self.numbers, name)
    }

    /// The variable of this name, if there is one.
    pub(super) fn known(&self, name: &str) -> Option<Variable> {
        self.numbers.get(&key(name)).copied()
    }

    /// The variable that the token is.
    pub(super) fn at(&self, token: usize) -> Variable {
        self.tokens.get(token).copied().unwrap_or_default()
    }
}

fn number(numbers: &mut HashMap<String, Variable>, name: &str) -> Variable {
    let next = u32::try_from(numbers.len() + 1).unwrap_or(0);
    *numbers.entry(key(name)).or_insert(Variable(next))
}

/// Few batches have more variables.
const MANY: usize = 28;

/// So many spellings are remembered.
const SPELLINGS: usize = 64;

/// Where a spelling is remembered.
fn spelling(text: &str) -> usize {
    let bytes = text.as_bytes();
    let second = bytes.get(1).map_or(0, |byte| usize::from(*byte));
    let last = bytes.last().map_or(0, |byte| usize::from(*byte));
    (bytes.len() * 7 + second * 5 + last) % SPELLINGS
}

/// Something that is kept for some of a batch's variables.
#[derive(Debug)]
pub(super) struct ByVariable<T>(Vec<Option<T>>);

impl<T> Default for ByVariable<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByVariable<T> {
    pub(super) fn get(&self, variable: Variable) -> Option<&T> {
        self.0.get(variable.place())?.as_ref()
    }

    pub(super) fn insert(&mut self, variable: Variable, kept: T) {
        let place = variable.place();
        if place >= self.0.len() {
            self.0.resize_with(place + 1, || None);
        }
        if let Some(slot) = self.0.get_mut(place) {
            *slot = Some(kept);
        }
    }

    pub(super) fn remove(&mut self, variable: Variable) -> Option<T> {
        self.0.get_mut(variable.place())?.take()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
