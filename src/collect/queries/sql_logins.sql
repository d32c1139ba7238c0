-- purpose: password policy and mapped credential of each SQL login (never its hash)
-- scope: server
-- versions: 11-
-- sight: server-security-definition
-- permission: VIEW ANY DEFINITION (from 2022 VIEW ANY SECURITY DEFINITION suffices)
-- views: sys.sql_logins
-- columns: principal_id, is_policy_checked, is_expiration_checked, credential_id
-- narrowing: none
SELECT
    1 AS q_sql_logins,
    principal_id,
    CAST(is_policy_checked AS int) AS is_policy_checked,
    CAST(is_expiration_checked AS int) AS is_expiration_checked,
    credential_id
FROM sys.sql_logins
