-- purpose: assemblies trusted by hash for the whole instance, and by whom
-- scope: server
-- versions: 14-
-- sight: server-state
-- permission: VIEW SERVER STATE (from 2022 VIEW SERVER SECURITY STATE suffices)
-- views: sys.trusted_assemblies
-- columns: hash, description, create_date, created_by
-- narrowing: none
SELECT
    1 AS q_trusted_assemblies,
    hash,
    CAST(description AS nvarchar(4000)) AS description,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CAST(created_by AS nvarchar(128)) AS created_by
FROM sys.trusted_assemblies
