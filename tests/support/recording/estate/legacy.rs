//! Instances that were set up long ago and grew.

use super::super::{Base, On, Recording};
use super::with_dbas;

/// 2012 Express under a desk: out of support, a TRUSTWORTHY database of sa, OLE automation in use.
pub fn crm_2012() -> Recording {
    let mut r = with_dbas(Recording::new(Base {
        edition: "Express Edition",
        engine_edition: 4,
        machine: "CRM-PC7",
        instance: Some("SQLEXPRESS"),
        ..Base::windows("crm-2012", 11)
    }));
    r.set_option("Ole Automation Procedures", 1, 1);
    r.set_option("remote access", 1, 1);
    r.at("2013-06-04T16:20:11.447").add_login("crm_app", "S");
    r.add_database("CRM", "sa");
    r.database_row("CRM").is_trustworthy_on = Some(true);
    r.database_row("CRM").is_auto_close_on = Some(true);
    r.add_user("CRM", "crm_app", Some("crm_app"));
    r.add_member("CRM", "db_owner", "crm_app");
    r.add_object("CRM", "dbo.Customer", "U");
    r.add_object("CRM", "dbo.Letter", "U");
    r.add_module(
        "CRM",
        "dbo.CustomerOverview",
        "V",
        "CREATE VIEW dbo.CustomerOverview AS SELECT CustomerId, Name, City FROM dbo.Customer",
    );
    let letter = r.add_module("CRM", "dbo.WriteLetter", "P", WRITE_LETTER);
    r.add_parameter("CRM", letter, "@LetterId", 56);
    r
}

const WRITE_LETTER: &str = "\
CREATE PROCEDURE dbo.WriteLetter @LetterId int
AS
/* Writes a letter to the share of the front office. */
DECLARE @fso int, @file int, @hr int, @text nvarchar(4000), @path nvarchar(260)
SELECT @text = Body, @path = N'\\\\crm-pc7\\letters\\' + CONVERT(nvarchar(10), LetterId) + N'.txt'
FROM dbo.Letter WHERE LetterId = @LetterId
EXEC @hr = sp_OACreate 'Scripting.FileSystemObject', @fso OUT
EXEC @hr = sp_OAMethod @fso, 'CreateTextFile', @file OUT, @path, 1
EXEC @hr = sp_OAMethod @file, 'WriteLine', NULL, @text
EXEC @hr = sp_OADestroy @file
EXEC @hr = sp_OADestroy @fso
";

/// 2014 Standard: CLR without strict security, an assembly that leaves the sandbox, xp_cmdshell
/// switched on but not yet running, and an import that waits for it.
pub fn warehouse_2014() -> Recording {
    let mut r = with_dbas(Recording::new(Base {
        edition: "Standard Edition",
        engine_edition: 2,
        machine: "SQLDW02",
        ..Base::windows("warehouse-2014", 12)
    }));
    r.set_option("clr enabled", 1, 1);
    r.set_option("xp_cmdshell", 1, 0);
    r.at("2015-10-22T09:12:40.063")
        .add_login("CORP\\svc_etl", "U");
    r.add_login("dw_reader", "S");
    r.add_database("Warehouse", "CORP\\svc_etl");
    r.add_database("Staging", "CORP\\svc_etl");
    r.add_user("Warehouse", "dw_reader", Some("dw_reader"));
    r.add_member("Warehouse", "db_datareader", "dw_reader");
    r.add_object("Warehouse", "dbo.FactSales", "U");
    r.add_object("Warehouse", "dbo.DimCustomer", "U");
    r.add_object("Staging", "dbo.ImportFile", "U");
    let files = r.add_assembly("Staging", "FileTransfer", 2, "in-house file transfer 1.4");
    r.add_clr_procedure("Staging", "dbo.MoveFile", files, "MoveFile");
    let import = r.add_module("Staging", "dbo.ImportFiles", "P", IMPORT_FILES);
    r.add_parameter("Staging", import, "@Folder", 231);
    r
}

const IMPORT_FILES: &str = "\
CREATE PROCEDURE dbo.ImportFiles @Folder nvarchar(256)
AS
SET NOCOUNT ON;
DECLARE @list TABLE (line nvarchar(512));
DECLARE @command varchar(600) = 'dir /b \"' + @Folder + '\"';
INSERT INTO @list
EXEC master.dbo.xp_cmdshell @command;
INSERT INTO dbo.ImportFile (Name) SELECT line FROM @list WHERE line LIKE '%.csv';
";

/// 2016: xp_cmdshell runs and a role may execute it, external scripts run, a backup product's
/// extended procedure, and a monitoring procedure that starts with the server.
pub fn billing_2016() -> Recording {
    let mut r = with_dbas(Recording::new(Base {
        machine: "SQLBILL01",
        instance: Some("BILLING"),
        ..Base::windows("billing-2016", 13)
    }));
    r.set_option("xp_cmdshell", 1, 1);
    r.set_option("external scripts enabled", 1, 1);
    r.set_option("scan for startup procs", 1, 1);
    r.at("2018-02-19T11:30:05.913");
    r.add_login("billing_batch", "S");
    r.add_login("CORP\\svc_monitoring", "U");
    r.add_role("master", "command_operators");
    r.add_user("master", "billing_batch", Some("billing_batch"));
    r.add_member("master", "command_operators", "billing_batch");
    r.grant(
        "master",
        On::Object("xp_cmdshell"),
        "EXECUTE",
        "command_operators",
    );
    r.add_extended_procedure(
        "dbo.xp_backup_agent",
        "C:\\Program Files\\BackupAgent\\bin\\xpagent.dll",
    );
    r.add_module(
        "master",
        "dbo.monitoring_start",
        "P",
        "CREATE PROCEDURE dbo.monitoring_start\nAS\nINSERT INTO Monitoring.dbo.ServerStart (At) VALUES (SYSUTCDATETIME());\n",
    );
    r.mark_startup("dbo.monitoring_start");
    r.add_database("Monitoring", "CORP\\svc_monitoring");
    r.add_object("Monitoring", "dbo.ServerStart", "U");
    r.add_database("Billing", "sa");
    r.add_user("Billing", "billing_batch", Some("billing_batch"));
    r.add_object("Billing", "dbo.Invoice", "U");
    r.add_trigger(
        "Billing",
        "dbo.Invoice_Changed",
        Some("dbo.Invoice"),
        "CREATE TRIGGER dbo.Invoice_Changed ON dbo.Invoice AFTER UPDATE\nAS\nUPDATE i SET ChangedAt = SYSUTCDATETIME() FROM dbo.Invoice AS i JOIN inserted AS n ON n.InvoiceId = i.InvoiceId;\n",
    );
    r.add_module("Billing", "dbo.ExportInvoices", "P", EXPORT_INVOICES);
    r
}

const EXPORT_INVOICES: &str = "\
CREATE PROCEDURE dbo.ExportInvoices
AS
DECLARE @command varchar(1000) = 'bcp Billing.dbo.Invoice out D:\\export\\invoice.dat -S .\\BILLING -T -n';
EXEC xp_cmdshell @command, no_output;
";
