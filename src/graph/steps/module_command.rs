//! Modules that hold a command, and what makes it run whoever calls them: the context that they run with, a key that
//! signed them, an ownership chain.

use std::collections::BTreeSet;

use super::super::build::Graph;
use super::super::channel::Channel;
use super::super::code::CodeSink;
use super::super::index::{DBO, Db, Scope};
use super::super::module::{Key, Signers};
use super::super::nested::Context;
use super::super::node::Node;
use super::super::securable::Securable;
use super::super::step::{Edge, Facts, Step};
use super::command::{REGISTRY_WRITERS, channel_of};
use crate::ids::PrincipalId;
use crate::tsql::Sink;

/// What somebody inside a database goes by.
type Token = BTreeSet<(Scope, PrincipalId)>;

impl Graph<'_> {
    pub(super) fn to_module_command(&self) -> Vec<Edge> {
        let signers = Signers::new(&self.index);
        let mut edges = Vec::new();
        for (key, at) in self.modules.with_sinks() {
            let Some(module) = self.code.modules.get(*at) else {
                continue;
            };
            let commands = module.sinks.iter().copied();
            let commands = commands.filter(|sink| channel_of(sink.sink).is_some());
            let commands: Vec<CodeSink> = commands.collect();
            if commands.is_empty() {
                continue;
            }
            let own = self.index.module_fact(*key);
            let edge = |from, facts: Facts| {
                Edge::new(from, Step::ModuleCommand, own.into_iter().chain(facts))
            };
            let mut sinks = commands.iter();
            let facts = sinks.find_map(|sink| self.may_run(*key, *sink, &signers));
            edges.extend(facts.map(|facts| edge(Node::Runs(key.0, key.1), facts)));
            for context in self.nested().contexts(*key) {
                let mut sinks = commands.iter();
                let facts = sinks.find_map(|sink| self.context_runs(*context, key.0, sink.sink));
                edges.extend(facts.map(|facts| edge(Node::RunsAs(*key, *context), facts)));
            }
        }
        edges
    }

    /// What makes a module's own command run whoever calls it: a context or a key that may run it, a chain.
    pub fn may_run(&self, key: Key, sink: CodeSink, signers: &Signers) -> Option<Facts> {
        if let Some(user) = self.index.context_of(key)
            && let Some(facts) = self.context_runs((key.0, user), key.0, sink.sink)
        {
            return Some(facts);
        }
        let vouched = self.index.vouched_context(key, signers);
        for (login, facts) in signers.of(key).iter().chain(&vouched) {
            if let Some(proof) = self.login_runs(*login, key.0, sink.sink) {
                return Some(facts.iter().copied().chain(proof).collect());
            }
        }
        let chained =
            !sink.is_dynamic && self.index.owner_of(key) == Some(DBO) && self.reaches_master(key.0);
        match sink.sink {
            _ if !chained => None,
            Sink::XpCmdshell => self.has_proxy().then(|| self.proxy_facts()),
            Sink::OleAutomation | Sink::RegistryWrite => Some(self.database_facts(key.0)),
            _ => None,
        }
    }

    /// Whether the user of a context may run a command in a module of a database: his login has that power and the
    /// server believes the database, or he has the right where the command is.
    pub fn context_runs(&self, context: Context, db: Db, sink: Sink) -> Option<Facts> {
        if let Some(facts) = self.context_is_privileged(context.0, context.1) {
            return Some(facts);
        }
        let at = self.home_of(sink, db)?;
        let user = self.user_there(context, at)?;
        let trust = self.trusted.get(&context.0).filter(|_| context.0 != at);
        let mut token = self.index.user_token(at, user);
        if trust.is_some()
            && let Some(login) = self.login_of_context(context)
        {
            token.extend(self.index.token(login));
        }
        let held = self.holds_sink(at, user, &token, sink)?;
        let facts = trust.map(|trust| trust.facts.clone()).unwrap_or_default();
        Some(facts.into_iter().chain(held).collect())
    }

    /// Whether a login whose key signed a module may run a command in it.
    fn login_runs(&self, login: PrincipalId, db: Db, sink: Sink) -> Option<Facts> {
        if let Some(proof) = self.is_privileged(login) {
            return Some(proof);
        }
        let at = self.home_of(sink, db)?;
        let (user, _) = self.index.entry(at, login)?;
        let mut token = self.index.user_token(at, user);
        token.extend(self.index.token(login));
        self.holds_sink(at, user, &token, sink)
    }

    /// Where the right to a command is asked for: of external scripts in the module's own database.
    fn home_of(&self, sink: Sink, db: Db) -> Option<Db> {
        match sink {
            Sink::ExternalScript => Some(db),
            _ => self.master,
        }
    }

    /// The rows by which somebody in a database, who is not in sysadmin, may run a command there; none of dbo.
    fn holds_sink(&self, db: Db, user: PrincipalId, mine: &Token, sink: Sink) -> Option<Facts> {
        let is_dbo = user == DBO;
        let shipped = |name: &str| {
            let procedure = self.shipped_procedure(name)?;
            let held = self.index.held_by(mine, procedure, "EX");
            (is_dbo || held.is_some()).then(|| held.into_iter().collect::<Facts>())
        };
        match sink {
            Sink::XpCmdshell if self.has_proxy() => {
                let held = shipped("xp_cmdshell")?;
                Some(held.into_iter().chain(self.proxy_facts()).collect())
            }
            Sink::OleAutomation => {
                let creating = shipped("sp_OACreate")?;
                let calling = shipped("sp_OAMethod")?;
                Some(creating.into_iter().chain(calling).collect())
            }
            Sink::RegistryWrite => REGISTRY_WRITERS.iter().find_map(|name| shipped(name)),
            Sink::ExternalScript => {
                let held = self.index.held_by(mine, Securable::database(db), "EAES");
                (is_dbo || held.is_some()).then(|| held.into_iter().collect())
            }
            _ => None,
        }
    }

    fn proxy_facts(&self) -> Facts {
        self.proxy_credential().into_iter().collect()
    }

    /// Whether a user of a database has a privileged login's power at the server.
    pub(in super::super) fn context_is_privileged(
        &self,
        db: Db,
        user: PrincipalId,
    ) -> Option<Facts> {
        let trust = self.trusted.get(&db)?;
        let login = match user {
            DBO => Some(trust.owner),
            user => {
                let sid = self.index.user(db, user).and_then(|u| u.sid.as_deref());
                sid.and_then(|sid| self.login_of_sid(sid))
            }
        };
        let proof = self.is_privileged(login?)?;
        Some(trust.facts.iter().copied().chain(proof).collect())
    }

    /// What makes a login one that runs every command: sysadmin or CONTROL SERVER.
    pub fn is_privileged(&self, login: PrincipalId) -> Option<Facts> {
        let control = || self.index.holds(login, "CL");
        let held = || control().map(|fact| Facts::from_iter([fact]));
        self.sysadmin_facts(login).or_else(held)
    }

    /// Whether a channel is switched on now.
    pub fn runs_now(&self, channel: Channel) -> bool {
        channel.option().is_none_or(|name| self.option_runs(name))
    }

    /// Whether a module's own command can run as things are switched now; of one that was not seen that is assumed.
    pub fn some_module_runs(&self) -> bool {
        let own = Node::Command(Channel::ModuleCommand);
        if self.assumed.leading_to(own).next().is_some() {
            return true;
        }
        let modules = self.modules.with_sinks().iter();
        let modules = modules.filter_map(|(_, at)| self.code.modules.get(*at));
        let mut sinks = modules.flat_map(|module| &module.sinks);
        sinks.any(|sink| channel_of(sink.sink).is_some_and(|channel| self.runs_now(channel)))
    }
}
