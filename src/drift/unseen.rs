//! What a rule could not see, and which of its subjects may stand there unseen.

use std::collections::BTreeSet;

use crate::ids::DatabaseName;
use crate::rules::Subject;

/// A fact at a place.
pub type FactAt<'a> = (&'a str, Option<&'a DatabaseName>);

/// An unknown verdict.
pub struct Unseen<'a> {
    subject: &'a Subject,
    /// Where facts that it names are not settled as a whole: `None` is the instance.
    open: BTreeSet<Option<&'a DatabaseName>>,
}

impl<'a> Unseen<'a> {
    /// Of the verdict's subject and what it names as missing; `unsettled` are the facts of its instance of which not all
    /// was seen. A verdict on one thing that names such a fact stands for all that the fact does not show.
    pub fn new(
        subject: &'a Subject,
        missing: impl IntoIterator<Item = FactAt<'a>>,
        unsettled: &BTreeSet<FactAt<'a>>,
    ) -> Self {
        let open = missing.into_iter().filter(|own| unsettled.contains(own));
        Self {
            subject,
            open: open.map(|(_, database)| database).collect(),
        }
    }

    /// Whether what was not seen may hold this subject. What is unknown of another one of its kind, or in another database,
    /// is not about it.
    pub fn may_hide(&self, subject: &Subject) -> bool {
        let own = subject.database.as_ref();
        let is_here = |place: Option<&DatabaseName>| match (place, own) {
            (Some(place), Some(own)) => place == own,
            _ => true,
        };
        let unseen = self.subject;
        let is_another = unseen.kind == subject.kind && unseen.name.is_some() && unseen != subject;
        (is_here(unseen.database.as_ref()) && !is_another)
            || self.open.iter().any(|place| is_here(*place))
    }
}
