//! Keys, signatures and `verify`, as those use them who sign and who check.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use mssql_posture::evidence::Bundle;

use crate::support::cli::{Cli, Ran};

const PASSWORD: &str = "correct horse battery";

fn demo(only: &str) -> Cli {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/demo.toml");
    Cli::new(&[
        "audit",
        demo,
        "--only",
        only,
        "-o",
        "out",
        "--format",
        "json,html,md,csv,jsonl",
    ])
}

/// An audit that was signed, and the public key's file.
fn signed() -> (Ran, String) {
    let keys = Cli::new(&["keygen", "-o", "key", "--key-password-env", "P"]);
    let keys = keys.env("P", PASSWORD).run().code(0);
    let (secret, public) = (keys.read("key"), keys.read("key.pub"));
    assert!(!secret.contains(PASSWORD) && !keys.stdout.contains(PASSWORD));
    let ran = demo("vault-2022").file("key", secret).env("P", PASSWORD);
    let ran = ran.args(&["--sign-key", "key", "--key-password-env", "P"]);
    (ran.run().code(0), public)
}

pub fn verify(folder: &Path, key: Option<&str>) -> Ran {
    let folder = folder.to_str().unwrap();
    let verify = Cli::new(&["verify", folder]);
    match key {
        Some(key) => verify
            .file("key.pub", key)
            .args(&["--key", "key.pub"])
            .run(),
        None => verify.run(),
    }
}

#[test]
fn a_signed_audit_is_verified_with_the_public_key_alone() {
    let (ran, public) = signed();
    let out = ran.path("out");
    let good = verify(&out, Some(&public)).code(0);
    assert!(
        good.stdout.starts_with("intact, signed by key "),
        "{}",
        good.stdout
    );
    let follows = "assessment.json, reports/report.html, reports/report.md, reports/verdicts.csv, \
                   reports/verdicts.jsonl, ";
    assert!(good.stdout.contains(follows), "{}", good.stdout);
    let ends = "files of evidence/ follow to the byte\n";
    assert!(good.stdout.ends_with(ends), "{}", good.stdout);
    let line = public.lines().nth(1).unwrap();
    let given = Cli::new(&["verify", out.to_str().unwrap(), "--key", line]);
    given.run().code(0);
    let unchecked = verify(&out, None).code(0);
    assert!(
        unchecked.stdout.contains("not checked"),
        "{}",
        unchecked.stdout
    );
    let other = Cli::new(&["keygen", "-o", "key", "--no-password"])
        .run()
        .code(0);
    let other = verify(&out, Some(&other.read("key.pub"))).code(1);
    assert!(
        other
            .stdout
            .starts_with("NOT AS IT WAS: SHA256SUMS.minisig"),
        "{}",
        other.stdout
    );
}

/// A tool that shares no code with the program; `.ci/stock-tools` installs it, elsewhere it may be absent.
#[allow(clippy::print_stdout)] // said to whoever runs the tests
pub fn stock(tool: &str, folder: &Path, args: &[&str]) -> bool {
    let ran = Command::new(tool).args(args).current_dir(folder).output();
    match ran {
        Ok(done) => {
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{tool}: {said}");
            true
        }
        Err(_) if std::env::var_os("STOCK_TOOLS").is_none() => {
            println!("skipped: {tool} is not installed here");
            false
        }
        Err(error) => panic!("{tool}: {error}"),
    }
}

/// The program's own word is not needed: tools that everybody has say the same.
#[test]
fn stock_tools_verify_what_was_signed() {
    let (ran, public) = signed();
    let out = ran.path("out");
    stock("sha256sum", &out, &["-c", "--strict", "SHA256SUMS"]);
    let key = public.lines().nth(1).unwrap();
    stock("minisign", &out, &["-V", "-P", key, "-m", "SHA256SUMS"]);
}

#[test]
fn stock_signatures_are_verified() {
    let ran = demo("vault-2022").run().code(0);
    let out = ran.path("out");
    let keys = ["-G", "-W", "-p", "../stock.pub", "-s", "../stock.key"];
    if stock("minisign", &out, &keys) {
        let sign = [
            "-S",
            "-s",
            "../stock.key",
            "-m",
            "SHA256SUMS",
            "-t",
            "by the stock tool",
        ];
        stock("minisign", &out, &sign);
        let good = verify(&out, Some(&ran.read("stock.pub"))).code(0);
        assert!(good.stdout.contains("by the stock tool"), "{}", good.stdout);
    }
}

/// The listed files of a folder, by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The same folder with its files changed and all hashes made anew, as somebody without the key can.
pub fn resealed(from: &Path, to: &Path, change: impl FnOnce(&mut Files)) {
    let sums = std::fs::read_to_string(from.join("SHA256SUMS")).unwrap();
    let listed = sums.lines().filter_map(|line| line.split_once("  "));
    let listed = listed.filter(|(_, path)| *path != "manifest.json");
    let mut files: Files = listed
        .map(|(_, path)| (path.to_owned(), std::fs::read(from.join(path)).unwrap()))
        .collect();
    let before = files.clone();
    change(&mut files);
    assert_ne!(files, before, "nothing was changed");
    let mut bundle = Bundle::create(to).unwrap();
    for (path, bytes) in files {
        if path.ends_with(".modules.jsonl") {
            bundle
                .write_sensitive(&path, &|to| to.write_all(&bytes))
                .unwrap();
        } else {
            bundle.write(&path, &bytes).unwrap();
        }
    }
    bundle.finish("2026-11-18T00:00:00Z", None).unwrap();
}

/// The same with the text of one file changed.
pub fn forged(from: &Path, to: &Path, path: &str, change: impl Fn(String) -> String) {
    resealed(from, to, |files| {
        let bytes = files.get_mut(path).unwrap();
        *bytes = change(String::from_utf8(bytes.clone()).unwrap()).into_bytes();
    });
}

#[test]
fn verdicts_and_reports_that_do_not_follow_are_named_even_where_all_hashes_are_right() {
    let ran = demo("crm-2012").run().code(1);
    let out = ran.path("out");
    let quiet = |text: String| text.replacen("\"fail\"", "\"pass\"", 1);
    let word = |text: String| text.replacen("crm", "CRM", 1);
    let cases: [(&str, &dyn Fn(String) -> String); 6] = [
        ("assessment.json", &quiet),
        ("reports/report.html", &word),
        ("reports/report.md", &word),
        ("reports/verdicts.csv", &word),
        ("reports/verdicts.jsonl", &word),
        ("snapshots/crm-2012.snapshot.json", &|text| {
            let at = text.find("\"Ole Automation Procedures\"").unwrap();
            let (before, row) = text.split_at(at);
            before.to_owned() + &row.replacen("\"value_in_use\": 1", "\"value_in_use\": 0", 1)
        }),
    ];
    for (index, (path, change)) in cases.into_iter().enumerate() {
        let to = ran.path(&format!("forged-{index}"));
        forged(&out, &to, path, change);
        let said = verify(&to, None).code(1).stdout;
        let named = if path.starts_with("snapshots") {
            "evidence/crm-2012.evidence.json"
        } else {
            path
        };
        assert!(
            said.starts_with(&format!("NOT AS IT WAS: {named}")),
            "{path}: {said}"
        );
    }
    let to = ran.path("again");
    forged(&out, &to, "inputs/judgement.json", |text| {
        text.replace("\"fail_on\": \"high\"", "\"fail_on\": \"low\"")
    });
    verify(&to, None).code(0);
}

#[test]
fn a_folder_is_signed_afterwards_once() {
    let ran = demo("vault-2022").run().code(0);
    let keys = Cli::new(&["keygen", "-o", "key", "--no-password"])
        .run()
        .code(0);
    let (secret, public) = (keys.read("key"), keys.read("key.pub"));
    let out = ran.path("out");
    let sign = || {
        let folder = out.to_str().unwrap();
        Cli::new(&["sign", folder, "--key", "key"])
            .file("key", &secret)
            .run()
    };
    sign().code(0).says("signed by key");
    sign().code(2).says("is signed already");
    verify(&out, Some(&public)).code(0);
    std::fs::write(out.join("assessment.json"), "{}").unwrap();
    std::fs::remove_file(out.join("SHA256SUMS.minisig")).unwrap();
    sign().code(2).says("assessment.json: it is not the file");
}

#[test]
fn a_key_is_asked_for_before_anything_is_done() {
    let none = demo("vault-2022")
        .args(&["--sign-key", "lost"])
        .run()
        .code(2);
    assert!(!none.path("out").exists());
    let keys = Cli::new(&["keygen", "-o", "key", "--key-password-env", "P"]);
    let keys = keys.env("P", PASSWORD).run().code(0);
    let wrong = demo("vault-2022")
        .file("key", keys.read("key"))
        .env("P", "wrong");
    let wrong = wrong.args(&["--sign-key", "key", "--key-password-env", "P"]);
    wrong.run().code(2).says("Wrong password");
    let bare = demo("vault-2022").file("key", keys.read("key"));
    bare.args(&["--sign-key", "key"])
        .run()
        .code(2)
        .says("cannot be used");
    Cli::new(&["keygen", "-o", "key"]).run().code(2);
    let again = Cli::new(&["keygen", "-o", "key", "--no-password"]).file("key", "mine");
    let again = again.run().code(2).says("is there already");
    assert_eq!(again.read("key"), "mine");
}

#[test]
fn a_key_comes_from_a_command_without_a_shell() {
    let keys = Cli::new(&["keygen", "-o", "key", "--key-password-env", "P"]);
    let keys = keys.env("P", PASSWORD).run().code(0);
    let (secret, public) = (keys.read("key"), keys.read("key.pub"));
    let with = |command: &str| {
        let audit = demo("vault-2022")
            .file("the key", &secret)
            .env("P", PASSWORD);
        audit.args(&["--sign-key-command", command, "--key-password-env", "P"])
    };
    let ran = with("[\"cat\", \"the key\"]").run().code(0);
    verify(&ran.path("out"), Some(&public)).code(0);
    for (command, says) in [
        ("[\"cat\", \"lost; touch owned\"]", "command cat ended with"),
        ("cat key", "cannot be run"),
        ("[\"cat\", hunter2]", "is no array of texts"),
        ("[\"echo\", \"nonsense\"]", "cannot be used"),
        ("[]", "is empty"),
    ] {
        let refused = with(command).run().code(2).says(says);
        assert!(!refused.path("out").exists(), "{command}");
        assert!(!refused.path("owned").exists(), "{command}");
        assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    }
    let both = with("[\"cat\", \"the key\"]").args(&["--sign-key", "the key"]);
    both.run().code(2).says("cannot be used with");

    let ran = demo("vault-2022").run().code(0);
    let folder = ran.path("out");
    let sign = ["sign", folder.to_str().unwrap(), "--key-password-env", "P"];
    let sign = || Cli::new(&sign).file("key", &secret).env("P", PASSWORD);
    sign().run().code(2).says("--key");
    let command = ["--sign-key-command", "[\"cat\", \"key\"]"];
    sign().args(&command).run().code(0).says("signed by key");
    verify(&folder, Some(&public)).code(0);
}

/// README's commands, with an authority that openssl itself makes.
#[test]
fn stock_openssl_stamps_the_time() {
    let (ran, public) = signed();
    let out = ran.path("out");
    let openssl = |args: &[&str]| stock("openssl", &out, args);
    let authority = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=tsa",
        "-addext",
        "extendedKeyUsage=critical,timeStamping",
        "-keyout",
        "../tsa.key",
        "-out",
        "../tsa.pem",
    ];
    if !openssl(&authority) {
        return;
    }
    std::fs::write(ran.path("serial"), "01\n").unwrap();
    let settings = "[tsa]\nserial = ../serial\nsigner_cert = ../tsa.pem\nsigner_key = ../tsa.key\n\
                    signer_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256\n";
    std::fs::write(ran.path("tsa.cnf"), settings).unwrap();
    let query = "ts -query -data SHA256SUMS -sha256 -cert -out SHA256SUMS.tsq";
    let words = |line: &'static str| line.split(' ').collect::<Vec<&str>>();
    openssl(&words(query));
    openssl(&words(
        "ts -reply -config ../tsa.cnf -section tsa -queryfile SHA256SUMS.tsq -out SHA256SUMS.tsr",
    ));
    let check = "ts -verify -data SHA256SUMS -in SHA256SUMS.tsr -CAfile ../tsa.pem";
    openssl(&words(check));
    for line in [
        query,
        "ts -verify -data SHA256SUMS -in SHA256SUMS.tsr -CAfile",
    ] {
        let readme = include_str!("../../README.md");
        let line = line.replace("SHA256SUMS", "q1/SHA256SUMS");
        assert!(readme.contains(&line), "README has no {line}");
    }
    let good = verify(&out, Some(&public)).code(0);
    assert!(
        good.stdout.contains("SHA256SUMS.tsr: a time stamp"),
        "{}",
        good.stdout
    );

    // Another folder's list under the same stamp: both tools say so.
    let other = demo("crm-2012").run().code(1);
    for file in ["SHA256SUMS.tsq", "SHA256SUMS.tsr"] {
        std::fs::copy(out.join(file), other.path("out").join(file)).unwrap();
    }
    let bad = verify(&other.path("out"), None).code(1);
    assert!(
        bad.stdout.contains("SHA256SUMS.tsq: it is not about this"),
        "{}",
        bad.stdout
    );
    let authority = ran.path("tsa.pem");
    let args = [
        "ts",
        "-verify",
        "-data",
        "SHA256SUMS",
        "-in",
        "SHA256SUMS.tsr",
        "-CAfile",
    ];
    let refused = Command::new("openssl")
        .args(args)
        .arg(&authority)
        .current_dir(other.path("out"))
        .output();
    assert!(
        !refused.unwrap().status.success(),
        "openssl takes it for another list's"
    );
}

#[test]
fn what_is_no_bundle_is_usage() {
    Cli::new(&["verify", "."])
        .run()
        .code(2)
        .says("is no finished bundle");
    Cli::new(&["verify", "."])
        .args(&["--key", "nonsense"])
        .run()
        .code(2)
        .says("no minisign public key");
}
