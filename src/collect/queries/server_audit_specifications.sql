-- purpose: server audit specifications and whether they are on
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.server_audit_specifications
-- columns: specification_id, name, audit_guid, is_state_enabled, create_date, modify_date
-- narrowing: none
SELECT
    1 AS q_server_audit_specifications,
    server_specification_id AS specification_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(audit_guid AS nvarchar(36)) AS audit_guid,
    CAST(is_state_enabled AS int) AS is_state_enabled,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date
FROM sys.server_audit_specifications
