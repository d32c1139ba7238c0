-- purpose: what fires each trigger
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.trigger_events
-- columns: object_id, type_desc, event_group_type_desc
-- narrowing: none
SELECT
    1 AS q_trigger_events,
    object_id,
    CAST(type_desc AS nvarchar(60)) AS type_desc,
    CAST(event_group_type_desc AS nvarchar(60)) AS event_group_type_desc
FROM sys.trigger_events
