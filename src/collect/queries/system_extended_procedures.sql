-- purpose: ids of all extended procedures including the shipped ones, to read grants on them
-- scope: master
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.all_objects
-- columns: object_id, name, schema_id, is_ms_shipped
-- narrowing: type X (extended procedures) only: sys.all_objects holds thousands of system objects
SELECT
    1 AS q_system_extended_procedures,
    object_id,
    CAST(name AS nvarchar(128)) AS name,
    schema_id,
    CAST(is_ms_shipped AS int) AS is_ms_shipped
FROM sys.all_objects
WHERE type = 'X'
