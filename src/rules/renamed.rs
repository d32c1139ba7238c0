//! Rules that were renamed: waivers, frameworks and habits outlive a name, so a former id or slug leads to the rule of
//! today. A former name is never given to another rule.

use super::Rule;

/// Former ids and slugs, each with the id of today; a rule renamed twice stands here under both.
pub(super) const RENAMED: &[(&str, &str)] = &[];

/// The rule among these with this id or slug, present or former.
pub(super) fn find(
    name: &str,
    all: &[&'static Rule],
    renamed: &[(&str, &str)],
) -> Option<&'static Rule> {
    let called = |name: &str| {
        let mut all = all.iter().copied();
        all.find(|rule| rule.id.eq_ignore_ascii_case(name) || rule.slug == name)
    };
    let former = |(old, _): &&(&str, &str)| old.eq_ignore_ascii_case(name);
    called(name).or_else(|| called(renamed.iter().find(former)?.1))
}

#[cfg(test)]
mod tests {
    use super::super::{ALL, startup_procedure, xp_cmdshell_enabled};
    use super::*;

    const TWO: &[&Rule] = &[&startup_procedure::RULE, &xp_cmdshell_enabled::RULE];

    /// Entries that lead nowhere, or hide a rule.
    fn faults<'r>(all: &[&'static Rule], renamed: &[(&'r str, &str)]) -> Vec<&'r str> {
        let is_fault = |&(at, (old, new)): &(usize, &(&str, &str))| {
            let twice = renamed.iter().take(at).any(|(other, _)| other == old);
            let leads = all.iter().any(|rule| rule.id == *new);
            twice || !leads || find(old, all, &[]).is_some()
        };
        let entries = renamed.iter().enumerate().filter(is_fault);
        entries.map(|(_, (old, _))| *old).collect()
    }

    #[test]
    fn a_former_name_leads_to_the_rule_of_today() {
        let renamed = [("CODE-900", "CODE-001"), ("shell-on", "SURF-001")];
        let id = |name: &str| find(name, TWO, &renamed).map(|rule| rule.id);
        assert_eq!(id("CODE-900"), Some("CODE-001"));
        assert_eq!(id("code-900"), Some("CODE-001"));
        assert_eq!(id("shell-on"), Some("SURF-001"));
        assert_eq!(id("SURF-001"), Some("SURF-001"));
        assert_eq!(id("xp-cmdshell-enabled"), Some("SURF-001"));
        assert_eq!(id("SURF-900"), None);
        assert_eq!(
            find("CODE-900", &[&xp_cmdshell_enabled::RULE], &renamed),
            None
        );
    }

    #[test]
    fn every_entry_leads_to_a_rule_and_hides_none() {
        let bad = [
            ("CODE-900", "CODE-001"),
            ("CODE-900", "SURF-001"),
            ("OLD-001", "OLD-002"),
            ("SURF-001", "CODE-001"),
            ("startup-procedure", "CODE-001"),
        ];
        let found = faults(TWO, &bad);
        let expected = ["CODE-900", "OLD-001", "SURF-001", "startup-procedure"];
        assert_eq!(found, expected);
        assert_eq!(faults(ALL, RENAMED), Vec::<&str>::new());
    }
}
