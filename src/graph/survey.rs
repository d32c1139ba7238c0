//! All routes of one instance, and how many get how far on each.

use super::build::Graph;
use super::channel::Channel;
use super::entry::Entry;
use super::fact::FactRef;
use super::identity::{self, OsIdentity, ProxyAccount};
use super::index::ANYBODY;
use super::node::Node;
use super::platform::{Availability, Site, availability};
use super::route::{Citation, Path, PathStep, ReachedBy, Route, RunsAs, State};
use super::search::{Besides, Reach, Way};
use super::step::Edge;
use crate::ids::DatabaseName;
use crate::snapshot::{CitedRow, Fact};

/// Who gets how far on a channel, for the score: administrators count as far as they would get without being one, so that
/// taking somebody out of sysadmin never adds to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breadth {
    /// So many logins and users, groups by their size where it is known.
    pub count: u32,
    /// Groups of unknown size among them.
    pub unknown_groups: u32,
    /// Whether everybody is among them: whoever is not excepted by name.
    pub everyone: bool,
}

/// One channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// As it is reported.
    pub route: Route,
    /// Who gets in while it is open.
    pub open: Breadth,
    /// Who gets in, having switched it on.
    pub armable: Breadth,
    /// Who gets in after waiting for somebody.
    pub waiting: Breadth,
}

/// How the survey is made.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// So many paths are kept of each route.
    pub paths: usize,
    /// Paths with more steps, those of arming among them, are left out.
    pub steps: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            paths: 10,
            steps: usize::MAX,
        }
    }
}

impl Graph<'_> {
    /// Every channel of the instance, in order.
    pub fn survey(&self, limits: Limits) -> Vec<Surveyed> {
        self.survey_from(None, limits)
    }

    /// The same with the paths of those that were asked for, administrators or not, where somebody asked.
    pub fn survey_from(&self, asked: Option<&[Node]>, limits: Limits) -> Vec<Surveyed> {
        let survey = Survey {
            asked,
            graph: self,
            site: Site::of(self.index.snapshot),
            entries: self.entries(),
            settings: self.to_goal(Node::Settings),
            limits,
        };
        let channels = Channel::ALL.into_iter();
        channels.map(|channel| survey.channel(channel)).collect()
    }

    /// A row for people and machines.
    pub fn cite(&self, fact: FactRef) -> Citation {
        let snapshot = self.index.snapshot;
        Citation {
            instance: None,
            fact: fact.fact.name().to_owned(),
            database: fact
                .database
                .map(|db| self.index.database_name(db))
                .or_else(|| fact.fact.asked_in())
                .map(DatabaseName::new),
            row: CitedRow::from(fact.fact.row(snapshot, fact.database, fact.row)),
        }
    }

    /// The steps of a chain, in words.
    pub fn told(&self, chain: &[(&Edge, Node)]) -> Vec<PathStep> {
        let step = |(edge, to): &(&Edge, Node)| PathStep {
            kind: edge.step.as_str().to_owned(),
            from: self.place(edge.from),
            to: self.place(*to),
            sentence: self.sentence(edge, *to),
            waits: edge.step.waits(),
            evidence: edge.facts.iter().map(|fact| self.cite(*fact)).collect(),
        };
        chain.iter().map(step).collect()
    }
}

struct Survey<'g, 'a> {
    graph: &'g Graph<'a>,
    /// Whose paths are told; everybody's but administrators' where nobody asked.
    asked: Option<&'g [Node]>,
    site: Site,
    entries: Vec<Entry>,
    settings: Reach,
    limits: Limits,
}

/// How a channel stands, whoever reaches it.
struct Standing {
    /// Open to whoever gets to it.
    is_open: bool,
    /// Whether setting an option opens it.
    by_option: bool,
    why: String,
    evidence: Vec<FactRef>,
}

impl Survey<'_, '_> {
    fn channel(&self, channel: Channel) -> Surveyed {
        let (source, missing) = match availability(channel, &self.site) {
            Availability::Exists { source } => (source.to_owned(), None),
            Availability::Missing { reason, source } => {
                (source.to_owned(), Some(reason.to_owned()))
            }
            Availability::Unknown { why } => (why, None),
        };
        let none = || missing.clone().or_else(|| self.nothing_there(channel));
        if let Some(why) = none() {
            return closed(channel, why, source);
        }
        let reach = self.graph.to_goal(Node::Command(channel));
        let standing = self.standing(channel);
        let mut surveyed = closed(channel, standing.why.clone(), source);
        surveyed.route.runs_as = self.runs_as(channel);
        let evidence = standing.evidence.iter();
        surveyed.route.evidence = evidence.map(|fact| self.graph.cite(*fact)).collect();
        self.count(&mut surveyed, &reach, &standing);
        surveyed.route.paths = self.paths(&reach, &standing);
        surveyed
    }

    /// Channels that are made of something which this instance does not have.
    fn nothing_there(&self, channel: Channel) -> Option<String> {
        let made_of = match channel {
            Channel::ModuleCommand => "no module holds a command that it may run whoever calls it",
            Channel::LinkedHop => "no linked server that leads elsewhere has a stored login",
            _ => return None,
        };
        if channel == Channel::LinkedHop && self.graph.leaves_as_oneself() {
            return None;
        }
        let ways = self.graph.leading_to(Node::Command(channel));
        let only_administrators = ways.iter().all(|edge| edge.from == Node::Sysadmin);
        only_administrators.then(|| made_of.to_owned())
    }

    fn standing(&self, channel: Channel) -> Standing {
        let graph = self.graph;
        if let Some(option) = channel.option() {
            let is_open = graph.runs_now(channel);
            let why = match (is_open, graph.is_staged(option)) {
                (true, _) => format!("{option} is on"),
                (false, true) => format!(
                    "{option} is configured on and not running: the next RECONFIGURE or restart switches it on"
                ),
                (false, false) => format!("{option} is off; ALTER SETTINGS switches it on"),
            };
            return Standing {
                is_open,
                by_option: true,
                why,
                evidence: graph.config_fact(option).into_iter().collect(),
            };
        }
        let is_agent = matches!(
            channel,
            Channel::AgentCmdExec
                | Channel::AgentPowerShell
                | Channel::AgentSsis
                | Channel::AgentActiveX
        );
        let stopped = is_agent.then(|| self.stopped_agent()).flatten();
        match stopped {
            Some(fact) => Standing {
                is_open: false,
                by_option: false,
                why: "SQL Server Agent is not running".to_owned(),
                evidence: vec![fact],
            },
            None => Standing {
                is_open: channel != Channel::ModuleCommand || graph.some_module_runs(),
                by_option: channel == Channel::ModuleCommand,
                why: told_of(channel).to_owned(),
                evidence: Vec::new(),
            },
        }
    }

    /// The Agent's service, if it was seen not to run.
    fn stopped_agent(&self) -> Option<FactRef> {
        let services = self.graph.index.snapshot.server.services.seen();
        let mut services = (0..).zip(services);
        let agent = services.find(|(_, s)| s.servicename.starts_with("SQL Server Agent"));
        let (at, _) = agent.filter(|(_, s)| {
            let status = s.status_desc.as_deref();
            status.is_some_and(|status| !status.eq_ignore_ascii_case("Running"))
        })?;
        Some(FactRef::server(Fact::Services, at))
    }

    /// How far a principal gets.
    fn state_of(way: &Way, settings: Option<&Way>, standing: &Standing) -> State {
        if way.waits() {
            return State::Waiting;
        }
        if standing.is_open {
            return State::Open;
        }
        let arms = settings.is_some_and(|way| !way.waits());
        if standing.by_option && arms {
            State::Armable
        } else {
            State::Waiting
        }
    }

    fn count(&self, surveyed: &mut Surveyed, reach: &Reach, standing: &Standing) {
        let anybody = Node::login(ANYBODY);
        let mut best = State::Closed;
        for entry in &self.entries {
            let Some(way) = reach.way(entry.node) else {
                continue;
            };
            let state = Self::state_of(way, self.settings.way(entry.node), standing);
            best = best.max(state);
            let by = &mut surveyed.route.reached_by;
            if entry.is_administrator {
                by.administrators += 1;
                if let Some(state) = self.besides(entry.node, reach, standing) {
                    breadth_of(surveyed, state).add(entry);
                }
                continue;
            }
            match state {
                State::Open => by.open += 1,
                State::Armable => by.armable += 1,
                State::Waiting | State::Closed => by.waiting += 1,
            }
            if entry.group == Some(None) {
                by.groups_of_unknown_size
                    .push(self.graph.place(entry.node).name);
            }
            breadth_of(surveyed, state).add(entry);
        }
        if let Some(way) = reach.way(anybody) {
            let state = Self::state_of(way, self.settings.way(anybody), standing);
            breadth_of(surveyed, state).everyone = true;
            surveyed.route.reached_by.everyone = true;
            best = best.max(state);
        }
        surveyed.route.state = best.max(Self::for_administrators(standing));
    }

    /// What a channel is to sysadmin, even where nobody in it can log in now.
    fn for_administrators(standing: &Standing) -> State {
        match (standing.is_open, standing.by_option) {
            (true, _) => State::Open,
            (false, true) => State::Armable,
            (false, false) => State::Waiting,
        }
    }

    /// How far a member of sysadmin would get without being one.
    fn besides(&self, node: Node, reach: &Reach, standing: &Standing) -> Option<State> {
        let way = settled(self.graph, reach, node)?;
        let settings = settled(self.graph, &self.settings, node);
        Some(Self::state_of(&way, settings.as_ref(), standing))
    }

    fn paths(&self, reach: &Reach, standing: &Standing) -> Vec<Path> {
        let others = self.entries.iter().filter(|e| !e.is_administrator);
        let mut found: Vec<(std::cmp::Reverse<State>, u32, Node)> = Vec::new();
        let everyone = reach.everybody();
        let nodes: Vec<Node> = match self.asked {
            Some(asked) => asked.to_vec(),
            None => everyone.into_iter().chain(others.map(|e| e.node)).collect(),
        };
        for node in nodes {
            let Some(way) = reach.way(node) else {
                continue;
            };
            let state = Self::state_of(way, self.settings.way(node), standing);
            let cost = reach.cost(node).unwrap_or(u32::MAX);
            found.push((std::cmp::Reverse(state), cost, node));
        }
        found.sort();
        let told = found
            .into_iter()
            .map(|(state, _, node)| self.path(reach, node, state.0));
        let short = told.filter(|p| p.steps.len() + p.arming.len() <= self.limits.steps);
        short.take(self.limits.paths).collect()
    }

    fn path(&self, reach: &Reach, node: Node, state: State) -> Path {
        let arming = match state {
            State::Armable => self.graph.told(&self.settings.chain(node)),
            _ => Vec::new(),
        };
        Path {
            principal: self.graph.place(node),
            state,
            steps: self.graph.told(&reach.chain(node)),
            arming,
        }
    }

    fn runs_as(&self, channel: Channel) -> RunsAs {
        let snapshot = self.graph.index.snapshot;
        let identity = match channel {
            Channel::ExternalScript => identity::external_script(snapshot),
            Channel::AgentCmdExec
            | Channel::AgentPowerShell
            | Channel::AgentSsis
            | Channel::AgentActiveX => identity::agent(snapshot),
            _ => identity::engine(snapshot),
        };
        let proxy = match channel {
            Channel::XpCmdshell => identity::xp_cmdshell_proxy(snapshot),
            _ => ProxyAccount::Absent,
        };
        let strongest = match proxy {
            ProxyAccount::Present(proxy) if proxy.power > identity.power => proxy,
            _ => identity,
        };
        told_account(strongest)
    }
}

fn told_account(identity: OsIdentity) -> RunsAs {
    let power = serde_json::to_value(identity.power).ok();
    let power = power.as_ref().and_then(|power| power.as_str());
    RunsAs {
        account: identity.account,
        power: power.unwrap_or("unknown").to_owned(),
    }
}

/// The way of a member of sysadmin besides being one; asked again without itself where the cheapest leads through it.
fn settled(graph: &Graph<'_>, reach: &Reach, node: Node) -> Option<Way> {
    match reach.besides(node) {
        Besides::Nothing => None,
        Besides::Way(way) => Some(way.clone()),
        Besides::ByItself => {
            let again = Reach::new(graph, reach.goal, Some(node));
            match again.besides(node) {
                Besides::Way(way) => Some(way.clone()),
                Besides::Nothing | Besides::ByItself => None,
            }
        }
    }
}

fn breadth_of(surveyed: &mut Surveyed, state: State) -> &mut Breadth {
    match state {
        State::Open => &mut surveyed.open,
        State::Armable => &mut surveyed.armable,
        State::Waiting | State::Closed => &mut surveyed.waiting,
    }
}

impl Breadth {
    fn add(&mut self, entry: &Entry) {
        match entry.group {
            None => self.count = self.count.saturating_add(1),
            Some(Some(size)) => self.count = self.count.saturating_add(size),
            Some(None) => {
                self.count = self.count.saturating_add(1);
                self.unknown_groups += 1;
            }
        }
    }

    /// Those of both.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            unknown_groups: self.unknown_groups + other.unknown_groups,
            everyone: self.everyone || other.everyone,
        }
    }
}

fn closed(channel: Channel, why: String, source: String) -> Surveyed {
    Surveyed {
        route: Route {
            channel,
            state: State::Closed,
            why,
            source,
            runs_as: RunsAs {
                account: None,
                power: "unknown".to_owned(),
            },
            reached_by: ReachedBy::default(),
            evidence: Vec::new(),
            paths: Vec::new(),
        },
        open: Breadth::default(),
        armable: Breadth::default(),
        waiting: Breadth::default(),
    }
}

/// Channels that no option switches.
fn told_of(channel: Channel) -> &'static str {
    match channel {
        Channel::ExtendedProcedure => "sysadmin registers a DLL by sp_addextendedproc",
        Channel::LinkedHop => {
            "a linked server leads elsewhere, as a stored login or as whoever uses it"
        }
        Channel::RegistryAutorun => "the registry procedures have no switch",
        Channel::ModuleCommand => "a module holds a command that it may run whoever calls it",
        _ => "SQL Server Agent runs job steps",
    }
}
