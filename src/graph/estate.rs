//! Chains that lead over linked servers from one instance of the estate to another. Each instance is searched by itself;
//! here only what leaves one and arrives at another is put together, so that no two snapshots need be in memory at once.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use super::build::Graph;
use super::channel::Channel;
use super::index::PUBLIC_SERVER;
use super::node::Node;
use super::place::Address;
use super::route::{Path, PathStep, State};
use super::search::Reach;
use super::wording::Place;
use crate::ids::{InstanceId, named};

/// A login of another instance, as a link arrives there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Login {
    /// Its name there, lower case: links do not say how the other server compares.
    pub name: String,
    /// Whether it comes by OPENQUERY alone, where options cannot be set.
    pub queries_only: bool,
}

/// A stored login of a linked server that leads away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The linked server's name.
    pub link: String,
    /// Where it leads.
    address: Address,
    /// As whom it arrives.
    login: Login,
    /// The name as stored.
    remote: String,
    /// Who leaves by it, the nearest first, and by which steps.
    ways: Vec<Start>,
}

/// Somebody who leaves an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Start {
    principal: Place,
    steps: Vec<PathStep>,
}

/// What a login that arrives can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Its way to a command, the most open and shortest.
    command: Option<(State, Vec<PathStep>)>,
    /// Its ways to departures, by their places.
    onward: Vec<(usize, Vec<PathStep>)>,
}

/// An instance of the estate.
#[derive(Clone, Debug)]
struct Member {
    id: InstanceId,
    departures: Vec<Departure>,
    arrivals: HashMap<Login, Arrival>,
}

/// The instances of an estate, and what leads from one to another.
#[derive(Debug, Default)]
pub struct Estate {
    members: Vec<Member>,
    /// Places of members by host and named instance.
    names: HashMap<(String, Option<String>), BTreeSet<usize>>,
    /// Places of members by host and port.
    ports: HashMap<(String, u16), BTreeSet<usize>>,
}

/// So many leave by each departure.
const MOST_STARTS: usize = 5;

impl Estate {
    /// Enters an instance: how it is reached, what else it is called, what leads away from it.
    pub fn enter(&mut self, graph: &Graph<'_>, aliases: &[String]) {
        let snapshot = graph.index.snapshot;
        let at = self.members.len();
        let identity = snapshot.server.server_identity.known();
        let instance = identity.and_then(|i| i.instance_name.as_deref());
        let instance = instance.map(str::to_lowercase);
        let endpoint = Address::of(&snapshot.connection.endpoint);
        if let Some(port) = endpoint.port {
            let port = (endpoint.host.clone(), port);
            self.ports.entry(port).or_default().insert(at);
        }
        let mut hosts: BTreeSet<String> = BTreeSet::from([endpoint.host]);
        for alias in aliases {
            let alias = Address::of(alias);
            self.names
                .entry((alias.host, alias.instance))
                .or_default()
                .insert(at);
        }
        let own = identity.into_iter().flat_map(|i| {
            let names = [&i.server_name, &i.machine_name, &i.physical_name];
            names.into_iter().flatten()
        });
        hosts.extend(own.map(|name| Address::of(name).host));
        let short: Vec<String> = hosts.iter().filter_map(|host| first_label(host)).collect();
        hosts.extend(short);
        for host in hosts {
            let name = (host, instance.clone());
            self.names.entry(name).or_default().insert(at);
        }
        self.members.push(Member {
            id: snapshot.target.clone(),
            departures: graph.departures(),
            arrivals: HashMap::new(),
        });
    }

    /// The member that an address names; `None` if none does, or more than one.
    fn member(&self, address: &Address) -> Option<usize> {
        let one = |found: Option<&BTreeSet<usize>>| {
            let found = found.filter(|places| places.len() == 1)?;
            found.first().copied()
        };
        let named = |host: &str| one(self.names.get(&(host.to_owned(), address.instance.clone())));
        if let Some(port) = address.port {
            let by_port = one(self.ports.get(&(address.host.clone(), port)));
            if by_port.is_some() || address.instance.is_none() {
                return by_port.or_else(|| named(&address.host));
            }
        }
        named(&address.host).or_else(|| named(&first_label(&address.host)?))
    }

    /// Which logins of which instances links arrive as.
    pub fn wanted(&self) -> BTreeMap<InstanceId, BTreeSet<Login>> {
        let mut wanted: BTreeMap<InstanceId, BTreeSet<Login>> = BTreeMap::new();
        for member in &self.members {
            for departure in &member.departures {
                let target = self.member(&departure.address);
                if let Some(target) = target.and_then(|at| self.members.get(at)) {
                    let logins = wanted.entry(target.id.clone()).or_default();
                    logins.insert(departure.login.clone());
                }
            }
        }
        wanted
    }

    /// What logins that arrive at an instance can do there.
    pub fn arrive(&mut self, graph: &Graph<'_>, logins: &BTreeSet<Login>) {
        let id = &graph.index.snapshot.target;
        let arrivals = graph.arrivals(logins);
        let mut members = self.members.iter_mut();
        if let Some(member) = members.find(|member| member.id == *id) {
            member.arrivals = arrivals;
        }
    }

    /// The chains over more than one instance, the most open and shortest first.
    pub fn paths(&self, most: usize) -> Vec<Path> {
        let best = self.completions();
        let mut paths: Vec<Path> = Vec::new();
        for (at, member) in self.members.iter().enumerate() {
            for (place, departure) in member.departures.iter().enumerate() {
                let Some((target, completion)) = self.completed(at, place, &best) else {
                    continue;
                };
                // What leads back by a name that the instance does not know as its own gives an administrator nothing.
                let leads_back = target == at;
                let ways = departure.ways.iter();
                for start in ways.filter(|w| !leads_back || w.principal.kind != "sysadmin") {
                    let mut steps = of_instance(&start.steps, &member.id);
                    self.hop(at, departure, &mut steps);
                    steps.extend(completion.steps.iter().cloned());
                    let waits = steps.iter().any(|step| step.waits);
                    let mut principal = start.principal.clone();
                    principal.instance = Some(member.id.clone());
                    paths.push(Path {
                        principal,
                        state: if waits {
                            State::Waiting
                        } else {
                            completion.state
                        },
                        steps,
                        arming: Vec::new(),
                    });
                }
            }
        }
        paths.sort_by_cached_key(|path| {
            let order = std::cmp::Reverse(path.state);
            (order, path.steps.len(), path.principal.clone())
        });
        paths.dedup();
        paths.truncate(most);
        paths
    }

    /// Puts the hop's own words in place of the last step's.
    fn hop(&self, from: usize, departure: &Departure, steps: &mut [PathStep]) {
        let target = self.member(&departure.address);
        let target = target.and_then(|at| self.members.get(at));
        let (Some(last), Some(target), Some(own)) =
            (steps.last_mut(), target, self.members.get(from))
        else {
            return;
        };
        let how = if departure.login.queries_only {
            "queries"
        } else {
            "statements"
        };
        last.sentence = format!(
            "{} runs {how} on {} as {} over linked server {} of {}",
            shown(&last.from),
            named(target.id.as_str()),
            named(&departure.remote),
            named(&departure.link),
            named(own.id.as_str()),
        );
        last.to = Place {
            kind: "login".to_owned(),
            instance: Some(target.id.clone()),
            database: None,
            name: departure.remote.clone(),
        };
    }

    /// The best way on from every login that somebody arrives as.
    fn completions(&self) -> HashMap<(usize, Login), Completion> {
        let mut best: HashMap<(usize, Login), Completion> = HashMap::new();
        let mut open: BinaryHeap<Open> = BinaryHeap::new();
        for (at, member) in self.members.iter().enumerate() {
            for (login, arrival) in &member.arrivals {
                if let Some((state, steps)) = &arrival.command {
                    let completion = Completion {
                        state: *state,
                        steps: of_instance(steps, &member.id),
                    };
                    open.push(Open::new(at, login.clone(), completion));
                }
            }
        }
        let arriving = self.arriving();
        while let Some(Open {
            at,
            login,
            completion,
            ..
        }) = open.pop()
        {
            let key = (at, login);
            if best.contains_key(&key) {
                continue;
            }
            for (member, from, place) in arriving.get(&key).into_iter().flatten() {
                let Some(next) = self.onward(*member, from, *place, &completion) else {
                    continue;
                };
                if !best.contains_key(&(*member, from.clone())) {
                    open.push(Open::new(*member, from.clone(), next));
                }
            }
            best.insert(key, completion);
        }
        best
    }

    /// Which arrivals lead on to a login of another member: member, login, departure.
    fn arriving(&self) -> Arriving {
        let mut arriving = Arriving::new();
        for (at, member) in self.members.iter().enumerate() {
            for (login, arrival) in &member.arrivals {
                for (place, _) in &arrival.onward {
                    let Some(departure) = member.departures.get(*place) else {
                        continue;
                    };
                    if let Some(target) = self.member(&departure.address) {
                        let key = (target, departure.login.clone());
                        arriving
                            .entry(key)
                            .or_default()
                            .push((at, login.clone(), *place));
                    }
                }
            }
        }
        for list in arriving.values_mut() {
            list.sort();
        }
        arriving
    }

    fn onward(
        &self,
        at: usize,
        login: &Login,
        place: usize,
        rest: &Completion,
    ) -> Option<Completion> {
        let member = self.members.get(at)?;
        let departure = member.departures.get(place)?;
        let mut ways = member.arrivals.get(login)?.onward.iter();
        let (_, steps) = ways.find(|(p, _)| *p == place)?;
        let mut steps = of_instance(steps, &member.id);
        self.hop(at, departure, &mut steps);
        steps.extend(rest.steps.iter().cloned());
        Some(Completion {
            state: rest.state,
            steps,
        })
    }

    fn completed<'b>(
        &self,
        at: usize,
        place: usize,
        best: &'b HashMap<(usize, Login), Completion>,
    ) -> Option<(usize, &'b Completion)> {
        let departure = self.members.get(at)?.departures.get(place)?;
        let target = self.member(&departure.address)?;
        let completion = best.get(&(target, departure.login.clone()))?;
        Some((target, completion))
    }
}

/// By an arrival: the arrivals that lead to it (member, login), and by which departure.
type Arriving = HashMap<(usize, Login), Vec<(usize, Login, usize)>>;

/// The rest of a chain, from a login to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Completion {
    state: State,
    steps: Vec<PathStep>,
}

/// A completion to be looked at: the most open and shortest first, of equal ones in order of place and login.
#[derive(Debug, PartialEq, Eq)]
struct Open {
    order: (State, std::cmp::Reverse<usize>),
    at: usize,
    login: Login,
    completion: Completion,
}

impl Open {
    fn new(at: usize, login: Login, completion: Completion) -> Self {
        let order = (completion.state, std::cmp::Reverse(completion.steps.len()));
        Self {
            order,
            at,
            login,
            completion,
        }
    }
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_place = || (other.at, &other.login).cmp(&(self.at, &self.login));
        self.order.cmp(&other.order).then_with(by_place)
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The first label of a host's name; none of an address, or of a name of one label.
fn first_label(host: &str) -> Option<String> {
    let is_name = host.contains(|c: char| c.is_alphabetic());
    let (first, _) = host.split_once('.').filter(|_| is_name)?;
    Some(first.to_owned())
}

/// Steps with the instance that they are on.
fn of_instance(steps: &[PathStep], id: &InstanceId) -> Vec<PathStep> {
    let mut steps = steps.to_vec();
    for step in &mut steps {
        step.from.instance = Some(id.clone());
        step.to.instance = Some(id.clone());
        for citation in &mut step.evidence {
            citation.instance = Some(id.clone());
        }
    }
    steps
}

fn shown(place: &Place) -> String {
    match (place.kind.as_str(), place.name.as_str()) {
        ("server_role", "public") => "every login".to_owned(),
        ("sysadmin", _) => "sysadmin".to_owned(),
        (_, name) => named(name),
    }
}

impl Graph<'_> {
    /// What leads away from this instance.
    pub fn departures(&self) -> Vec<Departure> {
        let mut departures = Vec::new();
        for (at, mapping) in self.links.away() {
            let Ok(at) = u32::try_from(at) else {
                continue;
            };
            let source = mapping.server.data_source.as_deref();
            departures.push(Departure {
                link: mapping.server.name.clone(),
                address: Address::of(source.unwrap_or(&mapping.server.name)),
                login: Login {
                    name: mapping.remote.to_lowercase(),
                    queries_only: !mapping.server.is_rpc_out_enabled
                        && mapping.server.is_data_access_enabled,
                },
                remote: mapping.remote.to_owned(),
                ways: self.starts(&self.to_goal(Node::Hop(at))),
            });
        }
        departures
    }

    /// Everybody at once where it is everybody; else the nearest, and sysadmin.
    fn starts(&self, reach: &Reach) -> Vec<Start> {
        let start = |node: Node| Start {
            principal: self.place(node),
            steps: self.told(&reach.chain(node)),
        };
        let everybody = Node::login(PUBLIC_SERVER);
        if reach.way(everybody).is_some() {
            return vec![start(everybody)];
        }
        let entries = self.entries();
        let others = entries.iter().filter(|e| !e.is_administrator);
        let mut near: Vec<(u32, Node)> = others
            .filter_map(|e| Some((reach.cost(e.node)?, e.node)))
            .collect();
        near.sort_unstable();
        let nodes = near.into_iter().map(|(_, node)| node).take(MOST_STARTS);
        let mut starts: Vec<Start> = nodes.map(start).collect();
        if reach.way(Node::Sysadmin).is_some() {
            starts.push(start(Node::Sysadmin));
        }
        starts
    }

    /// What logins that arrive can do. Those that are not there, or cannot log in, are left out.
    fn arrivals(&self, logins: &BTreeSet<Login>) -> HashMap<Login, Arrival> {
        let entries = self.entries().into_iter().map(|entry| entry.node);
        let entries: BTreeSet<Node> = entries.collect();
        let mut found = Vec::new();
        for login in logins {
            let id = self.index.login_named(&login.name);
            if let Some(id) = id.filter(|id| entries.contains(&Node::login(*id))) {
                let command = if login.queries_only {
                    self.queried_command(id)
                } else {
                    self.command_of(Node::login(id))
                };
                let onward = Vec::new();
                found.push((login, Node::login(id), Arrival { command, onward }));
            }
        }
        let away = if found.is_empty() { 0 } else { usize::MAX };
        for (place, (at, _)) in self.links.away().take(away).enumerate() {
            let Ok(at) = u32::try_from(at) else {
                continue;
            };
            let reach = self.to_goal(Node::Hop(at));
            for (_, node, arrival) in &mut found {
                if reach.way(*node).is_some() {
                    arrival.onward.push((place, self.told(&reach.chain(*node))));
                }
            }
        }
        let found = found.into_iter();
        found
            .map(|(login, _, arrival)| (login.clone(), arrival))
            .collect()
    }

    /// The most open and shortest way of a login to a command.
    fn command_of(&self, node: Node) -> Option<(State, Vec<PathStep>)> {
        let settings = self.to_goal(Node::Settings);
        let arms = settings.way(node).is_some_and(|way| !way.waits());
        let mut best: Option<(State, u32, Vec<PathStep>)> = None;
        for channel in Channel::ALL
            .into_iter()
            .filter(|c| *c != Channel::LinkedHop)
        {
            let reach = self.to_goal(Node::Command(channel));
            let (Some(way), Some(cost)) = (reach.way(node), reach.cost(node)) else {
                continue;
            };
            let state = match (way.waits(), self.runs_now(channel), arms) {
                (true, ..) | (false, false, false) => State::Waiting,
                (false, true, _) => State::Open,
                (false, false, true) => State::Armable,
            };
            let is_better = best.as_ref().is_none_or(|(known, nearest, _)| {
                (state, std::cmp::Reverse(cost)) > (*known, std::cmp::Reverse(*nearest))
            });
            if is_better {
                best = Some((state, cost, self.told(&reach.chain(node))));
            }
        }
        best.map(|(state, _, steps)| (state, steps))
    }

    /// What queries alone can run: a channel that is on, for a login that is an administrator.
    fn queried_command(&self, id: crate::ids::PrincipalId) -> Option<(State, Vec<PathStep>)> {
        self.is_privileged(id)?;
        let channels = [Channel::XpCmdshell, Channel::OleAutomation];
        let mut open = channels.into_iter().filter(|c| self.runs_now(*c));
        let channel = open.next()?;
        let reach = self.to_goal(Node::Command(channel));
        let steps = self.told(&reach.chain(Node::login(id)));
        Some((State::Open, steps))
    }
}
