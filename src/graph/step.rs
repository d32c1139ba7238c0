//! The steps of a chain: each kind's name, its rule in words, and where the rule comes from.

use super::fact::FactRef;
use super::node::Node;
use super::permission::Permission;
use super::securable::Securable;

/// Facts of a step; few as a rule.
pub type Facts = smallvec::SmallVec<[FactRef; 3]>;

/// One step backwards: from where a place is reached, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Where the step begins.
    pub from: Node,
    /// Its kind.
    pub step: Step,
    /// The permission that it rests on, as it is held, and on what.
    pub held: Option<(Permission, Securable)>,
    /// The rows that it rests on.
    pub facts: Facts,
}

impl Edge {
    /// A step that rests on these rows.
    pub fn new(from: Node, step: Step, facts: impl IntoIterator<Item = FactRef>) -> Self {
        Self {
            from,
            step,
            held: None,
            facts: facts.into_iter().collect(),
        }
    }

    /// The same with further rows.
    #[must_use]
    pub fn and(mut self, facts: impl IntoIterator<Item = FactRef>) -> Self {
        for fact in facts {
            if !self.facts.contains(&fact) {
                self.facts.push(fact);
            }
        }
        self
    }
}

macro_rules! steps {
    ($($variant:ident $name:literal $waits:ident $rule:literal $source:literal;)*) => {
        /// A kind of step.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)] // each is documented by its rule
        pub enum Step { $($variant,)* }

        impl Step {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in machine output.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The rule in words.
            pub fn rule(self) -> &'static str {
                match self { $(Self::$variant => $rule,)* }
            }

            /// Where the rule comes from.
            pub fn source(self) -> &'static str {
                match self { $(Self::$variant => $source,)* }
            }

            /// Whether the step waits for something that an administrator or a service does.
            pub fn waits(self) -> bool {
                match self { $(Self::$variant => steps!(@ $waits),)* }
            }
        }
    };
    (@ now) => { false };
    (@ waits) => { true };
}

steps! {
    Member "member" now
        "A member of a role has what the role has, through any nesting."
        "docs: server-level roles, database-level roles";
    GroupMember "group_member" now
        "The inventory names the login as a member of the Windows or Entra group."
        "the inventory; the catalog does not hold it";
    EveryLogin "every_login" now
        "Every login is in public."
        "docs: server-level roles";
    EveryUser "every_user" now
        "Every user of a database is in its public."
        "docs: database-level roles";
    MappedUser "mapped_user" now
        "A login enters a database as the user with its sid, where that user has CONNECT."
        "docs: CREATE USER, permissions (algorithm)";
    Guest "guest" now
        "A login without a user of its own enters as guest, where guest has CONNECT."
        "docs: principals (guest)";
    AddMember "add_member" now
        "ALTER, CONTROL or TAKE OWNERSHIP of a role that is not fixed, or owning it, is enough to join it."
        "docs: ALTER SERVER ROLE, ALTER ROLE";
    Impersonate "impersonate" now
        "IMPERSONATE on a login lets EXECUTE AS LOGIN act as it, disabled or not; a DENY of IMPERSONATE ANY LOGIN stops that too."
        "docs: EXECUTE AS";
    ImpersonateUser "impersonate_user" now
        "IMPERSONATE on a user lets EXECUTE AS USER act as it inside the database."
        "docs: EXECUTE AS";
    ResetPassword "reset_password" now
        "ALTER on a SQL login sets its password, and switches it on; members of sysadmin and holders of CONTROL SERVER are protected, on patched builds of securityadmin and holders of IMPERSONATE ANY LOGIN too (CVE-2025-49758)."
        "docs: ALTER LOGIN; the vendor's advisory";
    GrantServerPermissions "grant_server_permissions" now
        "securityadmin grants server permissions, CONTROL SERVER among them, to another login, as which it connects."
        "docs: server-level roles (treat as sysadmin)";
    ControlServer "control_server" now
        "CONTROL SERVER impersonates any login, sa among them, or grants itself out to a login of its own making; single DENYs do not hold that."
        "docs: server-level roles, EXECUTE AS";
    DatabaseOwner "database_owner" now
        "The login that owns a database is dbo there."
        "docs: ALTER AUTHORIZATION";
    ControlDatabase "control_database" now
        "CONTROL on a database, which db_owner has, acts as dbo by EXECUTE AS USER = 'dbo', whom no DENY binds."
        "docs: permissions (algorithm), EXECUTE AS";
    TakeOwnership "take_ownership" now
        "TAKE OWNERSHIP of a database makes one its dbo; the old owner's power on the server is gone with that."
        "docs: ALTER AUTHORIZATION";
    GrantDatabasePermissions "grant_database_permissions" now
        "db_securityadmin grants permissions of the database to others, CONTROL among them."
        "docs: database-level roles (may elevate)";
    ApplicationRole "application_role" now
        "ALTER on an application role sets its password, with which sp_setapprole acts as it."
        "docs: ALTER APPLICATION ROLE";
    AdoptOrphan "adopt_orphan" now
        "CREATE LOGIN … WITH SID gives a user or an owner without a login one of the caller's making."
        "docs: CREATE LOGIN";
    TrustedOwner "trusted_owner" now
        "In a TRUSTWORTHY database dbo has the rights of the owner's login on the server, if that login may vouch (AUTHENTICATE SERVER), and in databases where it may (AUTHENTICATE)."
        "docs: TRUSTWORTHY database property, extending impersonation";
    TrustedUser "trusted_user" now
        "In a TRUSTWORTHY database whose owner may vouch (AUTHENTICATE SERVER) an impersonated user has its login's rights on the server, and in databases where the owner may (AUTHENTICATE)."
        "docs: extending impersonation";
    TrustedNewUser "trusted_new_user" now
        "In a TRUSTWORTHY database whose owner may vouch (AUTHENTICATE SERVER) dbo makes a user for a privileged login and acts as it."
        "docs: extending impersonation; derived";
    MsdbOwner "msdb_owner" now
        "dbo of msdb changes jobs of administrators, which SQL Server Agent runs as its own account."
        "docs: TRUSTWORTHY database property, Agent security";
    SsisAdministrator "ssis_administrator" waits
        "db_ssisadmin and dc_admin of msdb change packages that jobs of administrators run."
        "docs: database-level roles (may elevate)";
    RestoreOver "restore_over" waits
        "dbcreator restores a prepared msdb over the present one, jobs of sa in it, when nobody else is in it."
        "docs: RESTORE (permissions); derived";
    OwnDatabase "own_database" now
        "CREATE ANY DATABASE, in master too, restores or attaches a prepared database and owns it; TRUSTWORTHY is off there."
        "docs: RESTORE, TRUSTWORTHY database property";
    ExecuteModule "execute_module" now
        "EXECUTE on a module runs it."
        "docs: GRANT object permissions";
    CallsModule "calls_module" now
        "A module calls another of the same owner, which is not checked, or one that its own context may run."
        "docs: ownership chains";
    ModuleContext "module_context" now
        "The module executes text that it is given, as the user of its EXECUTE AS clause."
        "docs: EXECUTE AS clause";
    SignedModule "signed_module" now
        "The module executes text that it is given, and is signed by a key whose login has rights, or vouches (AUTHENTICATE SERVER) for the user that the module runs as; a counter-signature gives none."
        "docs: ADD SIGNATURE, signing procedures, extending impersonation";
    AlterModule "alter_module" now
        "ALTER on a module, its schema or database, or owning it, decides what it does; EXECUTE AS and signatures do not survive that, ownership chains do."
        "docs: ALTER PROCEDURE, ADD SIGNATURE";
    StartupRun "startup_run" waits
        "A startup procedure, and what it calls, runs as sa when the server starts."
        "docs: sp_procoption";
    TriggerRun "trigger_run" waits
        "A trigger, and what it calls, runs in the session of whoever fires it, an administrator's among them, or as the login of its EXECUTE AS clause."
        "docs: CREATE TRIGGER";
    JobRun "job_run" waits
        "A T-SQL job step, and what it calls, runs as the job's owner."
        "docs: implement SQL Server Agent security";
    ActivationRun "activation_run" waits
        "A broker queue starts its procedure as the user of the queue's EXECUTE AS clause."
        "docs: CREATE QUEUE";
    DdlTrigger "ddl_trigger" waits
        "ALTER ANY DATABASE DDL TRIGGER plants a trigger that runs in the session of an administrator who changes something there."
        "docs: CREATE TRIGGER";
    LinkedLogin "linked_login" now
        "A linked server that leads back here, with RPC OUT, runs statements as the login stored for the caller."
        "docs: sp_addlinkedsrvlogin, EXECUTE … AT";
    LinkedQuery "linked_query" now
        "A linked server that leads back here, with data access, runs queries as the login stored for the caller; options cannot be set by that."
        "docs: OPENQUERY";
    ArmLink "arm_link" now
        "ALTER ANY LINKED SERVER switches on RPC OUT of a linked server with a stored login."
        "docs: sp_serveroption; sp_addlinkedsrvlogin is said to need ALTER ANY LOGIN too, measured on 2025 it does not";
    AlterSettings "alter_settings" now
        "ALTER SETTINGS sets options by sp_configure and RECONFIGURE."
        "docs: sp_configure";
    Administrator "administrator" now
        "sysadmin runs every channel that exists on the instance."
        "docs: server-level roles";
    ExecuteProcedure "execute_procedure" now
        "EXECUTE on the system procedure runs the command."
        "docs: xp_cmdshell, sp_OACreate";
    ModuleCommand "module_command" now
        "The module holds the command, and its own context may run it."
        "docs: ownership chains, EXECUTE AS clause, ADD SIGNATURE";
    ChainedModule "chained_module" now
        "A module whose owner also owns xp_cmdshell's database reaches it by an unbroken ownership chain, which nothing checks."
        "docs: ownership chains, cross db ownership chaining";
    ClrModule "clr_module" now
        "A CLR module of an assembly that may leave the database runs code the catalog does not show."
        "docs: CREATE ASSEMBLY";
    NewAssembly "new_assembly" now
        "CREATE ASSEMBLY with a trust that the version accepts loads own code."
        "docs: CREATE ASSEMBLY, clr strict security";
    ReplaceAssembly "replace_assembly" now
        "ALTER on an assembly that may leave the database replaces its code, where the trust holds."
        "docs: ALTER ASSEMBLY";
    AgentProxy "agent_proxy" now
        "A member of an Agent role whose login or role is granted an enabled proxy for the subsystem makes a job step that runs as the proxy's account."
        "docs: SQL Server Agent fixed database roles, sp_grant_login_to_proxy";
    ExternalScript "external_script" now
        "EXECUTE ANY EXTERNAL SCRIPT, or EXECUTE EXTERNAL SCRIPT on a language, runs sp_execute_external_script."
        "docs: sp_execute_external_script";
    InsideDatabase "inside_database" now
        "dbo of a database has every permission in it."
        "docs: permissions (algorithm)";
    LinkedHop "linked_hop" now
        "A linked server runs statements elsewhere as the login stored for the caller."
        "docs: sp_addlinkedsrvlogin";
    ServiceAccount "service_account" now
        "A command run as an account acts as that account's login."
        "docs: service accounts";
    Unseen "unseen" now
        "What was not seen may hold such a step: counted in the upper end of exposure alone."
        "this program";
    UnseenRun "unseen_run" waits
        "What was not seen may run by itself what somebody decides: counted in the upper end of exposure alone."
        "this program";
}

/// What the steps leave out, and where sources disagree; for `explain steps`.
pub const LIMITS: &str = "\
How permissions are read: a GRANT of the permission, or of one that covers it, on the securable or on what
contains it, to a principal or to a role that it is in, gives it; a fixed role gives what it carries. A DENY of
any of these to any of these takes it, at whatever level. It does not bind sysadmin, dbo, or the owner of the
securable. It binds members of db_owner, who escape it by EXECUTE AS USER = 'dbo', so that only a DENY of
CONTROL on the database holds them. An unbroken ownership chain is not checked, so a DENY on the inner object
does not stop it.

Not modelled:
- GRANTs and DENYs on columns.
- Locked logins: the catalog does not show them.
- Members of Windows and Entra groups, but for those that the inventory names; a DENY on a group does not
  reach the members that it names.
- Two rights of one person that meet only after he joined two roles.
- Whether the caller can enter the database that an ownership chain leads to: taken to be so.
- CREATE and ALTER EXTERNAL LANGUAGE as a way to load a DLL; resource governor and policies as something that
  runs code.
- What a module does by EXECUTE AS inside its body.

Where sources disagree, the side that shows more ways was taken:
- sp_addlinkedsrvlogin needs ALTER ANY LOGIN beside ALTER ANY LINKED SERVER by its page, and ALTER ANY LINKED
  SERVER alone by a measurement on 2025: the steps ask for the latter alone.
- Whether ALTER ANY CREDENTIAL makes the reserved credential of xp_cmdshell is not documented: taken to be so.
- ALTER on a schema of dbo's counts as writing a module there, without CREATE PROCEDURE and EXECUTE.
- Builds that carry the update for CVE-2025-49758 are third-party figures; a build that is not known to carry
  it is taken as unpatched.
The other way round: an owner who is only in securityadmin, or only holds IMPERSONATE ANY LOGIN, does not vouch
for a TRUSTWORTHY database, since the documentation names AUTHENTICATE SERVER; and OPENQUERY is taken not to set
options or change principals.";

/// Every kind of step with its rule and where that comes from, and what is left out; for people.
pub fn explained() -> String {
    let mut text = String::from(
        "The steps of a chain, by the word that `paths --format json` has for each.\n",
    );
    for step in Step::ALL {
        let waits = if step.waits() {
            " (waits for somebody)"
        } else {
            ""
        };
        let (word, rule, source) = (step.as_str(), step.rule(), step.source());
        text.push_str(&format!("\n{word}{waits}\n  {rule}\n  Source: {source}.\n"));
    }
    text.push('\n');
    text.push_str(LIMITS);
    text
}
