//! T-SQL for a DBA: makes the least-privileged login, or removes it; and what a login that is there still lacks.
//! Every right in it comes from `grants`. Each script is one batch for any client, stops where it does not fit the
//! server, and can be run again.

mod name;

use std::fmt::Write as _;

pub use name::{LoginName, LoginNameError, literal};

use self::name::comment;
use super::grants::{self, Grant, Right, VersionRange};
use super::query::Query;

/// The sqlcmd variable that carries the password.
const PASSWORD: &str = "POSTURE_PASSWORD";
/// A permission that no auditor should be given only to see more.
const NEAR_SYSADMIN: &str = "CONTROL SERVER";

/// Why a database can be left out.
const OWN_CODE: &str = "-- Whoever owns a database can put a DDL trigger there, whose code would run with your rights when a user is made,
-- granted something or dropped. So a database with a DDL trigger that is on is left out, and the script says so. It
-- looks right before it changes anything there, but cannot keep a trigger from being made in that moment.";

/// The script that makes the login with the least rights for these versions.
pub fn login(range: &VersionRange, name: &LoginName) -> String {
    let version = *range.versions.start();
    let mut text = format!(
        "-- Makes the login that audits {}, with the least rights that show all that `mssql-posture audit` needs.
-- Printed by mssql-posture {}. It can be run again: what is there stays, passwords too. Run it as sysadmin.
-- `mssql-posture script revoke --version {}` prints its removal; `mssql-posture queries` every statement that the
-- login will send.
{OWN_CODE}
-- The same where a user or role of the login's name is not the login's own.\n",
        range.name,
        env!("CARGO_PKG_VERSION"),
        range.key
    );
    if !name.is_windows() {
        text += &password_advice(name);
    }
    text += &begin(range, "login");
    text += &make_login(name);
    text += "\n-- What it may see. Every right is followed by the queries that need it.\n";
    for grant in grants::least_of(range) {
        if let Right::Server(right) = grant.right {
            let _ = writeln!(text, "\nGRANT {} TO {};", right.name(), name.quoted());
            if grant.right == grants::entry(version) {
                text += "--   the way into every database; what is asked there stands under the other rights\n";
            } else {
                text += &reasons(&grant.queries, range);
            }
        }
    }
    if grants::entry(version) == Right::User {
        text += &users(name);
    } else {
        text += "
-- VIEW ANY DEFINITION and CONNECT ANY DATABASE reach into every database, those to come too: no user is needed.\n";
    }
    text += &msdb(range, name);
    text += &not_granted(range, name);
    if version >= 16 {
        text += ROLES;
    }
    text
}

/// Fixed server roles of 2022 that hold the same rights, and more.
const ROLES: &str = "
-- The fixed roles ##MS_DatabaseConnector##, ##MS_DefinitionReader## and ##MS_ServerStateReader## could stand for the
-- grants at server scope. They hold a little more (VIEW SERVER STATE whole, VIEW ANY PERFORMANCE DEFINITION).\n";

fn password_advice(name: &LoginName) -> String {
    format!(
        "--
-- The password comes from the sqlcmd variable {PASSWORD}, and sqlcmd takes that from the environment, where no list
-- of processes shows it: set {PASSWORD} there, each ' in it doubled, then run
--     sqlcmd -S SERVER -E -b -i login.sql
-- In Management Studio use SQLCMD mode with :setvar, and do not save the file. Without a password the script stops;
-- where the login is there already none is needed: run it with sqlcmd -x.
-- For a Windows account, whose password nobody needs to give: `mssql-posture script login --name \"DOMAIN\\account\"`,
-- or put in the place of CREATE LOGIN below
--     CREATE LOGIN [DOMAIN\\account] FROM WINDOWS;
-- and that name in the place of {} everywhere.\n",
        name.quoted()
    )
}

/// Settings, and the way out on a server of another version.
fn begin(range: &VersionRange, script: &str) -> String {
    let (first, last) = (range.versions.start(), range.versions.end());
    let fits = if *last == u16::MAX {
        format!("@version < {first}")
    } else {
        format!("@version NOT BETWEEN {first} AND {last}")
    };
    format!(
        "
SET NOCOUNT ON;
SET XACT_ABORT ON;
USE [master];

-- A managed instance (engine edition 8) says 12 and is as the newest.
DECLARE @version int = CASE WHEN SERVERPROPERTY('EngineEdition') = 8 THEN 16
    ELSE CAST(PARSENAME(CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), 4) AS int) END;
IF {fits}
BEGIN
    RAISERROR(N'This script is for {}. mssql-posture script {script} --version prints that of others.', 16, 1);
    RETURN;
END;\n",
        range.name
    )
}

fn make_login(name: &LoginName) -> String {
    let (quoted, literal) = (name.quoted(), name.literal());
    if name.is_windows() {
        return format!(
            "\nIF SUSER_ID({literal}) IS NULL\n    CREATE LOGIN {quoted} FROM WINDOWS;\n"
        );
    }
    format!(
        "
IF SUSER_ID({literal}) IS NULL
BEGIN
    IF N'$({PASSWORD})' IN (N'', N'$' + N'({PASSWORD})')
    BEGIN
        RAISERROR(N'No password: give the sqlcmd variable {PASSWORD} (see above). Nothing was made.', 16, 1);
        RETURN;
    END;
    CREATE LOGIN {quoted} WITH PASSWORD = N'$({PASSWORD})', CHECK_POLICY = ON;
END;\n"
    )
}

/// A comment line for each query: what it is for.
fn reasons(queries: &[&Query], range: &VersionRange) -> String {
    let mut text = String::new();
    for query in queries {
        let (first, last) = (*query.versions.start(), *query.versions.end());
        let only = if first > *range.versions.start() {
            format!(" (from {} on)", grants::year(first))
        } else if last < range.newest() {
            format!(" (up to {})", grants::year(last))
        } else {
            String::new()
        };
        let _ = writeln!(text, "--   {}: {}{only}", query.name, query.purpose);
    }
    text
}

/// Whether a database has a trigger that can run at what is done there: as sysadmin then, whoever wrote it.
const HAS_TRIGGER: &str =
    "EXISTS (SELECT 1 FROM sys.triggers WHERE parent_class = 0 AND is_disabled = 0)";

/// Goes no further where something is in the way. The reason holds neither a quote nor `%`, RAISERROR's own sign.
fn stop_if(condition: &str, why: &str) -> String {
    format!("IF {condition}\nBEGIN\n    RAISERROR(N'{why}', 16, 1);\n    RETURN;\nEND;\n")
}

/// Makes the login's user in the database in which it runs, unless it is not safe to. `before` and `after` stand around
/// the reason.
fn make_user(name: &LoginName, before: &str, after: &str) -> String {
    let (quoted, literal) = (name.quoted(), name.literal());
    let trigger = "it has a DDL trigger, whose code would run as you: read it, then make the user there yourself";
    let other = "a user or role there has the name of the login and is not its user, or its user has another name: \
                 grants go to names, so see to it yourself";
    let is_other = format!(
        "EXISTS (SELECT 1 FROM sys.database_principals
    WHERE (name = {literal} AND (sid IS NULL OR sid <> SUSER_SID({literal})))
       OR (sid = SUSER_SID({literal}) AND name <> {literal}))"
    );
    format!(
        "{}{}IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {literal} OR sid = SUSER_SID({literal}))
    CREATE USER {quoted} FOR LOGIN {quoted};\n",
        stop_if(HAS_TRIGGER, &format!("{before}{trigger}{after}")),
        stop_if(&is_other, &format!("{before}{other}{after}")),
    )
}

/// The same in msdb, where what follows in the script is not done either.
fn make_user_in_msdb(name: &LoginName) -> String {
    let stays = ". What was granted at server level stays.";
    format!(
        "USE [msdb];\n{}",
        make_user(name, "msdb was left out: ", stays)
    )
}

/// Statements that run inside databases, as the variable that [`each_database`] runs.
fn variable(statements: &str) -> String {
    format!(
        "DECLARE @user nvarchar(max) = N'\n{}';\n",
        statements.replace('\'', "''")
    )
}

/// What runs inside a database to let the login in. Nothing but the login's name is in it. A user that was there may
/// have lost CONNECT; a GRANT would also lift a DENY.
fn let_in(name: &LoginName) -> String {
    let is_denied = format!(
        "EXISTS (SELECT 1 FROM sys.database_permissions WHERE class = 0 AND permission_name = N'CONNECT' AND state = 'D'
    AND grantee_principal_id = DATABASE_PRINCIPAL_ID({}))",
        name.literal()
    );
    let denied = "DENY CONNECT keeps the login out: decide whether it is meant";
    variable(&format!(
        "{}{}GRANT CONNECT TO {};\n",
        make_user(name, "", ""),
        stop_if(&is_denied, denied),
        name.quoted()
    ))
}

/// A loop over databases: what is done in each is the text in the variable `@user`.
fn each_database(condition: &str) -> String {
    format!(
        "DECLARE @database sysname, @run nvarchar(300), @why nvarchar(2048);
DECLARE databases CURSOR LOCAL STATIC FOR
    SELECT name FROM sys.databases WHERE {condition} ORDER BY database_id;
OPEN databases;
FETCH NEXT FROM databases INTO @database;
WHILE @@FETCH_STATUS = 0
BEGIN
    SET @run = QUOTENAME(@database) + N'.sys.sp_executesql';
    BEGIN TRY
        EXEC @run @user;
    END TRY
    BEGIN CATCH
        SET @why = @database + N' was left out: ' + ERROR_MESSAGE();
        PRINT @why;
    END CATCH;
    FETCH NEXT FROM databases INTO @database;
END;
CLOSE databases;
DEALLOCATE databases;\n"
    )
}

/// Databases in which a user can be made or dropped. guest lets everybody into master and tempdb.
const CHANGEABLE: &str =
    "state = 0 AND is_read_only = 0 AND user_access <> 1 AND name NOT IN (N'master', N'tempdb')";

/// 2012 lets nobody into all databases at once.
fn users(name: &LoginName) -> String {
    format!(
        "
-- SQL Server 2012 has no CONNECT ANY DATABASE: the login needs a user in each database. VIEW ANY DEFINITION shows it
-- all there. Databases that are made by CREATE DATABASE take the user from model; for one that is restored or attached
-- run the script again. One that is read-only, SINGLE_USER or not online is left out and stays unseen. Into master and
-- tempdb guest lets everybody; nothing is made there, and tempdb is new after each start.
{}{}",
        let_in(name),
        each_database(CHANGEABLE)
    )
}

/// The user in msdb and SELECT on the tables that are read there.
fn msdb(range: &VersionRange, name: &LoginName) -> String {
    let grants = grants::least_of(range);
    let selects = grants.iter().filter_map(|grant| match grant.right {
        Right::Select(table) => Some((table, &grant.queries)),
        _ => None,
    });
    let mut text = format!(
        "
-- Agent's jobs stand in tables of msdb, which no server right shows: a user with SELECT on exactly these, and no role.
{}",
        make_user_in_msdb(name)
    );
    for (table, queries) in selects {
        let _ = writeln!(text, "\nGRANT SELECT ON {table} TO {};", name.quoted());
        text += &reasons(queries, range);
    }
    text + "\nUSE [master];\n"
}

/// What is left out on purpose, as comments.
fn not_granted(range: &VersionRange, name: &LoginName) -> String {
    let mut text = String::from(
        "
-- Deliberately not granted. What it would show stays unseen, and the audit says so without calling itself incomplete.
-- Take the dashes away only if you want it seen all the same.\n",
    );
    for grant in grants::beyond_of(range) {
        let warning = if grant.right.text() == NEAR_SYSADMIN {
            " -- next to sysadmin; not recommended"
        } else {
            " -- can also start and stop traces"
        };
        let _ = writeln!(
            text,
            "--\n-- GRANT {} TO {};{warning}",
            grant.right.text(),
            name.quoted()
        );
        text += &reasons(&grant.queries, range);
    }
    text
}

/// What `changes` needs besides, which stands at the end of the login's script where it is asked for. It says what it
/// costs: up to 2019 audit files are shown to CONTROL SERVER alone (docs: sys.fn_get_audit_file).
pub fn for_changes(range: &VersionRange, name: &LoginName) -> String {
    let quoted = name.quoted();
    let audits = if *range.versions.start() >= 16 {
        format!("-- Audit files.\nGRANT VIEW SERVER SECURITY AUDIT TO {quoted};\n")
    } else {
        format!(
            "-- Audit files. Up to 2019 they are shown to CONTROL SERVER alone, which is sysadmin in all but name: whoever has
-- this login can then do anything on the server, run commands among it.
GRANT CONTROL SERVER TO {quoted};\n"
        )
    };
    format!(
        "
-- For `mssql-posture changes`, which no audit needs. Better than this: let a DBA export the rows, which takes no right at
-- all (`changes --from-files`). If it must be, give it to a login of its own (--name), for as long as it is needed.
-- The default trace. ALTER TRACE can start, stop and change traces too.
GRANT ALTER TRACE TO {quoted};
{audits}-- Taking it back: REVOKE each of these, or run `mssql-posture script revoke`, which drops the login.\n"
    )
}

/// The script that removes the login, its rights and its users.
pub fn revoke(range: &VersionRange, name: &LoginName) -> String {
    let (quoted, literal) = (name.quoted(), name.literal());
    let mut text = format!(
        "-- Removes the login that audits {}: its rights, its users in all databases, itself.
-- Printed by mssql-posture {}. It can be run again. Run it as sysadmin, while no audit is running.
{OWN_CODE}\n",
        range.name,
        env!("CARGO_PKG_VERSION")
    );
    text += &begin(range, "revoke");
    let trigger = "it has a DDL trigger, whose code would run as you: read it, then drop the user there yourself";
    let drop_user = format!(
        "IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {literal} AND sid = SUSER_SID({literal}))
    RETURN;
{}DROP USER {quoted};\n",
        stop_if(HAS_TRIGGER, trigger)
    );
    let _ = write!(
        text,
        "
IF SUSER_ID({literal}) IS NULL
BEGIN
    PRINT N'There is no such login.';
    RETURN;
END;

-- Its users, and what they were granted with them. A server that was upgraded from 2012 has one in every database.
{}{}
-- Its rights.\n",
        variable(&drop_user),
        each_database("state = 0 AND is_read_only = 0 AND user_access <> 1")
    );
    for grant in grants::least(range.newest()) {
        if let Right::Server(right) = grant.right {
            let _ = writeln!(text, "REVOKE {} FROM {quoted};", right.name());
        }
    }
    let _ = write!(
        text,
        "\n-- Itself. A database that was left out above may keep a user without a login, which can do nothing.\nDROP LOGIN {quoted};\n"
    );
    text
}

/// What a login still lacks on one server.
#[derive(Debug, Default)]
pub struct Lacking<'a> {
    /// Rights to grant, none of them [`Right::User`].
    pub grants: Vec<Grant>,
    /// Databases that need a user.
    pub users_in: Vec<&'a str>,
    /// `@@SERVERNAME`, so that the statements change no other server.
    pub server: Option<&'a str>,
    /// Statements that somebody must decide on, as comments.
    pub to_decide: Vec<String>,
}

/// The T-SQL that grants it; `None` if there is nothing to say. One batch.
pub fn grant_lacking(
    target: &str,
    login: Option<&LoginName>,
    lacking: &Lacking<'_>,
) -> Option<String> {
    if lacking.grants.is_empty() && lacking.users_in.is_empty() && lacking.to_decide.is_empty() {
        return None;
    }
    let mut text = format!(
        "-- {}: what the auditing login lacks there\n",
        comment(target)
    );
    for line in &lacking.to_decide {
        let _ = writeln!(text, "-- {}", comment(line));
    }
    if lacking.grants.is_empty() && lacking.users_in.is_empty() {
        return Some(text);
    }
    let Some(name) = login else {
        text += "-- Its name cannot stand in a script, or it is not known by which login it comes in: grant by hand\n";
        for grant in &lacking.grants {
            let _ = writeln!(text, "--   {}", grant.right.text());
        }
        for database in &lacking.users_in {
            let _ = writeln!(text, "--   a user in {}", comment(database));
        }
        return Some(text);
    };
    text += "SET XACT_ABORT ON;\nUSE [master];\n";
    if let Some(server) = lacking.server {
        let _ = writeln!(
            text,
            "IF ISNULL(@@SERVERNAME, N'') <> {}\nBEGIN\n    PRINT N'Left out: this is another server.';\n    RETURN;\nEND;",
            literal(server)
        );
    }
    let in_msdb = |grant: &&Grant| matches!(grant.right, Right::Select(_));
    for grant in lacking.grants.iter().filter(|g| !in_msdb(g)) {
        let _ = writeln!(text, "GRANT {} TO {};", grant.right.text(), name.quoted());
    }
    text += &users_in(&lacking.users_in, name);
    if lacking.grants.iter().any(|g| in_msdb(&g)) {
        text += &make_user_in_msdb(name);
    }
    for grant in &lacking.grants {
        if let Right::Select(table) = grant.right {
            let _ = writeln!(text, "GRANT SELECT ON {table} TO {};", name.quoted());
        }
    }
    Some(text)
}

/// Users in single databases, whose names stand nowhere but in literals.
fn users_in(databases: &[&str], name: &LoginName) -> String {
    if databases.is_empty() {
        return String::new();
    }
    let names: Vec<String> = databases.iter().map(|name| literal(name)).collect();
    let condition = format!("name IN ({})", names.join(", "));
    format!(
        "-- A DDL trigger in a database would run with your rights: one that has any is left out.\n{}{}",
        let_in(name),
        each_database(&condition)
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_database_stands_in_a_fix_as_a_literal_only() {
        let lacking = Lacking {
            users_in: vec!["o'brien", "a]\nGO"],
            ..Lacking::default()
        };
        let name = LoginName::new("auditor").unwrap();
        let text = grant_lacking("t", Some(&name), &lacking).unwrap();
        assert!(
            text.contains("WHERE name IN (N'o''brien', N'a]' + NCHAR(10) + N'GO') ORDER BY"),
            "{text}"
        );
        assert_eq!(text.matches("EXEC @run @user;").count(), 1);
        assert!(!text.contains("USE [msdb]"), "{text}");
    }

    #[test]
    fn a_login_that_cannot_be_named_is_granted_by_hand() {
        let lacking = Lacking {
            grants: grants::least(16),
            users_in: vec!["a\nGO\nb"],
            ..Lacking::default()
        };
        let text = grant_lacking("t\nGO", None, &lacking).unwrap();
        assert!(text.lines().all(|line| line.starts_with("--")), "{text}");
        assert!(text.contains("a user in a?GO?b"), "{text}");
        assert!(grant_lacking("t", None, &Lacking::default()).is_none());
    }
}
