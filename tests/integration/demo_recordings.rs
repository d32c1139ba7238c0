//! The demo's recordings are what the builder makes of them, byte for byte, and are what a server of
//! their version could have shown. `MSSQL_POSTURE_UPDATE=1` writes them anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mssql_posture::inventory::{Inventory, Reach};
use mssql_posture::snapshot::{ModuleTexts, Snapshot};

use crate::support::recording::estate;

fn inventory_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("inventory")
}

fn demo() -> Inventory {
    let path = inventory_folder().join("demo.toml");
    Inventory::parse(&fs::read_to_string(path).unwrap(), "demo.toml").unwrap()
}

#[test]
fn recordings_are_as_built() {
    let update = std::env::var_os("MSSQL_POSTURE_UPDATE").is_some();
    let folder = inventory_folder().join("recordings");
    let mut built = BTreeSet::new();
    for recording in estate::all() {
        let recorded = recording.finish();
        let name = recorded.snapshot.target.as_str();
        let snapshot = recorded.snapshot.render().unwrap();
        for (suffix, bytes) in [
            ("snapshot.json", snapshot),
            ("modules.jsonl", recorded.module_text),
        ] {
            let file = format!("{name}.{suffix}");
            let path = folder.join(&file);
            if update {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &bytes).unwrap();
            }
            let found = fs::read(&path).unwrap_or_default();
            assert!(
                found == bytes,
                "inventory/recordings/{file} is not what is built now: run the tests with \
                 MSSQL_POSTURE_UPDATE=1 and review the change"
            );
            assert!(bytes.len() < 400 * 1024, "{file} is too large to read");
            built.insert(file);
        }
    }
    let files = fs::read_dir(&folder).unwrap();
    let found: BTreeSet<String> = files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, built, "inventory/recordings holds other files");
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
