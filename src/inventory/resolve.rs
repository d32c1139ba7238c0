//! From written to meant: every rule that the TOML types cannot say.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;

use super::message::{Errors, InventoryErrors, nearest};
use super::settings::{self, Layers};
use super::written::{self, Written};
use super::{
    Approval, ApprovedKind, Endpoint, Expectation, Inventory, Reach, SCHEMA, Target, select,
};
use crate::ids::InstanceId;

const LONGEST_NAME: usize = 128;

pub(super) fn parse(text: &str, path: &str) -> Result<Inventory, InventoryErrors> {
    let mut errors = Errors::new(path, text);
    let written: Written = match toml::from_str(text) {
        Ok(written) => written,
        Err(error) => {
            errors.push_toml(&error);
            return Err(errors.into_error());
        }
    };
    schema(&written.schema, &mut errors);
    if let Some(day) = &written.as_of {
        date(day, &mut errors);
    }
    unique_names(&written, &mut errors);
    let mut inventory = Inventory {
        file: None,
        as_of: written.as_of.as_ref().map(|day| day.get_ref().clone()),
        targets: written
            .target
            .iter()
            .filter_map(|target| resolve_target(target, &written.defaults, &mut errors))
            .collect(),
        not_selected: Vec::new(),
        groups: BTreeSet::new(),
        expectations: Vec::new(),
        approvals: Vec::new(),
        waivers_file: written.waivers.clone(),
        waivers: Vec::new(),
        attestations: Vec::new(),
        baseline_files: written.baselines.clone(),
        baseline_key: written
            .baseline_key
            .as_ref()
            .map(|key| key.get_ref().clone()),
        baselines: Vec::new(),
        framework_files: written.frameworks.clone(),
        rule_files: written.rules.clone(),
        windows_groups: Vec::new(),
        notes: notes(&written, &errors),
    };
    if written.target.is_empty() {
        errors.push(&(0..0), "no target", "add a [[target]] with name and host");
    }
    if let Some(key) = written
        .baseline_key
        .as_ref()
        .filter(|_| written.baselines.is_empty())
    {
        errors.push(
            &key.span(),
            "baseline_key is given, and no baseline to check with it",
            "add baselines = [\"vendor.baseline.toml\"], or remove it",
        );
    }
    groups(&written, &mut inventory, &mut errors);
    expectations(&written, &mut inventory, &mut errors);
    windows_groups(&written, &mut inventory, &mut errors);
    errors.finish().map(|()| inventory)
}

fn schema(schema: &Spanned<String>, errors: &mut Errors<'_>) {
    if schema.get_ref() != SCHEMA {
        errors.push(
            &schema.span(),
            format!("unknown schema {:?}", schema.get_ref()),
            format!("this version reads schema = \"{SCHEMA}\""),
        );
    }
}

/// Says what is no day.
pub(super) fn date(day: &Spanned<String>, errors: &mut Errors<'_>) {
    if !is_date(day.get_ref()) {
        errors.push(
            &day.span(),
            format!("{:?} is not a date", day.get_ref()),
            "write it as \"YYYY-MM-DD\"",
        );
    }
}

/// Whether a text is a calendar day in the one form that is taken, YYYY-MM-DD.
pub fn is_date(text: &str) -> bool {
    jiff::civil::Date::from_str(text).is_ok_and(|date| date.to_string() == text)
}

/// File names follow target names, and some platforms take `ERP` and `erp` for one.
fn unique_names(written: &Written, errors: &mut Errors<'_>) {
    let mut seen: BTreeMap<String, Range<usize>> = BTreeMap::new();
    for target in &written.target {
        let (name, span) = (target.name.get_ref(), target.name.span());
        if let Some(first) = seen.get(&name.to_lowercase()) {
            let line = errors.line(first);
            errors.push(
                &span,
                format!("a target named {name:?} stands on line {line} already"),
                "give each target a name of its own; upper and lower case count as the same",
            );
        } else {
            seen.insert(name.to_lowercase(), span);
        }
    }
}

fn resolve_target(
    written: &written::Target,
    defaults: &written::Settings,
    errors: &mut Errors<'_>,
) -> Option<Target> {
    let name = written.name.get_ref();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        errors.push(
            &written.name.span(),
            "a target's name has 1 to 128 characters and none of them is a control character",
            "",
        );
    }
    let layers = Layers {
        target: written,
        defaults,
    };
    let reach = match (&written.host, &written.snapshot) {
        (Some(host), None) => {
            let endpoint = endpoint(host, written, errors);
            let server = settings::server(&layers, endpoint?, errors)?;
            Reach::Server(Box::new(server))
        }
        (None, Some(snapshot)) => {
            only_a_recording(written, errors);
            Reach::Snapshot(snapshot.get_ref().clone())
        }
        (None, None) => {
            errors.push(
                &written.name.span(),
                format!("target {name:?} has neither host nor snapshot"),
                "add host = \"…\" (a server) or snapshot = \"…\" (a recording)",
            );
            return None;
        }
        (Some(_), Some(snapshot)) => {
            errors.push(
                &snapshot.span(),
                format!("target {name:?} has both host and snapshot"),
                "keep one of them",
            );
            return None;
        }
    };
    Some(Target {
        name: InstanceId::new(name),
        reach,
        tags: settings::tags(&layers, errors),
        groups: BTreeSet::new(),
        exclude_databases: written.exclude_databases.clone(),
        aliases: written.aliases.clone(),
        audit_needs: settings::audit_needs(&layers, errors),
        line: u32::try_from(errors.line(&written.name.span())).ok(),
    })
}

fn endpoint(
    host: &Spanned<String>,
    written: &written::Target,
    errors: &mut Errors<'_>,
) -> Option<Endpoint> {
    if let Some(fault) = select::host_fault(host.get_ref()) {
        errors.push(&host.span(), fault, "host = \"sql01.corp.example\"");
        return None;
    }
    let name = host.get_ref().clone();
    if let Some(instance) = &written.instance
        && instance.get_ref().trim().is_empty()
    {
        errors.push(
            &instance.span(),
            "the instance's name is empty",
            "leave it out for the default instance",
        );
        return None;
    }
    match (&written.port, &written.instance) {
        (None, None) => Some(Endpoint::Default(name)),
        (None, Some(instance)) => Some(Endpoint::Named(name, instance.get_ref().clone())),
        (Some(port), _) => match u16::try_from(*port.get_ref()) {
            Ok(number) if number > 0 => Some(Endpoint::Port(name, number)),
            _ => {
                errors.push(
                    &port.span(),
                    format!("port {} is out of range", port.get_ref()),
                    "a port is 1 to 65535",
                );
                None
            }
        },
    }
}

/// What the user should know of targets that give both port and instance.
fn notes(written: &Written, errors: &Errors<'_>) -> Vec<String> {
    let both = written
        .target
        .iter()
        .filter_map(|target| Some((target, target.port.as_ref()?, target.instance.as_ref()?)));
    both.map(|(target, port, instance)| {
        format!(
            "{}: target {:?}: {}",
            errors.place(&instance.span()),
            target.name.get_ref(),
            super::port_wins(instance.get_ref(), *port.get_ref())
        )
    })
    .collect()
}

/// A recording takes no setting that is about reaching a server.
fn only_a_recording(written: &written::Target, errors: &mut Errors<'_>) {
    let spans = [
        ("port", written.port.as_ref().map(Spanned::span)),
        ("instance", written.instance.as_ref().map(Spanned::span)),
        ("auth", written.auth.as_ref().map(Spanned::span)),
        ("tls", written.tls.as_ref().map(Spanned::span)),
        ("retries", written.retries.as_ref().map(Spanned::span)),
        (
            "sessions_per_target",
            written.sessions_per_target.as_ref().map(Spanned::span),
        ),
    ];
    let name = written.name.span();
    let switches = [
        ("listener", written.listener.is_some()),
        ("timeouts", written.timeouts.is_some()),
        ("read_only_intent", written.read_only_intent.is_some()),
        ("skip_auto_close", written.skip_auto_close.is_some()),
    ];
    let given = switches
        .into_iter()
        .map(|(key, given)| (key, given.then(|| name.clone())));
    for (key, span) in spans.into_iter().chain(given) {
        if let Some(span) = span {
            errors.push(
                &span,
                format!("{key} has no meaning for a recorded snapshot"),
                "remove it",
            );
        }
    }
}

fn groups(written: &Written, inventory: &mut Inventory, errors: &mut Errors<'_>) {
    for group in &written.group {
        let name = group.name.get_ref();
        let taken = inventory.targets.iter().any(|t| t.name.as_str() == name);
        if taken || !inventory.groups.insert(name.clone()) {
            errors.push(
                &group.name.span(),
                format!("the name {name:?} is taken by another group or a target"),
                "give the group a name of its own",
            );
            continue;
        }
        if group.r#match.is_empty() && group.targets.is_empty() {
            errors.push(
                &group.name.span(),
                format!("group {name:?} has no members"),
                "add match = { tag = \"value\" } or targets = [\"…\"]",
            );
        }
        let mut named = BTreeSet::new();
        for target in &group.targets {
            if inventory
                .targets
                .iter()
                .any(|t| t.name.as_str() == target.get_ref())
            {
                named.insert(target.get_ref().as_str());
            } else {
                unknown_target(target, inventory, errors);
            }
        }
        for target in &mut inventory.targets {
            let tags = |(tag, value)| target.tags.get(tag) == Some(value);
            let matched = !group.r#match.is_empty() && group.r#match.iter().all(tags);
            if matched || named.contains(target.name.as_str()) {
                target.groups.insert(name.clone());
            }
        }
    }
}

fn expectations(written: &Written, inventory: &mut Inventory, errors: &mut Errors<'_>) {
    for expectation in &written.expectation {
        let targets = inventory.chosen(expectation.targets.as_ref(), errors);
        approvals(expectation, targets.as_ref(), inventory, errors);
        if let Some(sysadmin) = &expectation.sysadmin {
            inventory.expectations.push(Expectation {
                targets,
                sysadmin: sysadmin.clone(),
            });
        }
    }
}

/// What an expectation approves. Somebody must answer for it.
fn approvals(
    written: &written::Expectation,
    targets: Option<&BTreeSet<InstanceId>>,
    inventory: &mut Inventory,
    errors: &mut Errors<'_>,
) {
    let lists = [
        (ApprovedKind::Module, &written.module),
        (ApprovedKind::Assembly, &written.assembly),
        (ApprovedKind::Job, &written.job),
    ];
    let by_hash = lists
        .iter()
        .flat_map(|(kind, list)| list.iter().map(|a| (*kind, a)));
    let answered = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let (owner, ticket) = (answered(&written.owner), answered(&written.ticket));
    let (Some(owner), Some(ticket), Some(reason)) = (owner, ticket, answered(&written.reason))
    else {
        for (_, approved) in by_hash {
            errors.push(
                &approved.name.span(),
                format!("nobody answers for {:?}", approved.name.get_ref()),
                "an expectation that approves something has owner, ticket and reason",
            );
        }
        if !written.option.is_empty() {
            errors.push(
                &(0..0),
                "an expectation approves an option, and nobody answers for it",
                "an expectation that approves something has owner, ticket and reason",
            );
        }
        return;
    };
    let approval = |kind, name: &str| Approval {
        kind,
        database: None,
        name: name.to_owned(),
        hash: None,
        value: None,
        targets: targets.cloned(),
        owner: owner.clone(),
        ticket: ticket.clone(),
        reason: reason.clone(),
    };
    let by_hash = by_hash.map(|(kind, approved)| Approval {
        database: approved.database.clone(),
        hash: Some(approved.hash.clone()),
        ..approval(kind, approved.name.get_ref())
    });
    let by_value = written.option.iter().map(|(name, value)| Approval {
        value: Some(*value),
        ..approval(ApprovedKind::Option, name)
    });
    inventory.approvals.extend(by_hash.chain(by_value));
}

pub(super) fn unknown_target(
    name: &Spanned<String>,
    inventory: &Inventory,
    errors: &mut Errors<'_>,
) {
    let known = inventory.targets.iter().map(|t| t.name.as_str());
    let known = known.chain(inventory.groups.iter().map(String::as_str));
    let help = nearest(name.get_ref(), known).map(|near| format!("did you mean {near}?"));
    errors.push(
        &name.span(),
        format!("{:?} names no target, group or tag", name.get_ref()),
        help.unwrap_or_default(),
    );
}

fn windows_groups(written: &Written, inventory: &mut Inventory, errors: &mut Errors<'_>) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for group in &written.windows_group {
        let name = group.name.get_ref();
        if !seen.insert(name.to_lowercase()) {
            errors.push(
                &group.name.span(),
                format!("a windows_group named {name:?} stands above already"),
                "say everything of a group once",
            );
        }
        if group.members.is_empty() && group.count.is_none() {
            errors.push(
                &group.name.span(),
                format!("nothing is said of windows_group {name:?}"),
                "add members = [\"CORP\\\\name\", …] or count = 12",
            );
        }
        inventory.windows_groups.push(super::WindowsGroup {
            name: name.clone(),
            members: group.members.clone(),
            count: group.count,
        });
    }
    inventory.windows_groups.sort_by(|a, b| a.name.cmp(&b.name));
}
