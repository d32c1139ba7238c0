//! The inventory: which instances to audit, how to reach them, and what is expected of them. TOML is
//! read in two stages, as written and as meant, and an error points at its line. No I/O here: secrets
//! and files are references.

mod approvals;
mod baseline;
mod message;
mod register;
mod resolve;
mod select;
mod settings;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use approvals::{Approval, ApprovedKind, Attestation, WAIVERS_SCHEMA, Waiver, days_between};
pub use baseline::{BASELINE_SCHEMA, Baseline, PERMISSION_SETS, Published, PublishedAssembly};
pub use message::InventoryErrors;
pub use register::{
    AllowedAssembly, ApprovedChange, Hours, REGISTER_SCHEMA, Register, Site, register_schema,
};
pub use resolve::is_date;
pub use select::{SelectError, ServerNameError, parse_server};
pub use written::TagValue;

use crate::ids::InstanceId;

/// The first field of every inventory of this version.
pub const SCHEMA: &str = "mssql-posture/inventory/v1";

/// An inventory as meant.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// The file that it was read from, as reports name it; whoever opened it says so.
    pub file: Option<String>,
    /// The day as of which to judge, YYYY-MM-DD.
    pub as_of: Option<String>,
    /// In the order written, those that were selected.
    pub targets: Vec<Target>,
    /// Targets that a selection left out.
    pub not_selected: Vec<InstanceId>,
    /// Names of groups.
    pub groups: BTreeSet<String>,
    /// What is expected.
    pub expectations: Vec<Expectation>,
    /// Approved administrative use.
    pub approvals: Vec<Approval>,
    /// The file that waivers and attestations are in, relative to the inventory.
    pub waivers_file: Option<String>,
    /// Findings that somebody accepts.
    pub waivers: Vec<Waiver>,
    /// Humans' answers to controls.
    pub attestations: Vec<Attestation>,
    /// Files of approved hashes, relative to the inventory.
    pub baseline_files: Vec<String>,
    /// The public key that must have signed each of them, relative to the inventory.
    pub baseline_key: Option<String>,
    /// What those files approve.
    pub baselines: Vec<Baseline>,
    /// Files with frameworks of one's own, relative to the inventory.
    pub framework_files: Vec<String>,
    /// Files with rules of one's own, relative to the inventory.
    pub rule_files: Vec<String>,
    /// Windows and Entra groups, by name.
    pub windows_groups: Vec<WindowsGroup>,
    /// What is no fault, but may not be what was meant: a line each, for people.
    pub notes: Vec<String>,
}

/// One instance to audit.
#[derive(Clone, Debug)]
pub struct Target {
    /// Unique name.
    pub name: InstanceId,
    /// A server or a recording.
    pub reach: Reach,
    /// Tags, with the defaults'.
    pub tags: BTreeMap<String, TagValue>,
    /// Groups it is in.
    pub groups: BTreeSet<String>,
    /// Databases left out.
    pub exclude_databases: Vec<String>,
    /// Other names that linked servers know it by.
    pub aliases: Vec<String>,
    /// What is wanted of its audits.
    pub audit_needs: AuditNeeds,
    /// The line of the file that names it.
    pub line: Option<u32>,
}

/// What is wanted of an instance's audits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditNeeds {
    /// Days for which records must be kept; 0 or none: not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// How much the audit records a day, in MB, as somebody measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mb_per_day: Option<u32>,
}

impl AuditNeeds {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A Windows or Entra group, whose members no server knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowsGroup {
    /// Its name as the login's.
    pub name: String,
    /// Logins that are in it.
    pub members: Vec<String>,
    /// How many accounts are in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// Where a target's facts come from.
#[derive(Clone, Debug)]
pub enum Reach {
    /// A server.
    Server(Box<ServerTarget>),
    /// A snapshot file, relative to the inventory.
    Snapshot(String),
}

/// How to reach and read a server.
#[derive(Clone, Debug)]
pub struct ServerTarget {
    /// Where.
    pub endpoint: Endpoint,
    /// As whom.
    pub auth: Auth,
    /// Encryption.
    pub tls: Tls,
    /// Limits.
    pub timeouts: Timeouts,
    /// New connections after a fault of the moment.
    pub retries: u32,
    /// Parallel sessions at most.
    pub sessions: usize,
    /// ApplicationIntent=ReadOnly.
    pub read_only_intent: bool,
    /// Follow one routing answer.
    pub listener: bool,
    /// Leave AUTO_CLOSE databases closed.
    pub skip_auto_close: bool,
}

impl ServerTarget {
    /// A server with every setting at its default.
    pub fn new(endpoint: Endpoint, auth: Auth) -> Self {
        Self {
            endpoint,
            auth,
            tls: Tls::default(),
            timeouts: Timeouts::default(),
            retries: 2,
            sessions: 4,
            read_only_intent: true,
            listener: false,
            skip_auto_close: false,
        }
    }
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Default instance on port 1433.
    Default(String),
    /// Host and port.
    Port(String, u16),
    /// Host and instance name, found through SQL Browser.
    Named(String, String),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default(host) => f.write_str(host),
            Self::Port(host, port) => write!(f, "{host},{port}"),
            Self::Named(host, instance) => write!(f, "{host}\\{instance}"),
        }
    }
}

/// What is said where both a port and an instance are given.
fn port_wins(instance: &str, port: i64) -> String {
    format!(
        "port {port} is used and instance {instance:?} is not asked for: keep the one that is meant"
    )
}

/// As whom to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// SQL login.
    Sql {
        /// Login name.
        user: String,
        /// Where the password is.
        password: SecretRef,
    },
    /// The account that runs the program.
    Integrated,
    /// An Entra ID access token.
    EntraToken(SecretRef),
}

/// Where a secret is. Never the secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretRef {
    /// Environment variable.
    Env(String),
    /// First line of a file.
    File(String),
    /// First line that a program prints.
    Command(Vec<String>),
    /// Asked on the terminal.
    Prompt,
    /// First line of standard input.
    Stdin,
}

/// Encryption of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Mode.
    pub mode: TlsMode,
    /// PEM of a private CA.
    pub ca_file: Option<String>,
    /// Accept any certificate.
    pub trust_server_certificate: bool,
    /// Name expected in the certificate.
    pub hostname_in_certificate: Option<String>,
}

/// When a connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// Everything, or no connection.
    #[default]
    Required,
    /// TLS before TDS (TDS 8.0, SQL Server 2022 and later).
    Strict,
    /// The login only.
    LoginOnly,
    /// Nothing.
    Off,
}

/// Limits of one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name resolution and TCP.
    pub connect: Duration,
    /// Pre-login, TLS and login.
    pub login: Duration,
    /// One batch.
    pub query: Duration,
    /// Everything.
    pub target: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(5),
            login: seconds(15),
            query: seconds(120),
            target: seconds(900),
        }
    }
}

/// Expected members of sysadmin.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Targets; none: all.
    pub targets: Option<BTreeSet<InstanceId>>,
    /// Logins, besides sa.
    pub sysadmin: Vec<String>,
}

/// What judgement depends on, without hosts and credentials: part of `inputs/judgement.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meant {
    /// The inventory's file as it was given, with `/` between its parts; of an absolute path its name alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// In the order of the inventory.
    pub targets: Vec<MeantTarget>,
    /// Targets of the inventory that were left out of this audit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_selected: Vec<InstanceId>,
    /// Windows and Entra groups, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows_groups: Vec<WindowsGroup>,
    /// Approved administrative use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// Code that is approved as it was published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<Baseline>,
    /// Findings that somebody accepts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
    /// Humans' answers to controls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<Attestation>,
}

/// What judgement of one target depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeantTarget {
    /// Name.
    pub name: InstanceId,
    /// Tags.
    pub tags: BTreeMap<String, TagValue>,
    /// Groups.
    pub groups: BTreeSet<String>,
    /// Databases left out.
    pub exclude_databases: Vec<String>,
    /// Other names that linked servers know it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Who is expected in sysadmin; absent if nothing is said.
    pub expected_sysadmins: Option<Vec<String>>,
    /// What is wanted of its audits.
    #[serde(default, skip_serializing_if = "AuditNeeds::is_empty")]
    pub audit_needs: AuditNeeds,
    /// The line of the file that names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl MeantTarget {
    /// A target of which nothing is said but its name.
    pub fn bare(name: InstanceId) -> Self {
        Self {
            name,
            tags: BTreeMap::new(),
            groups: BTreeSet::new(),
            exclude_databases: Vec::new(),
            aliases: Vec::new(),
            expected_sysadmins: None,
            audit_needs: AuditNeeds::default(),
            line: None,
        }
    }
}

impl Inventory {
    /// Reads an inventory; `path` is for messages.
    ///
    /// # Errors
    /// Everything that is wrong, each with place and remedy.
    pub fn parse(text: &str, path: &str) -> Result<Self, InventoryErrors> {
        resolve::parse(text, path)
    }

    /// An inventory of one server.
    pub fn single(name: &str, server: ServerTarget) -> Self {
        let target = Target {
            name: InstanceId::new(name),
            reach: Reach::Server(Box::new(server)),
            tags: BTreeMap::new(),
            groups: BTreeSet::new(),
            exclude_databases: Vec::new(),
            aliases: Vec::new(),
            audit_needs: AuditNeeds::default(),
            line: None,
        };
        Self {
            file: None,
            as_of: None,
            targets: vec![target],
            not_selected: Vec::new(),
            groups: BTreeSet::new(),
            expectations: Vec::new(),
            approvals: Vec::new(),
            waivers_file: None,
            waivers: Vec::new(),
            attestations: Vec::new(),
            baseline_files: Vec::new(),
            baseline_key: None,
            baselines: Vec::new(),
            framework_files: Vec::new(),
            rule_files: Vec::new(),
            windows_groups: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Who is expected in sysadmin of a target; `None` if no expectation speaks of it.
    pub fn expected_sysadmins(&self, target: &Target) -> Option<Vec<String>> {
        let apply = |e: &&Expectation| {
            let chosen = e.targets.as_ref();
            chosen.is_none_or(|chosen| chosen.contains(&target.name))
        };
        let mut applying = self.expectations.iter().filter(apply).peekable();
        applying.peek()?;
        let names: BTreeSet<String> = applying.flat_map(|e| e.sysadmin.iter().cloned()).collect();
        Some(names.into_iter().collect())
    }

    /// What judgement depends on.
    pub fn as_meant(&self) -> Meant {
        let targets = self.targets.iter().map(|target| MeantTarget {
            name: target.name.clone(),
            tags: target.tags.clone(),
            groups: target.groups.clone(),
            exclude_databases: target.exclude_databases.clone(),
            aliases: target.aliases.clone(),
            expected_sysadmins: self.expected_sysadmins(target),
            audit_needs: target.audit_needs,
            line: target.line,
        });
        Meant {
            file: self.file.clone(),
            targets: targets.collect(),
            not_selected: self.not_selected.clone(),
            windows_groups: self.windows_groups.clone(),
            approvals: self.approvals.clone(),
            baselines: self.baselines.clone(),
            waivers: self.waivers.clone(),
            attestations: self.attestations.clone(),
        }
    }
}

/// The JSON schema of an inventory.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(written::Written).to_value()
}

/// The JSON schema of a file of waivers and attestations.
pub fn waivers_schema() -> serde_json::Value {
    schemars::schema_for!(approvals::WrittenFile).to_value()
}

/// The JSON schema of a file of approved hashes.
pub fn baseline_schema() -> serde_json::Value {
    schemars::schema_for!(baseline::WrittenBaselines).to_value()
}

#[cfg(test)]
mod tests;
