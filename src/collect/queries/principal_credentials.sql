-- purpose: which login may use which credential
-- scope: server
-- versions: 11-
-- sight: server-security-definition
-- permission: VIEW ANY DEFINITION (from 2022 VIEW ANY SECURITY DEFINITION suffices)
-- views: sys.server_principal_credentials
-- columns: principal_id, credential_id
-- narrowing: none
SELECT
    1 AS q_principal_credentials,
    principal_id,
    credential_id
FROM sys.server_principal_credentials
