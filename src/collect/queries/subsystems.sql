-- purpose: Agent subsystems with their DLLs and executables
-- scope: msdb
-- versions: 11-
-- sight: select
-- permission: SELECT on dbo.syssubsystems in msdb
-- views: dbo.syssubsystems
-- columns: subsystem_id, subsystem, subsystem_dll, agent_exe
-- narrowing: none
SELECT
    1 AS q_subsystems,
    subsystem_id,
    CAST(subsystem AS nvarchar(40)) AS subsystem,
    CAST(subsystem_dll AS nvarchar(255)) AS subsystem_dll,
    CAST(agent_exe AS nvarchar(255)) AS agent_exe
FROM dbo.syssubsystems
