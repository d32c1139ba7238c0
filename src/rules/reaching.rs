//! Whom a place reaches, as the graph has it, by memberships and permissions alone: what code, jobs and links do besides
//! is a matter of other rules. Members of sysadmin are administrators by design, and nobody here.

use std::collections::BTreeSet;

use super::{Case, Evidence, Judgement, Missing, Severity, Subject};
use crate::graph::{ANYBODY, Edge, Graph, Index, Node, Reach, Scope, Step};
use crate::ids::PrincipalId;
use crate::snapshot::{DatabaseFacts, Fact, PUBLIC_LOGIN};

/// So many are named; the others are counted.
const NAMED: usize = 5;
const PUBLIC: PrincipalId = PrincipalId(0);

/// Facts of the instance that say whom something reaches.
pub(super) const OF_SERVER: &[Fact] = &[
    Fact::ServerPrincipals,
    Fact::ServerRoleMembers,
    Fact::ServerPermissions,
];
/// The same of a database.
pub(super) const OF_DATABASE: &[Fact] = &[
    Fact::DatabasePrincipals,
    Fact::DatabaseRoleMembers,
    Fact::DatabasePermissions,
];

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

/// Who gets to a place.
pub(super) enum Whom {
    /// Every login, or every user of the database.
    Everybody,
    /// These can come in, the nearest first.
    People(Vec<Node>),
    /// A role without members, a login that cannot log in.
    Nobody,
}

/// Who gets to a place, and how.
pub(super) struct Reached {
    pub(super) whom: Whom,
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
        let evidence = told.into_iter().flat_map(|step| step.evidence);
        let mut evidence: Vec<Evidence> = evidence.map(Evidence::from).collect();
        let whom = match (everybody, people.is_empty()) {
            (Some(_), _) => Whom::Everybody,
            (None, false) => Whom::People(people),
            (None, true) if holds_administrators(case, place) => return None,
            (None, true) => Whom::Nobody,
        };
        evidence.extend(whom.rows(graph).into_iter().chain(row(graph, place)));
        evidence.dedup();
        Some(Self {
            whom,
            chain,
            evidence,
        })
    }

    /// Who uses what is kept for these logins; `None` where only administrators by design do.
    pub(super) fn of_logins(case: &Case<'_>, logins: &[PrincipalId]) -> Option<Self> {
        let graph = case.graph();
        let sysadmins = graph.index().sysadmins();
        let others = logins.iter().filter(|id| !sysadmins.contains(id));
        let people: Vec<Node> = others
            .map(|id| Node::login(*id))
            .filter(|node| comes_in(graph, *node))
            .collect();
        let whom = if logins.contains(&PUBLIC_LOGIN) || logins.contains(&ANYBODY) {
            Whom::Everybody
        } else if !people.is_empty() {
            Whom::People(people)
        } else if logins.iter().any(|id| sysadmins.contains(id)) {
            return None;
        } else {
            Whom::Nobody
        };
        let evidence = whom.rows(graph);
        Some(Self {
            whom,
            chain: Vec::new(),
            evidence,
        })
    }

    /// How bad that is: critical for everybody, low for nobody.
    pub(super) fn severity(&self) -> Severity {
        match self.whom {
            Whom::Everybody => Severity::Critical,
            Whom::People(_) => Severity::High,
            Whom::Nobody => Severity::Low,
        }
    }

    /// Who, as the subject of a sentence.
    pub(super) fn who(&self, graph: &Graph<'_>) -> String {
        let people = match &self.whom {
            Whom::Everybody => return "everybody".to_owned(),
            Whom::Nobody => return "nobody now".to_owned(),
            Whom::People(people) => people,
        };
        let first = people.iter().take(NAMED);
        let mut names: Vec<String> = first.map(|node| graph.shown(*node)).collect();
        if people.len() > NAMED {
            names.push(format!("{} others", people.len() - NAMED));
        }
        names.join(", ")
    }
}

impl Whom {
    fn rows(&self, graph: &Graph<'_>) -> Vec<Evidence> {
        match self {
            Self::People(people) => {
                let named = people.iter().take(NAMED);
                named.filter_map(|node| row(graph, *node)).collect()
            }
            Self::Everybody | Self::Nobody => Vec::new(),
        }
    }
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
fn row(graph: &Graph<'_>, node: Node) -> Option<Evidence> {
    let (Node::Principal(scope, id) | Node::Joins(scope, id)) = node else {
        return None;
    };
    let fact = graph.index().principal_fact(scope, id)?;
    Some(graph.cite(fact).into())
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
    const IN_DATABASE: i32 = 2;
    match node {
        Node::Principal(Scope::Server, id) => graph.index().logs_in(id),
        Node::Principal(Scope::Database(db), id) => {
            let user = graph.index().user(db, id);
            user.is_some_and(|user| user.authentication_type == Some(IN_DATABASE))
        }
        _ => false,
    }
}

/// Which of these facts of the instance are not settled.
pub(super) fn unseen_on_server(case: &Case<'_>, facts: &[Fact]) -> Vec<Missing> {
    let states = facts.iter().flat_map(|fact| fact.unsettled(case.snapshot));
    let of_server = states.filter(|state| state.database.is_none());
    of_server.map(|state| Missing::from(&state)).collect()
}

/// Which of these facts of a database are not settled.
pub(super) fn unseen_in(facts: &[Fact], database: &DatabaseFacts) -> Vec<Missing> {
    let states = facts.iter().filter_map(|fact| fact.unsettled_in(database));
    states.map(|state| Missing::from(&state)).collect()
}

/// Says unknown, if something is missing. Returns whether it is.
pub(super) fn unless_seen(
    judgement: &mut Judgement,
    subject: Subject,
    missing: Vec<Missing>,
) -> bool {
    let unseen = !missing.is_empty();
    if unseen {
        judgement.unknown(subject, missing);
    }
    unseen
}

/// Who acts as dbo of a database, by the last step each; administrators left out, and fixed roles without members.
pub(super) struct Dbo<'c, 'a> {
    pub(super) case: &'c Case<'a>,
    pub(super) place: Node,
    /// What dbo gains there, as the last part of the sentence, with its rows.
    pub(super) gain: (String, Vec<Evidence>),
    pub(super) database: &'a DatabaseFacts,
}

impl Dbo<'_, '_> {
    /// Returns whether there are findings.
    pub(super) fn judge(&self, judgement: &mut Judgement) -> bool {
        let graph = self.case.graph();
        let mut seen = BTreeSet::new();
        for edge in graph.leading_to(self.place) {
            if is_by_permission(edge.step) && seen.insert(edge.from) && !self.is_owner(&edge) {
                self.report(&edge, judgement);
            }
        }
        judgement.has_findings()
    }

    /// An owner with the power of sysadmin gains nothing by being dbo.
    fn is_owner(&self, edge: &Edge) -> bool {
        let graph = self.case.graph();
        match edge.from {
            Node::Principal(Scope::Server, id) => graph.is_privileged(id).is_some(),
            _ => false,
        }
    }

    fn report(&self, edge: &Edge, judgement: &mut Judgement) {
        let graph = self.case.graph();
        let Some(reached) = Reached::of(self.case, edge.from) else {
            return;
        };
        let is_fixed = match edge.from {
            Node::Principal(Scope::Database(_), id) | Node::Joins(Scope::Database(_), id) => {
                Index::is_fixed_database_role(id)
            }
            _ => false,
        };
        if is_fixed && matches!(reached.whom, Whom::Nobody) {
            return;
        }
        let last = graph.told(&[(edge, self.place)]);
        let mut said = reached.chain.clone();
        said.extend(last.iter().map(|step| step.sentence.clone()));
        said.push(self.gain.0.clone());
        let who = reached.who(graph);
        let message = format!("dbo is within reach of {who}: {}", said.join("; "));
        let mut evidence = reached.evidence.clone();
        let rows = last.into_iter().flat_map(|step| step.evidence);
        evidence.extend(rows.map(Evidence::from));
        evidence.extend(self.gain.1.iter().cloned());
        let name = graph.place(edge.from).name;
        let subject = Subject::within("principal", &self.database.name, name);
        judgement.fail_at(reached.severity(), subject, message, evidence);
    }
}
