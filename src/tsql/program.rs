//! Calls between modules: what a module comes to by calling another one of the same input.

use super::names::folded;
use super::{CallSite, How, Kind, Object, Observation, Sink, arguments};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// A module or batch among others.
#[derive(Debug)]
pub struct Member<'a> {
    /// The database it is in; empty where that is not known, as of scripts.
    pub database: &'a str,
    /// Its schema and name as the catalog has them; else what its text says.
    pub name: Option<(&'a str, &'a str)>,
    /// What it does by itself; what it comes to by calls is added.
    pub object: &'a mut Object,
}

const DEFAULT_SCHEMA: &str = "dbo";
const MASTER: &str = "master";
/// Procedures whose names begin so are looked for in master too.
const SYSTEM_PREFIX: &str = "sp_";

/// Follows the calls: texts that are passed to a module that executes its parameter, or to one that is not at hand
/// and would, become the caller's own sinks; and a call of a module that comes to a sink is one, with the chain.
pub fn connect(members: &mut [Member<'_>]) {
    let index = Index::new(members);
    let executors = executors(members, &index);
    for at in 0..members.len() {
        take_passed_text(members, at, &index, &executors);
    }
    let found = via_modules(members, &index);
    for (member, found) in members.iter_mut().zip(found) {
        member.object.add_sinks(found);
    }
}

/// Modules by database, schema and name, each as it is compared.
struct Index {
    places: HashMap<[String; 3], Vec<usize>>,
    /// The functions among them.
    functions: HashMap<[String; 3], Vec<usize>>,
    /// Of each member: its database and schema.
    homes: Vec<[String; 2]>,
}

impl Index {
    fn new(members: &[Member<'_>]) -> Self {
        let mut places: HashMap<[String; 3], Vec<usize>> = HashMap::new();
        let mut functions: HashMap<[String; 3], Vec<usize>> = HashMap::new();
        let mut homes = Vec::new();
        for (at, member) in members.iter().enumerate() {
            let database = folded(member.database);
            let (schema, name) = match (member.name, &member.object.name) {
                (Some((schema, name)), _) => (folded(schema), Some(folded(name))),
                (None, Some(parts)) => {
                    let mut parts = parts.iter().rev();
                    let name = parts.next().map(|name| folded(name));
                    let schema = parts.next().filter(|schema| !schema.is_empty());
                    (
                        schema.map_or(DEFAULT_SCHEMA.to_owned(), |s| folded(s)),
                        name,
                    )
                }
                (None, None) => (DEFAULT_SCHEMA.to_owned(), None),
            };
            homes.push([database.clone(), schema.clone()]);
            if let Some(name) = name {
                let key = [database, schema, name];
                if member.object.kind == Kind::Function {
                    functions.entry(key.clone()).or_default().push(at);
                }
                places.entry(key).or_default().push(at);
            }
        }
        Self {
            places,
            functions,
            homes,
        }
    }

    /// The members that a call leads to; none where the callee is not at hand, or at another server.
    fn callees(&self, caller: usize, call: &CallSite) -> &[usize] {
        let called = if call.is_function {
            &self.functions
        } else {
            &self.places
        };
        if called.is_empty() {
            return &[];
        }
        let mut parts = call.callee.iter().rev().map(|part| folded(part));
        let name = parts.next().unwrap_or_default();
        let schema = parts.next().unwrap_or_default();
        let database = parts.next().unwrap_or_default();
        if parts.next().is_some_and(|server| !server.is_empty()) {
            return &[];
        }
        let Some([own_database, own_schema]) = self.homes.get(caller) else {
            return &[];
        };
        let elsewhere = !database.is_empty() && !own_database.is_empty();
        let first = if elsewhere { &database } else { own_database };
        let mut databases = vec![first.as_str()];
        if database.is_empty() && name.starts_with(SYSTEM_PREFIX) {
            databases.push(MASTER);
        }
        let schemas = if schema.is_empty() {
            vec![own_schema.as_str(), DEFAULT_SCHEMA]
        } else {
            vec![schema.as_str()]
        };
        for database in databases {
            for schema in &schemas {
                let key = [database.to_owned(), (*schema).to_owned(), name.clone()];
                if let Some(places) = called.get(&key) {
                    return places;
                }
            }
        }
        &[]
    }
}

/// Of each member, whether it executes a text that its caller gives it, itself or by passing it on.
fn executors(members: &[Member<'_>], index: &Index) -> Vec<bool> {
    let by_itself = |member: &Member<'_>| {
        let mut sinks = member.object.sinks.iter();
        !member.object.parameters.is_empty()
            && sinks.any(|sink| {
                sink.sink == Sink::DynamicUnresolved
                    && sink.how != How::ViaModule
                    && sink.command_tainted == Some(true)
            })
    };
    let mut executes: Vec<bool> = members.iter().map(by_itself).collect();
    let mut callers: Vec<Vec<usize>> = vec![Vec::new(); members.len()];
    for (at, member) in members.iter().enumerate() {
        for call in &member.object.calls {
            let passes_on = call.arguments.iter().any(|a| a.is_tainted == Some(true));
            if passes_on && !member.object.parameters.is_empty() {
                for callee in index.callees(at, call) {
                    if let Some(list) = callers.get_mut(*callee) {
                        list.push(at);
                    }
                }
            }
        }
    }
    let mut open: Vec<usize> = (0..members.len()).filter(|at| executes[*at]).collect();
    while let Some(at) = open.pop() {
        for caller in callers.get(at).into_iter().flatten() {
            if !std::mem::replace(&mut executes[*caller], true) {
                open.push(*caller);
            }
        }
    }
    executes
}

fn take_passed_text(members: &mut [Member<'_>], at: usize, index: &Index, executors: &[bool]) {
    let executes = |call: &CallSite| {
        let callees = index.callees(at, call);
        callees
            .iter()
            .any(|callee| executors.get(*callee) == Some(&true))
    };
    let is_at_hand = |call: &CallSite| call.is_function || !index.callees(at, call).is_empty();
    let unread = unread_passed_on(members, at, index, executors);
    if let Some(member) = members.get_mut(at) {
        member.object.add_sinks(unread);
        member.object.take_text_passed_to_executors(executes);
        member.object.take_passed_text_as_executed(is_at_hand);
    }
}

/// Texts that are not known, passed by a member to one that executes them.
fn unread_passed_on(
    members: &[Member<'_>],
    at: usize,
    index: &Index,
    executors: &[bool],
) -> Vec<Observation> {
    let mut found = Vec::new();
    for call in members.get(at).map_or(&[][..], |m| &m.object.calls) {
        let mut callees = index.callees(at, call).iter();
        let executor = callees.find(|callee| executors.get(**callee) == Some(&true));
        let mut passed = call.arguments.iter();
        let unread = passed.find(|a| !a.is_known && a.is_tainted == Some(true));
        if let (Some(executor), Some(unread)) = (executor, unread)
            && let Some(member) = members.get(*executor)
        {
            found.push(Observation {
                sink: Sink::DynamicUnresolved,
                how: How::ViaModule,
                line: call.line,
                column: call.column,
                span: call.span.clone(),
                option: None,
                command: Some(unread.value.clone()),
                command_tainted: Some(true),
                reason: Some("it is passed to a module that executes what it is given"),
                via: vec![shown(member)],
            });
        }
    }
    found
}

/// How far a member is from a sink, and which call leads there.
#[derive(Clone, Copy)]
struct Step {
    distance: usize,
    next: Option<usize>,
}

/// What calls bring each member to.
fn via_modules(members: &[Member<'_>], index: &Index) -> Vec<Vec<Observation>> {
    let edges: Vec<Vec<&[usize]>> = members
        .iter()
        .enumerate()
        .map(|(at, member)| {
            let calls = member.object.calls.iter();
            calls.map(|call| index.callees(at, call)).collect()
        })
        .collect();
    let mut callers: Vec<Vec<usize>> = vec![Vec::new(); members.len()];
    for (at, calls) in edges.iter().enumerate() {
        for callee in calls.iter().flat_map(|callees| callees.iter()) {
            if let Some(list) = callers.get_mut(*callee) {
                list.push(at);
            }
        }
    }
    let mut found: Vec<Vec<Observation>> = vec![Vec::new(); members.len()];
    for sink in Sink::ALL
        .into_iter()
        .filter(|sink| *sink != Sink::DynamicUnresolved)
    {
        let steps = steps(members, &callers, sink);
        if steps.is_empty() {
            continue;
        }
        for (at, calls) in edges.iter().enumerate() {
            let sites = members[at].object.calls.iter().zip(calls);
            for (call, callees) in sites {
                let reached = callees.iter().filter(|callee| **callee != at);
                let nearest = reached
                    .filter_map(|callee| Some((steps.get(callee)?.distance, *callee)))
                    .min();
                if let Some((_, callee)) = nearest {
                    found[at].extend(observation(members, call, callee, sink, &steps));
                }
            }
        }
    }
    found
}

/// The members that come to a sink, breadth first from those that hold it.
fn steps(members: &[Member<'_>], callers: &[Vec<usize>], sink: Sink) -> BTreeMap<usize, Step> {
    let mut steps = BTreeMap::new();
    let mut open = VecDeque::new();
    for (at, member) in members.iter().enumerate() {
        if member.object.sinks.iter().any(|found| found.sink == sink) {
            steps.insert(
                at,
                Step {
                    distance: 0,
                    next: None,
                },
            );
            open.push_back(at);
        }
    }
    while let Some(at) = open.pop_front() {
        let distance = steps.get(&at).map_or(0, |step| step.distance) + 1;
        for caller in callers.get(at).into_iter().flatten() {
            if !steps.contains_key(caller) {
                steps.insert(
                    *caller,
                    Step {
                        distance,
                        next: Some(at),
                    },
                );
                open.push_back(*caller);
            }
        }
    }
    steps
}

fn observation(
    members: &[Member<'_>],
    call: &CallSite,
    callee: usize,
    sink: Sink,
    steps: &BTreeMap<usize, Step>,
) -> Option<Observation> {
    let mut via = Vec::new();
    let mut at = callee;
    loop {
        let member = members.get(at)?;
        via.push(shown(member));
        match steps.get(&at)?.next {
            Some(next) => at = next,
            None => break,
        }
    }
    let sinks = members.get(at)?.object.sinks.iter();
    let mut sinks = sinks.filter(|found| found.sink == sink);
    let last = sinks.next()?;
    let at_the_end = sinks.fold(last.command_tainted, |tainted, other| {
        arguments::either(tainted, other.command_tainted)
    });
    Some(Observation {
        sink,
        how: How::ViaModule,
        line: call.line,
        column: call.column,
        span: call.span.clone(),
        option: last.option.clone(),
        command: last.command.clone(),
        command_tainted: tainted(call, at_the_end),
        reason: None,
        via,
    })
}

fn shown(member: &Member<'_>) -> String {
    match (member.name, &member.object.name) {
        (Some((schema, name)), _) => format!("{schema}.{name}"),
        (None, Some(parts)) => parts.join("."),
        (None, None) => "script".to_owned(),
    }
}

/// Whether what is run at the end hangs on the caller's parameters or data: what is passed decides, where anything is
/// passed; a callee that is given nothing has it from its own data.
fn tainted(call: &CallSite, at_the_end: Option<bool>) -> Option<bool> {
    if at_the_end != Some(true) || call.arguments.is_empty() {
        return at_the_end;
    }
    let passed = || call.arguments.iter().map(|argument| argument.is_tainted);
    if passed().any(|tainted| tainted == Some(true)) {
        Some(true)
    } else if passed().any(|tainted| tainted.is_none()) {
        None
    } else {
        Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tsql::observe_script;

    /// The sinks of each object of a script, as `name: sink how line tainted via`.
    fn connected(script: &str) -> Vec<String> {
        let mut objects = observe_script(script);
        let mut members: Vec<Member<'_>> = objects
            .iter_mut()
            .map(|object| Member {
                database: "",
                name: None,
                object,
            })
            .collect();
        connect(&mut members);
        let mut lines = Vec::new();
        for object in &objects {
            let name = object
                .name
                .as_ref()
                .map_or("script".to_owned(), |n| n.join("."));
            for sink in &object.sinks {
                lines.push(format!(
                    "{name}: {} {} {} {:?} {}",
                    sink.sink.as_str(),
                    sink.how.as_str(),
                    sink.line,
                    sink.command_tainted,
                    sink.via.join(">")
                ));
            }
        }
        lines
    }

    const RUNNER: &str = "CREATE PROC dbo.run @c varchar(99) AS\nEXEC xp_cmdshell @c\nGO\n";

    #[test]
    fn a_call_of_a_module_that_runs_commands_is_a_sink_with_its_chain() {
        let script = format!(
            "{RUNNER}CREATE PROC dbo.outer1 @x varchar(9) AS\nEXEC dbo.inner1 @x\nGO\n\
             CREATE PROC inner1 @y varchar(9) AS\nEXEC run @y\nGO\nEXEC dbo.run 'dir'"
        );
        assert_eq!(
            connected(&script),
            [
                "dbo.run: xp_cmdshell direct 2 Some(true) ",
                "dbo.outer1: xp_cmdshell via_module 5 Some(true) inner1>dbo.run",
                "inner1: xp_cmdshell via_module 8 Some(true) dbo.run",
                "script: xp_cmdshell via_module 10 Some(false) dbo.run",
            ]
        );
    }

    #[test]
    fn another_server_and_another_schema_are_not_meant() {
        let script = format!("{RUNNER}EXEC srv.db.dbo.run 'x'\nGO\nEXEC other.run 'x'");
        let found = connected(&script);
        assert!(
            !found.iter().any(|line| line.contains("via_module")),
            "{found:?}"
        );
    }

    #[test]
    fn a_module_that_executes_its_parameter_runs_what_callers_pass() {
        let script = "CREATE PROC dbo.exec_any @sql nvarchar(max) AS\nEXEC (@sql)\nGO\n\
                      CREATE PROC dbo.pass_on @s nvarchar(max) AS\nEXEC dbo.exec_any @s\nGO\n\
                      EXEC dbo.pass_on N'EXEC xp_cmdshell ''dir'''";
        let found = connected(script);
        assert!(
            found.contains(&"script: xp_cmdshell dynamic_literal 7 Some(false) ".to_owned()),
            "{found:?}"
        );
    }

    #[test]
    fn a_module_that_only_stores_its_parameter_runs_nothing() {
        let script = "CREATE PROC dbo.log_it @m nvarchar(max) AS\nINSERT INTO dbo.log VALUES (@m)\nGO\n\
                      EXEC dbo.log_it N'EXEC xp_cmdshell ''dir'''";
        assert_eq!(connected(script), Vec::<String>::new());
    }

    #[test]
    fn a_circle_of_calls_ends() {
        let script =
            "CREATE PROC a1 AS EXEC b1\nGO\nCREATE PROC b1 AS EXEC a1; EXEC xp_cmdshell 'x'";
        let found = connected(script);
        assert!(
            found
                .iter()
                .any(|line| line.starts_with("a1: xp_cmdshell via_module")),
            "{found:?}"
        );
    }
}
