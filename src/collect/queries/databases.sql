-- purpose: every database with owner, state and the options that extend trust beyond it
-- scope: server
-- versions: 11-
-- sight: any-database
-- permission: VIEW ANY DATABASE
-- views: sys.databases
-- columns: database_id, name, owner_sid, owner_name, create_date, compatibility_level, collation, state, state_desc, user_access, is_read_only, is_auto_close_on, is_in_standby, is_trustworthy_on, is_db_chaining_on, is_broker_enabled, containment, source_database_id, has_access
-- narrowing: none
SELECT
    1 AS q_databases,
    database_id,
    CAST(name AS nvarchar(128)) AS name,
    owner_sid,
    CAST(SUSER_SNAME(owner_sid) AS nvarchar(128)) AS owner_name,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CAST(compatibility_level AS int) AS compatibility_level,
    CAST(collation_name AS nvarchar(128)) AS collation,
    CAST(state AS int) AS state,
    CAST(state_desc AS nvarchar(60)) AS state_desc,
    CAST(user_access AS int) AS user_access,
    CAST(is_read_only AS int) AS is_read_only,
    CAST(is_auto_close_on AS int) AS is_auto_close_on,
    CAST(is_in_standby AS int) AS is_in_standby,
    CAST(is_trustworthy_on AS int) AS is_trustworthy_on,
    CAST(is_db_chaining_on AS int) AS is_db_chaining_on,
    CAST(is_broker_enabled AS int) AS is_broker_enabled,
    CAST(containment AS int) AS containment,
    source_database_id,
    CAST(HAS_DBACCESS(name) AS int) AS has_access
FROM sys.databases
