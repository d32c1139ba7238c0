-- purpose: policies of policy-based management and when they run
-- scope: msdb
-- versions: 11-
-- sight: select
-- permission: SELECT on dbo.syspolicy_policies_internal in msdb
-- views: dbo.syspolicy_policies_internal
-- columns: policy_id, name, condition_id, root_condition_id, execution_mode, is_enabled, job_id
-- narrowing: none
SELECT
    1 AS q_policies,
    policy_id,
    CAST(name AS nvarchar(128)) AS name,
    condition_id,
    root_condition_id,
    execution_mode,
    CAST(is_enabled AS int) AS is_enabled,
    CAST(job_id AS nvarchar(36)) AS job_id
FROM dbo.syspolicy_policies_internal
