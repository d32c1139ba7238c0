-- purpose: operating system under the server
-- scope: server
-- versions: 14-
-- sight: public
-- permission: none (SELECT on this view is granted to public)
-- views: sys.dm_os_host_info
-- columns: platform, distribution, release
-- narrowing: none
SELECT
    1 AS q_host,
    CAST(host_platform AS nvarchar(256)) AS platform,
    CAST(host_distribution AS nvarchar(256)) AS distribution,
    CAST(host_release AS nvarchar(256)) AS release
FROM sys.dm_os_host_info
