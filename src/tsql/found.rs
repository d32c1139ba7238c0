//! What all walks of one text share: what they found, and what they may still spend.

use super::folded::Budget;
use super::given_back::GivenBack;
use super::header::Header;
use super::names::Synonyms;
use super::object::{CallSite, Kind, Observation, Parameter};

/// The module that a text creates.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) kind: Kind,
    pub(super) name: Vec<String>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) is_encrypted: bool,
    /// Where it begins, in bytes of the outermost source.
    pub(super) start: usize,
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // each is asked for by itself
pub(super) struct Found {
    /// Spans and everything else but lines and columns; an end of 0 is the end of the token that begins there.
    pub(super) sinks: Vec<Observation>,
    /// The same.
    pub(super) calls: Vec<CallSite>,
    /// By their places.
    pub(super) notes: Vec<(usize, String)>,
    pub(super) module: Option<Module>,
    pub(super) synonyms: Synonyms,
    /// What procedures above give back; `None` where there is only one module.
    pub(super) given_back: Option<GivenBack>,
    pub(super) budget: Budget,
    pub(super) quoted_identifier: bool,
    /// Whether what is walked is executed at another server.
    pub(super) is_elsewhere: bool,
    /// Whether code that does nothing worth telling is walked all the same.
    pub(super) walks_all: bool,
    /// What texts that are passed on may cost, whatever the rest costs.
    aside: Budget,
    is_aside: bool,
}

/// What was found before a text that is only passed on is walked.
#[derive(Debug)]
pub(super) struct Aside {
    sinks: Vec<Observation>,
    calls: Vec<CallSite>,
    notes: usize,
    is_outermost: bool,
}

impl Found {
    pub(super) fn new(
        budget: Budget,
        aside: Budget,
        quoted_identifier: bool,
        synonyms: Synonyms,
    ) -> Self {
        Self {
            sinks: Vec::new(),
            calls: Vec::new(),
            notes: Vec::new(),
            module: None,
            synonyms,
            given_back: None,
            budget,
            quoted_identifier,
            is_elsewhere: false,
            walks_all: false,
            aside,
            is_aside: false,
        }
    }

    /// The same before anything was found, for somebody who may have to give up.
    pub(super) fn begin_again(&self) -> Self {
        let (budget, aside) = (self.budget.clone(), self.aside.clone());
        let synonyms = self.synonyms.clone();
        Self {
            given_back: self.given_back.as_ref().map(|_| GivenBack::default()),
            ..Self::new(budget, aside, self.quoted_identifier, synonyms)
        }
    }

    /// What may still be spent, in bytes.
    pub(super) fn left(&self) -> usize {
        self.budget.left() + self.aside.left()
    }

    pub(super) fn note(&mut self, place: usize, note: String) {
        self.notes.push((place, note));
    }

    pub(super) fn set_module(&mut self, start: usize, header: Header, name: Vec<String>) {
        self.module = Some(Module {
            kind: header.kind,
            name,
            parameters: header.parameters.into_iter().map(|p| p.parameter).collect(),
            is_encrypted: header.is_encrypted,
            start,
        });
    }

    /// Sets aside what was found, so that what a text of so many bytes does can be told apart; `None` where there is
    /// nothing left to spend on it.
    pub(super) fn begin_aside(&mut self, bytes: usize) -> Option<Aside> {
        let is_outermost = !self.is_aside;
        let budget = if is_outermost {
            &mut self.aside
        } else {
            &mut self.budget
        };
        if !budget.spend(bytes) {
            return None;
        }
        if is_outermost {
            std::mem::swap(&mut self.budget, &mut self.aside);
            self.is_aside = true;
        }
        Some(Aside {
            sinks: std::mem::take(&mut self.sinks),
            calls: std::mem::take(&mut self.calls),
            notes: self.notes.len(),
            is_outermost,
        })
    }

    /// What was found since, with what was found before in its place again.
    pub(super) fn end_aside(&mut self, before: Aside) -> (Vec<Observation>, Vec<CallSite>) {
        if before.is_outermost {
            std::mem::swap(&mut self.budget, &mut self.aside);
            self.is_aside = false;
        }
        self.notes.truncate(before.notes);
        (
            std::mem::replace(&mut self.sinks, before.sinks),
            std::mem::replace(&mut self.calls, before.calls),
        )
    }
}
