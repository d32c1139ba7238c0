-- purpose: CLR assemblies and their permission sets
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.assemblies
-- columns: assembly_id, name, principal_id, clr_name, permission_set, is_visible, is_user_defined, create_date, modify_date
-- narrowing: none
SELECT
    1 AS q_assemblies,
    assembly_id,
    CAST(name AS nvarchar(128)) AS name,
    principal_id,
    CAST(clr_name AS nvarchar(4000)) AS clr_name,
    CAST(permission_set AS int) AS permission_set,
    CAST(is_visible AS int) AS is_visible,
    CAST(is_user_defined AS int) AS is_user_defined,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date
FROM sys.assemblies
