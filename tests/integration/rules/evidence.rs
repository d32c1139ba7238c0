//! What a verdict cites proves it: from the rows of the evidence alone its sentence follows.

use std::collections::BTreeSet;

use mssql_posture::collect::{Scope, queries};
use mssql_posture::ids::{DatabaseName, PrincipalId};
use mssql_posture::rules::{self, Case, Evidence, Outcome, Rule, Verdict};
use mssql_posture::snapshot::{
    Configuration, DatabasePrincipal, DatabaseRow, Fact, Permission, RoleMember, ServerPrincipal,
    Snapshot, SystemExtendedProcedure,
};
use serde::de::DeserializeOwned;

use super::{Fixture, World, fixtures, windows};
use crate::support::recording::{On, Recording, estate, is_of_database};

const SYSADMIN: PrincipalId = PrincipalId(3);

/// The cited rows of one fact.
fn cited<T: DeserializeOwned>(evidence: &[Evidence], fact: &str) -> Vec<T> {
    let of_fact = evidence.iter().filter(|e| e.fact == fact);
    of_fact
        .map(|e| serde_json::from_value(e.row.value()).unwrap())
        .collect()
}

/// Whether the cited memberships lead from a principal into a role.
fn leads(rows: &[RoleMember], from: PrincipalId, to: PrincipalId) -> bool {
    let mut reached = BTreeSet::from([from]);
    loop {
        let before = reached.len();
        let up = rows.iter();
        let up = up.filter(|row| reached.contains(&row.member_principal_id));
        reached.extend(up.map(|row| row.role_principal_id).collect::<Vec<_>>());
        if reached.len() == before {
            return reached.contains(&to);
        }
    }
}

/// Message and evidence of every finding of a rule's fixtures.
fn findings(slug: &str) -> Vec<(&'static Fixture, rules::Finding)> {
    let own = fixtures().into_iter().filter(|f| f.rule == slug);
    own.flat_map(|fixture| {
        let verdicts = fixture.world().judge(fixture.rule());
        verdicts.into_iter().filter_map(move |v| match v.outcome {
            Outcome::Fail(finding) => Some((fixture, finding)),
            _ => None,
        })
    })
    .collect()
}

#[test]
fn a_sysadmin_is_led_into_the_role() {
    for (fixture, finding) in findings("unexpected-sysadmin") {
        let logins: Vec<ServerPrincipal> = cited(&finding.evidence, "server_principals");
        let rows: Vec<RoleMember> = cited(&finding.evidence, "server_role_members");
        let [login] = logins.as_slice() else {
            panic!("{}: {} logins", fixture.about, logins.len());
        };
        let about = fixture.about;
        assert!(leads(&rows, login.principal_id, SYSADMIN), "{about}");
    }
}

#[test]
fn the_owner_of_a_trustworthy_database_is_led_to_what_he_holds() {
    for (fixture, finding) in findings("trustworthy-owned-by-privileged-login") {
        let about = fixture.about;
        let databases: Vec<DatabaseRow> = cited(&finding.evidence, "databases");
        let logins: Vec<ServerPrincipal> = cited(&finding.evidence, "server_principals");
        let rows: Vec<RoleMember> = cited(&finding.evidence, "server_role_members");
        let permissions: Vec<Permission> = cited(&finding.evidence, "server_permissions");
        let ([database], [owner]) = (databases.as_slice(), logins.as_slice()) else {
            panic!("{about}: not one database and one owner");
        };
        assert_eq!(database.owner_sid, owner.sid, "{about}");
        let held = permissions.iter().any(|p| {
            let grantee = p.grantee_principal_id;
            grantee.0 == 2 || leads(&rows, owner.principal_id, grantee)
        });
        let is_sysadmin = leads(&rows, owner.principal_id, SYSADMIN);
        assert!(held || is_sysadmin, "{about}");
    }
}

#[test]
fn every_step_of_nested_roles_is_cited_and_nothing_beside() {
    let fixture = Fixture::new(
        "unexpected-sysadmin",
        "three roles deep, and roles that lead elsewhere",
        windows(16),
        |r| {
            for role in ["outer", "middle", "inner", "elsewhere"] {
                r.add_login(role, "R");
            }
            r.add_login("mallory", "S");
            r.add_login("bystander", "S");
            r.add_server_member("sysadmin", "outer")
                .add_server_member("outer", "middle")
                .add_server_member("middle", "inner")
                .add_server_member("inner", "mallory")
                .add_server_member("elsewhere", "mallory")
                .add_server_member("outer", "bystander");
        },
        &[],
    )
    .expecting(&["bystander"]);
    let verdicts = fixture.world().judge(fixture.rule());
    let Outcome::Fail(finding) = &verdicts[0].outcome else {
        panic!("mallory is not found");
    };
    let rows: Vec<RoleMember> = cited(&finding.evidence, "server_role_members");
    assert_eq!(rows.len(), 4);
}

#[test]
fn a_grant_names_the_procedure_and_the_principals_of_its_sentence() {
    for (fixture, finding) in findings("xp-cmdshell-granted") {
        let about = fixture.about;
        let evidence = &finding.evidence;
        let procedures: Vec<SystemExtendedProcedure> =
            cited(evidence, "system_extended_procedures");
        for permission in cited::<Permission>(evidence, "database_permissions") {
            let mut procedures = procedures.iter();
            let tied =
                procedures.any(|p| p.object_id == permission.major_id && p.name == "xp_cmdshell");
            assert!(tied || permission.class != 1, "{about}: whose id is it?");
        }
        let users: Vec<DatabasePrincipal> = cited(evidence, "database_principals");
        let logins: Vec<ServerPrincipal> = cited(evidence, "server_principals");
        let users = users.into_iter().map(|p| p.name);
        let names: Vec<String> = users.chain(logins.into_iter().map(|p| p.name)).collect();
        let said = finding.message.split_once(" and through it ");
        let members = said.map_or("", |(_, members)| members.split(':').next().unwrap());
        let members = members.split(", ").filter(|name| !name.is_empty());
        let grantee = finding.message.split(' ').next().unwrap();
        for name in members.chain([grantee]) {
            let is_there = names.iter().any(|known| known == name);
            let hidden = fixture.world().hides_principals();
            assert!(is_there || hidden, "{about}: no row of {name}");
        }
    }
}

impl World {
    fn hides_principals(&self) -> bool {
        !self.snapshot.server.server_principals.is_settled()
    }
}

/// Every row that verdicts cite, with the rule.
fn all_cited(verdicts: &[Verdict]) -> impl Iterator<Item = (&'static Rule, &Evidence)> {
    verdicts.iter().flat_map(|verdict| {
        let own = match &verdict.outcome {
            Outcome::Fail(finding) => &finding.evidence,
            _ => &verdict.evidence,
        };
        own.iter().map(|evidence| (verdict.rule, evidence))
    })
}

/// Whether what is cited is the row, or a part of it: columns that differ from run to run are left out.
fn is_part(cited: &serde_json::Value, row: &serde_json::Value) -> bool {
    match (cited.as_object(), row.as_object()) {
        (Some(cited), Some(row)) => {
            let mut columns = cited.iter();
            !cited.is_empty() && columns.all(|(name, value)| row.get(name) == Some(value))
        }
        _ => cited == row,
    }
}

/// Whether a fact of the snapshot holds the cited row, in the database that is cited.
fn is_in(snapshot: &Snapshot, fact: Fact, evidence: &Evidence) -> bool {
    let database = evidence.database.as_ref();
    let facts = if is_of_database(fact) {
        let mut databases = snapshot.databases.iter();
        let own = databases.find(|facts| Some(&facts.name) == database);
        serde_json::to_value(own).unwrap()
    } else {
        serde_json::to_value(&snapshot.server).unwrap()
    };
    let value = &facts[fact.name()]["value"];
    if evidence.row.is_absent() {
        return value.as_array().is_some_and(Vec::is_empty);
    }
    let in_list = value
        .as_array()
        .is_some_and(|rows| rows.iter().any(|row| is_part(&evidence.row.value(), row)));
    in_list || is_part(&evidence.row.value(), value)
}

/// A reader comes from what is cited to the statement that showed it: `queries NAME`, and its record in the snapshot.
#[test]
fn whatever_a_rule_cites_leads_to_its_query_and_its_row() {
    let mut cited_by: BTreeSet<&str> = BTreeSet::new();
    for fixture in fixtures() {
        let world = fixture.world();
        let version = world.snapshot.major_version();
        for (rule, evidence) in all_cited(&world.judge(fixture.rule())) {
            let about = format!("{}, {}: {}", rule.slug, fixture.about, evidence.fact);
            cited_by.insert(rule.slug);
            let own = queries().iter().filter(|query| query.name == evidence.fact);
            let mut own = own.filter(|q| version.is_none_or(|v| q.versions.contains(&v)));
            let query = own.next().unwrap_or_else(|| panic!("{about}: no query"));
            let database = evidence.database.as_ref().map(DatabaseName::as_str);
            match query.scope {
                Scope::Master => assert_eq!(database, Some("master"), "{about}"),
                Scope::Msdb => assert_eq!(database, Some("msdb"), "{about}"),
                Scope::Database => assert!(database.is_some(), "{about}"),
                _ => assert_eq!(database, None, "{about}"),
            }
            let fact = Fact::named(&evidence.fact).unwrap();
            assert!(
                is_in(&world.snapshot, fact, evidence),
                "{about}: no such row"
            );
        }
    }
    let of_instances = rules::ALL
        .iter()
        .filter(|rule| !rules::ON_THE_ESTATE.contains(&rule.id));
    let slugs = of_instances.map(|rule| rule.slug);
    let without = slugs.filter(|slug| !cited_by.contains(slug));
    // What was not seen has no row.
    assert_eq!(without.collect::<Vec<_>>(), ["instance-not-seen-whole"]);
}

#[test]
fn a_fact_knows_the_database_that_its_query_is_asked_in() {
    for query in queries() {
        let Some(fact) = Fact::named(query.name) else {
            continue;
        };
        let due = match query.scope {
            Scope::Master => Some("master"),
            Scope::Msdb => Some("msdb"),
            _ => None,
        };
        assert_eq!(fact.asked_in(), due, "{}", query.name);
    }
}

#[test]
fn whatever_is_cited_of_the_demo_has_the_record_of_its_query() {
    for recording in estate::all() {
        let recorded = recording.finish();
        let texts = recorded.texts();
        let snapshot = &recorded.snapshot;
        let verdicts = rules::judge(&Case::new(snapshot, &texts, Some(&[])));
        for (rule, evidence) in all_cited(&verdicts) {
            let mut records = snapshot.queries.iter();
            let found =
                records.any(|r| r.query == evidence.fact && r.database == evidence.database);
            assert!(found, "{}: {evidence:?}", rule.slug);
        }
    }
}

fn only(rule: &'static Rule, change: fn(&mut Recording)) -> Vec<Verdict> {
    let fixture = Fixture::new(rule.slug, "", windows(16), change, &[]);
    fixture.world().judge(rule)
}

/// Rules that judge single options, and the options that let them pass.
const OPTIONS: &[(&str, &[&str])] = &[
    ("CLR-001", &["clr enabled"]),
    ("SURF-001", &["xp_cmdshell"]),
    ("SURF-002", &["xp_cmdshell"]),
    ("SURF-003", &["Ole Automation Procedures"]),
    ("SURF-004", &["external scripts enabled"]),
];

#[test]
fn a_pass_on_an_option_cites_its_row() {
    let pass = |verdicts: Vec<Verdict>| -> Vec<String> {
        let pass = verdicts.iter().find(|v| v.outcome == Outcome::Pass);
        let rows: Vec<Configuration> = cited(&pass.unwrap().evidence, "configurations");
        rows.into_iter().map(|row| row.name).collect()
    };
    for (id, options) in OPTIONS {
        let rule = Rule::find(id).unwrap();
        assert_eq!(pass(only(rule, |_| {})), *options, "{id}");
    }
    let strict = only(Rule::find("CLR-001").unwrap(), |r| {
        r.set_option("clr enabled", 1, 1);
    });
    assert_eq!(pass(strict), ["clr enabled", "clr strict security"]);
}

#[test]
fn a_grant_on_the_database_needs_no_procedure() {
    let verdicts = only(Rule::find("PRIV-002").unwrap(), |r| {
        r.grant("master", On::Database, "EXECUTE", "public");
    });
    let Outcome::Fail(finding) = &verdicts[0].outcome else {
        panic!("nothing found");
    };
    let facts: Vec<&str> = finding.evidence.iter().map(|e| e.fact.as_str()).collect();
    assert_eq!(facts, ["database_permissions", "database_principals"]);
}
