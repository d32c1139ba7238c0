//! An assessment for others' eyes: principals and hosts under pseudonyms, the same name under the same one wherever it
//! stands, inside sentences, statements, code and rows too. Whatever is not proven to be ours is replaced: a word that
//! somebody's login happens to be called is lost rather than a name shown.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex_lite::Regex;
use serde_json::Value;

use super::Assessment;
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
const SHORTEST_WORD: usize = 3;

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

/// Fields of an assessment that hold our own words, numbers or dates, or the name of a database: they stay.
const KEPT: &[&str] = &[
    "as_of",
    "assessed",
    "auth_scheme",
    "authentication",
    "channel",
    "collected",
    "controls",
    "created",
    "criticality",
    "database",
    "databases_excluded",
    "date",
    "edition",
    "encryption",
    "expires",
    "fact",
    "holds",
    "how",
    "judged_by",
    "kind",
    "line",
    "net_transport",
    "on",
    "option",
    "outcome",
    "platform",
    "power",
    "product_version",
    "query",
    "rule",
    "rule_slug",
    "schema",
    "scope",
    "severity",
    "sha256",
    "sink",
    "source",
    "stage",
    "started",
    "state",
    "status",
    "synthetic",
    "title",
    "type",
    "word",
];
/// Fields of frameworks that hold something of the estate; all others are the framework's own.
const OF_THE_ESTATE: &[&str] = &[
    "by",
    "comment",
    "evidence",
    "failing",
    "targets",
    "unassigned",
];

/// Names of principals and hosts, gathered from what was collected.
#[derive(Default)]
pub struct Names {
    /// Pseudonyms by name in lower case.
    terms: BTreeMap<String, String>,
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
    fn walk(&mut self, fact: &str, field: Option<&str>, value: &Value) {
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

    fn add_instance(&mut self, name: &str) {
        if !name.is_empty() {
            self.add(name, Kind::Instance);
        }
    }

    fn add_sid(&mut self, sid: &str) {
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
    fn add_principal(&mut self, name: &str) {
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
    fn add_hosts(&mut self, text: &str) {
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

    fn add_host(&mut self, piece: &str) {
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
    fn written(&self) -> BTreeMap<String, &str> {
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

/// Why an assessment cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// There are more names than can be looked for.
    #[error("the names cannot be looked for: {0}")]
    Names(#[from] aho_corasick::BuildError),
    /// A name stands where one of our own words was due.
    #[error("what is left is no assessment: {0}")]
    Form(#[from] serde_json::Error),
}

/// The assessment under pseudonyms. Verdicts and counts are the same.
///
/// # Errors
/// See [`RedactError`].
pub fn redacted(assessment: &Assessment, names: &Names) -> Result<Assessment, RedactError> {
    let written = names.written();
    let forms: Vec<&str> = written.keys().map(String::as_str).collect();
    let redactor = Redactor {
        finder: AhoCorasick::new(&forms)?,
        pseudonyms: written.values().copied().collect(),
        lengths: forms.iter().map(|form| form.chars().count()).collect(),
    };
    let mut value = serde_json::to_value(assessment)?;
    redactor.walk(&mut value);
    let mut redacted: Assessment = serde_json::from_value(value)?;
    redacted.redacted = true;
    Ok(redacted)
}

/// SIDs of accounts as people write them.
static SIDS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)S-1-5-21(-\d+)+").ok());

struct Redactor<'a> {
    finder: AhoCorasick,
    pseudonyms: Vec<&'a str>,
    /// Of the names, in characters.
    lengths: Vec<usize>,
}

impl Redactor<'_> {
    fn walk(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                let before = fields.get("text").cloned();
                for (name, value) in fields.iter_mut() {
                    match name.as_str() {
                        "frameworks" => self.walk_frameworks(value, false),
                        name if KEPT.contains(&name) || name.ends_with("_desc") => {}
                        _ => self.walk(value),
                    }
                }
                // A line of code whose mark would stand elsewhere marks nothing.
                if fields.contains_key("column")
                    && fields.contains_key("length")
                    && fields.get("text") != before.as_ref()
                {
                    fields.insert("column".to_owned(), 1.into());
                    fields.insert("length".to_owned(), 0.into());
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item)),
            Value::String(text) => *text = self.text(text),
            _ => {}
        }
    }

    fn walk_frameworks(&self, value: &mut Value, is_ours: bool) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields.iter_mut() {
                    let is_ours = is_ours || OF_THE_ESTATE.contains(&name.as_str());
                    self.walk_frameworks(value, is_ours);
                }
            }
            Value::Array(items) => {
                let each = items.iter_mut();
                each.for_each(|item| self.walk_frameworks(item, is_ours));
            }
            Value::String(text) if is_ours => *text = self.text(text),
            _ => {}
        }
    }

    /// The text with every name replaced: the leftmost first, of those that begin at one place the longest.
    fn text(&self, text: &str) -> String {
        let folded = Folded::of(text);
        let mut found: Vec<(usize, usize, usize)> = Vec::new();
        for hit in self.finder.find_overlapping_iter(&folded.text) {
            let (start, end) = (folded.start(hit.start()), folded.end(hit.end()));
            let term = hit.pattern().as_usize();
            let length = self.lengths.get(term).copied().unwrap_or_default();
            if stands_alone(text, start, end, length) {
                found.push((start, end, term));
            }
        }
        found.sort_unstable_by_key(|&(start, end, _)| (start, std::cmp::Reverse(end)));
        let mut shown = String::with_capacity(text.len());
        let mut at = 0;
        for (start, end, term) in found {
            if start >= at {
                shown += text.get(at..start).unwrap_or_default();
                shown += self.pseudonyms.get(term).copied().unwrap_or("***");
                at = end;
            }
        }
        shown += text.get(at..).unwrap_or_default();
        match &*SIDS {
            Some(sids) if sids.is_match(&shown) => {
                sids.replace_all(&shown, "S-1-5-21-…").into_owned()
            }
            _ => shown,
        }
    }
}

/// Whether what stands there is a name of its own and no part of a longer word.
fn stands_alone(text: &str, start: usize, end: usize, length: usize) -> bool {
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let after = text.get(end..).and_then(|text| text.chars().next());
    let inner = text.get(start..end).unwrap_or_default();
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let joins_before = is_word(before) && is_word(inner.chars().next());
    let joins_after = is_word(after) && is_word(inner.chars().next_back());
    if joins_before || joins_after {
        return false;
    }
    let quotes = |c: Option<char>| c.is_none_or(|c| "[]'\"«»".contains(c));
    length >= SHORTEST_WORD || (quotes(before) && quotes(after))
}

/// A text in lower case, with the place in the original of each of its bytes.
struct Folded {
    text: String,
    places: Vec<usize>,
    length: usize,
}

impl Folded {
    fn of(text: &str) -> Self {
        let mut folded = Self {
            text: String::with_capacity(text.len()),
            places: Vec::with_capacity(text.len()),
            length: text.len(),
        };
        for (at, c) in text.char_indices() {
            folded.text.extend(c.to_lowercase());
            folded.places.resize(folded.text.len(), at);
        }
        folded
    }

    fn start(&self, at: usize) -> usize {
        self.places.get(at).copied().unwrap_or(self.length)
    }

    /// The end of the character that the byte before belongs to.
    fn end(&self, at: usize) -> usize {
        let last = at.checked_sub(1).and_then(|last| self.places.get(last));
        let mut after = self.places.get(at..).unwrap_or_default().iter();
        let next = after.find(|place| Some(*place) != last);
        next.copied().unwrap_or(self.length)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::sample;

    fn names() -> Names {
        let mut names = Names::default();
        for name in [
            "CORP\\alice.h",
            "app",
            "x",
            "O'Brien",
            "DOM\\DBA Team",
            "İlker",
            "zoe@corp.example",
        ] {
            names.add_principal(name);
        }
        names.add_hosts("tcp:sql01.corp.example,1433\\ERP");
        names.add_hosts("10.1.2.3");
        names.add_sid("0x010500000000000515000000A065CF7E784B9B5F");
        names.add_sid("0x01");
        names
    }

    fn shown(text: &str) -> String {
        let names = names();
        let written = names.written();
        let forms: Vec<&str> = written.keys().map(String::as_str).collect();
        let redactor = Redactor {
            finder: AhoCorasick::new(&forms).unwrap(),
            pseudonyms: written.values().copied().collect(),
            lengths: forms.iter().map(|form| form.chars().count()).collect(),
        };
        redactor.text(text)
    }

    #[test]
    fn a_name_is_replaced_wherever_it_stands_alone() {
        for (text, due) in [
            (
                "corp\\ALICE.H may, application may not",
                "domain-1\\principal-1 may, application may not",
            ),
            (
                "app may; [app]; 'app'; app_log",
                "principal-2 may; [principal-2]; 'principal-2'; app_log",
            ),
            ("an x, [x]", "an x, [principal-3]"),
            ("x", "principal-3"),
            ("N'O''Brien'", "N'principal-4'"),
            (
                "\"DOM\\\\DBA Team\" is in",
                "\"domain-2\\principal-5\" is in",
            ),
            ("iLKER and İLKER", "iLKER and principal-6"),
            ("zoe@CORP.example", "principal-7@domain-1.domain-3"),
            (
                "at sql01.corp.example,1433 and SQL01, not sql012",
                "at host-1.domain-1.domain-3,1433 and host-1, not sql012",
            ),
            ("10.1.2.3 is not 10.1.2.34", "host-3 is not 10.1.2.34"),
            (
                "sid 0x010500000000000515000000a065cf7e784b9b5f",
                "sid sid-1",
            ),
            ("S-1-5-21-1-2-3-500", "S-1-5-21-…"),
            ("sa in public of dbo: 0x01", "sa in public of dbo: 0x01"),
        ] {
            assert_eq!(shown(text), due, "{text}");
        }
    }

    #[test]
    fn names_that_every_server_has_stay() {
        let mut names = Names::default();
        for name in [
            "sa",
            "dbo",
            "NT SERVICE\\MSSQLSERVER",
            "BUILTIN\\Administrators",
            "##MS_x##",
            "db_owner",
        ] {
            names.add_principal(name);
        }
        assert_eq!(names.terms, BTreeMap::new());
    }

    #[test]
    fn a_fixed_role_is_no_name_and_a_share_has_a_host() {
        let mut names = Names::default();
        let rows = json!({"value": [
            {"name": "ops", "is_fixed_role": false, "sid": null},
            {"name": "loader", "is_fixed_role": true},
        ]});
        names.walk("server_principals", None, &rows);
        names.walk(
            "server_file_audits",
            None,
            &json!({"log_file_path": "\\\\vault7\\audit\\"}),
        );
        let known: Vec<&str> = names.terms.keys().map(String::as_str).collect();
        assert_eq!(known, ["ops", "vault7"]);
    }

    #[test]
    fn verdicts_stay_and_hostile_names_go() {
        let assessment = sample::assessment();
        let mut names = Names::default();
        names.add_principal(sample::HOSTILE_LOGIN);
        names.add_instance("erp-prod");
        let redacted = redacted(&assessment, &names).unwrap();
        assert!(redacted.redacted);
        assert_eq!(redacted.fleet.verdicts, assessment.fleet.verdicts);
        assert_eq!(redacted.fleet.exposure, assessment.fleet.exposure);
        let text = serde_json::to_string(&redacted).unwrap();
        for gone in ["erp-prod", "nimda", "CORP\\\\"] {
            assert!(!text.contains(gone), "{gone}");
        }
        assert!(text.contains("web-edge"), "what nobody named stays");
    }
}
