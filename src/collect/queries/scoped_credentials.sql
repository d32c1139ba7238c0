-- purpose: credentials of this database (never their secrets)
-- scope: database
-- versions: 13-
-- sight: control
-- permission: CONTROL on the database: beyond least privilege, asked only of a session that has CONTROL SERVER
-- views: sys.database_scoped_credentials
-- columns: credential_id, name, credential_identity, create_date, modify_date
-- narrowing: none
SELECT
    1 AS q_scoped_credentials,
    credential_id,
    CAST(name AS nvarchar(128)) AS name,
    CAST(credential_identity AS nvarchar(4000)) AS credential_identity,
    CONVERT(nvarchar(30), create_date, 126) AS create_date,
    CONVERT(nvarchar(30), modify_date, 126) AS modify_date
FROM sys.database_scoped_credentials
