//! The heat map: who gets to which channel of which instance.

use schemars::JsonSchema;
use serde::Serialize;

use super::instance::InstanceView;
use crate::graph::{Channel, Route, State};
use crate::report::assessment::Instance;

/// So many instances are drawn; the list of instances has all of them.
const MOST_ROWS: usize = 50;

/// Instances by channels.
#[derive(Serialize, JsonSchema)]
pub struct HeatView {
    /// The channels in a word or two, in order.
    pub channels: Vec<&'static str>,
    /// The instances to look at first.
    pub rows: Vec<HeatRow>,
    /// How many instances are not drawn.
    pub more: usize,
}

/// One instance.
#[derive(Serialize, JsonSchema)]
pub struct HeatRow {
    /// Its name.
    pub id: String,
    /// Where it stands.
    pub href: String,
    /// One per channel, in their order.
    pub cells: Vec<Cell>,
    /// Points of exposure that may hide in what was not seen: cells may be worse than they look.
    pub open_points: u32,
}

/// One channel of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cell {
    /// `3 open`, `1 arms`, `2 wait`, `everybody`, `admins`, `off`, `closed` or `not seen`.
    pub text: String,
    /// For style.
    pub class: &'static str,
}

impl Cell {
    fn of(route: Option<&Route>) -> Self {
        let Some(route) = route else {
            return Self::new("not seen".to_owned(), "unknown");
        };
        let by = &route.reached_by;
        match route.state {
            _ if by.everyone => Self::new("everybody".to_owned(), "critical"),
            _ if by.open > 0 => Self::new(format!("{} open", by.open), "critical"),
            _ if by.armable > 0 => Self::new(counted(by.armable, "arms", "arm"), "high"),
            _ if by.waiting > 0 => Self::new(counted(by.waiting, "waits", "wait"), "medium"),
            State::Open => Self::new("admins".to_owned(), "low"),
            State::Armable | State::Waiting => Self::new("off".to_owned(), "quiet"),
            State::Closed => Self::new("closed".to_owned(), "whole"),
        }
    }

    pub(super) fn new(text: String, class: &'static str) -> Self {
        Self { text, class }
    }
}

fn counted(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The head of a channel's column, short enough for one of twelve.
fn heading(channel: Channel) -> &'static str {
    match channel {
        Channel::XpCmdshell => "xp_cmdshell",
        Channel::Clr => "CLR",
        Channel::OleAutomation => "OLE",
        Channel::ExternalScript => "External script",
        Channel::AgentCmdExec => "Agent CmdExec",
        Channel::AgentPowerShell => "Agent PowerShell",
        Channel::AgentSsis => "Agent SSIS",
        Channel::AgentActiveX => "Agent ActiveX",
        Channel::ExtendedProcedure => "Extended proc.",
        Channel::LinkedHop => "Linked server",
        Channel::RegistryAutorun => "Registry",
        Channel::ModuleCommand => "Module",
    }
}

/// Every channel of an instance.
pub fn cells(instance: &Instance) -> Vec<Cell> {
    let routes = &instance.routes;
    let of = |channel| routes.iter().find(|route| route.channel == channel);
    Channel::ALL
        .into_iter()
        .map(|channel| Cell::of(of(channel)))
        .collect()
}

impl HeatView {
    /// The first instances, in the order of the report.
    pub fn new(instances: &[InstanceView]) -> Self {
        let judged = || instances.iter().filter(|i| i.same_as.is_none());
        let rows = judged().take(MOST_ROWS).map(|instance| HeatRow {
            id: instance.id.clone(),
            href: instance.href.clone(),
            cells: instance.cells.clone(),
            open_points: instance.exposure.open,
        });
        Self {
            channels: Channel::ALL.into_iter().map(heading).collect(),
            rows: rows.collect(),
            more: judged().count().saturating_sub(MOST_ROWS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{ReachedBy, RunsAs};

    fn cell(state: State, reached_by: ReachedBy) -> (String, &'static str) {
        let cell = Cell::of(Some(&Route {
            channel: Channel::Clr,
            state,
            why: String::new(),
            source: String::new(),
            runs_as: RunsAs {
                account: None,
                power: "unknown".to_owned(),
            },
            reached_by,
            evidence: Vec::new(),
            paths: Vec::new(),
        }));
        (cell.text, cell.class)
    }

    #[test]
    fn a_cell_says_the_worst_first() {
        let by = |open, armable, waiting| ReachedBy {
            open,
            armable,
            waiting,
            ..ReachedBy::default()
        };
        let due = |text: &str, class| (text.to_owned(), class);
        assert_eq!(cell(State::Open, by(2, 1, 1)), due("2 open", "critical"));
        assert_eq!(cell(State::Open, by(0, 1, 1)), due("1 arms", "high"));
        assert_eq!(cell(State::Open, by(0, 0, 2)), due("2 wait", "medium"));
        assert_eq!(cell(State::Open, by(0, 0, 0)), due("admins", "low"));
        assert_eq!(cell(State::Armable, by(0, 0, 0)), due("off", "quiet"));
        assert_eq!(cell(State::Closed, by(0, 0, 0)), due("closed", "whole"));
        let everyone = ReachedBy {
            everyone: true,
            ..by(0, 0, 0)
        };
        assert_eq!(cell(State::Armable, everyone), due("everybody", "critical"));
        assert_eq!(Cell::of(None).text, "not seen");
    }
}
