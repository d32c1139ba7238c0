//! The steps of a chain: each kind's name, its rule in words, and where the rule comes from.

use std::fmt::Write as _;

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
    ($($variant:ident $name:literal $waits:ident $rule:literal $source:literal $sentence:literal;)*) => {
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

            /// The step in one sentence: `{from}` and `{to}` are its places, `{right}` the permission as it is held,
            /// `{and …}` that it is held, or that the place is owned, and what follows, `{by}` the permission in brackets where there is one, `{may}` what
            /// sysadmin may, `{inside}` what dbo may in its database.
            pub(super) fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
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
        "docs: server-level roles, database-level roles"
        "{from} is a member of {to}";
    GroupMember "group_member" now
        "The inventory names the login as a member of the Windows or Entra group."
        "the inventory; the catalog does not hold it"
        "{from} is, says the inventory, a member of {to}";
    EveryLogin "every_login" now
        "Every login is in public."
        "docs: server-level roles"
        "{from} is in public, as every login is";
    EveryUser "every_user" now
        "Every user of a database is in its public."
        "docs: database-level roles"
        "{from} is in public there, as every user is";
    MappedUser "mapped_user" now
        "A login enters a database as the user with its sid, where that user has CONNECT."
        "docs: CREATE USER, permissions (algorithm)"
        "{from} enters as {to}";
    Guest "guest" now
        "A login without a user of its own enters as guest, where guest has CONNECT."
        "docs: principals (guest)"
        "{from} has no user of its own there and enters as {to}";
    AddMember "add_member" now
        "ALTER, CONTROL or TAKE OWNERSHIP of a role that is not fixed, or owning it, is enough to join it."
        "docs: ALTER SERVER ROLE, ALTER ROLE"
        "{from} {and joins}";
    Impersonate "impersonate" now
        "IMPERSONATE on a login lets EXECUTE AS LOGIN act as it, disabled or not; a DENY of IMPERSONATE ANY LOGIN stops that too."
        "docs: EXECUTE AS"
        "{from} holds {right} and acts as {to} by EXECUTE AS";
    ImpersonateUser "impersonate_user" now
        "IMPERSONATE on a user lets EXECUTE AS USER act as it inside the database."
        "docs: EXECUTE AS"
        "{from} holds {right} and acts as {to} by EXECUTE AS";
    ResetPassword "reset_password" now
        "ALTER on a SQL login sets its password, and switches it on; members of sysadmin and holders of CONTROL SERVER are protected, on patched builds of securityadmin and holders of IMPERSONATE ANY LOGIN too (CVE-2025-49758)."
        "docs: ALTER LOGIN; the vendor's advisory"
        "{from} holds {right}, sets the password of {to} and logs in as it";
    GrantServerPermissions "grant_server_permissions" now
        "securityadmin grants server permissions, CONTROL SERVER among them, to another login, as which it connects."
        "docs: server-level roles (treat as sysadmin)"
        "{from} grants CONTROL SERVER to another login and logs in as it";
    ControlServer "control_server" now
        "CONTROL SERVER impersonates any login, sa among them, or grants itself out to a login of its own making; single DENYs do not hold that."
        "docs: server-level roles, EXECUTE AS"
        "{from} holds CONTROL SERVER and acts as sa by EXECUTE AS LOGIN";
    DatabaseOwner "database_owner" now
        "The login that owns a database is dbo there."
        "docs: ALTER AUTHORIZATION"
        "{from} owns the database and is {to}";
    ControlDatabase "control_database" now
        "CONTROL on a database, which db_owner has, acts as dbo by EXECUTE AS USER = 'dbo', whom no DENY binds."
        "docs: permissions (algorithm), EXECUTE AS"
        "{from} holds {right} and acts as {to} by EXECUTE AS USER = 'dbo'";
    TakeOwnership "take_ownership" now
        "TAKE OWNERSHIP of a database makes one its dbo; the old owner's power on the server is gone with that."
        "docs: ALTER AUTHORIZATION"
        "{from} holds {right}, takes it and is {to}";
    GrantDatabasePermissions "grant_database_permissions" now
        "db_securityadmin grants permissions of the database to others, CONTROL among them."
        "docs: database-level roles (may elevate)"
        "{from} grants CONTROL there to another user and is as good as {to}";
    ApplicationRole "application_role" now
        "ALTER on an application role sets its password, with which sp_setapprole acts as it."
        "docs: ALTER APPLICATION ROLE"
        "{from} may set the password of {to} and activates it";
    AdoptOrphan "adopt_orphan" now
        "CREATE LOGIN … WITH SID gives a user or an owner without a login one of the caller's making."
        "docs: CREATE LOGIN"
        "{from} holds {right}, makes a login with the orphaned sid and is {to}";
    TrustedOwner "trusted_owner" now
        "In a TRUSTWORTHY database dbo has the rights of the owner's login on the server, if that login may vouch (AUTHENTICATE SERVER), and in databases where it may (AUTHENTICATE)."
        "docs: TRUSTWORTHY database property, extending impersonation"
        "{from} keeps the rights of the owner's login {to}: the database is TRUSTWORTHY";
    TrustedUser "trusted_user" now
        "In a TRUSTWORTHY database whose owner may vouch (AUTHENTICATE SERVER) an impersonated user has its login's rights on the server, and in databases where the owner may (AUTHENTICATE)."
        "docs: extending impersonation"
        "{from} keeps the rights of login {to}: the database is TRUSTWORTHY and its owner vouches";
    TrustedNewUser "trusted_new_user" now
        "In a TRUSTWORTHY database whose owner may vouch (AUTHENTICATE SERVER) dbo makes a user for a privileged login and acts as it."
        "docs: extending impersonation; derived"
        "{from} makes a user for a login in sysadmin and acts as it: the database is TRUSTWORTHY and its owner vouches";
    MsdbOwner "msdb_owner" now
        "dbo of msdb changes jobs of administrators, which SQL Server Agent runs as its own account."
        "docs: TRUSTWORTHY database property, Agent security"
        "{from} changes an administrator's Agent job";
    SsisAdministrator "ssis_administrator" waits
        "db_ssisadmin and dc_admin of msdb change packages that jobs of administrators run."
        "docs: database-level roles (may elevate)"
        "{from} changes a package that an administrator's job runs, and waits for it";
    MsdbWriter "msdb_writer" waits
        "Who writes sysjobsteps or sysjobs of msdb, or changes what setup put there, decides what SQL Server Agent runs for administrators."
        "docs: dbo.sysjobsteps, Agent security; derived"
        "{from} decides what SQL Server Agent runs for an administrator{by}";
    RestoreOver "restore_over" waits
        "dbcreator restores a prepared msdb over the present one, jobs of sa in it, when nobody else is in it."
        "docs: RESTORE (permissions); derived"
        "{from} restores a prepared msdb over this one when nobody else is in it";
    OwnDatabase "own_database" now
        "CREATE ANY DATABASE, in master too, restores or attaches a prepared database and owns it; TRUSTWORTHY is off there."
        "docs: RESTORE, TRUSTWORTHY database property"
        "{from} holds {right} and restores or creates {to}";
    ExecuteModule "execute_module" now
        "EXECUTE on a module runs it."
        "docs: GRANT object permissions"
        "{from} {and runs}";
    FireTrigger "fire_trigger" now
        "INSERT, UPDATE or DELETE on a table runs the triggers that stand on it for that."
        "docs: CREATE TRIGGER, DML triggers"
        "{from} writes the table and fires {to}{by}";
    CallsModule "calls_module" now
        "A module calls another of the same owner, which is not checked, or one that its own context may run."
        "docs: ownership chains"
        "{from} calls {to}, which is not checked";
    NestedCall "nested_call" now
        "A module without an EXECUTE AS clause runs as the user as whom its caller runs: the context of a clause is passed on to what is called, into another database where its own is believed."
        "docs: EXECUTE AS clause (CALLER), extending impersonation"
        "{from} calls {to}";
    NestedAlter "nested_alter" now
        "Who alters a module that another calls with the context of its EXECUTE AS clause, and runs that one, acts as the clause's user."
        "docs: EXECUTE AS clause (CALLER)"
        "{from} changes a module that another calls as {to}, and runs that one{by}";
    NestedRun "nested_run" waits
        "Who alters a module that another calls with the context of its EXECUTE AS clause acts as the clause's user when somebody runs that one."
        "docs: EXECUTE AS clause (CALLER)"
        "{from} is called by a module that runs as {to}, when somebody runs that";
    ModuleContext "module_context" now
        "The module executes text that it is given, as the user of its EXECUTE AS clause, or of the clause that its caller runs by."
        "docs: EXECUTE AS clause"
        "{from} executes the text that it is given as {to}";
    SignedModule "signed_module" now
        "The module executes text that it is given, and is signed by a key whose login has rights, or vouches (AUTHENTICATE SERVER) for the user that the module runs as; a counter-signature gives none."
        "docs: ADD SIGNATURE, signing procedures, extending impersonation"
        "{from} executes the text that it is given with the rights of {to}, whose key signed it";
    SignModule "sign_module" now
        "CONTROL on a key whose private half stands in the database without a password of its own signs a module that one may write there, which then has the rights of the key's login."
        "docs: ADD SIGNATURE"
        "{from} signs a module of its own with the key of {to}{by}";
    AlterModule "alter_module" now
        "ALTER on a module, its schema or database, or owning it, decides what it does; EXECUTE AS and signatures do not survive that, ownership chains do."
        "docs: ALTER PROCEDURE, ADD SIGNATURE"
        "{from} {and can change}";
    StartupRun "startup_run" waits
        "A startup procedure, and what it calls, runs as sa when the server starts."
        "docs: sp_procoption"
        "{from} runs as sa when the server starts";
    TriggerRun "trigger_run" waits
        "A trigger, and what it calls, runs in the session of whoever fires it, an administrator's among them, or as the login of its EXECUTE AS clause."
        "docs: CREATE TRIGGER"
        "{from} is run by a trigger, with the power of {to}";
    JobRun "job_run" waits
        "A T-SQL job step, and what it calls, runs as the job's owner."
        "docs: implement SQL Server Agent security"
        "{from} is run by a job, with the power of {to}";
    ActivationRun "activation_run" waits
        "A broker queue starts its procedure as the user of the queue's EXECUTE AS clause."
        "docs: CREATE QUEUE"
        "{from} is run by a broker queue as {to}";
    DdlTrigger "ddl_trigger" waits
        "ALTER ANY DATABASE DDL TRIGGER plants a trigger that runs in the session of an administrator who changes something there."
        "docs: CREATE TRIGGER"
        "{from} plants a DDL trigger, and waits for an administrator to change something there{by}";
    LinkedLogin "linked_login" now
        "A linked server that leads back here, with RPC OUT, runs statements as the login stored for the caller."
        "docs: sp_addlinkedsrvlogin, EXECUTE … AT"
        "{from} comes back over a linked server as {to}, whose password is stored there";
    LinkedQuery "linked_query" now
        "A linked server that leads back here, with data access, runs queries as the login stored for the caller; options cannot be set by that."
        "docs: OPENQUERY"
        "{from} comes back over a linked server by OPENQUERY as {to}";
    ArmLink "arm_link" now
        "ALTER ANY LINKED SERVER switches on RPC OUT of a linked server with a stored login."
        "docs: sp_serveroption; sp_addlinkedsrvlogin is said to need ALTER ANY LOGIN too, measured on 2025 it does not"
        "{from} holds {right}, switches RPC OUT on and comes back as {to}";
    AlterSettings "alter_settings" now
        "ALTER SETTINGS sets options by sp_configure and RECONFIGURE."
        "docs: sp_configure"
        "{from} holds {right} and sets options by sp_configure";
    Administrator "administrator" now
        "sysadmin runs every channel that exists on the instance."
        "docs: server-level roles"
        "{from} {may}";
    ExecuteProcedure "execute_procedure" now
        "EXECUTE on the system procedure runs the command."
        "docs: xp_cmdshell, sp_OACreate"
        "{from} holds {right}";
    ModuleCommand "module_command" now
        "The module holds the command, and the context that it runs with, a key that signed it or an ownership chain may run it."
        "docs: ownership chains, EXECUTE AS clause, ADD SIGNATURE"
        "{from} holds a command that it may run whoever calls it";
    ChainedModule "chained_module" now
        "A module whose owner also owns master reaches xp_cmdshell, OLE Automation and the registry's procedures there by an unbroken ownership chain, which nothing checks."
        "docs: ownership chains, cross db ownership chaining"
        "{from} writes a module of dbo's, from which an ownership chain leads to {to}{by}";
    ExtendedCode "extended_code" now
        "An extended procedure that somebody added runs the code of its DLL in the server's process."
        "docs: sp_addextendedproc"
        "{from} is the code of a DLL";
    ClrModule "clr_module" now
        "A CLR module of a user's assembly runs code the catalog does not show, which may leave the database: clr strict security takes every permission set as UNSAFE, and without it SAFE is no boundary either."
        "docs: clr strict security, CREATE ASSEMBLY"
        "{from} is CLR code that may leave the database";
    BindAssembly "bind_assembly" now
        "REFERENCES on a user's assembly, or owning it, and ALTER on a schema bind any method of it to a module of one's own."
        "docs: CREATE PROCEDURE (permissions)"
        "{from} makes a module of an assembly that may leave the database{by}";
    NewAssembly "new_assembly" now
        "CREATE ASSEMBLY with a trust that the version accepts loads own code."
        "docs: CREATE ASSEMBLY, clr strict security"
        "{from} loads an assembly that the server trusts{by}";
    ReplaceAssembly "replace_assembly" now
        "ALTER on a user's assembly replaces its code, where the trust holds."
        "docs: ALTER ASSEMBLY"
        "{from} replaces the code of an assembly that may leave the database{by}";
    AgentProxy "agent_proxy" now
        "A member of an Agent role, or who may EXECUTE sp_add_jobstep, whose login or role is granted an enabled proxy for the subsystem makes a job step that runs as the proxy's account."
        "docs: SQL Server Agent fixed database roles, sp_grant_login_to_proxy"
        "{from} makes a job with a proxy that is granted to it: {to}";
    ExternalScript "external_script" now
        "EXECUTE ANY EXTERNAL SCRIPT, or EXECUTE EXTERNAL SCRIPT on a language, runs sp_execute_external_script."
        "docs: sp_execute_external_script"
        "{from} runs sp_execute_external_script{by}";
    InsideDatabase "inside_database" now
        "dbo of a database has every permission in it."
        "docs: permissions (algorithm)"
        "{from} {inside}";
    LinkedHop "linked_hop" now
        "A linked server runs statements elsewhere as the login stored for the caller."
        "docs: sp_addlinkedsrvlogin"
        "{from} runs statements on another server as the login that is stored for it";
    ServiceAccount "service_account" now
        "A command run as an account acts as that account's login."
        "docs: service accounts"
        "a command through {from} runs as the service account, which is in sysadmin";
    Unseen "unseen" now
        "What was not seen may hold such a step: counted in the upper end of exposure alone."
        "this program"
        "{to} is taken to be reached by everybody: it was not seen";
    UnseenRun "unseen_run" waits
        "What was not seen may run by itself what somebody decides: counted in the upper end of exposure alone."
        "this program"
        "{to} is taken to be reached by everybody: it was not seen";
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
- Members of Windows and Entra groups, but for those that the inventory names.
- Who can put himself into a role is taken not to be held by a DENY on his own name, nor by one on a role that he
  is in, against what the role has: any other account of his can be put there too.
- Two rights of one person that meet only after he joined two roles.
- Whether the caller can enter the database that an ownership chain leads to: taken to be so.
- CREATE and ALTER EXTERNAL LANGUAGE as a way to load a DLL; resource governor and policies as something that
  runs code.
- What a module does by EXECUTE AS inside its body.
- Rights on other tables of msdb than sysjobs and sysjobsteps, and what its procedures do for those who may execute
  them but for adding and changing job steps.
- Writes by modules as what fires a trigger on a table; what fires DDL and logon triggers, and messages that start
  the procedure of a queue, as ways to run these.
- Whether a module hands on what it was given to the modules that it calls: taken to be so.
- Client aliases, CNAMEs and hosts files: a linked server that names a host which neither the server nor the
  inventory (`aliases`) knows as this instance's is taken to be another. Of one that is a number, an ODBC source or
  unnamed, both are possible, and the upper end of exposure counts that it leads back.
- Provider strings of linked servers: they may hold a password, and are not collected.

Where sources disagree, the side that shows more ways was taken:
- sp_addlinkedsrvlogin needs ALTER ANY LOGIN beside ALTER ANY LINKED SERVER by its page, and ALTER ANY LINKED
  SERVER alone by a measurement on 2025: the steps ask for the latter alone.
- Whether ALTER ANY CREDENTIAL makes the reserved credential of xp_cmdshell is not documented: taken to be so.
- ALTER on a schema of dbo's counts as writing a module there, without CREATE PROCEDURE and EXECUTE.
- The page of sp_OACreate asks for EXECUTE given directly; ownership chains are documented for every procedure: they
  are taken to lead to OLE Automation and the registry's procedures as they do to xp_cmdshell.
- SAFE assemblies that are there count as code that may leave the database, with and without clr strict security;
  to load new code without strict security the right for UNSAFE is asked for nevertheless.
- ALTER on a schema counts as making a module there, a CLR module too.
- Builds that carry the update for CVE-2025-49758 are third-party figures; a build that is not known to carry
  it is taken as unpatched.
The other way round: an owner who is only in securityadmin, or only holds IMPERSONATE ANY LOGIN, does not vouch
for a TRUSTWORTHY database, since the documentation names AUTHENTICATE SERVER; and OPENQUERY is taken not to set
options or change principals, which is not documented: the upper end of exposure counts that it does.";

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
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{word}{waits}\n  {rule}\n  Source: {source}.\n");
    }
    text.push('\n');
    text.push_str(LIMITS);
    text
}
