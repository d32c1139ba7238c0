-- purpose: the T-SQL of procedures made as name;2 and up, which stands in no other view
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.numbered_procedures
-- columns: object_id, procedure_number, definition, is_encrypted
-- narrowing: none
SELECT
    1 AS q_numbered_procedures,
    object_id,
    CAST(procedure_number AS int) AS procedure_number,
    CAST(definition AS nvarchar(max)) AS definition,
    CAST(OBJECTPROPERTY(object_id, N'IsEncrypted') AS int) AS is_encrypted
FROM sys.numbered_procedures
