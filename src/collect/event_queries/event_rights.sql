-- purpose: whether the session may read audit files without being in control of the server
-- scope: events
-- versions: 16-
-- sight: public
-- permission: none
-- views: none
-- columns: view_server_security_audit
-- narrowing: none
SELECT
    1 AS q_event_rights,
    CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW SERVER SECURITY AUDIT') AS int) AS view_server_security_audit
