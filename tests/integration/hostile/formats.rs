//! The same in every format that audits write: nothing in it is obeyed, hidden or taken for another thing by what reads
//! that format, and it is there.

use std::collections::BTreeSet;

use calamine::{Reader, Xlsx};
use serde_json::Value;

use super::assert_harmless;
use crate::support::cli::{self, Cli, Ran};
use crate::support::markup::{self, Language};

/// A target's name that leaves its folder, is a device, ends an element, begins a formula and reads backwards.
const TARGET: &str = "../..\\CON:\u{202e}=<script>alert(1)</script>\"'`|*_[x](http://evil.example)";

fn recorded(part: &str) -> String {
    let path = format!("inventory/recordings/portal-2022.{part}");
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The demo's breached recording, whose logins, modules, assemblies and databases have such names, of a server that
/// calls itself so too, under that target's name; a recording that is not there; and a waiver that says such things.
fn audited() -> Ran {
    let mut snapshot: Value = serde_json::from_str(&recorded("snapshot.json")).unwrap();
    let identity = &mut snapshot["server"]["server_identity"]["value"];
    for field in ["server_name", "machine_name", "physical_name", "edition"] {
        assert!(identity[field].is_string(), "{field}");
        identity[field] = "\u{1b}]0;x\u{7}\u{202e}=1<script>alert(2)</script>\r\n\u{0}".into();
    }
    snapshot["connection"]["endpoint"] = "=host\u{1b}[2J<script>alert(3)</script>,1433".into();
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let estate = format!(
        "schema = \"mssql-posture/inventory/v1\"\nas_of = \"2026-01-01\"\nwaivers = \"waivers.toml\"\n\
         [[target]]\nname = {name}\nsnapshot = \"a.snapshot.json\"\n\
         [[target]]\nname = \"gone\"\nsnapshot = {gone}\n",
        name = quoted(TARGET),
        gone = quoted("\u{202e}<script>alert(4)</script>.snapshot.json"),
    );
    let waivers = format!(
        "schema = \"mssql-posture/waivers/v1\"\n\
         [[waiver]]\nid = \"W-1\"\nrule = \"SURF-001\"\ntargets = [{name}]\nowner = {said}\napprover = {other}\n\
         reason = {said}\nticket = {said}\ncreated = \"2025-12-01\"\nexpires = \"2026-02-01\"\n",
        name = quoted(TARGET),
        other = quoted("@\u{202e}<b>nobody</b>"),
        said = quoted("=1+\u{202e}<script>alert(5)</script>\u{200b}"),
    );
    let formats = cli::formats().join(",");
    Cli::new(&["audit", "estate.toml", "-o", "out", "--format", &formats])
        .args(&["--allow-partial", "--fail-on", "never"])
        .file("estate.toml", estate)
        .file("waivers.toml", waivers)
        .file("a.snapshot.json", snapshot.to_string())
        .file("a.modules.jsonl", recorded("modules.jsonl"))
        .run()
        .code(0)
}

/// Fails unless a file is harmless to what reads it.
type Check = fn(&[u8], &str);

/// The formats, where their files stand, and what would be obeyed in them.
const FORMS: &[(&str, &str, Check)] = &[
    ("table", "stdout", plain),
    ("json", "assessment.json", json),
    ("jsonl", "reports/verdicts.jsonl", json_lines),
    ("csv", "reports/verdicts.csv", csv),
    ("xlsx", "reports/report.xlsx", workbook),
    ("html", "reports/report.html", html),
    ("md", "reports/report.md", markdown),
    ("summary", "reports/summary.md", markdown),
    ("sarif", "reports/results.sarif", json),
    ("oscal", "reports/oscal-assessment-results.json", json),
    ("ocsf", "reports/ocsf.jsonl", json_lines),
    ("cklb", "reports/stig/", json),
    ("junit", "reports/junit.xml", xml),
    ("opengraph", "reports/opengraph.json", json),
    ("prom", "reports/metrics.prom", metrics),
];

fn text<'t>(bytes: &'t [u8], path: &str) -> &'t str {
    let text = std::str::from_utf8(bytes).unwrap();
    assert_harmless(text, path);
    assert!(text.contains("alert(1)"), "{path} does not hold the name");
    text
}

fn plain(bytes: &[u8], path: &str) {
    text(bytes, path);
}

fn json(bytes: &[u8], path: &str) {
    let _: Value = serde_json::from_str(text(bytes, path)).unwrap();
}

fn json_lines(bytes: &[u8], path: &str) {
    for line in text(bytes, path).lines() {
        let _: Value = serde_json::from_str(line).unwrap();
    }
}

fn begins_formula(field: &str) -> bool {
    let mut parts = field.split(';').map(str::trim_start);
    parts.any(|part| {
        part.trim_start_matches('"')
            .starts_with(['=', '+', '-', '@', '|', '%'])
    })
}

/// Lines end as RFC 4180 has it, and nowhere else.
fn csv(bytes: &[u8], path: &str) {
    let lines = String::from_utf8(bytes.to_vec())
        .unwrap()
        .replace("\r\n", "\n");
    let lines = text(lines.as_bytes(), path);
    let mut rows = csv::Reader::from_reader(bytes);
    let columns = rows.headers().unwrap().len();
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len() + 1, lines.lines().count());
    for row in &rows {
        assert_eq!(row.len(), columns);
        for field in row {
            assert!(!begins_formula(field), "{field}");
        }
    }
}

fn workbook(bytes: &[u8], path: &str) {
    let mut book: Xlsx<_> = Reader::new(std::io::Cursor::new(bytes)).unwrap();
    let mut is_named = false;
    for (name, range) in book.worksheets() {
        let formulas = book.worksheet_formula(&name).unwrap();
        assert_eq!(formulas.used_cells().count(), 0, "{name}");
        for (_, _, cell) in range.used_cells() {
            let text = cell.to_string();
            assert_harmless(&text, path);
            is_named |= text.contains("alert(1)");
        }
    }
    assert!(is_named, "{path} does not hold the name");
}

/// Names are text: the elements are those of the template, whatever the names are.
fn html(bytes: &[u8], path: &str) {
    let root = markup::read(text(bytes, path), Language::Html).unwrap();
    assert_eq!(root.named("script").len(), 1);
    for element in root.all() {
        assert!(!["img", "iframe", "form"].contains(&element.name.as_str()));
        assert!(element.attribute("onerror").is_none());
        let link = element.attribute("href").unwrap_or("#");
        assert!(link.starts_with('#'), "{link}");
    }
}

fn xml(bytes: &[u8], path: &str) {
    let root = markup::read(text(bytes, path), Language::Xml).unwrap();
    assert!(root.named("script").is_empty());
}

/// Markdown takes an element or a link as it stands, but not in code.
fn markdown(bytes: &[u8], path: &str) {
    for line in markup::prose(text(bytes, path)).unwrap() {
        let mut parts = line.split('<').skip(1);
        let is_tag =
            |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        assert!(!parts.any(is_tag), "{line}");
        let unescaped = line.replace("\\\\", "").replace("\\]", "");
        assert!(!unescaped.contains("](http"), "{line}");
    }
}

/// A name, labels in quotes that none of them ends, and a number.
fn metrics(bytes: &[u8], path: &str) {
    for line in text(bytes, path)
        .lines()
        .filter(|line| !line.starts_with("# "))
    {
        let (series, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap();
        let Some((_, labels)) = series.split_once('{') else {
            continue;
        };
        let labels = labels
            .strip_suffix("\"}")
            .unwrap()
            .replace("\\\\", "")
            .replace("\\\"", "");
        for label in labels.split("\",") {
            let (name, value) = label.split_once("=\"").unwrap();
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{line}"
            );
            assert!(!value.contains(['"', '\\']), "{line}");
        }
    }
}

#[test]
fn every_format_shows_hostile_names_harmless() {
    let ran = audited();
    let known: BTreeSet<String> = FORMS
        .iter()
        .map(|(format, ..)| (*format).to_owned())
        .collect();
    let formats: BTreeSet<String> = cli::formats().into_iter().collect();
    assert_eq!(known, formats, "a format that is not looked at");
    assert_harmless(&ran.stderr, "the notes");
    let mut files = ran.files("out");
    files.retain(|path| path.starts_with("reports/") || path == "assessment.json");
    files.push("stdout".to_owned());
    for (format, place, check) in FORMS {
        let own =
            |path: &String| path == place || (place.ends_with('/') && path.starts_with(place));
        let of_format: Vec<&String> = files.iter().filter(|path| own(path)).collect();
        assert!(!of_format.is_empty(), "{format} has no file");
        for path in of_format {
            let bytes = match path.as_str() {
                "stdout" => ran.stdout.clone().into_bytes(),
                path => std::fs::read(ran.path("out").join(path)).unwrap(),
            };
            check(&bytes, path);
        }
        files.retain(|path| !own(path));
    }
    assert_eq!(files, Vec::<String>::new(), "files that were not looked at");
    for path in ran.files("out") {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-~/".contains(c);
        assert!(path.chars().all(plain), "{path}");
        for part in path.split('/') {
            assert!(part.len() <= 200 && !part.starts_with('.'), "{path}");
            let stem = part.split('.').next().unwrap();
            assert!(!["CON", "con"].contains(&stem), "{path}");
        }
    }
    let outside: Vec<String> = ran
        .files("")
        .into_iter()
        .filter(|path| !path.starts_with("out/"))
        .collect();
    assert_eq!(
        outside,
        [
            "a.modules.jsonl",
            "a.snapshot.json",
            "estate.toml",
            "waivers.toml"
        ]
    );
}

const PAGE: &str = "<!doctype html><html>@<script></script></html>";
const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>@";

/// Of each kind of file: what is around, something harmless in it, and things that are not.
const OBEYED: &[(Check, &str, &str, &[&str])] = &[
    (
        plain,
        "@",
        "alert(1)",
        &["x", "alert(1)\u{1b}[2J", "\u{202e}alert(1)"],
    ),
    (
        json,
        "@",
        "[\"alert(1)\"]",
        &["[\"alert(1)\"", "[\"alert(1)\u{1b}\"]"],
    ),
    (json_lines, "@", "\"alert(1)\"\n1\n", &["\"alert(1)\"\n{\n"]),
    (
        csv,
        "@",
        "a,b\r\nalert(1),c",
        &[
            "a,b\r\nalert(1),c,d",
            "a,b\r\nalert(1),=",
            "a,b\r\nalert(1),x;=",
            "a,b\r\nalert(1),\"c\nd\"",
        ],
    ),
    (
        html,
        PAGE,
        "<p>alert(1)<a href=\"#x\">x</a></p>",
        &[
            "<p>alert(1)<img></p>",
            "<p>alert(1)<script></script></p>",
            "<p>alert(1)<a href=\"http://x\">x</a></p>",
            "<p>alert(1)</b></p>",
        ],
    ),
    (
        xml,
        XML,
        "<a>alert(1)</a>",
        &["<a>alert(1)<script/></a>", "<a>alert(1)&</a>"],
    ),
    (
        markdown,
        "@",
        "alert(1) \\[x\\](http://x)\n```\n<b>\n```\n",
        &[
            "alert(1) <b>",
            "alert(1) [x](http://evil.example)",
            "alert(1) [x\\\\](http://evil.example)",
            "alert(1)\n```\n",
        ],
    ),
    (
        metrics,
        "@",
        "a{b=\"alert(1)\\\"d\"} 1",
        &[
            "a{b=\"alert(1)\"d\"} 1",
            "a{b=\"alert(1)\"} x",
            "a{b=\"alert(1)\"} 1\nc d e",
        ],
    ),
];

/// Otherwise the test above could not fail.
#[test]
fn what_is_obeyed_is_noticed_in_every_kind_of_file() {
    for (check, around, good, bad) in OBEYED {
        let fails = |body: &str| {
            let text = around.replace('@', body);
            std::panic::catch_unwind(|| check(text.as_bytes(), "x")).is_err()
        };
        assert!(!fails(good), "{good:?}");
        for body in *bad {
            assert!(fails(body), "{body:?}");
        }
    }
}
