-- purpose: which server, build, edition and platform answered
-- scope: session
-- versions: 11-
-- sight: public
-- permission: none
-- views: none
-- columns: product_version, product_level, product_update_level, edition, engine_edition, server_name, machine_name, instance_name, physical_name, is_clustered, is_hadr_enabled, is_integrated_security_only, collation
-- narrowing: none
SELECT
    1 AS q_server_identity,
    CAST(SERVERPROPERTY(N'ProductVersion') AS nvarchar(128)) AS product_version,
    CAST(SERVERPROPERTY(N'ProductLevel') AS nvarchar(128)) AS product_level,
    CAST(SERVERPROPERTY(N'ProductUpdateLevel') AS nvarchar(128)) AS product_update_level,
    CAST(SERVERPROPERTY(N'Edition') AS nvarchar(128)) AS edition,
    CAST(SERVERPROPERTY(N'EngineEdition') AS int) AS engine_edition,
    CAST(@@SERVERNAME AS nvarchar(128)) AS server_name,
    CAST(SERVERPROPERTY(N'MachineName') AS nvarchar(128)) AS machine_name,
    CAST(SERVERPROPERTY(N'InstanceName') AS nvarchar(128)) AS instance_name,
    CAST(SERVERPROPERTY(N'ComputerNamePhysicalNetBIOS') AS nvarchar(128)) AS physical_name,
    CAST(SERVERPROPERTY(N'IsClustered') AS int) AS is_clustered,
    CAST(SERVERPROPERTY(N'IsHadrEnabled') AS int) AS is_hadr_enabled,
    CAST(SERVERPROPERTY(N'IsIntegratedSecurityOnly') AS int) AS is_integrated_security_only,
    CAST(SERVERPROPERTY(N'Collation') AS nvarchar(128)) AS collation
