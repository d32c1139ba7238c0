-- purpose: objects and databases that the default trace saw created, altered, dropped or restored
-- scope: events
-- versions: 11-
-- sight: alter-trace
-- permission: ALTER TRACE, which can also start and stop traces: beyond least privilege, asked only by `changes` and where it is held
-- views: sys.fn_trace_gettable
-- columns: event_class, event_subclass, recorded, sequence, login_name, session_login_name, database_user_name, host_name, application_name, database_name, owner_name, object_name, object_id, object_type, target_login_name, target_user_name, role_name, session_id, success, error, statement
-- narrowing: the default trace's file by $(path) and those after it; the time asked for in the server's local time, an hour wider at both ends; at most $(most) rows; only the event classes of src/collect/events/trace.rs that end such a change
SELECT TOP ($(most))
    1 AS q_default_trace_objects,
    EventClass AS event_class,
    EventSubClass AS event_subclass,
    CONVERT(nvarchar(30), StartTime, 126) AS recorded,
    CAST(EventSequence AS nvarchar(20)) AS sequence,
    CAST(LoginName AS nvarchar(256)) AS login_name,
    CAST(SessionLoginName AS nvarchar(256)) AS session_login_name,
    CAST(DBUserName AS nvarchar(256)) AS database_user_name,
    CAST(HostName AS nvarchar(256)) AS host_name,
    CAST(ApplicationName AS nvarchar(256)) AS application_name,
    CAST(DatabaseName AS nvarchar(256)) AS database_name,
    CAST(OwnerName AS nvarchar(256)) AS owner_name,
    CAST(ObjectName AS nvarchar(256)) AS object_name,
    ObjectID AS object_id,
    ObjectType AS object_type,
    CAST(TargetLoginName AS nvarchar(256)) AS target_login_name,
    CAST(TargetUserName AS nvarchar(256)) AS target_user_name,
    CAST(RoleName AS nvarchar(256)) AS role_name,
    SPID AS session_id,
    Success AS success,
    Error AS error,
    CAST(TextData AS nvarchar(max)) AS statement
FROM sys.fn_trace_gettable(N'$(path)', DEFAULT)
WHERE StartTime >= N'$(since)'
    AND StartTime < N'$(until)'
    AND EventClass IN (46, 47, 115, 164)
    AND EventSubClass IN (1, 2)
