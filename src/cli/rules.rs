//! `rules` and `explain RULE`: what the rules' own files say, for people and for machines.

use std::fmt::Write as _;

use anyhow::bail;
use serde::Serialize;

use super::args::{ExplainFormat, Rules, RulesFormat};
use super::{Exit, print};
use crate::compliance::{self, Control, Framework};
use crate::rules::{self, Rule, Severity};
use crate::{graph, score};

#[derive(Serialize)]
struct Entry {
    id: &'static str,
    slug: &'static str,
    family: &'static str,
    title: &'static str,
    severity: Severity,
    controls: &'static [&'static str],
    attack: &'static [&'static str],
}

impl Entry {
    fn new(rule: &'static Rule) -> Self {
        Self {
            id: rule.id,
            slug: rule.slug,
            family: rule.family(),
            title: rule.title,
            severity: rule.severity,
            controls: rule.controls,
            attack: rule.attack,
        }
    }
}

pub(super) fn rules(args: &Rules) -> anyhow::Result<Exit> {
    let frameworks: Vec<&str> = compliance::shipped()
        .iter()
        .map(|f| f.id.as_str())
        .collect();
    if let Some(unknown) = args
        .framework
        .as_deref()
        .filter(|id| !frameworks.contains(id))
    {
        bail!(
            "no framework {unknown:?}; there are {}",
            frameworks.join(", ")
        );
    }
    let families: Vec<&str> = rules::ALL.iter().map(|rule| rule.family()).collect();
    let wanted = args.family.as_deref().map(str::to_uppercase);
    if let Some(unknown) = wanted
        .as_deref()
        .filter(|family| !families.contains(family))
    {
        bail!("no family {unknown:?}; rules' ids begin with their family");
    }
    let chosen = rules::ALL.iter().filter(|rule| {
        wanted
            .as_deref()
            .is_none_or(|family| rule.family() == family)
            && args
                .severity
                .is_none_or(|severity| rule.severity == severity.severity())
            && args.framework.as_deref().is_none_or(|id| names(rule, id))
    });
    let entries: Vec<Entry> = chosen.map(|rule| Entry::new(rule)).collect();
    print(&match args.format {
        RulesFormat::Json => serde_json::to_string_pretty(&entries)? + "\n",
        RulesFormat::Text => lines(&entries),
        RulesFormat::Md => table(&entries),
    })?;
    Ok(Exit::Clean)
}

/// Whether a rule names a control of a framework.
fn names(rule: &Rule, framework: &str) -> bool {
    let mut named = rule.named_controls();
    named.any(|control| {
        control
            .split_once(':')
            .is_some_and(|(id, _)| id == framework)
    })
}

fn lines(entries: &[Entry]) -> String {
    entries.iter().fold(String::new(), |mut text, r| {
        let severity = r.severity.as_str();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:<10} {severity:<9} {:<40} {}",
            r.id, r.slug, r.title
        );
        text
    })
}

fn table(entries: &[Entry]) -> String {
    let mut text = String::from("| rule | severity | what it says |\n| --- | --- | --- |\n");
    for r in entries {
        let severity = r.severity.as_str();
        let _ = writeln!(text, "| {} `{}` | {severity} | {} |", r.id, r.slug, r.title);
    }
    text
}

pub(super) fn explain(name: &str, format: ExplainFormat) -> anyhow::Result<Exit> {
    let whole = match name {
        "score" => Some(score::EXPLANATION.to_owned()),
        "steps" => Some(graph::explained()),
        _ => None,
    };
    let text = match (whole, Rule::find(name)) {
        (Some(text), _) => text,
        (None, Some(rule)) => match format {
            ExplainFormat::Text => as_text(rule),
            ExplainFormat::Md => as_markdown(rule),
        },
        (None, None) => bail!("no rule {name:?}; `mssql-posture rules` lists all"),
    };
    print(&format!("{text}\n"))?;
    Ok(Exit::Clean)
}

/// Controls that a rule names, each with its framework's edition and its title.
fn controls(rule: &Rule) -> Vec<(String, &'static Framework, &'static Control)> {
    let find = |named: String| {
        let (id, control) = named.split_once(':')?;
        let framework = compliance::shipped().iter().find(|f| f.id == id)?;
        let control = framework.control(control)?;
        Some((named, framework, control))
    };
    rule.named_controls().filter_map(find).collect()
}

fn severity_of(control: &Control) -> String {
    let severity = control.severity.as_deref();
    severity.map_or_else(String::new, |severity| format!(" ({severity} there)"))
}

fn as_text(rule: &Rule) -> String {
    let mut text = format!(
        "{} {}: {}\nSeverity: {}\n",
        rule.id,
        rule.slug,
        rule.title,
        rule.severity.as_str()
    );
    if rule.named_controls().next().is_some() {
        text.push_str("Controls:\n");
    }
    for (named, framework, control) in controls(rule) {
        let (version, title, severity) = (&framework.version, &control.title, severity_of(control));
        let _ = writeln!(text, "  {named}, edition {version}: {title}{severity}");
    }
    let _ = write!(text, "\n{}", rule.documentation());
    text
}

/// The rule's page: its own text, its parts under headings.
fn as_markdown(rule: &Rule) -> String {
    let mut text = format!(
        "# {} {}\n\n{}. Severity: {}.\n",
        rule.id,
        rule.slug,
        rule.title,
        rule.severity.as_str()
    );
    for part in rule.documentation().split("\n\n") {
        let _ = match part.split_once(": ") {
            Some((head, body)) => write!(text, "\n## {head}\n\n{body}\n"),
            None => write!(text, "\n{part}\n"),
        };
    }
    let controls = controls(rule);
    if !controls.is_empty() {
        text.push_str("\n## Controls\n\n| control | edition | what it asks for | its own severity |\n| --- | --- | --- | --- |\n");
    }
    for (named, framework, control) in controls {
        let severity = control.severity.as_deref().unwrap_or("–");
        let (version, title) = (&framework.version, &control.title);
        let _ = writeln!(text, "| {named} | {version} | {title} | {severity} |");
    }
    text.trim_end().to_owned()
}
