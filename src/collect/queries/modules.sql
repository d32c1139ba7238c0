-- purpose: the T-SQL of every procedure, function, trigger and view
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION; a definition that stays NULL is encrypted or hidden
-- views: sys.sql_modules
-- columns: object_id, definition, uses_quoted_identifier, execute_as_principal_id, is_encrypted
-- narrowing: none
SELECT
    1 AS q_modules,
    object_id,
    CAST(definition AS nvarchar(max)) AS definition,
    CAST(uses_quoted_identifier AS int) AS uses_quoted_identifier,
    execute_as_principal_id,
    CAST(OBJECTPROPERTY(object_id, N'IsEncrypted') AS int) AS is_encrypted
FROM sys.sql_modules
