//! The inventory as written: TOML types with spans, and the source of its JSON schema.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};
use toml::Spanned;

/// A whole inventory file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// Always `mssql-posture/inventory/v1`.
    #[schemars(with = "String")]
    pub schema: Spanned<String>,
    /// The day as of which time-dependent judgements hold, YYYY-MM-DD; else the day of the audit (UTC).
    #[schemars(with = "Option<String>")]
    pub as_of: Option<Spanned<String>>,
    /// What holds for every target that does not say otherwise.
    #[serde(default)]
    pub defaults: Settings,
    /// The instances.
    #[serde(default)]
    pub target: Vec<Target>,
    /// Named sets of targets.
    #[serde(default)]
    pub group: Vec<Group>,
    /// What is expected to be found, so that it is not reported.
    #[serde(default)]
    pub expectation: Vec<Expectation>,
    /// A file of waivers and attestations, relative to the inventory.
    pub waivers: Option<String>,
    /// Files of approved hashes (`baseline add`), relative to the inventory.
    #[serde(default)]
    pub baselines: Vec<String>,
    /// The public key that must have signed each of them (FILE.minisig), relative to the inventory.
    #[schemars(with = "Option<String>")]
    pub baseline_key: Option<Spanned<String>>,
    /// Files with frameworks of one's own, relative to the inventory.
    #[serde(default)]
    pub frameworks: Vec<String>,
    /// Files with rules of one's own, relative to the inventory.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Windows and Entra groups with a login somewhere: a server does not know who is in them.
    #[serde(default)]
    pub windows_group: Vec<WindowsGroup>,
}

/// A Windows or Entra group.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowsGroup {
    /// Its name as the login's: `CORP\\DBA`.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// Logins that are in it.
    #[serde(default)]
    pub members: Vec<String>,
    /// How many accounts are in it.
    pub count: Option<u32>,
}

/// How to reach and read a server.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names)] // the keys of the file
pub(super) struct Settings {
    /// Credential, by reference only.
    #[schemars(with = "Option<Auth>")]
    pub auth: Option<Spanned<Auth>>,
    /// Encryption of the connection.
    #[schemars(with = "Option<Tls>")]
    pub tls: Option<Spanned<Tls>>,
    /// Limits in seconds.
    pub timeouts: Option<Timeouts>,
    /// New connections after a fault of the moment, 0 to 10. A failed login is never repeated.
    #[schemars(with = "Option<i64>")]
    pub retries: Option<Spanned<i64>>,
    /// Parallel sessions on one instance, 1 to 16.
    #[schemars(with = "Option<i64>")]
    pub sessions_per_target: Option<Spanned<i64>>,
    /// Send ApplicationIntent=ReadOnly.
    pub read_only_intent: Option<bool>,
    /// Leave AUTO_CLOSE databases closed.
    pub skip_auto_close: Option<bool>,
    /// Days for which audits must keep their records, 0 to 36500; 0 asks for nothing.
    #[schemars(with = "Option<i64>")]
    pub audit_retention_days: Option<Spanned<i64>>,
    /// How much the audits record a day, in MB, as measured, 1 to 1000000: the server does not say.
    #[schemars(with = "Option<i64>")]
    pub audit_mb_per_day: Option<Spanned<i64>>,
    /// environment, criticality (low, medium, high, critical), regulated, owner, and your own.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, TagValue>")]
    pub tags: BTreeMap<Spanned<String>, TagValue>,
}

/// One instance.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names)] // the keys of the file
pub(super) struct Target {
    /// Unique; the instance's name in every report.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// Host name or address.
    #[schemars(with = "Option<String>")]
    pub host: Option<Spanned<String>>,
    /// TCP port; 1433 if neither port nor instance is given.
    #[schemars(with = "Option<i64>")]
    pub port: Option<Spanned<i64>>,
    /// Named instance, found through SQL Browser; a port, if given too, is used instead.
    #[schemars(with = "Option<String>")]
    pub instance: Option<Spanned<String>>,
    /// A recorded snapshot instead of a server; relative to the inventory.
    #[schemars(with = "Option<String>")]
    pub snapshot: Option<Spanned<String>>,
    /// Other names that linked servers know it by: `erp.corp.example`, a listener, `HOST\\INSTANCE`.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Databases that are left out; said in coverage.
    #[serde(default)]
    pub exclude_databases: Vec<String>,
    /// An availability-group listener: one routing answer is followed.
    pub listener: Option<bool>,
    /// See defaults.
    #[schemars(with = "Option<Auth>")]
    pub auth: Option<Spanned<Auth>>,
    /// See defaults; merged key by key.
    #[schemars(with = "Option<Tls>")]
    pub tls: Option<Spanned<Tls>>,
    /// See defaults; merged key by key.
    pub timeouts: Option<Timeouts>,
    /// See defaults.
    #[schemars(with = "Option<i64>")]
    pub retries: Option<Spanned<i64>>,
    /// See defaults.
    #[schemars(with = "Option<i64>")]
    pub sessions_per_target: Option<Spanned<i64>>,
    /// See defaults.
    pub read_only_intent: Option<bool>,
    /// See defaults.
    pub skip_auto_close: Option<bool>,
    /// See defaults.
    #[schemars(with = "Option<i64>")]
    pub audit_retention_days: Option<Spanned<i64>>,
    /// See defaults.
    #[schemars(with = "Option<i64>")]
    pub audit_mb_per_day: Option<Spanned<i64>>,
    /// See defaults; merged key by key.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, TagValue>")]
    pub tags: BTreeMap<Spanned<String>, TagValue>,
}

/// A named set of targets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// Unique.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// Targets that carry all these tags.
    #[serde(default)]
    pub r#match: BTreeMap<String, TagValue>,
    /// Targets by name.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub targets: Vec<Spanned<String>>,
}

/// What is expected.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectation {
    /// `*`, a target, `group:NAME` or `tag=value`; all targets if absent.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>")]
    pub targets: Option<Spanned<Vec<Spanned<String>>>>,
    /// Expected members of sysadmin, besides sa.
    pub sysadmin: Option<Vec<String>>,
    /// Approved modules, by hash: a change of the text is a finding again.
    #[serde(default)]
    pub module: Vec<Approved>,
    /// Approved assemblies, by hash.
    #[serde(default)]
    pub assembly: Vec<Approved>,
    /// Approved Agent jobs, by hash.
    #[serde(default)]
    pub job: Vec<Approved>,
    /// Approved values of configuration options.
    #[serde(default)]
    pub option: BTreeMap<String, i32>,
    /// Who answers for what is approved.
    pub owner: Option<String>,
    /// Where that was decided.
    pub ticket: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// Something that is approved as it is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Approved {
    /// Its database; none of a job.
    pub database: Option<String>,
    /// Its name, as reports have it.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// Its hash, as `audit --learn` prints it.
    pub hash: String,
}

/// A credential.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Auth {
    /// `sql`, `integrated` or `entra-token`.
    #[schemars(with = "String")]
    pub kind: Spanned<String>,
    /// SQL login.
    pub user: Option<String>,
    /// Where the password is.
    pub password: Option<Secret>,
    /// Where the Entra ID access token is.
    pub token: Option<Secret>,
}

/// Encryption of the connection.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// `required` (default), `strict` (TDS 8.0), `login-only` or `off`.
    #[schemars(with = "Option<String>")]
    pub mode: Option<Spanned<String>>,
    /// PEM of a private CA; relative to the inventory.
    pub ca_file: Option<String>,
    /// Accept any certificate. This is reported.
    pub trust_server_certificate: Option<bool>,
    /// Name expected in the certificate, if not the host's.
    pub hostname_in_certificate: Option<String>,
}

/// Limits in seconds, 1 to 86400.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names)] // the unit belongs into the key
pub(super) struct Timeouts {
    /// Name resolution and TCP; default 5.
    #[schemars(with = "Option<i64>")]
    pub connect_seconds: Option<Spanned<i64>>,
    /// Pre-login, TLS and login together; default 15.
    #[schemars(with = "Option<i64>")]
    pub login_seconds: Option<Spanned<i64>>,
    /// One batch of queries; default 120.
    #[schemars(with = "Option<i64>")]
    pub query_seconds: Option<Spanned<i64>>,
    /// The whole target; default 900.
    #[schemars(with = "Option<i64>")]
    pub target_seconds: Option<Spanned<i64>>,
}

/// A tag's value.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, Deserialize, JsonSchema,
)]
#[serde(untagged)]
pub enum TagValue {
    /// `regulated = true`.
    Flag(bool),
    /// `environment = "production"`.
    Text(String),
}

impl fmt::Display for TagValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Where a secret is: exactly one of the four. Never the secret.
#[derive(Clone, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code)] // the fields are the schema; values are read by hand so that no error can echo one
pub(super) struct Secret {
    /// Environment variable.
    pub env: Option<String>,
    /// File; its first line. Relative to the inventory.
    pub file: Option<String>,
    /// Program and arguments; the first line it prints.
    pub command: Option<Vec<String>>,
    /// Ask on the terminal.
    pub prompt: Option<bool>,
}

pub(super) const LITERAL: &str = "a literal secret is refused";
const PLACES: &str =
    "{ env = \"VAR\" }, { file = \"PATH\" }, { command = [\"PROGRAM\", …] } or { prompt = true }";

/// A name that no environment takes is not repeated: it may be the password.
fn variable<E: de::Error>(name: &str) -> Result<String, E> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    if name.starts_with(starts) && name.chars().all(word) {
        Ok(name.to_owned())
    } else {
        Err(E::custom(
            "env names an environment variable: letters, digits and _ only",
        ))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

/// Every scalar is refused without being repeated: it may be the password.
impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PLACES)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Secret, E> {
        Err(E::custom(LITERAL))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secret, E> {
        Err(E::custom(LITERAL))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secret, E> {
        Err(E::custom(LITERAL))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Secret, E> {
        Err(E::custom(LITERAL))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, _: A) -> Result<Secret, A::Error> {
        Err(de::Error::custom(LITERAL))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        let mut secret = Secret {
            env: None,
            file: None,
            command: None,
            prompt: None,
        };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "env" => secret.env = Some(variable(&map.next_value::<String>()?)?),
                "file" => secret.file = Some(map.next_value()?),
                "command" => secret.command = Some(map.next_value()?),
                "prompt" => secret.prompt = Some(map.next_value()?),
                other => {
                    return Err(de::Error::unknown_field(
                        other,
                        &["env", "file", "command", "prompt"],
                    ));
                }
            }
        }
        Ok(secret)
    }
}
