-- purpose: which file carries each external language
-- scope: database
-- versions: 15-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.external_language_files
-- columns: external_language_id, file_name, platform_desc, parameters
-- narrowing: none
SELECT
    1 AS q_external_language_files,
    external_language_id,
    CAST(file_name AS nvarchar(266)) AS file_name,
    CAST(platform_desc AS nvarchar(60)) AS platform_desc,
    CAST(parameters AS nvarchar(4000)) AS parameters
FROM sys.external_language_files
