//! Ways over linked servers.

use std::collections::BTreeSet;

use super::super::build::Graph;
use super::super::fact::FactRef;
use super::super::index::{PUBLIC_SERVER, Scope};
use super::super::node::Node;
use super::super::securable::Securable;
use super::super::step::{Edge, Facts, Step};
use super::login::is_one_person;
use crate::ids::PrincipalId;
use crate::snapshot::{Fact, LinkedServer};

/// A login stored for a linked server, and who uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping<'a> {
    /// The linked server.
    pub server: &'a LinkedServer,
    /// The name it logs in with there.
    pub remote: &'a str,
    /// Who uses it; a role stands for its members.
    pub locals: Vec<PrincipalId>,
    /// Whether it is for every login that has no mapping of its own.
    pub is_default: bool,
    /// The rows.
    pub facts: Facts,
}

/// Whether queries alone go over a linked server.
fn is_for_queries(link: &LinkedServer) -> bool {
    link.is_data_access_enabled && !link.is_rpc_out_enabled
}

impl<'a> Graph<'a> {
    /// Every stored login of every linked server.
    pub fn mappings(&self) -> Vec<Mapping<'a>> {
        let server = &self.index.snapshot.server;
        let mut found = Vec::new();
        for (at, link) in (0..).zip(server.linked_servers.seen()) {
            const THIS_SERVER: i32 = 0;
            if !link.is_linked || link.server_id == THIS_SERVER {
                continue;
            }
            let rows = (0..).zip(server.linked_logins.seen());
            let own: Vec<_> = rows
                .filter(|(_, row)| row.server_id == link.server_id)
                .collect();
            for (place, row) in &own {
                let Some(remote) = row
                    .remote_name
                    .as_deref()
                    .filter(|_| !row.uses_self_credential)
                else {
                    continue;
                };
                let is_default = row.local_principal_id.is_none_or(|id| id.0 == 0);
                let locals = match row.local_principal_id {
                    None | Some(PrincipalId(0)) => {
                        let mapped = own.iter().filter_map(|(_, row)| row.local_principal_id);
                        self.everybody_but(&mapped.filter(|id| id.0 != 0).collect())
                    }
                    Some(local) => vec![local],
                };
                found.push(Mapping {
                    server: link,
                    remote,
                    locals,
                    is_default,
                    facts: Facts::from_iter([
                        FactRef::server(Fact::LinkedServers, at),
                        FactRef::server(Fact::LinkedLogins, *place),
                    ]),
                });
            }
        }
        found
    }

    /// Every login that has no mapping of its own; public where none has one.
    fn everybody_but(&self, mapped: &BTreeSet<PrincipalId>) -> Vec<PrincipalId> {
        if mapped.is_empty() {
            return vec![PUBLIC_SERVER];
        }
        let people = self.index.people(Scope::Server).into_iter();
        people.filter(|id| !mapped.contains(id)).collect()
    }

    /// Whether a linked server is this very instance.
    pub fn is_loop_back(&self, link: &LinkedServer) -> bool {
        let identity = self.index.snapshot.server.server_identity.known();
        let source = link.data_source.as_deref().unwrap_or(&link.name);
        super::super::place::is_same_instance(source, identity)
    }

    /// Mappings that lead back to a login of this instance.
    fn back_to(&self, login: PrincipalId) -> Vec<Mapping<'a>> {
        let mappings = self.mappings().into_iter();
        mappings
            .filter(|m| self.is_loop_back(m.server))
            .filter(|m| self.remote_login(m) == Some(login))
            .collect()
    }

    /// Logins as which queries come back.
    pub(in super::super) fn queried_logins(&self) -> BTreeSet<PrincipalId> {
        let mappings = self.mappings().into_iter();
        let back = mappings.filter(|m| is_for_queries(m.server) && self.is_loop_back(m.server));
        back.filter_map(|m| self.remote_login(&m)).collect()
    }

    /// As which login of this instance a mapping that leads back logs in: nobody logs in as a group or a key.
    fn remote_login(&self, mapping: &Mapping<'_>) -> Option<PrincipalId> {
        let login = self.index.login_named(mapping.remote)?;
        let kind = self.index.kind(Scope::Server, login)?;
        is_one_person(kind).then_some(login)
    }

    /// Who comes back as this login with the full power of it.
    pub(in super::super) fn linked_back(&self, login: PrincipalId, step: Step) -> Vec<Edge> {
        let mappings = self.back_to(login).into_iter();
        mappings.flat_map(|m| self.over(&m, step)).collect()
    }

    /// Who runs statements elsewhere by a mapping: its locals where RPC OUT is on, else who can switch it on.
    pub(in super::super) fn over(&self, mapping: &Mapping<'a>, step: Step) -> Vec<Edge> {
        let facts = || mapping.facts.iter().copied();
        if mapping.server.is_rpc_out_enabled {
            let locals = mapping.locals.iter();
            return locals
                .map(|id| Edge::new(Node::login(*id), step, facts()))
                .collect();
        }
        let holders = self.index.holders(Securable::SERVER, "ALLS").into_iter();
        let mut edges = Vec::new();
        for holder in holders {
            let below = match holder.node {
                Node::Principal(Scope::Server, id) => self.index.below(Scope::Server, id),
                _ => BTreeSet::new(),
            };
            let locals = mapping.locals.iter();
            for local in locals {
                let edge = |node: Node| {
                    let mut edge = holder.clone().step(Step::ArmLink).and(facts());
                    edge.from = node;
                    edge
                };
                if *local == PUBLIC_SERVER {
                    edges.push(edge(holder.node));
                } else if below.contains(local) {
                    edges.push(edge(Node::login(*local)));
                }
            }
        }
        edges
    }

    /// Who runs queries as this login by a mapping that leads back, where only data access is on.
    pub(in super::super) fn to_queries(&self, login: PrincipalId) -> Vec<Edge> {
        let mappings = self.back_to(login).into_iter();
        let open = mappings.filter(|m| is_for_queries(m.server));
        open.flat_map(|m| {
            let facts = m.facts.clone();
            let locals = m.locals.into_iter();
            locals
                .map(move |id| Edge::new(Node::login(id), Step::LinkedQuery, facts.iter().copied()))
        })
        .collect()
    }

    /// Who runs statements on another server by a stored login.
    pub(in super::super) fn to_hop(&self) -> Vec<Edge> {
        let mappings = self.mappings().into_iter();
        let away = mappings.filter(|m| !self.is_loop_back(m.server));
        away.flat_map(|m| self.away(&m)).collect()
    }

    /// Who leaves by one stored login; sysadmin acts as whoever it is stored for.
    pub(in super::super) fn to_one_hop(&self, place: u32) -> Vec<Edge> {
        let mappings = self.mappings();
        let Some(mapping) = mappings.get(place as usize) else {
            return Vec::new();
        };
        let mut edges = self.away(mapping);
        let facts = mapping.facts.iter().copied();
        edges.push(Edge::new(Node::Sysadmin, Step::LinkedHop, facts));
        edges
    }

    /// Who runs statements elsewhere by a mapping, whichever way is open.
    pub(in super::super) fn away(&self, mapping: &Mapping<'a>) -> Vec<Edge> {
        if !mapping.server.is_rpc_out_enabled && mapping.server.is_data_access_enabled {
            let facts = || mapping.facts.iter().copied();
            let locals = mapping.locals.iter();
            return locals
                .map(|id| Edge::new(Node::login(*id), Step::LinkedHop, facts()))
                .collect();
        }
        self.over(mapping, Step::LinkedHop)
    }
}
