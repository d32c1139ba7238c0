//! What an event did, and to what: by an audit's codes and columns, by the trace's classes, and by the values that its
//! statement holds. A statement is read as T-SQL; the words of a message are not, but for the option that 15457 names.

use crate::snapshot::{Event, EventSource};
use crate::tsql::{ActCall, acts};

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
    /// Changed, set.
    Changes,
    /// Dropped, taken away.
    Ends,
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
    /// What was set.
    pub value: Option<String>,
    /// Why it does not follow for sure.
    pub doubt: Option<&'static str>,
}

impl Deed {
    fn new(verb: Verb, class: Class, name: Option<String>) -> Self {
        Self {
            verb,
            class,
            name,
            of: None,
            other: None,
            value: None,
            doubt: None,
        }
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
    ("RS", Verb::Makes),
    ("TO", Verb::Changes),
    ("TRO", Verb::Changes),
];

const MEMBERS: &[(&str, Verb)] = &[("APRL", Verb::Makes), ("DPRL", Verb::Ends)];

const GRANTS: &[(&str, Verb)] = &[
    ("D", Verb::Makes),
    ("DWC", Verb::Makes),
    ("G", Verb::Makes),
    ("GWG", Verb::Makes),
    ("R", Verb::Ends),
    ("RWC", Verb::Ends),
    ("RWG", Verb::Changes),
];

/// Actions whose statement ran as it stands.
const RAN: &[&str] = &["EX", "ALST", "ALRS"];
/// Actions whose statement is a batch, of which nobody knows how much ran.
const BATCHES: &[&str] = &["BST", "BCM"];
const BATCH: &str = "a batch that names it was sent; whether that part of it ran is not recorded";

/// What a procedure does to what its parameters name.
struct Procedure {
    name: &'static str,
    verb: Verb,
    class: Class,
    /// The parameter that names the thing, and its place.
    named: (&'static str, usize),
    /// The parameter of the other thing, or of the value.
    other: Option<(&'static str, usize)>,
}

const fn procedure(
    name: &'static str,
    verb: Verb,
    class: Class,
    named: (&'static str, usize),
    other: Option<(&'static str, usize)>,
) -> Procedure {
    Procedure {
        name,
        verb,
        class,
        named,
        other,
    }
}

/// By Microsoft's page on each.
#[rustfmt::skip] // one procedure a line
const PROCEDURES: &[Procedure] = &[
    procedure("sp_add_job", Verb::Makes, Class::Job, ("@job_name", 0), None),
    procedure("sp_add_jobschedule", Verb::Changes, Class::Job, ("@job_name", 1), None),
    procedure("sp_add_jobserver", Verb::Changes, Class::Job, ("@job_name", 1), None),
    procedure("sp_add_jobstep", Verb::Makes, Class::JobStep, ("@step_name", 3), Some(("@job_name", 1))),
    procedure("sp_add_proxy", Verb::Makes, Class::Proxy, ("@proxy_name", 0), None),
    procedure("sp_add_schedule", Verb::Makes, Class::Schedule, ("@schedule_name", 0), None),
    procedure("sp_add_trusted_assembly", Verb::Makes, Class::TrustedAssembly, ("@hash", 0), None),
    procedure("sp_addextendedproc", Verb::Makes, Class::Object, ("@functname", 0), None),
    procedure("sp_addlinkedserver", Verb::Makes, Class::LinkedServer, ("@server", 0), None),
    procedure("sp_addlinkedsrvlogin", Verb::Changes, Class::LinkedServer, ("@rmtsrvname", 0), None),
    procedure("sp_attach_schedule", Verb::Changes, Class::Job, ("@job_name", 1), None),
    procedure("sp_configure", Verb::Changes, Class::Option, ("@configname", 0), Some(("@configvalue", 1))),
    procedure("sp_delete_job", Verb::Ends, Class::Job, ("@job_name", 1), None),
    procedure("sp_delete_proxy", Verb::Ends, Class::Proxy, ("@proxy_name", 1), None),
    procedure("sp_delete_schedule", Verb::Ends, Class::Schedule, ("@schedule_name", 1), None),
    procedure("sp_drop_trusted_assembly", Verb::Ends, Class::TrustedAssembly, ("@hash", 0), None),
    procedure("sp_dropextendedproc", Verb::Ends, Class::Object, ("@functname", 0), None),
    procedure("sp_droplinkedsrvlogin", Verb::Changes, Class::LinkedServer, ("@rmtsrvname", 0), None),
    procedure("sp_dropserver", Verb::Ends, Class::LinkedServer, ("@server", 0), None),
    procedure("sp_grant_login_to_proxy", Verb::Changes, Class::Proxy, ("@proxy_name", 4), None),
    procedure("sp_grant_proxy_to_subsystem", Verb::Changes, Class::Proxy, ("@proxy_name", 1), None),
    procedure("sp_procoption", Verb::Changes, Class::Startup, ("@ProcName", 0), Some(("@OptionValue", 2))),
    procedure("sp_serveroption", Verb::Changes, Class::LinkedServer, ("@server", 0), None),
    procedure("sp_update_job", Verb::Changes, Class::Job, ("@job_name", 1), None),
    procedure("sp_update_jobstep", Verb::Changes, Class::JobStep, ("@step_name", 3), Some(("@job_name", 1))),
    procedure("sp_update_proxy", Verb::Changes, Class::Proxy, ("@proxy_name", 1), None),
    procedure("sp_update_schedule", Verb::Changes, Class::Schedule, ("@name", 1), None),
];

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
    if let Some(verb) = verb(GRANTS, id) {
        return granted(event, verb);
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
    if RAN.contains(&id) {
        let is_own = |call: &&ActCall| id != "EX" || is_of(call, on.object.as_deref());
        calls.iter().filter(is_own).filter_map(called).collect()
    } else if BATCHES.contains(&id) {
        let doubted = |deed| Deed {
            doubt: Some(BATCH),
            ..deed
        };
        calls.iter().filter_map(called).map(doubted).collect()
    } else {
        Vec::new()
    }
}

/// Whether a call is of the object that the record is about: others of the text have records of their own.
fn is_of(call: &ActCall, object: Option<&str>) -> bool {
    let own = call.callee.last().map(String::as_str).unwrap_or_default();
    object.is_some_and(|object| object.eq_ignore_ascii_case(own))
}

fn called(call: &ActCall) -> Option<Deed> {
    let own = call.callee.last()?;
    let mut known = PROCEDURES.iter();
    let known = known.find(|procedure| own.eq_ignore_ascii_case(procedure.name))?;
    let of = |(name, place): (&str, usize)| call.value(name, place).map(str::to_owned);
    let other = known.other.and_then(of);
    let is_value = matches!(known.class, Class::Option | Class::Startup);
    // Without a value sp_configure shows the option.
    if known.class == Class::Option && call.arguments.len() < 2 {
        return None;
    }
    let mut name = of(known.named);
    if known.class == Class::TrustedAssembly {
        name = name.as_deref().map(hash);
    }
    Some(Deed {
        value: other.clone().filter(|_| is_value),
        other: other.filter(|_| !is_value),
        ..Deed::new(known.verb, known.class, name)
    })
}

/// A hash in one form, however it is written.
pub fn hash(written: &str) -> String {
    let lower = written.to_ascii_lowercase();
    lower
        .strip_prefix("0x")
        .map_or(lower.clone(), str::to_owned)
}

/// A record of a permission: which it is stands in the statement alone.
fn granted(event: &Event, verb: Verb) -> Vec<Deed> {
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
    for grant in grants {
        for permission in &grant.permissions {
            // A record is of one grantee; without one it is of all that the statement names.
            let named = grant.to.iter();
            let own = named.filter(|to| {
                let is_same = |own: &String| own.eq_ignore_ascii_case(to);
                grantee.as_ref().is_none_or(is_same)
            });
            deeds.extend(own.map(|to| Deed {
                of: grant.on.last().cloned(),
                other: Some(to.clone()),
                ..Deed::new(verb, class, Some(permission.clone()))
            }));
        }
    }
    if deeds.is_empty() {
        deeds.push(Deed {
            of: on.object.clone(),
            other: grantee.clone(),
            doubt: Some("which permission it was is not recorded"),
            ..Deed::new(verb, class, None)
        });
    }
    deeds
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
            Some(Deed::new(Verb::Makes, Class::Database, on.database.clone()))
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
        assert!(
            PROCEDURES
                .windows(2)
                .all(|pair| pair[0].name < pair[1].name)
        );
        for table in [ACTIONS, MEMBERS, GRANTS] {
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
