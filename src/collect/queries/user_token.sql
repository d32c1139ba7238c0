-- purpose: the auditor's own database principals, to know which DENY binds it
-- scope: database
-- versions: 11-
-- sight: public
-- permission: none
-- views: sys.user_token
-- columns: principal_id, name, type, usage
-- narrowing: none
SELECT
    1 AS q_user_token,
    principal_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(type AS nvarchar(128)) AS type,
    CAST(usage AS nvarchar(128)) AS usage
FROM sys.user_token
