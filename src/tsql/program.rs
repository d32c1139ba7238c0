//! Calls between modules: what a module comes to by calling another one of the same input.

use super::names::folded;
use super::taint::Taint;
use super::{CallSite, Callees, Home, How, Kind, Object, Observation, Sink};
use std::collections::{BTreeMap, VecDeque};

/// A module or batch among others.
#[derive(Debug)]
pub struct Member<'a> {
    /// The database it is in; empty where that is not known, as of scripts.
    pub database: &'a str,
    /// Its schema and name as the catalog has them; else what its text says.
    pub name: Option<(&'a str, &'a str)>,
    /// Whether others find it by that name; not what only some day creates it, as a job step may.
    pub is_callable: bool,
    /// What it does by itself; what it comes to by calls is added.
    pub object: &'a mut Object,
}

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

/// Modules by their names.
struct Index {
    places: Callees<usize>,
    /// The functions among them.
    functions: Callees<usize>,
    /// Where each member stands.
    homes: Vec<Home>,
    /// Of each member: its parameters' names.
    parameters: Vec<Vec<String>>,
}

impl Index {
    fn new(members: &[Member<'_>]) -> Self {
        let mut places = Callees::default();
        let mut functions = Callees::default();
        let mut homes = Vec::new();
        for (at, member) in members.iter().enumerate() {
            let (schema, name) = match (member.name, &member.object.name) {
                (Some((schema, name)), _) => (Some(schema), Some(name)),
                (None, Some(parts)) => {
                    let mut parts = parts.iter().rev().map(String::as_str);
                    let name = parts.next();
                    (parts.next().filter(|schema| !schema.is_empty()), name)
                }
                (None, None) => (None, None),
            };
            let home = Home::new(member.database, schema);
            if let Some(name) = name.filter(|_| member.is_callable) {
                if member.object.kind == Kind::Function {
                    functions.insert(&home, name, at);
                }
                places.insert(&home, name, at);
            }
            homes.push(home);
        }
        let names = |member: &Member<'_>| {
            let parameters = member.object.parameters.iter();
            parameters
                .map(|parameter| folded(&parameter.name))
                .collect()
        };
        Self {
            places,
            functions,
            homes,
            parameters: members.iter().map(names).collect(),
        }
    }

    /// The place among the callee's parameters that the argument at this place is for.
    fn place_of(&self, callee: usize, call: &CallSite, argument: usize) -> Option<usize> {
        let Some(name) = call.arguments.get(argument)?.name.as_deref() else {
            return Some(argument);
        };
        let name = folded(name);
        let parameters = self.parameters.get(callee)?;
        parameters.iter().position(|parameter| *parameter == name)
    }

    /// What hangs on the callee's parameters and data, as what hangs on the caller's.
    fn through(&self, taint: Taint, callee: usize, call: &CallSite) -> Taint {
        let parameters = self.parameters.get(callee).map_or(0, Vec::len);
        taint.through_call(parameters, |parameter| {
            let mut passed = call.arguments.iter().enumerate();
            let passed = passed.find(|(at, _)| self.place_of(callee, call, *at) == Some(parameter));
            // What is left out has its default.
            passed.map_or(Taint::CLEAN, |(_, argument)| argument.tainted_by)
        })
    }

    /// Whether the callee executes what this argument is for.
    fn executes(&self, executors: &[Taint], callee: usize, call: &CallSite, at: usize) -> bool {
        let place = self.place_of(callee, call, at);
        let executes = executors.get(callee);
        executes
            .zip(place)
            .is_some_and(|(executes, place)| executes.has_parameter(place))
    }

    /// The members that a call leads to; none where the callee is not at hand, or at another server.
    fn callees(&self, caller: usize, call: &CallSite) -> &[usize] {
        let known = if call.is_function {
            &self.functions
        } else {
            &self.places
        };
        let home = self.homes.get(caller);
        home.map_or(&[], |home| known.find(home, &call.callee))
    }
}

/// Of each member, which of its parameters it executes, itself or by passing them on.
fn executors(members: &[Member<'_>], index: &Index) -> Vec<Taint> {
    let by_itself = |member: &Member<'_>| {
        let is_own = |sink: &&Observation| {
            sink.sink == Sink::DynamicUnresolved && sink.how != How::ViaModule
        };
        let unread = member.object.sinks.iter().filter(is_own);
        unread.fold(Taint::CLEAN, |taint, sink| taint.and(sink.tainted_by))
    };
    let mut executes: Vec<Taint> = members.iter().map(by_itself).collect();
    let mut calling: Vec<Vec<(usize, &CallSite)>> = vec![Vec::new(); members.len()];
    for (at, member) in members.iter().enumerate() {
        for call in &member.object.calls {
            let mut arguments = call.arguments.iter();
            if arguments.any(|argument| argument.tainted_by.has_parameters()) {
                for callee in index.callees(at, call) {
                    if let Some(list) = calling.get_mut(*callee) {
                        list.push((at, call));
                    }
                }
            }
        }
    }
    let mut open: Vec<usize> = (0..members.len()).collect();
    open.retain(|at| executes[*at].has_parameters());
    while let Some(at) = open.pop() {
        for (caller, call) in calling.get(at).into_iter().flatten() {
            let passed = executes[*caller].and(index.through(executes[at], at, call));
            if passed != executes[*caller] {
                executes[*caller] = passed;
                open.push(*caller);
            }
        }
    }
    executes
}

fn take_passed_text(members: &mut [Member<'_>], at: usize, index: &Index, executors: &[Taint]) {
    let executes = |call: &CallSite, argument: usize| {
        let mut callees = index.callees(at, call).iter();
        callees.any(|callee| index.executes(executors, *callee, call, argument))
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
    executors: &[Taint],
) -> Vec<Observation> {
    let mut found = Vec::new();
    for call in members.get(at).map_or(&[][..], |m| &m.object.calls) {
        for callee in index.callees(at, call) {
            let mut passed = call.arguments.iter().enumerate();
            let unread = passed.find(|(place, passed)| {
                let is_tainted = passed.is_tainted == Some(true) && passed.is_open;
                is_tainted && index.executes(executors, *callee, call, *place)
            });
            let (Some((_, unread)), Some(executor)) = (unread, members.get(*callee)) else {
                continue;
            };
            found.push(Observation {
                sink: Sink::DynamicUnresolved,
                how: How::ViaModule,
                is_dynamic: call.is_dynamic,
                line: call.line,
                column: call.column,
                span: call.span.clone(),
                option: None,
                command: Some(unread.value.clone()),
                command_tainted: unread.is_tainted,
                tainted_by: unread.tainted_by,
                reason: Some("it is passed to a module that executes what it is given"),
                via: vec![shown(executor)],
            });
            break;
        }
    }
    found
}

/// How far a member is from a sink, which call leads there, and what its parameters and data have to do with it.
#[derive(Clone, Copy)]
struct Step {
    distance: usize,
    next: Option<usize>,
    taint: Taint,
}

/// The calls of each member, with the members they lead to.
type Edges<'m> = Vec<Vec<(&'m CallSite, &'m [usize])>>;

/// What calls bring each member to.
fn via_modules(members: &[Member<'_>], index: &Index) -> Vec<Vec<Observation>> {
    let edges: Edges<'_> = members
        .iter()
        .enumerate()
        .map(|(at, member)| {
            let calls = member.object.calls.iter();
            calls.map(|call| (call, index.callees(at, call))).collect()
        })
        .collect();
    let mut calling: Vec<Vec<usize>> = vec![Vec::new(); members.len()];
    for (at, calls) in edges.iter().enumerate() {
        for callee in calls.iter().flat_map(|(_, callees)| callees.iter()) {
            if let Some(list) = calling.get_mut(*callee) {
                list.push(at);
            }
        }
    }
    let mut found: Vec<Vec<Observation>> = vec![Vec::new(); members.len()];
    for sink in Sink::ALL
        .into_iter()
        .filter(|sink| *sink != Sink::DynamicUnresolved)
    {
        let steps = steps(members, &edges, &calling, sink, index);
        if steps.is_empty() {
            continue;
        }
        for (at, calls) in edges.iter().enumerate() {
            for (call, callees) in calls {
                if let Some(callee) = nearest(&steps, callees, at) {
                    let taint = steps.get(&callee).map_or(Taint::CLEAN, |step| step.taint);
                    let taint = index.through(taint, callee, call);
                    found[at].extend(observation(members, call, callee, sink, (&steps, taint)));
                }
            }
        }
    }
    found
}

/// Which of the members that a call leads to is nearest to the sink; a member's call of itself leads nowhere.
fn nearest(steps: &BTreeMap<usize, Step>, callees: &[usize], caller: usize) -> Option<usize> {
    let others = callees.iter().filter(|callee| **callee != caller);
    let reached = others.filter_map(|callee| Some((steps.get(callee)?.distance, *callee)));
    reached.min().map(|(_, callee)| callee)
}

/// The members that come to a sink, breadth first from those that hold it.
fn steps(
    members: &[Member<'_>],
    edges: &Edges<'_>,
    calling: &[Vec<usize>],
    sink: Sink,
    index: &Index,
) -> BTreeMap<usize, Step> {
    let mut steps: BTreeMap<usize, Step> = BTreeMap::new();
    let mut order = VecDeque::new();
    for (at, member) in members.iter().enumerate() {
        let own = member.object.sinks.iter().filter(|own| own.sink == sink);
        if let Some(taint) = own.map(|own| own.tainted_by).reduce(Taint::and) {
            let step = Step {
                distance: 0,
                next: None,
                taint,
            };
            steps.insert(at, step);
            order.push_back(at);
        }
    }
    while let Some(at) = order.pop_front() {
        let Some(step) = steps.get(&at).copied() else {
            continue;
        };
        for caller in calling.get(at).into_iter().flatten() {
            if steps.contains_key(caller) {
                continue;
            }
            let calls = edges.get(*caller).into_iter().flatten();
            let there = calls.filter(|(_, callees)| callees.contains(&at));
            let taint = there.fold(Taint::CLEAN, |taint, (call, _)| {
                taint.and(index.through(step.taint, at, call))
            });
            let next = Step {
                distance: step.distance + 1,
                next: Some(at),
                taint,
            };
            steps.insert(*caller, next);
            order.push_back(*caller);
        }
    }
    steps
}

/// The sink that a call leads to, with what the caller's parameters and data have to do with it.
fn observation(
    members: &[Member<'_>],
    call: &CallSite,
    callee: usize,
    sink: Sink,
    (steps, taint): (&BTreeMap<usize, Step>, Taint),
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
    let mut sinks = members.get(at)?.object.sinks.iter();
    let last = sinks.find(|found| found.sink == sink)?;
    Some(Observation {
        sink,
        how: How::ViaModule,
        is_dynamic: call.is_dynamic,
        line: call.line,
        column: call.column,
        span: call.span.clone(),
        option: last.option.clone(),
        command: last.command.clone(),
        command_tainted: taint.is_tainted(),
        tainted_by: taint,
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
                is_callable: true,
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
