//! What linked servers could be that the catalog does not settle: addresses that may be this instance, callers whose own
//! login may be known elsewhere, and what OPENQUERY does.

use super::build::Graph;
use super::channel::Channel;
use super::gap::{Assumption, Gap};
use super::index::PUBLIC_SERVER;
use super::links::{Lead, Locals, is_odbc, remote_login};
use super::node::Node;
use crate::ids::named;
use crate::snapshot::{Fact, FactState, LinkedServer};

/// What is open to be used as it is.
fn is_open(link: &LinkedServer) -> bool {
    link.is_rpc_out_enabled || link.is_data_access_enabled
}

/// One gap of several links, named by the first.
#[derive(Default)]
struct Unsettled<'a> {
    links: Vec<&'a str>,
    steps: Vec<Assumption>,
}

impl<'a> Unsettled<'a> {
    fn add(&mut self, link: &'a LinkedServer, from: Node, to: Node) {
        if !self.links.contains(&link.name.as_str()) {
            self.links.push(&link.name);
        }
        let waits = false;
        self.steps.push(Assumption { to, from, waits });
    }

    fn gap(mut self, whether: impl FnOnce(&str) -> String) -> Option<Gap> {
        self.links.sort_unstable();
        let first = named(self.links.first()?);
        let shown = match self.links.len() {
            1 => format!("linked server {first}"),
            count => format!("linked server {first} and {} others", count - 1),
        };
        let state = FactState {
            fact: Fact::LinkedServers.name(),
            database: None,
            state: "partial",
            needs: vec![whether(&shown)],
        };
        Some(Gap::of(state, self.steps))
    }
}

/// Where somebody of these begins; of many, everybody.
fn begins(locals: &Locals) -> Node {
    match locals {
        Locals::One(login) => Node::login(*login),
        Locals::EverybodyBut(_) => Node::login(PUBLIC_SERVER),
    }
}

impl Graph<'_> {
    /// What linked servers could be.
    pub(super) fn of_links(&self) -> Vec<Gap> {
        let gaps = [
            self.unclear_links(),
            self.own_hops(),
            self.changing_queries(),
        ];
        gaps.into_iter().flatten().collect()
    }

    /// Whether a linked server that leads elsewhere, and is open, is used by callers as themselves.
    pub(super) fn leaves_as_oneself(&self) -> bool {
        let mut own = self.links.as_oneself().iter();
        own.any(|own| own.lead != Lead::Back && is_open(own.server))
    }

    /// Links that may lead back: as the stored login, where one of its name is here. An ODBC source may bring a login in
    /// its string, or take callers along as the service's own account (docs: sp_addlinkedserver), which is sysadmin.
    fn unclear_links(&self) -> Option<Gap> {
        let mut found = Unsettled::default();
        let stored = self.links.mappings().iter();
        for mapping in stored.filter(|m| m.lead == Lead::Unclear && is_open(m.server)) {
            let login = remote_login(&self.index, mapping.remote);
            let from = begins(&mapping.locals);
            if is_odbc(mapping.server) {
                found.add(mapping.server, from, Node::Sysadmin);
            } else if let Some(login) = login {
                found.add(mapping.server, from, Node::login(login));
            }
        }
        let own = self.links.as_oneself().iter();
        for own in own.filter(|own| is_odbc(own.server) && is_open(own.server)) {
            found.add(own.server, begins(&own.locals), Node::Sysadmin);
        }
        found.gap(|links| format!("whether {links} leads back to this instance, and as whom"))
    }

    /// A caller who goes as himself is let in where the other server knows his name and password, or his Windows account
    /// by delegation.
    fn own_hops(&self) -> Option<Gap> {
        let mut found = Unsettled::default();
        let hop = Node::Command(Channel::LinkedHop);
        let own = self.links.as_oneself().iter();
        for own in own.filter(|own| own.lead != Lead::Back && is_open(own.server)) {
            found.add(own.server, begins(&own.locals), hop);
        }
        found.gap(|links| format!("whether {links} lets callers in as themselves"))
    }

    /// Queries are taken not to set options or change principals, which no documentation says.
    fn changing_queries(&self) -> Option<Gap> {
        let mut found = Unsettled::default();
        for login in self.queried_logins() {
            for mapping in self.links.back_to(login) {
                found.add(mapping.server, Node::Queries(login), Node::login(login));
            }
        }
        found.gap(|links| format!("whether a query over {links} can change logins or options"))
    }
}
