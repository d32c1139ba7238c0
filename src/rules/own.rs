//! Rules of one's own, without recompiling: TOML over facts that are collected anyway. Each asks one question of one
//! kind, and is judged, reported and waived like any other rule.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Case, Evidence, Judgement, Missing, Rule, Severity, Subject, Verdict, named};
use crate::ids::{DatabaseName, InstanceId, PrincipalId};
use crate::snapshot::{DatabaseFacts, DatabasePrincipal, Fact, RoleMember, ServerPrincipal};
use crate::tsql::Sink;

/// The first field of every file of rules.
pub const RULES_SCHEMA: &str = "mssql-posture/rules/v1";

/// A file of rules of one's own.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnRules {
    /// Always `mssql-posture/rules/v1`.
    pub schema: String,
    /// The rules.
    pub rule: Vec<OwnRule>,
}

/// A rule of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnRule {
    /// `FAMILY-nnn`, of a family that is not one of ours.
    pub id: String,
    /// Names the bad state: `lower-case-words`.
    pub slug: String,
    /// One line for people.
    pub title: String,
    /// `critical`, `high`, `medium`, `low` or `info`.
    pub severity: Severity,
    /// Why it matters, for the report.
    pub why: String,
    /// How to fix it, for the report.
    pub fix: String,
    /// Controls, `framework:control`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<String>,
    /// `*`, a target, `group:NAME` or `tag=value`; all targets if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<String>>,
    /// The question.
    pub check: OwnCheck,
    /// The targets that the selectors name; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub chosen: Option<BTreeSet<InstanceId>>,
}

/// A question of a rule of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OwnCheck {
    /// An option has this value, running and configured.
    Option {
        /// Its name in `sys.configurations`.
        name: String,
        /// The value.
        must_be: i32,
    },
    /// Nobody but these is in a role, through any nesting.
    Role {
        /// The role.
        name: String,
        /// Its database; a server role if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        database: Option<String>,
        /// Names of the members that are expected.
        only: Vec<String>,
    },
    /// No module reaches one of these sinks, named as `scan` does.
    NoModule {
        /// Sinks: `xp_cmdshell`, `ole_automation` ….
        sinks: Vec<String>,
        /// In this database; in all if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        database: Option<String>,
    },
    /// A collection of facts has no rows, or none with these values.
    Empty {
        /// The query's name: `linked_servers`.
        fact: String,
        /// Columns and the values that count, as the snapshot file has them.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        r#where: BTreeMap<String, serde_json::Value>,
        /// In this database; at the instance or in all databases if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        database: Option<String>,
    },
}

/// Why rules of one's own are refused.
#[derive(Debug, thiserror::Error)]
pub enum OwnRuleError {
    /// No TOML, or not of this form.
    #[error("{path}: {message}")]
    Form {
        /// The file.
        path: String,
        /// What the reader says, with its place.
        message: String,
    },
    /// A rule that cannot be asked.
    #[error("{path}: rule {}: {message}", named(rule))]
    Rule {
        /// The file.
        path: String,
        /// Its id.
        rule: String,
        /// What is wrong, and what would be right.
        message: String,
    },
}

/// Reads a file of rules; `path` is for messages.
///
/// # Errors
/// What is wrong with the file.
pub fn parse_own(text: &str, path: &str) -> Result<Vec<OwnRule>, OwnRuleError> {
    let form = |message: String| OwnRuleError::Form {
        path: path.to_owned(),
        message,
    };
    let file: OwnRules = toml::from_str(text).map_err(|error| form(error.to_string()))?;
    if file.schema != RULES_SCHEMA {
        let message = format!("this version reads schema = \"{RULES_SCHEMA}\"");
        return Err(form(message));
    }
    let mut ids = BTreeSet::new();
    for rule in &file.rule {
        let fault = if ids.insert(&rule.id) {
            rule.fault()
        } else {
            Some("stands here twice".to_owned())
        };
        if let Some(message) = fault {
            return Err(OwnRuleError::Rule {
                path: path.to_owned(),
                rule: rule.id.clone(),
                message,
            });
        }
    }
    Ok(file.rule)
}

fn sink(name: &str) -> Option<Sink> {
    Sink::ALL.into_iter().find(|sink| sink.as_str() == name)
}

fn fact(name: &str) -> Option<Fact> {
    Fact::ALL.iter().copied().find(|fact| fact.name() == name)
}

impl OwnRule {
    /// What is wrong with a rule, if anything is.
    fn fault(&self) -> Option<String> {
        let (family, number) = self.id.split_once('-').unwrap_or_default();
        let is_family = family.len() >= 2 && family.chars().all(|c| c.is_ascii_uppercase());
        if !is_family || number.len() != 3 || !number.chars().all(|c| c.is_ascii_digit()) {
            return Some("an id is a family of capitals and a number: OWN-001".to_owned());
        }
        let is_ours = super::ALL.iter().any(|rule| rule.family() == family);
        if is_ours || Rule::find(&self.slug).is_some() {
            return Some("family or slug is one of ours; take another".to_owned());
        }
        match &self.check {
            OwnCheck::NoModule { sinks, .. } => {
                let unknown = sinks.iter().find(|name| sink(name).is_none());
                let all: Vec<&str> = Sink::ALL.iter().map(|sink| sink.as_str()).collect();
                let unknown =
                    unknown.map(|name| format!("no sink {name:?}; there are {}", all.join(", ")));
                unknown.or_else(|| sinks.is_empty().then(|| "names no sink".to_owned()))
            }
            OwnCheck::Empty {
                fact: name,
                database,
                ..
            } => match fact(name) {
                None => Some(format!(
                    "no fact {name:?}; `mssql-posture queries` lists all"
                )),
                Some(fact) if database.is_some() && Fact::OF_SERVER.contains(&fact) => Some(
                    format!("{name} is a fact of the instance: leave database out"),
                ),
                Some(_) => None,
            },
            _ => None,
        }
    }

    /// The rule as the others are. It lives as long as the program: there are few, and they are read once.
    pub fn as_rule(&self) -> &'static Rule {
        let text = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
        let controls: Vec<&'static str> = self.controls.iter().map(|c| text(c)).collect();
        let source = format!(
            "//! What it checks: {}\n//!\n//! Why it matters: {}\n//!\n//! How to fix: {}\n",
            self.title, self.why, self.fix
        );
        Box::leak(Box::new(Rule {
            id: text(&self.id),
            slug: text(&self.slug),
            title: text(&self.title),
            severity: self.severity,
            facts: Box::leak(self.facts().into_boxed_slice()),
            master_facts: &[],
            msdb_facts: &[],
            controls: Box::leak(controls.into_boxed_slice()),
            attack: &[],
            source: text(&source),
            check: super::on_the_estate,
        }))
    }

    /// The facts that the question is about, at the instance and in every database; none where it is about one database,
    /// of which the check says itself what is missing.
    fn facts(&self) -> Vec<Fact> {
        match &self.check {
            OwnCheck::Option { .. } => vec![Fact::Configurations],
            OwnCheck::Role { database: None, .. } => {
                vec![Fact::ServerPrincipals, Fact::ServerRoleMembers]
            }
            OwnCheck::NoModule { database: None, .. } => vec![Fact::Databases, Fact::Modules],
            OwnCheck::Empty {
                fact: name,
                database: None,
                ..
            } => fact(name).into_iter().collect(),
            _ => vec![Fact::Databases],
        }
    }

    /// Judges one instance; nothing where the rule is not about it.
    pub fn judge(&self, rule: &'static Rule, case: &Case<'_>) -> Vec<Verdict> {
        let chosen = self.chosen.as_ref();
        let mut judgement = Judgement::new(rule);
        if chosen.is_some_and(|chosen| !chosen.contains(&case.snapshot.target)) {
            judgement.does_not_arise("the rule is not about this target");
            return judgement.finish(case.snapshot);
        }
        match &self.check {
            OwnCheck::Option { name, must_be } => option(case, &mut judgement, name, *must_be),
            OwnCheck::Role {
                name,
                database,
                only,
            } => role(case, &mut judgement, name, database.as_deref(), only),
            OwnCheck::NoModule { sinks, database } => {
                no_module(case, &mut judgement, sinks, database.as_deref());
            }
            OwnCheck::Empty {
                fact: name,
                r#where,
                database,
            } => {
                if let Some(fact) = fact(name) {
                    empty(case, &mut judgement, fact, r#where, database.as_deref());
                }
            }
        }
        judgement.finish(case.snapshot)
    }
}

fn option(case: &Case<'_>, judgement: &mut Judgement, name: &str, must_be: i32) {
    let Some(option) = case.option(name) else {
        return case.option_unseen(judgement, name);
    };
    let evidence = vec![Evidence::row("configurations", None, option)];
    let values = (option.value, option.value_in_use);
    match values {
        (Some(set), Some(runs)) if set == must_be && runs == must_be => {
            judgement.pass_with(evidence);
        }
        (Some(set), Some(runs)) => {
            let message = format!(
                "{} runs at {runs} and is configured as {set}; it must be {must_be}",
                named(&option.name)
            );
            judgement.fail(Subject::option(&option.name), message, evidence);
        }
        _ => case.option_unseen(judgement, name),
    }
}

/// The databases that a question is about. Of one that is named, what was not seen of these facts is said here.
fn databases<'a>(
    case: &Case<'a>,
    judgement: &mut Judgement,
    name: Option<&str>,
    facts: &[Fact],
) -> Vec<&'a DatabaseFacts> {
    let Some(name) = name else {
        return case.databases().collect();
    };
    let identity = case.snapshot.server.server_identity.known();
    let same = |own: &str| match identity {
        Some(identity) => identity.is_same_name(own, name),
        None => own.eq_ignore_ascii_case(name),
    };
    let found: Vec<&DatabaseFacts> = case.databases().filter(|d| same(d.name.as_str())).collect();
    for database in &found {
        let missing = facts.iter().filter_map(|fact| fact.unsettled_in(database));
        let missing: Vec<Missing> = missing.map(|state| Missing::from(&state)).collect();
        if !missing.is_empty() {
            judgement.unknown(Subject::database(&database.name), missing);
        }
    }
    let is_whole = |database: &&DatabaseFacts| {
        let mut facts = facts.iter();
        facts.all(|fact| fact.unsettled_in(database).is_none())
    };
    let mut rows = case.snapshot.databases_without_facts();
    if found.is_empty() && rows.any(|row| same(&row.name)) {
        let needs = "the facts of this database, which the snapshot lacks";
        let missing = Missing::new("databases", None, needs);
        judgement.unknown(Subject::database(&DatabaseName::new(name)), vec![missing]);
    }
    found.into_iter().filter(is_whole).collect()
}

/// A role and who is in it, as rows of either scope have it.
struct Members<'a> {
    database: Option<&'a DatabaseFacts>,
    /// Id, name, type and row of each principal, by id.
    principals: BTreeMap<PrincipalId, Principal<'a>>,
    rows: &'a [RoleMember],
}

/// A principal of either scope.
#[derive(Clone, Copy)]
enum Principal<'a> {
    Login(&'a ServerPrincipal),
    User(&'a DatabasePrincipal),
}

impl Principal<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Login(login) => &login.name,
            Self::User(user) => &user.name,
        }
    }

    fn is_role(&self) -> bool {
        let kind = match self {
            Self::Login(login) => &login.r#type,
            Self::User(user) => &user.r#type,
        };
        kind == "R"
    }

    fn evidence(&self, database: Option<&DatabaseFacts>) -> Evidence {
        match self {
            Self::Login(login) => Evidence::row("server_principals", None, login),
            Self::User(user) => {
                Evidence::row("database_principals", database.map(|d| &d.name), user)
            }
        }
    }
}

fn role(
    case: &Case<'_>,
    judgement: &mut Judgement,
    name: &str,
    database: Option<&str>,
    only: &[String],
) {
    let Some(database) = database else {
        let server = &case.snapshot.server;
        let logins = server.server_principals.seen().iter();
        let members = Members {
            database: None,
            principals: logins
                .map(|p| (p.principal_id, Principal::Login(p)))
                .collect(),
            rows: server.server_role_members.seen(),
        };
        return members.judge(judgement, name, only);
    };
    let read = [Fact::DatabasePrincipals, Fact::DatabaseRoleMembers];
    for facts in databases(case, judgement, Some(database), &read) {
        let users = facts.database_principals.seen().iter();
        let members = Members {
            database: Some(facts),
            principals: users
                .map(|p| (p.principal_id, Principal::User(p)))
                .collect(),
            rows: facts.database_role_members.seen(),
        };
        members.judge(judgement, name, only);
    }
}

impl Members<'_> {
    fn judge(&self, judgement: &mut Judgement, role: &str, only: &[String]) {
        let mut principals = self.principals.iter();
        let found = principals.find(|(_, p)| p.is_role() && p.name().eq_ignore_ascii_case(role));
        let Some((id, _)) = found else {
            judgement.not_applicable(format!("there is no role {}", named(role)));
            return;
        };
        let mut all_expected = true;
        for member in super::case::members_of(self.rows, *id) {
            let Some(principal) = self.principals.get(&member) else {
                judgement.unknown(
                    self.subject(&format!("principal {member}")),
                    vec![self.unnamed(member)],
                );
                all_expected = false;
                continue;
            };
            // A nested role gives what it has to its members, and they are judged themselves.
            let name = principal.name();
            if !principal.is_role() && !only.iter().any(|expected| expected == name) {
                let message = format!(
                    "{} is in {} and not expected there",
                    named(name),
                    named(role)
                );
                judgement.fail(
                    self.subject(name),
                    message,
                    vec![principal.evidence(self.database)],
                );
                all_expected = false;
            }
        }
        if all_expected {
            judgement.pass();
        }
    }

    fn subject(&self, name: &str) -> Subject {
        match self.database {
            Some(database) => Subject::within("principal", &database.name, name),
            None => Subject::server("principal", name),
        }
    }

    fn unnamed(&self, id: PrincipalId) -> Missing {
        let fact = match self.database {
            Some(_) => "database_principals",
            None => "server_principals",
        };
        let database = self.database.map(|database| &database.name);
        Missing::new(fact, database, format!("the name of principal {id}"))
    }
}

fn no_module(case: &Case<'_>, judgement: &mut Judgement, sinks: &[String], database: Option<&str>) {
    let wanted: Vec<Sink> = sinks.iter().filter_map(|name| sink(name)).collect();
    for facts in databases(case, judgement, database, &[Fact::Modules]) {
        let within = Some(&facts.name);
        for module in facts.modules.seen() {
            let name = facts.object_name(module.object_id);
            let subject = Subject::within("module", &facts.name, &name);
            let Some(known) = case.analysis().module(Some(&facts.name), module) else {
                let missing = Missing {
                    fact: "modules".to_owned(),
                    database: Some(facts.name.clone()),
                    needs: module.definition.needs(),
                };
                judgement.unknown(subject, vec![missing]);
                continue;
            };
            let found = known.sinks.iter().find(|sink| wanted.contains(&sink.name));
            match found {
                Some(found) => {
                    let message =
                        format!("module {} reaches {}", named(&name), found.name.as_str());
                    let evidence = vec![Evidence::row("modules", within, module)];
                    judgement.fail(subject, message, evidence);
                }
                None => judgement.pass(),
            }
        }
    }
}

fn empty(
    case: &Case<'_>,
    judgement: &mut Judgement,
    fact: Fact,
    wanted: &BTreeMap<String, serde_json::Value>,
    database: Option<&str>,
) {
    let of_server = Fact::OF_SERVER.contains(&fact);
    let chosen = if of_server {
        Vec::new()
    } else {
        databases(case, judgement, database, &[fact])
    };
    let places: Vec<Option<&DatabaseFacts>> = if of_server {
        vec![None]
    } else {
        chosen.into_iter().map(Some).collect()
    };
    for facts in places {
        let at = facts.and_then(|facts| {
            let all = &case.snapshot.databases;
            let place = all
                .iter()
                .position(|own| own.database_id == facts.database_id)?;
            u32::try_from(place).ok()
        });
        let rows = (0..).map(|row| fact.row(case.snapshot, at, row));
        let rows = rows.take_while(|row| !row.is_null());
        let counts = |row: &serde_json::Value| {
            wanted
                .iter()
                .all(|(column, value)| row.get(column) == Some(value))
        };
        let name = facts.map(|facts| &facts.name);
        let mut found = false;
        for row in rows.filter(counts) {
            found = true;
            let shown = row.get("name").and_then(serde_json::Value::as_str);
            let shown = shown.map_or_else(|| fact.name().to_owned(), str::to_owned);
            let message = format!(
                "{} has a row that must not be there: {}",
                fact.name(),
                named(&shown)
            );
            let subject = match name {
                Some(name) => Subject::within(fact.name(), name, shown),
                None => Subject::server(fact.name(), shown),
            };
            judgement.fail(
                subject,
                message,
                vec![Evidence::row(fact.name(), name, &row)],
            );
        }
        if !found {
            judgement.pass();
        }
    }
}
