//! The names of principals and hosts, gathered from what was collected and meant, each with its pseudonym.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ids::named;
use crate::snapshot::{AnyFact, Snapshot};

/// What a name is of, as its pseudonym says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Instance,
    Host,
    Domain,
    Principal,
    Sid,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Host => "host",
            Self::Domain => "domain",
            Self::Principal => "principal",
            Self::Sid => "sid",
        }
    }
}

/// Fields that name a principal, whatever fact they stand in.
const PRINCIPALS: &[&str] = &[
    "original_login",
    "login",
    "user",
    "user_name",
    "owner_name",
    "remote_name",
    "credential_identity",
    "service_account",
    "database_user_name",
    "created_by",
    // The inventory's.
    "expected_sysadmins",
    "members",
    "owner",
    "approver",
    "by",
];
/// Fields that name a host.
const HOSTS: &[&str] = &[
    "server_name",
    "machine_name",
    "physical_name",
    "instance_name",
    "data_source",
    "referenced_server_name",
    "ip_address",
    "endpoint",
    "host",
    "location",
    "aliases",
    "dns_names",
    "ip_addresses",
];
/// Fields that name a host as certificates do.
const SUBJECTS: &[&str] = &["subject", "issuer"];
/// Facts whose `name` is a principal's, and one whose `name` is mostly a host's.
const NAMED_PRINCIPALS: &[&str] = &[
    "server_principals",
    "database_principals",
    "login_token",
    "user_token",
    "windows_groups",
];
const NAMED_HOSTS: &[&str] = &["linked_servers"];
/// Facts without names of principals or hosts that would be taken for such.
const UNNAMED: &[&str] = &["certificates", "asymmetric_keys"];

/// Shorter names are replaced only where they stand alone or in quotes or brackets: others could be any word.
pub(super) const SHORTEST_WORD: usize = 3;

/// Names that every server has. They stay.
const WELL_KNOWN: &[&str] = &[
    "sa",
    "public",
    "dbo",
    "guest",
    "sys",
    "information_schema",
    "sysadmin",
    "securityadmin",
    "serveradmin",
    "setupadmin",
    "processadmin",
    "diskadmin",
    "dbcreator",
    "bulkadmin",
    "policyadministratorrole",
    "targetserversrole",
    "databasemailuserrole",
    "ms_datacollectorinternaluser",
    "utilitycmrreader",
    "utilityimrreader",
    "utilityimrwriter",
    "dc_admin",
    "dc_operator",
    "dc_proxy",
    "localsystem",
    "localservice",
    "networkservice",
];
const WELL_KNOWN_BEGINNINGS: &[&str] = &[
    "##ms_",
    "##xp_cmdshell_proxy_account##",
    "nt service\\",
    "nt authority\\",
    "builtin\\",
    "sqlagent",
    "db_owner",
    "db_accessadmin",
    "db_securityadmin",
    "db_ddladmin",
    "db_backupoperator",
    "db_datareader",
    "db_datawriter",
    "db_denydatareader",
    "db_denydatawriter",
    "db_ssis",
    "servergroup",
];
/// Parts of names that say nothing of whose they are.
const COMMON: &[&str] = &[
    "com",
    "net",
    "org",
    "gov",
    "edu",
    "mil",
    "int",
    "info",
    "local",
    "localhost",
    "localdomain",
    "internal",
    "lan",
    "tcp",
    "lpc",
    "http",
    "https",
    "admin",
    "sql",
    "server",
    "mssql",
    "mssqlserver",
    "sqlexpress",
    "windows",
    "database",
    "nt",
    "service",
    "authority",
    "builtin",
];

/// Names of principals and hosts, gathered from what was collected.
#[derive(Default)]
pub struct Names {
    /// Pseudonyms by name in lower case.
    pub(super) terms: BTreeMap<String, String>,
    counts: BTreeMap<Kind, u32>,
}

impl Names {
    /// Enters the names of a snapshot.
    pub fn enter(&mut self, snapshot: &Snapshot) {
        self.add_instance(snapshot.target.as_str());
        let connection = serde_json::to_value(&snapshot.connection).unwrap_or_default();
        self.walk("connection", None, &connection);
        let offline = serde_json::to_value(&snapshot.offline).unwrap_or_default();
        self.walk("offline", None, &offline);
        self.facts(&snapshot.server.all(), |name| {
            snapshot.server.held(name).map(|held| held.json)
        });
        for database in &snapshot.databases {
            self.facts(&database.all(), |name| {
                database.held(name).map(|held| held.json)
            });
        }
    }

    fn facts(
        &mut self,
        facts: &[(&'static str, &dyn AnyFact)],
        json: impl Fn(&str) -> Option<Vec<u8>>,
    ) {
        for (name, _) in facts {
            let held = json(name).and_then(|json| serde_json::from_slice(&json).ok());
            let held: Value = held.unwrap_or_default();
            self.walk(name, None, &held);
        }
    }

    /// Enters the names of an inventory as meant.
    pub fn enter_inventory(&mut self, meant: &Value) {
        let list = |field: &str| meant[field].as_array().cloned().unwrap_or_default();
        for target in list("targets")
            .iter()
            .map(|t| &t["name"])
            .chain(&list("not_selected"))
        {
            self.add_instance(target.as_str().unwrap_or_default());
        }
        for (field, value) in meant.as_object().into_iter().flatten() {
            self.walk(field, None, value);
        }
    }

    /// `fact` is what the rows are of, `field` the nearest field above.
    pub(super) fn walk(&mut self, fact: &str, field: Option<&str>, value: &Value) {
        match value {
            Value::Object(fields) => {
                if fields.get("is_fixed_role") == Some(&Value::Bool(true)) {
                    return;
                }
                for (name, value) in fields {
                    self.walk(fact, Some(name), value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(fact, field, item)),
            Value::String(text) => self.take(fact, field.unwrap_or(fact), text),
            _ => {}
        }
    }

    fn take(&mut self, fact: &str, field: &str, text: &str) {
        if field == "sid" || field.ends_with("_sid") {
            self.add_sid(text);
            return;
        }
        if UNNAMED.contains(&fact) {
            return;
        }
        if PRINCIPALS.contains(&field) || (field == "name" && NAMED_PRINCIPALS.contains(&fact)) {
            self.add_principal(text);
        } else if HOSTS.contains(&field) || (field == "name" && NAMED_HOSTS.contains(&fact)) {
            self.add_hosts(text);
        } else if SUBJECTS.contains(&field) {
            self.add_subject(text);
        } else {
            // A share of a host: \\host\share.
            let shares = text.match_indices("\\\\");
            for (at, _) in shares {
                let rest = text.get(at + 2..).unwrap_or_default();
                let host = rest.split('\\').next().unwrap_or_default();
                if rest.len() > host.len() {
                    self.add_host(host);
                }
            }
        }
    }

    pub(super) fn add_instance(&mut self, name: &str) {
        if !name.is_empty() {
            self.add(name, Kind::Instance);
        }
    }

    pub(super) fn add_sid(&mut self, sid: &str) {
        const SHORT: usize = 6; // sa and fixed roles
        let of_windows = [
            "0x0101000000000005",
            "0x01020000000000052",
            "0x010600000000000550",
        ];
        let sid = sid.to_lowercase();
        if sid.len() > SHORT && !of_windows.iter().any(|known| sid.starts_with(known)) {
            self.add(&sid, Kind::Sid);
        }
    }

    /// `DOMAIN\user` and `user@domain` have parts of their own.
    pub(super) fn add_principal(&mut self, name: &str) {
        if is_well_known(name) {
            return;
        }
        let whole = if let Some((domain, user)) = name.split_once('\\') {
            let domain = self.part(domain, Kind::Domain);
            format!("{domain}\\{}", self.part(user, Kind::Principal))
        } else if let Some((user, domain)) = name.split_once('@') {
            let user = self.part(user, Kind::Principal);
            format!("{user}@{}", self.host(domain))
        } else {
            self.add(name, Kind::Principal);
            return;
        };
        self.terms.entry(name.to_lowercase()).or_insert(whole);
    }

    /// Everything in a text of addresses that could be a host: `tcp:sql01.corp.example,1433\ERP`, `CN=sql01`.
    pub(super) fn add_hosts(&mut self, text: &str) {
        let ends = |c: char| c.is_whitespace() || "\\,:;/=\"'()[]".contains(c);
        // Words of a sentence are no hosts.
        let is_sentence = text.trim().contains(char::is_whitespace);
        let looks_like =
            |piece: &&str| !is_sentence || piece.contains(|c: char| c == '.' || c.is_ascii_digit());
        for piece in text.split(ends).filter(looks_like) {
            self.add_host(piece);
        }
    }

    /// `CN=sql01.corp.example, O=Some Company`: what stands in one word is a host or an organisation.
    fn add_subject(&mut self, text: &str) {
        for part in text.split(',') {
            let value = part.split_once('=').map_or(part, |(_, value)| value).trim();
            if !value.contains(char::is_whitespace) {
                self.add_host(value.trim_start_matches("*."));
            }
        }
    }

    pub(super) fn add_host(&mut self, piece: &str) {
        let is_number = piece.chars().all(|c| c.is_ascii_digit());
        if !is_number && piece.chars().count() >= SHORTEST_WORD {
            self.host(piece);
        }
    }

    /// The pseudonym of a host, whose labels have their own.
    fn host(&mut self, name: &str) -> String {
        let is_address = name.chars().all(|c| c.is_ascii_digit() || c == '.');
        if is_address || !name.contains('.') {
            return self.part(name, Kind::Host);
        }
        let mut labels = name.split('.');
        let first = self.part(labels.next().unwrap_or_default(), Kind::Host);
        let rest: Vec<String> = labels.map(|label| self.part(label, Kind::Domain)).collect();
        let whole = format!("{first}.{}", rest.join("."));
        let known = self.terms.entry(name.to_lowercase());
        known.or_insert(whole).clone()
    }

    /// The pseudonym of a part of a name; parts that everybody's names have stay.
    fn part(&mut self, part: &str, kind: Kind) -> String {
        let lower = part.to_lowercase();
        let is_number = part.chars().all(|c| c.is_ascii_digit());
        if is_number || COMMON.contains(&lower.as_str()) {
            return part.to_owned();
        }
        self.add(part, kind)
    }

    fn add(&mut self, name: &str, kind: Kind) -> String {
        let lower = name.to_lowercase();
        if is_well_known(name) || COMMON.contains(&lower.as_str()) {
            return name.to_owned();
        }
        if let Some(known) = self.terms.get(&lower) {
            return known.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let pseudonym = format!("{}-{count}", kind.word());
        self.terms.insert(lower, pseudonym.clone());
        pseudonym
    }

    /// The same as it is written inside other texts: in T-SQL's brackets and quotes, and in our own.
    pub(super) fn written(&self) -> BTreeMap<String, &str> {
        let mut written = BTreeMap::new();
        for (name, pseudonym) in &self.terms {
            let quoted = named(name);
            let ours = quoted.trim_matches('"');
            let doubled = ["'", "]"].map(|end| name.replace(end, &end.repeat(2)));
            let forms = [name.clone(), ours.to_owned()].into_iter().chain(doubled);
            for form in forms.filter(|form| !form.is_empty()) {
                written.entry(form).or_insert(pseudonym.as_str());
            }
        }
        written
    }
}

fn is_well_known(name: &str) -> bool {
    let lower = name.to_lowercase();
    let mut beginnings = WELL_KNOWN_BEGINNINGS.iter();
    name.is_empty()
        || WELL_KNOWN.contains(&lower.as_str())
        || beginnings.any(|known| lower.starts_with(known))
}
