//! Which jobs of SQL Server Agent are run.

use super::index::{Index, Scope};
use crate::snapshot::Job;

/// The role of msdb whose members switch on and start jobs of others (docs: SQL Server Agent fixed database roles).
const OPERATORS: &str = "SQLAgentOperatorRole";

impl Index<'_> {
    /// Whether a job is on, or somebody is there who starts it nevertheless.
    pub fn is_run(&self, job: &Job) -> bool {
        job.enabled != 0 || self.has_operator()
    }

    /// Whether somebody starts jobs of others without owning msdb.
    fn has_operator(&self) -> bool {
        let mut databases = self.databases();
        let msdb = databases.find(|(_, d)| d.database_id == super::build::MSDB);
        let role = msdb.and_then(|(db, _)| Some((db, self.role_named(db, OPERATORS)?)));
        role.is_some_and(|(db, role)| {
            let scope = Scope::Database(db);
            let mut those = self.below(scope, role).into_iter();
            those.any(|user| !self.is_role(scope, user))
        })
    }
}
