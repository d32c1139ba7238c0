//! What an event did, and to what: by an audit's codes and columns, by the trace's classes, and by the values that its
//! statement holds. A statement is read as T-SQL; the words of a message are not, but for the option that 15457 names.

use super::calls::{Columns, called, executed};
use super::grants::granted;
use crate::snapshot::{Event, EventSource};
use crate::tsql::acts;

/// What can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // each is what it is named after
pub enum Class {
    Assembly,
    AsymmetricKey,
    Audit,
    Certificate,
    Credential,
    Database,
    DatabaseCredential,
    DatabasePermission,
    DatabaseRoleMember,
    DatabaseSpecification,
    DatabaseTrigger,
    Endpoint,
    Job,
    JobStep,
    LinkedServer,
    Login,
    /// Whatever has a schema.
    Object,
    Option,
    Proxy,
    Schedule,
    Schema,
    ServerPermission,
    ServerRoleMember,
    ServerSpecification,
    ServerTrigger,
    Startup,
    TrustedAssembly,
    User,
}

impl Class {
    /// Whether things of this class stand in no database, whichever is current where they are changed.
    pub fn is_of_server(self) -> bool {
        matches!(
            self,
            Self::Audit
                | Self::Credential
                | Self::Database
                | Self::Endpoint
                | Self::Job
                | Self::JobStep
                | Self::LinkedServer
                | Self::Login
                | Self::Option
                | Self::Proxy
                | Self::Schedule
                | Self::ServerPermission
                | Self::ServerRoleMember
                | Self::ServerSpecification
                | Self::ServerTrigger
                | Self::TrustedAssembly
        )
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Made, added, granted.
    Makes,
    /// Put there from a backup, with all that is in it.
    Restores,
    /// Changed, set.
    Changes,
    /// Dropped, taken away.
    Ends,
}

/// What a permission is on, besides its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Securable {
    /// Its class, as the catalog's number.
    pub class: i64,
    /// Its schema, of an object.
    pub schema: Option<String>,
    /// Whether it is some of its columns alone.
    pub is_columns: bool,
}

/// What an event did to one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What was done.
    pub verb: Verb,
    /// To what kind of thing.
    pub class: Class,
    /// The thing's own name: of a membership the role, of a permission the permission.
    pub name: Option<String>,
    /// Its schema, or the securable of a permission.
    pub of: Option<String>,
    /// Member of a role, grantee of a permission, job of a step.
    pub other: Option<String>,
    /// What was set: of an option its value, of a permission its state.
    pub value: Option<String>,
    /// What a permission is on.
    pub on: Option<Securable>,
    /// The columns that were set.
    pub sets: Columns,
    /// Why it does not follow for sure.
    pub doubt: Option<&'static str>,
}

impl Deed {
    pub(super) fn new(verb: Verb, class: Class, name: Option<String>) -> Self {
        Self {
            verb,
            class,
            name,
            of: None,
            other: None,
            value: None,
            on: None,
            sets: None,
            doubt: None,
        }
    }

    pub(super) fn doubted(mut self, why: &'static str) -> Self {
        self.doubt = Some(why);
        self
    }

    /// On this.
    pub(super) fn on(mut self, securable: Option<Securable>) -> Self {
        // The database itself is named by being the current one.
        if securable.as_ref().is_some_and(|own| own.class == 0) {
            self.of = None;
        }
        self.on = securable;
        self
    }

    /// Whether it may have set a column.
    pub fn may_set(&self, column: &str) -> bool {
        let mut sets = self.sets.iter().flatten();
        self.sets.is_none() || sets.any(|(own, _)| *own == column)
    }
}

/// Codes of what audits and the trace call kinds of things: two letters, which the trace has as one number.
const KINDS: &[(&str, Class)] = &[
    ("A", Class::Audit),
    ("AF", Class::Object),
    ("AK", Class::AsymmetricKey),
    ("AL", Class::Login),
    ("AR", Class::User),
    ("AS", Class::Assembly),
    ("AU", Class::User),
    ("CD", Class::Credential),
    ("CL", Class::Login),
    ("CR", Class::Certificate),
    ("CU", Class::User),
    ("DA", Class::DatabaseSpecification),
    ("DB", Class::Database),
    ("DC", Class::DatabaseCredential),
    ("DT", Class::DatabaseTrigger),
    ("EP", Class::Endpoint),
    ("FN", Class::Object),
    ("FS", Class::Object),
    ("FT", Class::Object),
    ("GU", Class::User),
    ("IF", Class::Object),
    ("IS", Class::Object),
    ("LX", Class::Login),
    ("OB", Class::Object),
    ("P", Class::Object),
    ("PC", Class::Object),
    ("RF", Class::Object),
    ("RL", Class::User),
    ("SA", Class::ServerSpecification),
    ("SC", Class::Schema),
    ("SG", Class::Login),
    ("SL", Class::Login),
    ("SN", Class::Object),
    ("SO", Class::Object),
    ("SP", Class::Object),
    ("SQ", Class::Object),
    ("SU", Class::User),
    ("T", Class::ServerTrigger),
    ("TA", Class::Object),
    ("TF", Class::Object),
    ("TR", Class::Object),
    ("TY", Class::Object),
    ("U", Class::Object),
    ("US", Class::User),
    ("V", Class::Object),
    ("WG", Class::Login),
    ("WL", Class::Login),
    ("WU", Class::User),
    ("X", Class::Object),
];

/// What an audit's action does to the thing that the record names.
const ACTIONS: &[(&str, Verb)] = &[
    ("AL", Verb::Changes),
    ("AUSC", Verb::Changes),
    ("CR", Verb::Makes),
    ("DR", Verb::Ends),
    ("LGDA", Verb::Changes),
    ("LGDB", Verb::Changes),
    ("LGEA", Verb::Changes),
    ("LGNM", Verb::Changes),
    ("PWC", Verb::Changes),
    ("PWEX", Verb::Changes),
    ("PWPL", Verb::Changes),
    ("RS", Verb::Restores),
    ("TO", Verb::Changes),
    ("TRO", Verb::Changes),
];

const MEMBERS: &[(&str, Verb)] = &[("APRL", Verb::Makes), ("DPRL", Verb::Ends)];

/// Actions whose statement ran as it stands, and that name no procedure.
const RAN: &[&str] = &["ALST", "ALRS"];
/// Actions whose statement is a batch, of which nobody knows how much ran.
const BATCHES: &[&str] = &["BST", "BCM"];
const BATCH: &str = "a batch that names it was sent; whether that part of it ran is not recorded";

fn verb(of: &[(&str, Verb)], id: &str) -> Option<Verb> {
    of.iter().find(|(own, _)| *own == id).map(|(_, verb)| *verb)
}

fn class(code: &str) -> Option<Class> {
    KINDS
        .iter()
        .find(|(own, _)| *own == code)
        .map(|(_, class)| *class)
}

/// The two letters that a number of the trace stands for: 8272 is `P`.
fn letters(number: &str) -> Option<String> {
    let [low, high] = number.parse::<u16>().ok()?.to_le_bytes();
    let code = [char::from(low), char::from(high)];
    let code: String = code.iter().collect();
    Some(code.trim_end().to_owned())
}

/// What an event did. Nothing where it was refused or rolled back, or changes nothing that is followed.
pub fn deeds(event: &Event) -> Vec<Deed> {
    if event.succeeded == Some(false) {
        return Vec::new();
    }
    match event.source {
        EventSource::DefaultTrace => traced(event),
        EventSource::Audits | EventSource::Audit { .. } => audited(event),
        // A file is where events were read, never where they were recorded.
        EventSource::Export { .. } => Vec::new(),
    }
}

/// The kind of the thing that an event names, as two letters.
pub fn kind(event: &Event) -> Option<String> {
    let kind = event.on.kind.as_deref()?;
    match event.source {
        EventSource::DefaultTrace => letters(kind),
        _ => Some(kind.to_owned()),
    }
}

fn audited(event: &Event) -> Vec<Deed> {
    let (id, on) = (event.action.id.as_str(), &event.on);
    let kind = on.kind.as_deref().unwrap_or_default();
    if let Some(verb) = verb(MEMBERS, id) {
        let of_server = kind == "SG";
        let class = if of_server {
            Class::ServerRoleMember
        } else {
            Class::DatabaseRoleMember
        };
        let member = if of_server { &on.login } else { &on.user };
        return vec![Deed {
            other: member.clone(),
            ..Deed::new(verb, class, on.object.clone())
        }];
    }
    if let Some(deeds) = granted(event) {
        return deeds;
    }
    if let Some(verb) = verb(ACTIONS, id)
        && let Some(class) = class(kind)
    {
        return vec![Deed {
            of: on.schema.clone(),
            ..Deed::new(verb, class, on.object.clone())
        }];
    }
    let text = event.statement.as_ref().map(|own| own.text.as_str());
    let calls = text.map(|text| acts(text).calls).unwrap_or_default();
    if id == "EX" {
        calls
            .iter()
            .filter_map(|call| executed(call, event))
            .collect()
    } else if RAN.contains(&id) {
        calls.iter().filter_map(called).collect()
    } else if BATCHES.contains(&id) {
        let deeds = calls.iter().filter_map(called);
        deeds.map(|own| own.doubted(BATCH)).collect()
    } else {
        Vec::new()
    }
}

/// A hash in one form, however it is written.
pub fn hash(written: &str) -> String {
    let lower = written.to_ascii_lowercase();
    lower
        .strip_prefix("0x")
        .map_or(lower.clone(), str::to_owned)
}

fn traced(event: &Event) -> Vec<Deed> {
    let verb = match event.action.id.as_str() {
        "46" => Verb::Makes,
        "47" => Verb::Ends,
        "164" => Verb::Changes,
        "22" if event.error == Some(15457) => return configured(event).into_iter().collect(),
        _ => return of_security(event).into_iter().collect(),
    };
    let (on, code) = (&event.on, kind(event).unwrap_or_default());
    // Another subclass is a beginning, or a rollback.
    let Some(class) = class(&code).filter(|_| event.action.subclass == Some(1)) else {
        return Vec::new();
    };
    let name = match class {
        Class::Database => on.object.clone().or_else(|| on.database.clone()),
        _ => on.object.clone(),
    };
    // The trace has no schema; the id of the object tells it.
    let deed = Deed::new(verb, class, name);
    // A trigger of the database itself has the type of one of a table.
    let of_database = matches!(code.as_str(), "TR" | "TA").then(|| Deed {
        class: Class::DatabaseTrigger,
        ..deed.clone()
    });
    [Some(deed), of_database].into_iter().flatten().collect()
}

/// What the trace says of principals, permissions, owners and restores.
fn of_security(event: &Event) -> Option<Deed> {
    let (on, subclass) = (&event.on, event.action.subclass);
    let added = match subclass {
        Some(1 | 3) => Some(Verb::Makes),
        Some(2 | 4) => Some(Verb::Ends),
        _ => None,
    };
    let member = |class, other: &Option<String>| {
        Some(Deed {
            other: other.clone(),
            ..Deed::new(added?, class, on.role.clone())
        })
    };
    match event.action.id.as_str() {
        "104" => Some(Deed::new(added?, Class::Login, on.login.clone())),
        "105" | "106" => Some(Deed::new(Verb::Changes, Class::Login, on.login.clone())),
        "108" => member(Class::ServerRoleMember, &on.login),
        "110" => member(Class::DatabaseRoleMember, &on.user),
        "109" => Some(Deed::new(added?, Class::User, on.user.clone())),
        "111" => Some(Deed::new(added?, Class::User, on.role.clone())),
        "102" | "103" => Some(Deed {
            of: on.object.clone(),
            other: on.user.clone().or_else(|| on.login.clone()),
            doubt: Some("the default trace does not say which permission it was"),
            ..Deed::new(granted_by(subclass), Class::DatabasePermission, None)
        }),
        "115" if subclass == Some(2) => {
            let restored = Deed::new(Verb::Restores, Class::Database, on.database.clone());
            Some(restored)
        }
        "152" => Some(Deed::new(
            Verb::Changes,
            Class::Database,
            on.database.clone(),
        )),
        _ => None,
    }
}

/// 1 is a grant, 2 a revoke, 3 a denial.
fn granted_by(subclass: Option<i32>) -> Verb {
    if subclass == Some(2) {
        Verb::Ends
    } else {
        Verb::Makes
    }
}

/// Message 15457, in whatever language: an option's name in quotes, its old and its new value.
fn configured(event: &Event) -> Option<Deed> {
    let text = &event.statement.as_ref()?.text;
    let is_quote = |c: char| "'\"«»„“”‘’「」".contains(c);
    let mut parts = text.split(is_quote);
    let (_, name) = (parts.next()?, parts.next()?);
    let rest = parts.next().unwrap_or_default();
    let numbers = rest.split(|c: char| !(c.is_ascii_digit() || c == '-'));
    let numbers: Vec<&str> = numbers.filter(|n| n.parse::<i64>().is_ok()).collect();
    Some(Deed {
        value: numbers.get(1).map(|n| (*n).to_owned()),
        ..Deed::new(Verb::Changes, Class::Option, Some(name.trim().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order_and_say_everything_once() {
        assert!(KINDS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for table in [ACTIONS, MEMBERS] {
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }

    #[test]
    fn a_number_of_the_trace_is_two_letters() {
        for (number, code) in [
            ("8272", "P"),
            ("21313", "AS"),
            ("16964", "DB"),
            ("20038", "FN"),
        ] {
            assert_eq!(letters(number).as_deref(), Some(code));
        }
        assert_eq!(letters("x"), None);
        assert_eq!(letters("70000"), None);
    }
}
