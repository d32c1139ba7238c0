-- purpose: conditions of policies, which can run T-SQL (ExecuteSql)
-- scope: msdb
-- versions: 11-
-- sight: select
-- permission: SELECT on dbo.syspolicy_conditions_internal in msdb
-- views: dbo.syspolicy_conditions_internal
-- columns: condition_id, name, facet_id, expression, created_by, date_created
-- narrowing: none
SELECT
    1 AS q_policy_conditions,
    condition_id,
    CAST(name AS nvarchar(128)) AS name,
    facet_id,
    CAST(expression AS nvarchar(max)) AS expression,
    CAST(created_by AS nvarchar(128)) AS created_by,
    CONVERT(nvarchar(30), date_created, 126) AS date_created
FROM dbo.syspolicy_conditions_internal
