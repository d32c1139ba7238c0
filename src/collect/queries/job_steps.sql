-- purpose: what each job step runs, by which subsystem, as whom
-- scope: msdb
-- versions: 11-
-- sight: select
-- permission: SELECT on dbo.sysjobsteps in msdb
-- views: dbo.sysjobsteps
-- columns: job_id, step_id, step_name, subsystem, command, database_name, database_user_name, proxy_id, output_file_name
-- narrowing: none
SELECT
    1 AS q_job_steps,
    CAST(job_id AS nvarchar(36)) AS job_id,
    step_id,
    CAST(step_name AS nvarchar(128)) AS step_name,
    CAST(subsystem AS nvarchar(40)) AS subsystem,
    CAST(command AS nvarchar(max)) AS command,
    CAST(database_name AS nvarchar(128)) AS database_name,
    CAST(database_user_name AS nvarchar(128)) AS database_user_name,
    proxy_id,
    CAST(output_file_name AS nvarchar(200)) AS output_file_name
FROM dbo.sysjobsteps
