//! DENY rows by which somebody hides metadata from whoever reads it (docs: metadata visibility configuration). An
//! owner can hide a planted module so, and the row itself stays visible to the one who is denied.

use std::collections::BTreeSet;

use super::{DatabaseFacts, Observed, Permission, ServerFacts, TokenRow};
use crate::ids::PrincipalId;

/// The server role `public`.
pub const PUBLIC_LOGIN: PrincipalId = PrincipalId(2);
/// The database role `public`.
pub const PUBLIC_USER: PrincipalId = PrincipalId(0);

/// Permissions whose DENY hides metadata.
const HIDING: &[&str] = &[
    "VIEW DEFINITION",
    "VIEW ANY DEFINITION",
    "VIEW SECURITY DEFINITION",
    "VIEW ANY SECURITY DEFINITION",
    "CONTROL",
    "CONTROL SERVER",
];

/// Securable classes of `sys.database_permissions` and `sys.server_permissions`, in the words of T-SQL.
const CLASSES: &[(i32, &str)] = &[
    (0, "database"),
    (1, "object"),
    (3, "schema"),
    (4, "database principal"),
    (5, "assembly"),
    (6, "type"),
    (10, "XML schema collection"),
    (15, "message type"),
    (16, "service contract"),
    (17, "service"),
    (18, "remote service binding"),
    (19, "route"),
    (23, "full-text catalog"),
    (24, "symmetric key"),
    (25, "certificate"),
    (26, "asymmetric key"),
    (100, "server"),
    (101, "login"),
    (105, "endpoint"),
    (108, "availability group"),
];

impl Permission {
    /// What it is about, such as `object`; `class 77` for a class that is not known.
    pub fn class_name(&self) -> String {
        let known = CLASSES.iter().find(|(class, _)| *class == self.class);
        known.map_or_else(
            || format!("class {}", self.class),
            |(_, name)| (*name).to_owned(),
        )
    }
}

impl ServerFacts {
    /// DENY rows of the instance that hide metadata from the auditor; `None` when they, or whom they bind, could not
    /// be read.
    pub fn hiding_denials(&self) -> Option<Vec<&Permission>> {
        denials(&self.server_permissions, &self.login_token, PUBLIC_LOGIN)
    }
}

impl DatabaseFacts {
    /// The same in a database.
    pub fn hiding_denials(&self) -> Option<Vec<&Permission>> {
        denials(&self.database_permissions, &self.user_token, PUBLIC_USER)
    }
}

fn denials<'a>(
    permissions: &'a Observed<Vec<Permission>>,
    token: &Observed<Vec<TokenRow>>,
    public: PrincipalId,
) -> Option<Vec<&'a Permission>> {
    if !matches!(
        permissions,
        Observed::Known { .. } | Observed::Partial { .. }
    ) {
        return None;
    }
    let own: BTreeSet<PrincipalId> = token
        .known()?
        .iter()
        .filter_map(|row| row.principal_id)
        .chain([public])
        .collect();
    let hides = |p: &&Permission| {
        p.state == "D"
            && own.contains(&p.grantee_principal_id)
            && p.permission_name
                .as_deref()
                .is_some_and(|name| HIDING.contains(&name))
    };
    Some(permissions.seen().iter().filter(hides).collect())
}
