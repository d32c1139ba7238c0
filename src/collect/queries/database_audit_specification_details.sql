-- purpose: actions of each database audit specification
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.database_audit_specification_details
-- columns: specification_id, audit_action_name, class, major_id, audited_principal_id, audited_result, is_group
-- narrowing: none
SELECT
    1 AS q_database_audit_specification_details,
    database_specification_id AS specification_id,
    CAST(audit_action_name AS nvarchar(128)) AS audit_action_name,
    class,
    major_id,
    audited_principal_id,
    CAST(audited_result AS nvarchar(60)) AS audited_result,
    CAST(is_group AS int) AS is_group
FROM sys.database_audit_specification_details
