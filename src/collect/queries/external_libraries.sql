-- purpose: libraries of external scripts
-- scope: database
-- versions: 14-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.external_libraries
-- columns: external_library_id, name, principal_id, language, scope_desc
-- narrowing: none
SELECT
    1 AS q_external_libraries,
    external_library_id,
    CAST(name AS nvarchar(128)) AS name,
    principal_id,
    CAST(language AS nvarchar(128)) AS language,
    CAST(scope_desc AS nvarchar(7)) AS scope_desc
FROM sys.external_libraries
