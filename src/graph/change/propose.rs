//! Which change takes a step away.

use super::super::build::Graph;
use super::super::fact::FactRef;
use super::super::index::{PUBLIC, PUBLIC_SERVER, SA, SYSADMIN, Scope};
use super::super::node::Node;
use super::super::permission::{self, Class};
use super::super::securable::Securable;
use super::super::step::{Edge, Step};
use super::{Change, ModuleKind, On};
use crate::ids::{DatabaseName, PrincipalId};
use crate::snapshot::Fact;

/// `sa` and `dbo`, as whom is granted where no AS is written.
const OWNER: PrincipalId = PrincipalId(1);

/// The id of msdb, which is TRUSTWORTHY by design.
const MSDB: i32 = 4;

impl Graph<'_> {
    /// The changes any of which takes a step away, the mildest first; none where it stands on what must be.
    pub fn changes(&self, edge: &Edge, to: Node) -> Vec<Change> {
        let mut changes: Vec<Change> = Vec::new();
        for fact in &edge.facts {
            let change = match fact.fact {
                Fact::ServerRoleMembers | Fact::DatabaseRoleMembers => self.drop_member(*fact),
                Fact::ServerPermissions | Fact::DatabasePermissions => self.revoke(edge, *fact),
                Fact::LinkedLogins => self.drop_linked_login(*fact),
                Fact::ProxyLogins => self.revoke_proxy(*fact),
                Fact::Credentials => Some(Change::DropProxyAccount),
                Fact::Databases => self.alter_database(edge, *fact),
                _ => None,
            };
            changes.extend(change);
        }
        changes.extend(self.change_owner(edge));
        changes.extend(self.drop_module(edge));
        changes.extend(self.disable(to));
        changes
    }

    /// A database whose owner is an application's login is given to sa, and the login stays as a user. Not where dbo's
    /// power leaves the database: there it would be sa's.
    fn change_owner(&self, edge: &Edge) -> Option<Change> {
        let fact = edge.facts.first()?;
        let rows = self.index.snapshot.server.databases.seen();
        let is_owner = edge.step == Step::DatabaseOwner && fact.fact == Fact::Databases;
        let row = rows.get(fact.row as usize).filter(|_| is_owner)?;
        let stays_inside =
            row.is_trustworthy_on == Some(false) && row.is_db_chaining_on == Some(false);
        let Node::Principal(Scope::Server, former) = edge.from else {
            return None;
        };
        let is_role = self.index.is_role(Scope::Server, former);
        let former = &self.index.login(former)?.name;
        if !stays_inside || is_role {
            return None;
        }
        Some(Change::ChangeOwner {
            database: DatabaseName::new(&row.name),
            to: self.index.login(SA)?.name.clone(),
            keep: Some(former.clone()),
        })
    }

    /// The module that lends its power, where setup did not make it. A mark as shipped can be set by anybody, so that
    /// such a one is left to people.
    fn drop_module(&self, edge: &Edge) -> Option<Change> {
        let lends = matches!(
            edge.step,
            Step::ModuleContext | Step::SignedModule | Step::ModuleCommand | Step::ClrModule
        );
        let Node::Runs(db, id) = edge.from else {
            return None;
        };
        let facts = self.index.database(db).filter(|_| lends)?;
        let database = DatabaseName::new(self.index.database_name(db));
        let Some(object) = facts.object(id) else {
            let mut triggers = facts.triggers.seen().iter();
            let trigger = triggers.find(|t| t.object_id == id && t.parent_class == 0)?;
            let is_own = trigger.is_ms_shipped == Some(false);
            return is_own.then(|| Change::DropModule {
                database,
                name: (String::new(), trigger.name.clone()),
                kind: ModuleKind::DatabaseTrigger,
            });
        };
        if object.is_ms_shipped != Some(false) {
            return None;
        }
        let mut schemas = facts.schemas.seen().iter();
        let schema = schemas.find(|s| s.schema_id == object.schema_id)?;
        Some(Change::DropModule {
            database,
            name: (schema.name.clone(), object.name.clone()),
            kind: ModuleKind::of(&object.r#type)?,
        })
    }

    fn principal_name(&self, scope: Scope, id: PrincipalId) -> Option<String> {
        let is_public = match scope {
            Scope::Server => id == PUBLIC_SERVER,
            Scope::Database(_) => id == PUBLIC,
        };
        if is_public {
            return Some("public".to_owned());
        }
        match scope {
            Scope::Server => self.index.login(id).map(|l| l.name.clone()),
            Scope::Database(db) => self.index.user(db, id).map(|u| u.name.clone()),
        }
    }

    fn database_name_of(&self, scope: Scope) -> Option<DatabaseName> {
        match scope {
            Scope::Server => None,
            Scope::Database(db) => Some(DatabaseName::new(self.index.database_name(db))),
        }
    }

    fn drop_member(&self, fact: FactRef) -> Option<Change> {
        let (scope, rows) = match fact.database {
            None => (
                Scope::Server,
                self.index.snapshot.server.server_role_members.seen(),
            ),
            Some(db) => (
                Scope::Database(db),
                self.index.database(db)?.database_role_members.seen(),
            ),
        };
        let row = rows.get(fact.row as usize)?;
        let (role, member) = (row.role_principal_id, row.member_principal_id);
        // Who is in sysadmin is for people to decide: sa and the services belong there.
        let is_by_design = scope == Scope::Server
            && role == SYSADMIN
            && (member == SA || !self.index.is_role(scope, member));
        if is_by_design {
            return None;
        }
        Some(Change::DropMember {
            database: self.database_name_of(scope),
            role: self.principal_name(scope, role)?,
            member: self.principal_name(scope, member)?,
        })
    }

    /// A GRANT that the step is about; what lets somebody in is not taken away for what he does then.
    fn revoke(&self, edge: &Edge, fact: FactRef) -> Option<Change> {
        let ((class, code), on) = edge.held?;
        let (scope, rows) = match fact.database {
            None => (
                Scope::Server,
                self.index.snapshot.server.server_permissions.seen(),
            ),
            Some(db) => (
                Scope::Database(db),
                self.index.database(db)?.database_permissions.seen(),
            ),
        };
        let row = rows.get(fact.row as usize)?;
        if row.r#type != code || on.scope != scope || row.class != class.number() {
            return None;
        }
        // A step that rests on several rows names one of them.
        let on = Securable {
            id: row.major_id,
            ..on
        };
        let given = self
            .index
            .given(false, on, code, Some(row.grantee_principal_id));
        let same = given
            .iter()
            .filter_map(|given| rows.get(given.fact.row as usize))
            .filter(|other| other.minor_id == row.minor_id);
        let by: Option<Vec<Option<String>>> = same
            .map(|row| match row.grantor_principal_id {
                OWNER => Some(None),
                grantor => self.principal_name(scope, grantor).map(Some),
            })
            .collect();
        let mut by = by?;
        by.sort();
        by.dedup();
        Some(Change::Revoke {
            by,
            database: self.database_name_of(scope),
            permission: permission::name((class, code)).to_owned(),
            on: self.on(on)?,
            from: self.principal_name(scope, row.grantee_principal_id)?,
        })
    }

    fn on(&self, on: Securable) -> Option<On> {
        let name = || self.principal_name(on.scope, PrincipalId(on.id));
        let facts = match on.scope {
            Scope::Database(db) => self.index.database(db),
            Scope::Server => None,
        };
        Some(match on.class {
            Class::Server | Class::Database => On::Whole,
            Class::Login => On::Login(name()?),
            Class::ServerRole => On::ServerRole(name()?),
            Class::User => On::User(name()?),
            Class::ApplicationRole => On::ApplicationRole(name()?),
            Class::Role => On::Role(name()?),
            Class::Schema => {
                let mut schemas = facts?.schemas.seen().iter();
                On::Schema(schemas.find(|s| s.schema_id == on.id)?.name.clone())
            }
            Class::Object => self.object(on)?,
            Class::Assembly => {
                let mut rows = facts?.assemblies.seen().iter();
                On::Assembly(rows.find(|a| a.assembly_id == on.id)?.name.clone())
            }
            Class::Certificate => {
                let mut rows = facts?.certificates.seen().iter();
                On::Certificate(rows.find(|c| c.certificate_id == on.id)?.name.clone())
            }
            Class::ExternalLanguage => {
                let mut rows = facts?.external_languages.seen().iter();
                let row = rows.find(|l| l.external_language_id == on.id)?;
                On::ExternalLanguage(row.language.clone()?)
            }
            Class::AsymmetricKey => return None,
        })
    }

    fn object(&self, on: Securable) -> Option<On> {
        let shipped = self.index.snapshot.server.system_extended_procedures.seen();
        if on.id < 0 {
            let mut shipped = shipped.iter();
            let row = shipped.find(|p| p.object_id == on.id)?;
            return Some(On::Object("sys".to_owned(), row.name.clone()));
        }
        let Scope::Database(db) = on.scope else {
            return None;
        };
        let facts = self.index.database(db)?;
        let mut registered = facts.extended_procedures.seen().iter();
        let registered = registered.find(|p| p.object_id == on.id);
        let registered = registered.map(|p| (p.schema_id, p.name.clone()));
        let own = facts.object(on.id).map(|o| (o.schema_id, o.name.clone()));
        let (schema_id, name) = own.or(registered)?;
        let mut schemas = facts.schemas.seen().iter();
        let schema = schemas.find(|s| s.schema_id == schema_id)?;
        Some(On::Object(schema.name.clone(), name))
    }

    fn drop_linked_login(&self, fact: FactRef) -> Option<Change> {
        let server = &self.index.snapshot.server;
        let row = server.linked_logins.seen().get(fact.row as usize)?;
        let mut links = server.linked_servers.seen().iter();
        let link = links.find(|l| l.server_id == row.server_id)?;
        let local = row.local_principal_id.filter(|id| id.0 != 0);
        let local = match local {
            Some(local) => Some(self.principal_name(Scope::Server, local)?),
            None => None,
        };
        Some(Change::DropLinkedLogin {
            server: link.name.clone(),
            local,
        })
    }

    fn revoke_proxy(&self, fact: FactRef) -> Option<Change> {
        const TO_MSDB_ROLE: i32 = 2;
        let server = &self.index.snapshot.server;
        let row = server.proxy_logins.seen().get(fact.row as usize)?;
        let mut proxies = server.proxies.seen().iter();
        let proxy = proxies.find(|p| p.proxy_id == row.proxy_id)?;
        let sid = row.sid.as_deref()?;
        let scope = match row.flags {
            TO_MSDB_ROLE => Scope::Database(self.msdb?),
            _ => Scope::Server,
        };
        let principal = self.index.scope(scope).with_sid(sid)?;
        Some(Change::RevokeProxy {
            proxy: proxy.name.clone(),
            from: self.principal_name(scope, principal)?,
        })
    }

    fn alter_database(&self, edge: &Edge, fact: FactRef) -> Option<Change> {
        let rows = self.index.snapshot.server.databases.seen();
        let row = rows.get(fact.row as usize)?;
        let database = DatabaseName::new(&row.name);
        match edge.step {
            Step::TrustedOwner | Step::TrustedUser | Step::TrustedNewUser | Step::NewAssembly => {
                (row.database_id != MSDB).then_some(Change::TrustworthyOff { database })
            }
            Step::ChainedModule if row.is_db_chaining_on == Some(true) => {
                Some(Change::ChainingOff { database })
            }
            _ => None,
        }
    }

    /// The option of the channel that a step ends at.
    fn disable(&self, to: Node) -> Option<Change> {
        let Node::Command(channel) = to else {
            return None;
        };
        let option = channel.option().filter(|_| self.runs_now(channel))?;
        let rows = self.index.snapshot.server.configurations.seen();
        let mut rows = rows
            .iter()
            .filter(|row| row.name.eq_ignore_ascii_case(option));
        let name = rows.next()?.name.clone();
        Some(Change::DisableOption { name })
    }
}
