//! Instances of today.

use mssql_posture::snapshot::Observed;

use super::super::{AUDITOR, Base, On, Recording, SidKind, sid};
use super::with_dbas;

/// 2017 on Linux: CLR with strict security switched off, and a module nobody can read.
pub fn webshop_2017() -> Recording {
    let mut r = Recording::new(Base {
        machine: "shopdb1",
        ..Base::linux("webshop-2017", 14)
    });
    r.set_option("clr enabled", 1, 1);
    r.set_option("clr strict security", 0, 0);
    r.at("2020-05-13T07:55:31.200").add_login("shop", "S");
    r.add_database("Shop", "shop");
    r.add_object("Shop", "dbo.Cart", "U");
    r.add_object("Shop", "dbo.Product", "U");
    let prices = r.add_assembly("Shop", "PriceRules", 1, "price rules 3.0");
    r.add_clr_procedure("Shop", "dbo.ApplyPriceRules", prices, "Apply");
    r.add_encrypted_module("Shop", "dbo.ScoreCustomer");
    r.add_module(
        "Shop",
        "dbo.AddToCart",
        "P",
        "CREATE PROCEDURE dbo.AddToCart @CartId int, @ProductId int\nAS\nINSERT INTO dbo.Cart (CartId, ProductId) VALUES (@CartId, @ProductId);\n",
    );
    r
}

/// 2019: in order but for one colleague who left, and a database of a vendor that is TRUSTWORTHY.
pub fn finance_2019() -> Recording {
    let mut r = with_dbas(Recording::new(Base {
        machine: "SQLFIN01",
        ..Base::windows("finance-2019", 15)
    }));
    r.at("2021-09-01T06:30:00.127")
        .add_login("CORP\\j.winter", "U");
    r.add_server_member("sysadmin", "CORP\\j.winter");
    r.add_login("ledger_app", "S");
    r.add_database("Ledger", "ledger_app");
    r.add_object("Ledger", "dbo.Posting", "U");
    r.add_module("Ledger", "dbo.PostEntry", "P", POST_ENTRY);
    r.add_database("VendorReports", "sa");
    r.database_row("VendorReports").is_trustworthy_on = Some(true);
    r.add_object("VendorReports", "dbo.Report", "U");
    r.add_database("Scratch", "ledger_app");
    r.exclude("Scratch");
    r
}

/// Speaks of the channel without using it.
const POST_ENTRY: &str = "\
CREATE PROCEDURE dbo.PostEntry @Account int, @Amount decimal(19, 4)
AS
-- 2019: no EXEC xp_cmdshell here any more, files are written by the service.
INSERT INTO dbo.Posting (Account, Amount, Note) VALUES (@Account, @Amount, N'see ticket \"xp_cmdshell\"');
";

/// Action groups that tell of every change and every login.
const RECORDED: &[&str] = &[
    "AUDIT_CHANGE_GROUP",
    "DATABASE_CHANGE_GROUP",
    "DATABASE_OBJECT_CHANGE_GROUP",
    "DATABASE_OBJECT_PERMISSION_CHANGE_GROUP",
    "DATABASE_OWNERSHIP_CHANGE_GROUP",
    "DATABASE_PERMISSION_CHANGE_GROUP",
    "DATABASE_PRINCIPAL_CHANGE_GROUP",
    "DATABASE_PRINCIPAL_IMPERSONATION_GROUP",
    "DATABASE_ROLE_MEMBER_CHANGE_GROUP",
    "FAILED_LOGIN_GROUP",
    "SCHEMA_OBJECT_ACCESS_GROUP",
    "SCHEMA_OBJECT_CHANGE_GROUP",
    "SCHEMA_OBJECT_PERMISSION_CHANGE_GROUP",
    "SERVER_OBJECT_CHANGE_GROUP",
    "SERVER_OBJECT_PERMISSION_CHANGE_GROUP",
    "SERVER_OPERATION_GROUP",
    "SERVER_PERMISSION_CHANGE_GROUP",
    "SERVER_PRINCIPAL_CHANGE_GROUP",
    "SERVER_PRINCIPAL_IMPERSONATION_GROUP",
    "SERVER_ROLE_MEMBER_CHANGE_GROUP",
    "SUCCESSFUL_LOGIN_GROUP",
    "TRACE_CHANGE_GROUP",
];

/// No SQL login gets in, so the auditor comes as a Windows account; and the build has the updates of the day.
fn take_windows_accounts_only(r: &mut Recording) {
    const ACCOUNT: &str = "CORP\\svc_posture";
    let account = sid(SidKind::Windows, ACCOUNT);
    let login = r.login(AUDITOR);
    ACCOUNT.clone_into(&mut login.name);
    "U".clone_into(&mut login.r#type);
    login.sid = Some(account);
    "integrated".clone_into(&mut r.snapshot.connection.authentication);
    r.snapshot.connection.user = None;
    let server = &mut r.snapshot.server;
    if let Observed::Known { value } = &mut server.session {
        value.login = Some(ACCOUNT.to_owned());
        value.original_login = Some(ACCOUNT.to_owned());
        value.auth_scheme = Some("KERBEROS".to_owned());
    }
    for row in server.login_token.seen_mut() {
        if row.name.as_deref() == Some(AUDITOR) {
            row.name = Some(ACCOUNT.to_owned());
            row.r#type = Some("WINDOWS LOGIN".to_owned());
        }
    }
    if let Observed::Known { value } = &mut server.server_identity {
        value.is_integrated_security_only = Some(true);
        "16.0.4265.3".clone_into(&mut value.product_version);
        value.product_update_level = Some("CU26".to_owned());
    }
}

/// 2022 as it should be: sa renamed and disabled, nothing on, modules that hold no surprise.
pub fn vault_2022() -> Recording {
    let mut r = with_dbas(Recording::new(Base {
        machine: "SQLVAULT01",
        ..Base::windows("vault-2022", 16)
    }));
    let sa = r.login("sa");
    "sa_retired".clone_into(&mut sa.name);
    sa.is_disabled = Some(true);
    for row in ["master", "tempdb", "model", "msdb"] {
        r.database_row(row).owner_name = Some("sa_retired".to_owned());
    }
    r.set_option("remote access", 0, 0);
    r.set_option("allow filesystem enumeration", 0, 0);
    take_windows_accounts_only(&mut r);
    r.add_audit("posture", RECORDED);
    r.at("2024-03-12T10:02:15.540");
    r.add_login("vault_owner", "S");
    r.add_login("CORP\\svc_vault", "U");
    r.login("vault_owner").is_disabled = Some(true);
    r.add_database("Vault", "vault_owner");
    r.add_role("Vault", "vault_reader");
    r.add_user("Vault", "vault_app", Some("CORP\\svc_vault"));
    r.add_member("Vault", "vault_reader", "vault_app");
    r.add_object("Vault", "dbo.Document", "U");
    r.grant(
        "Vault",
        On::Object("dbo.Document"),
        "SELECT",
        "vault_reader",
    );
    let find = r.add_module(
        "Vault",
        "dbo.FindDocument",
        "P",
        "CREATE PROCEDURE dbo.FindDocument @Title nvarchar(256)\nAS\nSELECT DocumentId, Title FROM dbo.Document WHERE Title LIKE @Title;\n",
    );
    r.add_parameter("Vault", find, "@Title", 231);
    r
}

/// 2025: CLR on purpose, signed and strict; a group of contractors in sysadmin.
pub fn analytics_2025() -> Recording {
    let mut r = with_dbas(Recording::new(Base {
        edition: "Enterprise Edition",
        machine: "SQLAN01",
        ..Base::windows("analytics-2025", 17)
    }));
    r.set_option("clr enabled", 1, 1);
    r.at("2026-06-23T15:44:02.833")
        .add_login("CORP\\Analytics Contractors", "G");
    r.add_server_member("sysadmin", "CORP\\Analytics Contractors");
    r.add_login("analytics_app", "S");
    r.add_database("Analytics", "analytics_app");
    r.add_object("Analytics", "dbo.Event", "U");
    r.trust_assembly(
        "geo functions 2.1",
        "GeoFunctions 2.1, release pipeline",
        "CORP\\svc_deploy",
    );
    let geo = r.add_assembly("Analytics", "GeoFunctions", 1, "geo functions 2.1");
    r.add_clr_procedure("Analytics", "dbo.Geocode", geo, "Geocode");
    r.add_synonym(
        "Analytics",
        "dbo.LedgerPosting",
        "[SQLFIN01].[Ledger].[dbo].[Posting]",
    );
    r
}
