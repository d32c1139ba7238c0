//! What a SOC takes from a judged estate.

use crate::acceptance::{Estate, planted, waiver_of};
use crate::support::cli::{Cli, Ran};
use crate::support::recording::Recording;

const CALLS: &str = "CREATE PROCEDURE dbo.usp_Dir AS EXEC master.dbo.xp_cmdshell N'dir D:\\in';\n";

fn audited(waived: bool) -> Ran {
    let mut erp: Recording = planted("erp", "tools 1");
    erp.add_module("App", "dbo.usp_Dir", "P", CALLS);
    let mut estate = Estate::of(vec![erp]);
    if waived {
        estate = estate.waiving(&waiver_of("CODE-002", "subject = \"dbo.usp_Dir\""));
    }
    estate.audit(&[])
}

fn detections(ran: &Ran, args: &[&str]) -> Ran {
    let out = ran.path("out");
    Cli::new(&["detections", out.to_str().unwrap(), "-o", "soc"])
        .args(args)
        .run()
}

#[test]
fn rules_and_a_playbook_are_written_and_again_the_same() {
    let ran = audited(false);
    let soc = detections(&ran, &["--allow-partial"]).code(0);
    let files = soc.files("soc");
    for due in ["sigma/process-under-the-engine.yml", "playbooks/erp.md"] {
        assert!(files.iter().any(|own| own.ends_with(due)), "{files:?}");
    }
    let again = detections(&ran, &["--allow-partial"]).code(0);
    for file in &files {
        assert_eq!(
            soc.read(&format!("soc/{file}")),
            again.read(&format!("soc/{file}")),
            "{file}"
        );
    }
    let rule = soc.read("soc/sigma/process-under-the-engine.yml");
    assert!(
        !rule.contains("filter_approved"),
        "nobody approved anything: {rule}"
    );
    assert!(soc.read("soc/playbooks/erp.md").contains("CODE-002 (high)"));
    let folder = soc.path("soc");
    let out = ran.path("out");
    Cli::new(&[
        "detections",
        out.to_str().unwrap(),
        "-o",
        folder.to_str().unwrap(),
    ])
    .run()
    .code(2)
    .says("is not empty");
}

#[test]
fn an_approved_command_is_passed_over_on_its_computer_alone() {
    let soc = detections(&audited(true), &["--allow-partial"]).code(0);
    let rule = soc.read("soc/sigma/process-under-the-engine.yml");
    let line = "- '\"C:\\Windows\\system32\\cmd.exe\" /c dir D:\\in'";
    assert_eq!(rule.matches(line).count(), 2, "{rule}");
    assert!(rule.contains("- Computer: '"), "{rule}");
    assert!(rule.contains("and not 1 of filter_approved_*"), "{rule}");
    let page = soc.read("soc/playbooks/erp.md");
    assert!(page.contains("| W-1 |"), "{page}");
}
