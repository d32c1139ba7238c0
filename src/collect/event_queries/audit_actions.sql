-- purpose: names of the actions in audit records
-- scope: events
-- versions: 11-
-- sight: public
-- permission: none
-- views: sys.dm_audit_actions
-- columns: action_id, name, class_desc
-- narrowing: none
SELECT
    1 AS q_audit_actions,
    CAST(action_id AS nvarchar(4)) AS action_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(class_desc AS nvarchar(120)) AS class_desc
FROM sys.dm_audit_actions
