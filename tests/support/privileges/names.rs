//! Permissions by the names in GRANT, with the codes of the catalog.

/// Codes at server scope, by class.
const SERVER: &[(&str, &str)] = &[
    ("CONTROL SERVER", "CL"),
    ("ALTER SETTINGS", "ALST"),
    ("ALTER ANY LOGIN", "ALLG"),
    ("CREATE LOGIN", "CRLG"),
    ("IMPERSONATE ANY LOGIN", "IAL"),
    ("ALTER ANY LINKED SERVER", "ALLS"),
    ("ALTER ANY CREDENTIAL", "ALCD"),
    ("ALTER ANY SERVER ROLE", "ALSR"),
    ("ALTER ANY DATABASE", "ALDB"),
    ("CREATE ANY DATABASE", "CRDB"),
    ("AUTHENTICATE SERVER", "AUTH"),
    ("CONNECT ANY DATABASE", "CADB"),
    ("UNSAFE ASSEMBLY", "XU"),
    ("EXTERNAL ACCESS ASSEMBLY", "XA"),
    ("CONNECT SQL", "COSQ"),
    ("VIEW ANY DATABASE", "VWDB"),
    ("VIEW ANY DEFINITION", "VWAD"),
    ("VIEW SERVER STATE", "VWSS"),
    ("ALTER SERVER STATE", "ALSS"),
    ("ADMINISTER BULK OPERATIONS", "ADBO"),
];

/// Codes of a database itself.
const DATABASE: &[(&str, &str)] = &[
    ("CONTROL", "CL"),
    ("ALTER", "AL"),
    ("TAKE OWNERSHIP", "TO"),
    ("AUTHENTICATE", "AUTH"),
    ("CONNECT", "CO"),
    ("EXECUTE", "EX"),
    ("SELECT", "SL"),
    ("INSERT", "IN"),
    ("UPDATE", "UP"),
    ("DELETE", "DL"),
    ("REFERENCES", "RF"),
    ("EXECUTE ANY EXTERNAL SCRIPT", "EAES"),
    ("CREATE DATABASE", "CRDB"),
    ("ALTER ANY ASSEMBLY", "ALAS"),
    ("CREATE ASSEMBLY", "CRAS"),
    ("ALTER ANY SCHEMA", "ALSM"),
    ("CREATE PROCEDURE", "CRPR"),
    ("ALTER ANY DATABASE DDL TRIGGER", "ALTG"),
    ("ALTER ANY USER", "ALUS"),
    ("ALTER ANY ROLE", "ALRL"),
    ("ALTER ANY APPLICATION ROLE", "ALAR"),
    ("ALTER ANY CERTIFICATE", "ALCF"),
    ("ALTER ANY ASYMMETRIC KEY", "ALAK"),
    ("ALTER ANY EXTERNAL LANGUAGE", "ALLA"),
    ("CREATE EXTERNAL LANGUAGE", "CRLA"),
    ("VIEW DEFINITION", "VW"),
];

/// Codes of single securables.
const SINGLE: &[(&str, &str)] = &[
    ("CONTROL", "CL"),
    ("ALTER", "AL"),
    ("TAKE OWNERSHIP", "TO"),
    ("IMPERSONATE", "IM"),
    ("EXECUTE", "EX"),
    ("EXECUTE EXTERNAL SCRIPT", "EXES"),
    ("SELECT", "SL"),
    ("INSERT", "IN"),
    ("UPDATE", "UP"),
    ("DELETE", "DL"),
    ("REFERENCES", "RF"),
    ("VIEW DEFINITION", "VW"),
];

/// The code of a permission on something of this class number.
pub fn code_of(class: i32, name: &str) -> Option<&'static str> {
    const OF_SERVER: i32 = 100;
    const OF_DATABASE: i32 = 0;
    let table = match class {
        OF_SERVER => SERVER,
        OF_DATABASE => DATABASE,
        _ => SINGLE,
    };
    let mut rows = table.iter();
    rows.find(|(own, _)| *own == name).map(|(_, code)| *code)
}
