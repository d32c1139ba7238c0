//! The demo estate's own waivers, approvals and answers.

use super::{said, said_of_estate};
use crate::support::cli::{Cli, Ran};

fn demo(args: &[&str]) -> Ran {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/demo.toml");
    Cli::new(&["audit", root, "-o", "out"]).args(args).run()
}

#[test]
fn the_demo_shows_approvals_waivers_and_answers_at_work() {
    let ran = demo(&["--format", "table,json,html,md"]).code(3);
    assert_eq!(
        said_of_estate(&ran, "waiver-expired"),
        ["fail W-2025-19", "pass all"]
    );
    assert!(ran.stdout.contains("waiver W-2025-19"), "{}", ran.stdout);
    assert_eq!(ran.assessment()["fleet"]["verdicts"]["accepted"], 8);
    assert!(ran.stdout.contains("stig-2022-instance"), "{}", ran.stdout);
    assert_eq!(
        said(&ran, "crm-2012", "ole-automation-enabled"),
        ["fail Ole Automation Procedures"],
        "its waiver has expired"
    );
    assert_eq!(
        said(&ran, "warehouse-2014", "module-invokes-command-channel")[0],
        "accepted dbo.ImportFiles"
    );
    assert_eq!(
        said(&ran, "billing-2016", "scan-for-startup-procs"),
        ["accepted scan for startup procs"]
    );
    let html = ran.read("out/reports/report.html");
    for shown in [
        "W-2025-19",
        "CHG-3980",
        "A. Meyer",
        "RISK-90",
        "host-survey-2026-10.txt",
        "stig-2022-database",
        "AN0511",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
}

/// What stands in the ten lines of the README, on the demo.
#[test]
fn the_quarter_can_be_walked_through_on_the_demo() {
    let ran = demo(&["--learn", "--allow-partial"]).code(1);
    let proposed = ran.read("out/proposed-expectations.toml");
    assert!(proposed.contains("owner = \"\""), "{proposed}");
    assert!(
        !proposed.contains("dbo.ExportInvoices"),
        "what is approved already is not proposed again"
    );
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/demo.toml");
    let listed = Cli::new(&["waivers", root]).run().code(0).stdout;
    insta::assert_snapshot!(listed);
    let rules = ["rules", "--framework", "cis-2022", "--format", "md"];
    let rules = Cli::new(&rules).run().code(0).stdout;
    assert!(rules.contains("SURF-003"), "{rules}");
}
