//! The report as a reader has it: opened in Chromium, filtered, sorted, followed to its evidence, printed.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::browser::{Browser, chromium};
use crate::support::cli::{Cli, Ran};

fn demo(format: &str) -> Ran {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/inventory/demo.toml");
    Cli::new(&["audit", demo, "-o", "out", "--format", format])
        .run()
        .code(3)
}

/// Rules with findings at a severity, each counted once however many instances it has them on.
fn rules_at(assessment: &Value, severity: &str) -> usize {
    let instances = assessment["instances"].as_array().unwrap().iter();
    let verdicts = instances.flat_map(|own| own["verdicts"].as_array().unwrap());
    let found = verdicts.filter(|v| v["outcome"] == "fail" && v["severity"] == severity);
    let rules: std::collections::BTreeSet<_> = found.map(|v| v["rule"].as_str().unwrap()).collect();
    rules.len()
}

const SHOWN: &str =
    "[...document.querySelectorAll('#listing tbody tr')].filter(row => !row.hidden)";

#[test]
fn browser_filters_sorts_and_follows_a_finding_to_its_evidence() {
    let Some(program) = chromium() else { return };
    let ran = demo("html");
    let assessment = ran.assessment();
    let mut page = Browser::open(&program, &ran.path("out/reports/report.html"));

    let all: usize = ["critical", "high", "medium", "low", "info"]
        .iter()
        .map(|severity| rules_at(&assessment, severity))
        .sum();
    assert_eq!(page.eval(&format!("{SHOWN}.length")), all);

    page.eval("let s = document.getElementById('filter-severity'); s.value = 'critical'; s.dispatchEvent(new Event('change'))");
    assert_eq!(
        page.eval(&format!("{SHOWN}.length")),
        rules_at(&assessment, "critical")
    );
    assert_eq!(
        page.eval(&format!(
            "{SHOWN}.every(row => row.dataset.severity == 'critical')"
        )),
        true
    );

    page.eval("s.value = 'info'; s.dispatchEvent(new Event('change'))");
    page.eval("let t = document.getElementById('filter-text'); t.value = 'XP_CMDSHELL IS RUNNING'; t.dispatchEvent(new Event('input'))");
    assert_eq!(page.eval(&format!("{SHOWN}.length")), 1);
    let said = page.eval("document.getElementById('filter-count').textContent");
    assert!(said.as_str().unwrap().ends_with(" shown"), "{said}");

    // From the list to the finding, and on to its row.
    page.eval(&format!("{SHOWN}[0].querySelector('a').click()"));
    page.settle();
    let target = "document.querySelector(':target')";
    assert_eq!(page.eval(&format!("{target}.dataset.severity")), "high");
    let on_screen = "(e => { let r = e.getBoundingClientRect(); return r.height > 0 && r.top < innerHeight && r.bottom > 0 })";
    assert_eq!(page.eval(&format!("{on_screen}({target})")), true);
    page.eval(&format!(
        "{target}.querySelector('details.evidence > summary').click()"
    ));
    page.settle();
    let evidence = format!("{target}.querySelector('details.evidence')");
    assert_eq!(page.eval(&format!("{evidence}.open")), true);
    let text = page.eval(&format!("{evidence}.textContent"));
    let text = text.as_str().unwrap();
    for said in [
        "configurations",
        "\"value_in_use\": 1",
        "text SHA-256",
        "Query sent 2026-",
    ] {
        assert!(text.contains(said), "{said} in {text}");
    }

    page.eval("t.value = ''; t.dispatchEvent(new Event('input'))");
    let counts = format!("{SHOWN}.map(row => parseInt(row.cells[2].textContent))");
    for order in ["ascending", "descending"] {
        page.eval("document.querySelectorAll('#listing .sort')[2].click()");
        assert_eq!(
            page.eval("document.querySelectorAll('#listing th')[2].getAttribute('aria-sort')"),
            order
        );
        let found = page.eval(&counts);
        let mut found: Vec<i64> = serde_json::from_value(found).unwrap();
        if order == "descending" {
            found.reverse();
        }
        assert!(
            found.is_sorted() && found.len() == all,
            "{order}: {found:?}"
        );
    }
    nothing_but_the_page(&page);
}

/// A link into what is folded opens it.
#[test]
fn browser_unfolds_what_a_link_leads_to() {
    let Some(program) = chromium() else { return };
    let ran = demo("html");
    let mut page = Browser::open(&program, &ran.path("out/reports/report.html"));
    page.eval("document.querySelector('a[href=\"#framework-1\"]').click()");
    page.settle();
    assert_eq!(
        page.eval("document.querySelector(':target').closest('details').open"),
        true
    );
    nothing_but_the_page(&page);
}

#[test]
fn browser_runs_nothing_that_came_from_a_server() {
    let Some(program) = chromium() else { return };
    let ran = demo("html");
    let html = ran.read("out/reports/report.html");
    assert!(
        html.contains("&lt;"),
        "the demo has names that would be markup"
    );
    let mut page = Browser::open(&program, &ran.path("out/reports/report.html"));
    assert_eq!(page.eval("document.scripts.length"), 1);
    let obeyed = "[...document.querySelectorAll('*')].filter(e => \
                  ['IMG','IFRAME','OBJECT','EMBED','LINK','BASE','FORM'].includes(e.tagName) \
                  || e.getAttributeNames().some(n => n.startsWith('on'))).length";
    assert_eq!(page.eval(obeyed), 0);
    // Script that gets in by another way is refused by the page's own policy.
    page.eval("let i = document.createElement('script'); i.textContent = 'window.ran = 1'; document.body.append(i)");
    page.settle();
    assert_eq!(page.eval("typeof window.ran"), "undefined");
    assert_eq!(page.complaints.len(), 1, "{:?}", page.complaints);
    assert!(
        page.complaints[0].contains("Content Security Policy"),
        "{:?}",
        page.complaints
    );
}

fn nothing_but_the_page(page: &Browser) {
    assert!(page.complaints.is_empty(), "{:?}", page.complaints);
    let asked: std::collections::BTreeSet<_> = page
        .requests
        .iter()
        .map(|address| address.split('#').next().unwrap())
        .collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(
        asked.iter().all(|address| address.starts_with("file://")),
        "{asked:?}"
    );
}

/// As README has it.
#[test]
fn browser_prints_the_report_whole() {
    let Some(program) = chromium() else { return };
    let ran = demo("html");
    let (page, pdf) = (ran.path("out/reports/report.html"), ran.path("report.pdf"));
    let printed = Command::new(&program)
        .args(["--headless", "--no-sandbox", "--no-pdf-header-footer"])
        .arg(format!("--user-data-dir={}", ran.path("profile").display()))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let Some(about) = poppler("pdfinfo", &[pdf.as_path()]) else {
        return;
    };
    let field = |name: &str| {
        let mut lines = about.lines();
        let line = lines.find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_start_matches(':').trim().to_owned())
            .unwrap()
    };
    assert_eq!(field("Title"), "SQL Server posture as of 2026-11-17");
    assert_eq!(field("Tagged"), "yes");
    let pages: usize = field("Pages").parse().unwrap();
    assert!((20..200).contains(&pages), "{pages} pages");
    let text = poppler("pdftotext", &[pdf.as_path(), Path::new("-")]).unwrap();
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let assessment = ran.assessment();
    for instance in assessment["instances"].as_array().unwrap() {
        let id = instance["id"].as_str().unwrap();
        assert!(text.contains(id), "{id}");
    }
    // What is folded on a screen is there on paper; what only a screen needs is not.
    for said in [
        "is_trustworthy_on",
        "Sign-off",
        "Where the exposure comes from",
        "Module text SHA-256",
    ] {
        assert!(text.contains(said), "{said}");
    }
    assert!(!text.contains("Open all evidence"));
}

/// Reads the PDF by tools of another house.
#[allow(clippy::print_stdout)] // said to whoever runs the tests
fn poppler(tool: &str, args: &[&Path]) -> Option<String> {
    match Command::new(tool).args(args).output() {
        Ok(done) => {
            assert!(done.status.success(), "{tool}: {done:?}");
            Some(String::from_utf8_lossy(&done.stdout).into_owned())
        }
        Err(error) => {
            assert!(std::env::var_os("BROWSER").is_none(), "{tool}: {error}");
            println!("skipped: {tool} is not installed here");
            None
        }
    }
}
