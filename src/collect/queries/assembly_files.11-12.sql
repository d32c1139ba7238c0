-- purpose: size of each assembly file, and its bytes up to 16 MiB, which are hashed on arrival and not kept
-- scope: database
-- versions: 11-12
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.assembly_files
-- columns: assembly_id, file_id, name, size, to_hash
-- narrowing: none
SELECT
    1 AS q_assembly_files,
    assembly_id,
    file_id,
    CAST(name AS nvarchar(260)) AS name,
    CAST(DATALENGTH(content) AS bigint) AS size,
    SUBSTRING(content, 1, 16777216) AS to_hash
FROM sys.assembly_files
