-- purpose: procedures marked to run when the server starts
-- scope: master
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.procedures
-- columns: object_id, name, schema_id
-- narrowing: is_auto_executed = 1 only: the fact asked for is this mark
SELECT
    1 AS q_startup_procedures,
    object_id,
    CAST(name AS nvarchar(128)) AS name,
    schema_id
FROM sys.procedures
WHERE is_auto_executed = 1
