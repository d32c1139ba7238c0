//! Which rights the queries need: one table, from a query's sight to the rights each of which shows all of it. What is
//! missing (`sight`), what a DBA is asked to grant (`login_script`) and what `preflight` reports are read from it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::query::{self, Query, Scope, Sight};
use crate::snapshot::SessionIdentity;

/// A permission at server scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // each is the permission of that name
pub enum ServerRight {
    ConnectAnyDatabase,
    ViewAnyDatabase,
    ViewAnyDefinition,
    ViewAnySecurityDefinition,
    ViewServerState,
    ViewServerSecurityState,
    ViewServerPerformanceState,
    AlterTrace,
    ControlServer,
}

impl ServerRight {
    /// The permission as GRANT writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConnectAnyDatabase => "CONNECT ANY DATABASE",
            Self::ViewAnyDatabase => "VIEW ANY DATABASE",
            Self::ViewAnyDefinition => "VIEW ANY DEFINITION",
            Self::ViewAnySecurityDefinition => "VIEW ANY SECURITY DEFINITION",
            Self::ViewServerState => "VIEW SERVER STATE",
            Self::ViewServerSecurityState => "VIEW SERVER SECURITY STATE",
            Self::ViewServerPerformanceState => "VIEW SERVER PERFORMANCE STATE",
            Self::AlterTrace => "ALTER TRACE",
            Self::ControlServer => "CONTROL SERVER",
        }
    }

    /// The first major version that knows it.
    pub fn since(self) -> u16 {
        match self {
            Self::ConnectAnyDatabase => 12,
            Self::ViewAnySecurityDefinition
            | Self::ViewServerSecurityState
            | Self::ViewServerPerformanceState => 16,
            _ => 11,
        }
    }

    /// Whether the server says that the session holds it (`HAS_PERMS_BY_NAME`, which counts rights that cover it).
    pub fn is_held(self, session: &SessionIdentity) -> bool {
        let held = match self {
            Self::ConnectAnyDatabase => session.connect_any_database,
            Self::ViewAnyDatabase => session.view_any_database,
            Self::ViewAnyDefinition => session.view_any_definition,
            Self::ViewAnySecurityDefinition => session.view_any_security_definition,
            Self::ViewServerState => session.view_server_state,
            Self::ViewServerSecurityState => session.view_server_security_state,
            Self::ViewServerPerformanceState => session.view_server_performance_state,
            Self::AlterTrace => session.alter_trace,
            Self::ControlServer => session.control_server,
        };
        held == Some(true)
    }
}

/// The rights each of which shows all of a sight, narrowest first. The last one exists in every version. Empty where
/// no server right shows it: everybody sees it, or SELECT on the table does.
pub fn showing(sight: Sight) -> &'static [ServerRight] {
    match sight {
        Sight::Public | Sight::Select => &[],
        Sight::AnyDatabase => &[ServerRight::ViewAnyDatabase],
        Sight::ServerDefinition | Sight::DatabaseDefinition => &[ServerRight::ViewAnyDefinition],
        Sight::ServerSecurityDefinition | Sight::DatabaseSecurityDefinition => &[
            ServerRight::ViewAnySecurityDefinition,
            ServerRight::ViewAnyDefinition,
        ],
        Sight::ServerState => &[
            ServerRight::ViewServerSecurityState,
            ServerRight::ViewServerState,
        ],
        Sight::ServerPerformanceState => &[
            ServerRight::ViewServerPerformanceState,
            ServerRight::ViewServerState,
        ],
        Sight::AlterTrace => &[ServerRight::AlterTrace],
        // What 2022 has besides is asked for by `events`, which alone reads audit files.
        Sight::Control | Sight::ServerSecurityAudit => &[ServerRight::ControlServer],
    }
}

/// Something for a DBA to grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// A permission at server scope.
    Server(ServerRight),
    /// A user in every database, where no permission lets into all of them (2012).
    User,
    /// SELECT on one of msdb's tables or views, as `schema.table`.
    Select(&'static str),
}

impl Right {
    /// For people.
    pub fn text(self) -> String {
        match self {
            Self::Server(right) => right.name().to_owned(),
            Self::User => "CONNECT in each database".to_owned(),
            Self::Select(table) => format!("SELECT on {table} in msdb"),
        }
    }
}

/// A right and the queries that need it, in order of sending.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The right.
    pub right: Right,
    /// What needs it.
    pub queries: Vec<&'static Query>,
}

/// The least rights that show everything an auditor should see of a server of this version, in the order in which a
/// script grants them.
pub fn least(version: u16) -> Vec<Grant> {
    let asked: Vec<_> = of_version(version)
        .filter(|q| !q.sight.is_beyond_least())
        .collect();
    grants(version, &asked)
}

/// The rights beyond: what they show stays unseen, and is no reason to call an audit incomplete.
pub fn beyond(version: u16) -> Vec<Grant> {
    let asked: Vec<_> = of_version(version)
        .filter(|q| q.sight.is_beyond_least())
        .collect();
    let mut grants = grants(version, &asked);
    // Where they are asked is settled by the least rights.
    grants.retain(|grant| grant.right != Right::User && grant.right != ENTRY);
    grants
}

const ENTRY: Right = Right::Server(ServerRight::ConnectAnyDatabase);

fn of_version(version: u16) -> impl Iterator<Item = &'static Query> {
    query::all()
        .iter()
        .filter(move |q| q.versions.contains(&version))
}

/// What `of` gives for the versions of a range, together.
fn together(range: &VersionRange, of: fn(u16) -> Vec<Grant>) -> Vec<Grant> {
    let mut found: BTreeMap<Right, Vec<&'static Query>> = BTreeMap::new();
    for version in range.known() {
        for grant in of(version) {
            let queries = found.entry(grant.right).or_default();
            for query in grant.queries {
                if !queries.iter().any(|known| std::ptr::eq(*known, query)) {
                    queries.push(query);
                }
            }
        }
    }
    let grant = |(right, queries)| Grant { right, queries };
    found.into_iter().map(grant).collect()
}

/// [`least`] for all versions of a range.
pub fn least_of(range: &VersionRange) -> Vec<Grant> {
    together(range, least)
}

/// [`beyond`] for all versions of a range.
pub fn beyond_of(range: &VersionRange) -> Vec<Grant> {
    together(range, beyond)
}

/// The right that lets into databases.
pub fn entry(version: u16) -> Right {
    if version >= ServerRight::ConnectAnyDatabase.since() {
        ENTRY
    } else {
        Right::User
    }
}

/// What `schema.table`s of msdb a query reads.
pub fn tables(query: &Query) -> impl Iterator<Item = &'static str> {
    let of_msdb = query.scope == Scope::Msdb;
    query.views.split(", ").filter(move |_| of_msdb)
}

fn grants(version: u16, asked: &[&'static Query]) -> Vec<Grant> {
    let chosen = chosen(version, asked);
    let mut found: BTreeMap<Right, Vec<&'static Query>> = BTreeMap::new();
    for query in asked {
        let shown = showing(query.sight).iter();
        let mut rights: Vec<Right> = shown
            .filter(|right| chosen.contains(right))
            .map(|right| Right::Server(*right))
            .collect();
        rights.extend(tables(query).map(Right::Select));
        if matches!(query.scope, Scope::Database | Scope::Master | Scope::Msdb) {
            rights.push(entry(version));
        }
        for right in rights {
            found.entry(right).or_default().push(query);
        }
    }
    let grant = |(right, queries)| Grant { right, queries };
    found.into_iter().map(grant).collect()
}

/// The fewest server rights of this version for these queries: first what nothing else replaces, then the narrowest
/// for what that does not show.
fn chosen(version: u16, asked: &[&Query]) -> BTreeSet<ServerRight> {
    let known = |query: &Query| -> Vec<ServerRight> {
        let rights = showing(query.sight).iter().copied();
        rights.filter(|r| r.since() <= version).collect()
    };
    let sole = |query: &&Query| match known(query).as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    let mut chosen: BTreeSet<ServerRight> = asked.iter().filter_map(sole).collect();
    for query in asked {
        let rights = known(query);
        if let Some(narrowest) = rights.first()
            && !rights.iter().any(|right| chosen.contains(right))
        {
            chosen.insert(*narrowest);
        }
    }
    chosen
}

/// Versions that need the same rights.
#[derive(Debug)]
pub struct VersionRange {
    /// Major versions; open ends at the largest number.
    pub versions: RangeInclusive<u16>,
    /// As in `--version`.
    pub key: &'static str,
    /// For people.
    pub name: &'static str,
}

/// Oldest first.
pub const RANGES: &[VersionRange] = &[
    VersionRange {
        versions: 11..=11,
        key: "2012",
        name: "SQL Server 2012",
    },
    VersionRange {
        versions: 12..=15,
        key: "2014-2019",
        name: "SQL Server 2014 to 2019",
    },
    VersionRange {
        versions: 16..=u16::MAX,
        key: "2022+",
        name: "SQL Server 2022 and later",
    },
];

/// Under every year, which is no major version.
const HIGHEST_MAJOR: u16 = 100;

/// Years by major version.
const YEARS: &[(u16, &str)] = &[
    (11, "2012"),
    (12, "2014"),
    (13, "2016"),
    (14, "2017"),
    (15, "2019"),
    (16, "2022"),
    (17, "2025"),
];

impl VersionRange {
    /// From a major version (`16`), a year (`2022`) or a range's own key (`2014-2019`).
    pub fn parse(text: &str) -> Option<&'static Self> {
        let year = YEARS.iter().find(|(_, year)| *year == text);
        let version = year
            .map(|(version, _)| *version)
            .or_else(|| text.parse().ok())
            .filter(|version| *version < HIGHEST_MAJOR);
        RANGES.iter().find(|range| {
            range.key == text || version.is_some_and(|version| range.versions.contains(&version))
        })
    }

    /// The versions of it that are known.
    pub fn known(&self) -> impl Iterator<Item = u16> {
        let known = YEARS.iter().map(|(version, _)| *version);
        known.filter(|version| self.versions.contains(version))
    }

    /// The newest of them.
    pub fn newest(&self) -> u16 {
        self.known().max().unwrap_or(*self.versions.start())
    }
}

/// The year by which people know a major version; the number itself if it has none here.
pub fn year(version: u16) -> String {
    let known = YEARS.iter().find(|(number, _)| *number == version);
    known.map_or_else(|| version.to_string(), |(_, year)| (*year).to_owned())
}

/// A row of the README's table.
struct Row {
    right: String,
    /// Ranges in which the right is granted.
    granted: BTreeSet<&'static str>,
    shows: Vec<&'static str>,
}

impl Row {
    fn mark(&self, range: &VersionRange) -> &'static str {
        if self.granted.is_empty() {
            "not granted"
        } else if self.granted.contains(range.key) {
            "yes"
        } else {
            ""
        }
    }
}

/// Adds a grant to its row; msdb's tables stand together in one.
fn merge(rows: &mut Vec<Row>, grant: &Grant, granted_in: Option<&'static str>) {
    let right = match grant.right {
        Right::Server(right) => right.name(),
        Right::User => "a user in each database",
        Right::Select(_) => "SELECT on the tables of msdb that are read",
    };
    let place = rows.iter().position(|row| row.right == right);
    let place = place.unwrap_or_else(|| {
        rows.push(Row {
            right: right.to_owned(),
            granted: BTreeSet::new(),
            shows: Vec::new(),
        });
        rows.len() - 1
    });
    let Some(row) = rows.get_mut(place) else {
        return;
    };
    row.granted.extend(granted_in);
    if matches!(grant.right, Right::User | ENTRY) {
        row.shows = vec!["the way into the databases"];
        return;
    }
    for query in &grant.queries {
        if !row.shows.contains(&query.name) {
            row.shows.push(query.name);
        }
    }
}

/// The README's table: rights by version range, and which facts each shows.
pub fn table() -> String {
    let mut rows = Vec::new();
    for range in RANGES {
        for grant in least_of(range) {
            merge(&mut rows, &grant, Some(range.key));
        }
    }
    for range in RANGES {
        for grant in beyond_of(range) {
            merge(&mut rows, &grant, None);
        }
    }
    let line = |right: &str, marks: &[&str], shows: &str| {
        format!("| {right} | {} | {shows} |\n", marks.join(" | "))
    };
    let keys: Vec<&str> = RANGES.iter().map(|range| range.key).collect();
    let mut text = line("right", &keys, "shows");
    text += &line("---", &vec!["---"; RANGES.len()], "---");
    for row in rows {
        let marks: Vec<&str> = RANGES.iter().map(|range| row.mark(range)).collect();
        text += &line(&row.right, &marks, &row.shows.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn names(grants: &[Grant]) -> Vec<String> {
        grants.iter().map(|grant| grant.right.text()).collect()
    }

    fn of_server(version: u16) -> Vec<String> {
        let mut names = names(&least(version));
        names.retain(|name| !name.starts_with("SELECT"));
        names
    }

    #[test]
    fn least_rights_are_the_expected_ones() {
        assert_eq!(
            of_server(11),
            [
                "VIEW ANY DATABASE",
                "VIEW ANY DEFINITION",
                "VIEW SERVER STATE",
                "CONNECT in each database"
            ]
        );
        assert_eq!(
            of_server(15),
            [
                "CONNECT ANY DATABASE",
                "VIEW ANY DATABASE",
                "VIEW ANY DEFINITION",
                "VIEW SERVER STATE"
            ]
        );
        assert_eq!(
            of_server(17),
            [
                "CONNECT ANY DATABASE",
                "VIEW ANY DATABASE",
                "VIEW ANY DEFINITION",
                "VIEW SERVER SECURITY STATE",
                "VIEW SERVER PERFORMANCE STATE"
            ]
        );
        assert_eq!(names(&beyond(16)), ["ALTER TRACE", "CONTROL SERVER"]);
    }

    #[test]
    fn versions_of_a_range_need_the_same_rights() {
        for version in 11..=18 {
            let range = RANGES
                .iter()
                .find(|r| r.versions.contains(&version))
                .unwrap();
            assert_eq!(
                names(&least(version)),
                names(&least(range.newest())),
                "{version}"
            );
            assert_eq!(
                names(&beyond(version)),
                names(&beyond(range.newest())),
                "{version}"
            );
        }
    }

    #[test]
    fn every_query_that_is_not_public_stands_under_a_right() {
        for version in 11..=17 {
            let grants: Vec<Grant> = least(version).into_iter().chain(beyond(version)).collect();
            for query in of_version(version).filter(|q| q.sight != Sight::Public) {
                let named = |g: &&Grant| g.queries.iter().any(|q| q.name == query.name);
                assert!(grants.iter().any(|g| named(&g)), "{}", query.name);
            }
        }
    }

    #[test]
    fn a_right_that_shows_a_sight_exists_in_every_version() {
        for query in query::all() {
            if let Some(widest) = showing(query.sight).last() {
                assert_eq!(widest.since(), 11, "{}", query.name);
            }
        }
    }

    #[test]
    fn versions_are_named_in_three_ways() {
        for (text, key) in [
            ("11", "2012"),
            ("2012", "2012"),
            ("15", "2014-2019"),
            ("2014-2019", "2014-2019"),
            ("2017", "2014-2019"),
            ("16", "2022+"),
            ("2025", "2022+"),
            ("2022+", "2022+"),
            ("18", "2022+"),
        ] {
            assert_eq!(
                VersionRange::parse(text).map(|r| r.key),
                Some(key),
                "{text}"
            );
        }
        for text in ["10", "", "2013", "2013x", "-1"] {
            assert!(VersionRange::parse(text).is_none(), "{text}");
        }
    }
}
