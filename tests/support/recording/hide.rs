//! Taking facts away, one by one, as missing rights and broken queries do.

use mssql_posture::snapshot::{DatabaseFacts, Fact, Observed, ServerError, Snapshot};

/// How a fact is taken away.
#[derive(Clone, Debug)]
pub enum Hidden {
    /// Only the rows whose turn is `true` are seen; the pattern repeats. A single value stays.
    Partial(Vec<bool>),
    /// With what would show it.
    Denied(Vec<String>),
    Failed,
    NotCollected,
}

impl Hidden {
    fn unseen<T>(&self) -> Option<Observed<T>> {
        Some(match self {
            Self::Partial(_) => return None,
            Self::Denied(needs) => Observed::Denied {
                needs: needs.clone(),
            },
            Self::Failed => Observed::Failed {
                error: ServerError::new(1222, "Lock request time out period exceeded."),
            },
            Self::NotCollected => Observed::NotCollected {
                why: "not asked".to_owned(),
            },
        })
    }

    fn keeps(&self, index: usize) -> bool {
        match self {
            Self::Partial(pattern) if !pattern.is_empty() => pattern[index % pattern.len()],
            _ => true,
        }
    }
}

trait Hide {
    fn hide(&mut self, how: &Hidden);
}

impl<T> Hide for Observed<Vec<T>> {
    fn hide(&mut self, how: &Hidden) {
        if let Some(unseen) = how.unseen() {
            *self = unseen;
            return;
        }
        self.limit("a right");
        if let Self::Partial { value, .. } = self {
            let mut index = 0..;
            value.retain(|_| how.keeps(index.next().unwrap_or_default()));
        }
    }
}

macro_rules! hide_single {
    ($($single:ty)*) => { $(
        impl Hide for Observed<$single> {
            fn hide(&mut self, how: &Hidden) {
                match how.unseen() {
                    Some(unseen) => *self = unseen,
                    None => self.limit("a right"),
                }
            }
        }
    )* };
}

hide_single! {
    mssql_posture::snapshot::ServerIdentity
    mssql_posture::snapshot::SessionIdentity
    mssql_posture::snapshot::Host
    mssql_posture::snapshot::DatabaseSession
}

macro_rules! by_name {
    ($facts:expr, $name:expr, $how:expr, $($field:ident)*) => {
        match $name {
            $(stringify!($field) => $facts.$field.hide($how),)*
            _ => return false,
        }
    };
}

fn hide_in(facts: &mut DatabaseFacts, fact: &str, how: &Hidden) -> bool {
    by_name!(facts, fact, how, database_session user_token database_principals
        database_role_members database_permissions schemas objects modules triggers parameters
        synonyms assemblies assembly_files assembly_modules extended_procedures);
    true
}

fn hide_on_server(snapshot: &mut Snapshot, fact: &str, how: &Hidden) -> bool {
    by_name!(snapshot.server, fact, how, server_identity session login_token host configurations
        databases server_principals server_role_members server_permissions server_triggers
        server_modules trusted_assemblies system_extended_procedures startup_procedures);
    true
}

/// Takes a fact away: at server scope, or in one database.
pub fn hide(snapshot: &mut Snapshot, fact: Fact, database: Option<&str>, how: &Hidden) {
    let done = match database {
        None => hide_on_server(snapshot, fact.name(), how),
        Some(name) => snapshot
            .databases
            .iter_mut()
            .filter(|facts| facts.name.as_str() == name)
            .any(|facts| hide_in(facts, fact.name(), how)),
    };
    assert!(done, "{} is not to be found in {database:?}", fact.name());
}

/// Whether a fact is one of a database's.
pub fn is_of_database(fact: Fact) -> bool {
    let mut facts = DatabaseFacts::unseen(1, "x", "");
    hide_in(&mut facts, fact.name(), &Hidden::NotCollected)
}

/// The server refused this query in a database.
pub(super) fn refuse(facts: &mut DatabaseFacts, fact: &str, needs: Vec<String>) {
    assert!(
        hide_in(facts, fact, &Hidden::Denied(needs)),
        "{fact} is no fact of a database"
    );
}

/// The same at server scope.
pub(super) fn refuse_server(snapshot: &mut Snapshot, fact: &str, needs: Vec<String>) {
    let done = hide_on_server(snapshot, fact, &Hidden::Denied(needs));
    assert!(done, "{fact} is no fact of a server");
}
