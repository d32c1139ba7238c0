-- purpose: alerts and the job that each starts
-- scope: msdb
-- versions: 11-
-- sight: select
-- permission: SELECT on dbo.sysalerts in msdb
-- views: dbo.sysalerts
-- columns: id, name, enabled, message_id, severity, database_name, event_description_keyword, performance_condition, job_id
-- narrowing: none
SELECT
    1 AS q_alerts,
    id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(enabled AS int) AS enabled,
    message_id,
    severity,
    CAST(database_name AS nvarchar(512)) AS database_name,
    CAST(event_description_keyword AS nvarchar(100)) AS event_description_keyword,
    CAST(performance_condition AS nvarchar(512)) AS performance_condition,
    CAST(job_id AS nvarchar(36)) AS job_id
FROM dbo.sysalerts
