//! For others' eyes: no name of a principal or host in any output of any format.

use std::collections::BTreeSet;
use std::path::Path;

use mssql_posture::snapshot::{LinkedServer, Observed};
use serde_json::{Value, json};

use super::{FORMATS, Told, audit};
use crate::evidence::verify;
use crate::support::cli::Cli;
use crate::support::recording::{Base, Recording, rows};

/// Names that nobody has by chance, wherever names stand.
fn with_names() -> Recording {
    let mut r = Recording::new(Base::windows("zqhost", 16));
    let server = &mut r.snapshot.server;
    if let Observed::Known { value } = &mut server.server_identity {
        value.machine_name = Some("ZQMACHINE".to_owned());
        value.physical_name = Some("zqnode7".to_owned());
    }
    for link in rows(&mut server.linked_servers) {
        link.data_source = Some("zqlocal.zqforest.example".to_owned());
    }
    "zqhost01.zqforest.example,1433".clone_into(&mut r.snapshot.connection.endpoint);
    r.add_login("ZQDOM\\zqalice", "U");
    r.add_login("ZQDOM\\zq admins of all", "G");
    r.add_login("zqbob@zqtenant.example", "E");
    r.add_login("zqplain", "S");
    r.add_login("zq'quoted]", "S");
    r.add_server_member("sysadmin", "ZQDOM\\zqalice");
    r.add_server_member("sysadmin", "ZQDOM\\zq admins of all");
    r.add_server_member("sysadmin", "zqbob@zqtenant.example");
    r.grant_server("CONTROL SERVER", "zqplain");
    r.add_server_member("securityadmin", "zq'quoted]");
    for (login, kind) in NUMBERS_AND_LIKENESSES {
        r.add_login(login, kind);
        r.add_server_member("sysadmin", login);
    }
    rows(&mut r.snapshot.server.linked_servers).push(link());
    r.add_database("App", "zqplain");
    r.database_row("App").is_trustworthy_on = Some(true);
    r.set_option("xp_cmdshell", 1, 1);
    r.add_user("App", "zquser", Some("zqplain"));
    add_certificate(&mut r);
    r.add_user("App", "777888777", Some("123454321"));
    r.add_member("App", "db_owner", "777888777");
    r.add_role("App", "zqrole");
    r.add_member("App", "db_owner", "zquser");
    r.add_member("App", "zqrole", "zquser");
    add_code(&mut r);
    r.add_database("Lost", "zqplain");
    let lost = r.database_row("Lost");
    lost.owner_sid = Some("0x010500000000000515000000deadbeefdeadbeefdeadbeef51040000".to_owned());
    lost.owner_name = None;
    r
}

fn add_code(r: &mut Recording) {
    for (name, code) in [
        (
            "dbo.asks",
            "EXEC master..xp_cmdshell 'dir \\\\zqnode7\\c$'; EXECUTE AS LOGIN = 'ZQDOM\\ZQALICE'",
        ),
        (
            "dbo.grants",
            "EXEC master..xp_cmdshell 'icacls d: /grant *S-1-12-1-987651-987652-987653-987654:F'; \
             EXECUTE AS USER = '777888777'; EXECUTE AS USER = [zqrole]",
        ),
        (
            "dbo.more",
            "EXEC master..xp_cmdshell 'net user zqplain'; EXECUTE AS USER = N'ZqUser'",
        ),
    ] {
        r.add_module(
            "App",
            name,
            "P",
            &format!("CREATE PROCEDURE {name} AS {code}\n"),
        );
    }
    r.add_job_step(
        "J1",
        "App",
        "EXEC master..xp_cmdshell 'whoami /user zqplain'",
    );
}

/// Logins of digits, and such as begin like what every server has; with their types.
const NUMBERS_AND_LIKENESSES: [(&str, &str); 6] = [
    ("ZQDOM\\987656789", "U"),
    ("123454321", "S"),
    ("sqlagent_zqtom", "S"),
    ("db_owner_zqmueller", "S"),
    ("servergroup-zqx", "S"),
    ("NT SERVICE\\MSSQL$ZQERP", "U"),
];

fn link() -> LinkedServer {
    LinkedServer {
        server_id: 7,
        name: "2001:db8:99::77".to_owned(),
        product: None,
        provider: Some("MSOLEDBSQL".to_owned()),
        data_source: Some("tcp:2001:db8:99::77,1433".to_owned()),
        location: None,
        catalog: None,
        is_linked: true,
        is_remote_login_enabled: false,
        is_rpc_out_enabled: true,
        is_data_access_enabled: true,
        is_system: false,
        modify_date: None,
    }
}

/// A certificate whose key lies beside it, with a login of its own.
fn add_certificate(r: &mut Recording) {
    r.add_login("zqsigner", "C");
    r.add_server_member("sysadmin", "zqsigner");
    let certificate = json!({
        "certificate_id": 256, "name": "Signing", "principal_id": 1, "pvt_key_encryption_type": "MK",
        "thumbprint": "0x01", "sid": r.login("zqsigner").sid,
        "subject": "CN=zqcert.zqforest.example, O=Zq Company Ltd, L=Zqtown, C=DE",
        "issuer_name": "Zq Issuing GmbH, IT, signing",
    });
    let certificate = serde_json::from_value(certificate).unwrap();
    rows(&mut r.database("App").certificates).push(certificate);
}

const NAMES_GONE: [&str; 35] = [
    "zqhost",
    "zqmachine",
    "zqnode7",
    "zqlocal",
    "zqforest",
    "zqdom",
    "zqalice",
    "zq admins",
    "zqbob",
    "zqtenant",
    "zqplain",
    "zq'quoted",
    "zq''quoted",
    "zq&#x27;quoted",
    "zquser",
    "zqrole",
    "zqowner",
    "deadbeef",
    "987656789",
    "123454321",
    "777888777",
    "zqtom",
    "sqlagent_zq",
    "zqmueller",
    "db_owner_zq",
    "servergroup-zq",
    "zqerp",
    "2001:db8",
    "zqcert",
    "zq company",
    "zqtown",
    "zqsigner",
    "zq issuing",
    "S-1-12-1-98765",
    "987652",
];

fn outcomes(assessment: &Value) -> Vec<String> {
    let instances = assessment["instances"].as_array().unwrap().iter();
    let of_instances = instances.flat_map(|own| own["verdicts"].as_array().unwrap());
    of_instances
        .map(|verdict| {
            format!(
                "{} {} {}",
                verdict["rule"], verdict["outcome"], verdict["severity"]
            )
        })
        .collect()
}

/// Of these the names that no assessment has: those that no rule cites, and forms of a name in other formats.
const NOT_ASSESSED: [&str; 3] = ["zqlocal", "zq''quoted", "zq&#x27;quoted"];

#[test]
fn a_folder_for_others_eyes_holds_no_name() {
    let recording = with_names();
    let open = audit(&recording, &[]);
    let told = Told::of(&open);
    let is_in_vain = |name: &&str| !told.places(name).contains(&"assessment.json".to_owned());
    let in_vain: Vec<&str> = NAMES_GONE.into_iter().filter(is_in_vain).collect();
    assert_eq!(in_vain, NOT_ASSESSED);
    let redacted = audit(&recording, &["--redact"]);
    let told = Told::of(&redacted);
    for name in NAMES_GONE.into_iter().chain(["shop"]) {
        let mut told = told.places(name);
        told.retain(|place| place != "stderr"); // its lines are for who runs it
        assert_eq!(told, Vec::<String>::new(), "{name}");
    }
    let files = redacted.files("out");
    let due: BTreeSet<&str> = ["SHA256SUMS", "assessment.json", "manifest.json"].into();
    for file in &files {
        assert!(
            due.contains(file.as_str()) || file.starts_with("reports/"),
            "{file}"
        );
    }
    let (before, after) = (open.assessment(), redacted.assessment());
    assert_eq!(outcomes(&before), outcomes(&after));
    for same in ["verdicts", "findings", "exposure", "targets"] {
        assert_eq!(before["fleet"][same], after["fleet"][same], "{same}");
    }
    let text = redacted.read("out/assessment.json");
    for kept in [
        "xp_cmdshell",
        "sysadmin",
        "dbo.asks",
        "\"App\"",
        "securityadmin",
    ] {
        assert!(text.contains(kept), "{kept}");
    }
    let said = verify(&redacted.path("out"), None).code(0).stdout;
    assert!(
        said.contains("not judged again: principals and hosts stand under pseudonyms"),
        "{said}"
    );
}

#[test]
fn what_was_audited_before_is_redacted_alike() {
    let recording = with_names();
    let (open, redacted) = (audit(&recording, &[]), audit(&recording, &["--redact"]));
    let (out, inputs) = (open.path("out"), open.path("out/inputs/judgement.json"));
    let assess = ["assess", out.to_str().unwrap(), "-o", "out"];
    let again = Cli::new(&assess)
        .args(&["--inputs", inputs.to_str().unwrap(), "--format", FORMATS])
        .args(&["--redact", "--allow-partial", "--fail-on", "never"])
        .run()
        .code(0);
    let assessment = "out/assessment.json";
    assert_eq!(again.read(assessment), redacted.read(assessment));
    let learning = ["audit", "estate.toml", "--redact", "--learn"];
    let refused = Cli::new(&learning).run().code(2);
    refused.says("cannot be used with");
}

/// What every server has, beside fixed roles and what begins like [`SHIPPED_BEGINNINGS`].
const SHIPPED: [&str; 13] = [
    "sa",
    "public",
    "dbo",
    "guest",
    "sys",
    "INFORMATION_SCHEMA",
    "DatabaseMailUserRole",
    "SQLAgentOperatorRole",
    "SQLAgentReaderRole",
    "SQLAgentUserRole",
    "db_ssisadmin",
    "db_ssisltduser",
    "db_ssisoperator",
];
const SHIPPED_BEGINNINGS: [&str; 4] = ["##MS_", "NT AUTHORITY\\", "NT SERVICE\\", "BUILTIN\\"];

/// Names of the demo that its inventory and certificates alone hold, and a part that many have.
const OF_INVENTORY: [&str; 11] = [
    "A. Meyer",
    "Front office",
    "Head of IT security",
    "Corp Issuing CA",
    "corp.example",
    // A name that reads backwards ends like it.
    " CORP\\",
    "[CORP\\",
    "\"CORP\\",
    "SQLBILL01\\BILLING",
    "MSSQL$BILLING",
    "nimda",
];

/// What a snapshot of the demo names: its target, hosts, logins, users and roles, without domains.
fn named_by(snapshot: &Value) -> BTreeSet<String> {
    let list = |value: &Value| value["value"].as_array().cloned().unwrap_or_default();
    let server = &snapshot["server"];
    let mut principals = list(&server["server_principals"]);
    for database in snapshot["databases"].as_array().unwrap() {
        principals.extend(list(&database["database_principals"]));
    }
    let own = |row: &Value| {
        let name = row["name"].as_str().unwrap();
        let mut beginnings = SHIPPED_BEGINNINGS.iter();
        let is_shipped = row["is_fixed_role"] == true
            || SHIPPED.contains(&name)
            || beginnings.any(|known| name.starts_with(known));
        let name = name.rsplit('\\').next().unwrap_or_default();
        (!is_shipped).then(|| name.to_owned())
    };
    let mut names: BTreeSet<String> = principals.iter().filter_map(own).collect();
    let identity = &server["server_identity"]["value"];
    let hosts = [
        &snapshot["target"],
        &snapshot["connection"]["endpoint"],
        &identity["machine_name"],
        &identity["physical_name"],
    ];
    let hosts = hosts.into_iter().filter_map(Value::as_str);
    names.extend(hosts.filter_map(|host| Some(host.split(['.', ',', '\\']).next()?.to_owned())));
    names
}

#[test]
fn no_name_of_the_demo_is_in_its_redacted_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventory");
    let demo = folder.join("demo.toml");
    let audit = ["audit", demo.to_str().unwrap(), "-o", "out"];
    let audit = Cli::new(&audit).args(&["--format", FORMATS]);
    let ran = audit.arg("--redact").run().code(3);
    let (mut names, mut databases) = (BTreeSet::new(), BTreeSet::new());
    for entry in std::fs::read_dir(folder.join("recordings")).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with(".snapshot.json") {
            continue;
        }
        let snapshot = std::fs::read_to_string(path).unwrap();
        let snapshot: Value = serde_json::from_str(&snapshot).unwrap();
        names.extend(named_by(&snapshot));
        let own = snapshot["databases"].as_array().unwrap().iter();
        databases.extend(own.map(|own| own["name"].as_str().unwrap().to_lowercase()));
    }
    // A database may be called like a login, and keeps its name.
    names.retain(|name| !databases.contains(&name.to_lowercase()));
    assert!(names.len() > 40, "{names:?}");
    let told = Told::of(&ran);
    for format in [
        "report.html",
        "report.xlsx/xl/sharedstrings.xml",
        "verdicts.csv",
    ] {
        let mut files = told.0.iter();
        let file = files.find(|(place, _)| place.to_lowercase().ends_with(format));
        let (_, text) = file.unwrap_or_else(|| panic!("no {format}"));
        assert!(text.contains("instance-1"), "{format}");
    }
    for name in names.iter().map(String::as_str).chain(OF_INVENTORY) {
        let mut told = told.places(name);
        told.retain(|place| place != "stderr"); // its lines are for who runs it
        assert_eq!(told, Vec::<String>::new(), "{name}");
    }
    assert!(ran.stdout.contains("instance-1"), "{}", ran.stdout);
}
