//! Whom a place reaches, as the graph has it, by memberships and permissions alone: what code, jobs and links do besides
//! is a matter of other rules. Members of sysadmin are administrators by design, and nobody here.

use super::{Case, Evidence, Severity};
use crate::graph::{ANYBODY, Edge, Graph, Node, Reach, Scope, Step};
use crate::ids::PrincipalId;
use crate::snapshot::PUBLIC_LOGIN;

/// So many are named; the others are counted.
const NAMED: usize = 5;
const PUBLIC: PrincipalId = PrincipalId(0);

/// Steps by memberships and permissions.
pub(super) fn is_by_permission(step: Step) -> bool {
    matches!(
        step,
        Step::Member
            | Step::GroupMember
            | Step::EveryLogin
            | Step::EveryUser
            | Step::MappedUser
            | Step::Guest
            | Step::AddMember
            | Step::Impersonate
            | Step::ImpersonateUser
            | Step::ResetPassword
            | Step::DatabaseOwner
            | Step::ControlDatabase
            | Step::TakeOwnership
            | Step::GrantDatabasePermissions
            | Step::AdoptOrphan
    )
}

/// How many a right helps or a place lets in, administrators by design aside. Ordered from least to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whom {
    /// A role without members, a login that cannot log in.
    Nobody,
    /// Some who can come in.
    Some,
    /// Every login, or every user of the database.
    Everybody,
}

impl Whom {
    /// How bad that is: critical for everybody, low for nobody.
    pub(super) fn severity(self) -> Severity {
        match self {
            Self::Everybody => Severity::Critical,
            Self::Some => Severity::High,
            Self::Nobody => Severity::Low,
        }
    }
}

/// Who gets to a place, and how.
pub(super) struct Reached {
    pub(super) whom: Whom,
    /// Those who can come in, the nearest first; not said where everybody can.
    people: Vec<Node>,
    /// By which steps the nearest does, in words.
    pub(super) chain: Vec<String>,
    /// The rows of it, and of those who are named.
    pub(super) evidence: Vec<Evidence>,
}

impl Reached {
    /// Who gets to a place; `None` where only administrators by design do.
    pub(super) fn of(case: &Case<'_>, place: Node) -> Option<Self> {
        let graph = case.graph();
        let sysadmins = graph.index().sysadmins();
        let is_sysadmin = |node: &Node| matches!(node, Node::Principal(Scope::Server, id) if sysadmins.contains(id));
        if is_sysadmin(&place) {
            return None;
        }
        // Who acts as an administrator is another rule's.
        let takes = |edge: &Edge| is_by_permission(edge.step) && !is_sysadmin(&edge.from);
        let reach = Reach::by(graph, place, Some(Node::Sysadmin), takes);
        let everybody = everybody(&reach);
        let mut people: Vec<(u32, Node)> = reach
            .places()
            .into_iter()
            .filter(|(_, node)| !is_sysadmin(node) && comes_in(graph, *node))
            .collect();
        people.sort();
        let people: Vec<Node> = people.into_iter().map(|(_, node)| node).collect();
        let first = everybody.or(people.first().copied());
        let steps = first.map(|node| reach.chain(node)).unwrap_or_default();
        let told = graph.told(&steps);
        let chain = told.iter().map(|step| step.sentence.clone()).collect();
        let rows = told.into_iter().flat_map(|step| step.evidence);
        let (whom, people) = match (everybody, people.is_empty()) {
            (Some(_), _) => (Whom::Everybody, Vec::new()),
            (None, false) => (Whom::Some, people),
            (None, true) if holds_administrators(case, place) => return None,
            (None, true) => (Whom::Nobody, people),
        };
        let mut evidence = Vec::new();
        Evidence::extend(&mut evidence, rows.map(Evidence::from));
        Evidence::extend(&mut evidence, rows_of_named(case, &people));
        Evidence::extend(&mut evidence, row(case, place));
        Some(Self {
            whom,
            people,
            chain,
            evidence,
        })
    }

    /// Who uses what is kept for these logins; `None` where only administrators by design do.
    pub(super) fn of_logins(case: &Case<'_>, logins: &[PrincipalId]) -> Option<Self> {
        let graph = case.graph();
        let sysadmins = graph.index().sysadmins();
        // A login that is yet to be made is nobody here.
        let logins: Vec<PrincipalId> = logins.iter().copied().filter(|id| *id != ANYBODY).collect();
        let others = logins.iter().filter(|id| !sysadmins.contains(id));
        let people: Vec<Node> = others
            .map(|id| Node::login(*id))
            .filter(|node| comes_in(graph, *node))
            .collect();
        let (whom, people) = if logins.contains(&PUBLIC_LOGIN) {
            (Whom::Everybody, Vec::new())
        } else if !people.is_empty() {
            (Whom::Some, people)
        } else if logins.iter().any(|id| sysadmins.contains(id)) {
            return None;
        } else {
            (Whom::Nobody, people)
        };
        Some(Self {
            whom,
            evidence: rows_of_named(case, &people),
            people,
            chain: Vec::new(),
        })
    }

    /// How bad that is.
    pub(super) fn severity(&self) -> Severity {
        self.whom.severity()
    }

    /// Who, as the subject of a sentence.
    pub(super) fn who(&self, graph: &Graph<'_>) -> String {
        match self.whom {
            Whom::Everybody => return "everybody".to_owned(),
            Whom::Nobody => return "nobody now".to_owned(),
            Whom::Some => {}
        }
        let first = self.people.iter().take(NAMED);
        let mut names: Vec<String> = first.map(|node| graph.shown(*node)).collect();
        if self.people.len() > NAMED {
            names.push(format!("{} others", self.people.len() - NAMED));
        }
        names.join(", ")
    }
}

/// The rows of those who are named.
fn rows_of_named(case: &Case<'_>, people: &[Node]) -> Vec<Evidence> {
    let named = people.iter().take(NAMED);
    named.flat_map(|node| row(case, *node)).collect()
}

/// Whether a member of sysadmin is what a place is, or in it. That he may join it says nothing.
fn holds_administrators(case: &Case<'_>, place: Node) -> bool {
    let graph = case.graph();
    let is = |edge: &Edge| is_by_permission(edge.step) && edge.step != Step::AddMember;
    let reach = Reach::by(graph, place, Some(Node::Sysadmin), is);
    let sysadmins = graph.index().sysadmins();
    let mut places = reach.places().into_iter();
    places.any(
        |(_, node)| matches!(node, Node::Principal(Scope::Server, id) if sysadmins.contains(&id)),
    )
}

/// The row of a principal.
fn row(case: &Case<'_>, node: Node) -> Vec<Evidence> {
    let (Node::Principal(scope, id) | Node::Joins(scope, id)) = node else {
        return Vec::new();
    };
    case.cited(&case.graph().index().principal_fact(scope, id))
}

/// The place that everybody is at: `public`, or guest where somebody comes in as that.
fn everybody(reach: &Reach) -> Option<Node> {
    if let Some(everybody) = reach.everybody() {
        return Some(everybody);
    }
    let mut places: Vec<Node> = reach.places().into_iter().map(|(_, node)| node).collect();
    places.sort();
    let of_database =
        |node: &&Node| matches!(node, Node::Principal(Scope::Database(_), id) if *id == PUBLIC);
    let public = places.iter().find(of_database).copied();
    let guest = || {
        let ways = places.iter().filter_map(|node| reach.way(*node));
        let mut steps = ways.filter_map(|way| way.next.as_ref());
        let step = steps.find(|(edge, _)| edge.step == Step::Guest);
        step.map(|(_, to)| *to)
    };
    public.or_else(guest)
}

/// Whether somebody comes in as this: a login that can log in, a user with a password of its own.
fn comes_in(graph: &Graph<'_>, node: Node) -> bool {
    match node {
        Node::Principal(Scope::Server, id) => graph.index().logs_in(id),
        Node::Principal(Scope::Database(db), id) => {
            let user = graph.index().user(db, id);
            user.is_some_and(|user| graph.authenticates_in(db, user))
        }
        _ => false,
    }
}
