//! What SQL Server ships with, as far as recordings show it: names and ids that every instance has.

/// Fixed server roles by id; the `##MS_…##` ones exist from 2022 on.
pub const SERVER_ROLES: &[(i32, &str, u16)] = &[
    (2, "public", 11),
    (3, "sysadmin", 11),
    (4, "securityadmin", 11),
    (5, "serveradmin", 11),
    (6, "setupadmin", 11),
    (7, "processadmin", 11),
    (8, "diskadmin", 11),
    (9, "dbcreator", 11),
    (10, "bulkadmin", 11),
    (11, "##MS_ServerStateReader##", 16),
    (12, "##MS_ServerStateManager##", 16),
    (13, "##MS_DefinitionReader##", 16),
    (14, "##MS_DatabaseConnector##", 16),
    (15, "##MS_DatabaseManager##", 16),
    (16, "##MS_LoginManager##", 16),
    (17, "##MS_SecurityDefinitionReader##", 16),
    (18, "##MS_PerformanceDefinitionReader##", 16),
    (19, "##MS_ServerSecurityStateReader##", 16),
    (20, "##MS_ServerPerformanceStateReader##", 16),
];

/// Logins of shipped certificates: nobody can connect as one.
pub const CERTIFICATE_LOGINS: &[(i32, &str)] = &[
    (101, "##MS_SQLResourceSigningCertificate##"),
    (102, "##MS_SQLReplicationSigningCertificate##"),
    (103, "##MS_SQLAuthenticatorCertificate##"),
    (105, "##MS_PolicySigningCertificate##"),
    (106, "##MS_SmoExtendedSigningCertificate##"),
    (258, "##MS_AgentSigningCertificate##"),
];

/// Server permissions that setup gives: grantee, code, name.
pub const SERVER_GRANTS: &[(i32, &str, &str)] = &[
    (2, "VWDB", "VIEW ANY DATABASE"),
    (101, "VWAD", "VIEW ANY DEFINITION"),
    (102, "AUTH", "AUTHENTICATE SERVER"),
    (102, "VWAD", "VIEW ANY DEFINITION"),
    (102, "VWSS", "VIEW SERVER STATE"),
    (103, "AUTH", "AUTHENTICATE SERVER"),
    (105, "CL", "CONTROL SERVER"),
    (105, "VWAD", "VIEW ANY DEFINITION"),
    (106, "VWAD", "VIEW ANY DEFINITION"),
    (256, "COSQ", "CONNECT SQL"),
    (257, "COSQ", "CONNECT SQL"),
    (257, "VWAD", "VIEW ANY DEFINITION"),
    (257, "VWSS", "VIEW SERVER STATE"),
    (258, "COSQ", "CONNECT SQL"),
];

/// Fixed database roles by id; each has a schema of its name and id.
pub const DATABASE_ROLES: &[(i32, &str)] = &[
    (16384, "db_owner"),
    (16385, "db_accessadmin"),
    (16386, "db_securityadmin"),
    (16387, "db_ddladmin"),
    (16389, "db_backupoperator"),
    (16390, "db_datareader"),
    (16391, "db_datawriter"),
    (16392, "db_denydatareader"),
    (16393, "db_denydatawriter"),
];

/// Roles of msdb that a job or a mail needs.
pub const MSDB_ROLES: &[&str] = &[
    "SQLAgentUserRole",
    "SQLAgentReaderRole",
    "SQLAgentOperatorRole",
    "DatabaseMailUserRole",
    "db_ssisadmin",
    "db_ssisltduser",
    "db_ssisoperator",
];

/// System base tables and broker queues that stand in `sys.objects` of every database.
pub const BASE_OBJECTS: &[(i32, &str, i32, &str)] = &[
    (3, "sysrscols", 4, "S"),
    (5, "sysrowsets", 4, "S"),
    (34, "sysschobjs", 4, "S"),
    (60, "sysobjvalues", 4, "S"),
    (1_977_058_079, "QueryNotificationErrorsQueue", 1, "SQ"),
    (2_009_058_193, "EventNotificationErrorsQueue", 1, "SQ"),
    (2_041_058_307, "ServiceBrokerQueue", 1, "SQ"),
];

/// Objects of master that setup makes there.
pub const MASTER_OBJECTS: &[(i32, &str, &str)] = &[
    (117_575_457, "spt_fallback_db", "U"),
    (133_575_514, "spt_fallback_dev", "U"),
    (149_575_571, "spt_fallback_usg", "U"),
    (1_803_153_469, "spt_monitor", "U"),
    (2_107_154_552, "MSreplication_options", "U"),
];

/// Procedures of master that setup makes there, with their text.
pub const MASTER_PROCEDURES: &[(i32, &str, &str)] = &[
    (
        1_787_153_412,
        "sp_MScleanupmergepublisher",
        "create procedure dbo.sp_MScleanupmergepublisher\nas\n    exec sys.sp_MScleanupmergepublisher_internal\n",
    ),
    (
        1_771_153_355,
        "sp_MSrepl_startup",
        "create procedure dbo.sp_MSrepl_startup\nas\n    exec sys.sp_MSrepl_startup_internal\n",
    ),
];

/// Shipped extended procedures: name, first major version, whether public may execute it.
pub const EXTENDED_PROCEDURES: &[(&str, u16, bool)] = &[
    ("xp_cmdshell", 11, false),
    ("sp_OACreate", 11, false),
    ("sp_OADestroy", 11, false),
    ("sp_OAGetErrorInfo", 11, false),
    ("sp_OAGetProperty", 11, false),
    ("sp_OAMethod", 11, false),
    ("sp_OASetProperty", 11, false),
    ("sp_OAStop", 11, false),
    ("xp_availablemedia", 11, false),
    ("xp_create_subdir", 11, false),
    ("xp_delete_file", 11, false),
    ("xp_dirtree", 11, true),
    ("xp_enumerrorlogs", 11, false),
    ("xp_enumgroups", 11, false),
    ("xp_fileexist", 11, true),
    ("xp_fixeddrives", 11, true),
    ("xp_getnetname", 11, true),
    ("xp_instance_regread", 11, true),
    ("xp_instance_regwrite", 11, false),
    ("xp_logevent", 11, false),
    ("xp_msver", 11, true),
    ("xp_qv", 11, true),
    ("xp_readerrorlog", 11, false),
    ("xp_regread", 11, true),
    ("xp_regwrite", 11, false),
    ("xp_servicecontrol", 11, false),
    ("xp_sprintf", 11, true),
    ("xp_sscanf", 11, true),
    ("xp_subdirs", 11, false),
    ("sp_execute_external_script", 13, true),
    ("sp_add_trusted_assembly", 14, false),
    ("sp_drop_trusted_assembly", 14, false),
    ("xp_copy_file", 15, false),
    ("xp_copy_files", 15, false),
    ("xp_delete_files", 15, false),
];

/// A build of each major version: version, level, update.
pub const BUILDS: &[(u16, &str, &str, Option<&str>)] = &[
    (11, "11.0.7507.2", "SP4", None),
    (12, "12.0.6449.1", "SP3", None),
    (13, "13.0.6455.2", "SP3", None),
    (14, "14.0.3485.1", "RTM", Some("CU31")),
    (15, "15.0.4430.1", "RTM", Some("CU32")),
    (16, "16.0.4195.2", "RTM", Some("CU19")),
    (17, "17.0.1000.7", "RTM", None),
];

/// Codes of the permissions that recordings use.
pub const PERMISSION_CODES: &[(&str, &str)] = &[
    ("ADMINISTER BULK OPERATIONS", "ADBO"),
    ("ALTER", "AL"),
    ("ALTER ANY EVENT SESSION", "AAES"),
    ("ALTER ANY LOGIN", "ALLG"),
    ("ALTER SETTINGS", "ALST"),
    ("ALTER TRACE", "ALTR"),
    ("AUTHENTICATE SERVER", "AUTH"),
    ("CONNECT", "CO"),
    ("CONNECT ANY DATABASE", "CADB"),
    ("CONNECT SQL", "COSQ"),
    ("CONTROL", "CL"),
    ("CONTROL SERVER", "CL"),
    ("EXECUTE", "EX"),
    ("EXECUTE ANY EXTERNAL SCRIPT", "EAES"),
    ("IMPERSONATE", "IM"),
    ("SELECT", "SL"),
    ("VIEW ANY DATABASE", "VWDB"),
    ("VIEW ANY DEFINITION", "VWAD"),
    ("VIEW DEFINITION", "VW"),
    ("VIEW SERVER STATE", "VWSS"),
];
