-- purpose: who the auditor is on this server, by which rights it sees, and the server's clock
-- scope: session
-- versions: 11-
-- sight: public
-- permission: none
-- views: none
-- columns: session_id, original_login, login, is_sysadmin, control_server, view_any_database, view_any_definition, view_any_security_definition, view_server_state, view_server_security_state, view_server_performance_state, alter_trace, connect_any_database, net_transport, auth_scheme, utc_offset_minutes, utc_now
-- narrowing: none
SELECT
    1 AS q_session,
    CAST(@@SPID AS int) AS session_id,
    CAST(ORIGINAL_LOGIN() AS nvarchar(128)) AS original_login,
    CAST(SUSER_SNAME() AS nvarchar(128)) AS login,
    CAST(IS_SRVROLEMEMBER(N'sysadmin') AS int) AS is_sysadmin,
    CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'CONTROL SERVER') AS int) AS control_server,
    CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW ANY DATABASE') AS int) AS view_any_database,
    CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW ANY DEFINITION') AS int) AS view_any_definition,
    CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW ANY SECURITY DEFINITION') AS int) AS view_any_security_definition,
    CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW SERVER STATE') AS int) AS view_server_state,
    CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW SERVER SECURITY STATE') AS int) AS view_server_security_state,
    CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW SERVER PERFORMANCE STATE') AS int) AS view_server_performance_state,
    CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'ALTER TRACE') AS int) AS alter_trace,
    CAST(HAS_PERMS_BY_NAME(NULL, NULL, N'CONNECT ANY DATABASE') AS int) AS connect_any_database,
    CAST(CONNECTIONPROPERTY(N'net_transport') AS nvarchar(40)) AS net_transport,
    CAST(CONNECTIONPROPERTY(N'auth_scheme') AS nvarchar(40)) AS auth_scheme,
    CAST(DATEPART(TZOFFSET, SYSDATETIMEOFFSET()) AS int) AS utc_offset_minutes,
    CONVERT(nvarchar(30), SYSUTCDATETIME(), 126) AS utc_now
