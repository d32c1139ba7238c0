-- purpose: DML and database DDL triggers (DDL triggers stand in no other view)
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.triggers
-- columns: object_id, name, parent_class, parent_id, type, create_date, modify_date, is_ms_shipped, is_disabled
-- narrowing: none
SELECT
    1 AS q_triggers,
    object_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(parent_class AS int) AS parent_class,
    parent_id,
    CAST(type AS nvarchar(2)) AS type,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date,
    CAST(is_ms_shipped AS int) AS is_ms_shipped,
    CAST(is_disabled AS int) AS is_disabled
FROM sys.triggers
