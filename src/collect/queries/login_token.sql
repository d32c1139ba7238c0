-- purpose: the auditor's own server principals (login, groups, roles), to know which DENY binds it
-- scope: server
-- versions: 11-
-- sight: public
-- permission: none
-- views: sys.login_token
-- columns: principal_id, name, type, usage
-- narrowing: none
SELECT
    1 AS q_login_token,
    principal_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(type AS nvarchar(128)) AS type,
    CAST(usage AS nvarchar(128)) AS usage
FROM sys.login_token
