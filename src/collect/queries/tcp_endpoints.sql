-- purpose: ports and addresses of the TCP endpoints
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.tcp_endpoints
-- columns: endpoint_id, port, is_dynamic_port, ip_address
-- narrowing: none
SELECT
    1 AS q_tcp_endpoints,
    endpoint_id,
    port,
    CAST(is_dynamic_port AS int) AS is_dynamic_port,
    CAST(ip_address AS nvarchar(45)) AS ip_address
FROM sys.tcp_endpoints
