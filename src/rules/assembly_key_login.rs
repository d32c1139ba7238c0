//! What it checks: logins made from a certificate or an asymmetric key that hold UNSAFE ASSEMBLY or EXTERNAL ACCESS
//! ASSEMBLY, themselves or by a role, with the key and the place of its private half. High where a copy with the
//! private half stands in a database under its master key, medium where that copy has a password of its own, low where
//! the private half is nowhere on this instance. Keys are told by their thumbprint. SQL Server on Linux runs SAFE
//! assemblies alone.
//!
//! Why it matters: the server loads whatever is signed with such a key, as UNSAFE, in every database. Where the private
//! half lies in a database, its dbo signs code of his own; elsewhere whoever holds the file does.
//!
//! How to fix: ALTER CERTIFICATE [name] REMOVE PRIVATE KEY; or ALTER ASYMMETRIC KEY [name] REMOVE PRIVATE KEY; where it is
//! kept in a safe place besides. DROP LOGIN [name]; where nothing is signed with the key any more.
//!
//! When it is fine: signing is the way Microsoft recommends, while the private half is not on the server. The SSIS catalog
//! brings a login of its own (##MS_SQLEnableSystemAssemblyLoadingUser##); it is reported, since a name proves nothing.
//!
//! References: docs: clr strict security, CREATE ASSEMBLY, sys.asymmetric_keys, sys.certificates; CIS 2022 6.2

use super::unsafe_assembly_grant::{RIGHTS, is_key};
use super::{Case, Evidence, Judgement, Rule, Severity, Subject, named};
use crate::graph::{FactRef, Node, Scope};
use crate::ids::{DatabaseName, PrincipalId};
use crate::snapshot::{AsymmetricKey, Certificate, DatabaseFacts, Fact};

pub(super) static RULE: Rule = Rule {
    id: "CLR-004",
    slug: "assembly-key-login",
    title: "Assemblies signed with a key are loaded as unsafe",
    severity: Severity::High,
    facts: &[
        Fact::Host,
        Fact::Databases,
        Fact::ServerPrincipals,
        Fact::ServerRoleMembers,
        Fact::ServerPermissions,
        Fact::Certificates,
        Fact::AsymmetricKeys,
    ],
    master_facts: &[],
    msdb_facts: &[],
    controls: &["nist-800-53r5:AC-6(8)", "nist-800-53r5:CM-11(2)"],
    attack: &["T1505.001", "T1553"],
    source: include_str!("assembly_key_login.rs"),
    check,
};

fn check(case: &Case<'_>, judgement: &mut Judgement) {
    if case.not_on_linux(judgement) {
        return;
    }
    for login in case.snapshot.server.server_principals.seen() {
        let id = login.principal_id;
        if !is_key(case, Node::login(id)) {
            continue;
        }
        let Some((right, rows)) = held(case, id) else {
            continue;
        };
        let mut evidence = case.cited(&rows);
        let copies = Copies::of(case, case.login(id).and_then(|login| login.sid.as_deref()));
        let (severity, where_it_is) = copies.say(&mut evidence);
        let name = case.login_name(id);
        let message = format!(
            "{} is the login of a key and holds {right}: what is signed with it is loaded; {where_it_is}",
            named(&name),
        );
        judgement.fail_at(
            severity,
            Subject::server("principal", name),
            message,
            evidence,
        );
    }
    judgement.pass_unless_open();
}

/// The right that lets in what a key signed, granted by its own name to the login, to a role it is in or to public, and
/// not denied; with the rows that say so. CONTROL SERVER, which setup gives to a certificate of its own, is another finding.
fn held(case: &Case<'_>, login: PrincipalId) -> Option<(&'static str, Vec<FactRef>)> {
    let index = case.graph().index();
    let held = RIGHTS
        .iter()
        .filter(|(code, _)| index.holds(login, code).is_some());
    held.into_iter().find_map(|(code, right)| {
        let (row, through) = granted(case, login, code)?;
        let rows = std::iter::once(FactRef::server(Fact::ServerPermissions, row)).chain(through);
        let rows = rows.chain(index.principal_fact(Scope::Server, login));
        Some((*right, rows.collect()))
    })
}

/// The row that grants a right by its own name, and those of the membership by which the login has it.
fn granted(case: &Case<'_>, login: PrincipalId, code: &str) -> Option<(u32, Vec<FactRef>)> {
    let permissions = case.snapshot.server.server_permissions.seen();
    (0..).zip(permissions).find_map(|(at, row)| {
        if row.r#type != code || !matches!(row.state.as_str(), "G" | "W") {
            return None;
        }
        let holder = row.grantee_principal_id;
        if holder == login || holder == PUBLIC {
            return Some((at, Vec::new()));
        }
        let members = case.graph().members_of(holder).into_iter();
        let mut own = members.filter(|member| member.member == login);
        own.next()
            .map(|member| (at, member.facts.into_iter().collect()))
    })
}

/// The server role that every login is in.
const PUBLIC: PrincipalId = PrincipalId(2);

/// A certificate or asymmetric key.
#[derive(Clone, Copy)]
enum Key<'a> {
    Certificate(&'a Certificate),
    Asymmetric(&'a AsymmetricKey),
}

impl<'a> Key<'a> {
    fn all(facts: &'a DatabaseFacts) -> impl Iterator<Item = Self> {
        let certificates = facts.certificates.seen().iter().map(Self::Certificate);
        certificates.chain(facts.asymmetric_keys.seen().iter().map(Self::Asymmetric))
    }

    fn sid(self) -> Option<&'a str> {
        match self {
            Self::Certificate(row) => row.sid.as_deref(),
            Self::Asymmetric(row) => row.sid.as_deref(),
        }
    }

    fn thumbprint(self) -> &'a str {
        match self {
            Self::Certificate(row) => &row.thumbprint,
            Self::Asymmetric(row) => &row.thumbprint,
        }
    }

    fn private_half(self) -> &'a str {
        match self {
            Self::Certificate(row) => &row.pvt_key_encryption_type,
            Self::Asymmetric(row) => &row.pvt_key_encryption_type,
        }
    }

    fn shown(self) -> String {
        match self {
            Self::Certificate(row) => format!("certificate {}", named(&row.name)),
            Self::Asymmetric(row) => format!("asymmetric key {}", named(&row.name)),
        }
    }

    fn evidence(self, database: &DatabaseName) -> Evidence {
        match self {
            Self::Certificate(row) => Evidence::row("certificates", Some(database), row),
            Self::Asymmetric(row) => Evidence::row("asymmetric_keys", Some(database), row),
        }
    }
}

/// All copies of a login's key, by database.
struct Copies<'a>(Vec<(&'a DatabaseName, Key<'a>)>);

impl<'a> Copies<'a> {
    fn of(case: &Case<'a>, sid: Option<&str>) -> Self {
        let all = || {
            let databases = case.databases();
            databases.flat_map(|facts| Key::all(facts).map(|key| (&facts.name, key)))
        };
        let own = all().filter(|(_, key)| sid.is_some() && key.sid() == sid);
        let thumbprints: Vec<&str> = own.map(|(_, key)| key.thumbprint()).collect();
        let copies = all().filter(|(_, key)| thumbprints.contains(&key.thumbprint()));
        Self(copies.collect())
    }

    fn say(&self, evidence: &mut Vec<Evidence>) -> (Severity, String) {
        let copies = self.0.iter();
        evidence.extend(copies.map(|(database, key)| key.evidence(database)));
        let with = |kinds: &[&str]| {
            let mut copies = self.0.iter();
            let found = copies.find(|(_, key)| kinds.contains(&key.private_half()))?;
            Some(format!(
                "{} of {}",
                found.1.shown(),
                named(found.0.as_str())
            ))
        };
        if let Some(key) = with(&["MK", "SK"]) {
            return (
                RULE.severity,
                format!("its private half stands in {key}, open to dbo there"),
            );
        }
        if let Some(key) = with(&["PW"]) {
            return (
                Severity::Medium,
                format!("its private half stands in {key}, under a password"),
            );
        }
        match self.0.first() {
            Some((database, key)) => {
                let (key, database) = (key.shown(), named(database.as_str()));
                let says = format!("it is {key} of {database}, and its private half is not here");
                (Severity::Low, says)
            }
            None => (Severity::Low, "the key itself was not seen".to_owned()),
        }
    }
}
