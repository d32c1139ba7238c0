//! Rules about logins, server roles, settings and linked servers.

use std::collections::BTreeSet;

use mssql_posture::graph::{Channel, Node, Scope};
use mssql_posture::ids::PrincipalId;
use mssql_posture::snapshot::LinkedServer;

use super::Moves;
use super::cover::Kind;
use super::rights::Thing;
use super::world::World;

const SA: i32 = 1;
const SYSADMIN: i32 = 3;

fn login(id: i32) -> Node {
    Node::login(PrincipalId(id))
}

/// All of these to one place.
pub fn all_to(from: Vec<Node>, to: Node) -> Moves {
    from.into_iter()
        .filter(|place| *place != to)
        .map(|place| (place, to))
        .collect()
}

impl World<'_> {
    /// Whether a login is in sysadmin, however deep; sa is.
    pub fn is_sysadmin(&self, id: i32) -> bool {
        id == SA
            || self
                .token(Scope::Server, id)
                .contains(&(Scope::Server, SYSADMIN))
    }

    /// Certificates and keys have logins that nobody can be; neither groups nor roles can be impersonated.
    pub fn is_single(&self, id: i32) -> bool {
        let kind = self.login(id).map(|login| login.r#type.as_str());
        matches!(kind, Some("S" | "U" | "E"))
    }

    pub fn takes_sql_logins(&self) -> bool {
        let identity = self.snapshot.server.server_identity.known();
        identity.is_none_or(|identity| identity.is_integrated_security_only != Some(true))
    }

    /// Express has no SQL Server Agent.
    pub fn has_agent(&self) -> bool {
        let identity = self.snapshot.server.server_identity.known();
        identity.is_none_or(|identity| identity.engine_edition != Some(4))
    }
}

/// A member of a role has what the role has, through any nesting.
pub fn member(w: &World<'_>) -> Moves {
    let mut moves = all_to(w.those_in(Scope::Server, SYSADMIN), Node::Sysadmin);
    moves.push((login(SA), Node::Sysadmin));
    moves
}

/// The inventory names the login as a member of the Windows or Entra group.
pub fn group_member(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for group in w.logins() {
        let known = w
            .groups
            .0
            .get(&group.name)
            .filter(|_| matches!(group.r#type.as_str(), "G" | "X"));
        for name in known.iter().flat_map(|group| &group.members) {
            if let Some(member) = w.login_named(name) {
                moves.push((login(member), Node::login(group.principal_id)));
                for (db, _) in w.databases() {
                    let users = (w.own_user(db, member), w.own_user(db, group.principal_id.0));
                    // A group owns no database.
                    if let (Some(one), Some(other @ 2..)) = users {
                        let scope = Scope::Database(db);
                        moves.push((World::place(scope, one), World::place(scope, other)));
                    }
                }
            }
        }
    }
    moves
}

/// ALTER, CONTROL or TAKE OWNERSHIP of a role that is not fixed, or owning it, is enough to join it.
pub fn add_member(w: &World<'_>) -> Moves {
    let mut roles = Vec::new();
    for role in w.principals() {
        // Roles that come with the server have ids below 257.
        if role.r#type == "R" && role.principal_id.0 > 256 {
            let thing = Thing::at_server(Kind::ServerRole, role.principal_id.0);
            roles.push((thing, Node::Joins(Scope::Server, role.principal_id)));
        }
    }
    for (db, _) in w.databases() {
        for role in w.roles(db) {
            if !World::is_fixed_role(role) {
                let thing = Thing::within(db, Kind::Role, role.principal_id.0);
                roles.push((thing, Node::Joins(Scope::Database(db), role.principal_id)));
            }
        }
    }
    let mut moves = Moves::new();
    for (role, joined) in roles {
        for right in ["ALTER", "CONTROL", "TAKE OWNERSHIP"] {
            moves.extend(all_to(w.holders(right, role), joined));
        }
    }
    moves
}

/// IMPERSONATE on a login lets EXECUTE AS LOGIN act as it, disabled or not; a DENY of IMPERSONATE ANY LOGIN stops that
/// too. (It takes single accounts: no groups, certificates or keys.)
pub fn impersonate(w: &World<'_>) -> Moves {
    let all = w.logins().into_iter().map(|target| target.principal_id);
    let targets = all.filter(|id| w.is_single(id.0));
    let to = |id: PrincipalId| {
        let thing = Thing::at_server(Kind::Login, id.0);
        all_to(w.holders("IMPERSONATE", thing), Node::login(id))
    };
    targets.flat_map(to).collect()
}

/// ALTER on a SQL login sets its password, and switches it on; members of sysadmin and holders of CONTROL SERVER are
/// protected, on patched builds of securityadmin and holders of IMPERSONATE ANY LOGIN too (CVE-2025-49758).
pub fn reset_password(w: &World<'_>) -> Moves {
    let identity = w.snapshot.server.server_identity.known();
    if !w.takes_sql_logins() {
        return Moves::new();
    }
    let version = identity.map_or("", |identity| identity.product_version.as_str());
    let managed = identity.is_some_and(|identity| identity.engine_edition == Some(8));
    let is_patched = managed || PATCHED.contains(&version);
    let mut moves = Moves::new();
    for target in w.logins().into_iter().filter(|login| login.r#type == "S") {
        let (id, node) = (target.principal_id.0, Node::login(target.principal_id));
        let has = |right| w.holds(node, right, Thing::SERVER);
        let is_security = w
            .server_role("securityadmin")
            .is_some_and(|role| w.is(node, Scope::Server, role));
        let is_strong = is_security || has("IMPERSONATE ANY LOGIN");
        if w.is_sysadmin(id) || has("CONTROL SERVER") || (is_patched && is_strong) {
            continue;
        }
        let thing = Thing::at_server(Kind::Login, id);
        moves.extend(all_to(w.holders("ALTER", thing), node));
    }
    moves
}

/// Of the builds that the tests have, those with the update.
const PATCHED: &[&str] = &["16.0.4210.1", "17.0.1000.7"];

/// securityadmin grants server permissions, CONTROL SERVER among them, to another login, as which it connects.
pub fn grant_server_permissions(w: &World<'_>) -> Moves {
    let role = w.server_role("securityadmin");
    let those = role.map_or_else(Vec::new, |role| w.those_in(Scope::Server, role));
    all_to(those, Node::Sysadmin)
}

/// CONTROL SERVER impersonates any login, sa among them, or grants itself out to a login of its own making; single DENYs
/// do not hold that.
pub fn control_server(w: &World<'_>) -> Moves {
    all_to(w.holders("CONTROL SERVER", Thing::SERVER), Node::Sysadmin)
}

/// dbcreator restores a prepared msdb over the present one, jobs of sa in it, when nobody else is in it.
pub fn restore_over(w: &World<'_>) -> Moves {
    let role = w
        .server_role("dbcreator")
        .filter(|_| w.has_agent() && w.msdb().is_some());
    let those = role.map_or_else(Vec::new, |role| w.those_in(Scope::Server, role));
    all_to(those, Node::Sysadmin)
}

/// CREATE ANY DATABASE, in master too, restores or attaches a prepared database and owns it; TRUSTWORTHY is off there.
pub fn own_database(w: &World<'_>) -> Moves {
    let mut those = w.holders("CREATE ANY DATABASE", Thing::SERVER);
    if let Some(master) = w.master() {
        those.extend(w.holders("CREATE DATABASE", Thing::database(master)));
        those.push(Node::Inside(master));
    }
    all_to(those, Node::OwnDatabase)
}

/// ALTER SETTINGS sets options by sp_configure and RECONFIGURE.
pub fn alter_settings(w: &World<'_>) -> Moves {
    all_to(w.holders("ALTER SETTINGS", Thing::SERVER), Node::Settings)
}

/// sysadmin runs every channel that exists on the instance. (It sets options and is dbo everywhere.)
pub fn administrator(w: &World<'_>) -> Moves {
    let channels = Channel::ALL.into_iter().map(Node::Command);
    let databases = w.databases().into_iter().map(|(db, _)| Node::Owner(db));
    let all = channels.chain(databases).chain([Node::Settings]);
    all.map(|place| (Node::Sysadmin, place)).collect()
}

/// A login that a linked server stores: the server, who uses it, as whom it logs in there.
struct Stored<'a> {
    link: &'a LinkedServer,
    locals: Vec<i32>,
    /// The default mapping, and nobody has one of his own.
    is_for_all: bool,
    remote: &'a str,
}

impl<'a> World<'a> {
    /// Explicit mappings go before the default one; who connects with its own credentials has nothing stored.
    fn stored(&self) -> Vec<Stored<'a>> {
        let server = &self.snapshot.server;
        let mut all = Vec::new();
        for link in server
            .linked_servers
            .seen()
            .iter()
            .filter(|l| l.is_linked && l.server_id != 0)
        {
            let rows = server.linked_logins.seen().iter();
            let rows: Vec<_> = rows.filter(|row| row.server_id == link.server_id).collect();
            let local = |id: Option<PrincipalId>| id.map_or(0, |id| id.0);
            for row in rows.iter().filter(|row| !row.uses_self_credential) {
                let Some(remote) = row.remote_name.as_deref() else {
                    continue;
                };
                let is_mapped = |id: i32| rows.iter().any(|r| local(r.local_principal_id) == id);
                let locals = match local(row.local_principal_id) {
                    0 => {
                        let all = self.logins().into_iter().map(|l| l.principal_id.0);
                        all.filter(|id| !is_mapped(*id)).collect()
                    }
                    id => vec![id],
                };
                let is_for_all = rows.iter().all(|r| local(r.local_principal_id) == 0);
                all.push(Stored {
                    link,
                    locals,
                    is_for_all,
                    remote,
                });
            }
        }
        all
    }

    /// Whether a linked server is this instance, by the ways to write it that the tests use.
    fn leads_back(&self, link: &LinkedServer) -> bool {
        let source = link.data_source.as_deref().unwrap_or(&link.name);
        let is_sql = link.provider.as_deref() == Some("MSOLEDBSQL");
        if source == "127.0.0.2" || source == r"np:\\.\pipe\sql\query" {
            let identity = self.snapshot.server.server_identity.known();
            return is_sql && identity.is_none_or(|identity| identity.instance_name.is_none());
        }
        let identity = self.snapshot.server.server_identity.known();
        let instance = identity.and_then(|identity| identity.instance_name.as_deref());
        let (host, named) = match source.split_once('\\') {
            Some((host, named)) => (host, Some(named)),
            None => (source, None),
        };
        let is_host = ["localhost", ".", "sql01"]
            .iter()
            .any(|h| host.eq_ignore_ascii_case(h));
        is_sql && is_host && named.map(str::to_lowercase) == instance.map(str::to_lowercase)
    }

    /// The login of this instance that a mapping leads back to, if one can be it.
    fn back(&self, stored: &Stored<'_>) -> Option<i32> {
        let is_back = self.leads_back(stored.link);
        let login = self.login_named(stored.remote).filter(|_| is_back)?;
        let kind = self.login(login)?.r#type.as_str();
        matches!(kind, "S" | "U" | "E").then_some(login)
    }
}

/// A linked server that leads back here, with RPC OUT, runs statements as the login stored for the caller.
pub fn linked_login(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for stored in w
        .stored()
        .into_iter()
        .filter(|stored| stored.link.is_rpc_out_enabled)
    {
        if let Some(back) = w.back(&stored) {
            let locals = stored.locals.iter().map(|local| login(*local));
            moves.extend(all_to(locals.collect(), login(back)));
        }
    }
    moves
}

/// A linked server that leads back here, with data access, runs queries as the login stored for the caller; options
/// cannot be set by that.
pub fn linked_query(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    let reads = |link: &LinkedServer| link.is_data_access_enabled && !link.is_rpc_out_enabled;
    for stored in w.stored().into_iter().filter(|stored| reads(stored.link)) {
        if let Some(back) = w.back(&stored) {
            let locals = stored.locals.iter().map(|local| login(*local));
            moves.extend(all_to(locals.collect(), Node::Queries(PrincipalId(back))));
        }
    }
    moves
}

/// What queries that come back do as their login: run the channels that are on, as far as it may itself. (They cannot
/// switch one on.)
pub fn by_queries(w: &World<'_>, moves: &Moves) -> Moves {
    let mut more = Moves::new();
    let queried = linked_query(w).into_iter().map(|(_, to)| to);
    for queries in queried.collect::<BTreeSet<Node>>() {
        let Node::Queries(id) = queries else { continue };
        for channel in Channel::ALL {
            let is_on = channel.option().is_none_or(|option| w.is_set(option));
            let to = Node::Command(channel);
            let into = moves.iter().filter(|(_, end)| *end == to);
            let mut from = into.map(|(from, _)| *from);
            let may = w.is_privileged(id.0) || from.any(|from| w.stands_at(id, from));
            if is_on && may {
                more.push((queries, to));
            }
        }
    }
    more
}

/// ALTER ANY LINKED SERVER switches on RPC OUT of a linked server with a stored login. (One that queries already leave
/// by needs no arming to go elsewhere.)
pub fn arm_link(w: &World<'_>) -> Moves {
    let holders = w.holders("ALTER ANY LINKED SERVER", Thing::SERVER);
    let mut moves = Moves::new();
    for stored in w
        .stored()
        .into_iter()
        .filter(|stored| !stored.link.is_rpc_out_enabled)
    {
        let locals: Vec<Node> = stored.locals.iter().map(|local| login(*local)).collect();
        let is_local = |holder: &Node| stored.is_for_all || locals.contains(holder);
        let both = holders.iter().copied().filter(is_local).collect();
        let to = match (w.leads_back(stored.link), w.back(&stored)) {
            (true, Some(back)) => login(back),
            (false, _) if !stored.link.is_data_access_enabled => Node::Command(Channel::LinkedHop),
            _ => continue,
        };
        moves.extend(all_to(both, to));
    }
    moves
}

/// A linked server runs statements elsewhere as the login stored for the caller.
pub fn linked_hop(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for stored in w.stored() {
        let is_open = stored.link.is_rpc_out_enabled || stored.link.is_data_access_enabled;
        if is_open && !w.leads_back(stored.link) {
            let locals = stored.locals.iter().map(|local| login(*local));
            moves.extend(all_to(locals.collect(), Node::Command(Channel::LinkedHop)));
        }
    }
    moves
}
