//! The command line.

mod baseline;
mod changes;
mod detections;
mod drift;
mod evidence;
mod format;
mod history;
mod reference;

pub use baseline::{Baseline, BaselineAdd, BaselineCommand, BaselineFormat, BaselineList};
pub use changes::{Changes, EventsFormat};
pub use detections::Detections;
pub use drift::{Diff, DiffFormat};
pub use evidence::{Keygen, Sign, Signing, Verify};
pub use format::Format;
pub use history::{History, HistoryFormat};
pub use reference::{Queries, QueriesFormat, SchemaName};

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::graph::Channel;
use crate::rules::Severity;

/// Audits SQL Server estates for exposure to operating-system command execution and persistence.
///
/// It sends SELECT, USE and session SETs, and nothing else: `mssql-posture queries` prints every
/// statement. What it could not see it calls unknown, never clean.
#[derive(Debug, Parser)]
#[command(name = "mssql-posture", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collect, judge, report, and write the evidence folder.
    ///
    /// Example: mssql-posture audit inventory/demo.toml -o out
    Audit(Audit),
    /// Collect snapshots only; judge them later with `assess`.
    ///
    /// Example: mssql-posture collect estate.toml -o snapshots
    Collect(Collect),
    /// Judge snapshots that were collected before: files, or folders of *.snapshot.json.
    ///
    /// Example: mssql-posture assess out/snapshots --inventory estate.toml -o again
    Assess(Assess),
    /// Say whether a folder that an audit wrote is as it was, who signed it, and whether its verdicts follow.
    ///
    /// Example: mssql-posture verify out --key auditor.pub
    Verify(Verify),
    /// Put audits of one estate side by side: exposure, findings opened and closed, controls, waivers, coverage.
    ///
    /// Only bundles whose hashes hold count. Ends with 1 if one is not as it was (or not signed by a key of --key), with 3 if
    /// the last one leaves open what became of a finding, else with 0.
    ///
    /// Example: mssql-posture history 2026-q1 2026-q2 2026-q3 --format html -o trend.html
    History(History),
    /// Keep hashes of code that is approved as it was published, so that a changed copy stands out.
    ///
    /// Example: mssql-posture baseline add --name sp_Blitz --version 8.19 -o vendor.baseline.toml sp_Blitz.sql
    Baseline(Baseline),
    /// Make a pair of keys to sign with, in minisign's format.
    ///
    /// Example: mssql-posture keygen -o auditor --key-password-env KEY_PASSWORD
    Keygen(Keygen),
    /// Sign a folder that an audit wrote.
    ///
    /// Example: mssql-posture sign out --key auditor --key-password-env KEY_PASSWORD
    Sign(Sign),
    /// Judge T-SQL files before they are deployed.
    ///
    /// Example: mssql-posture scan migrations --format sarif
    Scan(Scan),
    /// Say who can run operating-system commands, by which steps: each step in one sentence, with the fact it rests on.
    ///
    /// Takes snapshots, a folder of them, an output folder of `audit`, or an inventory, whose recordings are read and
    /// whose servers are asked as in `audit`. Ways of administrators by design (members of sysadmin) are not listed; ask for
    /// them by --from. Ends with 3 if something was not seen that may hold further ways.
    ///
    /// Example: mssql-posture paths inventory/demo.toml --channel xp_cmdshell
    Paths(Paths),
    /// Say what changed between two snapshots, folders of them, or output folders of `audit`.
    ///
    /// Every fact is compared, names in place of ids; texts by their tokens, so that white space, comments and the case of
    /// reserved words are told apart from code; routes, exposure and verdicts as this program judges both sides, with one
    /// set of inputs: those of AFTER if it is an output folder, else --inventory, else none. What was not seen on a side is
    /// never unchanged. Ends with 1 on changes at or over --fail-on, and with 3 if something was not seen on a side.
    ///
    /// Example: mssql-posture diff out-q3 out-q4 --format md
    Diff(Diff),
    /// Write what a SOC takes from a judged estate: Sigma rules and a playbook for each instance.
    ///
    /// Rules on hosts for what no audit records whole, rules on audit records for what one does, each for the computers it is
    /// about; approved commands are passed over word for word. A playbook says what is approved on its instance, what stands
    /// open, what to pull first, and what will not be there. Ends with 3 if something was not seen, else with 0.
    ///
    /// Example: mssql-posture detections out-q4 -o soc
    Detections(Detections),
    /// Say of each server whether it can be reached, as whom, what would stay unseen, and what T-SQL would grant it.
    ///
    /// Ends with 0 if everything can be seen everywhere, else with 3.
    ///
    /// Example: mssql-posture preflight estate.toml --fix
    Preflight(Preflight),
    /// Write a T-SQL script for a DBA.
    ///
    /// Example: mssql-posture script login --version 2019 -o login.sql
    Script(Script),
    /// Make snapshots of what the collector script printed on hosts that this program cannot reach.
    ///
    /// What was cut off, lost, mixed up or edited is refused. The output protects itself against accidents and
    /// clumsy edits only: whoever means to deceive can compute its hashes anew.
    ///
    /// Example: mssql-posture import out.txt --name erp-prod -o imported
    Import(Import),
    /// Print recorded events of a time from default traces and audit files: who changed what.
    ///
    /// Reading them takes ALTER TRACE, and CONTROL SERVER up to 2019 or VIEW SERVER SECURITY AUDIT from 2022 on. No audit
    /// needs these rights: give them to another login, for a time. Where a right is missing nothing is sent, that
    /// source is `denied`, and the exit code is 3.
    ///
    /// Or nobody needs a right: --from-files reads what a DBA exported, and Windows logs of the server beside it. The
    /// statements to export with are `mssql-posture queries --version 15 audit_file_events` (and default_trace_objects,
    /// default_trace_security, default_trace_settings), where sqlcmd's -v or Invoke-Sqlcmd's -Variable fills in pattern or
    /// path, since, until and most; or SELECT * FROM sys.fn_get_audit_file(N'C:\Audit\*.sqlaudit', DEFAULT, DEFAULT) FOR
    /// JSON PATH.
    ///
    /// Example: mssql-posture changes estate.toml --since 2026-09-01 --only erp-prod
    ///
    /// Example: mssql-posture changes --from-files audit.csv Security.evtx --target erp-prod --format jsonl -o events.jsonl
    Changes(Changes),
    /// Print the statements that could be sent to a server, as sent.
    ///
    /// Example: mssql-posture queries --version 15 modules
    Queries(Queries),
    /// List the rules.
    ///
    /// Example: mssql-posture rules --format json
    Rules(Rules),
    /// Explain a rule (by id or slug), `score`, or the `steps` of chains.
    ///
    /// Example: mssql-posture explain xp-cmdshell-enabled
    Explain {
        /// SURF-001, xp-cmdshell-enabled, score, or steps.
        name: String,
        /// Form of a rule's text.
        #[arg(long, default_value = "text")]
        format: ExplainFormat,
    },
    /// List an inventory's waivers with the days they have left.
    ///
    /// Example: mssql-posture waivers estate.toml
    Waivers(Waivers),
    /// Print a JSON schema: of the files that this program reads, and of those that it writes.
    ///
    /// Example: mssql-posture schema inventory
    Schema {
        /// Which.
        name: SchemaName,
    },
    /// Print a completion script.
    ///
    /// Example: mssql-posture completions bash
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

/// Which targets.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // flags of a command line
pub struct Targets {
    /// The inventory (TOML).
    #[arg(required_unless_present = "server", conflicts_with = "server")]
    pub inventory: Option<PathBuf>,
    /// Only these targets: TARGET, group:NAME or tag=value. May be repeated.
    #[arg(long, value_name = "SELECTOR")]
    pub only: Vec<String>,
    /// Not these targets. May be repeated.
    #[arg(long, value_name = "SELECTOR")]
    pub exclude: Vec<String>,
    /// One server without an inventory: HOST, HOST\INSTANCE or HOST,PORT.
    #[arg(long, value_name = "HOST[\\INSTANCE][,PORT]")]
    pub server: Option<String>,
    /// SQL login for --server.
    #[arg(long, requires = "server", conflicts_with = "integrated")]
    pub user: Option<String>,
    /// Environment variable that holds the password for --user.
    #[arg(long, value_name = "VAR", requires = "user", group = "password")]
    pub password_env: Option<String>,
    /// File that holds the password for --user.
    #[arg(long, value_name = "FILE", requires = "user", group = "password")]
    pub password_file: Option<String>,
    /// Read the password for --user from standard input.
    #[arg(long, requires = "user", group = "password")]
    pub password_stdin: bool,
    /// Log in to --server as the account that runs this program.
    #[arg(long, requires = "server")]
    pub integrated: bool,
    /// PEM of the CA that issued the server's certificate, for --server.
    #[arg(long, value_name = "FILE", requires = "server")]
    pub ca_file: Option<String>,
    /// Accept any certificate from --server. This is reported.
    #[arg(long, requires = "server", conflicts_with = "ca_file")]
    pub trust_server_certificate: bool,
    /// Instances at a time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
    /// Try a credential on other targets although one server refused it. Can lock accounts out.
    #[arg(long)]
    pub keep_trying: bool,
}

/// How to judge and report.
#[derive(Debug, Args)]
pub struct Judging {
    /// Exit with 1 on findings at or over this severity [default: the one of --inputs, else high].
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Do not exit with 3 because something could not be seen.
    #[arg(long)]
    pub allow_partial: bool,
    /// The day as of which to judge, YYYY-MM-DD [default: the inventory's, else today (UTC)].
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// Reports to write.
    #[arg(long, value_delimiter = ',', default_value = "table,json,html")]
    pub format: Vec<Format>,
    /// For others' eyes: principals and hosts stand under pseudonyms, the same everywhere in the folder, which holds the
    /// assessment and the reports alone: no snapshots, no evidence, no module text, no inputs. Names that every server has
    /// stay (sa, dbo, fixed roles, NT SERVICE\…), and so do those of databases and objects, what code says of things that no
    /// catalog names, and hashes. Such a folder cannot be judged again.
    #[arg(long, conflicts_with = "learn")]
    pub redact: bool,
    /// Also write proposed-expectations.toml: what was found, as expectations for a human to sign. Approves nothing.
    #[arg(long)]
    pub learn: bool,
    /// A compliance framework of one's own (TOML), besides those of the inventory. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub framework: Vec<PathBuf>,
    /// A folder of templates of one's own, which stand in for report-templates/ by the name of their file
    /// (`schema view` says what they are given). They are kept in inputs/judgement.json.
    #[arg(long, value_name = "DIR")]
    pub templates: Option<PathBuf>,
    /// Also say what changed since BASELINE: a snapshot, a folder of them, or an output folder of `audit`. Writes
    /// reports/drift.json, drift.md and drift.html. Changes do not change the exit code: `diff` does that.
    #[arg(long, value_name = "BASELINE", conflicts_with = "redact")]
    pub against: Option<PathBuf>,
    /// An output folder of an earlier audit of the same estate: the first page shows the trend, and what opened and was
    /// closed since the last of them. May be repeated. `history` tells more.
    #[arg(long, value_name = "BUNDLE", conflicts_with = "redact")]
    pub history: Vec<PathBuf>,
    /// Signature.
    #[command(flatten)]
    pub signing: Signing,
}

/// Which module texts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Definitions {
    /// Every text that was read.
    All,
    /// Those of modules with a finding of a CODE rule.
    Flagged,
    /// None.
    None,
}

/// `audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// Which targets.
    #[command(flatten)]
    pub targets: Targets,
    /// How to judge.
    #[command(flatten)]
    pub judging: Judging,
    /// Module text to keep in snapshots/*.modules.jsonl. What the rest does is kept as observations.
    #[arg(long, value_name = "WHICH", default_value = "all")]
    pub definitions: Definitions,
    /// Folder to write [default: mssql-posture-<UTC time>].
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// `collect`.
#[derive(Debug, Args)]
pub struct Collect {
    /// Which targets.
    #[command(flatten)]
    pub targets: Targets,
    /// Do not exit with 3 because something could not be seen.
    #[arg(long)]
    pub allow_partial: bool,
    /// Module text to keep in snapshots/*.modules.jsonl. What the rest does is kept as observations.
    #[arg(long, value_name = "WHICH", default_value = "all")]
    pub definitions: Definitions,
    /// Signature.
    #[command(flatten)]
    pub signing: Signing,
    /// Folder to write [default: mssql-posture-<UTC time>].
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// `assess`.
#[derive(Debug, Args)]
pub struct Assess {
    /// Snapshot files, or folders that hold *.snapshot.json.
    #[arg(required = true, value_name = "SNAPSHOT")]
    pub snapshots: Vec<PathBuf>,
    /// Inventory whose expectations and exclusions apply.
    #[arg(long, value_name = "FILE", conflicts_with = "inputs")]
    pub inventory: Option<PathBuf>,
    /// judgement.json of an earlier audit.
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<PathBuf>,
    /// How to judge.
    #[command(flatten)]
    pub judging: Judging,
    /// Folder to write [default: mssql-posture-<UTC time>].
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// `scan`.
#[derive(Debug, Args)]
pub struct Scan {
    /// Files, folders (their *.sql and the like), patterns, or - for standard input.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<String>,
    /// Form of the result on standard output.
    #[arg(long, default_value = "table")]
    pub format: ScanFormat,
    /// Exit with 1 on sinks at or over this severity.
    #[arg(long, value_name = "SEVERITY", default_value = "high")]
    pub fail_on: FailOn,
}

/// Forms of `scan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScanFormat {
    /// Each sink with its line of source.
    Table,
    /// One JSON object a module or batch.
    Jsonl,
    /// SARIF 2.1.0.
    Sarif,
}

/// `paths`.
#[derive(Debug, Args)]
pub struct Paths {
    /// Snapshot files, folders that hold *.snapshot.json, an output folder of `audit`, or one inventory (*.toml).
    #[arg(required = true, value_name = "SNAPSHOT|BUNDLE|INVENTORY")]
    pub inputs: Vec<PathBuf>,
    /// Form of the result on standard output.
    #[arg(long, default_value = "table")]
    pub format: PathsFormat,
    /// Only ways of this principal, an administrator too: a login or server role, or Db.user.
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
    /// Ways to this place instead of to commands: a login, a role, Db.user, sysadmin, or "dbo of Db".
    #[arg(long, value_name = "NAME", conflicts_with = "channel")]
    pub to: Option<String>,
    /// Only ways to commands through this channel. May be repeated.
    #[arg(long, value_name = "CHANNEL", value_parser = channels())]
    pub channel: Vec<Channel>,
    /// Only ways of at most so many steps.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_steps: Option<u16>,
    /// Look for ways as they would be after this statement: one that `audit` proposes under "Fix first", or its like
    /// (REVOKE, DENY, ALTER ROLE … DROP MEMBER, sp_configure …, 0, ALTER DATABASE … SET TRUSTWORTHY OFF, …). Changes the
    /// snapshots in memory; nothing is sent to a server. May be repeated.
    #[arg(long, value_name = "T-SQL")]
    pub what_if: Vec<String>,
    /// Table: tell the steps of every chain, not only of the first three.
    #[arg(long)]
    pub all: bool,
}

/// Channels by their words.
fn channels() -> impl TypedValueParser<Value = Channel> {
    let words = Channel::ALL.map(Channel::as_str);
    PossibleValuesParser::new(words).try_map(|word| {
        let mut channels = Channel::ALL.into_iter();
        channels
            .find(|channel| channel.as_str() == word)
            .ok_or("no such channel")
    })
}

/// Forms of `paths`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PathsFormat {
    /// Top chains and their steps, how each channel stands, what was not seen.
    Table,
    /// Under each principal its steps, those that chains share written once.
    Tree,
    /// mssql-posture/paths/v1.
    Json,
    /// A graph for Graphviz.
    Dot,
    /// BloodHound OpenGraph, to be loaded beside MSSQLHound's.
    Opengraph,
}

/// `preflight`.
#[derive(Debug, Args)]
pub struct Preflight {
    /// Which targets.
    #[command(flatten)]
    pub targets: Targets,
    /// Form of the result on standard output.
    #[arg(long, default_value = "table")]
    pub format: PreflightFormat,
    /// Print only the T-SQL that grants what is missing, a batch for each target.
    #[arg(long, conflicts_with = "format")]
    pub fix: bool,
}

/// Forms of `preflight`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PreflightFormat {
    /// Tables.
    Table,
    /// mssql-posture/preflight/v1.
    Json,
}

/// `script`.
#[derive(Debug, Args)]
pub struct Script {
    /// Which.
    pub kind: ScriptKind,
    /// For login and revoke: the server's version, as a year (2019), a major version (15) or a range (2012,
    /// 2014-2019, 2022+) [default: 2022+].
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// For login and revoke: the login's name; one with a backslash is a Windows account or group [default:
    /// posture_audit].
    #[arg(long, value_name = "LOGIN")]
    pub name: Option<String>,
    /// For login: also what `changes` needs, which no audit does. Up to 2019 that is CONTROL SERVER and ALTER TRACE: give it
    /// to a login of its own, for a time. Exported files (`changes --from-files`) need neither.
    #[arg(long)]
    pub with_changes: bool,
    /// File to write [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Scripts by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScriptKind {
    /// Makes the least-privileged login for an audit.
    Login,
    /// Removes it.
    Revoke,
    /// Collects from a host that this program cannot reach; its output is for `import`.
    Collector,
}

/// `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// What the collector script printed, saved: a file for each instance.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The target's name, for one file [default: the name that the server gives itself].
    #[arg(long, value_name = "TARGET")]
    pub name: Option<String>,
    /// Do not exit with 3 because something could not be seen.
    #[arg(long)]
    pub allow_partial: bool,
    /// Folder to write [default: mssql-posture-<UTC time>].
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// `rules`.
#[derive(Debug, Args)]
pub struct Rules {
    /// Form of the list.
    #[arg(long, default_value = "text")]
    pub format: RulesFormat,
    /// Only rules of this family: SURF, CODE, CLR, PRIV, TRUST, LINK, AGENT, AUDIT, CHANGE or SIGHT.
    #[arg(long)]
    pub family: Option<String>,
    /// Only rules of this severity.
    #[arg(long)]
    pub severity: Option<RuleSeverity>,
    /// Only rules that name a control of this framework: cis-2022, stig-2022-instance, ….
    #[arg(long, value_name = "ID")]
    pub framework: Option<String>,
}

/// Severities by their words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum RuleSeverity {
    Critical,
    High,
    Medium,
    Low,
    Info,
}

impl RuleSeverity {
    /// The severity that it names.
    pub fn severity(self) -> Severity {
        match self {
            Self::Critical => Severity::Critical,
            Self::High => Severity::High,
            Self::Medium => Severity::Medium,
            Self::Low => Severity::Low,
            Self::Info => Severity::Info,
        }
    }
}

/// `waivers`.
#[derive(Debug, Args)]
pub struct Waivers {
    /// The inventory (TOML).
    pub inventory: PathBuf,
    /// The day as of which to count, YYYY-MM-DD [default: the inventory's, else today (UTC)].
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// Form of the list.
    #[arg(long, default_value = "table")]
    pub format: WaiversFormat,
}

/// Forms of `waivers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WaiversFormat {
    /// A table.
    Table,
    /// An array of objects.
    Json,
}

/// Forms of `explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For a terminal.
    Text,
    /// Markdown.
    Md,
}

/// Forms of `rules`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RulesFormat {
    /// A line a rule.
    Text,
    /// An array of objects.
    Json,
    /// A Markdown table.
    Md,
}

/// From which severity on findings change the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum FailOn {
    Critical,
    High,
    Medium,
    Low,
    Info,
    Never,
}

impl FailOn {
    /// The severity it stands for.
    pub fn severity(self) -> Option<Severity> {
        Some(match self {
            Self::Critical => Severity::Critical,
            Self::High => Severity::High,
            Self::Medium => Severity::Medium,
            Self::Low => Severity::Low,
            Self::Info => Severity::Info,
            Self::Never => return None,
        })
    }
}
