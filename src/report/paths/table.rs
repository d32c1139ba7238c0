//! `--format table`: the top chains, the steps of the first of them, how every channel stands, and what was not seen.

use super::super::table::{Column, Page, free, left, right};
use super::super::view::{counted, first_of};
use super::super::visible;
use super::chains::{Chain, chains, citation, place, sentence};
use super::{InstancePaths, PathsReport, unseen};
use crate::graph::{PathStep, ReachedBy, Route, State};

/// So many chains are listed; the rest is counted.
const MOST_CHAINS: usize = 40;
/// So many groups are named.
const MOST_GROUPS: usize = 3;

/// What the words of the column State mean.
const STATES: &str = "open: works now. armable: is off, and the same principal may switch it on. waiting: somebody else has to do something first (an administrator fires a trigger, a job runs, the server starts). closed: nobody gets there.";

/// See [`PathsReport::table`].
pub fn table(report: &PathsReport, width: u16, most: usize) -> String {
    let page = Page::new(width, false);
    let chains = chains(report);
    let mut sections = Vec::new();
    if chains.is_empty() {
        sections.push(page.text("No way was found for anybody but administrators by design."));
    } else {
        sections.push(top(&chains, &page, most.max(MOST_CHAINS)));
    }
    let told = chains.iter().take(most).enumerate();
    sections.extend(told.map(|(at, chain)| steps(at + 1, chain, &page)));
    if most > 0 && !chains.is_empty() {
        sections.push(page.text(
            "queries/NAME is the statement that gave a fact: `mssql-posture queries NAME` prints it, and --format json shows its rows.",
        ));
    }
    let standing = standing(report, &page);
    if !chains.is_empty() || standing.is_some() {
        sections.push(page.text(STATES));
    }
    sections.extend(standing);
    sections.extend(goals(report, &page));
    sections.extend(
        report
            .instances
            .iter()
            .filter_map(|i| unseen_line(i, &page)),
    );
    sections.push(page.text(&closing(report, &chains)));
    sections.join("\n\n") + "\n"
}

fn top(chains: &[Chain<'_>], page: &Page, most: usize) -> String {
    let columns: [Column; 6] = [
        right("#", 2),
        left("Instance", 10),
        left("Principal", 12),
        left("State", 8),
        left("Leads to", 12),
        right("Steps", 5),
    ];
    let rows = (1..).zip(chains.iter().take(most));
    let rows = rows.map(|(number, chain): (usize, _)| {
        vec![
            number.to_string(),
            visible(chain.instance.id.as_str()),
            visible(&place(chain.principal)),
            chain.state.as_str().to_owned(),
            visible(&opened(chain)),
            chain.steps().to_string(),
        ]
    });
    let text = page.list(&columns, rows.collect());
    match chains.len().saturating_sub(most) {
        0 => text,
        more => format!("{text}\n… and {more} more: --format json has all"),
    }
}

/// `xp_cmdshell and 9 further`.
fn opened(chain: &Chain<'_>) -> String {
    let widest = chain.leads.first().cloned().unwrap_or_default();
    match chain.leads.len().saturating_sub(1) {
        0 => widest,
        further => format!("{widest} and {further} further"),
    }
}

fn steps(number: usize, chain: &Chain<'_>, page: &Page) -> String {
    let arming = &chain.path.arming;
    let heading = format!(
        "{number}. {} on {}: {}, {} to {}",
        place(chain.principal),
        chain.instance.id,
        chain.state.as_str(),
        counted(chain.steps(), "step", "steps"),
        opened(chain)
    );
    let mut parts = vec![page.text(&visible(&heading))];
    if !arming.is_empty() {
        parts.push(page.text("first, to switch the channel on:"));
        parts.push(list(1, arming, page));
        parts.push(page.text("then, to run the command:"));
    }
    parts.push(list(arming.len() + 1, &chain.path.steps, page));
    parts.join("\n")
}

fn list(first: usize, steps: &[PathStep], page: &Page) -> String {
    let between = if page.is_wide() { "  " } else { "\n" };
    let rows = (first..).zip(steps).map(|(number, step)| {
        let mut text = visible(&sentence(step));
        let fact = visible(&citation(step));
        if !fact.is_empty() {
            text = format!("{text}{between}{fact}");
        }
        vec![format!("{number}."), text]
    });
    page.list(&[right("", 4), free("")], rows.collect())
}

/// How each channel stands, those that stand alike in one row.
fn standing(report: &PathsReport, page: &Page) -> Option<String> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for instance in &report.instances {
        let mut alike: Vec<(&Route, Vec<String>)> = Vec::new();
        for route in &instance.routes {
            let title = route.channel.title().to_owned();
            match alike.iter_mut().find(|(other, _)| is_alike(other, route)) {
                Some((_, titles)) => titles.push(title),
                None => alike.push((route, vec![title])),
            }
        }
        rows.extend(alike.into_iter().map(|(route, titles)| {
            vec![
                visible(instance.id.as_str()),
                titles.join(", "),
                route.state.as_str().to_owned(),
                visible(&route.why),
                visible(&reached(&route.reached_by, route.state)),
            ]
        }));
    }
    let columns = [
        left("Instance", 10),
        left("Channel", 12),
        left("State", 8),
        free("Why"),
        free("Reached by"),
    ];
    (!rows.is_empty()).then(|| page.lay_out(&columns, rows))
}

/// Who gets to the places that were asked for.
fn goals(report: &PathsReport, page: &Page) -> Option<String> {
    let of = |instance: &InstancePaths| {
        let id = visible(instance.id.as_str());
        let goals = instance.goals.iter().map(|goal| {
            let reached = reached(&goal.reached_by, State::Open);
            vec![id.clone(), visible(&place(&goal.to)), visible(&reached)]
        });
        goals.collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = report.instances.iter().flat_map(of).collect();
    let columns = [left("Instance", 10), left("Place", 12), free("Reached by")];
    (!rows.is_empty()).then(|| page.lay_out(&columns, rows))
}

fn is_alike(one: &Route, other: &Route) -> bool {
    one.state == other.state && one.why == other.why && one.reached_by == other.reached_by
}

/// `2 administrators; 1 other (open); everyone; groups of unknown size: …`.
fn reached(by: &ReachedBy, state: State) -> String {
    if state == State::Closed {
        return "nobody".to_owned();
    }
    let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let administrators = counted(count(by.administrators), "administrator", "administrators");
    let mut parts = vec![administrators];
    for (others, word) in [
        (by.open, "open"),
        (by.armable, "armable"),
        (by.waiting, "waiting"),
    ] {
        if others > 0 {
            let others = counted(count(others), "other", "others");
            parts.push(format!("{others} ({word})"));
        }
    }
    if by.everyone {
        parts.push("everyone".to_owned());
    }
    if !by.groups_of_unknown_size.is_empty() {
        let groups = by.groups_of_unknown_size.iter();
        let groups: Vec<String> = groups.map(|group| crate::ids::named(group)).collect();
        let groups = first_of(&groups, MOST_GROUPS);
        parts.push(format!("groups of unknown size among them: {groups}"));
    }
    parts.join("; ")
}

fn unseen_line(instance: &InstancePaths, page: &Page) -> Option<String> {
    let id = visible(instance.id.as_str());
    if let Some(other) = &instance.same_as {
        return Some(page.text(&format!("{id}: same as {}", visible(other.as_str()))));
    }
    let unseen = unseen(instance)?;
    Some(page.text(&format!("{id}: {}", visible(&unseen))))
}

fn closing(report: &PathsReport, chains: &[Chain<'_>]) -> String {
    let count = |state| chains.iter().filter(|chain| chain.state == state).count();
    format!(
        "{}. Chains: {} open, {} armable, {} waiting. Administrators by design (members of sysadmin) are counted, their ways are not listed.",
        counted(report.instances.len(), "instance", "instances"),
        count(State::Open),
        count(State::Armable),
        count(State::Waiting)
    )
}
