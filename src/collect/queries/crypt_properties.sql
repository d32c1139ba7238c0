-- purpose: signatures of modules and assemblies
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.crypt_properties
-- columns: class, major_id, thumbprint, crypt_type
-- narrowing: none
SELECT
    1 AS q_crypt_properties,
    CAST(class AS int) AS class,
    major_id,
    thumbprint,
    CAST(crypt_type AS nvarchar(4)) AS crypt_type
FROM sys.crypt_properties
