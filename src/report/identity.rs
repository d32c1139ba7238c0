//! What a verdict is known by from one audit to the next, whatever it says.

use std::collections::BTreeMap;

use super::assessment::VerdictEntry;
use crate::snapshot::sha256_hex;

/// Identities of the verdicts of one assessment.
#[derive(Default)]
pub struct Identities(BTreeMap<String, u32>);

impl Identities {
    /// A hash of the rule, the instance and the subject. Of verdicts that have all three alike the second and later
    /// ones are told apart by their number; a fold of many subjects is none of them.
    pub fn next(&mut self, instance: Option<&str>, verdict: &VerdictEntry) -> String {
        let subject = &verdict.subject;
        let database = subject.database.as_ref().map(AsRef::<str>::as_ref);
        let parts = [
            Some(verdict.rule.as_str()),
            instance,
            Some(subject.kind.as_str()),
            database,
            subject.name.as_deref(),
            verdict.population.as_ref().map(|_| "fold"),
        ];
        // JSON keeps the parts apart whatever is in them, and writing it to memory cannot fail.
        let identity = sha256_hex(&serde_json::to_vec(&parts).unwrap_or_default());
        let before = self.0.entry(identity.clone()).or_default();
        *before += 1;
        match *before {
            1 => identity,
            n => sha256_hex(format!("{identity} {n}").as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{lines, sample};
    use super::*;

    fn identities(assessment: &super::super::Assessment) -> Vec<String> {
        let mut identities = Identities::default();
        lines::all(assessment)
            .map(|(instance, verdict)| identities.next(instance, verdict))
            .collect()
    }

    #[test]
    fn every_verdict_has_its_own_and_keeps_it_when_it_changes() {
        let mut assessment = sample::with_estate();
        let before = identities(&assessment);
        let distinct: BTreeSet<_> = before.iter().collect();
        assert_eq!(distinct.len(), before.len());
        for verdict in &mut assessment.instances[1].verdicts {
            verdict.message.push('!');
            verdict.severity = crate::rules::Severity::Info;
        }
        assert_eq!(identities(&assessment), before);
    }

    #[test]
    fn names_that_run_together_are_told_apart() {
        let assessment = sample::with_estate();
        let mut verdict = assessment.instances[1].verdicts[0].clone();
        let mut other = verdict.clone();
        verdict.subject.kind = "ab".to_owned();
        verdict.subject.name = Some("c".to_owned());
        other.subject.kind = "a".to_owned();
        other.subject.name = Some("bc".to_owned());
        let mut all = Identities::default();
        let first = all.next(Some("x"), &verdict);
        assert_ne!(first, all.next(Some("x"), &other));
        assert_ne!(
            first,
            all.next(Some("x"), &verdict),
            "the second of its kind"
        );
    }
}
