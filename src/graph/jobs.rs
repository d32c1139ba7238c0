//! Which jobs of SQL Server Agent are run.

use super::fact::FactRef;
use super::index::{Index, Scope};
use crate::snapshot::Job;

/// The role of msdb whose members switch on and start jobs of others (docs: SQL Server Agent fixed database roles).
const OPERATORS: &str = "SQLAgentOperatorRole";

impl Index<'_> {
    /// Whether a job is on, or somebody is there who starts it nevertheless.
    pub fn is_run(&self, job: &Job) -> bool {
        job.enabled != 0 || self.operator().is_some()
    }

    /// Somebody who starts jobs of others without owning msdb.
    fn operator(&self) -> Option<FactRef> {
        let (msdb, _) = self
            .databases()
            .find(|(_, d)| d.database_id == super::build::MSDB)?;
        let scope = Scope::Database(msdb);
        let mut those = self
            .below(scope, self.role_named(msdb, OPERATORS)?)
            .into_iter();
        let one = those.find(|user| !self.is_role(scope, *user))?;
        self.principal_fact(scope, one)
    }
}
