-- purpose: Agent jobs with owner and state
-- scope: msdb
-- versions: 11-
-- sight: select
-- permission: SELECT on dbo.sysjobs in msdb
-- views: dbo.sysjobs
-- columns: job_id, name, enabled, owner_sid, start_step_id, category_id, date_created, date_modified
-- narrowing: none
SELECT
    1 AS q_jobs,
    CAST(job_id AS nvarchar(36)) AS job_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(enabled AS int) AS enabled,
    owner_sid,
    start_step_id,
    category_id,
    CONVERT(nvarchar(30), date_created, 126) AS date_created,
    CONVERT(nvarchar(30), date_modified, 126) AS date_modified
FROM dbo.sysjobs
