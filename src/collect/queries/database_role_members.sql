-- purpose: who is a member of which database role
-- scope: database
-- versions: 11-
-- sight: database-security-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION (from 2022 VIEW SECURITY DEFINITION suffices)
-- views: sys.database_role_members
-- columns: role_principal_id, member_principal_id
-- narrowing: none
SELECT
    1 AS q_database_role_members,
    role_principal_id,
    member_principal_id
FROM sys.database_role_members
