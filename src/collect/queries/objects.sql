-- purpose: every object that a permission or a module can name
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.objects
-- columns: object_id, name, schema_id, principal_id, parent_object_id, type, create_date, modify_date, is_ms_shipped
-- narrowing: constraints (types C, F, PK, UQ, EC) are left out: nothing can be granted on them and they hold no module
SELECT
    1 AS q_objects,
    object_id,
    CAST(name AS nvarchar(128)) AS name,
    schema_id,
    principal_id,
    parent_object_id,
    CAST(type AS nvarchar(2)) AS type,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date,
    CAST(is_ms_shipped AS int) AS is_ms_shipped
FROM sys.objects
WHERE type NOT IN ('C', 'F', 'PK', 'UQ', 'EC')
