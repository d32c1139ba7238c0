-- purpose: asymmetric keys, by which modules and assemblies are signed and logins made
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.asymmetric_keys
-- columns: asymmetric_key_id, name, principal_id, pvt_key_encryption_type, thumbprint, algorithm_desc, key_length, sid
-- narrowing: none
SELECT
    1 AS q_asymmetric_keys,
    asymmetric_key_id,
    CAST(name AS nvarchar(128)) AS name,
    principal_id,
    CAST(pvt_key_encryption_type AS nvarchar(2)) AS pvt_key_encryption_type,
    thumbprint,
    CAST(algorithm_desc AS nvarchar(60)) AS algorithm_desc,
    key_length,
    sid
FROM sys.asymmetric_keys
