//! Each way in which a list can be less than it seems, and that it is then called partial.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::ids::DatabaseName;
use crate::snapshot::{
    DatabasePrincipal, DatabaseSession, Object, Observed, RoleMember, ServerPrincipal,
    ServerTrigger, TokenRow, TrustedAssembly,
};

fn known<T>(value: T) -> Observed<T> {
    Observed::Known { value }
}

fn session() -> SessionIdentity {
    SessionIdentity {
        session_id: 51,
        original_login: Some("posture_audit".into()),
        login: Some("posture_audit".into()),
        is_sysadmin: Some(false),
        control_server: Some(false),
        view_any_database: Some(true),
        view_any_definition: Some(true),
        view_any_security_definition: Some(true),
        view_server_state: Some(true),
        view_server_security_state: Some(true),
        view_server_performance_state: Some(true),
        alter_trace: Some(false),
        connect_any_database: Some(true),
        net_transport: None,
        auth_scheme: None,
        utc_offset_minutes: Some(0),
        utc_now: None,
    }
}

fn login(id: i32) -> ServerPrincipal {
    ServerPrincipal {
        principal_id: PrincipalId(id),
        name: format!("login {id}"),
        sid: None,
        r#type: "S".into(),
        is_disabled: Some(false),
        create_date: None,
        modify_date: None,
        owning_principal_id: None,
        is_fixed_role: Some(false),
    }
}

fn token(id: i32) -> TokenRow {
    TokenRow {
        principal_id: Some(PrincipalId(id)),
        name: None,
        r#type: None,
        usage: None,
    }
}

fn permission(class: i32, major_id: i32, grantee: i32, name: &str, state: &str) -> Permission {
    Permission {
        class,
        major_id,
        minor_id: 0,
        grantee_principal_id: PrincipalId(grantee),
        grantor_principal_id: PrincipalId(1),
        r#type: "VW".into(),
        permission_name: Some(name.into()),
        state: state.into(),
    }
}

const AUDITOR: i32 = 270;

fn server() -> ServerFacts {
    let trigger = ServerTrigger {
        object_id: 1,
        name: "t".into(),
        r#type: "TR".into(),
        create_date: None,
        modify_date: None,
        is_ms_shipped: Some(false),
        is_disabled: false,
    };
    let trusted = TrustedAssembly {
        hash: None,
        description: None,
        create_date: None,
        created_by: None,
    };
    ServerFacts {
        session: known(session()),
        login_token: known(vec![token(2), token(AUDITOR)]),
        databases: known(Vec::new()),
        server_principals: known(vec![login(1), login(2), login(3), login(AUDITOR)]),
        server_role_members: known(vec![RoleMember {
            role_principal_id: PrincipalId(3),
            member_principal_id: PrincipalId(1),
        }]),
        server_permissions: known(Vec::new()),
        server_triggers: known(vec![trigger]),
        server_modules: known(Vec::new()),
        trusted_assemblies: known(vec![trusted]),
        ..ServerFacts::unseen("not part of this test")
    }
}

/// States of databases, principals, members, permissions, triggers, modules, trusted assemblies:
/// `k` known, `p` partial.
fn server_states(change: impl FnOnce(&mut ServerFacts)) -> String {
    let mut facts = server();
    change(&mut facts);
    limit_server(&mut facts);
    let states = [
        facts.databases.state(),
        facts.server_principals.state(),
        facts.server_role_members.state(),
        facts.server_permissions.state(),
        facts.server_triggers.state(),
        facts.server_modules.state(),
        facts.trusted_assemblies.state(),
    ];
    states.iter().map(|state| &state[..1]).collect()
}

fn rights(facts: &mut ServerFacts) -> &mut SessionIdentity {
    match &mut facts.session {
        Observed::Known { value } => value,
        _ => unreachable!(),
    }
}

#[test]
fn full_rights_without_a_denial_see_everything() {
    assert_eq!(server_states(|_| {}), "kkkkkkk");
}

#[test]
fn a_missing_right_limits_what_it_shows() {
    assert_eq!(
        server_states(|f| rights(f).view_any_database = Some(false)),
        "pkkkkkk"
    );
    assert_eq!(
        server_states(|f| rights(f).view_any_definition = Some(false)),
        "kkkkppk",
        "the security definition alone still shows principals"
    );
    assert_eq!(
        server_states(|f| {
            rights(f).view_any_definition = Some(false);
            rights(f).view_any_security_definition = Some(false);
        }),
        "kppppp".to_owned() + "k"
    );
    assert_eq!(
        server_states(|f| {
            rights(f).view_server_state = Some(false);
            rights(f).view_server_security_state = None;
        }),
        "kkkkkkp"
    );
    assert_eq!(
        server_states(|f| rights(f).view_any_database = None),
        "pkkkkkk",
        "a right that this version does not know is not a right that is held"
    );
}

#[test]
fn sysadmin_is_exempt_and_nobody_else() {
    let denied = |f: &mut ServerFacts| {
        let deny = permission(100, 0, 2, "VIEW ANY DEFINITION", "D");
        f.server_permissions = known(vec![deny]);
    };
    assert_eq!(server_states(denied), "kpppppk");
    assert_eq!(
        server_states(|f| {
            denied(f);
            rights(f).control_server = Some(true);
        }),
        "kpppppk",
        "CONTROL SERVER is bound by DENY"
    );
    assert_eq!(
        server_states(|f| {
            denied(f);
            rights(f).is_sysadmin = Some(true);
        }),
        "kkkkkkk"
    );
}

#[test]
fn a_denial_counts_if_it_binds_the_auditor() {
    let with = |grantee, name: &'static str, state: &'static str| {
        server_states(move |f| {
            f.server_permissions = known(vec![permission(101, 1, grantee, name, state)]);
        })
    };
    assert_eq!(
        with(AUDITOR, "VIEW DEFINITION", "D"),
        "kpppkkk",
        "one login hidden"
    );
    assert_eq!(
        with(2, "CONTROL", "D"),
        "kpppkkk",
        "public, and a covering right"
    );
    assert_eq!(with(1, "VIEW DEFINITION", "D"), "kkkkkkk", "somebody else");
    assert_eq!(with(AUDITOR, "VIEW DEFINITION", "G"), "kkkkkkk", "a grant");
    assert_eq!(
        with(AUDITOR, "ALTER", "D"),
        "kkkkkkk",
        "a right that shows nothing"
    );
}

#[test]
fn not_knowing_whom_a_denial_binds_limits_too() {
    let unknown = server_states(|f| f.login_token = Observed::Denied { needs: vec![] });
    assert_eq!(unknown, "kpppppk");
}

#[test]
fn permissions_that_were_not_read_may_hold_a_denial() {
    for unread in [
        Observed::Denied { needs: vec![] },
        Observed::Failed {
            error: crate::snapshot::ServerError::new(1222, "Lock request time out"),
        },
        Observed::NotCollected { why: "x".into() },
    ] {
        let in_database = unread.clone();
        let state = database_states(false, move |f| f.database_permissions = in_database);
        assert_eq!(&state[..2], "pp", "{state}");
        assert_eq!(&state[3..], "ppppppp", "{state}");
        let state = server_states(move |f| f.server_permissions = unread);
        assert_eq!(&state[1..3], "pp", "{state}");
        assert_eq!(&state[4..6], "pp", "{state}");
    }
}

#[test]
fn a_principal_that_is_named_and_not_visible_was_hidden() {
    let hidden = server_states(|f| {
        f.server_role_members = known(vec![RoleMember {
            role_principal_id: PrincipalId(3),
            member_principal_id: PrincipalId(999),
        }]);
    });
    assert_eq!(hidden, "kpppkkk");
}

fn object(id: i32) -> Object {
    Object {
        object_id: id,
        name: format!("o{id}"),
        schema_id: 1,
        principal_id: None,
        parent_object_id: 0,
        r#type: "P".into(),
        create_date: None,
        modify_date: None,
        is_ms_shipped: Some(true),
    }
}

fn user(id: i32) -> DatabasePrincipal {
    DatabasePrincipal {
        principal_id: PrincipalId(id),
        name: format!("user {id}"),
        r#type: "S".into(),
        sid: None,
        owning_principal_id: None,
        is_fixed_role: Some(false),
        authentication_type: None,
        create_date: None,
        modify_date: None,
    }
}

fn database() -> DatabaseFacts {
    DatabaseFacts {
        name: DatabaseName::new("erp"),
        database_session: known(DatabaseSession {
            user_name: Some("posture_audit".into()),
            is_db_owner: Some(false),
            control: Some(false),
            view_definition: Some(true),
            view_security_definition: Some(true),
        }),
        user_token: known(vec![token(0), token(5)]),
        database_principals: known(vec![user(0), user(1), user(5)]),
        database_role_members: known(Vec::new()),
        database_permissions: known(Vec::new()),
        schemas: known(Vec::new()),
        objects: known(vec![object(10)]),
        modules: known(Vec::new()),
        triggers: known(Vec::new()),
        parameters: known(Vec::new()),
        synonyms: known(Vec::new()),
        assemblies: known(Vec::new()),
        assembly_files: known(Vec::new()),
        assembly_modules: known(Vec::new()),
        extended_procedures: known(Vec::new()),
        ..DatabaseFacts::unseen(5, "erp", "")
    }
}

/// States of principals, members, permissions, objects, modules, triggers, assemblies, files,
/// assembly modules, extended procedures.
fn database_states(exempt: bool, change: impl FnOnce(&mut DatabaseFacts)) -> String {
    let mut facts = database();
    change(&mut facts);
    limit_database(&mut facts, exempt);
    let states = [
        facts.database_principals.state(),
        facts.database_role_members.state(),
        facts.database_permissions.state(),
        facts.objects.state(),
        facts.modules.state(),
        facts.triggers.state(),
        facts.assemblies.state(),
        facts.assembly_files.state(),
        facts.assembly_modules.state(),
        facts.extended_procedures.state(),
    ];
    states.iter().map(|state| &state[..1]).collect()
}

#[test]
fn a_database_is_whole_only_with_its_right() {
    assert_eq!(database_states(false, |_| {}), "kkkkkkkkkk");
    let without = |security: bool| {
        database_states(false, move |f| {
            if let Observed::Known { value } = &mut f.database_session {
                value.view_definition = Some(false);
                value.view_security_definition = Some(security);
            }
        })
    };
    assert_eq!(without(true), "kkkppppppp");
    assert_eq!(without(false), "pppppppppp");
    let unseen = Observed::Failed {
        error: crate::snapshot::ServerError::local("x"),
    };
    assert_eq!(
        database_states(false, |f| f.database_session = unseen),
        "pppppppppp"
    );
}

#[test]
fn an_owner_cannot_hide_a_module_by_denial() {
    let with = |class, name: &'static str| {
        database_states(false, move |f| {
            f.database_permissions = known(vec![permission(class, 10, 0, name, "D")]);
        })
    };
    assert_eq!(with(class::OBJECT, "VIEW DEFINITION"), "kkppppkkpp");
    assert_eq!(with(class::SCHEMA, "CONTROL"), "kkppppkkpp");
    assert_eq!(with(class::ASSEMBLY, "VIEW DEFINITION"), "kkpkkkpppk");
    assert_eq!(with(class::PRINCIPAL, "VIEW DEFINITION"), "pppkkkkkkk");
    assert_eq!(with(class::DATABASE, "VIEW DEFINITION"), "pppppppppp");
}

#[test]
fn an_id_that_no_visible_object_carries_limits_the_objects() {
    let named = |id| {
        database_states(false, move |f| {
            f.database_permissions = known(vec![permission(class::OBJECT, id, 5, "EXECUTE", "G")]);
        })
    };
    assert_eq!(named(11), "kkkpppkkkp");
    assert_eq!(named(10), "kkkkkkkkkk", "a visible object");
    assert_eq!(
        named(-11),
        "kkkkkkkkkk",
        "shipped objects stand in the resource database"
    );
}
