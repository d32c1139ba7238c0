-- purpose: which job has which schedule
-- scope: msdb
-- versions: 11-
-- sight: select
-- permission: SELECT on dbo.sysjobschedules in msdb
-- views: dbo.sysjobschedules
-- columns: job_id, schedule_id
-- narrowing: none
SELECT
    1 AS q_job_schedules,
    CAST(job_id AS nvarchar(36)) AS job_id,
    schedule_id
FROM dbo.sysjobschedules
