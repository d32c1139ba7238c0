-- purpose: which database and session the answers around it come from
-- scope: context
-- versions: 11-
-- sight: public
-- permission: none
-- views: none
-- columns: database_id, database_name, session_id
-- narrowing: none
SELECT
    1 AS q_context,
    CAST(DB_ID() AS int) AS database_id,
    CAST(DB_NAME() AS nvarchar(128)) AS database_name,
    CAST(@@SPID AS int) AS session_id
