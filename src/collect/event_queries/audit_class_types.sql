-- purpose: names of the kinds of objects in audit records
-- scope: events
-- versions: 11-
-- sight: public
-- permission: none
-- views: sys.dm_audit_class_type_map
-- columns: class_type, class_type_desc, securable_class_desc
-- narrowing: none
SELECT
    1 AS q_audit_class_types,
    CAST(class_type AS nvarchar(2)) AS class_type,
    CAST(class_type_desc AS nvarchar(120)) AS class_type_desc,
    CAST(securable_class_desc AS nvarchar(120)) AS securable_class_desc
FROM sys.dm_audit_class_type_map
