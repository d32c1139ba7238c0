-- purpose: every grant and deny in the database
-- scope: database
-- versions: 11-
-- sight: database-security-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION (from 2022 VIEW SECURITY DEFINITION suffices)
-- views: sys.database_permissions
-- columns: class, major_id, minor_id, grantee_principal_id, grantor_principal_id, type, permission_name, state
-- narrowing: none
SELECT
    1 AS q_database_permissions,
    CAST(class AS int) AS class,
    major_id,
    minor_id,
    grantee_principal_id,
    grantor_principal_id,
    CAST(type AS nvarchar(4)) AS type,
    CAST(permission_name AS nvarchar(128)) AS permission_name,
    CAST(state AS nvarchar(1)) AS state
FROM sys.database_permissions
