//! What a module's EXECUTE AS clause gives to the modules that it calls.

use std::collections::BTreeSet;

use mssql_posture::graph::{Db, Node, Scope};
use mssql_posture::ids::PrincipalId;

use super::Moves;
use super::cover::Kind;
use super::logins::all_to;
use super::modules::{alterers, callees, executes_given_text, runners};
use super::rights::{Thing, Token};
use super::world::{DBO, Key, World};

/// As whom a module runs: a user and his database.
pub type Context = (Db, i32);

fn place((db, user): Context) -> Node {
    Node::user(db, PrincipalId(user))
}

fn runs_as(key: Key, (db, user): Context) -> Node {
    Node::RunsAs(key, (db, PrincipalId(user)))
}

/// One call as the user of a context.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pass {
    pub context: Context,
    pub from: Key,
    pub to: Key,
    /// Whether the caller has the context by a clause of its own.
    is_own: bool,
}

impl World<'_> {
    /// The context of a module's own clause; no role can be one.
    pub fn clause(&self, key: Key) -> Option<Context> {
        let user = self.context(key)?;
        let is_role = self.user(key.0, user).is_none_or(|user| user.r#type == "R");
        (!is_role).then_some((key.0, user))
    }

    fn login_behind(&self, (db, user): Context) -> Option<i32> {
        self.login_with_sid(self.sid_behind(db, user)?)
    }

    /// Who the user of a context is in another database: nobody, unless that believes his own. The server believes it
    /// where its owner vouches (AUTHENTICATE SERVER), the database itself where he does there.
    pub fn user_there(&self, context: Context, db: Db) -> Option<i32> {
        if context.0 == db {
            return Some(context.1);
        }
        let login = self.login_behind(context)?;
        if self.trusted_owner(context.0).is_some() {
            let is_dbo = self.owner_login(db) == Some(login) || self.is_privileged(login);
            return if is_dbo {
                Some(DBO)
            } else {
                self.entry(db, login)
            };
        }
        let is_believed = |(source, _, other): &(Db, i32, Db)| (*source, *other) == (context.0, db);
        self.believed().iter().find(|one| is_believed(one))?;
        match self.place_of(db, login)? {
            Node::Owner(_) => Some(DBO),
            Node::Principal(_, user) => Some(user.0),
            _ => None,
        }
    }

    /// Whether the user of a context may run a module.
    pub fn may_run_as(&self, context: Context, module: Key) -> bool {
        let Some(user) = self.user_there(context, module.0) else {
            return false;
        };
        let ids = self.token(Scope::Database(module.0), user);
        let token = Token {
            granted: ids.clone(),
            denied: ids,
        };
        let may = |thing| self.listed((Kind::Object, "EXECUTE"), thing).gives(&token);
        user == DBO || self.thing(module).is_some_and(may)
    }

    /// Every call that goes through as the user of a context to a module without a clause of its own: by a chain, or
    /// since he may run it.
    pub fn passes(&self) -> &BTreeSet<Pass> {
        self.passes.get_or_init(|| self.find_passes())
    }

    fn find_passes(&self) -> BTreeSet<Pass> {
        let mut found: BTreeSet<Pass> = BTreeSet::new();
        loop {
            let before = found.len();
            for (caller, module) in self.texts() {
                let own = self.clause(caller);
                let given = found.iter().filter(|pass| pass.to == caller);
                let contexts: BTreeSet<Context> = match self.context(caller) {
                    Some(_) => own.into_iter().collect(),
                    None => given.map(|pass| pass.context).collect(),
                };
                for (callee, is_dynamic) in callees(self, &module.calls) {
                    for context in &contexts {
                        let chained = !is_dynamic
                            && self.user_there(*context, callee.0).is_some()
                            && self.is_chained(caller, callee);
                        let passes = chained || self.may_run_as(*context, callee);
                        if passes && self.context(callee).is_none() {
                            found.insert(Pass {
                                context: *context,
                                from: caller,
                                to: callee,
                                is_own: own.is_some(),
                            });
                        }
                    }
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    /// Modules that run as the user of a clause further out.
    pub fn nested(&self) -> BTreeSet<(Key, Context)> {
        let passes = self.passes().iter();
        passes.map(|pass| (pass.to, pass.context)).collect()
    }
}

/// A module without an EXECUTE AS clause runs as the user as whom its caller runs: the context of a clause is passed on
/// to what is called, into another database where its own is believed.
pub fn nested_call(w: &World<'_>) -> Moves {
    let passes = w.passes().iter();
    passes
        .map(|pass| {
            let from = if pass.is_own {
                Node::Runs(pass.from.0, pass.from.1)
            } else {
                runs_as(pass.from, pass.context)
            };
            (from, runs_as(pass.to, pass.context))
        })
        .collect()
}

/// (What `calls_module` and `module_context` say of modules that run as the user of a clause further out.)
pub fn calls_as(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for (key, context) in w.nested() {
        for (_, module) in w.texts().into_iter().filter(|(own, _)| *own == key) {
            for (callee, _) in callees(w, &module.calls) {
                if w.may_run_as(context, callee) {
                    moves.push((runs_as(key, context), Node::Runs(callee.0, callee.1)));
                }
            }
        }
    }
    moves
}

/// See [`calls_as`].
pub fn given_as(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for (key, context) in w.nested() {
        let mut texts = w.texts().into_iter();
        if texts.any(|(own, module)| own == key && executes_given_text(module)) {
            moves.push((runs_as(key, context), place(context)));
        }
    }
    moves
}

/// Who alters a module that another calls with the context of its EXECUTE AS clause, and runs that one, acts as the
/// clause's user.
pub fn nested_alter(w: &World<'_>) -> Moves {
    let passes = w.passes();
    let mut moves = Moves::new();
    for first in passes.iter().filter(|pass| pass.is_own) {
        let mut under = BTreeSet::from([first.to]);
        loop {
            let more = passes.iter().filter(|pass| {
                !pass.is_own && pass.context == first.context && under.contains(&pass.from)
            });
            let more: BTreeSet<Key> = more.map(|pass| pass.to).collect();
            if more.is_subset(&under) {
                break;
            }
            under.extend(more);
        }
        let runners = runners(w, first.from);
        for module in under {
            let both = alterers(w, module).into_iter();
            let both = both.filter(|place| runners.contains(place)).collect();
            moves.extend(all_to(both, place(first.context)));
        }
    }
    moves
}

/// Who alters a module that another calls with the context of its EXECUTE AS clause acts as the clause's user when
/// somebody runs that one.
pub fn nested_run(w: &World<'_>) -> Moves {
    let nested = w.nested().into_iter();
    nested
        .map(|((db, id), context)| (Node::Alters(db, id), place(context)))
        .collect()
}

/// CONTROL on a key whose private half stands in the database without a password of its own signs a module that one may
/// write there, which then has the rights of the key's login. (ALTER on a schema, or taking it, counts as writing one.)
pub fn sign_module(w: &World<'_>) -> Moves {
    let mut moves = Moves::new();
    for (db, facts) in w.databases() {
        let certificates = facts.certificates.seen().iter().map(|c| {
            let thing = Thing::within(db, Kind::Certificate, c.certificate_id);
            (thing, c.pvt_key_encryption_type.as_str(), &c.sid)
        });
        let keys = facts.asymmetric_keys.seen().iter().map(|k| {
            let thing = Thing::within(db, Kind::AsymmetricKey, k.asymmetric_key_id);
            (thing, k.pvt_key_encryption_type.as_str(), &k.sid)
        });
        for (key, private, sid) in certificates.chain(keys) {
            let login = sid.as_deref().and_then(|sid| w.login_with_sid(sid));
            let Some(login) = login.filter(|_| matches!(private, "MK" | "SK")) else {
                continue;
            };
            let to = Node::login(PrincipalId(login));
            moves.push((Node::Inside(db), to));
            let mut writers: BTreeSet<Node> = w.schema_writers(db).into_iter().collect();
            let modules = w.modules().into_iter().filter(|(own, _)| *own == db);
            let modules = modules.filter(|key| {
                let object = w.object(*key);
                object.is_some_and(|o| matches!(o.r#type.as_str(), "P" | "FN" | "TF" | "TR"))
            });
            writers.extend(modules.flat_map(|module| alterers(w, module)));
            let signers = w.holders("CONTROL", key).into_iter();
            moves.extend(signers.filter(|p| writers.contains(p)).map(|p| (p, to)));
        }
    }
    moves
}

impl World<'_> {
    /// Who may alter a schema, or take it; sys is nobody's.
    pub fn schema_writers(&self, db: Db) -> Vec<Node> {
        let schemas = self.database(db).schemas.seen().iter();
        let things = schemas.filter(|schema| schema.schema_id != 4);
        let things = things.map(|schema| Thing::within(db, Kind::Schema, schema.schema_id));
        things
            .flat_map(|thing| {
                let mut those = self.holders("ALTER", thing);
                those.extend(self.holders("TAKE OWNERSHIP", thing));
                those
            })
            .collect()
    }
}
