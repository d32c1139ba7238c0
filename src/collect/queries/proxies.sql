-- purpose: Agent proxies and their credentials
-- scope: msdb
-- versions: 11-
-- sight: select
-- permission: SELECT on dbo.sysproxies in msdb
-- views: dbo.sysproxies
-- columns: proxy_id, name, credential_id, enabled, user_sid
-- narrowing: none
SELECT
    1 AS q_proxies,
    proxy_id,
    CAST(name AS nvarchar(128)) AS name,
    credential_id,
    CAST(enabled AS int) AS enabled,
    user_sid
FROM dbo.sysproxies
