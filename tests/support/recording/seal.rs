//! Finishing a recording: sorted lists, module text and its hash, query records.

use mssql_posture::snapshot::{
    DatabaseFacts, ModuleLine, Observed, ServerFacts, render_module_lines, sha256_hex,
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
        system_extended_procedures startup_procedures);
}

fn sort_database(facts: &mut DatabaseFacts) {
    sort_all!(facts, user_token database_principals database_role_members database_permissions
        schemas objects modules triggers parameters synonyms assemblies assembly_files
        assembly_modules extended_procedures);
}

impl Recording {
    /// The two files, as the collector would have left them.
    pub fn finish(&self) -> Recorded {
        let mut snapshot = self.snapshot.clone();
        sort_server(&mut snapshot.server);
        snapshot.databases.sort_by_key(|facts| facts.database_id);
        snapshot.databases.iter_mut().for_each(sort_database);
        let lines = self
            .texts
            .iter()
            .map(|((database, object_id), text)| ModuleLine {
                database: database.clone(),
                object_id: *object_id,
                sha256: sha256_hex(text.as_bytes()),
                definition: text.clone(),
            });
        let (module_text, file) = render_module_lines(lines.collect()).unwrap();
        snapshot.module_text = file;
        queries::record(&mut snapshot, self.base.version, &self.errors);
        Recorded {
            snapshot,
            module_text,
        }
    }
}
