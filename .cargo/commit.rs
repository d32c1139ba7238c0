//! Tells a release which commit it was made from: `evidence/run.json` names it. Where there is no repository or no git,
//! nothing is told, and run.json says so.

#![allow(clippy::print_stdout)] // how a build script speaks to cargo

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=MSSQL_POSTURE_COMMIT");
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    // A packager knows better; and each commit would compile a developer's build anew.
    if std::env::var_os("MSSQL_POSTURE_COMMIT").is_some() || !is_release {
        return;
    }
    println!("cargo::rerun-if-changed=.git/logs/HEAD");
    // Not that of a repository which merely holds a copy.
    let root = git(&["rev-parse", "--show-toplevel"]);
    if root != std::env::var("CARGO_MANIFEST_DIR").ok() {
        return;
    }
    let Some(commit) = git(&["rev-parse", "HEAD"]) else {
        return;
    };
    let changes = git(&["status", "--porcelain", "--untracked-files=no"]);
    let is_clean = changes.is_some_and(|changes| changes.is_empty());
    let told = if is_clean { "" } else { " with changes" };
    println!("cargo::rustc-env=MSSQL_POSTURE_COMMIT={commit}{told}");
}

fn git(args: &[&str]) -> Option<String> {
    let done = Command::new("git").args(args).output().ok()?;
    let said = String::from_utf8(done.stdout).ok()?;
    done.status.success().then(|| said.trim().to_owned())
}
