-- purpose: where external tables and files come from
-- scope: database
-- versions: 13-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.external_data_sources
-- columns: data_source_id, name, location, type_desc, credential_id
-- narrowing: none
SELECT
    1 AS q_external_data_sources,
    data_source_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(location AS nvarchar(4000)) AS location,
    CAST(type_desc AS nvarchar(255)) AS type_desc,
    credential_id
FROM sys.external_data_sources
