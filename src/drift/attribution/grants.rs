//! What records of permissions did: which permission, on what, for whom, and what became of it.

use super::deed::{Class, Deed, Securable, Verb};
use crate::snapshot::Event;
use crate::tsql::{ActGrant, GrantAct, acts};

/// What an audit's action on a permission is, and whether it is about the right to grant.
const GRANTS: &[(&str, GrantAct, bool)] = &[
    ("D", GrantAct::Deny, false),
    ("DWC", GrantAct::Deny, false),
    ("G", GrantAct::Grant, false),
    ("GWG", GrantAct::Grant, true),
    ("R", GrantAct::Revoke, false),
    ("RWC", GrantAct::Revoke, false),
    ("RWG", GrantAct::Revoke, true),
];

/// Classes of what permissions are on, as statements name them: the catalog's numbers.
const SECURABLES: &[(&str, i64)] = &[
    ("APPLICATION ROLE", 4),
    ("ASSEMBLY", 5),
    ("ASYMMETRIC KEY", 26),
    ("AVAILABILITY GROUP", 108),
    ("CERTIFICATE", 25),
    ("CONTRACT", 16),
    ("DATABASE", 0),
    ("DATABASE SCOPED CREDENTIAL", 32),
    ("ENDPOINT", 105),
    ("FULLTEXT CATALOG", 23),
    ("FULLTEXT STOPLIST", 29),
    ("LOGIN", 101),
    ("MESSAGE TYPE", 15),
    ("OBJECT", 1),
    ("REMOTE SERVICE BINDING", 18),
    ("ROLE", 4),
    ("ROUTE", 19),
    ("SCHEMA", 3),
    ("SEARCH PROPERTY LIST", 31),
    ("SERVER ROLE", 101),
    ("SERVICE", 17),
    ("SYMMETRIC KEY", 24),
    ("TYPE", 6),
    ("USER", 4),
    ("XML SCHEMA COLLECTION", 10),
];

/// States of a permission, in words.
pub const GRANTED: &str = "GRANT";
/// See [`GRANTED`].
pub const GRANTED_TO_GRANT: &str = "GRANT WITH GRANT OPTION";
/// See [`GRANTED`].
pub const DENIED: &str = "DENY";

/// What a record of a permission did, if it is one: which permission it was stands in the statement alone.
pub fn granted(event: &Event) -> Option<Vec<Deed>> {
    let id = event.action.id.as_str();
    let (_, act, option) = GRANTS.iter().find(|(own, ..)| *own == id)?;
    let (act, option) = (*act, *option);
    let on = &event.on;
    let of_server = on.database.as_deref().is_none_or(str::is_empty)
        || on.kind.as_deref() == Some("SR")
        || (on.login.is_some() && on.user.is_none());
    let class = if of_server {
        Class::ServerPermission
    } else {
        Class::DatabasePermission
    };
    let grantee = if of_server { &on.login } else { &on.user };
    let text = event.statement.as_ref().map(|own| own.text.as_str());
    let grants = text.map(|text| acts(text).grants).unwrap_or_default();
    let mut deeds = Vec::new();
    // Others of the text have records of their own.
    for grant in grants.iter().filter(|own| own.act == act) {
        let (verb, value) = becomes(act, option || grant.grant_option);
        for permission in &grant.permissions {
            // A record is of one grantee; without one it is of all that the statement names.
            let named = grant.to.iter();
            let own = named.filter(|to| {
                let is_same = |own: &String| own.eq_ignore_ascii_case(to);
                grantee.as_ref().is_none_or(is_same)
            });
            deeds.extend(own.map(|to| {
                Deed {
                    of: grant.on.last().cloned(),
                    other: Some(to.clone()),
                    value: value.map(str::to_owned),
                    ..Deed::new(verb, class, Some(permission.name.clone()))
                }
                .on(securable(grant, permission.is_of_columns, of_server, event))
            }));
        }
    }
    if deeds.is_empty() {
        let (verb, _) = becomes(act, option);
        deeds.push(Deed {
            of: on.object.clone(),
            other: grantee.clone(),
            doubt: Some("which permission it was is not recorded"),
            ..Deed::new(verb, class, None)
        });
    }
    Some(deeds)
}

/// What becomes of a permission.
fn becomes(act: GrantAct, option: bool) -> (Verb, Option<&'static str>) {
    match (act, option) {
        (GrantAct::Grant, false) => (Verb::Makes, Some(GRANTED)),
        (GrantAct::Grant, true) => (Verb::Makes, Some(GRANTED_TO_GRANT)),
        (GrantAct::Deny, _) => (Verb::Makes, Some(DENIED)),
        (GrantAct::Revoke, false) => (Verb::Ends, None),
        (GrantAct::Revoke, true) => (Verb::Changes, Some(GRANTED)),
    }
}

/// What a statement's permissions are on; `None` where that cannot be told.
fn securable(
    grant: &ActGrant,
    is_columns: bool,
    of_server: bool,
    event: &Event,
) -> Option<Securable> {
    let class = match &grant.class {
        Some(word) => SECURABLES.iter().find(|(own, _)| own == word)?.1,
        None if !grant.on.is_empty() => 1,
        None if of_server => 100,
        None => 0,
    };
    let mut before = grant.on.iter().rev().skip(1);
    let written = before.next().filter(|own| !own.is_empty());
    // Whose default schema it is, the record alone may tell.
    let is_recorded = || {
        let (name, on) = (grant.on.last(), event.on.object.as_deref());
        name.zip(on)
            .is_some_and(|(name, on)| name.eq_ignore_ascii_case(on))
    };
    let schema = written.or_else(|| event.on.schema.as_ref().filter(|_| is_recorded()));
    Some(Securable {
        class,
        schema: schema.filter(|_| class == 1).cloned(),
        is_columns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order_and_say_everything_once() {
        assert!(GRANTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(SECURABLES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
