-- purpose: users, roles, application roles, certificate and key users
-- scope: database
-- versions: 11-
-- sight: database-security-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION (from 2022 VIEW SECURITY DEFINITION suffices)
-- views: sys.database_principals
-- columns: principal_id, name, type, sid, owning_principal_id, is_fixed_role, authentication_type, create_date, modify_date
-- narrowing: none
SELECT
    1 AS q_database_principals,
    principal_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(type AS nvarchar(1)) AS type,
    sid,
    owning_principal_id,
    CAST(is_fixed_role AS int) AS is_fixed_role,
    authentication_type,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date
FROM sys.database_principals
