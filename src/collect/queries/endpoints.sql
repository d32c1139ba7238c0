-- purpose: what the server listens on, and as what
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.endpoints
-- columns: endpoint_id, name, principal_id, protocol_desc, type_desc, state_desc, is_admin_endpoint
-- narrowing: none
SELECT
    1 AS q_endpoints,
    endpoint_id,
    CAST(name AS nvarchar(128)) AS name,
    principal_id,
    CAST(protocol_desc AS nvarchar(60)) AS protocol_desc,
    CAST(type_desc AS nvarchar(60)) AS type_desc,
    CAST(state_desc AS nvarchar(60)) AS state_desc,
    CAST(is_admin_endpoint AS int) AS is_admin_endpoint
FROM sys.endpoints
