-- purpose: CLR application domains that are loaded, with database and owner
-- scope: server
-- versions: 11-
-- sight: server-performance-state
-- permission: VIEW SERVER STATE (from 2022 VIEW SERVER PERFORMANCE STATE suffices)
-- views: sys.dm_clr_appdomains
-- columns: appdomain_address, appdomain_name, creation_time, db_id, user_id, state
-- narrowing: none
SELECT
    1 AS q_clr_appdomains,
    appdomain_address,
    CAST(appdomain_name AS nvarchar(386)) AS appdomain_name,
    CONVERT(nvarchar(30), creation_time, 126) AS creation_time,
    db_id,
    user_id,
    CAST(state AS nvarchar(128)) AS state
FROM sys.dm_clr_appdomains
