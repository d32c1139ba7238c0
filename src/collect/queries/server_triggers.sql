-- purpose: logon and server-wide DDL triggers
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.server_triggers
-- columns: object_id, name, type, create_date, modify_date, is_ms_shipped, is_disabled
-- narrowing: none
SELECT
    1 AS q_server_triggers,
    object_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(type AS nvarchar(2)) AS type,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date,
    CAST(is_ms_shipped AS int) AS is_ms_shipped,
    CAST(is_disabled AS int) AS is_disabled
FROM sys.server_triggers
