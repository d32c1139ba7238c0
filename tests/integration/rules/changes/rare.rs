//! Assemblies that one instance alone has, over estates.

use mssql_posture::ids::InstanceId;
use mssql_posture::rules::{Assemblies, Outcome, Verdict};
use mssql_posture::snapshot::{Fact, Observed, Outcome as Ended, Snapshot, Stage, Trouble};

use super::super::{line, windows};
use crate::support::recording::{Base, Hidden, Recording, hide};

/// An estate, and what is said of each of its instances.
struct Estate {
    about: &'static str,
    instances: fn() -> Vec<Snapshot>,
    verdicts: &'static [&'static [&'static str]],
}

/// An instance with this file as its assembly, or without one.
fn having(name: &'static str, tools: &str) -> Snapshot {
    recorded(name, tools).finish().snapshot
}

fn recorded(name: &'static str, tools: &str) -> Recording {
    let base = Base {
        target: name,
        ..windows(16)
    };
    let mut r = Recording::new(base);
    r.add_database("App", "sa");
    if !tools.is_empty() {
        r.add_assembly("App", "Tools", 1, tools);
    }
    r
}

fn denied(mut snapshot: Snapshot) -> Snapshot {
    let how = Hidden::Denied(vec!["a right".to_owned()]);
    hide(&mut snapshot, Fact::AssemblyFiles, Some("App"), &how);
    snapshot
}

fn unreached(name: &str) -> Snapshot {
    let trouble = Trouble {
        stage: Stage::Recording,
        why: "no answer".to_owned(),
        remedy: String::new(),
    };
    let connection = having("any", "").connection;
    Snapshot::unseen(
        InstanceId::new(name),
        Ended::Unreached(trouble),
        connection,
        "",
    )
}

const FAIL: &[&str] = &["fail low assembly App Tools"];
const PASS: &[&str] = &["pass"];
/// As far as was seen.
const INFO: &[&str] = &["fail info assembly App Tools"];
const UNSEEN: &[&str] = &["unknown assembly App Tools"];
const FEW: &[&str] = &["not_applicable: fewer than three instances are judged together"];
const NONE: &[&str] = &["not_applicable: no assembly that a user made"];

static ESTATES: &[Estate] = &[
    Estate {
        about: "one instance alone has another file under the same name",
        instances: || vec![having("a", "1"), having("b", "1"), having("c", "2")],
        verdicts: &[PASS, PASS, FAIL],
    },
    Estate {
        about: "one instance alone has any",
        instances: || vec![having("a", ""), having("b", ""), having("c", "2")],
        verdicts: &[NONE, NONE, FAIL],
    },
    Estate {
        about: "each has its own",
        instances: || vec![having("a", "1"), having("b", "2"), having("c", "3")],
        verdicts: &[FAIL, FAIL, FAIL],
    },
    Estate {
        about: "twice on one instance is still one instance",
        instances: || {
            let mut c = recorded("c", "2");
            c.add_database("Copy", "sa");
            c.add_assembly("Copy", "Helper", 1, "2");
            vec![having("a", ""), having("b", ""), c.finish().snapshot]
        },
        verdicts: &[
            NONE,
            NONE,
            &[
                "fail low assembly App Tools",
                "fail low assembly Copy Helper",
            ],
        ],
    },
    Estate {
        about: "the same file on all",
        instances: || vec![having("a", "1"), having("b", "1"), having("c", "1")],
        verdicts: &[PASS, PASS, PASS],
    },
    Estate {
        about: "two that have it are enough, whatever was not seen of a third",
        instances: || vec![having("a", "1"), having("b", "1"), unreached("c")],
        verdicts: &[PASS, PASS, &["unknown instance"]],
    },
    Estate {
        about: "an instance that was not reached may have it",
        instances: || {
            vec![
                unreached("a"),
                having("b", "1"),
                having("c", "1"),
                having("d", "2"),
            ]
        },
        verdicts: &[&["unknown instance"], PASS, PASS, INFO],
    },
    Estate {
        about: "of two that were seen nothing is rare",
        instances: || vec![unreached("a"), having("b", "1"), having("c", "2")],
        verdicts: &[&["unknown instance"], UNSEEN, UNSEEN],
    },
    Estate {
        about: "files that were not shown may be it",
        instances: || vec![denied(having("a", "1")), having("b", "1"), having("c", "2")],
        verdicts: &[&["unknown database App"], UNSEEN, UNSEEN],
    },
    Estate {
        about: "one hash that was not taken may be it, and is unknown itself",
        instances: || {
            let mut c = having("c", "1");
            let app = c.databases.last_mut().unwrap();
            let why = "larger than 16 MiB".to_owned();
            let file = app.assembly_files.seen_mut().last_mut().unwrap();
            file.sha2_512 = Observed::NotCollected { why };
            vec![having("a", "1"), having("b", "2"), c]
        },
        verdicts: &[UNSEEN, UNSEEN, UNSEEN],
    },
    Estate {
        about: "of two instances nothing is rare",
        instances: || vec![having("a", "1"), having("b", "2")],
        verdicts: &[FEW, FEW],
    },
    Estate {
        about: "two names of one instance are one",
        instances: || {
            let mut b = having("b", "");
            let target = InstanceId::new("a");
            b.outcome = Ended::SameAs { target };
            vec![having("a", "1"), b, having("c", "2")]
        },
        verdicts: &[FEW, FEW],
    },
    Estate {
        about: "an excluded database is not looked into",
        instances: || {
            let mut c = recorded("c", "2");
            c.exclude("App");
            vec![having("a", ""), having("b", ""), c.finish().snapshot]
        },
        verdicts: &[NONE, NONE, NONE],
    },
];

fn judge(instances: &[Snapshot]) -> Vec<(InstanceId, Vec<Verdict>)> {
    let mut assemblies = Assemblies::default();
    for snapshot in instances {
        assemblies.enter(snapshot);
    }
    let judged = assemblies.judge().into_iter();
    judged
        .map(|(kept, verdicts)| (kept.target.clone(), verdicts))
        .collect()
}

#[test]
fn a_rare_assembly_is_told_from_one_that_may_be_elsewhere() {
    for estate in ESTATES {
        let judged = judge(&(estate.instances)());
        let found: Vec<Vec<String>> = judged
            .iter()
            .map(|(_, verdicts)| verdicts.iter().map(line).collect())
            .collect();
        assert_eq!(found, estate.verdicts, "{}", estate.about);
    }
}

#[test]
fn what_is_missing_names_the_instances_that_may_have_it() {
    let mut instances: Vec<Snapshot> = ["f", "e", "d", "c", "b", "a"].map(unreached).into();
    instances.push(having("own", "1"));
    let judged = judge(&instances);
    let (_, verdicts) = judged.last().unwrap();
    let Outcome::Unknown(missing) = &verdicts[0].outcome else {
        panic!("{verdicts:?}");
    };
    assert_eq!(
        missing[0].needs,
        ["the assemblies of a, b, c, d, e and 1 more instances"]
    );
}

#[test]
fn less_seen_of_any_instance_only_adds_what_is_for_information() {
    let how = Hidden::Denied(vec!["a right".to_owned()]);
    let failed = |verdicts: &[Verdict]| -> Vec<String> {
        let failed = verdicts
            .iter()
            .filter(|v| matches!(v.outcome, Outcome::Fail(_)));
        failed.map(line).collect()
    };
    let places = [
        (Fact::Databases, None),
        (Fact::Assemblies, Some("App")),
        (Fact::AssemblyFiles, Some("App")),
    ];
    for estate in ESTATES.iter().filter(|estate| estate.verdicts[0] != FEW) {
        let whole = (estate.instances)();
        let before = judge(&whole);
        for index in 0..whole.len() {
            for (fact, place) in places {
                let mut less = whole.clone();
                let there = less[index]
                    .databases
                    .iter()
                    .any(|d| d.name.as_str() == "App" && !d.excluded);
                if !there {
                    continue;
                }
                hide(&mut less[index], fact, place, &how);
                let after = judge(&less);
                let about = format!(
                    "{}: {} of {}",
                    estate.about,
                    fact.name(),
                    less[index].target
                );
                let own = after[index].1.iter().map(line).collect::<Vec<_>>();
                assert!(
                    own.iter().any(|line| line.starts_with("unknown")),
                    "{about}: {own:?}"
                );
                assert!(!own.iter().any(|line| line == "pass"), "{about}: {own:?}");
                for ((id, before), (_, after)) in before.iter().zip(&after) {
                    let (had, has) = (failed(before), failed(after));
                    let is_weaker =
                        |line: &&String| had.contains(line) || line.starts_with("fail info");
                    assert!(
                        has.iter().all(|line| is_weaker(&line)),
                        "{about}: {id} {has:?}"
                    );
                    let gone = had.len() > has.len();
                    let unknown = after
                        .iter()
                        .any(|v| matches!(v.outcome, Outcome::Unknown(_)));
                    assert!(!gone || unknown, "{about}: {id} lost a finding");
                }
            }
        }
    }
}
