-- purpose: who is a member of which server role
-- scope: server
-- versions: 11-
-- sight: server-security-definition
-- permission: VIEW ANY DEFINITION (from 2022 VIEW ANY SECURITY DEFINITION suffices)
-- views: sys.server_role_members
-- columns: role_principal_id, member_principal_id
-- narrowing: none
SELECT
    1 AS q_server_role_members,
    role_principal_id,
    member_principal_id
FROM sys.server_role_members
