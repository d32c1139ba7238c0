-- purpose: running traces, the default trace among them
-- scope: server
-- versions: 11-
-- sight: alter-trace
-- permission: ALTER TRACE, which can also start and stop traces: beyond least privilege, asked only where it is held
-- views: sys.traces
-- columns: id, status, path, is_default, is_rowset, max_size, max_files, start_time
-- narrowing: none
SELECT
    1 AS q_traces,
    id,
    status,
    CAST(path AS nvarchar(260)) AS path,
    CAST(is_default AS int) AS is_default,
    CAST(is_rowset AS int) AS is_rowset,
    CAST(max_size AS nvarchar(20)) AS max_size,
    max_files,
    CONVERT(nvarchar(30), start_time, 126) AS start_time
FROM sys.traces
