-- purpose: DLLs in the server process, with company and version
-- scope: server
-- versions: 11-
-- sight: server-performance-state
-- permission: VIEW SERVER STATE (from 2022 VIEW SERVER PERFORMANCE STATE suffices)
-- views: sys.dm_os_loaded_modules
-- columns: name, company, description, file_version, product_version
-- narrowing: none
SELECT
    1 AS q_loaded_modules,
    CAST(name AS nvarchar(255)) AS name,
    CAST(company AS nvarchar(256)) AS company,
    CAST(description AS nvarchar(256)) AS description,
    CAST(file_version AS nvarchar(23)) AS file_version,
    CAST(product_version AS nvarchar(23)) AS product_version
FROM sys.dm_os_loaded_modules
