-- purpose: every configuration option, configured and running
-- scope: server
-- versions: 11-
-- sight: public
-- permission: none
-- views: sys.configurations
-- columns: configuration_id, name, value, value_in_use, is_dynamic, is_advanced
-- narrowing: none
SELECT
    1 AS q_configurations,
    configuration_id,
    CAST(name AS nvarchar(35)) AS name,
    CAST(value AS int) AS value,
    CAST(value_in_use AS int) AS value_in_use,
    CAST(is_dynamic AS int) AS is_dynamic,
    CAST(is_advanced AS int) AS is_advanced
FROM sys.configurations
