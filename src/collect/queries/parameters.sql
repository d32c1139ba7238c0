-- purpose: parameters of procedures and functions
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.parameters
-- columns: object_id, parameter_id, name, system_type_id, max_length, is_output
-- narrowing: none
SELECT
    1 AS q_parameters,
    object_id,
    parameter_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(system_type_id AS int) AS system_type_id,
    CAST(max_length AS int) AS max_length,
    CAST(is_output AS int) AS is_output
FROM sys.parameters
