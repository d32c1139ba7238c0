-- purpose: registry values of the instance: start parameters and network settings
-- scope: server
-- versions: 11-
-- sight: server-performance-state
-- permission: VIEW SERVER STATE (from 2022 VIEW SERVER PERFORMANCE STATE suffices)
-- views: sys.dm_server_registry
-- columns: registry_key, value_name, value_data
-- narrowing: none
SELECT
    1 AS q_registry,
    CAST(registry_key AS nvarchar(256)) AS registry_key,
    CAST(value_name AS nvarchar(256)) AS value_name,
    CAST(value_data AS nvarchar(512)) AS value_data
FROM sys.dm_server_registry
