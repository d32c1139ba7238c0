//! The method: which points stand for what. `explain score` prints it in words.

use crate::graph::{Breadth, State, Surveyed};
use crate::rules::Severity;

/// The most that all lines together can come to.
pub const MOST: u32 = 100;

/// How many get through, as a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    /// Administrators by design alone.
    Administrators,
    /// Up to five others.
    Few,
    /// Up to 25 others.
    Several,
    /// More.
    Many,
    /// Everybody who can log in, but for those who are excepted by name.
    Everyone,
}

const FEW: u32 = 5;
const SEVERAL: u32 = 25;

impl Width {
    /// The class of a breadth; a group of unknown size is one account at best and many at worst.
    pub fn of(breadth: &Breadth, at_worst: bool) -> Self {
        if breadth.everyone {
            return Self::Everyone;
        }
        match breadth.count {
            0 => Self::Administrators,
            _ if at_worst && breadth.unknown_groups > 0 => Self::Many,
            count if count <= FEW => Self::Few,
            count if count <= SEVERAL => Self::Several,
            _ => Self::Many,
        }
    }

    /// In a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Administrators => "administrators alone",
            Self::Few => "one to five principals besides administrators",
            Self::Several => "six to 25 principals besides administrators",
            Self::Many => "more than 25 principals besides administrators",
            Self::Everyone => "everybody who can log in",
        }
    }
}

/// Points of a channel by state (rows) and width (columns): more in every row for more people, more in every column for
/// less work, so that closing something never adds. The least for others is more than the most for administrators: what
/// waits for somebody would not show beside what every administrator has by design.
const POINTS: [(State, [u32; 5]); 3] = [
    (State::Open, [6, 40, 48, 56, 70]),
    (State::Armable, [4, 30, 38, 46, 60]),
    (State::Waiting, [2, 10, 14, 18, 24]),
];

/// How a channel counts: its points, and for whom it is how far open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Points.
    pub points: u32,
    /// State and width that give them.
    pub best: Option<(State, Width)>,
}

/// The points of a channel: of the three states the one that gives most, each with everybody who gets at least so far.
pub fn standing(surveyed: &Surveyed, at_worst: bool) -> Standing {
    let armable = surveyed.open.with(&surveyed.armable);
    let waiting = armable.with(&surveyed.waiting);
    let reached = [&surveyed.open, &armable, &waiting];
    let mut best = Standing {
        points: 0,
        best: None,
    };
    for ((state, row), breadth) in POINTS.iter().zip(reached) {
        if *state > surveyed.route.state {
            continue;
        }
        let width = Width::of(breadth, at_worst);
        let points = row.get(width as usize).copied().unwrap_or_default();
        if points > best.points {
            best = Standing {
                points,
                best: Some((*state, width)),
            };
        }
    }
    best
}

/// Points of every further channel that is open to or armable by others than administrators, and the most that they
/// come to.
pub const FURTHER: (u32, u32) = (2, 6);

/// Points of the account that a command runs as, by its power's word; the most of all channels that are not closed.
pub fn identity(power: &str, at_worst: bool) -> u32 {
    match power {
        "administrative" => 8,
        "domain" => 5,
        "network" | "local_user" | "proxy" => 2,
        "unknown" if at_worst => 8,
        _ => 0,
    }
}

/// Points of the worst finding about something planted.
pub fn planted(severity: Severity) -> u32 {
    match severity {
        Severity::Critical => 16,
        Severity::High => 12,
        Severity::Medium => 6,
        Severity::Low => 2,
        Severity::Info => 0,
    }
}

/// Rules about what is there to stay: modules, assemblies, extended and startup procedures, marks, triggers.
pub const PLANTED: &[&str] = &[
    "startup-procedure",
    "module-invokes-command-channel",
    "object-marked-as-shipped",
    "unsafe-assembly",
    "external-access-assembly",
    "non-microsoft-extended-procedure",
    "logon-or-ddl-trigger-reaches-channel",
    "stale-trusted-assembly",
];

/// Points off where changes of configuration and permissions are recorded.
pub const DETECTION: u32 = 3;

/// The method in words.
pub const EXPLANATION: &str = "\
Exposure is an interval of whole numbers from 0 to 100, the sum of five lines. It is made of routes: the
ways by which somebody comes to run a command of the operating system on the server, and who gets there.

1. The widest channel: the most of all channels, by how far it is open and for whom.

               administrators  1 to 5   6 to 25   over 25   everybody
                        alone  others    others    others   who logs in
     open                   6      40        48        56        70
     armable                4      30        38        46        60
     waiting                2      10        14        18        24

   open: works now. armable: the same principal also reaches the right to switch it on. waiting: somebody
   else must do something first (an administrator's session fires a trigger, a job runs, the server starts,
   somebody switches the channel on). closed: nobody gets there. Each row counts all who get at least so
   far. Others are principals that can log in; a member of sysadmin counts among them only with what it
   would reach without being one. Where others get anywhere, though they wait, they give more points than
   what administrators have by design. A Windows or Entra group is one account where its size is not
   given, and over 25 at worst.
   Everybody: it is asked what a login reaches to which nothing is written: in public and in no other
   role, with no right, no user and no stored login of its own, and no DENY but those on public. Such a
   login comes in as guest where guest may. So exceptions by name, however many, do not make everybody
   fewer: a DENY to one login, or a mapping of its own, takes that one out alone. Rights that every login
   was given one by one count by how many have them: who comes next does not.
2. Further channels: 2 for each further channel that is open to or armable by others, at most 6.
3. The account that commands run as: 8 administrative, 5 a domain account, 2 network service, local user or
   proxy, 0 a virtual, worker or Linux account; the most of all channels that are not closed; unknown is 0,
   and 8 at worst.
4. Planted: the worst finding about something that is there to stay (startup procedure, module with a
   command channel, marked object, unsafe assembly, foreign extended procedure, trigger): critical 16, high
   12, medium 6, low 2. At worst an unknown verdict of such a rule counts with the rule's severity.
5. Detection: 3 off where a running audit records changes of configuration or of permissions.

low   takes every unseen fact at its best: it is made of what was seen.
high  takes it at its worst: the same search is made once more with the steps that the unseen could hold
      (everybody is dbo of a database that was not seen, options that were not seen are on, and so on),
      and with what the seen facts still allow: such a database that is neither TRUSTWORTHY nor chained
      leads no further.
Each point between the two names a fact and what would show it.

The tables grow with every row and column, so revoking, denying, removing a member or switching something
off never raises the number. An instance that could not be read at all has 0 to 100. What is measured is
how far, not how likely: an exposure of 40 is not twice as bad as one of 20.

An estate is ranked by exposure weighted with the inventory's tag criticality: low and high exposure together,
times 4 (critical), 3 (high), 2 (medium, or nothing said) or 1 (low). The weight decides the order alone, never
an instance's own number.";
