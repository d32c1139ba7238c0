-- purpose: who may use a proxy
-- scope: msdb
-- versions: 11-
-- sight: select
-- permission: SELECT on dbo.sysproxylogin in msdb
-- views: dbo.sysproxylogin
-- columns: proxy_id, sid, flags
-- narrowing: none
SELECT
    1 AS q_proxy_logins,
    proxy_id,
    sid,
    flags
FROM dbo.sysproxylogin
