-- purpose: audits: where records go, what happens when they cannot, and whether they are on
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.server_audits
-- columns: audit_id, name, audit_guid, type_desc, on_failure_desc, is_state_enabled, queue_delay, predicate, create_date, modify_date
-- narrowing: none
SELECT
    1 AS q_server_audits,
    audit_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(audit_guid AS nvarchar(36)) AS audit_guid,
    CAST(type_desc AS nvarchar(60)) AS type_desc,
    CAST(on_failure_desc AS nvarchar(60)) AS on_failure_desc,
    CAST(is_state_enabled AS int) AS is_state_enabled,
    queue_delay,
    CAST(predicate AS nvarchar(3000)) AS predicate,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date
FROM sys.server_audits
