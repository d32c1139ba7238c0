//! The names of principals and hosts, gathered from what was collected and meant, each with its pseudonym.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::address::{is_hosts, spellings, v4, v6};
use super::certificate::attributes;
use super::well_known::{instance_of_service, is_common, is_well_known};
use crate::ids::named;
use crate::snapshot::{AnyFact, Snapshot};

/// What a name is of, as its pseudonym says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Instance,
    Host,
    Domain,
    Principal,
    Subject,
    Sid,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Host => "host",
            Self::Domain => "domain",
            Self::Principal => "principal",
            Self::Subject => "subject",
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
/// Fields that name whom a certificate is for, as certificates do.
const SUBJECTS: &[&str] = &["subject", "issuer", "issuer_name"];
/// What attributes of such a name are of; of all but these it is the subject in some way. A country stays.
const ATTRIBUTES: &[(&str, Option<Kind>)] = &[
    ("c", None),
    ("countryname", None),
    ("cn", Some(Kind::Host)),
    ("commonname", Some(Kind::Host)),
    ("dc", Some(Kind::Domain)),
    ("domaincomponent", Some(Kind::Domain)),
    ("e", Some(Kind::Principal)),
    ("email", Some(Kind::Principal)),
    ("emailaddress", Some(Kind::Principal)),
    ("uid", Some(Kind::Principal)),
];
/// Facts whose `name` is a principal's, and one whose `name` is mostly a host's.
const NAMED_PRINCIPALS: &[&str] = &[
    "server_principals",
    "database_principals",
    "login_token",
    "user_token",
    "windows_groups",
];
const NAMED_HOSTS: &[&str] = &["linked_servers"];
/// A fact whose subjects are mostly descriptions, and those that the server made have names of its own.
const DESCRIBED: &str = "certificates";
/// The inventory's, whose `subject` may be anything that a verdict is about.
const WAIVERS: &str = "waivers";

/// Names of principals and hosts, gathered from what was collected.
#[derive(Default)]
pub struct Names {
    /// Pseudonyms by [`folded`] name.
    pub(super) terms: BTreeMap<String, String>,
    counts: BTreeMap<Kind, u32>,
    /// Configuration options, which waivers are about too.
    options: BTreeSet<String>,
}

impl Names {
    /// Enters the names of a snapshot.
    pub fn enter(&mut self, snapshot: &Snapshot) {
        self.add_instance(snapshot.target.as_str());
        let connection = serde_json::to_value(&snapshot.connection).unwrap_or_default();
        self.walk("connection", None, &connection);
        let offline = serde_json::to_value(&snapshot.offline).unwrap_or_default();
        self.walk("offline", None, &offline);
        // The addresses that a name was resolved to stand there alone.
        self.add_addresses(&snapshot.outcome.why());
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

    /// Enters the names of an inventory's targets, as meant. They come before all others.
    pub fn enter_targets(&mut self, meant: &Value) {
        let list = |field: &str| meant[field].as_array().cloned().unwrap_or_default();
        for target in list("targets")
            .iter()
            .map(|t| &t["name"])
            .chain(&list("not_selected"))
        {
            self.add_instance(target.as_str().unwrap_or_default());
        }
    }

    /// Enters the other names of an inventory as meant. They come after those of snapshots, which tell what is an option.
    pub fn enter_inventory(&mut self, meant: &Value) {
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
        let names_one_of = |facts: &[&str]| field == "name" && facts.contains(&fact);
        if field == "sid" || field.ends_with("_sid") {
            self.add_sid(text);
        } else if PRINCIPALS.contains(&field) || names_one_of(NAMED_PRINCIPALS) {
            self.add_principal(text);
        } else if HOSTS.contains(&field) || names_one_of(NAMED_HOSTS) {
            self.add_hosts(text);
        } else if SUBJECTS.contains(&field) {
            self.add_subject_of(fact, text);
        } else if names_one_of(&["configurations"]) {
            self.options.insert(folded(text));
        } else {
            self.add_shares(text);
            self.add_v6(text);
            // A version of four numbers looks like an address.
            if !field.ends_with("version") && text.parse().is_ok_and(is_hosts) {
                self.host(text);
            }
        }
    }

    /// Hosts of shares: `\\host\share`.
    fn add_shares(&mut self, text: &str) {
        for (at, _) in text.match_indices("\\\\") {
            let rest = text.get(at + 2..).unwrap_or_default();
            let host = rest.split('\\').next().unwrap_or_default();
            if rest.len() > host.len() {
                self.add_host(host);
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
        // A service's is made of its name, which can be guessed from it: it is not among them.
        let of_windows = ["0x0101000000000005", "0x01020000000000052"];
        let sid = sid.to_lowercase();
        if sid.len() > SHORT && !of_windows.iter().any(|known| sid.starts_with(known)) {
            self.add(&sid, Kind::Sid);
        }
    }

    /// `DOMAIN\user` and `user@domain` have parts of their own.
    pub(super) fn add_principal(&mut self, name: &str) {
        if let Some(instance) = instance_of_service(name) {
            self.add_host(instance);
        }
        if is_well_known(name) {
            return;
        }
        let whole = if let Some((domain, user)) = name.split_once('\\') {
            let domain = self.part(domain, Kind::Domain);
            format!("{domain}\\{}", self.user(user))
        } else if let Some((user, domain)) = name.split_once('@') {
            let user = self.user(user);
            format!("{user}@{}", self.host(domain))
        } else {
            self.add(name, Kind::Principal);
            return;
        };
        self.terms.entry(folded(name)).or_insert(whole);
    }

    /// A computer's account is called like the computer.
    fn user(&mut self, user: &str) -> String {
        match user.strip_suffix('$') {
            Some(computer) => format!("{}$", self.part(computer, Kind::Host)),
            None => self.part(user, Kind::Principal),
        }
    }

    /// Everything in a text of addresses that could be a host: `tcp:sql01.corp.example,1433\ERP`, `[2001:db8::1]:1433`.
    pub(super) fn add_hosts(&mut self, text: &str) {
        let ends = |c: char| c.is_whitespace() || "\\,:;/=\"'()[]".contains(c);
        let is_number = |piece: &str| piece.chars().all(|c| c.is_ascii_digit());
        let text = self.add_v6(text);
        let text = without_drive(text.trim());
        // Words of a sentence are no hosts.
        let is_sentence = text.contains(char::is_whitespace);
        let looks_like =
            |piece: &str| !is_sentence || piece.contains(|c: char| c == '.' || c.is_ascii_digit());
        for (at, piece) in text.split(ends).enumerate() {
            let is_port = is_number(piece) && (at > 0 || is_sentence);
            if looks_like(piece) && !is_port {
                self.add_host(piece);
            }
        }
    }

    /// Enters the IPv6 addresses of a text, and gives the text without them: their colons are before no port.
    fn add_v6(&mut self, text: &str) -> String {
        let mut rest = text.to_owned();
        for found in v6(text).into_iter().rev() {
            let written = text.get(found.place.clone()).unwrap_or_default();
            self.address(written, found.address);
            rest.replace_range(found.place, ",");
        }
        rest
    }

    fn add_addresses(&mut self, text: &str) {
        let rest = self.add_v6(text);
        for address in v4(&rest) {
            self.host(address);
        }
    }

    fn address(&mut self, written: &str, address: Ipv6Addr) {
        let pseudonym = self.add(&address.to_string(), Kind::Host);
        let written = [written.to_owned()].into_iter();
        for spelling in written.chain(spellings(address)) {
            let known = self.terms.entry(folded(&spelling));
            known.or_insert_with(|| pseudonym.clone());
        }
        if let Some(v4) = address.to_ipv4_mapped() {
            self.host(&v4.to_string());
        }
    }

    fn add_subject_of(&mut self, fact: &str, text: &str) {
        match fact {
            DESCRIBED if !text.contains(['=', ',']) => {}
            WAIVERS => self.add_accepted(text),
            _ => self.add_subject(text),
        }
    }

    /// What a waiver is about: an option, an object of a schema that every database has, else perhaps somebody.
    fn add_accepted(&mut self, subject: &str) {
        let schema = subject.split_once('.').map(|(schema, _)| schema);
        let is_object = schema.is_some_and(is_well_known);
        let is_option = self.options.contains(&folded(subject));
        if !is_object && !is_option && !is_common(subject) {
            self.add_principal(subject);
        }
    }

    /// `CN=sql01.corp.example, O=Some Company`: each value, and the whole, in which no value is too short to be told.
    pub(super) fn add_subject(&mut self, text: &str) {
        let attributes = attributes(text);
        if attributes.is_empty() {
            self.value(Kind::Host, text);
            return;
        }
        let (mut shown, mut at) = (String::with_capacity(text.len()), 0);
        for (name, place) in attributes {
            let mut known = ATTRIBUTES.iter();
            let known = known.find(|(known, _)| known.eq_ignore_ascii_case(name));
            let kind = known.map_or(Some(Kind::Subject), |(_, kind)| *kind);
            let value = text.get(place.clone()).unwrap_or_default();
            shown += text.get(at..place.start).unwrap_or_default();
            shown += &kind.map_or(value.to_owned(), |kind| self.value(kind, value));
            at = place.end;
        }
        shown += text.get(at..).unwrap_or_default();
        if shown != text {
            self.terms.entry(folded(text)).or_insert(shown);
        }
    }

    /// The pseudonym of an attribute's value.
    fn value(&mut self, kind: Kind, value: &str) -> String {
        let value = value.trim_matches('"');
        self.add_v6(value);
        match kind {
            _ if value.contains(char::is_whitespace) => self.add(value, Kind::Subject),
            Kind::Principal | Kind::Host if value.contains('@') => {
                self.add_principal(value);
                let known = self.terms.get(&folded(value));
                known.map_or(value, String::as_str).to_owned()
            }
            Kind::Host => match value.strip_prefix("*.") {
                Some(domain) => format!("*.{}", self.host(domain)),
                None => self.host(value),
            },
            kind => self.part(value, kind),
        }
    }

    pub(super) fn add_host(&mut self, piece: &str) {
        self.host(piece);
    }

    /// The pseudonym of a host, whose labels have their own.
    fn host(&mut self, name: &str) -> String {
        let address: Option<Ipv4Addr> = name.parse().ok();
        if address.is_some_and(|address| !is_hosts(address)) {
            return name.to_owned();
        }
        let is_numbers = name.chars().all(|c| c.is_ascii_digit() || c == '.');
        if is_numbers || !name.contains('.') {
            return self.part(name, Kind::Host);
        }
        let mut labels = name.split('.');
        let first = self.part(labels.next().unwrap_or_default(), Kind::Host);
        let rest: Vec<String> = labels.map(|label| self.part(label, Kind::Domain)).collect();
        let whole = format!("{first}.{}", rest.join("."));
        let known = self.terms.entry(folded(name));
        known.or_insert(whole).clone()
    }

    /// The pseudonym of a part of a name; parts that everybody's names have stay.
    fn part(&mut self, part: &str, kind: Kind) -> String {
        if is_common(part) {
            return part.to_owned();
        }
        self.add(part, kind)
    }

    fn add(&mut self, name: &str, kind: Kind) -> String {
        let folded = folded(name);
        if is_well_known(name) || is_common(name) {
            return name.to_owned();
        }
        if let Some(known) = self.terms.get(&folded) {
            return known.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let pseudonym = format!("{}-{count}", kind.word());
        self.terms.insert(folded, pseudonym.clone());
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

/// In lower case as texts are searched: character by character, where a whole word may have another last letter.
pub(super) fn folded(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

/// Without the drive that a path begins with: it is no host of one letter.
fn without_drive(text: &str) -> &str {
    let rest = text.strip_prefix(|c: char| c.is_ascii_alphabetic());
    let rest = rest.and_then(|rest| rest.strip_prefix(':'));
    rest.filter(|rest| rest.starts_with(['\\', '/']))
        .unwrap_or(text)
}
