//! The instance that somebody broke into and meant to keep.

use super::super::{Base, On, Recording};
use super::with_dbas;

const SHELL: &str = "query helper, build 7";

/// 2022 behind the customer portal: every channel open, code hidden in procedures, a trigger, an
/// assembly and a startup procedure, and names meant to break the tools that list them.
pub fn portal_2022() -> Recording {
    let mut r = with_dbas(Recording::new(Base {
        machine: "SQLPORTAL01",
        ..Base::windows("portal-2022", 16)
    }));
    r.at("2025-01-20T08:15:00.260").add_login("portal_app", "S");
    r.add_database("Portal", "sa");
    r.add_user("Portal", "portal_app", Some("portal_app"));
    r.add_member("Portal", "db_owner", "portal_app");
    r.add_object("Portal", "dbo.Customer", "U");
    r.add_module(
        "Portal",
        "dbo.GetCustomer",
        "P",
        "CREATE PROCEDURE dbo.GetCustomer @Id int\nAS\nSELECT Name, Email FROM dbo.Customer WHERE CustomerId = @Id;\n",
    );
    // One Sunday, at night.
    r.at("2026-10-18T02:47:13.387");
    open_channels(&mut r);
    plant_code(&mut r);
    plant_assembly(&mut r);
    plant_hostile_names(&mut r);
    r
}

fn open_channels(r: &mut Recording) {
    for option in [
        "xp_cmdshell",
        "Ole Automation Procedures",
        "clr enabled",
        "scan for startup procs",
    ] {
        r.set_option(option, 1, 1);
    }
    r.add_login("svc_backup2", "S");
    r.add_server_member("sysadmin", "svc_backup2");
    r.grant("master", On::Object("xp_cmdshell"), "EXECUTE", "public");
    r.database_row("Portal").is_trustworthy_on = Some(true);
    r.add_extended_procedure("dbo.xp_perfcounters", "C:\\Windows\\Temp\\perf64.dll");
}

fn plant_code(r: &mut Recording) {
    let refresh = r.add_module(
        "Portal",
        "dbo.usp_RefreshStatistics",
        "P",
        REFRESH_STATISTICS,
    );
    r.add_parameter("Portal", refresh, "@Options", 231);
    r.add_module("Portal", "dbo.usp_CacheWarmup", "P", CACHE_WARMUP);
    r.add_module("msdb", "dbo.sp_agent_history_trim", "P", HISTORY_TRIM);
    r.add_module(
        "master",
        "dbo.sp_server_diagnostics_cache",
        "P",
        DIAGNOSTICS_CACHE,
    );
    r.mark_startup("dbo.sp_server_diagnostics_cache");
    r.add_server_trigger("tr_connection_quota", CONNECTION_QUOTA);
    // A note for whoever reads this database's DDL, and a way back in.
    r.add_trigger("Portal", "ddl_guard", None, DDL_GUARD);
}

/// Comment padding, brackets and odd case.
const REFRESH_STATISTICS: &str = "\
CREATE PROCEDURE dbo.usp_RefreshStatistics @Options nvarchar(256) = NULL
AS
SET NOCOUNT ON;
UPDATE STATISTICS dbo.Customer;
IF @Options LIKE N'x:%'
BEGIN
    SET @Options = SUBSTRING(@Options, 3, 256);
    EXEC/* index hints */[master]..[Xp_CmdShell]/* fullscan */@Options, no_output;
END
";

/// The name is put together where it is executed.
const CACHE_WARMUP: &str = "\
CREATE PROCEDURE dbo.usp_CacheWarmup
AS
DECLARE @q nvarchar(max) = N'exec master.dbo.xp_' + N'cmd' + N'shell ''hostname''';
EXEC sys.sp_executesql @q;
";

/// The name is in a variable.
const HISTORY_TRIM: &str = "\
CREATE PROCEDURE dbo.sp_agent_history_trim
AS
DECLARE @p sysname = N'master..xp_cmdshell';
EXEC @p 'whoami';
";

/// Runs as sysadmin at every start and makes sure that the doors are open.
const DIAGNOSTICS_CACHE: &str = "\
CREATE PROCEDURE dbo.sp_server_diagnostics_cache
AS
EXEC sp_configure 'show advanced options', 1; RECONFIGURE;
EXEC sp_configure 'xp_cmdshell', 1; RECONFIGURE;
DECLARE @shell int;
EXEC sp_OACreate 'WScript.Shell', @shell OUT;
EXEC sp_OAMethod @shell, 'Run', NULL, 'hostname', 0;
";

const CONNECTION_QUOTA: &str = "\
CREATE TRIGGER tr_connection_quota ON ALL SERVER WITH EXECUTE AS 'sa' FOR LOGON
AS
IF APP_NAME() = N'portal-health' EXEC master.sys.xp_cmdshell 'hostname', no_output;
";

const DDL_GUARD: &str = "\
CREATE TRIGGER ddl_guard ON DATABASE FOR DROP_PROCEDURE, DROP_TRIGGER
AS
PRINT N'<script>alert(\"dropped\")</script>';
EXEC (N'master..xp_cmdshell ''hostname''');
";

fn plant_assembly(r: &mut Recording) {
    r.trust_assembly(SHELL, "Microsoft.SqlServer.QueryHelper", "svc_backup2");
    let helper = r.add_assembly("Portal", "QueryHelper", 3, SHELL);
    r.add_clr_procedure("Portal", "dbo.sp_query_plan", helper, "Run");
}

/// Names that break out of quotes, reports, terminals and spreadsheets.
fn plant_hostile_names(r: &mut Recording) {
    let database = "x]; DROP TABLE findings;--";
    r.add_database(database, "svc_backup2");
    let text = "CREATE PROCEDURE p AS EXEC xp_cmdshell 'hostname'\n";
    let longest = "n".repeat(126) + "\u{1f480}";
    for name in [
        "a]]b[c",
        "it's; --",
        "line\nbreak\r\ttab",
        "\u{202e}txt.erudecorp",
        "\u{1b}[2J\u{1b}[31mred",
        "<script>alert(1)</script>",
        "=cmd|'/C calc'!A0",
        "nul\u{0}l",
        longest.as_str(),
    ] {
        r.add_module(database, &format!("dbo.{name}"), "P", text);
    }
    r.add_assembly(
        database,
        "</td><img src=x onerror=alert(1)>",
        3,
        "hostile assembly",
    );
    r.add_login("\u{202e}nimda<b>", "S");
    r.add_server_member("sysadmin", "\u{202e}nimda<b>");
}
