-- purpose: the T-SQL of server triggers
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.server_sql_modules
-- columns: object_id, definition, uses_quoted_identifier, execute_as_principal_id
-- narrowing: none
SELECT
    1 AS q_server_modules,
    object_id,
    CAST(definition AS nvarchar(max)) AS definition,
    CAST(uses_quoted_identifier AS int) AS uses_quoted_identifier,
    execute_as_principal_id
FROM sys.server_sql_modules
