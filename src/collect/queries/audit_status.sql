-- purpose: whether each audit really runs
-- scope: server
-- versions: 11-
-- sight: server-state
-- permission: VIEW SERVER STATE (from 2022 VIEW SERVER SECURITY STATE suffices)
-- views: sys.dm_server_audit_status
-- columns: audit_id, status, status_desc, status_time, audit_file_path
-- narrowing: none
SELECT
    1 AS q_audit_status,
    audit_id,
    CAST(status AS int) AS status,
    CAST(status_desc AS nvarchar(256)) AS status_desc,
    CONVERT(nvarchar(30), status_time, 126) AS status_time,
    CAST(audit_file_path AS nvarchar(256)) AS audit_file_path
FROM sys.dm_server_audit_status
