-- purpose: the function that runs at every login to classify it
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.resource_governor_configuration
-- columns: classifier_function_id, is_enabled
-- narrowing: none
SELECT
    1 AS q_resource_governor,
    classifier_function_id,
    CAST(is_enabled AS int) AS is_enabled
FROM sys.resource_governor_configuration
