-- purpose: action groups of each server audit specification
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.server_audit_specification_details
-- columns: specification_id, audit_action_name, class, major_id, audited_principal_id, audited_result, is_group
-- narrowing: none
SELECT
    1 AS q_server_audit_specification_details,
    server_specification_id AS specification_id,
    CAST(audit_action_name AS nvarchar(128)) AS audit_action_name,
    CAST(class AS int) AS class,
    major_id,
    audited_principal_id,
    CAST(audited_result AS nvarchar(60)) AS audited_result,
    CAST(is_group AS int) AS is_group
FROM sys.server_audit_specification_details
