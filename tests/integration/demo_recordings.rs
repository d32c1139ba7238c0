//! The demo's recordings are what the builder makes of them, byte for byte, and are what a server of
//! their version could have shown. `MSSQL_POSTURE_UPDATE=1` writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mssql_posture::collect;
use mssql_posture::inventory::{Inventory, Reach};
use mssql_posture::rules::{self, Case, Outcome};
use mssql_posture::score;
use mssql_posture::snapshot::{
    DatabaseFacts, ModuleLine, ModuleTexts, Observed, QueryOutcome, Snapshot, sha256_hex,
};

use crate::support::recording::estate::{self, earlier};
use crate::support::recording::{Base, Recorded, Recording};

fn inventory_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("inventory")
}

fn demo() -> Inventory {
    let path = inventory_folder().join("demo.toml");
    Inventory::parse(&fs::read_to_string(path).unwrap(), "demo.toml").unwrap()
}

/// Every file of a folder that the builder makes, with its bytes.
fn built() -> Vec<(&'static str, BTreeMap<String, Vec<u8>>)> {
    let files = |recorded: Vec<Recorded>| -> BTreeMap<String, Vec<u8>> {
        let files = recorded.into_iter().flat_map(|own| {
            let name = own.snapshot.target.to_string();
            [
                (
                    format!("{name}.snapshot.json"),
                    own.snapshot.render().unwrap(),
                ),
                (format!("{name}.modules.jsonl"), own.module_text),
            ]
        });
        files.collect()
    };
    let now = estate::all().iter().map(Recording::finish).collect();
    let mut exports = BTreeMap::new();
    exports.insert(
        "audit.jsonl".to_owned(),
        earlier::audit_export().into_bytes(),
    );
    exports.insert("security.evtx".to_owned(), earlier::host_export());
    vec![
        ("recordings", files(now)),
        ("recordings-2026-q3", files(earlier::last_quarter())),
        ("change/before", files(vec![earlier::before_the_change()])),
        ("change/after", files(vec![earlier::after_the_change()])),
        ("change/exported", exports),
    ]
}

#[test]
fn recordings_are_as_built() {
    let update = std::env::var_os("MSSQL_POSTURE_UPDATE").is_some();
    for (folder, files) in built() {
        let place = inventory_folder().join(folder);
        for (file, bytes) in &files {
            let path = place.join(file);
            if update {
                fs::create_dir_all(&place).unwrap();
                fs::write(&path, bytes).unwrap();
            }
            assert!(
                fs::read(&path).unwrap_or_default() == *bytes,
                "inventory/{folder}/{file} is not what is built now: run the tests with \
                 MSSQL_POSTURE_UPDATE=1 and review the change"
            );
            assert!(bytes.len() < 400 * 1024, "{file} is too large to read");
        }
        let found = fs::read_dir(&place).unwrap();
        let found: BTreeSet<String> = found
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let due: BTreeSet<String> = files.into_keys().collect();
        assert_eq!(found, due, "inventory/{folder} holds other files");
    }
}

/// Both quarters are judged by one inventory, but for the day and the recordings.
#[test]
fn the_quarters_differ_in_their_day_alone() {
    let read = |file: &str| fs::read_to_string(inventory_folder().join(file)).unwrap();
    let rest = |text: &str| -> String {
        let (_, rest) = text.split_once("\nschema = ").unwrap();
        rest.to_owned()
    };
    let then = rest(&read("demo-2026-q3.toml"));
    let now = rest(&read("demo.toml"));
    let turned = now
        .replace("as_of = \"2026-11-17\"", "as_of = \"2026-08-18\"")
        .replace("\"recordings/", "\"recordings-2026-q3/");
    assert_eq!(then, turned);
}

#[test]
fn the_inventory_names_every_recording_and_each_says_that_it_is_made_up() {
    let demo = demo();
    assert_eq!(demo.as_of.as_deref(), Some("2026-11-17"));
    let built: Vec<String> = estate::all()
        .iter()
        .map(|r| r.snapshot.target.to_string())
        .collect();
    let named: Vec<String> = demo.targets.iter().map(|t| t.name.to_string()).collect();
    assert_eq!(named, built);
    for target in &demo.targets {
        let Reach::Snapshot(file) = &target.reach else {
            panic!("{} is not a recording", target.name);
        };
        let path = inventory_folder().join(file);
        let snapshot = Snapshot::from_json(&fs::read_to_string(&path).unwrap()).unwrap();
        assert!(
            snapshot.synthetic.is_some(),
            "{file} does not say that it is made up"
        );
        assert_eq!(snapshot.target, target.name);
        let excluded = snapshot.databases.iter().filter(|d| d.excluded);
        let excluded: Vec<&str> = excluded.map(|d| d.name.as_str()).collect();
        assert_eq!(excluded, target.exclude_databases, "{file}");
        let text = path
            .to_str()
            .unwrap()
            .replace(".snapshot.json", ".modules.jsonl");
        let text = fs::read_to_string(text).unwrap();
        ModuleTexts::from_jsonl(&text, &snapshot.module_text.sha256).unwrap();
        assert_eq!(text.lines().count(), snapshot.module_text.modules as usize);
    }
}

/// What the demo is there to show: findings and unknowns by rule.
const STORY: &[(&str, &[&str], &[&str])] = &[
    (
        "crm-2012",
        &[
            "AUDIT-002",
            "AUDIT-003",
            "AUDIT-004",
            "CODE-002",
            "CODE-011",
            "LINK-004",
            "PRIV-013",
            "PRIV-014",
            "PRIV-017",
            "PRIV-019",
            "SURF-003",
            "SURF-019",
            "SURF-020",
            "TRUST-001",
            "TRUST-004",
        ],
        &[],
    ),
    (
        "warehouse-2014",
        &[
            "AUDIT-002",
            "AUDIT-003",
            "AUDIT-004",
            "CHANGE-004",
            "CLR-001",
            "CLR-006",
            "CLR-007",
            "CODE-002",
            "CODE-011",
            "LINK-004",
            "PRIV-013",
            "PRIV-014",
            "PRIV-017",
            "PRIV-019",
            "SURF-002",
            "SURF-019",
        ],
        &[],
    ),
    (
        "billing-2016",
        &[
            "AUDIT-002",
            "AUDIT-003",
            "AUDIT-004",
            "CODE-001",
            "CODE-002",
            "LINK-004",
            "PRIV-002",
            "PRIV-013",
            "PRIV-014",
            "PRIV-017",
            "PRIV-019",
            "SURF-001",
            "SURF-004",
            "SURF-005",
            "SURF-007",
            "SURF-019",
            "SURF-020",
        ],
        &[],
    ),
    (
        "webshop-2017",
        &[
            "AUDIT-002",
            "AUDIT-003",
            "AUDIT-004",
            "CLR-001",
            "CLR-002",
            "CLR-007",
            "CODE-005",
            "LINK-004",
            "PRIV-013",
            "PRIV-014",
            "PRIV-015",
            "PRIV-016",
            "PRIV-017",
            "PRIV-019",
            "SURF-019",
            "SURF-020",
        ],
        &[
            "CODE-002", "CODE-008", "CODE-009", "CODE-010", "CODE-011", "CODE-012",
        ],
    ),
    (
        "finance-2019",
        &[
            "AUDIT-002",
            "AUDIT-003",
            "AUDIT-004",
            "LINK-004",
            "PRIV-001",
            "PRIV-013",
            "PRIV-014",
            "PRIV-017",
            "PRIV-019",
            "SURF-013",
            "SURF-020",
            "TRUST-001",
        ],
        &[],
    ),
    ("vault-2022", &[], &[]),
    (
        "portal-2022",
        &[
            "AUDIT-002",
            "AUDIT-003",
            "AUDIT-004",
            "CLR-002",
            "CLR-007",
            "CODE-001",
            "CODE-002",
            "CODE-004",
            "CODE-008",
            "CODE-011",
            "CODE-012",
            "LINK-004",
            "PRIV-001",
            "PRIV-002",
            "PRIV-013",
            "PRIV-014",
            "PRIV-017",
            "PRIV-019",
            "SURF-001",
            "SURF-003",
            "SURF-005",
            "SURF-007",
            "SURF-013",
            "SURF-020",
            "TRUST-001",
            "TRUST-004",
        ],
        &[],
    ),
    (
        "legal-2022",
        &[
            "LINK-004",
            "PRIV-013",
            "PRIV-014",
            "PRIV-017",
            "PRIV-019",
            "SIGHT-001",
            "SIGHT-003",
            "SURF-013",
            "SURF-020",
        ],
        &[
            "AGENT-001",
            "AGENT-002",
            "AGENT-003",
            "AGENT-004",
            "AGENT-005",
            "AGENT-006",
            "AUDIT-002",
            "AUDIT-003",
            "AUDIT-004",
            "AUDIT-005",
            "AUDIT-006",
            "AUDIT-007",
            "CHANGE-006",
            "CLR-002",
            "CLR-003",
            "CLR-004",
            "CLR-005",
            "CLR-006",
            "CODE-001",
            "CODE-002",
            "CODE-003",
            "CODE-004",
            "CODE-005",
            "CODE-006",
            "CODE-007",
            "CODE-008",
            "CODE-009",
            "CODE-010",
            "CODE-011",
            "CODE-012",
            "CODE-013",
            "LINK-001",
            "LINK-002",
            "LINK-005",
            "PRIV-001",
            "PRIV-002",
            "PRIV-003",
            "PRIV-004",
            "PRIV-005",
            "PRIV-006",
            "PRIV-007",
            "PRIV-008",
            "PRIV-009",
            "PRIV-010",
            "PRIV-011",
            "PRIV-013",
            "PRIV-014",
            "PRIV-015",
            "PRIV-016",
            "PRIV-018",
            "PRIV-019",
            "PRIV-020",
            "SIGHT-002",
            "SIGHT-003",
            "SURF-005",
            "SURF-017",
            "SURF-018",
            "TRUST-001",
            "TRUST-002",
            "TRUST-003",
            "TRUST-004",
            "TRUST-005",
            "TRUST-008",
            "TRUST-009",
            "TRUST-010",
        ],
    ),
    (
        "analytics-2025",
        &[
            "AUDIT-002",
            "AUDIT-003",
            "AUDIT-004",
            "CLR-002",
            "CLR-007",
            "LINK-004",
            "PRIV-001",
            "PRIV-013",
            "PRIV-014",
            "PRIV-017",
            "PRIV-019",
            "SURF-013",
            "SURF-020",
        ],
        &[],
    ),
];

#[test]
fn the_demo_tells_its_story() {
    let demo = demo();
    for (recording, (name, fails, unknowns)) in estate::all().iter().zip(STORY) {
        let recorded = recording.finish();
        let target = demo
            .targets
            .iter()
            .find(|t| t.name.as_str() == *name)
            .unwrap();
        let expected = demo.expected_sysadmins(target);
        let texts = recorded.texts();
        let case = Case::new(&recorded.snapshot, &texts, expected.as_deref())
            .as_of(demo.as_of.as_deref().unwrap());
        let verdicts = rules::judge(&case);
        let ids = |wanted: fn(&Outcome) -> bool| -> BTreeSet<&str> {
            let found = verdicts.iter().filter(|v| wanted(&v.outcome));
            found.map(|v| v.rule.id).collect()
        };
        let set = |ids: &[&'static str]| -> BTreeSet<&str> { ids.iter().copied().collect() };
        assert_eq!(ids(|o| matches!(o, Outcome::Fail(_))), set(fails), "{name}");
        assert_eq!(
            ids(|o| matches!(o, Outcome::Unknown(_))),
            set(unknowns),
            "{name}"
        );
        if *name == "vault-2022" {
            let (exposure, _) = score::exposure(&mut case.into_graph(), &verdicts);
            assert_eq!((exposure.low, exposure.high), (3, 3)); // what sysadmin has by design, less its audit
        }
    }
}

/// Fresh instances of every version, and the estate.
fn everything() -> Vec<Recorded> {
    let windows = (11..=17).map(|version| Recording::new(Base::windows("fresh", version)));
    let linux = (14..=17).map(|version| Recording::new(Base::linux("fresh", version)));
    windows
        .chain(linux)
        .chain(estate::all())
        .map(|r| r.finish())
        .collect()
}

fn assert_sorted<T: Ord>(list: &Observed<Vec<T>>, what: &str) {
    assert!(
        list.seen().is_sorted_by(|a, b| a < b),
        "{what} is not sorted, or has a row twice"
    );
}

#[test]
fn a_recording_reads_back_as_it_was_built() {
    for recorded in everything() {
        let text = String::from_utf8(recorded.snapshot.render().unwrap()).unwrap();
        assert_eq!(Snapshot::from_json(&text).unwrap(), recorded.snapshot);
        assert!(!text.contains("\"why\": \"\""), "a fact without a reason");
    }
}

#[test]
fn lists_stand_as_the_collector_sorts_them() {
    for Recorded { snapshot, .. } in everything() {
        let server = &snapshot.server;
        assert_sorted(&server.configurations, "configurations");
        assert_sorted(&server.databases, "databases");
        assert_sorted(&server.server_principals, "server_principals");
        assert_sorted(&server.server_role_members, "server_role_members");
        assert_sorted(&server.server_permissions, "server_permissions");
        assert_sorted(
            &server.system_extended_procedures,
            "system_extended_procedures",
        );
        for facts in &snapshot.databases {
            assert_sorted(&facts.database_principals, "database_principals");
            assert_sorted(&facts.database_permissions, "database_permissions");
            assert_sorted(&facts.objects, "objects");
            assert_sorted(&facts.modules, "modules");
            assert_sorted(&facts.assemblies, "assemblies");
        }
        let ids = snapshot.databases.iter().map(|d| d.database_id);
        assert!(ids.is_sorted_by(|a, b| a < b));
    }
}

/// Ids that a known list must hold because another row names them.
fn assert_known_in_database(facts: &DatabaseFacts) {
    let name = &facts.name;
    if let Some(principals) = facts.database_principals.known() {
        let ids: BTreeSet<_> = principals.iter().map(|p| p.principal_id).collect();
        assert_eq!(ids.len(), principals.len(), "{name}: an id twice");
        let members = facts.database_role_members.seen().iter();
        let permissions = facts.database_permissions.seen().iter();
        let named = members
            .flat_map(|m| [m.role_principal_id, m.member_principal_id])
            .chain(permissions.map(|p| p.grantee_principal_id))
            .chain(facts.schemas.seen().iter().filter_map(|s| s.principal_id));
        for id in named {
            assert!(ids.contains(&id), "{name}: nobody is principal {id}");
        }
    }
    if let Some(objects) = facts.objects.known() {
        let triggers = facts.triggers.seen().iter().map(|t| t.object_id);
        let ids: BTreeSet<i32> = objects
            .iter()
            .map(|o| o.object_id)
            .chain(triggers)
            .collect();
        let permissions = facts.database_permissions.seen().iter();
        let named = permissions
            .filter(|p| p.class == 1 && p.major_id > 0)
            .map(|p| p.major_id)
            .chain(facts.modules.seen().iter().map(|m| m.object_id))
            .chain(facts.parameters.seen().iter().map(|p| p.object_id))
            .chain(facts.synonyms.seen().iter().map(|s| s.object_id))
            .chain(facts.extended_procedures.seen().iter().map(|p| p.object_id))
            .chain(facts.assembly_modules.seen().iter().map(|m| m.object_id));
        for id in named {
            assert!(ids.contains(&id), "{name}: nothing is object {id}");
        }
    }
    let files = facts.assembly_files.seen().iter();
    for file in files {
        let mut assemblies = facts.assemblies.seen().iter();
        assert!(
            assemblies.any(|a| a.assembly_id == file.assembly_id),
            "{name}"
        );
    }
}

#[test]
fn every_id_that_a_row_names_is_there() {
    for Recorded { snapshot, .. } in everything() {
        let server = &snapshot.server;
        if let Some(principals) = server.server_principals.known() {
            let ids: BTreeSet<_> = principals.iter().map(|p| p.principal_id).collect();
            assert_eq!(ids.len(), principals.len());
            let members = server.server_role_members.seen().iter();
            let permissions = server.server_permissions.seen().iter();
            let named = members
                .flat_map(|m| [m.role_principal_id, m.member_principal_id])
                .chain(permissions.map(|p| p.grantee_principal_id));
            for id in named {
                assert!(
                    ids.contains(&id),
                    "{}: nobody is login {id}",
                    snapshot.target
                );
            }
            let sids: BTreeSet<_> = principals.iter().map(|p| &p.sid).collect();
            assert_eq!(sids.len(), principals.len(), "a sid twice");
            for row in server.databases.seen() {
                assert!(
                    sids.contains(&row.owner_sid),
                    "{}: nobody owns it",
                    row.name
                );
            }
        }
        snapshot.databases.iter().for_each(assert_known_in_database);
    }
}

#[test]
fn every_text_has_its_module_and_every_module_its_text() {
    for recorded in everything() {
        let text = String::from_utf8(recorded.module_text.clone()).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<ModuleLine>(line).unwrap());
        let lines: BTreeSet<(Option<String>, i32, String)> = lines
            .filter(|line| line.part.is_none())
            .map(|line| (line.database, line.object_id, line.sha256))
            .collect();
        let databases = recorded.snapshot.databases.iter();
        let lists = databases
            .map(|d| (Some(d.name.to_string()), d.modules.seen()))
            .chain([(None, recorded.snapshot.server.server_modules.seen())]);
        let mut named = BTreeSet::new();
        for (database, modules) in lists {
            for module in modules {
                if let Some(hash) = module.definition.known() {
                    named.insert((database.clone(), module.object_id, hash.sha256.clone()));
                }
            }
        }
        assert_eq!(lines, named, "{}", recorded.snapshot.target);
    }
}

#[test]
fn query_records_name_the_queries_as_they_are() {
    for Recorded { snapshot, .. } in everything() {
        let version = snapshot.major_version().unwrap();
        for record in &snapshot.queries {
            let mut queries = collect::queries().iter();
            let query = queries.find(|q| q.name == record.query && q.versions.contains(&version));
            let query = query.unwrap_or_else(|| panic!("no query {}", record.query));
            assert_eq!(record.sha256, sha256_hex(query.text.as_bytes()));
            assert_eq!(
                record.error.is_some(),
                record.outcome == QueryOutcome::Failed
            );
        }
        // Where everything was asked and answered, every known fact has its record.
        let whole = |d: &DatabaseFacts| !d.excluded && d.objects.known().is_some();
        if snapshot.databases.iter().all(whole) {
            let databases = snapshot.databases.iter().map(known_facts);
            // TLS is seen on the connection; no query asks for it.
            let facts = known_facts(&snapshot.server) - 1 + databases.sum::<usize>();
            assert_eq!(snapshot.queries.len(), facts, "{}", snapshot.target);
        }
    }
}

fn known_facts(facts: &impl serde::Serialize) -> usize {
    let facts = serde_json::to_value(facts).unwrap();
    let mut known = facts.as_object().unwrap().clone();
    known.retain(|_, fact| fact["state"] == "known");
    known.len()
}
