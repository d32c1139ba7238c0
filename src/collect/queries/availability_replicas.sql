-- purpose: role of each replica of the availability groups
-- scope: server
-- versions: 11-
-- sight: server-state
-- permission: VIEW SERVER STATE (from 2022 VIEW SERVER SECURITY STATE suffices)
-- views: sys.dm_hadr_availability_replica_states
-- columns: replica_id, group_id, is_local, role_desc
-- narrowing: none
SELECT
    1 AS q_availability_replicas,
    CAST(replica_id AS nvarchar(36)) AS replica_id,
    CAST(group_id AS nvarchar(36)) AS group_id,
    CAST(is_local AS int) AS is_local,
    CAST(role_desc AS nvarchar(60)) AS role_desc
FROM sys.dm_hadr_availability_replica_states
