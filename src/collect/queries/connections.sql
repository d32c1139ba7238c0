-- purpose: how the sessions of this moment are encrypted and authenticated (no addresses, no names)
-- scope: server
-- versions: 11-
-- sight: server-performance-state
-- permission: VIEW SERVER STATE (from 2022 VIEW SERVER PERFORMANCE STATE suffices)
-- views: sys.dm_exec_connections
-- columns: session_id, net_transport, encrypt_option, auth_scheme
-- narrowing: none
SELECT
    1 AS q_connections,
    session_id,
    CAST(net_transport AS nvarchar(40)) AS net_transport,
    CAST(encrypt_option AS nvarchar(40)) AS encrypt_option,
    CAST(auth_scheme AS nvarchar(40)) AS auth_scheme
FROM sys.dm_exec_connections
