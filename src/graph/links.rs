//! Linked servers as the steps ask for them: read once from the snapshot, so that no step looks through all links.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::fact::FactRef;
use super::index::{Index, PUBLIC_SERVER, Scope};
use super::place::Address;
use super::step::Facts;
use super::steps::is_one_person;
use crate::ids::PrincipalId;
use crate::snapshot::{Fact, LinkedLogin, LinkedServer};

/// Who uses a mapping of a linked server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locals {
    /// This login; a role stands for its members.
    One(PrincipalId),
    /// Every login but those that have a mapping of their own.
    EverybodyBut(BTreeSet<PrincipalId>),
}

/// Whether a linked server is the very instance that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// It is.
    Back,
    /// It names another.
    Away,
    /// What was seen does not say: an address that is a number, an ODBC source, whose name means something on the
    /// server's machine alone, or an address that may stand in the provider string. `sys.servers.provider_string` is NULL
    /// unless the caller holds ALTER ANY LINKED SERVER (docs: sys.servers), and may hold a password: it is not collected.
    Unclear,
}

/// A linked server that callers use as themselves: the default mapping that `sp_addlinkedserver` makes for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsOneself<'a> {
    /// The linked server.
    pub server: &'a LinkedServer,
    /// Where it leads.
    pub lead: Lead,
    /// Who uses it.
    pub locals: Locals,
}

/// A login stored for a linked server, and who uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping<'a> {
    /// The linked server.
    pub server: &'a LinkedServer,
    /// Where it leads.
    pub lead: Lead,
    /// The name it logs in with there.
    pub remote: &'a str,
    /// Who uses it.
    pub locals: Locals,
    /// Whether it is for every login that has no mapping of its own.
    pub is_default: bool,
    /// The rows.
    pub facts: Facts,
}

/// The stored logins of an instance.
#[derive(Clone, Debug, Default)]
pub struct Links<'a> {
    mappings: Vec<Mapping<'a>>,
    /// By the login of this instance that they come back as: places of mappings.
    back: BTreeMap<PrincipalId, Vec<usize>>,
    /// Places of mappings that lead elsewhere.
    away: Vec<usize>,
    as_oneself: Vec<AsOneself<'a>>,
}

impl<'a> Links<'a> {
    /// Reads the links of a snapshot.
    pub fn new(index: &Index<'a>) -> Self {
        let server = &index.snapshot.server;
        let mut rows: HashMap<i32, Vec<(u32, &'a LinkedLogin)>> = HashMap::new();
        for (at, row) in (0..).zip(server.linked_logins.seen()) {
            rows.entry(row.server_id).or_default().push((at, row));
        }
        let mut links = Self::default();
        let endpoint = Address::of(&index.snapshot.connection.endpoint);
        for (at, link) in (0..).zip(server.linked_servers.seen()) {
            const THIS_SERVER: i32 = 0;
            if link.is_linked && link.server_id != THIS_SERVER {
                let own = rows.get(&link.server_id).map_or(&[][..], Vec::as_slice);
                let fact = FactRef::server(Fact::LinkedServers, at);
                let lead = lead(index, link, &endpoint);
                links.enter(index, (link, lead), fact, own);
            }
        }
        links
    }

    fn enter(
        &mut self,
        index: &Index<'a>,
        (link, lead): (&'a LinkedServer, Lead),
        fact: FactRef,
        rows: &[(u32, &'a LinkedLogin)],
    ) {
        let mapped = rows.iter().filter_map(|(_, row)| own_login(row));
        let mapped: BTreeSet<PrincipalId> = mapped.collect();
        for (place, row) in rows {
            let own = own_login(row);
            let locals = own.map_or_else(|| Locals::EverybodyBut(mapped.clone()), Locals::One);
            if row.uses_self_credential {
                let server = link;
                self.as_oneself.push(AsOneself {
                    server,
                    lead,
                    locals,
                });
                continue;
            }
            let Some(remote) = row.remote_name.as_deref() else {
                continue;
            };
            let at = self.mappings.len();
            if lead == Lead::Back {
                if let Some(login) = remote_login(index, remote) {
                    self.back.entry(login).or_default().push(at);
                }
            } else {
                self.away.push(at);
            }
            self.mappings.push(Mapping {
                server: link,
                lead,
                remote,
                locals,
                is_default: own.is_none(),
                facts: Facts::from_iter([fact, FactRef::server(Fact::LinkedLogins, *place)]),
            });
        }
    }

    /// Every stored login of every linked server.
    pub fn mappings(&self) -> &[Mapping<'a>] {
        &self.mappings
    }

    /// Those that callers use as themselves.
    pub fn as_oneself(&self) -> &[AsOneself<'a>] {
        &self.as_oneself
    }

    /// Those that lead back to a login of this instance.
    pub fn back_to(&self, login: PrincipalId) -> impl Iterator<Item = &Mapping<'a>> {
        let places = self.back.get(&login).into_iter().flatten();
        places.filter_map(|at| self.mappings.get(*at))
    }

    /// Logins that links come back as, each with the mappings.
    pub fn back(&self) -> impl Iterator<Item = (PrincipalId, Vec<&Mapping<'a>>)> {
        let logins = self.back.keys();
        logins.map(|login| (*login, self.back_to(*login).collect()))
    }

    /// Those that lead elsewhere, by their places among all.
    pub fn away(&self) -> impl Iterator<Item = (usize, &Mapping<'a>)> {
        let places = self.away.iter();
        places.filter_map(|at| Some((*at, self.mappings.get(*at)?)))
    }
}

/// The login that a row is for; `None` of the default one.
fn own_login(row: &LinkedLogin) -> Option<PrincipalId> {
    row.local_principal_id.filter(|id| id.0 != 0)
}

/// Providers of SQL Server itself; one that is not named is that, too (docs: sp_addlinkedserver).
const OF_SQL_SERVER: &[&str] = &["SQLNCLI", "MSOLEDBSQL", "SQLOLEDB"];

fn has_prefix(provider: &str, prefix: &str) -> bool {
    let start = provider.get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether a linked server is reached through ODBC, by a source that only the server's machine knows.
pub fn is_odbc(link: &LinkedServer) -> bool {
    let provider = link.provider.as_deref();
    provider.is_some_and(|provider| has_prefix(provider, "MSDASQL"))
}

fn lead(index: &Index<'_>, link: &LinkedServer, endpoint: &Address) -> Lead {
    let provider = link.provider.as_deref();
    if is_odbc(link) {
        return Lead::Unclear;
    }
    if provider.is_some_and(|p| !OF_SQL_SERVER.iter().any(|own| has_prefix(p, own))) {
        return Lead::Away;
    }
    let identity = index.snapshot.server.server_identity.known();
    let source = link.data_source.as_deref().unwrap_or(&link.name);
    let address = Address::of(source);
    let of_this_name = link.product.as_deref() == Some("SQL Server");
    if super::place::is_same_instance(source, identity, endpoint) {
        Lead::Back
    } else if address.is_number() || (link.data_source.is_none() && !of_this_name) {
        Lead::Unclear
    } else {
        Lead::Away
    }
}

/// As which login of this instance a link that leads back logs in: nobody logs in as a group or a key.
pub fn remote_login(index: &Index<'_>, name: &str) -> Option<PrincipalId> {
    let login = index.login_named(name)?;
    let kind = index.kind(Scope::Server, login)?;
    is_one_person(kind).then_some(login)
}

/// Logins of several mappings, each once: where one is for everybody but a few, the next is asked for those few alone, so
/// that many default mappings cost no more than one.
pub struct Once<'g, 'a> {
    index: &'g Index<'a>,
    /// `None` while everybody is still to be told.
    left: Option<BTreeSet<PrincipalId>>,
}

impl<'g, 'a> Once<'g, 'a> {
    /// With nobody told yet.
    pub fn new(index: &'g Index<'a>) -> Self {
        Self { index, left: None }
    }

    /// Who uses this mapping and no earlier one; public where that is everybody.
    pub fn tell(&mut self, locals: &Locals) -> Vec<PrincipalId> {
        match (locals, &mut self.left) {
            (Locals::One(id), None) => vec![*id],
            (Locals::One(id), Some(left)) => {
                let is_new = left.remove(id) || self.index.is_role(Scope::Server, *id);
                is_new.then_some(*id).into_iter().collect()
            }
            (Locals::EverybodyBut(mapped), None) => {
                let all = locals.of(self.index);
                self.left = Some(mapped.clone());
                all
            }
            (Locals::EverybodyBut(mapped), Some(left)) => {
                let told = left.difference(mapped).copied().collect();
                left.retain(|id| mapped.contains(id));
                told
            }
        }
    }
}

impl Locals {
    /// The logins; public where it is everybody.
    pub fn of(&self, index: &Index<'_>) -> Vec<PrincipalId> {
        match self {
            Self::One(id) => vec![*id],
            Self::EverybodyBut(mapped) if mapped.is_empty() => vec![PUBLIC_SERVER],
            Self::EverybodyBut(mapped) => {
                let people = index.people(Scope::Server).into_iter();
                people.filter(|id| !mapped.contains(id)).collect()
            }
        }
    }

    /// Whether a login, which is no role, uses it.
    pub fn contains(&self, login: PrincipalId) -> bool {
        match self {
            Self::One(id) => *id == login,
            Self::EverybodyBut(mapped) => !mapped.contains(&login),
        }
    }
}
