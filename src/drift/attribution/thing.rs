//! What a ticket is for: a pattern, held to what names a thing name by name. Whoever may choose one name could otherwise
//! choose one that reads like several: a login called `ERP.dbo.usp_x`.

use std::collections::BTreeMap;

use glob::{MatchOptions, Pattern};

use super::deed::{Class, Deed};
use super::wanted::Wanted;
use crate::drift::diff::{COMPARED, Change, Ref, pattern};
use crate::snapshot::{Event, Fact};

/// What names a thing: its database, and names with words between them, as `diff` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    /// None at server scope.
    database: Option<String>,
    names: Vec<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    /// What stands before it.
    before: &'static str,
    text: String,
    /// Several names with dots between, those that hold a dot in brackets.
    is_path: bool,
}

fn name(before: &'static str, text: &str) -> Name {
    Name {
        before,
        text: text.to_owned(),
        is_path: false,
    }
}

impl Thing {
    /// What a change is of: its row; of a row that is a part of something, that as well.
    pub fn of_change(change: &Change, wanted: &Wanted) -> Vec<Self> {
        let database = wanted.database.clone();
        let row = row(change).map(|names| Self {
            database: database.clone(),
            names,
        });
        let whole = wanted.is_part.then(|| Self {
            database,
            names: vec![Name {
                is_path: wanted.class == Class::Object,
                ..name("", &wanted.label)
            }],
        });
        row.into_iter().chain(whole).collect()
    }

    /// What an event did something to.
    pub fn of_deed(event: &Event, deed: &Deed) -> Option<Self> {
        let own = deed.name.as_deref()?;
        let names = match (deed.class, &deed.other, &deed.of) {
            (Class::ServerRoleMember | Class::DatabaseRoleMember, Some(member), _) => {
                vec![name("", member), name(" in ", own)]
            }
            (Class::ServerPermission | Class::DatabasePermission, Some(grantee), on) => {
                let on = on.as_deref().unwrap_or_default();
                vec![name("", own), name(" on ", on), name(" for ", grantee)]
            }
            (Class::JobStep, Some(job), _) => vec![name("", own), name(" of ", job)],
            (Class::Object, _, Some(schema)) => vec![name("", schema), name(".", own)],
            _ => vec![name("", own)],
        };
        let database = event.on.database.clone();
        Some(Self {
            database: database.filter(|_| !deed.class.is_of_server()),
            names,
        })
    }

    /// What an event was about, as it is recorded.
    pub fn of_event(event: &Event) -> Option<Self> {
        let on = &event.on;
        let own = on.object.as_deref()?;
        let names = match on.schema.as_deref() {
            Some(schema) => vec![name("", schema), name(".", own)],
            None => vec![name("", own)],
        };
        Some(Self {
            database: on.database.clone(),
            names,
        })
    }

    /// Whether a ticket's pattern is for it. `*` stands within one name, alone for anything; a name that holds a dot stands
    /// in brackets; a pattern with a database is for nothing at server scope, and one without for nothing in a database.
    pub fn fits(&self, object: &str, folds: bool) -> bool {
        if is_anything(object) {
            return true;
        }
        let mut rest = object;
        if let Some(database) = &self.database {
            let Some((own, names)) = split(object, ".") else {
                return false;
            };
            if !is(own, database, folds) {
                return false;
            }
            if is_anything(names) {
                return true;
            }
            rest = names;
        }
        let mut names = self.names.iter().peekable();
        while let Some(name) = names.next() {
            let piece = match names.peek() {
                None => rest,
                Some(next) => {
                    let Some((piece, after)) = split(rest, next.before) else {
                        return false;
                    };
                    rest = after;
                    piece
                }
            };
            if !name.fits(piece, folds) {
                return false;
            }
        }
        true
    }
}

impl Name {
    fn fits(&self, piece: &str, folds: bool) -> bool {
        if self.is_path {
            let (own, wanted) = (parts(&self.text), parts(piece));
            let mut both = own.iter().zip(&wanted);
            return own.len() == wanted.len()
                && both.all(|(own, wanted)| is(wanted, &unquoted(own), folds));
        }
        parts(piece).len() == 1 && is(piece, &self.text, folds)
    }
}

/// The names of a row, as its words have them; `None` where those hold more than what names it.
fn row(change: &Change) -> Option<Vec<Name>> {
    let fact = Fact::named(&change.fact)?;
    let compared = COMPARED.iter().find(|own| own.fact == fact)?;
    let of = |before, column: &str, identity: &BTreeMap<&'static str, String>| {
        let reference = compared.references.iter().find(|(own, _)| *own == column);
        let is_path = reference
            .is_some_and(|(_, of)| matches!(of, Ref::Object | Ref::MasterObject | Ref::Securable));
        Some(Name {
            before,
            text: identity.get(column)?.clone(),
            is_path,
        })
    };
    if compared.words.is_empty() {
        let columns = compared.identity.iter().enumerate();
        let before = |at: usize| if at == 0 { "" } else { " " };
        return columns
            .map(|(at, column)| of(before(at), column, &change.identity))
            .collect();
    }
    let mut names = Vec::new();
    let mut rest = compared.words;
    while let Some((before, after)) = rest.split_once('{') {
        let (column, after) = after.split_once('}')?;
        names.push(of(before, column, &change.identity)?);
        rest = after;
    }
    Some(names)
}

fn is_anything(object: &str) -> bool {
    !object.is_empty() && object.chars().all(|c| c == '*')
}

/// Where `by` first stands outside of brackets.
fn split<'t>(text: &'t str, by: &str) -> Option<(&'t str, &'t str)> {
    let mut is_start = true;
    let mut rest = text;
    loop {
        if is_start && rest.starts_with('[') {
            rest = after_bracket(rest)?;
        }
        if let Some(after) = rest.strip_prefix(by) {
            let end = text.len() - rest.len();
            return text.get(..end).map(|before| (before, after));
        }
        let mut chars = rest.chars();
        let c = chars.next()?;
        is_start = c == '.' || c == ' ';
        rest = chars.as_str();
    }
}

/// What comes after a name in brackets.
fn after_bracket(text: &str) -> Option<&str> {
    let mut rest = text.get(1..)?;
    loop {
        let (_, after) = rest.split_once(']')?;
        match after.strip_prefix(']') {
            Some(inside) => rest = inside,
            None => return Some(after),
        }
    }
}

fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((part, after)) = split(rest, ".") {
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

/// A name without its brackets.
pub fn unquoted(part: &str) -> String {
    let inner = part.strip_prefix('[').and_then(|own| own.strip_suffix(']'));
    inner.map_or_else(|| part.to_owned(), |own| own.replace("]]", "]"))
}

/// Whether a name, written as in a pattern, is this one. A pattern that cannot be read is of nothing.
fn is(written: &str, name: &str, folds: bool) -> bool {
    pattern(&unquoted(written)).is_ok_and(|own| fits(&own, name, folds))
}

/// Whether a pattern fits a whole text.
pub fn fits(pattern: &Pattern, text: &str, folds: bool) -> bool {
    let options = MatchOptions {
        case_sensitive: !folds,
        require_literal_separator: false,
        require_literal_leading_dot: false,
    };
    pattern.matches_with(text, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(database: Option<&str>, names: &[(&'static str, &str, bool)]) -> Thing {
        let names = names.iter().map(|(before, text, is_path)| Name {
            is_path: *is_path,
            ..name(before, text)
        });
        Thing {
            database: database.map(str::to_owned),
            names: names.collect(),
        }
    }

    #[test]
    fn a_pattern_is_held_to_each_name() {
        let module = thing(Some("ERP"), &[("", "dbo.usp_x", true)]);
        let odd = thing(Some("ERP"), &[("", "usp_a.evil", true)]);
        let quoted = thing(Some("A.B"), &[("", "dbo.[c.d]]e]", true)]);
        let login = thing(None, &[("", "ERP.dbo.usp_x", false)]);
        let member = thing(None, &[("", "app_x", false), (" in ", "sysadmin", false)]);
        let object = thing(Some("ERP"), &[("", "dbo", false), (".", "usp_x", false)]);
        for (own, pattern, due, why) in [
            (&module, "ERP.dbo.usp_*", true, "as diff names it"),
            (&module, "*.dbo.usp_?", true, "any database"),
            (&module, "ERP.*", true, "anything in it"),
            (&module, "*", true, "anything"),
            (&module, "dbo.usp_*", false, "its database is missing"),
            (&module, "erp.dbo.usp_x", false, "the case of a name"),
            (&module, "ERP.usp_x", false, "its schema is missing"),
            (&module, "ERP.*.usp_x", true, "any schema"),
            (&module, "ERP.[dbo].[usp_*]", true, "in brackets"),
            (&odd, "ERP.usp_*", false, "a star is within one name"),
            (&quoted, "[A.B].dbo.[c.d]]e]", true, "dots in brackets"),
            (&quoted, "A.B.dbo.*", false, "a dot outside of them"),
            (
                &login,
                "ERP.dbo.usp_*",
                false,
                "a login that reads like a procedure",
            ),
            (&login, "ERP.*", false, "what is in a database"),
            (&login, "[ERP.dbo.usp_*]", true, "a name with dots"),
            (&member, "app_*", false, "the login is not its membership"),
            (&member, "app_* in sysadmin", true, "the membership"),
            (&member, "* in *", true, "any"),
            (&object, "ERP.dbo.usp_*", true, "by its parts"),
            (&object, "ERP.dbo", false, "a schema is not what is in it"),
            (&object, "", false, "nothing"),
            (
                &object,
                "ERP.[dbo.usp_x",
                false,
                "a bracket that nothing closes",
            ),
        ] {
            assert_eq!(own.fits(pattern, false), due, "{why}: {pattern}");
        }
        assert!(module.fits("erp.DBO.usp_X", true));
    }
}
