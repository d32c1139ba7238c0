-- purpose: who the auditor is in this database and by which rights it sees
-- scope: database
-- versions: 11-
-- sight: public
-- permission: none
-- views: none
-- columns: user_name, is_db_owner, control, view_definition, view_security_definition
-- narrowing: none
SELECT
    1 AS q_database_session,
    CAST(USER_NAME() AS nvarchar(128)) AS user_name,
    CAST(IS_ROLEMEMBER(N'db_owner') AS int) AS is_db_owner,
    CAST(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), N'DATABASE', N'CONTROL') AS int) AS control,
    CAST(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), N'DATABASE', N'VIEW DEFINITION') AS int) AS view_definition,
    CAST(HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()), N'DATABASE', N'VIEW SECURITY DEFINITION') AS int) AS view_security_definition
