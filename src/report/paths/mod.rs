//! Who reaches which way to a command, by which steps: one prepared report, and its renderers.

mod chains;
mod dot;
mod drawing;
mod edge_kinds;
mod opengraph;
#[cfg(test)]
mod sample;
mod table;
#[cfg(test)]
mod tests;
mod tree;

pub use chains::{
    chains, citation as chain_citation, place as chain_place, sentence as chain_sentence,
};

#[cfg(test)]
pub use sample::routes as sample_routes;

use schemars::JsonSchema;
use serde::Serialize;

use super::visible::visible_json;
use super::{Judgement, MissingFact};
use crate::graph::{Goal, Path, Place, Route};
use crate::ids::{DatabaseName, InstanceId};
use crate::snapshot::{FactState, Outcome, ServerPrincipal, Snapshot};

/// The first field of the JSON.
pub const PATHS_SCHEMA: &str = "mssql-posture/paths/v1";

/// What `paths` found, in the order of the inventory, or of the targets' names.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PathsReport {
    /// `mssql-posture/paths/v1`.
    pub schema: &'static str,
    /// One entry a target.
    pub instances: Vec<InstancePaths>,
}

/// One target.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InstancePaths {
    /// The target's name.
    pub id: InstanceId,
    /// Why nothing is known of it, if it was not reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_reached: Option<String>,
    /// Set where another target reached the same instance: its ways stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<InstanceId>,
    /// Each channel, with the ways to it; empty where a place was asked for.
    pub routes: Vec<Route>,
    /// The places that were asked for, with the ways to them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<Goal>,
    /// The ways that lead over linked servers to a command on another instance.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hops: Vec<Path>,
    /// What was not seen and may hold further ways.
    pub gaps: Vec<PathsGap>,
    /// For OpenGraph: how MSSQLHound names the instance.
    #[serde(skip)]
    pub server: Server,
}

/// A fact that was not seen, or not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PathsGap {
    /// The fact, which is its query's name.
    pub fact: String,
    /// Database; none at server scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// `partial`, `denied`, `failed` or `not_collected`.
    pub state: String,
    /// What would settle it.
    pub needs: Vec<String>,
}

impl From<FactState> for PathsGap {
    fn from(state: FactState) -> Self {
        Self {
            fact: state.fact.to_owned(),
            database: state.database,
            state: state.state.to_owned(),
            needs: state.needs,
        }
    }
}

/// An instance as MSSQLHound names it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Server {
    /// `S-1-5-21-…-1109:1433`, or with the machine's name where its SID is not in the catalog; a named instance has its
    /// name in place of the port.
    pub object_id: String,
    /// The name that it gives itself.
    pub name: Option<String>,
}

impl Server {
    /// The catalog holds the machine's SID only where the machine's own account has a login.
    pub fn of(snapshot: &Snapshot) -> Self {
        const DEFAULT_PORT: u16 = 1433;
        let identity = snapshot.server.server_identity.known();
        let machine = identity.and_then(|i| i.machine_name.clone());
        let sid = machine.as_ref().and_then(|machine| {
            let account = format!("\\{machine}$").to_lowercase();
            let is_own = |login: &&ServerPrincipal| login.name.to_lowercase().ends_with(&account);
            let mut logins = snapshot.server.server_principals.seen().iter();
            sid_text(logins.find(is_own)?.sid.as_deref()?)
        });
        let target = snapshot.target.as_str();
        let host = sid.unwrap_or_else(|| machine.as_deref().unwrap_or(target).to_lowercase());
        let named = identity.and_then(|i| i.instance_name.as_deref());
        let port = snapshot.connection.endpoint.rsplit_once(',');
        let port = port.and_then(|(_, port)| port.trim().parse().ok());
        let place = match named {
            Some(name) => name.to_owned(),
            None => port.unwrap_or(DEFAULT_PORT).to_string(),
        };
        Self {
            object_id: format!("{host}:{place}"),
            name: identity.and_then(|i| i.server_name.clone()),
        }
    }
}

/// `S-1-5-21-…` from the hex form of a domain account's SID; `None` for any other.
fn sid_text(hex: &str) -> Option<String> {
    let digits = hex.strip_prefix("0x")?;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    let bytes = bytes.filter(|bytes| bytes.starts_with(&[1, 5, 0, 0, 0, 0, 0, 5]))?;
    let parts = bytes.get(8..).filter(|parts| parts.len() == 20)?;
    let number = |part: &[u8]| {
        let four = <[u8; 4]>::try_from(part).unwrap_or_default();
        u32::from_le_bytes(four).to_string()
    };
    let numbers: Vec<String> = parts.chunks_exact(4).map(number).collect();
    Some(format!("S-1-5-{}", numbers.join("-")))
}

impl From<&MissingFact> for PathsGap {
    fn from(missing: &MissingFact) -> Self {
        Self {
            fact: missing.fact.clone(),
            database: missing.database.clone(),
            state: missing.state.clone(),
            needs: missing.needs.clone(),
        }
    }
}

impl InstancePaths {
    /// A target with nothing found yet.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut empty = Self::missing(snapshot.target.clone(), String::new());
        empty.server = Server::of(snapshot);
        empty.not_reached = match &snapshot.outcome {
            Outcome::Unreached(_) => Some(snapshot.outcome.why()),
            _ => None,
        };
        if let Outcome::SameAs { target } = &snapshot.outcome {
            empty.same_as = Some(target.clone());
        }
        empty
    }

    /// A target of which there is no snapshot.
    pub fn missing(id: InstanceId, why: String) -> Self {
        Self {
            server: Server {
                object_id: id.as_str().to_lowercase(),
                name: None,
            },
            id,
            not_reached: Some(why),
            same_as: None,
            routes: Vec::new(),
            goals: Vec::new(),
            hops: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// Every way, with where it leads.
    fn ways(&self) -> impl Iterator<Item = (Lead<'_>, &Path)> {
        let routes = self.routes.iter();
        let routes = routes.flat_map(|r| r.paths.iter().map(move |p| (Lead::Command(r), p)));
        let goals = self.goals.iter();
        let goals = goals.flat_map(|g| g.paths.iter().map(move |p| (Lead::Place(&g.to), p)));
        let hops = self.hops.iter();
        let hops = hops.filter_map(|p| Some((Lead::Place(&p.steps.last()?.to), p)));
        routes.chain(goals).chain(hops)
    }
}

/// Where a way leads.
#[derive(Clone, Copy, Debug)]
enum Lead<'r> {
    Command(&'r Route),
    Place(&'r Place),
}

impl PathsReport {
    /// From a judgement: the ways that it keeps, each channel's shortest, and the chains over several instances.
    pub fn of(judged: &Judgement<'_>) -> Self {
        let assessment = judged.assessment;
        let instances = assessment.instances.iter().map(|own| {
            let trouble = own.coverage.trouble.as_ref();
            let why = trouble.map(ToString::to_string);
            let mut paths = InstancePaths::missing(own.id.clone(), String::new());
            paths.not_reached = why.filter(|_| own.routes.is_empty());
            paths.same_as.clone_from(&own.same_as);
            paths.routes.clone_from(&own.routes);
            if let Some(server) = judged.servers.get(&own.id) {
                paths.server = server.clone();
            }
            let chains = assessment.fleet.paths.iter();
            let begins_here = |path: &&Path| path.principal.instance.as_ref() == Some(&own.id);
            paths.hops = chains.filter(begins_here).cloned().collect();
            let missing = own.coverage.missing.iter();
            paths.gaps = missing.map(PathsGap::from).collect();
            paths
        });
        Self::new(instances.collect())
    }

    /// From what was found.
    pub fn new(instances: Vec<InstancePaths>) -> Self {
        Self {
            schema: PATHS_SCHEMA,
            instances,
        }
    }

    /// Whether something that ways rest on was not seen, or a target was not reached.
    pub fn is_incomplete(&self) -> bool {
        let is_there = |id: &InstanceId| {
            let mut instances = self.instances.iter();
            instances.any(|i| i.id == *id && i.same_as.is_none())
        };
        self.instances.iter().any(|instance| {
            instance.not_reached.is_some()
                || !instance.gaps.is_empty()
                || instance.same_as.as_ref().is_some_and(|id| !is_there(id))
        })
    }

    /// As JSON, with nothing in it that a terminal obeys. Ends with a line feed.
    ///
    /// # Errors
    /// Never for strings and integers; a serialisation failure is passed on.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(visible_json(&serde_json::to_string_pretty(self)?) + "\n")
    }

    /// As tables for a terminal that is `width` columns wide, with the chains of the first `most` ways. Ends with a line
    /// feed.
    pub fn table(&self, width: u16, most: usize) -> String {
        table::table(self, width, most)
    }

    /// As trees: under each principal its steps, those that chains share written once.
    pub fn tree(&self) -> String {
        tree::tree(self)
    }

    /// As a graph for Graphviz.
    pub fn dot(&self) -> String {
        dot::dot(self)
    }

    /// As BloodHound OpenGraph, in MSSQLHound's kinds and ids where they mean the same.
    ///
    /// # Errors
    /// Never for strings and integers; a serialisation failure is passed on.
    pub fn opengraph(&self) -> serde_json::Result<String> {
        let graph = serde_json::to_string_pretty(&opengraph::opengraph(self))?;
        Ok(visible_json(&graph) + "\n")
    }
}

/// What was not seen of an instance and may hold further ways, in one sentence.
fn unseen(instance: &InstancePaths) -> Option<String> {
    const MOST_FACTS: usize = 4;
    const MOST_NEEDS: usize = 3;
    use super::view::first_of;
    use super::visible;
    if let Some(why) = &instance.not_reached {
        return Some(format!("not seen: {why}"));
    }
    let mut facts: Vec<String> = Vec::new();
    let mut needs: Vec<String> = Vec::new();
    for gap in &instance.gaps {
        let place = gap.database.as_ref();
        let place = place.map(|db| format!(" in {}", crate::ids::named(db.as_str())));
        facts.push(visible(&format!(
            "{}{}",
            gap.fact,
            place.unwrap_or_default()
        )));
        let new = gap.needs.iter().map(|need| visible(need));
        needs.extend(new);
    }
    let mut known = std::collections::BTreeSet::new();
    needs.retain(|need| known.insert(need.clone()));
    let facts = Some(facts).filter(|facts| !facts.is_empty())?;
    Some(format!(
        "not seen: {} may hold further ways (it would take {})",
        first_of(&facts, MOST_FACTS),
        first_of(&needs, MOST_NEEDS)
    ))
}
