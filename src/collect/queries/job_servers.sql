-- purpose: on which servers each job runs
-- scope: msdb
-- versions: 11-
-- sight: select
-- permission: SELECT on dbo.sysjobservers in msdb
-- views: dbo.sysjobservers
-- columns: job_id, server_id
-- narrowing: none
SELECT
    1 AS q_job_servers,
    CAST(job_id AS nvarchar(36)) AS job_id,
    server_id
FROM dbo.sysjobservers
