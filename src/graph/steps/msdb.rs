//! Ways to the power of sysadmin through msdb: what SQL Server Agent runs for administrators stands there.

use super::super::build::Graph;
use super::super::fact::FactRef;
use super::super::holders::Holder;
use super::super::index::{Db, Scope};
use super::super::node::Node;
use super::super::permission::Class;
use super::super::securable::Securable;
use super::super::step::{Edge, Step};
use crate::snapshot::{Fact, Object};

/// The schema `dbo`, in which setup puts everything of msdb's.
const DBO_SCHEMA: i32 = 1;

/// Tables and the rights on them that decide what a job of somebody else's does, and as whom (docs: dbo.sysjobs,
/// dbo.sysjobsteps).
const JOB_TABLES: &[(&str, &[&str])] = &[("sysjobs", &["UP"]), ("sysjobsteps", &["IN", "UP"])];

/// Rights that change what an object is.
const CHANGING: &[&str] = &["AL", "TO"];

impl Graph<'_> {
    pub(super) fn msdb_powers(&self) -> Vec<Edge> {
        let Some(msdb) = self.msdb.filter(|_| self.has_agent) else {
            return Vec::new();
        };
        let row = self.index.database_row(msdb).map(|(_, fact)| fact);
        let mut edges = vec![Edge::new(Node::Inside(msdb), Step::MsdbOwner, row)];
        edges.extend(self.package_changers(msdb));
        edges.extend(self.msdb_writers(msdb));
        edges
    }

    fn package_changers(&self, msdb: Db) -> Vec<Edge> {
        let Some(step) = self.package_step_of_administrator() else {
            return Vec::new();
        };
        let scope = Scope::Database(msdb);
        let roles = ["db_ssisadmin", "dc_admin"].into_iter();
        let roles = roles.filter_map(|name| self.index.role_named(msdb, name));
        let edge = |role| {
            let own = self.index.principal_fact(scope, role);
            let facts = own.into_iter().chain([step]);
            Edge::new(Node::user(msdb, role), Step::SsisAdministrator, facts)
        };
        roles.map(edge).collect()
    }

    /// A step that runs an SSIS package as an administrator's job.
    fn package_step_of_administrator(&self) -> Option<FactRef> {
        let server = &self.index.snapshot.server;
        let jobs = server.jobs.seen();
        let mut steps = (0..).zip(server.job_steps.seen());
        let found = steps.find(|(_, step)| {
            let job = jobs.iter().find(|job| job.job_id == step.job_id);
            let owner = job.filter(|job| self.index.is_run(job));
            let owner = owner.and_then(|job| self.login_of_sid(job.owner_sid.as_deref()?));
            step.subsystem.eq_ignore_ascii_case("SSIS")
                && owner.is_some_and(|owner| self.sysadmin_facts(owner).is_some())
        });
        found.map(|(at, _)| FactRef::server(Fact::JobSteps, at))
    }

    /// Who writes the tables of jobs, or changes code and tables of setup's, dbo aside.
    fn msdb_writers(&self, msdb: Db) -> Vec<Edge> {
        let schema = Securable::within(msdb, Class::Schema, DBO_SCHEMA);
        let mut holders = self.index.holders(schema, "AL");
        for (table, codes) in JOB_TABLES {
            let on = self.of_setup_named(msdb, table);
            holders.extend(codes.iter().flat_map(|code| self.index.holders(on, code)));
        }
        let mut edges = Vec::new();
        for object in self.of_setup(msdb) {
            let on = Securable::object(msdb, object.object_id, DBO_SCHEMA);
            // Who may change the schema is there already: few objects have such a row of their own.
            let is_named = |code| !self.index.given(false, on, code, None).is_empty();
            if is_named("CL") || CHANGING.iter().copied().any(is_named) {
                let own = CHANGING.iter().copied();
                holders.extend(own.flat_map(|code| self.index.holders(on, code)));
            }
            if object.principal_id.is_some() {
                edges.extend(self.owner_edges((msdb, object.object_id), Step::MsdbWriter));
            }
        }
        edges.extend(holders.into_iter().map(|h| h.step(Step::MsdbWriter)));
        edges
    }

    /// What setup put into msdb.
    fn of_setup(&self, msdb: Db) -> impl Iterator<Item = &Object> {
        let objects = self.index.database(msdb).map(|d| d.objects.seen());
        let objects = objects.unwrap_or_default().iter();
        objects
            .filter(|object| object.is_ms_shipped != Some(false) && object.schema_id == DBO_SCHEMA)
    }

    /// Something that setup put into msdb, by its name; what it is in where it was not seen.
    fn of_setup_named(&self, msdb: Db, name: &str) -> Securable {
        let found = self.of_setup(msdb).find(|object| object.name == name);
        match found {
            Some(object) => Securable::object(msdb, object.object_id, DBO_SCHEMA),
            None => Securable::within(msdb, Class::Schema, DBO_SCHEMA),
        }
    }

    /// Who may execute a procedure of msdb's by a right of his own.
    pub(super) fn runners_of_setup(&self, msdb: Db, name: &str) -> Vec<Holder> {
        let on = self.of_setup_named(msdb, name);
        self.index.holders(on, "EX")
    }
}
