-- purpose: schedules of jobs
-- scope: msdb
-- versions: 11-
-- sight: select
-- permission: SELECT on dbo.sysschedules in msdb
-- views: dbo.sysschedules
-- columns: schedule_id, name, owner_sid, enabled, freq_type, date_modified
-- narrowing: none
SELECT
    1 AS q_schedules,
    schedule_id,
    CAST(name AS nvarchar(128)) AS name,
    owner_sid,
    enabled,
    freq_type,
    CONVERT(nvarchar(30), date_modified, 126) AS date_modified
FROM dbo.sysschedules
