-- purpose: which class and method of an assembly each CLR object runs
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.assembly_modules
-- columns: object_id, assembly_id, assembly_class, assembly_method, execute_as_principal_id
-- narrowing: none
SELECT
    1 AS q_assembly_modules,
    object_id,
    assembly_id,
    CAST(assembly_class AS nvarchar(128)) AS assembly_class,
    CAST(assembly_method AS nvarchar(128)) AS assembly_method,
    execute_as_principal_id
FROM sys.assembly_modules
