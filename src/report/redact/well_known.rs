//! Names that every server has, and parts that everybody's names have. They tell nothing of whose they are, and stay.

/// Names of every server, whole: a name that only begins like one is somebody's.
const NAMES: &[&str] = &[
    "sa",
    "public",
    "dbo",
    "guest",
    "sys",
    "information_schema",
    // Fixed server roles; those of 2022 have a beginning of their own.
    "sysadmin",
    "securityadmin",
    "serveradmin",
    "setupadmin",
    "processadmin",
    "diskadmin",
    "dbcreator",
    "bulkadmin",
    // Fixed database roles.
    "db_owner",
    "db_accessadmin",
    "db_securityadmin",
    "db_ddladmin",
    "db_backupoperator",
    "db_datareader",
    "db_datawriter",
    "db_denydatareader",
    "db_denydatawriter",
    // Roles and users of msdb.
    "sqlagentuserrole",
    "sqlagentreaderrole",
    "sqlagentoperatorrole",
    "servergroupadministratorrole",
    "servergroupreaderrole",
    "policyadministratorrole",
    "targetserversrole",
    "databasemailuserrole",
    "db_ssisadmin",
    "db_ssisltduser",
    "db_ssisoperator",
    "dc_admin",
    "dc_operator",
    "dc_proxy",
    "dbm_monitor",
    "ms_datacollectorinternaluser",
    "utilitycmrreader",
    "utilityimrreader",
    "utilityimrwriter",
    // A credential, and accounts of services.
    "##xp_cmdshell_proxy_account##",
    "localsystem",
    "localservice",
    "networkservice",
    // Of the certificate that a server makes for itself, and of its maker.
    "ssl_self_signed_fallback",
    "microsoft corporation",
];
/// Beginnings that a server keeps for its own.
const BEGINNINGS: &[&str] = &["##ms_", SERVICE, "nt authority\\", "builtin\\"];
const SERVICE: &str = "nt service\\";
/// Parts of names that say nothing of whose they are.
const PARTS: &[&str] = &[
    "com",
    "net",
    "org",
    "gov",
    "edu",
    "mil",
    "int",
    "info",
    "local",
    "localhost",
    "localdomain",
    "internal",
    "lan",
    "tcp",
    "np",
    "lpc",
    "http",
    "https",
    "admin",
    "sql",
    "server",
    "mssql",
    "mssqlserver",
    "sqlexpress",
    "windows",
    "database",
    "nt",
    "service",
    "authority",
    "builtin",
];

/// Whether every server has it.
pub(super) fn is_well_known(name: &str) -> bool {
    let lower = name.to_lowercase();
    let mut beginnings = BEGINNINGS.iter();
    name.is_empty()
        || NAMES.contains(&lower.as_str())
        || beginnings.any(|known| lower.starts_with(known))
}

/// Whether it says nothing of whose it is: a word of everybody's names, or signs alone.
pub(super) fn is_common(part: &str) -> bool {
    part.chars().all(|c| c.is_ascii_punctuation()) || PARTS.contains(&part.to_lowercase().as_str())
}

/// The named instance that an account of a service is of: `ERP` of `NT SERVICE\MSSQL$ERP`.
pub(super) fn instance_of_service(name: &str) -> Option<&str> {
    let begins = name.get(..SERVICE.len())?.eq_ignore_ascii_case(SERVICE);
    let (_, instance) = name.split_once('$').filter(|_| begins)?;
    Some(instance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_a_name_of_every_server_is_somebodys() {
        for name in [
            "SA",
            "db_owner",
            "SQLAgentOperatorRole",
            "ServerGroupReaderRole",
            "db_ssisltduser",
            "##MS_DatabaseConnector##",
            "##xp_cmdshell_proxy_account##",
            "NT AUTHORITY\\SYSTEM",
            "nt service\\MSSQL$ERP",
            "BUILTIN\\Administrators",
        ] {
            assert!(is_well_known(name), "{name}");
        }
        for name in [
            "sqlagent_bob",
            "SQLAgentUserRole2",
            "db_owner_mueller",
            "db_ssis_load",
            "servergroup-x",
            "##xp_cmdshell_proxy_account##2",
            "##mine##",
            "NT SERVICES\\x",
            "sa2",
        ] {
            assert!(!is_well_known(name), "{name}");
        }
    }

    #[test]
    fn a_service_of_a_named_instance_names_it() {
        for (name, instance) in [
            ("NT SERVICE\\MSSQL$ERP", Some("ERP")),
            ("nt service\\SQLAgent$A$B", Some("A$B")),
            ("NT SERVICE\\MSSQLSERVER", None),
            ("CORP\\MSSQL$ERP", None),
            ("NT SERVIC\u{c9}\\MSSQL$ERP", None),
        ] {
            assert_eq!(instance_of_service(name), instance, "{name}");
        }
    }

    #[test]
    fn signs_alone_name_nobody() {
        for part in ["", ".", "*", "$", "LOCAL"] {
            assert!(is_common(part), "{part}");
        }
        for part in ["1", "a", "😀", "corp"] {
            assert!(!is_common(part), "{part}");
        }
    }
}
