-- purpose: synonyms and what they stand for
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.synonyms
-- columns: object_id, base_object_name
-- narrowing: none
SELECT
    1 AS q_synonyms,
    object_id,
    CAST(base_object_name AS nvarchar(1035)) AS base_object_name
FROM sys.synonyms
