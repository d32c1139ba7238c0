//! Ways over linked servers.

use std::collections::BTreeSet;

use super::super::build::Graph;
use super::super::holders::Holder;
use super::super::index::{PUBLIC_SERVER, Scope};
use super::super::links::{Locals, Mapping, Once};
use super::super::node::Node;
use super::super::securable::Securable;
use super::super::step::{Edge, Step};
use crate::ids::PrincipalId;
use crate::snapshot::LinkedServer;

/// Whether queries alone go over a linked server.
fn is_for_queries(link: &LinkedServer) -> bool {
    link.is_data_access_enabled && !link.is_rpc_out_enabled
}

impl<'a> Graph<'a> {
    /// Every stored login of every linked server.
    pub fn mappings(&self) -> &[Mapping<'a>] {
        self.links.mappings()
    }

    /// Logins as which queries come back.
    pub(in super::super) fn queried_logins(&self) -> BTreeSet<PrincipalId> {
        let back = self.links.back();
        let queried = back.filter(|(_, all)| all.iter().any(|m| is_for_queries(m.server)));
        queried.map(|(login, _)| login).collect()
    }

    /// Who comes back as this login with the full power of it.
    pub(in super::super) fn linked_back(&self, login: PrincipalId, step: Step) -> Vec<Edge> {
        self.over(self.links.back_to(login), step)
    }

    /// Who runs statements elsewhere by some mappings: their locals where RPC OUT is on, else who can switch it on.
    fn over<'g>(&self, mappings: impl Iterator<Item = &'g Mapping<'a>>, step: Step) -> Vec<Edge>
    where
        'a: 'g,
    {
        let (open, shut): (Vec<_>, Vec<_>) = mappings.partition(|m| m.server.is_rpc_out_enabled);
        let mut edges = self.by(open.into_iter(), step);
        if shut.is_empty() {
            return edges;
        }
        for holder in self.index.holders(Securable::SERVER, "ALLS") {
            let below = match holder.node {
                Node::Principal(Scope::Server, id) => self.index.below(Scope::Server, id),
                _ => BTreeSet::new(),
            };
            let armed = shut.iter();
            edges.extend(armed.flat_map(|mapping| self.armed(&holder, &below, mapping)));
        }
        edges
    }

    /// Of those who hold ALTER ANY LINKED SERVER by one GRANT, who uses a mapping. Where it is everybody's, how they are
    /// in the role that holds it is a step of its own.
    fn armed(
        &self,
        holder: &Holder,
        below: &BTreeSet<PrincipalId>,
        mapping: &Mapping<'_>,
    ) -> Vec<Edge> {
        let edge = |from: Node| {
            let facts = mapping.facts.iter().copied();
            let mut edge = holder.clone().step(Step::ArmLink).and(facts);
            edge.from = from;
            edge
        };
        match &mapping.locals {
            Locals::One(PUBLIC_SERVER) => vec![edge(holder.node)],
            Locals::EverybodyBut(mapped) if mapped.is_empty() => vec![edge(holder.node)],
            Locals::One(local) if below.contains(local) => vec![edge(Node::login(*local))],
            Locals::One(_) => Vec::new(),
            locals @ Locals::EverybodyBut(_) => {
                let is_role = |id: &PrincipalId| self.index.is_role(Scope::Server, *id);
                let users = below
                    .iter()
                    .filter(|id| locals.contains(**id) && !is_role(id));
                users.map(|id| edge(Node::login(*id))).collect()
            }
        }
    }

    /// Who uses some mappings, each by the first of them.
    fn by<'g>(&self, mappings: impl Iterator<Item = &'g Mapping<'a>>, step: Step) -> Vec<Edge>
    where
        'a: 'g,
    {
        let mut once = Once::new(&self.index);
        let mut edges = Vec::new();
        for mapping in mappings {
            let facts = || mapping.facts.iter().copied();
            let locals = once.tell(&mapping.locals).into_iter();
            edges.extend(locals.map(|id| Edge::new(Node::login(id), step, facts())));
        }
        edges
    }

    /// Who runs queries as this login by a mapping that leads back, where only data access is on.
    pub(in super::super) fn to_queries(&self, login: PrincipalId) -> Vec<Edge> {
        let mappings = self.links.back_to(login);
        let open = mappings.filter(|m| is_for_queries(m.server));
        self.by(open, Step::LinkedQuery)
    }

    /// Who runs statements on another server by a stored login.
    pub(in super::super) fn to_hop(&self) -> Vec<Edge> {
        self.leaving(self.links.away().map(|(_, mapping)| mapping))
    }

    /// Who leaves by one stored login; sysadmin acts as whoever it is stored for.
    pub(in super::super) fn to_one_hop(&self, place: u32) -> Vec<Edge> {
        let Some(mapping) = self.mappings().get(place as usize) else {
            return Vec::new();
        };
        let mut edges = self.leaving(std::iter::once(mapping));
        let facts = mapping.facts.iter().copied();
        edges.push(Edge::new(Node::Sysadmin, Step::LinkedHop, facts));
        edges
    }

    /// Who runs statements elsewhere by some mappings, whichever way is open.
    fn leaving<'g>(&self, mappings: impl Iterator<Item = &'g Mapping<'a>>) -> Vec<Edge>
    where
        'a: 'g,
    {
        let (queried, others): (Vec<_>, Vec<_>) = mappings.partition(|m| is_for_queries(m.server));
        let mut edges = self.by(queried.into_iter(), Step::LinkedHop);
        edges.extend(self.over(others.into_iter(), Step::LinkedHop));
        edges
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::sample::{known, snapshot};
    use super::*;
    use crate::graph::{Code, Groups};

    const LOGINS: i32 = 60;
    const LINKS: i32 = 40;

    /// As many links, back and away in turn, each with a login's own mapping and a default one.
    fn linked() -> crate::snapshot::Snapshot {
        let mut snapshot = snapshot("16.0.4210.1", 3, Some("Windows"));
        let login = |id: i32| json!({"principal_id": 1000 + id, "name": format!("login{id}"), "sid": format!("0x{id:032x}"), "type": "S"});
        let link = |id: i32| {
            let source = ["localhost", "elsewhere"][usize::from(id % 2 == 1)];
            json!({"server_id": id, "name": format!("link{id}"), "data_source": source, "is_linked": true,
                "is_remote_login_enabled": false, "is_rpc_out_enabled": true, "is_data_access_enabled": true,
                "is_system": false})
        };
        let mapped = |id: i32, local: i32| json!({"server_id": id, "local_principal_id": local, "uses_self_credential": false, "remote_name": "login1"});
        let logins: Vec<Value> = (1..=LOGINS).map(login).collect();
        let links: Vec<Value> = (1..=LINKS).map(link).collect();
        let own = (1..=LINKS).flat_map(|id| [mapped(id, 1000 + id), mapped(id, 0)]);
        let own: Vec<Value> = own.collect();
        snapshot.server.server_principals = known(json!(logins));
        snapshot.server.linked_servers = known(json!(links));
        snapshot.server.linked_logins = known(json!(own));
        snapshot
    }

    #[test]
    fn many_default_mappings_lead_to_no_more_steps_than_there_are_logins() {
        let (snapshot, groups) = (linked(), Groups::default());
        let graph = Graph::new(&snapshot, Code::default(), &groups);
        assert_eq!(graph.mappings().len(), 2 * 40);
        for edges in [
            graph.linked_back(PrincipalId(1001), Step::LinkedLogin),
            graph.to_hop(),
        ] {
            let from: BTreeSet<Node> = edges.iter().map(|edge| edge.from).collect();
            // Every login, and whoever has none of his own rows.
            let everybody = usize::try_from(LOGINS).unwrap_or_default() + 1;
            assert_eq!(
                from.len(),
                everybody,
                "everybody uses one link or the other"
            );
            assert!(edges.len() <= everybody + 40, "{}", edges.len());
        }
    }
}
