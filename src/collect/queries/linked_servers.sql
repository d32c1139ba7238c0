-- purpose: this server (id 0) and the servers it can reach, with what may be done there
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.servers
-- columns: server_id, name, product, provider, data_source, location, catalog, is_linked, is_remote_login_enabled, is_rpc_out_enabled, is_data_access_enabled, is_system, modify_date
-- narrowing: none
SELECT
    1 AS q_linked_servers,
    server_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(product AS nvarchar(128)) AS product,
    CAST(provider AS nvarchar(128)) AS provider,
    CAST(data_source AS nvarchar(4000)) AS data_source,
    CAST(location AS nvarchar(4000)) AS location,
    CAST(catalog AS nvarchar(128)) AS catalog,
    CAST(is_linked AS int) AS is_linked,
    CAST(is_remote_login_enabled AS int) AS is_remote_login_enabled,
    CAST(is_rpc_out_enabled AS int) AS is_rpc_out_enabled,
    CAST(is_data_access_enabled AS int) AS is_data_access_enabled,
    CAST(is_system AS int) AS is_system,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date
FROM sys.servers
