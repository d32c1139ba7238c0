//! The T-SQL that grants what a target's login lacks.

use crate::collect::grants::{self, Grant, Right};
use crate::collect::login_script::{self, Lacking, LoginName};
use crate::snapshot::{
    Denial, EntryState, Observed, Preflight, PreflightDatabase, RightState, ServerIdentity,
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
    let closed = databases
        .iter()
        .filter(|database| database.state == EntryState::NoAccess)
        .map(|database| database.name.as_str());
    let closed: Vec<&str> = closed.collect();
    let mut grants = grants::least(version);
    grants.retain(|grant| is_due(grant, found, &closed));
    let entry = grants::entry(version);
    let mut to_decide: Vec<String> = Vec::new();
    if entry != Right::User && state(found, entry) == Some(RightState::Held) {
        to_decide.extend(closed.iter().map(|name| {
            format!("database {name} refuses the login, which may enter any: look for DENY CONNECT that binds it there")
        }));
    }
    to_decide.extend(found.denials.iter().map(decision));
    let lacking = Lacking {
        grants,
        users_in: if entry == Right::User {
            closed
        } else {
            Vec::new()
        },
        server: identity.server_name.as_deref(),
        to_decide,
    };
    let login = grantee(token, session);
    login_script::grant_lacking(found.target.as_str(), login.as_ref(), &lacking)
}

fn state(found: &Preflight, right: Right) -> Option<RightState> {
    let mut rights = found.rights.iter();
    rights
        .find(|known| known.right == right.text())
        .map(|known| known.state)
}

fn is_due(grant: &Grant, found: &Preflight, closed: &[&str]) -> bool {
    match (state(found, grant.right), grant.right) {
        (_, Right::User) => false,
        // Whether it is there cannot be seen from outside; to grant it twice changes nothing.
        (Some(RightState::Unknown), Right::Select(_)) => closed.contains(&"msdb"),
        (state, _) => state == Some(RightState::Missing),
    }
}

/// A DENY may be meant: whether it goes is not ours to say.
fn decision(denial: &Denial) -> String {
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
