//! `--format opengraph`: BloodHound OpenGraph. Nodes have MSSQLHound's kinds and ids, so that its collection and ours
//! can be loaded together; properties are flat, and no edge leads to a node that is not in the file.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::chains::citation;
use super::drawing::{Drawing, Spot};
use super::edge_kinds::{Tie, kinds_of};
use super::{PathsReport, Server};
use crate::graph::{PathStep, Place, Step};
use crate::ids::{DatabaseName, InstanceId};

/// The whole file.
#[derive(Debug, Serialize)]
pub struct OpenGraph {
    metadata: Metadata,
    graph: Body,
}

#[derive(Debug, Serialize)]
struct Metadata {
    source_kind: &'static str,
}

#[derive(Debug, Serialize)]
struct Body {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

#[derive(Debug, Serialize)]
struct Node {
    id: String,
    kinds: [&'static str; 1],
    properties: Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct Edge {
    kind: &'static str,
    start: End,
    end: End,
    properties: Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct End {
    value: String,
    match_by: &'static str,
}

const SERVER: &str = "MSSQL_Server";
const DATABASE: &str = "MSSQL_Database";

/// Node kinds by kind of place. What stands in `MSSQLPosture_` MSSQLHound has no node for.
const NODES: &[(&str, &str)] = &[
    ("login", "MSSQL_Login"),
    ("windows_group", "MSSQL_Login"),
    ("external_group", "MSSQL_Login"),
    ("certificate_login", "MSSQL_Login"),
    ("server_role", "MSSQL_ServerRole"),
    ("sysadmin", "MSSQL_ServerRole"),
    ("user", "MSSQL_DatabaseUser"),
    ("dbo", "MSSQL_DatabaseUser"),
    ("database_role", "MSSQL_DatabaseRole"),
    ("application_role", "MSSQL_ApplicationRole"),
    ("inside_database", "MSSQLPosture_Inside"),
    ("any_login", "MSSQLPosture_AnyLogin"),
    ("own_database", "MSSQLPosture_OwnDatabase"),
    ("queries_as", "MSSQLPosture_QueriesAs"),
    ("module", "MSSQLPosture_Module"),
    ("module_as", "MSSQLPosture_ModuleAs"),
    ("module_code", "MSSQLPosture_ModuleCode"),
    ("settings", "MSSQLPosture_Settings"),
    ("command", "MSSQLPosture_Command"),
];

type EdgeKey = (String, &'static str, String);

struct Writer<'r> {
    report: &'r PathsReport,
    nodes: BTreeMap<String, (&'static str, Map<String, Value>)>,
    edges: BTreeMap<EdgeKey, Map<String, Value>>,
}

/// See [`PathsReport::opengraph`].
pub fn opengraph(report: &PathsReport) -> OpenGraph {
    let drawing = Drawing::of(report);
    let mut writer = Writer {
        report,
        nodes: BTreeMap::new(),
        edges: BTreeMap::new(),
    };
    for spot in &drawing.spots {
        writer.place(spot);
    }
    for ((from, word, to), step) in &drawing.steps {
        writer.step(from, word, to, step);
    }
    writer.owners(&drawing);
    writer.close()
}

impl Writer<'_> {
    fn server(&self, id: &InstanceId) -> Server {
        let mut instances = self.report.instances.iter();
        let instance = instances.find(|instance| instance.id == *id);
        instance.map_or_else(
            || Server {
                object_id: id.as_str().to_lowercase(),
                name: None,
            },
            |instance| instance.server.clone(),
        )
    }

    fn server_id(&self, spot: &Spot) -> String {
        self.server(&spot.instance).object_id
    }

    fn database_id(&self, spot: &Spot, database: &DatabaseName) -> String {
        format!("{}\\{database}", self.server_id(spot))
    }

    /// The id of a place: MSSQLHound's where it has such a node.
    fn id(&self, spot: &Spot) -> String {
        let within = match &spot.place.database {
            Some(database) => self.database_id(spot, database),
            None => self.server_id(spot),
        };
        let name = &spot.place.name;
        if node_kind(&spot.place).starts_with("MSSQL_") {
            return format!("{name}@{within}");
        }
        format!("posture:{}:{name}@{within}", spot.place.kind)
    }

    /// What an edge is tied to; the place itself where it is in no database.
    fn tied(&self, spot: &Spot, tie: Tie) -> String {
        match (tie, &spot.place.database) {
            (Tie::Database, Some(database)) => self.database_id(spot, database),
            (Tie::Server, _) => self.server_id(spot),
            (Tie::Place | Tie::Database, _) => self.id(spot),
        }
    }

    /// A place, and what it is in.
    fn place(&mut self, spot: &Spot) {
        let server = self.server(&spot.instance);
        let mut about = flat(json!({"name": spot.instance, "instance": spot.instance}));
        if let Some(name) = &server.name {
            about.insert("sqlserver".to_owned(), json!(name));
        }
        let server_id = server.object_id;
        self.nodes
            .entry(server_id.clone())
            .or_insert((SERVER, about));
        let id = self.id(spot);
        let mut within = server_id.clone();
        let mut about = flat(json!({
            "name": label(&spot.place), "instance": spot.instance, "place": spot.place.kind,
        }));
        if let Some(database) = &spot.place.database {
            within = self.database_id(spot, database);
            let own = flat(json!({"name": database, "instance": spot.instance}));
            self.nodes.entry(within.clone()).or_insert((DATABASE, own));
            self.link(&server_id, "MSSQL_Contains", &within);
            about.insert("database".to_owned(), json!(database));
        }
        let kind = node_kind(&spot.place);
        self.nodes.insert(id.clone(), (kind, about));
        if kind.starts_with("MSSQL_") {
            self.link(&within, "MSSQL_Contains", &id);
        }
        // What MSSQLHound says of them too: its edges of control end at the server and the database.
        match spot.place.kind.as_str() {
            "sysadmin" => self.link(&id, "MSSQL_ControlServer", &server_id),
            "dbo" => self.link(&id, "MSSQL_ControlDB", &within),
            "inside_database" => self.link(&within, "MSSQLPosture_Contains", &id),
            _ => {}
        }
    }

    fn link(&mut self, start: &str, kind: &'static str, end: &str) {
        let key = (start.to_owned(), kind, end.to_owned());
        self.edges.entry(key).or_default();
    }

    fn step(&mut self, from: &Spot, word: &str, to: &Spot, step: &PathStep) {
        for (kind, start, end) in kinds_of(word) {
            let key = (self.tied(from, start), kind, self.tied(to, end));
            if key.0 != key.2 {
                self.edges.insert(key, told(step));
            }
        }
    }

    /// In MSSQLHound's graph a TRUSTWORTHY database whose owner is an administrator leads to the server.
    fn owners(&mut self, drawing: &Drawing<'_>) {
        let is = |word: &str, steps: &[Step]| steps.iter().any(|step| step.as_str() == word);
        let powers = [Step::Member, Step::ControlServer];
        let privileged: BTreeSet<&Spot> = drawing
            .steps
            .keys()
            .filter(|(_, word, to)| is(word, &powers) && to.place.kind == "sysadmin")
            .map(|(from, ..)| from)
            .collect();
        for ((from, word, to), step) in &drawing.steps {
            if is(word, &[Step::TrustedOwner]) && privileged.contains(to) {
                let start = self.tied(from, Tie::Database);
                let key = (start, "MSSQL_ExecuteAsOwner", self.server_id(to));
                self.edges.insert(key, told(step));
            }
        }
    }

    fn close(self) -> OpenGraph {
        let end = |value: String| End {
            value,
            match_by: "id",
        };
        let nodes = self.nodes.into_iter();
        let nodes = nodes.map(|(id, (kind, properties))| Node {
            id,
            kinds: [kind],
            properties,
        });
        let edges = self.edges.into_iter();
        let edges = edges.map(|((start, kind, to), properties)| Edge {
            kind,
            start: end(start),
            end: end(to),
            properties,
        });
        OpenGraph {
            metadata: Metadata {
                source_kind: "MSSQL",
            },
            graph: Body {
                nodes: nodes.collect(),
                edges: edges.collect(),
            },
        }
    }
}

/// A place of a kind that is not in the table would still be a node.
fn node_kind(place: &Place) -> &'static str {
    let found = NODES.iter().find(|(word, _)| *word == place.kind);
    found.map_or("MSSQLPosture_Place", |(_, kind)| kind)
}

/// `portal_app`, and within a database `portal_app@Portal`, as MSSQLHound labels its nodes.
fn label(place: &Place) -> String {
    match (node_kind(place).strip_prefix("MSSQL_"), &place.database) {
        (Some(_), Some(database)) => format!("{}@{database}", place.name),
        (Some(_), None) => place.name.clone(),
        (None, _) => place.shown(),
    }
}

fn told(step: &PathStep) -> Map<String, Value> {
    let mut about = flat(json!({
        "step": step.kind, "sentence": step.sentence, "waits": step.waits,
    }));
    let facts = citation(step);
    if !facts.is_empty() {
        about.insert("facts".to_owned(), json!(facts));
    }
    about
}

fn flat(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
