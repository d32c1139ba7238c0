//! The folder's evidence/: how each snapshot came to be, the statements as they were sent, and what this run was.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::judge::Inputs;
use super::{json, operator};
use crate::collect::{self, Query, SESSION_SETTINGS, Scope, use_database};
use crate::compliance::{self, Framework};
use crate::evidence::Bundle;
use crate::ids::{InstanceId, file_name};
use crate::report::{
    EvidenceBasis, FileHash, FrameworkVersion, RUN_SCHEMA, RuleSet, RunCompleteness, RunRecord,
    RunTarget, StatementText, TargetEvidence, Tool, statement_path,
};
use crate::rules;
use crate::snapshot::{Snapshot, sha256_hex};

/// The run's own file.
pub const RUN: &str = "evidence/run.json";

/// Writes evidence while a folder is filled.
pub struct Ledger {
    started: jiff::Timestamp,
    /// A snapshot is written again where a target turns out to be another's instance.
    targets: BTreeMap<InstanceId, RunTarget>,
    /// Statements that stand in the folder.
    statements: BTreeSet<String>,
    /// Hashing takes a moment, in which servers can answer.
    binary: JoinHandle<Option<String>>,
}

/// What a run is known by besides what it reached.
pub struct Run<'a> {
    /// The command.
    pub command: &'static str,
    /// The inventory file, with its hash.
    pub inventory: Option<FileHash>,
    /// Targets that were left out.
    pub not_selected: Vec<InstanceId>,
    /// Frameworks of one's own.
    pub frameworks: &'a [Framework],
    /// How many rules of one's own.
    pub own_rules: usize,
}

impl Ledger {
    /// Begins now.
    pub fn open() -> Self {
        Self {
            started: jiff::Timestamp::now(),
            targets: BTreeMap::new(),
            statements: BTreeSet::new(),
            binary: std::thread::spawn(|| hash_of(&std::env::current_exe().ok()?)),
        }
    }

    /// Writes the evidence of a snapshot that stands in the folder.
    ///
    /// # Errors
    /// The platform refused.
    pub fn enter(
        &mut self,
        bundle: &mut Bundle,
        snapshot: &Snapshot,
        excluded: &[String],
    ) -> anyhow::Result<()> {
        let stem = file_name(snapshot.target.as_str());
        let place = format!("snapshots/{stem}.snapshot.json");
        let sha256 = bundle.hash_of(&place).unwrap_or_default().to_owned();
        let evidence = evidence(
            snapshot,
            FileHash {
                path: place,
                sha256,
            },
            excluded,
        );
        let path = evidence_path(&stem);
        bundle.write(&path, &json::bytes(&evidence)?)?;
        for (statement, text) in texts(&evidence) {
            if self.statements.insert(statement.clone()) {
                bundle.write(&statement, text.as_bytes())?;
            }
        }
        let sha256 = bundle.hash_of(&path).unwrap_or_default().to_owned();
        let file = FileHash { path, sha256 };
        let target = RunTarget::of(&evidence, file);
        self.targets.insert(target.target.clone(), target);
        Ok(())
    }

    /// Writes what this run was.
    ///
    /// # Errors
    /// The platform refused.
    pub fn close(self, bundle: &mut Bundle, run: Run<'_>) -> anyhow::Result<()> {
        let ended = jiff::Timestamp::now();
        let binary = self.binary.join().ok().flatten();
        let record = RunRecord {
            schema: RUN_SCHEMA.to_owned(),
            run_id: run_id(),
            command: run.command.to_owned(),
            tool: Tool {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                commit: option_env!("MSSQL_POSTURE_COMMIT").map(str::to_owned),
                binary_sha256: binary,
            },
            operator: operator::user(bundle.root()),
            host: operator::host(),
            os: operator::system(),
            inventory: run.inventory,
            rule_set: rule_set(run.own_rules),
            statements_sha256: statements_sha256(),
            collected: [format!("{:.3}", self.started), format!("{ended:.3}")],
            frameworks: frameworks(run.frameworks),
            completeness: RunCompleteness::of(
                self.targets.into_values().collect(),
                run.not_selected,
            ),
        };
        bundle.write(RUN, &json::bytes(&record)?)?;
        Ok(())
    }
}

/// Where a target's evidence stands.
fn evidence_path(stem: &str) -> String {
    format!("evidence/{stem}.evidence.json")
}

fn evidence(snapshot: &Snapshot, file: FileHash, excluded: &[String]) -> TargetEvidence {
    let module_text = file.path.replace(".snapshot.json", ".modules.jsonl");
    let known = |name: &str, sha256: &str| statement(name, sha256).map(about);
    let basis = EvidenceBasis {
        snapshot: file,
        module_text,
        excluded,
        session_settings: SESSION_SETTINGS,
        database_switch: use_database("database"),
        statement: &known,
    };
    TargetEvidence::of(snapshot, basis)
}

/// The statement of this name with this hash, if this version has it.
fn statement(name: &str, sha256: &str) -> Option<&'static Query> {
    static BY_HASH: LazyLock<BTreeMap<String, Vec<&'static Query>>> = LazyLock::new(|| {
        let mut by_hash: BTreeMap<String, Vec<&'static Query>> = BTreeMap::new();
        for query in collect::queries() {
            let hash = sha256_hex(query.text.as_bytes());
            by_hash.entry(hash).or_default().push(query);
        }
        by_hash
    });
    let same = BY_HASH.get(sha256)?;
    same.iter().copied().find(|query| query.name == name)
}

fn about(query: &'static Query) -> StatementText {
    StatementText {
        scope: match query.scope {
            Scope::Session => "session",
            Scope::Server => "server",
            Scope::Master => "master",
            Scope::Msdb => "msdb",
            Scope::Context => "context",
            Scope::Database => "database",
            Scope::Events => "events",
        },
        purpose: query.purpose,
        permission: query.permission,
        narrowing: query.narrowing,
    }
}

/// The statements that an evidence file names, each with its path.
fn texts(evidence: &TargetEvidence) -> impl Iterator<Item = (String, &'static str)> {
    let named = evidence.statements.iter();
    named.filter_map(|own| {
        let query = statement(&own.query, &own.sha256)?;
        Some((statement_path(&own.sha256), query.text))
    })
}

/// The rules of this program.
pub(super) fn rule_set(own_rules: usize) -> RuleSet {
    let mut hash = Sha256::new();
    for rule in rules::ALL {
        hash.update(rule.id);
        hash.update("\n");
        hash.update(rule.source.replace("\r\n", "\n"));
    }
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    RuleSet {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rules: count(rules::ALL.len()),
        sha256: crate::evidence::hex(&hash.finalize()),
        own_rules: count(own_rules),
    }
}

fn statements_sha256() -> String {
    let hashes = collect::queries().iter();
    let hashes: Vec<String> = hashes.map(|q| sha256_hex(q.text.as_bytes())).collect();
    sha256_hex(hashes.join("\n").as_bytes())
}

fn frameworks(own: &[Framework]) -> Vec<FrameworkVersion> {
    let all = compliance::shipped().iter().chain(own);
    all.map(|framework| FrameworkVersion {
        id: framework.id.clone(),
        version: framework.version.clone(),
    })
    .collect()
}

/// SHA-256 of a file.
fn hash_of(path: &Path) -> Option<String> {
    let mut file = std::fs::File::open(path).ok()?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece).ok()? {
            0 => break,
            read => hash.update(piece.get(..read)?),
        }
    }
    Some(crate::evidence::hex(&hash.finalize()))
}

/// A UUID of version 8 (RFC 9562): the time, the process, and what the standard library draws from the system's
/// random numbers for its tables.
fn run_id() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let mut seed = Sha256::new();
    seed.update(jiff::Timestamp::now().to_string());
    seed.update(std::process::id().to_be_bytes());
    for _ in 0..2 {
        seed.update(RandomState::new().build_hasher().finish().to_be_bytes());
    }
    let hex = crate::evidence::hex(&seed.finalize());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-8{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 15),
        part(15, 18),
        part(18, 30)
    )
}

/// Makes all of evidence/ again that follows from the snapshots, and names the first file that does not. `None` if the
/// folder has none.
///
/// # Errors
/// A file does not follow, or cannot be read.
pub fn follows(
    root: &Path,
    files: &BTreeMap<String, String>,
    inputs: Option<&Inputs>,
) -> anyhow::Result<Option<String>> {
    let mut left: BTreeSet<&str> = files.keys().map(String::as_str).collect();
    left.retain(|path| path.starts_with("evidence/"));
    let all = left.len();
    if all == 0 {
        return Ok(None);
    }
    let read = |path: &str| -> anyhow::Result<RunRecord> {
        let text = std::fs::read_to_string(root.join(path))?;
        Ok(serde_json::from_str(&text)?)
    };
    let mut run = read(RUN).map_err(|error| anyhow::anyhow!("{RUN}: {error}"))?;
    let mut targets = Vec::new();
    let snapshots = files.keys().filter(|path| path.ends_with(".snapshot.json"));
    for place in snapshots.filter(|path| path.starts_with("snapshots/")) {
        let sha256 = files.get(place).cloned().unwrap_or_default();
        let stem = place.trim_start_matches("snapshots/");
        let path = evidence_path(stem.trim_end_matches(".snapshot.json"));
        let snapshot = Snapshot::from_json(&std::fs::read_to_string(root.join(place))?)
            .map_err(|error| anyhow::anyhow!("{place}: {error}"))?;
        let excluded = excluded(root, &path, &snapshot, inputs);
        let file = FileHash {
            path: place.clone(),
            sha256,
        };
        let due = evidence(&snapshot, file, &excluded);
        same(root, &path, &json::bytes(&due)?)?;
        left.remove(path.as_str());
        for (statement, text) in texts(&due) {
            same(root, &statement, text.as_bytes())?;
            left.remove(statement.as_str());
        }
        let sha256 = files.get(&path).cloned().unwrap_or_default();
        targets.push(RunTarget::of(&due, FileHash { path, sha256 }));
    }
    let not_selected = inputs.map_or_else(
        || run.completeness.not_selected.clone(),
        |inputs| inputs.inventory.not_selected.clone(),
    );
    run.completeness = RunCompleteness::of(targets, not_selected);
    run.rule_set = rule_set(inputs.map_or(run.rule_set.own_rules as usize, |i| i.own_rules.len()));
    run.statements_sha256 = statements_sha256();
    if let Some(inputs) = inputs {
        run.frameworks = frameworks(&inputs.frameworks);
    }
    same(root, RUN, &json::bytes(&run)?)?;
    left.remove(RUN);
    match left.first() {
        Some(path) => anyhow::bail!("{path}: {NOT_FOLLOWING}"),
        None => Ok(Some(format!("{all} files of evidence/"))),
    }
}

/// What the inventory leaves out of a target: as judgement.json has it, or, in a folder without verdicts, as the
/// evidence itself says.
fn excluded(root: &Path, path: &str, snapshot: &Snapshot, inputs: Option<&Inputs>) -> Vec<String> {
    if let Some(inputs) = inputs {
        let mut targets = inputs.inventory.targets.iter();
        let own = targets.find(|target| target.name == snapshot.target);
        return own.map_or_else(Vec::new, |target| target.exclude_databases.clone());
    }
    let text = std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let said: Option<TargetEvidence> = serde_json::from_str(&text).ok();
    let excluded = said.map(|said| said.completeness.databases.excluded);
    let names = excluded.unwrap_or_default();
    names.iter().map(|name| name.as_str().to_owned()).collect()
}

const NOT_FOLLOWING: &str = "it does not follow from the snapshots";

fn same(root: &Path, path: &str, due: &[u8]) -> anyhow::Result<()> {
    let place: PathBuf = root.join(path);
    match std::fs::read(place) {
        Ok(is) if is == due => Ok(()),
        Ok(_) => anyhow::bail!("{path}: {NOT_FOLLOWING}"),
        Err(error) => anyhow::bail!("{path}: {error}"),
    }
}

/// Statements are named by their hashes, whatever version wrote them.
///
/// # Errors
/// One is not.
pub fn statements_are_named_by_hash(files: &BTreeMap<String, String>) -> anyhow::Result<()> {
    for (path, sha256) in files {
        let is_statement = path.starts_with(crate::report::STATEMENTS);
        if is_statement && *path != statement_path(sha256) {
            anyhow::bail!("{path}: it is not the statement whose hash is its name");
        }
    }
    Ok(())
}
