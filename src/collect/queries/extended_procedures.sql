-- purpose: extended procedures registered in this database, with their DLL
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.extended_procedures
-- columns: object_id, name, schema_id, dll_name, create_date, modify_date, is_ms_shipped
-- narrowing: none
SELECT
    1 AS q_extended_procedures,
    object_id,
    CAST(name AS nvarchar(260)) AS name,
    schema_id,
    CAST(dll_name AS nvarchar(260)) AS dll_name,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date,
    CAST(is_ms_shipped AS int) AS is_ms_shipped
FROM sys.extended_procedures
