-- purpose: credentials that jobs, logins and xp_cmdshell can act as (never their secrets)
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.credentials
-- columns: credential_id, name, credential_identity, create_date, modify_date
-- narrowing: none
SELECT
    1 AS q_credentials,
    credential_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(credential_identity AS nvarchar(4000)) AS credential_identity,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date
FROM sys.credentials
