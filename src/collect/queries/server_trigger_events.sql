-- purpose: what fires each server trigger
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.server_trigger_events
-- columns: object_id, type_desc, event_group_type_desc
-- narrowing: none
SELECT
    1 AS q_server_trigger_events,
    object_id,
    CAST(type_desc AS nvarchar(60)) AS type_desc,
    CAST(event_group_type_desc AS nvarchar(60)) AS event_group_type_desc
FROM sys.server_trigger_events
