-- purpose: certificates, by which modules are signed and logins made
-- scope: database
-- versions: 11-
-- sight: database-definition
-- permission: VIEW DEFINITION in the database, or VIEW ANY DEFINITION
-- views: sys.certificates
-- columns: certificate_id, name, principal_id, pvt_key_encryption_type, thumbprint, sid, subject, issuer_name, start_date, expiry_date
-- narrowing: none
SELECT
    1 AS q_certificates,
    certificate_id,
    CAST(name AS nvarchar(128)) AS name,
    principal_id,
    CAST(pvt_key_encryption_type AS nvarchar(2)) AS pvt_key_encryption_type,
    thumbprint,
    sid,
    CAST(subject AS nvarchar(4000)) AS subject,
    CAST(issuer_name AS nvarchar(442)) AS issuer_name,
    CONVERT(nvarchar(30), start_date, 126) AS start_date,
    CONVERT(nvarchar(30), expiry_date, 126) AS expiry_date
FROM sys.certificates
