-- purpose: which subsystems a proxy may run
-- scope: msdb
-- versions: 11-
-- sight: select
-- permission: SELECT on dbo.sysproxysubsystem in msdb
-- views: dbo.sysproxysubsystem
-- columns: proxy_id, subsystem_id
-- narrowing: none
SELECT
    1 AS q_proxy_subsystems,
    proxy_id,
    subsystem_id
FROM dbo.sysproxysubsystem
