-- purpose: key management providers, whose DLLs the engine loads
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.cryptographic_providers
-- columns: provider_id, name, dll_path, version, is_enabled
-- narrowing: none
SELECT
    1 AS q_cryptographic_providers,
    provider_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(dll_path AS nvarchar(512)) AS dll_path,
    CAST(version AS nvarchar(50)) AS version,
    CAST(is_enabled AS int) AS is_enabled
FROM sys.cryptographic_providers
