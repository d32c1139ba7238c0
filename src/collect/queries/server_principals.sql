-- purpose: logins, groups, server roles, certificate and key logins
-- scope: server
-- versions: 11-
-- sight: server-security-definition
-- permission: VIEW ANY DEFINITION (from 2022 VIEW ANY SECURITY DEFINITION suffices)
-- views: sys.server_principals
-- columns: principal_id, name, sid, type, is_disabled, create_date, modify_date, owning_principal_id, is_fixed_role
-- narrowing: none
SELECT
    1 AS q_server_principals,
    principal_id,
    CAST(name AS nvarchar(128)) AS name,
    sid,
    CAST(type AS nvarchar(1)) AS type,
    CAST(is_disabled AS int) AS is_disabled,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date,
    owning_principal_id,
    CAST(is_fixed_role AS int) AS is_fixed_role
FROM sys.server_principals
