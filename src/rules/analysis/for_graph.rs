//! What the privilege graph asks of the code: who reaches which sink by itself, who calls whom.

use super::Analysis;
use crate::graph::{Code, CodeCall, CodeSink, ModuleCode, StepCode};
use crate::rules::{ObservedCall, ObservedModule, ObservedSink};
use crate::tsql::How;

/// Modules that reach nothing and call nothing are left out; job steps are all there, since one that is not was not
/// read.
pub fn code(analysis: &Analysis<'_>) -> Code {
    let mut modules: Vec<ModuleCode> = Vec::new();
    for module in &analysis.modules {
        let own = of_module(module);
        match modules.last_mut() {
            // Further numbers of a numbered procedure are run by who may run the first.
            Some(last) if is_same(last, &own) => {
                last.sinks.extend(own.sinks);
                last.calls.extend(own.calls);
            }
            _ if own.sinks.is_empty() && own.calls.is_empty() => {}
            _ => modules.push(own),
        }
    }
    let steps = analysis.job_steps.values().map(|step| StepCode {
        job_id: step.job_id.clone(),
        step_id: step.step_id,
        calls: calls(&step.calls),
    });
    Code {
        modules,
        steps: steps.collect(),
    }
}

fn is_same(one: &ModuleCode, other: &ModuleCode) -> bool {
    one.object_id == other.object_id && one.database == other.database
}

fn of_module(module: &ObservedModule) -> ModuleCode {
    ModuleCode {
        database: module.database.clone(),
        object_id: module.object_id,
        sinks: sinks(&module.sinks),
        calls: calls(&module.calls),
    }
}

fn sinks(observed: &[ObservedSink]) -> Vec<CodeSink> {
    let own = observed.iter().filter(|sink| sink.how != How::ViaModule);
    let mut sinks: Vec<CodeSink> = own
        .map(|sink| CodeSink {
            sink: sink.name,
            is_dynamic: sink.dynamic,
            is_tainted: sink.command_tainted,
        })
        .collect();
    sinks.sort();
    sinks.dedup();
    sinks
}

fn calls(observed: &[ObservedCall]) -> Vec<CodeCall> {
    let calls = observed.iter().map(|call| CodeCall {
        database: call.database.clone(),
        object_id: call.object_id,
        is_dynamic: call.dynamic,
    });
    let mut calls: Vec<CodeCall> = calls.collect();
    calls.sort();
    calls.dedup();
    calls
}
