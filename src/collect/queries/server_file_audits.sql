-- purpose: folder, size and number of the files of each file audit
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.server_file_audits
-- columns: audit_id, log_file_path, log_file_name, max_file_size, max_rollover_files, max_files
-- narrowing: none
SELECT
    1 AS q_server_file_audits,
    audit_id,
    CAST(log_file_path AS nvarchar(260)) AS log_file_path,
    CAST(log_file_name AS nvarchar(260)) AS log_file_name,
    CAST(max_file_size AS nvarchar(20)) AS max_file_size,
    max_rollover_files,
    max_files
FROM sys.server_file_audits
