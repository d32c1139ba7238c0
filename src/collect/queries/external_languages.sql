-- purpose: languages of external scripts
-- scope: database
-- versions: 15-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.external_languages
-- columns: external_language_id, language, principal_id, create_date
-- narrowing: none
SELECT
    1 AS q_external_languages,
    external_language_id,
    CAST(language AS nvarchar(128)) AS language,
    principal_id,
    CONVERT(nvarchar(30), create_date, 126) AS create_date
FROM sys.external_languages
