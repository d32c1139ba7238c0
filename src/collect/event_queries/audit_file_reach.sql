-- purpose: whether an audit's files reach back before the time asked for
-- scope: events
-- versions: 11-
-- sight: server-security-audit
-- permission: CONTROL SERVER; from 2022 VIEW SERVER SECURITY AUDIT: beyond least privilege, asked only by `changes` and where it is held
-- views: sys.fn_get_audit_file
-- columns: recorded
-- narrowing: the audit's files by $(pattern); one row from before $(since), which is UTC
SELECT TOP (1)
    1 AS q_audit_file_reach,
    CONVERT(nvarchar(30), event_time, 126) AS recorded
FROM sys.fn_get_audit_file(N'$(pattern)', DEFAULT, DEFAULT)
WHERE event_time < N'$(since)'
