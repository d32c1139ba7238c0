-- purpose: AI models that the engine can call
-- scope: database
-- versions: 17-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.external_models
-- columns: external_model_id, name, principal_id, location, api_format, credential_id
-- narrowing: none
SELECT
    1 AS q_external_models,
    external_model_id,
    CAST(name AS nvarchar(128)) AS name,
    principal_id,
    CAST(location AS nvarchar(4000)) AS location,
    CAST(api_format AS nvarchar(100)) AS api_format,
    credential_id
FROM sys.external_models
