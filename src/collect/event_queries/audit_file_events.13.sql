-- purpose: what one audit recorded in its files
-- scope: events
-- versions: 13-13
-- sight: server-security-audit
-- permission: CONTROL SERVER; from 2022 VIEW SERVER SECURITY AUDIT: beyond least privilege, asked only by `changes` and where it is held
-- views: sys.fn_get_audit_file
-- columns: recorded, sequence_number, action_id, class_type, succeeded, session_id, login_name, session_login_name, database_user_name, target_login_name, target_user_name, database_name, schema_name, object_name, object_id, file_name, file_offset, statement, group_id
-- narrowing: the audit's files by $(pattern), made of its folder and name in sys.server_file_audits; the time asked for in UTC; at most $(most) rows
SELECT TOP ($(most))
    1 AS q_audit_file_events,
    CONVERT(nvarchar(30), event_time, 126) AS recorded,
    sequence_number,
    CAST(action_id AS nvarchar(4)) AS action_id,
    CAST(class_type AS nvarchar(2)) AS class_type,
    CAST(succeeded AS int) AS succeeded,
    CAST(session_id AS int) AS session_id,
    CAST(server_principal_name AS nvarchar(4000)) AS login_name,
    CAST(session_server_principal_name AS nvarchar(4000)) AS session_login_name,
    CAST(database_principal_name AS nvarchar(128)) AS database_user_name,
    CAST(target_server_principal_name AS nvarchar(128)) AS target_login_name,
    CAST(target_database_principal_name AS nvarchar(128)) AS target_user_name,
    CAST(database_name AS nvarchar(128)) AS database_name,
    CAST(schema_name AS nvarchar(128)) AS schema_name,
    CAST(object_name AS nvarchar(128)) AS object_name,
    object_id,
    CAST(file_name AS nvarchar(260)) AS file_name,
    CAST(audit_file_offset AS nvarchar(20)) AS file_offset,
    CAST(statement AS nvarchar(4000)) AS statement,
    sequence_group_id AS group_id
FROM sys.fn_get_audit_file(N'$(pattern)', DEFAULT, DEFAULT)
WHERE event_time >= N'$(since)'
    AND event_time < N'$(until)'
