-- purpose: availability groups that this instance is part of
-- scope: server
-- versions: 11-
-- sight: server-definition
-- permission: VIEW ANY DEFINITION
-- views: sys.availability_groups
-- columns: group_id, name
-- narrowing: none
SELECT
    1 AS q_availability_groups,
    CAST(group_id AS nvarchar(36)) AS group_id,
    CAST(name AS nvarchar(128)) AS name
FROM sys.availability_groups
