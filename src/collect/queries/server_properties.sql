-- purpose: which features are installed and where the server keeps its files
-- scope: server
-- versions: 11-
-- sight: public
-- permission: none
-- views: none
-- columns: build_clr_version, is_single_user, is_local_db, is_full_text_installed, is_advanced_analytics_installed, is_polybase_installed, filestream_configured_level, error_log_file_name, default_data_path, product_update_reference
-- narrowing: none
SELECT
    1 AS q_server_properties,
    CAST(SERVERPROPERTY(N'BuildClrVersion') AS nvarchar(128)) AS build_clr_version,
    CAST(SERVERPROPERTY(N'IsSingleUser') AS int) AS is_single_user,
    CAST(SERVERPROPERTY(N'IsLocalDB') AS int) AS is_local_db,
    CAST(SERVERPROPERTY(N'IsFullTextInstalled') AS int) AS is_full_text_installed,
    CAST(SERVERPROPERTY(N'IsAdvancedAnalyticsInstalled') AS int) AS is_advanced_analytics_installed,
    CAST(SERVERPROPERTY(N'IsPolyBaseInstalled') AS int) AS is_polybase_installed,
    CAST(SERVERPROPERTY(N'FilestreamConfiguredLevel') AS int) AS filestream_configured_level,
    CAST(SERVERPROPERTY(N'ErrorLogFileName') AS nvarchar(512)) AS error_log_file_name,
    CAST(SERVERPROPERTY(N'InstanceDefaultDataPath') AS nvarchar(512)) AS default_data_path,
    CAST(SERVERPROPERTY(N'ProductUpdateReference') AS nvarchar(128)) AS product_update_reference
