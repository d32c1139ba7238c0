-- purpose: configuration of this database alone
-- scope: database
-- versions: 13-
-- sight: public
-- permission: none
-- views: sys.database_scoped_configurations
-- columns: configuration_id, name, value, value_for_secondary
-- narrowing: none
SELECT
    1 AS q_scoped_configurations,
    configuration_id,
    CAST(name AS nvarchar(60)) AS name,
    CAST(value AS nvarchar(512)) AS value,
    CAST(value_for_secondary AS nvarchar(512)) AS value_for_secondary
FROM sys.database_scoped_configurations
