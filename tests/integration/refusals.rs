//! What `verify` refuses of folders in which every hash is right, and what it says of what it does not refuse.

use serde_json::Value;

use crate::evidence::{Files, resealed, verify};
use crate::support::cli::{self, Cli, Ran};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/demo.toml");

const INPUTS: &str = "inputs/judgement.json";
const ASSESSMENT: &str = "assessment.json";

/// The instance of the demo that is judged soonest, of those that a checklist is made of.
const ONE: &str = "vault-2022";

fn audit(formats: &str, more: &[&str]) -> Ran {
    let audit = ["audit", DEMO, "--only", ONE, "-o", "out"];
    let ran = Cli::new(&audit).args(&["--format", formats]).args(more);
    ran.run().code(0)
}

/// The reports of such a folder and its assessment alone, as `assess` writes them.
fn assessed(from: &Ran) -> Ran {
    let (folder, inputs) = (from.path("out"), from.path("out").join(INPUTS));
    let assess = ["assess", folder.to_str().unwrap(), "-o", "out"];
    let assess = Cli::new(&assess).args(&["--inputs", inputs.to_str().unwrap()]);
    assess.args(&["--format", "json,md"]).run().code(0)
}

/// Fails unless the changed folder is refused for that file first.
#[track_caller]
fn refused(ran: &Ran, about: &str, names: &str, change: impl FnOnce(&mut Files)) {
    let to = tempfile::tempdir().unwrap();
    let to = to.path().join("forged");
    resealed(&ran.path("out"), &to, change);
    let said = verify(&to, None).code(1).stdout;
    assert!(
        said.starts_with(&format!("NOT AS IT WAS: {names}")),
        "{about}: {said}"
    );
}

/// The changed folder, which is not refused.
#[track_caller]
fn taken(ran: &Ran, change: impl FnOnce(&mut Files)) -> String {
    let to = tempfile::tempdir().unwrap();
    let to = to.path().join("forged");
    resealed(&ran.path("out"), &to, change);
    verify(&to, None).code(0).stdout
}

fn without(files: &mut Files, places: &[&str]) {
    files.retain(|path, _| !places.iter().any(|place| path.starts_with(place)));
}

/// As an assessment would be that was written for others' eyes.
fn called_redacted(files: &mut Files) {
    let text = files.get_mut(ASSESSMENT).unwrap();
    let mut assessment: Value = serde_json::from_slice(text).unwrap();
    assert!(assessment.get("redacted").is_none());
    assessment["redacted"] = Value::Bool(true);
    *text = serde_json::to_vec_pretty(&assessment).unwrap();
}

fn gone(path: &str) -> String {
    format!("{path}: it is gone, and there ")
}

#[test]
fn verdicts_stand_with_what_they_were_judged_by() {
    let ran = audit("json,md", &[]);
    let out = ran.path("out");
    verify(&out, None).code(0);
    refused(&ran, "no inputs", &gone(INPUTS), |files| {
        without(files, &[INPUTS]);
    });
    refused(&ran, "neither snapshots", &gone(INPUTS), |files| {
        without(files, &[INPUTS, "snapshots/", "evidence/"]);
    });
    refused(&ran, "no reports", &gone(INPUTS), |files| {
        without(files, &[INPUTS, "reports/"]);
    });
    refused(&ran, "no assessment", &gone(ASSESSMENT), |files| {
        without(files, &[ASSESSMENT]);
    });
    refused(&ran, "reports and snapshots", &gone(ASSESSMENT), |files| {
        without(files, &[ASSESSMENT, INPUTS]);
    });
    refused(&ran, "no verdicts", &gone(ASSESSMENT), |files| {
        without(files, &[ASSESSMENT, "reports/"]);
    });
    refused(&ran, "no snapshots", "snapshots/: they are gone", |files| {
        without(files, &["snapshots/"]);
    });
    // Of an assessment without snapshots it is said that it was not judged again.
    let said = taken(&ran, |files| without(files, &["snapshots/", "evidence/"]));
    assert!(
        said.contains("not judged again: it holds no snapshots"),
        "{said}"
    );
    // And snapshots alone have no verdicts that could be wrong.
    let said = taken(&ran, |files| {
        without(files, &[ASSESSMENT, INPUTS, "reports/"]);
    });
    assert!(said.contains("no verdicts: "), "{said}");
    let own = assessed(&ran);
    let said = verify(&own.path("out"), None).code(0).stdout;
    assert!(
        said.contains("not judged again: it holds no snapshots"),
        "{said}"
    );
    refused(&own, "assessed, no inputs", &gone(INPUTS), |files| {
        without(files, &[INPUTS]);
    });
}

#[test]
fn a_folder_that_holds_what_was_judged_is_not_for_others_eyes() {
    let ran = audit("json,md", &[]);
    let names = "assessment.json: it says that it is for others' eyes, and beside it stands ";
    for (about, places, beside) in [
        ("all of it", &[][..], "inputs/"),
        ("snapshots and evidence", &["inputs/"], "snapshots/"),
        ("evidence", &["inputs/", "snapshots/"], "evidence/"),
        ("inputs", &["snapshots/", "evidence/"], "inputs/"),
    ] {
        refused(&ran, about, &format!("{names}{beside}"), |files| {
            called_redacted(files);
            without(files, places);
        });
    }
    // What was written for others' eyes has nothing that could say otherwise: there, the signature does.
    let redacted = audit("json,md", &["--redact"]);
    let said = verify(&redacted.path("out"), None).code(0).stdout;
    assert!(
        said.contains("not judged again: principals and hosts"),
        "{said}"
    );
    refused(
        &redacted,
        "a file more",
        "reports/notes.html: no file of this program",
        |files| {
            files.insert("reports/notes.html".to_owned(), b"<p>".into());
        },
    );
    refused(&redacted, "not redacted", &gone(INPUTS), |files| {
        let text = files.get_mut(ASSESSMENT).unwrap();
        let mut assessment: Value = serde_json::from_slice(text).unwrap();
        assessment["redacted"] = Value::Bool(false);
        *text = serde_json::to_vec(&assessment).unwrap();
    });
}

#[test]
fn a_file_that_nothing_writes_is_refused_wherever_it_stands() {
    let audited = audit("json,md", &[]);
    let assessed = assessed(&audited);
    let collect = Cli::new(&["collect", DEMO, "--only", ONE, "-o", "out"]);
    let collected = collect.run().code(0);
    let nobodys = [
        "reports/notes.html",
        "reports/report.html.bak",
        "reports/instances",
        "reports/stig.cklb",
        "reports/snapshots/x.snapshot.json",
        "report.html",
        "inputs/other.json",
        "snapshots/notes.html",
        "snapshots/deeper/x.snapshot.json",
        "evidence/deeper/run.json",
    ];
    for (kind, ran) in [
        ("audited", &audited),
        ("assessed", &assessed),
        ("collected", &collected),
    ] {
        verify(&ran.path("out"), None).code(0);
        for path in nobodys {
            let names = format!("{path}: no file of this program");
            refused(ran, kind, &names, |files| {
                files.insert(path.to_owned(), b"<p>all is well</p>".into());
            });
        }
    }
    // A report that a format does own, and that nothing was judged for.
    refused(&collected, "a report", &gone(ASSESSMENT), |files| {
        files.insert("reports/report.md".to_owned(), b"all is well".into());
    });
}

#[test]
fn a_report_of_any_format_follows_to_the_byte_or_is_named() {
    let ran = audit(&cli::formats().join(","), &[]);
    let reports = ran.files("out/reports");
    assert!(reports.len() > 15, "{reports:?}");
    let said = verify(&ran.path("out"), None).code(0).stdout;
    for report in &reports {
        let folder = report
            .split_once('/')
            .map_or(report.as_str(), |(folder, _)| folder);
        assert!(
            said.contains(&format!("reports/{folder}")),
            "{report}: {said}"
        );
    }
    let mut changed: Vec<&String> = reports.iter().collect();
    // One of the many of a kind stands for all of them.
    changed.dedup_by_key(|path| path.split('/').next());
    for report in changed {
        let path = format!("reports/{report}");
        let names = format!("{path}: it does not follow");
        refused(&ran, "its last byte", &names, |files| {
            *files.get_mut(&path).unwrap().last_mut().unwrap() ^= 1;
        });
    }
    // One more of a format that has many, one less, and one of a format that was not asked for.
    for path in ["reports/stig/other.cklb", "reports/instances/other.html"] {
        let names = format!("{path}: it does not follow");
        refused(&ran, "one more", &names, |files| {
            files.insert(path.to_owned(), b"{}".into());
        });
    }
    let one = format!(
        "reports/{}",
        reports
            .iter()
            .find(|path| path.starts_with("stig/"))
            .unwrap()
    );
    refused(&ran, "one less", &one, |files| without(files, &[&one]));
    let plain = audit("json", &[]);
    let names = "reports/metrics.prom: it does not follow";
    refused(&plain, "another format", names, |files| {
        files.insert(
            "reports/metrics.prom".to_owned(),
            b"mssql_posture_info 1\n".into(),
        );
    });
}

#[test]
fn what_was_proposed_follows_too() {
    let audit = ["audit", DEMO, "--only", "crm-2012", "-o", "out", "--learn"];
    let ran = Cli::new(&audit).args(&["--format", "json"]).run().code(1);
    let said = verify(&ran.path("out"), None).code(0).stdout;
    assert!(
        said.contains("assessment.json, proposed-expectations.toml, "),
        "{said}"
    );
    let names = "proposed-expectations.toml: it does not follow";
    refused(&ran, "another hash", names, |files| {
        let text = files.get_mut("proposed-expectations.toml").unwrap();
        let last = text.iter().rposition(|byte| *byte == b'a').unwrap();
        text[last] = b'b';
    });
    refused(&ran, "no inputs", &gone(INPUTS), |files| {
        without(files, &[INPUTS, ASSESSMENT]);
    });
}

/// The line about who ran it.
fn ran_by(said: &str) -> Option<&str> {
    said.lines()
        .find(|line| line.starts_with("evidence/run.json: "))
}

#[test]
fn who_ran_it_is_said_to_be_as_good_as_the_signature() {
    let keys = Cli::new(&["keygen", "-o", "key", "--no-password"])
        .run()
        .code(0);
    let (secret, public) = (keys.read("key"), keys.read("key.pub"));
    let audit = [
        "audit", DEMO, "--only", ONE, "-o", "out", "--format", "json",
    ];
    let signed = Cli::new(&audit)
        .file("key", secret)
        .args(&["--sign-key", "key"]);
    let signed = signed.run().code(0);
    let unsigned = Cli::new(&audit).run().code(0);
    let claim = "evidence/run.json: operator, host, program and times are what it says itself: \
                 only as good as the signature";
    for (ran, key, due) in [
        (&signed, Some(public.as_str()), String::new()),
        (&signed, None, ", which was not checked".to_owned()),
        (&unsigned, None, ", and there is none".to_owned()),
    ] {
        let said = verify(&ran.path("out"), key).code(0).stdout;
        assert_eq!(
            ran_by(&said),
            Some(format!("{claim}{due}").as_str()),
            "{said}"
        );
    }
    // Another operator is not noticed, which is what the line is about.
    let said = taken(&unsigned, |files| {
        let text = files.get_mut("evidence/run.json").unwrap();
        let before = String::from_utf8(text.clone()).unwrap();
        let line = before
            .lines()
            .find(|line| line.trim_start().starts_with("\"operator\""))
            .unwrap();
        *text = before
            .replace(line, "  \"operator\": \"somebody else\",")
            .into_bytes();
    });
    assert!(ran_by(&said).is_some(), "{said}");
    let assessed = {
        let folder = unsigned.path("out");
        let assess = [
            "assess",
            folder.to_str().unwrap(),
            "-o",
            "out",
            "--as-of",
            "2026-11-17",
        ];
        Cli::new(&assess).run()
    };
    let said = verify(&assessed.path("out"), None).code(0).stdout;
    assert_eq!(ran_by(&said), None, "nobody is named in it: {said}");
}

#[test]
fn templates_of_ones_own_are_said() {
    let foot = "<footer>all is well</footer>\n";
    let with = |formats: &str, files: &[(&str, &str)]| {
        let audit = [
            "audit",
            DEMO,
            "--only",
            ONE,
            "-o",
            "out",
            "--templates",
            "own",
        ];
        let mut audit = Cli::new(&audit).args(&["--format", formats]);
        for (name, text) in files {
            audit = audit.file(&format!("own/{name}"), text);
        }
        audit.run().code(0)
    };
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/report-templates/way.hbs");
    let shipped = std::fs::read_to_string(shipped).unwrap();
    let told = |ran: &Ran| {
        let said = verify(&ran.path("out"), None).code(0).stdout;
        let line = said.lines().last().unwrap().to_owned();
        line.starts_with("reports rendered with ").then_some(line)
    };
    let one = with("json,html", &[("foot.hbs", foot), ("way.hbs", &shipped)]);
    assert!(one.read("out/reports/report.html").contains("all is well"));
    assert_eq!(
        told(&one).as_deref(),
        Some("reports rendered with 1 template of its own: foot.hbs")
    );
    let two = with(
        "json,html",
        &[("foot.hbs", foot), ("imprint\u{202e}.hbs", "x")],
    );
    assert_eq!(
        told(&two).as_deref(),
        Some("reports rendered with 2 templates of its own: foot.hbs, imprint\\u{202e}.hbs")
    );
    // It is said of what was not judged again too.
    let folder = two.path("out");
    let inputs = folder.join(INPUTS);
    let assess = [
        "assess",
        folder.to_str().unwrap(),
        "-o",
        "out",
        "--format",
        "md",
    ];
    let assess = Cli::new(&assess).args(&["--inputs", inputs.to_str().unwrap()]);
    assert_eq!(told(&assess.run().code(0)), told(&two));
    // But not where they lay out nothing, or are the program's own.
    assert_eq!(told(&with("json,csv", &[("foot.hbs", foot)])), None);
    assert_eq!(told(&with("json,html", &[("way.hbs", &shipped)])), None);
    assert_eq!(told(&audit("json,html", &[])), None);
}

/// Of each format apart, it is said where templates change it, and nowhere else.
#[test]
fn templates_are_said_of_the_formats_that_they_lay_out() {
    let audited = audit("json", &[]);
    let (folder, inputs) = (audited.path("out"), audited.path("out").join(INPUTS));
    let formats = cli::formats().join(",");
    let assess = ["assess", folder.to_str().unwrap(), "-o", "out"];
    let assess = Cli::new(&assess).args(&["--inputs", inputs.to_str().unwrap()]);
    let assess = assess.args(&["--format", &formats, "--templates", "own"]);
    let documents = [
        "instance.html.hbs",
        "junit.xml.hbs",
        "report.html.hbs",
        "report.md.hbs",
        "summary.md.hbs",
    ];
    let own = documents.iter().fold(assess, |assess, name| {
        assess.file(&format!("own/{name}"), "all is well\n")
    });
    let own = own.run().code(0);
    let mut laid_out = 0;
    for report in own.files("out/reports") {
        if report.contains('/') {
            continue;
        }
        let bytes = std::fs::read(own.path(&format!("out/reports/{report}"))).unwrap();
        let is_laid_out = bytes == b"all is well\n";
        laid_out += usize::from(is_laid_out);
        let said = taken(&own, |files| {
            files.retain(|path, _| {
                !path.starts_with("reports/") || *path == format!("reports/{report}")
            });
        });
        let is_said = said.contains("\nreports rendered with 5 templates of its own: ");
        assert_eq!(is_said, is_laid_out, "{report}: {said}");
    }
    assert_eq!(laid_out, 4, "HTML, Markdown, JUnit and the summary");
}
