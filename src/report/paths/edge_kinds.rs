//! Which OpenGraph edge each kind of step becomes. Where MSSQLHound has an edge that means the same, its kind and its
//! ends are taken, so that both files give one graph; everything else has a kind of our own.

use crate::graph::Step;

/// What an edge is tied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// The place itself.
    Place,
    /// The database that the place is in: MSSQLHound's edges of control over a database end there.
    Database,
    /// The instance that the place is on.
    Server,
}

use Tie::{Database, Place, Server};

/// An edge kind, what it begins at and what it ends at.
pub type Kind = (&'static str, Tie, Tie);

const fn own(kind: &'static str) -> Kind {
    (kind, Place, Place)
}

/// Each kind of step, in the order of [`Step::ALL`].
pub const KINDS: &[(Step, Kind)] = &[
    (Step::Member, ("MSSQL_MemberOf", Place, Place)),
    (Step::GroupMember, own("MSSQLPosture_GroupMember")),
    (Step::EveryLogin, ("MSSQL_MemberOf", Place, Place)),
    (Step::EveryUser, ("MSSQL_MemberOf", Place, Place)),
    // Not in MSSQLHound's extension schema, but its collector writes it.
    (Step::MappedUser, ("MSSQL_IsMappedTo", Place, Place)),
    (Step::Guest, own("MSSQLPosture_Guest")),
    (Step::AddMember, ("MSSQL_AddMember", Place, Place)),
    (Step::Impersonate, ("MSSQL_ExecuteAs", Place, Place)),
    (Step::ImpersonateUser, ("MSSQL_ExecuteAs", Place, Place)),
    (Step::ResetPassword, ("MSSQL_ChangePassword", Place, Place)),
    (
        Step::GrantServerPermissions,
        ("MSSQL_GrantAnyPermission", Place, Server),
    ),
    (Step::ControlServer, ("MSSQL_ControlServer", Place, Server)),
    (Step::DatabaseOwner, ("MSSQL_Owns", Place, Database)),
    (Step::ControlDatabase, ("MSSQL_ControlDB", Place, Database)),
    // MSSQL_TakeOwnership ends at the database, and from there it would go on with the present owner's power, which is
    // gone by this step: see `EXTRAS`.
    (Step::TakeOwnership, own("MSSQLPosture_TakeOwnership")),
    (
        Step::GrantDatabasePermissions,
        ("MSSQL_GrantAnyDBPermission", Place, Database),
    ),
    (
        Step::ApplicationRole,
        ("MSSQL_ChangePassword", Place, Place),
    ),
    (Step::AdoptOrphan, own("MSSQLPosture_AdoptOrphan")),
    // MSSQL_ExecuteAsOwner is added where the owner is in sysadmin: it ends at the server.
    (Step::TrustedOwner, own("MSSQLPosture_TrustedOwner")),
    (Step::TrustedUser, own("MSSQLPosture_TrustedUser")),
    (Step::TrustedNewUser, own("MSSQLPosture_TrustedNewUser")),
    (Step::MsdbOwner, own("MSSQLPosture_MsdbOwner")),
    (
        Step::SsisAdministrator,
        own("MSSQLPosture_SsisAdministrator"),
    ),
    (Step::MsdbWriter, own("MSSQLPosture_MsdbWriter")),
    (Step::RestoreOver, own("MSSQLPosture_RestoreOver")),
    (Step::OwnDatabase, own("MSSQLPosture_OwnDatabase")),
    (Step::ExecuteModule, own("MSSQLPosture_ExecuteModule")),
    (Step::FireTrigger, own("MSSQLPosture_FireTrigger")),
    (Step::CallsModule, own("MSSQLPosture_CallsModule")),
    (Step::NestedCall, own("MSSQLPosture_NestedCall")),
    (Step::NestedAlter, own("MSSQLPosture_NestedAlter")),
    (Step::NestedRun, own("MSSQLPosture_NestedRun")),
    (Step::ModuleContext, own("MSSQLPosture_ModuleContext")),
    (Step::SignedModule, own("MSSQLPosture_SignedModule")),
    (Step::SignModule, own("MSSQLPosture_SignModule")),
    (Step::AlterModule, own("MSSQLPosture_AlterModule")),
    (Step::StartupRun, own("MSSQLPosture_StartupRun")),
    (Step::TriggerRun, own("MSSQLPosture_TriggerRun")),
    (Step::JobRun, own("MSSQLPosture_JobRun")),
    (Step::ActivationRun, own("MSSQLPosture_ActivationRun")),
    (Step::DdlTrigger, own("MSSQLPosture_DdlTrigger")),
    (Step::LinkedLogin, own("MSSQLPosture_LinkedLogin")),
    (Step::LinkedQuery, own("MSSQLPosture_LinkedQuery")),
    (Step::ArmLink, own("MSSQLPosture_ArmLink")),
    (Step::AlterSettings, own("MSSQLPosture_AlterSettings")),
    (Step::Administrator, own("MSSQLPosture_Administrator")),
    (Step::ExecuteProcedure, own("MSSQLPosture_ExecuteProcedure")),
    (Step::ModuleCommand, own("MSSQLPosture_ModuleCommand")),
    (Step::ChainedModule, own("MSSQLPosture_ChainedModule")),
    (Step::ExtendedCode, own("MSSQLPosture_ExtendedCode")),
    (Step::ClrModule, own("MSSQLPosture_ClrModule")),
    (Step::BindAssembly, own("MSSQLPosture_BindAssembly")),
    (Step::NewAssembly, own("MSSQLPosture_NewAssembly")),
    (Step::ReplaceAssembly, own("MSSQLPosture_ReplaceAssembly")),
    (Step::AgentProxy, own("MSSQLPosture_AgentProxy")),
    (Step::ExternalScript, own("MSSQLPosture_ExternalScript")),
    (Step::InsideDatabase, own("MSSQLPosture_InsideDatabase")),
    (Step::LinkedHop, own("MSSQLPosture_LinkedHop")),
    (Step::ServiceAccount, own("MSSQLPosture_ServiceAccount")),
    (Step::Unseen, own("MSSQLPosture_Unseen")),
    (Step::UnseenRun, own("MSSQLPosture_UnseenRun")),
];

/// What a step shows besides, in MSSQLHound's kinds that say less than a step and do not lead on.
pub const EXTRAS: &[(Step, Kind)] = &[
    (
        Step::TakeOwnership,
        ("MSSQL_TakeOwnership", Place, Database),
    ),
    (Step::TrustedOwner, ("MSSQL_IsTrustedBy", Database, Server)),
    (Step::TrustedUser, ("MSSQL_IsTrustedBy", Database, Server)),
    (
        Step::TrustedNewUser,
        ("MSSQL_IsTrustedBy", Database, Server),
    ),
    // Where the other end is another instance.
    (Step::LinkedLogin, ("MSSQL_LinkedTo", Server, Server)),
    (Step::LinkedQuery, ("MSSQL_LinkedTo", Server, Server)),
];

/// The kinds of a step by its word; the first is the step itself.
pub fn kinds_of(word: &str) -> impl Iterator<Item = Kind> {
    let own = |table: &'static [(Step, Kind)]| {
        table
            .iter()
            .filter(move |(step, _)| step.as_str() == word)
            .map(|(_, kind)| *kind)
    };
    own(KINDS).chain(own(EXTRAS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MSSQLHound's relationship kinds: those of its extension schema that are used here, and one that only its
    /// collector knows.
    const MSSQLHOUND: &[&str] = &[
        "MSSQL_AddMember",
        "MSSQL_ChangePassword",
        "MSSQL_Contains",
        "MSSQL_ControlDB",
        "MSSQL_ControlServer",
        "MSSQL_ExecuteAs",
        "MSSQL_ExecuteAsOwner",
        "MSSQL_GrantAnyDBPermission",
        "MSSQL_GrantAnyPermission",
        "MSSQL_IsMappedTo",
        "MSSQL_IsTrustedBy",
        "MSSQL_LinkedTo",
        "MSSQL_MemberOf",
        "MSSQL_Owns",
        "MSSQL_TakeOwnership",
    ];

    #[test]
    fn every_step_has_an_edge() {
        let steps: Vec<Step> = KINDS.iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, Step::ALL);
        for step in Step::ALL {
            assert!(kinds_of(step.as_str()).next().is_some());
        }
    }

    #[test]
    fn kinds_are_mssqlhounds_or_say_that_they_are_ours() {
        for (step, (kind, ..)) in KINDS.iter().chain(EXTRAS) {
            let ours = kind.strip_prefix("MSSQLPosture_");
            assert!(
                MSSQLHOUND.contains(kind) || ours == Some(&format!("{step:?}")),
                "{kind}"
            );
        }
    }
}
