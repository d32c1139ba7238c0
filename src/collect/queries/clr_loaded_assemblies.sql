-- purpose: user assemblies that are loaded at this moment
-- scope: server
-- versions: 11-
-- sight: server-performance-state
-- permission: VIEW SERVER STATE (from 2022 VIEW SERVER PERFORMANCE STATE suffices)
-- views: sys.dm_clr_loaded_assemblies
-- columns: assembly_id, appdomain_address, load_time
-- narrowing: none
SELECT
    1 AS q_clr_loaded_assemblies,
    assembly_id,
    appdomain_address,
    CONVERT(nvarchar(30), load_time, 126) AS load_time
FROM sys.dm_clr_loaded_assemblies
