//! Finishing a recording: sorted lists, module text and its hash, query records.

use mssql_posture::snapshot::{
    AnyFact, DatabaseFacts, ModuleLine, Observed, ServerFacts, Snapshot, SqlLogin,
    render_module_lines, sha256_hex,
};

use super::{Recorded, Recording, queries};

fn sort<T: Ord>(list: &mut Observed<Vec<T>>) {
    if let Observed::Known { value } | Observed::Partial { value, .. } = list {
        value.sort();
    }
}

macro_rules! sort_all {
    ($facts:expr, $($field:ident)*) => { $( sort(&mut $facts.$field); )* };
}

fn sort_server(facts: &mut ServerFacts) {
    sort_all!(facts, login_token configurations databases server_principals server_role_members
        server_permissions server_triggers server_modules trusted_assemblies
        system_extended_procedures startup_procedures sql_logins job_steps subsystems
        job_schedules schedules);
}

fn sort_database(facts: &mut DatabaseFacts) {
    sort_all!(facts, user_token database_principals database_role_members database_permissions
        schemas objects modules triggers parameters synonyms assemblies assembly_files
        assembly_modules extended_procedures numbered_procedures service_queues);
}

/// Whoever does not see all objects of msdb does not know that its tables are tables.
fn limit_msdb(snapshot: &mut Snapshot) {
    let mut databases = snapshot.databases.iter();
    let Some(msdb) = databases.find(|d| d.name.as_str() == "msdb") else {
        return;
    };
    if msdb.objects.is_settled() {
        return;
    }
    let needs = msdb.objects.needs().join(", ");
    let need = format!("the objects of msdb, to know that its tables are tables: {needs}");
    for query in queries::read_in("msdb") {
        if let Some(fact) = snapshot.server.named_mut(query.name) {
            fact.limit(&need);
        }
    }
}

/// Every SQL login has its row, as setup and CREATE LOGIN make it, where none was written.
fn sql_logins(facts: &mut ServerFacts) {
    let (Observed::Known { value } | Observed::Partial { value, .. }) = &mut facts.sql_logins
    else {
        return;
    };
    for login in facts.server_principals.seen() {
        let id = login.principal_id;
        if login.r#type == "S" && !value.iter().any(|row| row.principal_id == id) {
            value.push(SqlLogin {
                principal_id: id,
                is_policy_checked: Some(true),
                is_expiration_checked: Some(login.name.starts_with("##MS_Policy")),
                credential_id: None,
            });
        }
    }
}

impl Recording {
    /// The two files, as the collector would have left them.
    pub fn finish(&self) -> Recorded {
        let mut snapshot = self.snapshot.clone();
        sql_logins(&mut snapshot.server);
        limit_msdb(&mut snapshot);
        sort_server(&mut snapshot.server);
        snapshot.databases.sort_by_key(|facts| facts.database_id);
        snapshot.databases.iter_mut().for_each(sort_database);
        let lines = self
            .texts
            .iter()
            .map(|((database, object_id), text)| ModuleLine {
                database: database.clone(),
                object_id: *object_id,
                part: None,
                sha256: sha256_hex(text.as_bytes()),
                definition: text.clone(),
            });
        let lines = lines.chain(self.further_texts.iter().cloned());
        let (module_text, file) = render_module_lines(lines.collect()).unwrap();
        snapshot.module_text = file;
        queries::record(&mut snapshot, self.base.version, &self.errors);
        Recorded {
            snapshot,
            module_text,
        }
    }
}
