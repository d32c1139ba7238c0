//! `paths`: who reaches which way to a command, by which steps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::args::{Definitions, Paths, PathsFormat};
use super::assess::{find, ordered, read_inputs};
use super::judge::{self, Given, Source};
use super::targets::Estate;
use super::{Exit, audit, output, print, stop};
use crate::collect::Completion;
use crate::evidence::Bundle;
use crate::graph::{
    Change, Channel, Estate as Links, Graph, Groups, Limits, Node, Path as WayPath, ReachedBy,
};
use crate::ids::InstanceId;
use crate::inventory::{Meant, MeantTarget};
use crate::report::{InstancePaths, PathsReport};
use crate::rules::Case;
use crate::snapshot::{Outcome, Snapshot};

/// Chains that the table tells step by step.
const MOST_TOLD: usize = 3;
/// Ways that are kept of each channel; what more there are is counted.
const MOST_WAYS: usize = 1_000;
/// Instances at a time, as `audit` has it.
const CONCURRENCY: u16 = 16;

pub(super) fn paths(args: &Paths) -> anyhow::Result<Exit> {
    if let Some(inventory) = inventory_among(&args.inputs)? {
        let estate = Estate::read(inventory, &[], &[])?;
        let plans = estate.plans(false)?;
        stop::listen();
        let folder = TempDir::new()?;
        let bundle = Bundle::create(&folder.path().join("snapshots-of-paths"))?;
        // Servers are asked from here on.
        let mut ended = None;
        let exit = output::incomplete_on_error(|| {
            let text = Definitions::None; // what modules do is enough, and it leaves no code on the disk
            let gathered = audit::gather(&estate, plans, CONCURRENCY, text, bundle, |_| {})?;
            let scope = Scope {
                sources: gathered.sources,
                meant: estate.inventory.as_meant(),
                stopped: gathered.completion == Completion::Stopped || stop::asked(),
            };
            ended = Some(tell(args, &scope));
            Ok(Exit::Clean)
        });
        // A name that nobody has is the caller's mistake, whoever was asked.
        return ended.unwrap_or(Ok(exit));
    }
    tell(args, &Scope::recorded(&args.inputs)?)
}

/// The inventory that was given, if one was; it is the whole scope.
fn inventory_among(inputs: &[PathBuf]) -> anyhow::Result<Option<&Path>> {
    let is_inventory = |path: &PathBuf| {
        let extension = path.extension();
        extension.is_some_and(|word| word.eq_ignore_ascii_case("toml")) && !path.is_dir()
    };
    let inventory = inputs.iter().find(|path| is_inventory(path));
    match inventory {
        Some(inventory) if inputs.len() > 1 => bail!(
            "{}: an inventory is given alone, or its snapshots without it",
            inventory.display()
        ),
        found => Ok(found.map(PathBuf::as_path)),
    }
}

/// The snapshots, and what is known of their targets.
struct Scope {
    sources: Vec<Source>,
    meant: Meant,
    /// Whether the collection was stopped before its end.
    stopped: bool,
}

impl Scope {
    /// Of snapshots that were collected before. A bundle says itself what was meant: which databases are left out, and
    /// which targets there should be.
    fn recorded(inputs: &[PathBuf]) -> anyhow::Result<Self> {
        let mut meant = Meant::default();
        for folder in inputs {
            let judgement = folder.join("inputs/judgement.json");
            if judgement.is_file() {
                meant
                    .targets
                    .extend(read_inputs(&judgement)?.inventory.targets);
            }
        }
        let sources = ordered(find(inputs)?, &meant)?;
        let sources = sources.into_iter().map(|(_, source)| source);
        Ok(Self {
            sources: sources.collect(),
            meant,
            stopped: false,
        })
    }

    /// One snapshot as its ways are looked for: the only place where a snapshot comes in.
    fn given(
        &self,
        source: &Source,
        what_if: &mut WhatIf,
    ) -> anyhow::Result<(Given, Option<&MeantTarget>)> {
        let mut given = source.read()?;
        judge::note_older(&given.snapshot, given.observations.as_ref());
        let mut targets = self.meant.targets.iter();
        let meant = targets.find(|meant| meant.name == given.snapshot.target);
        if let Some(meant) = meant {
            judge::exclude(&mut given.snapshot, &meant.exclude_databases);
        }
        what_if.apply(&mut given.snapshot);
        Ok((given, meant))
    }
}

/// Changes to look at the snapshots after.
struct WhatIf(Vec<(Change, usize)>);

impl WhatIf {
    fn read(statements: &[String]) -> anyhow::Result<Self> {
        let mut changes = Vec::new();
        for statement in statements {
            let read = Change::read(statement).with_context(|| format!("--what-if {statement}"))?;
            changes.extend(read.into_iter().map(|change| (change, 0)));
        }
        Ok(Self(changes))
    }

    /// What an instance does not have is not changed there.
    fn apply(&mut self, snapshot: &mut Snapshot) {
        for (change, made) in &mut self.0 {
            *made += usize::from(change.apply(snapshot).is_ok());
        }
    }

    /// A change that no instance knows would look like one that closes nothing.
    fn settle(&self) -> anyhow::Result<()> {
        for (change, made) in &self.0 {
            if *made == 0 {
                bail!(
                    "--what-if: {}: no instance that was given has what that would change",
                    change.sentence()
                );
            }
            output::note(&format!(
                "what if: {} (on {made} of the instances, in memory alone)",
                change.sentence()
            ));
        }
        Ok(())
    }
}

fn tell(args: &Paths, scope: &Scope) -> anyhow::Result<Exit> {
    let mut asked = Asked::new(args, scope);
    let mut what_if = WhatIf::read(&args.what_if)?;
    let mut instances = Vec::new();
    let mut links = Links::default();
    let mut places = BTreeMap::new();
    for source in &scope.sources {
        let (given, meant) = scope.given(source, &mut what_if)?;
        let found = asked.instance(&given, meant, &mut links);
        places.insert(found.id.clone(), source);
        instances.push(found);
    }
    what_if.settle()?;
    for (target, logins) in links.wanted() {
        if let Some(source) = places.get(&target) {
            let mut again = WhatIf::read(&args.what_if)?;
            let (given, _) = scope.given(source, &mut again)?;
            links.arrive(&asked.graph(&given), &logins);
        }
    }
    asked.hops(&links, &mut instances);
    let known: BTreeSet<InstanceId> = instances.iter().map(|i| i.id.clone()).collect();
    let targets = scope.meant.targets.iter();
    let missing = targets.filter(|meant| !known.contains(&meant.name));
    instances.extend(missing.map(|meant| {
        let why = "there is no snapshot of it among those given".to_owned();
        InstancePaths::missing(meant.name.clone(), why)
    }));
    asked.settle()?;
    let report = PathsReport::new(instances);
    print(&rendered(args, &report)?)?;
    Ok(if report.is_incomplete() || scope.stopped {
        Exit::Incomplete
    } else {
        Exit::Clean
    })
}

fn rendered(args: &Paths, report: &PathsReport) -> serde_json::Result<String> {
    Ok(match args.format {
        PathsFormat::Table => {
            let most = if args.all { usize::MAX } else { MOST_TOLD };
            report.table(output::Terminal::of_stdout().width, most)
        }
        PathsFormat::Tree => report.tree(),
        PathsFormat::Json => report.json()?,
        PathsFormat::Dot => report.dot(),
        PathsFormat::Opengraph => report.opengraph()?,
    })
}

/// What was asked for, and which of the names somebody has.
struct Asked<'a> {
    args: &'a Paths,
    /// What the inventory says of groups.
    groups: Groups,
    limits: Limits,
    from: Name<'a>,
    to: Name<'a>,
}

/// A name on the command line.
struct Name<'a> {
    option: &'static str,
    given: Option<&'a str>,
    is_known: bool,
    /// What comes closest, and how close.
    closest: Option<(f64, String)>,
}

/// Names that are less alike are not offered.
const ALIKE: f64 = 0.6;

impl<'a> Name<'a> {
    fn new(option: &'static str, given: Option<&'a str>) -> Self {
        Self {
            option,
            given,
            is_known: given.is_none(),
            closest: None,
        }
    }

    /// The places that it stands for on one instance; `None` where nobody gave a name.
    fn nodes(&mut self, graph: &Graph<'_>) -> Option<Vec<Node>> {
        let name = self.given?;
        let nodes = graph.named(name);
        self.is_known |= !nodes.is_empty();
        if !self.is_known {
            for other in graph.names() {
                let likeness = strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase());
                let best = self.closest.as_ref().map_or(ALIKE, |(best, _)| *best);
                if likeness > best {
                    self.closest = Some((likeness, other));
                }
            }
        }
        Some(nodes)
    }

    fn settle(&self) -> anyhow::Result<()> {
        if self.is_known {
            return Ok(());
        }
        let name = self.given.unwrap_or_default();
        let closest = self.closest.as_ref();
        let closest = closest.map_or_else(String::new, |(_, name)| format!(" Is {name} meant?"));
        bail!(
            "{} {name}: no login, role or user of that name was seen.{closest} Write a login or server role as the server has it, a database's user or role as Db.user, or sysadmin, or \"dbo of Db\"",
            self.option
        )
    }
}

impl<'a> Asked<'a> {
    fn new(args: &'a Paths, scope: &Scope) -> Self {
        Self {
            groups: judge::groups(&scope.meant),
            args,
            limits: Limits {
                paths: MOST_WAYS,
                steps: args.max_steps.map_or(usize::MAX, usize::from),
            },
            from: Name::new("--from", args.from.as_deref()),
            to: Name::new("--to", args.to.as_deref()),
        }
    }

    fn graph<'g>(&self, given: &'g Given) -> Graph<'g> {
        Case::new(&given.snapshot, &given.texts, None)
            .with_observations(given.observations.as_ref())
            .with_groups(self.groups.clone())
            .into_graph()
    }

    /// The chains over several instances, each where it begins; none where a place or another channel was asked for.
    fn hops(&self, links: &Links, instances: &mut [InstancePaths]) {
        let only = &self.args.channel;
        let wanted = only.is_empty() || only.contains(&Channel::LinkedHop);
        if self.args.to.is_some() || !wanted {
            return;
        }
        let from = self.args.from.as_deref();
        let is_asked = |path: &WayPath| {
            let name = &path.principal.name;
            path.steps.len() <= self.limits.steps
                && from.is_none_or(|from| name.eq_ignore_ascii_case(from))
        };
        for path in links.paths(judge::MOST_PATHS).into_iter().filter(is_asked) {
            let start = path.principal.instance.clone();
            let mut instances = instances.iter_mut();
            if let Some(instance) = instances.find(|i| start.as_ref() == Some(&i.id)) {
                instance.hops.push(path);
            }
        }
    }

    fn instance(
        &mut self,
        given: &Given,
        meant: Option<&MeantTarget>,
        links: &mut Links,
    ) -> InstancePaths {
        let snapshot = &given.snapshot;
        let mut found = InstancePaths::of(snapshot);
        if matches!(
            snapshot.outcome,
            Outcome::Unreached(_) | Outcome::SameAs { .. }
        ) {
            return found;
        }
        let graph = self.graph(given);
        links.enter(&graph, meant.map_or(&[][..], |meant| &meant.aliases));
        let from = self.from.nodes(&graph);
        if let Some(goals) = self.to.nodes(&graph) {
            let goals = goals.into_iter();
            let goals = goals.map(|to| graph.goal(to, from.as_deref(), self.limits));
            found.goals = goals.collect();
        } else {
            let only = &self.args.channel;
            let routes = graph.survey_from(from.as_deref(), self.limits).into_iter();
            let routes = routes.map(|surveyed| surveyed.route);
            let routes = routes.filter(|r| only.is_empty() || only.contains(&r.channel));
            found.routes = routes.collect();
        }
        found.gaps = graph
            .gaps()
            .into_iter()
            .map(|gap| gap.state.into())
            .collect();
        if from.is_none() {
            self.note_more(&found);
        }
        found
    }

    /// Ways that were found and not kept are said.
    fn note_more(&self, found: &InstancePaths) {
        if self.args.max_steps.is_some() {
            return;
        }
        let routes = found.routes.iter().map(|r| (&r.reached_by, r.paths.len()));
        let goals = found.goals.iter().map(|g| (&g.reached_by, g.paths.len()));
        let more = routes.chain(goals).any(|(by, kept)| all(by) > kept);
        if more {
            output::note(&format!(
                "{}: the {MOST_WAYS} shortest ways of each channel are listed; all are counted, and --from NAME finds any",
                found.id
            ));
        }
    }

    fn settle(&self) -> anyhow::Result<()> {
        self.from.settle()?;
        self.to.settle()
    }
}

fn all(by: &ReachedBy) -> usize {
    let all = by
        .open
        .saturating_add(by.armable)
        .saturating_add(by.waiting);
    usize::try_from(all).unwrap_or(usize::MAX)
}
