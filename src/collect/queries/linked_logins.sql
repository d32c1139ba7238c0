-- purpose: which login of here is which login on a linked server
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.linked_logins
-- columns: server_id, local_principal_id, uses_self_credential, remote_name, modify_date
-- narrowing: none
SELECT
    1 AS q_linked_logins,
    server_id,
    local_principal_id,
    CAST(uses_self_credential AS int) AS uses_self_credential,
    CAST(remote_name AS nvarchar(128)) AS remote_name,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date
FROM sys.linked_logins
