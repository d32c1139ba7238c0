//! The T-SQL that grants what a target's login lacks.

use crate::collect::grants::{self, Grant, Right};
use crate::collect::login_script::{self, Lacking, LoginName};
use crate::snapshot::{
    EntryState, Observed, Preflight, PreflightDatabase, RightState, ServerIdentity,
    SessionIdentity, TokenRow,
};

const WINDOWS_GROUP: &str = "WINDOWS GROUP";

/// What grants the missing rights, on a server of this version.
pub fn statements(
    found: &Preflight,
    databases: &[PreflightDatabase],
    token: &Observed<Vec<TokenRow>>,
    session: &SessionIdentity,
    identity: &ServerIdentity,
    version: u16,
) -> Option<String> {
    let closed: Vec<&PreflightDatabase> = databases
        .iter()
        .filter(|database| database.state == EntryState::NoAccess)
        .collect();
    let msdb_closed = closed
        .iter()
        .any(|database| database.name.as_str() == "msdb");
    let due = |grant: &Grant| {
        let state = found.rights.iter().find(|r| r.right == grant.right.text());
        match (state.map(|right| right.state), grant.right) {
            (_, Right::User) => false,
            // Whether it is there cannot be seen from outside; to grant it twice changes nothing.
            (Some(RightState::Unknown), Right::Select(_)) => msdb_closed,
            (state, _) => state == Some(RightState::Missing),
        }
    };
    let mut grants = grants::least(version);
    grants.retain(due);
    let by_user = grants::entry(version) == Right::User;
    let held_entry = !by_user
        && found
            .rights
            .iter()
            .any(|r| r.right == grants::entry(version).text() && r.state == RightState::Held);
    let names = || closed.iter().map(|database| database.name.as_str());
    let mut to_decide: Vec<String> = Vec::new();
    if held_entry {
        to_decide.extend(names().map(|name| {
            format!("database {name} lets nobody in without CONNECT there: look for DENY CONNECT that binds the login")
        }));
    }
    to_decide.extend(found.denials.iter().map(|denial| {
        let place = denial.database.as_ref().map_or_else(
            || "at server scope".to_owned(),
            |name| format!("in database {name}"),
        );
        let principal = match &denial.principal {
            Some(name) => format!("{name} (id {})", denial.principal_id),
            None => format!("principal {}", denial.principal_id),
        };
        format!(
            "DENY {} on class {}, id {}, to {principal} {place} hides things: decide whether it is meant for the auditor",
            denial.permission, denial.class, denial.major_id
        )
    }));
    let lacking = Lacking {
        grants,
        users_in: if by_user {
            names().collect()
        } else {
            Vec::new()
        },
        server: identity.server_name.as_deref(),
        to_decide,
    };
    let login = grantee(token, session);
    login_script::grant_lacking(found.target.as_str(), login.as_ref(), &lacking)
}

/// The login that rights are granted to: the session's own, or the one Windows group by which it came in.
fn grantee(token: &Observed<Vec<TokenRow>>, session: &SessionIdentity) -> Option<LoginName> {
    let own = session.original_login.as_deref()?;
    let logins: Vec<&TokenRow> = token
        .seen()
        .iter()
        .filter(|row| row.principal_id.is_some_and(|id| id.0 > 0))
        .collect();
    let is_own = logins.iter().any(|row| row.name.as_deref() == Some(own));
    let groups: Vec<&str> = logins
        .iter()
        .filter(|row| row.r#type.as_deref() == Some(WINDOWS_GROUP))
        .filter_map(|row| row.name.as_deref())
        .collect();
    let name = match groups.as_slice() {
        _ if is_own => own,
        [group] => group,
        _ => return None,
    };
    LoginName::new(name).ok()
}
