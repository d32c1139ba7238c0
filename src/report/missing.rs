//! What was not seen, in a sentence.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{DatabaseName, named};
use crate::rules::Missing;

/// Most facts and databases that the sentence on what was not seen names; all stand beside it.
const NAMED_FACTS: usize = 3;
const NAMED_DATABASES: usize = 5;

/// What was not seen in a sentence: what the same rights would show is said at once.
pub fn sentence(missing: &[Missing]) -> String {
    type Places<'a> = BTreeMap<Option<&'a DatabaseName>, BTreeSet<&'a str>>;
    let mut causes: Vec<(&[String], Places<'_>)> = Vec::new();
    for one in missing {
        let at = causes.iter().position(|(needs, _)| *needs == one.needs);
        let at = at.unwrap_or_else(|| {
            causes.push((&one.needs, Places::new()));
            causes.len() - 1
        });
        if let Some((_, places)) = causes.get_mut(at) {
            let facts = places.entry(one.database.as_ref()).or_default();
            facts.insert(&one.fact);
        }
    }
    let mut parts = Vec::new();
    for (needs, places) in causes {
        let mut alike: BTreeMap<(bool, BTreeSet<&str>), Vec<&DatabaseName>> = BTreeMap::new();
        for (database, facts) in places {
            let databases = alike.entry((database.is_some(), facts)).or_default();
            databases.extend(database);
        }
        let needs = needs.join(", ");
        let said = alike.iter().map(|((_, facts), databases)| {
            let place = place_of(databases);
            format!("{}{place} not seen: {needs}", kinds(facts))
        });
        parts.extend(said);
    }
    parts.join("; ")
}

fn kinds(facts: &BTreeSet<&str>) -> String {
    if facts.len() > NAMED_FACTS {
        return format!("{} kinds of facts", facts.len());
    }
    facts.iter().copied().collect::<Vec<_>>().join(", ")
}

fn place_of(databases: &[&DatabaseName]) -> String {
    let first = databases.iter().take(NAMED_DATABASES);
    let names: Vec<String> = first.map(|name| named(name.as_str())).collect();
    match databases.len().saturating_sub(NAMED_DATABASES) {
        _ if names.is_empty() => String::new(),
        0 => format!(" in {}", names.join(", ")),
        more => format!(" in {} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(fact: &str, database: &str, need: &str) -> Missing {
        let database = (!database.is_empty()).then(|| DatabaseName::new(database));
        Missing::new(fact, database.as_ref(), need)
    }

    #[test]
    fn what_one_right_would_show_is_said_at_once() {
        let rows = [
            missing("modules", "erp", "a right"),
            missing("host", "", "another"),
            missing("objects", "erp", "a right"),
            missing("modules", "crm", "a right"),
            missing("objects", "crm", "a right"),
            missing("modules", "shop", "a right"),
        ];
        assert_eq!(
            sentence(&rows),
            "modules in shop not seen: a right; modules, objects in crm, erp not seen: a right; \
             host not seen: another"
        );
    }

    #[test]
    fn a_long_list_is_counted() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let facts = ["modules", "objects", "schemas", "synonyms"];
        let all = names.iter().flat_map(|database| {
            let facts = facts.iter();
            facts.map(|fact| missing(fact, database, "a right"))
        });
        assert_eq!(
            sentence(&all.collect::<Vec<_>>()),
            "4 kinds of facts in a, b, c, d, e and 2 more not seen: a right"
        );
    }
}
