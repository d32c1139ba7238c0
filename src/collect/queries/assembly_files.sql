-- purpose: size and SHA2-512 of each assembly file, computed in the server: no file bytes travel
-- scope: database
-- versions: 13-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.assembly_files
-- columns: assembly_id, file_id, name, size, sha2_512
-- narrowing: none
SELECT
    1 AS q_assembly_files,
    assembly_id,
    file_id,
    CAST(name AS nvarchar(260)) AS name,
    CAST(DATALENGTH(content) AS bigint) AS size,
    HASHBYTES('SHA2_512', content) AS sha2_512
FROM sys.assembly_files
