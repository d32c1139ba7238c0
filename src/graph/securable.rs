//! What a permission is on, and what contains it.

use super::index::{Db, Scope};
use super::permission::{Class, Permission};

/// Something permissions are given on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Securable {
    /// Where its permissions stand.
    pub scope: Scope,
    /// Its class.
    pub class: Class,
    /// `major_id`; 0 of the server and of a database.
    pub id: i32,
    /// The schema of an object.
    pub(super) schema: Option<i32>,
}

impl Securable {
    /// The instance.
    pub const SERVER: Self = Self {
        scope: Scope::Server,
        class: Class::Server,
        id: 0,
        schema: None,
    };

    /// A login or server role.
    pub fn server(class: Class, id: i32) -> Self {
        Self {
            scope: Scope::Server,
            class,
            id,
            schema: None,
        }
    }

    /// A database.
    pub fn database(db: Db) -> Self {
        Self::within(db, Class::Database, 0)
    }

    /// Something in a database that is in no schema.
    pub fn within(db: Db, class: Class, id: i32) -> Self {
        Self {
            scope: Scope::Database(db),
            class,
            id,
            schema: None,
        }
    }

    /// An object of a schema.
    pub fn object(db: Db, id: i32, schema: i32) -> Self {
        Self {
            scope: Scope::Database(db),
            class: Class::Object,
            id,
            schema: Some(schema),
        }
    }

    /// The securable of its chain of containers that a covering permission is on.
    pub fn container(self, permission: Permission) -> Option<Self> {
        let (class, _) = permission;
        if class == self.class {
            return Some(self);
        }
        match (class, self.scope) {
            (Class::Server, _) => Some(Self::SERVER),
            (Class::Database, Scope::Database(db)) => Some(Self::database(db)),
            (Class::Schema, Scope::Database(db)) => {
                Some(Self::within(db, Class::Schema, self.schema?))
            }
            _ => None,
        }
    }
}
