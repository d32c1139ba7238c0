-- purpose: every grant and deny at server scope
-- scope: server
-- versions: 11-
-- sight: server-security-definition
-- permission: VIEW ANY DEFINITION (from 2022 VIEW ANY SECURITY DEFINITION suffices)
-- views: sys.server_permissions
-- columns: class, major_id, minor_id, grantee_principal_id, grantor_principal_id, type, permission_name, state
-- narrowing: none
SELECT
    1 AS q_server_permissions,
    CAST(class AS int) AS class,
    major_id,
    minor_id,
    grantee_principal_id,
    grantor_principal_id,
    CAST(type AS nvarchar(4)) AS type,
    CAST(permission_name AS nvarchar(128)) AS permission_name,
    CAST(state AS nvarchar(1)) AS state
FROM sys.server_permissions
