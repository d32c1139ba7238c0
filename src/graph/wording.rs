//! Places and steps in words. Names are server metadata, so they stand in sentences as [`named`] has them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::build::Graph;
use super::channel::Channel;
use super::index::{ANYBODY, Db, PUBLIC, PUBLIC_SERVER, Scope};
use super::module::Key;
use super::nested::Context;
use super::node::Node;
use super::permission::{self, Class};
use super::securable::Securable;
use super::step::Edge;
use crate::ids::{DatabaseName, InstanceId, PrincipalId, named};

/// A place by name, for machines.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Place {
    /// `login`, `any_login`, `windows_group`, `external_group`, `certificate_login`, `server_role`, `user`, `database_role`,
    /// `application_role`, `dbo`, `inside_database`, `own_database`, `sysadmin`, `queries_as`, `module`,
    /// `module_as`, `module_code`, `settings` or `command`.
    pub kind: String,
    /// The instance it is on, where a chain leads over several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// The database it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseName>,
    /// Its name as the catalog has it; of a command the channel.
    pub name: String,
}

impl Place {
    /// In the middle of a sentence, without its instance.
    pub fn shown(&self) -> String {
        let name = named(&self.name);
        let within = self.database.as_ref();
        let of = within.map(|db| format!(" of {}", named(db.as_str())));
        let of = of.unwrap_or_default();
        match self.kind.as_str() {
            "sysadmin" => "sysadmin".to_owned(),
            "any_login" => "any other login".to_owned(),
            "server_role" if self.name == "public" => "every login".to_owned(),
            "server_role" => format!("server role {name}"),
            "database_role" if self.name == "public" => format!("every user{of}"),
            "database_role" => format!("role {name}{of}"),
            "user" | "application_role" => format!("user {name}{of}"),
            "dbo" | "inside_database" => format!("dbo{of}"),
            "own_database" => self.name.clone(),
            "queries_as" => format!("queries as {name}"),
            "module" | "module_code" => {
                let database = within.map(|db| format!("{}.", named(db.as_str())));
                format!("{}{name}", database.unwrap_or_default())
            }
            "module_as" => {
                let database = within.map(|db| format!("{}.", named(db.as_str())));
                let (module, user) = self.name.rsplit_once(AS).unwrap_or((&self.name, ""));
                let (module, user) = (named(module), named(user));
                format!("{}{module}{AS}{user}", database.unwrap_or_default())
            }
            "settings" => "the configuration".to_owned(),
            "command" => {
                let mut channels = Channel::ALL.into_iter();
                let channel = channels.find(|channel| channel.as_str() == self.name);
                channel.map_or(name, |channel| channel.title().to_owned())
            }
            "windows_group" => format!("Windows group {name}"),
            "external_group" => format!("Entra group {name}"),
            _ => name,
        }
    }
}

/// Between a module and as whom it runs.
const AS: &str = " as ";

impl Graph<'_> {
    /// A place by name.
    pub fn place(&self, node: Node) -> Place {
        let (kind, database, name) = match node {
            Node::Principal(scope, id) | Node::Joins(scope, id) => (
                self.kind_word(scope, id),
                database_of(scope),
                self.name_of(scope, id),
            ),
            Node::Sysadmin => ("sysadmin", None, "sysadmin".to_owned()),
            Node::Owner(db) => ("dbo", Some(db), "dbo".to_owned()),
            Node::Inside(db) => ("inside_database", Some(db), "dbo".to_owned()),
            Node::OwnDatabase => ("own_database", None, "a database of its own".to_owned()),
            Node::Queries(id) => ("queries_as", None, self.name_of(Scope::Server, id)),
            Node::Runs(db, id) => ("module", Some(db), self.module_name(db, id)),
            Node::RunsAs(module, context) => (
                "module_as",
                Some(module.0),
                self.nested_name(module, context),
            ),
            Node::Alters(db, id) => ("module_code", Some(db), self.module_name(db, id)),
            Node::Settings => ("settings", None, "sp_configure".to_owned()),
            Node::Hop(_) => ("command", None, Channel::LinkedHop.as_str().to_owned()),
            Node::Command(channel) => ("command", None, channel.as_str().to_owned()),
        };
        Place {
            kind: kind.to_owned(),
            instance: None,
            database: database.map(|db| DatabaseName::new(self.index.database_name(db))),
            name,
        }
    }

    fn kind_word(&self, scope: Scope, id: PrincipalId) -> &'static str {
        let is_server = scope == Scope::Server;
        if is_server && id == ANYBODY {
            return "any_login";
        }
        if self.index.is_role(scope, id) {
            return if is_server {
                "server_role"
            } else {
                "database_role"
            };
        }
        match (self.index.kind(scope, id).unwrap_or_default(), is_server) {
            ("G", true) => "windows_group",
            ("X", true) => "external_group",
            ("C" | "K", true) => "certificate_login",
            ("A", false) => "application_role",
            (_, true) => "login",
            (_, false) => "user",
        }
    }

    fn name_of(&self, scope: Scope, id: PrincipalId) -> String {
        let found = match scope {
            Scope::Server => self.index.login(id).map(|login| login.name.clone()),
            Scope::Database(db) => self.index.user(db, id).map(|user| user.name.clone()),
        };
        found.unwrap_or_else(|| match scope {
            Scope::Server if id == PUBLIC_SERVER => "public".to_owned(),
            Scope::Server if id == ANYBODY => "any login".to_owned(),
            Scope::Database(_) if id == PUBLIC => "public".to_owned(),
            Scope::Server => format!("server principal {id}"),
            Scope::Database(_) => format!("database principal {id}"),
        })
    }

    fn module_name(&self, db: Db, id: i32) -> String {
        let facts = self.index.database(db);
        facts.map_or_else(|| format!("object {id}"), |facts| facts.object_name(id))
    }

    /// A module with as whom it runs; of a user of another database with that.
    fn nested_name(&self, (db, id): Key, (of, user): Context) -> String {
        let user = self.name_of(Scope::Database(of), user);
        let within = if of == db {
            String::new()
        } else {
            format!("{}.", self.index.database_name(of))
        };
        format!("{}{AS}{within}{user}", self.module_name(db, id))
    }

    /// A place in the middle of a sentence.
    pub fn shown(&self, node: Node) -> String {
        self.place(node).shown()
    }

    /// `CONTROL on database Shop`, `IMPERSONATE on login sa`.
    pub(super) fn right(&self, (held, on): ((Class, &'static str), Securable)) -> String {
        let name = permission::name(held);
        let on = self.securable(on);
        if on.is_empty() {
            return name.to_owned();
        }
        format!("{name} on {on}")
    }

    fn securable(&self, on: Securable) -> String {
        let id = PrincipalId(on.id);
        let facts = database_of(on.scope).and_then(|db| self.index.database(db));
        let database = facts.map_or_else(String::new, |facts| named(facts.name.as_str()));
        match on.class {
            Class::Server => String::new(),
            Class::Login => format!("login {}", named(&self.name_of(Scope::Server, id))),
            Class::ServerRole => format!("server role {}", named(&self.name_of(Scope::Server, id))),
            Class::Database => format!("database {database}"),
            Class::Schema => {
                let mut schemas = facts.map_or(&[][..], |d| d.schemas.seen()).iter();
                let schema = schemas.find(|s| s.schema_id == on.id);
                let name = schema.map_or_else(|| format!("schema {id}"), |s| s.name.clone());
                format!("schema {} of {database}", named(&name))
            }
            Class::Object => {
                if let Some(name) = self.shipped_name(on.id) {
                    format!("{database}.sys.{name}")
                } else {
                    let name =
                        facts.map_or_else(|| format!("object {id}"), |d| d.object_name(on.id));
                    format!("{database}.{}", named(&name))
                }
            }
            Class::User | Class::Role | Class::ApplicationRole => {
                format!("{} of {database}", named(&self.name_of(on.scope, id)))
            }
            Class::Assembly
            | Class::Certificate
            | Class::AsymmetricKey
            | Class::ExternalLanguage => {
                format!("{} {id} of {database}", on.class.word().to_lowercase())
            }
        }
    }

    fn shipped_name(&self, id: i32) -> Option<String> {
        let rows = self.index.snapshot.server.system_extended_procedures.seen();
        let mut rows = rows.iter().filter(|_| id < 0);
        rows.find(|row| row.object_id == id)
            .map(|row| named(&row.name))
    }

    /// One step, in one sentence.
    pub fn sentence(&self, edge: &Edge, to: Node) -> String {
        let right = edge.held.map(|held| self.right(held)).unwrap_or_default();
        let filled = |name: &str| match (name, right.is_empty()) {
            ("from", _) => self.shown(edge.from),
            ("to", _) => self.shown(to),
            ("right", _) => right.clone(),
            ("by", false) => format!(" (by {right})"),
            ("may", _) => self.may(to),
            ("inside", _) => self.inside(to),
            (other, owns) => match other.strip_prefix("and ") {
                Some(does) if owns => format!("owns {} and {does} it", self.shown(to)),
                Some(does) => format!("holds {right} and {does} {}", self.shown(to)),
                None => String::new(),
            },
        };
        let mut parts = edge.step.sentence().split('{');
        let mut sentence = parts.next().unwrap_or_default().to_owned();
        // What was filled in is not looked at again: a name may hold a brace.
        for (name, rest) in parts.filter_map(|part| part.split_once('}')) {
            sentence.push_str(&filled(name));
            sentence.push_str(rest);
        }
        sentence
    }

    /// What dbo may in its database.
    fn inside(&self, to: Node) -> String {
        let place = self.shown(to);
        match to {
            Node::Principal(scope, id) | Node::Joins(scope, id)
                if self.index.is_role(scope, id) =>
            {
                format!("may join {place}")
            }
            Node::Principal(..) => format!("may act as {place}"),
            Node::Runs(..) | Node::Command(_) => format!("may run {place}"),
            Node::Alters(..) => format!("may change {place}"),
            _ => format!("may do everything there: {place}"),
        }
    }

    /// What sysadmin may.
    fn may(&self, to: Node) -> String {
        match to {
            Node::Settings => "sets options by sp_configure".to_owned(),
            Node::Command(Channel::LinkedHop) | Node::Hop(_) => {
                "runs statements on another server by a linked server".to_owned()
            }
            Node::Command(channel) => format!("may run {}", channel.title()),
            _ => format!("is {}", self.shown(to)),
        }
    }
}

fn database_of(scope: Scope) -> Option<Db> {
    match scope {
        Scope::Server => None,
        Scope::Database(db) => Some(db),
    }
}
