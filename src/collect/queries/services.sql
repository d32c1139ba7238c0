-- purpose: the services of the instance and the accounts they run as
-- scope: server
-- versions: 11-
-- sight: server-state
-- permission: VIEW SERVER STATE (from 2022 VIEW SERVER SECURITY STATE suffices)
-- views: sys.dm_server_services
-- columns: servicename, startup_type_desc, status_desc, service_account, filename
-- narrowing: none
SELECT
    1 AS q_services,
    CAST(servicename AS nvarchar(256)) AS servicename,
    CAST(startup_type_desc AS nvarchar(256)) AS startup_type_desc,
    CAST(status_desc AS nvarchar(256)) AS status_desc,
    CAST(service_account AS nvarchar(256)) AS service_account,
    CAST(filename AS nvarchar(256)) AS filename
FROM sys.dm_server_services
