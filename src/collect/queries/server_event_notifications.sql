-- purpose: server-wide event notifications and the broker service that gets them
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.server_event_notifications
-- columns: object_id, name, parent_class, parent_id, service_name, broker_instance, principal_id, create_date, modify_date
-- narrowing: none
SELECT
    1 AS q_server_event_notifications,
    object_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(parent_class AS int) AS parent_class,
    parent_id,
    CAST(service_name AS nvarchar(256)) AS service_name,
    CAST(broker_instance AS nvarchar(128)) AS broker_instance,
    principal_id,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date
FROM sys.server_event_notifications
