-- purpose: schemas and their owners
-- scope: database
-- versions: 11-
-- sight: public
-- permission: none
-- views: sys.schemas
-- columns: schema_id, name, principal_id
-- narrowing: none
SELECT
    1 AS q_schemas,
    schema_id,
    CAST(name AS nvarchar(128)) AS name,
    principal_id
FROM sys.schemas
