-- purpose: what each module names, as the server saw it: a second witness
-- scope: database
-- versions: 11-
-- sight: control
-- permission: CONTROL on the database, or SELECT on this view, which db_owner alone has by default: beyond least privilege, asked only of a session that has CONTROL SERVER
-- views: sys.sql_expression_dependencies
-- columns: referencing_class, referencing_id, referenced_server_name, referenced_database_name, referenced_schema_name, referenced_entity_name, referenced_id, is_caller_dependent
-- narrowing: none
SELECT
    1 AS q_expression_dependencies,
    CAST(referencing_class AS int) AS referencing_class,
    referencing_id,
    CAST(referenced_server_name AS nvarchar(128)) AS referenced_server_name,
    CAST(referenced_database_name AS nvarchar(128)) AS referenced_database_name,
    CAST(referenced_schema_name AS nvarchar(128)) AS referenced_schema_name,
    CAST(referenced_entity_name AS nvarchar(128)) AS referenced_entity_name,
    referenced_id,
    CAST(is_caller_dependent AS int) AS is_caller_dependent
FROM sys.sql_expression_dependencies
