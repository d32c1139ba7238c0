//! Judges snapshot files and writes what follows: assessment, reports, exit code. `audit` and `assess`
//! meet here, so that the same snapshots and inputs give the same bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::args::{Format, Judging};
use super::audit::snapshot_name;
use super::learn::{PROPOSALS, Proposals};
use super::reports::{REPORTS, is_basis};
use super::{Exit, diff, history, json, output, print, reports, targets};
use crate::compliance::{Checklist, Framework};
use crate::evidence::{Bundle, SigningKey};
use crate::graph::{Estate, Group, Groups};
use crate::ids::{Criticality, DatabaseName, InstanceId};
use crate::inventory::{Meant, MeantTarget, TagValue};
use crate::report::{
    self, Assessment, Earlier, Judged, Judgement, Server, Templates, VerdictEntry,
};
use crate::rules::telemetry::Telemetry;
use crate::rules::{
    self, Acceptances, Assemblies, AtHand, Case, Observations, OwnRule, Rule, Severity, Verdict,
};
use crate::score;
use crate::snapshot::{Connection, Encryption, ModuleTexts, Outcome, Snapshot, Stage, Trouble};

/// The first field of judgement.json.
pub const SCHEMA: &str = "mssql-posture/judgement/v1";

/// inputs/judgement.json: all that verdicts depend on besides snapshots.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// `mssql-posture/judgement/v1`.
    pub schema: String,
    /// The day to judge as of.
    pub as_of: String,
    /// From which severity on findings change the exit code.
    pub fail_on: Option<Severity>,
    /// Program version whose rules judged.
    pub rules: String,
    /// The inventory as meant, without hosts and credentials.
    pub inventory: Meant,
    /// Frameworks of one's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frameworks: Vec<Framework>,
    /// Rules of one's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_rules: Vec<OwnRule>,
    /// Templates of one's own, by the name of their file.
    #[serde(default, skip_serializing_if = "Templates::is_empty")]
    pub templates: Templates,
    /// The same as rules, made when this is read.
    #[serde(skip)]
    pub made: Vec<&'static Rule>,
}

impl Inputs {
    /// The same with frameworks of one's own, those of `more` files among them.
    ///
    /// # Errors
    /// A file cannot be read, or is no framework; two have one id; a waiver names no rule.
    pub fn with(
        mut self,
        own: Vec<Framework>,
        rules: Vec<OwnRule>,
        more: &[PathBuf],
    ) -> anyhow::Result<Self> {
        self.frameworks.extend(own);
        self.made = rules.iter().map(OwnRule::as_rule).collect();
        self.own_rules = rules;
        for path in more {
            let own = &self.own_rules;
            self.frameworks.push(targets::framework(path, own)?);
        }
        let mut ids = BTreeSet::new();
        if let Some(twice) = self.frameworks.iter().find(|f| !ids.insert(f.id.clone())) {
            bail!("two frameworks have the id {:?}", twice.id);
        }
        self.acceptances()?;
        Ok(self)
    }

    /// The same with the templates of a folder, if one is given.
    ///
    /// # Errors
    /// It cannot be read, or holds what is no template.
    pub fn with_templates(mut self, folder: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(folder) = folder {
            self.templates = reports::templates(folder)?;
        }
        Ok(self)
    }

    /// What this version judges by.
    pub fn new(as_of: String, fail_on: Option<Severity>, inventory: Meant) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            as_of,
            fail_on,
            rules: env!("CARGO_PKG_VERSION").to_owned(),
            inventory,
            frameworks: Vec::new(),
            own_rules: Vec::new(),
            templates: Templates::default(),
            made: Vec::new(),
        }
    }
}

/// One snapshot to judge, and the files that hold its module text or what was observed in it.
#[derive(Clone, Debug)]
pub struct Source {
    /// The snapshot file.
    pub snapshot: PathBuf,
    /// Its module-text file.
    pub modules: PathBuf,
    /// Its observations file, if module text was left out.
    pub observations: PathBuf,
}

/// What a source holds.
pub struct Given {
    /// The facts.
    pub snapshot: Snapshot,
    /// The module text that is there.
    pub texts: ModuleTexts,
    /// What was observed before text was left out.
    pub observations: Option<Observations>,
}

impl Source {
    /// The others stand beside the snapshot: `x.snapshot.json`, `x.modules.jsonl` and `x.observations.json`.
    pub fn beside(snapshot: &Path) -> Self {
        let name = snapshot.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.strip_suffix(".snapshot.json").unwrap_or(&name);
        Self {
            snapshot: snapshot.to_owned(),
            modules: snapshot.with_file_name(format!("{stem}.modules.jsonl")),
            observations: snapshot.with_file_name(format!("{stem}.observations.json")),
        }
    }

    /// Reads the files. Modules of which there is neither text nor observation are unknown to the rules; files that do
    /// not belong to the snapshot are refused.
    pub fn read(&self) -> anyhow::Result<Given> {
        let place = || self.snapshot.display().to_string();
        let text = std::fs::read_to_string(&self.snapshot)
            .with_context(|| format!("cannot read {}", place()))?;
        let snapshot = Snapshot::from_json(&text).with_context(place)?;
        let file = &snapshot.module_text;
        let texts = read_if_there(&self.modules)?
            .map(|text| ModuleTexts::from_jsonl(&text, &file.sha256))
            .transpose()
            .with_context(|| self.modules.display().to_string())?;
        let observations = match &file.observations {
            Some(sha256) => read_if_there(&self.observations)?
                .map(|text| Observations::from_json(&text, sha256))
                .transpose()
                .with_context(|| self.observations.display().to_string())?,
            None => None,
        };
        Ok(Given {
            texts: texts.unwrap_or_default(),
            observations,
            snapshot,
        })
    }
}

/// A file's text; `None` if there is no such file.
fn read_if_there(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// What follows from snapshots.
pub struct Concluded {
    /// The verdicts.
    pub assessment: Assessment,
    /// Controls on single instances and databases.
    pub checklists: Vec<Checklist>,
    /// Each instance as others name it.
    pub servers: BTreeMap<InstanceId, Server>,
}

/// Databases that are in scope, as far as they are seen.
fn databases(snapshot: &Snapshot) -> BTreeSet<DatabaseName> {
    let listed = snapshot.server.databases.seen().iter();
    let listed = listed.map(|listed| DatabaseName::new(&listed.name));
    let mut names: BTreeSet<DatabaseName> = listed.collect();
    for database in &snapshot.databases {
        if database.excluded {
            names.remove(&database.name);
        } else {
            names.insert(database.name.clone());
        }
    }
    names
}

/// Judges the sources in order, one at a time in memory, and says of what the inputs name and no source
/// holds that it was not reached. Instances that links lead to are read once more for the chains that arrive there.
pub fn assess(
    sources: &[Source],
    inputs: &Inputs,
    mut proposals: Option<&mut Proposals>,
) -> anyhow::Result<Concluded> {
    let mut assessment = Assessment::new(inputs.as_of.clone());
    assessment
        .not_selected
        .clone_from(&inputs.inventory.not_selected);
    let mut acceptances = inputs.acceptances()?;
    let mut missing: Vec<&MeantTarget> = inputs.inventory.targets.iter().collect();
    let mut estate = Estate::default();
    let mut assemblies = Assemblies::default();
    let mut places: BTreeMap<InstanceId, &Source> = BTreeMap::new();
    let mut servers = BTreeMap::new();
    let mut in_scope = BTreeMap::new();
    for source in sources {
        let given = source.read()?.meant(inputs);
        let id = &given.snapshot.target;
        servers.insert(id.clone(), Server::of(&given.snapshot));
        in_scope.insert(id.clone(), databases(&given.snapshot));
        note_older(&given.snapshot, given.observations.as_ref());
        let meant = inputs.target(&given.snapshot.target);
        missing.retain(|target| target.name != given.snapshot.target);
        let case = given.case(inputs);
        let own = inputs.judge_own(&case);
        let mut judged = judge(case, &mut estate, meant);
        judged.verdicts.extend(own);
        acceptances.apply(&given.snapshot, given.at_hand(), &mut judged.verdicts);
        if let Some(proposals) = &mut proposals {
            proposals.note(&given.snapshot, &judged.verdicts);
        }
        assessment.enter(judged);
        assemblies.enter(&given.snapshot);
        places.insert(given.snapshot.target.clone(), source);
    }
    for meant in missing {
        let snapshot = not_given(meant);
        let texts = ModuleTexts::default();
        let case = Case::new(&snapshot, &texts, None);
        let own = inputs.judge_own(&case);
        let mut judged = judge(case, &mut estate, Some(meant));
        judged.verdicts.extend(own);
        acceptances.apply(&snapshot, AtHand::NOTHING, &mut judged.verdicts);
        assessment.enter(judged);
        assemblies.enter(&snapshot);
    }
    for (kept, mut verdicts) in assemblies.judge() {
        acceptances.apply(kept, AtHand::NOTHING, &mut verdicts);
        assessment.add(kept, verdicts);
    }
    for (target, logins) in estate.wanted() {
        if let Some(source) = places.get(&target) {
            let given = source.read()?.meant(inputs);
            estate.arrive(&given.case(inputs).into_graph(), &logins);
        }
    }
    assessment.fleet.paths = estate.paths(MOST_PATHS);
    for (target, cited) in assessment.uncited() {
        if let Some(source) = places.get(&target) {
            assessment.cite(&source.read()?.snapshot, &cited);
        }
    }
    let of_estate = acceptances.verdicts().into_iter();
    assessment.estate = of_estate.map(VerdictEntry::new).collect();
    assessment.waivers = acceptances.list();
    let mut assessment = assessment.close();
    assessment.frameworks = inputs.compliance(&assessment);
    Ok(Concluded {
        checklists: inputs.checklists(&assessment, &in_scope),
        assessment,
        servers,
    })
}

/// So many chains over several instances are told.
pub const MOST_PATHS: usize = 20;

/// What the inventory says of groups.
pub fn groups(inventory: &Meant) -> Groups {
    let groups = inventory.windows_groups.iter().map(|group| {
        let known = Group {
            members: group.members.clone(),
            count: group.count,
        };
        (group.name.clone(), known)
    });
    Groups(groups.collect())
}

impl Inputs {
    /// What the inventory accepts.
    ///
    /// # Errors
    /// A waiver names no rule.
    pub fn acceptances(&self) -> anyhow::Result<Acceptances<'_>> {
        let find = |name: &str| self.rule(name).map(|rule| rule.id);
        Ok(Acceptances::new(&self.inventory, &self.as_of, find)?)
    }

    /// The rule of this id or slug, shipped or of one's own.
    fn rule(&self, name: &str) -> Option<&'static Rule> {
        let mut own = self.made.iter().copied();
        Rule::find(name).or_else(|| own.find(|rule| rule.id == name || rule.slug == name))
    }

    /// What rules of one's own conclude on an instance.
    fn judge_own(&self, case: &Case<'_>) -> Vec<Verdict> {
        let own = self.own_rules.iter().zip(&self.made);
        own.flat_map(|(own, rule)| own.judge(rule, case)).collect()
    }

    /// What reports are rendered from; `files` are those of the folder, with their hashes.
    pub fn judgement<'a>(
        &'a self,
        concluded: &'a Concluded,
        files: impl Iterator<Item = (String, String)>,
    ) -> Judgement<'a> {
        let assessment = &concluded.assessment;
        let targets = self.inventory.targets.iter();
        let lines = targets.filter_map(|target| Some((target.name.clone(), target.line?)));
        let files: BTreeMap<_, _> = files.filter(|(path, _)| is_basis(path)).collect();
        let snapshots = assessment.instances.iter().map(|own| {
            let path = format!("snapshots/{}", snapshot_name(&own.id));
            (own.id.clone(), path)
        });
        Judgement {
            assessment,
            earlier: Earlier::default(),
            templates: &self.templates,
            inventory: self.inventory.file.clone(),
            lines: lines.collect(),
            snapshots: snapshots
                .filter(|(_, path)| files.contains_key(path))
                .collect(),
            files,
            own_rules: &self.made,
            checklists: &concluded.checklists,
            servers: &concluded.servers,
        }
    }

    pub(super) fn target(&self, name: &InstanceId) -> Option<&MeantTarget> {
        self.inventory.targets.iter().find(|t| t.name == *name)
    }
}

impl Given {
    /// Without the databases that the inventory leaves out.
    pub fn meant(mut self, inputs: &Inputs) -> Self {
        if let Some(meant) = inputs.target(&self.snapshot.target) {
            exclude(&mut self.snapshot, &meant.exclude_databases);
        }
        self
    }

    /// What of its code can be compared.
    fn at_hand(&self) -> AtHand<'_> {
        AtHand::new(&self.texts, self.observations.as_ref())
    }

    /// To be judged with what the inventory says.
    fn case<'a>(&'a self, inputs: &'a Inputs) -> Case<'a> {
        let meant = inputs.target(&self.snapshot.target);
        let expected = meant.and_then(|meant| meant.expected_sysadmins.as_deref());
        Case::new(&self.snapshot, &self.texts, expected)
            .with_observations(self.observations.as_ref())
            .with_groups(groups(&inputs.inventory))
            .with_audit_needs(meant.map(|meant| meant.audit_needs).unwrap_or_default())
            .as_of(&inputs.as_of)
    }
}

/// Whether anything in scope was not seen of one target, as its audit would say on the day of the collection. No text is
/// read for it.
pub fn is_incomplete(snapshot: &Snapshot, meant: &Meant) -> bool {
    let mut targets = meant.targets.iter();
    if let Outcome::SameAs { target } = &snapshot.outcome {
        return !targets.any(|meant| meant.name == *target);
    }
    let meant = targets.find(|meant| meant.name == snapshot.target);
    let mut snapshot = Cow::Borrowed(snapshot);
    if let Some(meant) = meant.filter(|meant| !meant.exclude_databases.is_empty()) {
        exclude(snapshot.to_mut(), &meant.exclude_databases);
    }
    let texts = ModuleTexts::default();
    let expected = meant.and_then(|meant| meant.expected_sysadmins.as_deref());
    let day = snapshot.started.get(..10).unwrap_or_default();
    let case = Case::new(&snapshot, &texts, expected).without_reading();
    let needs = meant.map(|meant| meant.audit_needs).unwrap_or_default();
    let case = case.as_of(day).with_audit_needs(needs);
    let mut assessment = Assessment::new(day.to_owned());
    assessment.enter(judge(case, &mut Estate::default(), None));
    assessment.close().is_incomplete()
}

/// Text that was left out cannot be read again by a better analyser.
pub fn note_older(snapshot: &Snapshot, observations: Option<&Observations>) {
    if let Some(observations) = observations.filter(|o| !o.is_of_this_version()) {
        output::note(&format!(
            "{}: module text was left out when {} had read it, so verdicts on code are by what that saw",
            snapshot.target, observations.analyser
        ));
    }
}

fn not_given(meant: &MeantTarget) -> Snapshot {
    let trouble = Trouble {
        stage: Stage::Recording,
        why: "there is no snapshot of it among those given".to_owned(),
        remedy: "give its snapshot too".to_owned(),
    };
    let connection = Connection {
        endpoint: String::new(),
        encryption: Encryption::Off,
        trust_server_certificate: false,
        authentication: String::new(),
        user: None,
    };
    Snapshot::unseen(
        meant.name.clone(),
        Outcome::Unreached(trouble),
        connection,
        "",
    )
}

fn judge<'a>(case: Case<'a>, estate: &mut Estate, meant: Option<&MeantTarget>) -> Judged<'a> {
    let snapshot = case.snapshot;
    let aliases = meant.map_or(&[][..], |meant| &meant.aliases);
    let verdicts = rules::judge(&case);
    let unread = u32::try_from(case.analysis().unread()).unwrap_or(u32::MAX);
    let mut judged = Judged {
        snapshot,
        criticality: meant.and_then(criticality),
        exposure: score::unseen(),
        routes: Vec::new(),
        fix_first: Vec::new(),
        telemetry: None,
        missing: rules::unsettled(snapshot),
        modules_with_unread_dynamic_sql: unread,
        verdicts,
    };
    if !matches!(
        snapshot.outcome,
        Outcome::Unreached(_) | Outcome::SameAs { .. }
    ) {
        judged.telemetry = Some(Telemetry::of(&case));
        let again = case.after(snapshot);
        let judge = |after: &Snapshot| rules::judge(&again.after(after));
        let mut graph = case.into_graph();
        estate.enter(&graph, aliases);
        (judged.exposure, judged.routes) = score::exposure(&mut graph, &judged.verdicts);
        judged.fix_first = score::fix_first(&graph, &judge, &judged.verdicts, &judged.exposure);
    }
    judged
}

/// What the tag says; the inventory knows no other words.
fn criticality(meant: &MeantTarget) -> Option<Criticality> {
    match meant.tags.get("criticality")? {
        TagValue::Text(word) => Criticality::from_word(word),
        TagValue::Flag(_) => None,
    }
}

/// A recording may hold databases that this inventory leaves out.
pub fn exclude(snapshot: &mut Snapshot, names: &[String]) {
    let Some(identity) = snapshot.server.server_identity.known() else {
        return;
    };
    for database in &mut snapshot.databases {
        let own = database.name.as_str();
        database.excluded |= names.iter().any(|name| identity.is_same_name(name, own));
    }
}

/// Writes inputs, assessment and reports into the folder, prints the table, and says how it ended.
/// SHA256SUMS comes last.
pub fn conclude(
    mut bundle: Bundle,
    sources: &[Source],
    inputs: &Inputs,
    judging: &Judging,
    signer: Option<&SigningKey>,
) -> anyhow::Result<Exit> {
    let mut proposals = Proposals::default();
    let wanted = judging.learn.then_some(&mut proposals);
    let mut concluded = assess(sources, inputs, wanted)?;
    if judging.redact {
        concluded = concluded.redacted(sources, inputs)?;
    } else {
        bundle.write("inputs/judgement.json", &json::bytes(inputs)?)?;
    }
    let assessment = &concluded.assessment;
    bundle.write_with("assessment.json", &|to| json::write(assessment, to))?;
    if judging.learn {
        bundle.write(PROPOSALS, proposals.render().as_bytes())?;
    }
    let drift = diff::against(
        judging.against.as_deref(),
        &mut bundle,
        sources,
        (assessment, inputs),
    )?;
    let earlier = history::earlier(&judging.history, &inputs.as_of)?;
    let trend = history::trend(earlier, assessment, &mut bundle)?;
    let mut judgement = inputs.judgement(&concluded, bundle.hashes());
    judgement.earlier = Earlier {
        trend: trend.as_ref(),
        drift: drift.as_ref(),
    };
    if judging.redact {
        judgement.inventory = None;
        judgement.lines.clear();
    }
    for report in REPORTS {
        if judging.format.contains(&report.format) {
            for file in (report.render)(&judgement)? {
                let file = file?;
                bundle.write(&file.path, &file.bytes)?;
            }
        }
    }
    if let Some(drift) = &drift {
        for (path, bytes) in diff::forms(drift, &inputs.templates)? {
            bundle.write(path, &bytes)?;
        }
    }
    let root = bundle.root().to_owned();
    bundle.finish(&jiff::Timestamp::now().to_string(), signer)?;
    if judging.format.contains(&Format::Table) {
        let terminal = output::Terminal::of_stdout();
        print(&report::table(assessment, terminal.width, terminal.color))?;
        if let Some(trend) = &trend {
            print(&format!("\n{}", report::trend_table(trend, terminal.width)))?;
        }
        if let Some(drift) = &drift {
            print(&format!(
                "\n{}",
                report::diff_summary(drift, terminal.width)
            ))?;
        }
    }
    output::note(&format!("written to {}", root.display()));
    Ok(exit(assessment, inputs.fail_on, judging.allow_partial))
}

fn exit(assessment: &Assessment, fail_on: Option<Severity>, allow_partial: bool) -> Exit {
    if assessment.is_incomplete() && !allow_partial {
        Exit::Incomplete
    } else if fail_on.is_some_and(|severity| assessment.has_findings(severity)) {
        Exit::Findings
    } else {
        Exit::Clean
    }
}
