//! Rules about the channels themselves.

use std::collections::BTreeSet;

use mssql_posture::graph::{Channel, Db, Node, Scope};
use mssql_posture::ids::PrincipalId;
use mssql_posture::tsql::Sink;

use super::Moves;
use super::cover::Kind;
use super::logins::all_to;
use super::rights::{Thing, Token};
use super::world::{DBO, Key, World};

const XP_CMDSHELL: Node = Node::Command(Channel::XpCmdshell);
const WRITERS: &[&str] = &[
    "xp_regwrite",
    "xp_instance_regwrite",
    "xp_regaddmultistring",
    "xp_instance_regaddmultistring",
];

impl World<'_> {
    /// A procedure that comes with the server: it is in sys of master.
    fn shipped(&self, name: &str) -> Option<(Db, Thing)> {
        let master = self.master()?;
        let mut rows = self
            .snapshot
            .server
            .system_extended_procedures
            .seen()
            .iter();
        let row = rows.find(|row| row.object_id < 0 && row.name.eq_ignore_ascii_case(name))?;
        Some((master, Thing::object(master, row.object_id, 4)))
    }

    fn has_shell_proxy(&self) -> bool {
        let mut rows = self.snapshot.server.credentials.seen().iter();
        rows.any(|row| {
            row.name
                .eq_ignore_ascii_case("##xp_cmdshell_proxy_account##")
        })
    }

    /// Moves to xp_cmdshell, which outside sysadmin needs the proxy account: where there is none, those logins that may
    /// make it (ALTER ANY CREDENTIAL) and have the other right themselves.
    fn with_shell_proxy(&self, moves: Moves) -> Moves {
        if self.has_shell_proxy() {
            return moves;
        }
        let right = "ALTER ANY CREDENTIAL";
        self.with_own_right(&moves, XP_CMDSHELL, |w, login| {
            w.holds(login, right, Thing::SERVER)
        })
    }

    /// Of moves that need a right at the server besides, those of logins that have both themselves: as a login that
    /// enters the database, as a member, as its dbo, or with CONTROL on it.
    pub fn with_own_right(
        &self,
        moves: &Moves,
        to: Node,
        has: impl Fn(&Self, Node) -> bool,
    ) -> Moves {
        let logins = self.logins().into_iter().map(|login| login.principal_id);
        let makers = logins.filter(|id| has(self, Node::login(*id)));
        let mut own = Moves::new();
        for id in makers {
            if moves.iter().any(|(from, _)| self.stands_at(id, *from)) {
                own.push((Node::login(id), to));
            }
        }
        own
    }

    /// Whether a login is at a place by nothing but entering its database.
    pub fn stands_at(&self, id: PrincipalId, place: Node) -> bool {
        match place {
            Node::Principal(Scope::Database(db), user) => self.entry(db, id.0) == Some(user.0),
            Node::Inside(db) | Node::Owner(db) => self.is_dbo_at_once(db, id),
            place => place == Node::login(id),
        }
    }

    fn is_dbo_at_once(&self, db: Db, id: PrincipalId) -> bool {
        let enters = self.entry(db, id.0);
        enters == Some(DBO) || self.holds(Node::login(id), "CONTROL", Thing::database(db))
    }
}

/// EXECUTE on the system procedure runs the command. (OLE automation takes creating and calling an object.)
pub fn execute_procedure(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    if let Some((master, shell)) = w.shipped("xp_cmdshell") {
        let mut those = all_to(w.holders("EXECUTE", shell), XP_CMDSHELL);
        those.push((Node::Inside(master), XP_CMDSHELL));
        moves.extend(w.with_shell_proxy(those));
    }
    for (master, writer) in WRITERS.iter().filter_map(|name| w.shipped(name)) {
        let to = Node::Command(Channel::RegistryAutorun);
        moves.extend(all_to(w.holders("EXECUTE", writer), to));
        moves.push((Node::Inside(master), to));
    }
    let ole = w.shipped("sp_OACreate").zip(w.shipped("sp_OAMethod"));
    if let Some(((master, create), (_, call))) = ole {
        let to = Node::Command(Channel::OleAutomation);
        let creators = w.holders("EXECUTE", create);
        let callers = w.holders("EXECUTE", call);
        let both = creators
            .into_iter()
            .filter(|place| callers.contains(place))
            .collect();
        moves.extend(all_to(both, to));
        moves.push((Node::Inside(master), to));
    }
    if let Some(master) = w.master() {
        for row in w.database(master).extended_procedures.seen() {
            let to = Node::Command(Channel::ExtendedProcedure);
            let thing = Thing::object(master, row.object_id, row.schema_id);
            moves.extend(all_to(w.holders("EXECUTE", thing), to));
            moves.push((Node::Inside(master), to));
        }
    }
    moves
}

impl World<'_> {
    /// Whether an ownership chain leads from a database's dbo to what master ships.
    fn chains_to_master(&self, db: Db) -> bool {
        let Some(master) = self.master() else {
            return false;
        };
        let sid = self.sid_behind(db, DBO);
        let is_same = sid.is_some() && sid == self.sid_behind(master, DBO);
        db == master || (is_same && self.takes_part(db) && self.takes_part(master))
    }

    /// Whether ALTER, CONTROL or TAKE OWNERSHIP is granted on just this module, or on just the table of a trigger.
    fn is_given_by_name(&self, (db, id): Key) -> bool {
        let facts = self.database(db);
        let mut triggers = facts.triggers.seen().iter();
        let trigger = triggers.find(|t| t.object_id == id && t.parent_class != 0);
        let named = [Some(id), trigger.map(|trigger| trigger.parent_id)];
        facts.database_permissions.seen().iter().any(|row| {
            row.class == Kind::Object.class()
                && named.contains(&Some(row.major_id))
                && matches!(row.state.as_str(), "G" | "W")
                && matches!(row.r#type.trim(), "AL" | "CL" | "TO")
        })
    }

    /// Whether a module's schema is not dbo's.
    fn is_in_a_schema_of_another(&self, key: Key) -> bool {
        let mut triggers = self.database(key.0).triggers.seen().iter();
        let trigger = triggers.find(|t| t.object_id == key.1 && t.parent_class != 0);
        let table = trigger.map(|trigger| (key.0, trigger.parent_id));
        [Some(key), table].into_iter().flatten().any(|key| {
            let object = self.object(key);
            object.is_some_and(|o| {
                o.principal_id == Some(PrincipalId(DBO))
                    && self.schema_owner(key.0, o.schema_id) != Some(DBO)
            })
        })
    }

    pub fn is_privileged(&self, login: i32) -> bool {
        let node = Node::login(PrincipalId(login));
        self.is_sysadmin(login) || self.holds(node, "CONTROL SERVER", Thing::SERVER)
    }
}

impl World<'_> {
    /// Whether somebody at a place may run a command in a module of a database: external scripts by a right there, the
    /// others by EXECUTE in master.
    fn may_run_command(
        &self,
        may: impl Fn(&'static str, Thing) -> bool,
        db: Db,
        sink: Sink,
    ) -> bool {
        let execute = |name: &str| {
            self.shipped(name)
                .is_some_and(|(_, procedure)| may("EXECUTE", procedure))
        };
        match sink {
            Sink::XpCmdshell => self.has_shell_proxy() && execute("xp_cmdshell"),
            Sink::OleAutomation => execute("sp_OACreate") && execute("sp_OAMethod"),
            Sink::RegistryWrite => WRITERS.iter().any(|name| execute(name)),
            Sink::ExternalScript => may("EXECUTE ANY EXTERNAL SCRIPT", Thing::database(db)),
            _ => false,
        }
    }

    /// Whether the user of a context may run a command in a module of a database.
    fn context_runs(&self, context: (Db, i32), db: Db, sink: Sink) -> bool {
        let login = self.sid_behind(context.0, context.1);
        let login = login.and_then(|sid| self.login_with_sid(sid));
        let login = login.filter(|_| self.trusted_owner(context.0).is_some());
        if login.is_some_and(|login| self.is_privileged(login)) {
            return true;
        }
        let may = |right, thing: Thing| {
            let at = thing.db.unwrap();
            let Some(user) = self.user_there(context, at) else {
                return false;
            };
            let mut ids = self.token(Scope::Database(at), user);
            if let Some(login) = login.filter(|_| context.0 != at) {
                ids.extend(self.token(Scope::Server, login));
            }
            let token = Token {
                granted: ids.clone(),
                denied: ids,
            };
            user == DBO || self.listed((thing.kind, right), thing).gives(&token)
        };
        self.may_run_command(may, db, sink)
    }

    /// Whether a login whose key signed a module may run a command in it.
    fn signer_runs(&self, login: i32, db: Db, sink: Sink) -> bool {
        let may = |right, thing: Thing| {
            let is_dbo = self.entry(thing.db.unwrap(), login) == Some(DBO);
            is_dbo || self.holds(Node::login(PrincipalId(login)), right, thing)
        };
        self.is_privileged(login) || self.may_run_command(may, db, sink)
    }
}

/// The module holds the command, and the context that it runs with, a key that signed it or an ownership chain may run
/// it. (A chain leads to xp_cmdshell where the proxy account is there.)
pub fn module_command(w: &World<'_>) -> Moves {
    let to = Node::Command(Channel::ModuleCommand);
    let nested = w.nested();
    let mut moves = Moves::new();
    for (key, module) in w.texts() {
        let own_context = w.context(key).map(|user| (key.0, user));
        let signers = w.signers(key).into_iter().chain(w.vouched_for(key));
        let signers: Vec<i32> = signers.collect();
        let is_chained = w.owner(key) == Some(DBO) && w.chains_to_master(key.0);
        let commands = [
            Sink::XpCmdshell,
            Sink::OleAutomation,
            Sink::ExternalScript,
            Sink::RegistryWrite,
        ];
        for sink in module.sinks.iter().filter(|s| commands.contains(&s.sink)) {
            let by_context = own_context.is_some_and(|own| w.context_runs(own, key.0, sink.sink));
            let mut by = signers.iter();
            let by_signature = by.any(|login| w.signer_runs(*login, key.0, sink.sink));
            let by_chain = match sink.sink {
                _ if sink.is_dynamic || !is_chained => false,
                Sink::XpCmdshell => w.has_shell_proxy(),
                Sink::OleAutomation | Sink::RegistryWrite => true,
                _ => false,
            };
            if by_context || by_signature || by_chain {
                moves.push((Node::Runs(key.0, key.1), to));
            }
            for (_, context) in nested.iter().filter(|(own, _)| *own == key) {
                if w.context_runs(*context, key.0, sink.sink) {
                    let context = (context.0, PrincipalId(context.1));
                    moves.push((Node::RunsAs(key, context), to));
                }
            }
        }
    }
    moves
}

/// A module whose owner also owns master reaches xp_cmdshell, OLE Automation and the registry's procedures there by an
/// unbroken ownership chain, which nothing checks. (Who may alter a schema of dbo's writes one, and who may alter one that stands there. A right on just that one is
/// meant; TAKE OWNERSHIP of it would end the chain, and counts on the safe side.)
pub fn chained_module(w: &World<'_>) -> Moves {
    let mut from = Vec::new();
    for (db, facts) in w
        .databases()
        .into_iter()
        .filter(|(db, _)| w.chains_to_master(*db))
    {
        from.push(Node::Inside(db));
        let schemas = facts.schemas.seen().iter();
        for schema in
            schemas.filter(|s| s.principal_id.map(|id| id.0) == Some(DBO) && s.schema_id != 4)
        {
            let thing = Thing::within(db, Kind::Schema, schema.schema_id);
            from.extend(w.holders("ALTER", thing));
        }
        for object in facts.objects.seen() {
            let key = (db, object.object_id);
            let is_module = matches!(object.r#type.as_str(), "P" | "FN" | "TF" | "TR");
            let stands_apart = w.is_given_by_name(key) || w.is_in_a_schema_of_another(key);
            if is_module && w.owner(key) == Some(DBO) && stands_apart {
                from.push(Node::Alters(db, object.object_id));
            }
        }
    }
    let mut moves = all_to(from.clone(), Node::Command(Channel::OleAutomation));
    moves.extend(all_to(
        from.clone(),
        Node::Command(Channel::RegistryAutorun),
    ));
    let mut to_shell = all_to(from.clone(), XP_CMDSHELL);
    if !w.has_shell_proxy() {
        // Whose right to alter is the login's own: the moves to the module, followed once.
        let altering = super::modules::alter_module(w).into_iter();
        let once = altering.filter(|(_, module)| from.contains(module));
        to_shell.extend(once.map(|(from, _)| (from, XP_CMDSHELL)).collect::<Moves>());
    }
    moves.extend(w.with_shell_proxy(to_shell));
    moves
}

/// An extended procedure that somebody added runs the code of its DLL in the server's process.
pub fn extended_code(w: &World<'_>) -> Moves {
    let Some(master) = w.master() else {
        return Moves::new();
    };
    let rows = w.database(master).extended_procedures.seen().iter();
    let to = Node::Command(Channel::ExtendedProcedure);
    rows.map(|row| (Node::Runs(master, row.object_id), to))
        .collect()
}

/// A member of an Agent role whose login or role is granted an enabled proxy for the subsystem makes a job step that runs
/// as the proxy's account.
pub fn agent_proxy(w: &World<'_>) -> Moves {
    let server = &w.snapshot.server;
    let channels = [
        (Channel::AgentCmdExec, 3),
        (Channel::AgentPowerShell, 12),
        (Channel::AgentSsis, 11),
        (Channel::AgentActiveX, 2),
    ];
    let Some(msdb) = w.msdb() else {
        return Moves::new();
    };
    let scope = Scope::Database(msdb);
    // The other Agent roles are members of this one by setup.
    let makers = [
        "SQLAgentUserRole",
        "SQLAgentReaderRole",
        "SQLAgentOperatorRole",
    ];
    let makers: Vec<i32> = makers
        .iter()
        .filter_map(|name| w.role_named(msdb, name))
        .collect();
    let objects = w.database(msdb).objects.seen().iter();
    let adds = objects.filter(|object| {
        object.is_ms_shipped != Some(false)
            && matches!(object.name.as_str(), "sp_add_jobstep" | "sp_update_jobstep")
    });
    let adds = adds.map(|object| Thing::object(msdb, object.object_id, object.schema_id));
    let executes: BTreeSet<Node> = adds.flat_map(|thing| w.holders("EXECUTE", thing)).collect();
    let is_maker = |place: Node| {
        executes.contains(&place) || makers.iter().any(|role| w.is(place, scope, *role))
    };
    let mut moves = Moves::new();
    for proxy in server
        .proxies
        .seen()
        .iter()
        .filter(|proxy| proxy.enabled != 0)
    {
        let grants = server
            .proxy_logins
            .seen()
            .iter()
            .filter(|row| row.proxy_id == proxy.proxy_id);
        let mut granted: Vec<Node> = Vec::new();
        for grant in grants {
            let Some(sid) = grant.sid.as_deref() else {
                continue;
            };
            if grant.flags == 2 {
                let role = w.user_with_sid(msdb, sid);
                granted.extend(role.iter().flat_map(|role| w.those_in(scope, *role)));
                continue;
            }
            let Some(to) = w.login_with_sid(sid) else {
                continue;
            };
            let logins = w.logins().into_iter().map(|login| login.principal_id);
            let those = logins.filter(|id| w.is(Node::login(*id), Scope::Server, to));
            let users = those.filter_map(|id| w.entry(msdb, id.0));
            granted.extend(users.map(|user| Node::user(msdb, PrincipalId(user))));
        }
        let makers: Vec<Node> = granted
            .into_iter()
            .filter(|place| is_maker(*place))
            .collect();
        for (channel, subsystem) in channels {
            let mut rows = server.proxy_subsystems.seen().iter();
            if rows.any(|row| row.proxy_id == proxy.proxy_id && row.subsystem_id == subsystem) {
                moves.extend(all_to(makers.clone(), Node::Command(channel)));
            }
        }
    }
    moves
}

/// EXECUTE ANY EXTERNAL SCRIPT, or EXECUTE EXTERNAL SCRIPT on a language, runs sp_execute_external_script.
pub fn external_script(w: &World<'_>) -> Moves {
    let to = Node::Command(Channel::ExternalScript);
    let mut moves = vec![(Node::OwnDatabase, to)];
    for (db, facts) in w.databases() {
        moves.extend(all_to(
            w.holders("EXECUTE ANY EXTERNAL SCRIPT", Thing::database(db)),
            to,
        ));
        for language in facts.external_languages.seen() {
            let thing = Thing::within(db, Kind::Language, language.external_language_id);
            moves.extend(all_to(w.holders("EXECUTE EXTERNAL SCRIPT", thing), to));
        }
        moves.push((Node::Inside(db), to));
    }
    moves
}

/// A command run as an account acts as that account's login. (Channels of the engine itself, as far as they are switched
/// on, act as its service's account and as its service.)
pub fn service_account(w: &World<'_>) -> Moves {
    let mut services = w.snapshot.server.services.seen().iter();
    let engine = services.find(|service| service.servicename.starts_with("SQL Server ("));
    let Some(engine) = engine else {
        return Moves::new();
    };
    let identity = w.snapshot.server.server_identity.known();
    let instance = identity.and_then(|identity| identity.instance_name.as_deref());
    let own = match instance {
        Some(instance) => format!("NT SERVICE\\MSSQL${instance}"),
        None => "NT SERVICE\\MSSQLSERVER".to_owned(),
    };
    let names = [engine.service_account.as_str(), own.as_str()];
    let mut logins = names.iter().filter_map(|name| w.login_named(name));
    if !logins.any(|login| w.is_sysadmin(login)) {
        return Moves::new();
    }
    let ole = w
        .is_set("Ole Automation Procedures")
        .then_some(Channel::OleAutomation);
    let always = [Channel::ExtendedProcedure, Channel::RegistryAutorun];
    // Linux has extended procedures at most, a managed instance the server's own at most.
    let host = w.snapshot.server.host.known();
    let is_linux = host.is_some_and(|host| host.platform == "Linux");
    let is_managed = identity.is_some_and(|identity| identity.engine_edition == Some(8));
    let is_there = |channel: &Channel| match channel {
        Channel::ExtendedProcedure => !is_managed,
        Channel::RegistryAutorun => !is_linux,
        _ => !is_linux && !is_managed,
    };
    let channels = always.into_iter().chain(ole).filter(is_there);
    channels
        .map(|channel| (Node::Command(channel), Node::Sysadmin))
        .collect()
}
