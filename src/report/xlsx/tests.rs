#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Data, Range, Reader, Xlsx};

use super::*;
use crate::report::lines;
use crate::report::sample::{self, HOSTILE_ASSEMBLY, HOSTILE_DATABASE};

fn read(bytes: &[u8]) -> BTreeMap<String, Range<Data>> {
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes.to_vec())).unwrap();
    let names = book.sheet_names();
    let sheets = names.into_iter();
    let sheets = sheets.map(|name| {
        let formulas = book.worksheet_formula(&name).unwrap();
        assert!(formulas.used_cells().next().is_none(), "formulas on {name}");
        let range = book.worksheet_range(&name).unwrap();
        (name, range)
    });
    sheets.collect()
}

fn column<'r>(sheet: &'r Range<Data>, heading: &str) -> Vec<&'r Data> {
    let mut rows = sheet.rows();
    let headings = rows.next().unwrap();
    let at = headings.iter().position(|cell| *cell == heading).unwrap();
    rows.map(|row| &row[at]).collect()
}

#[test]
fn every_verdict_is_a_row_of_typed_cells_and_no_name_a_formula() {
    let assessment = sample::assessment();
    let bytes = xlsx(&Judgement::of(&assessment)).unwrap();
    let sheets = read(&bytes);
    let findings = &sheets["Findings"];
    let due: Vec<_> = lines::all(&assessment).collect();
    assert_eq!(findings.height(), due.len() + 1);
    let told = |heading| {
        column(findings, heading)
            .into_iter()
            .map(ToString::to_string)
    };
    assert!(told("Outcome").eq(due.iter().map(|(_, v)| v.outcome.clone())));
    assert!(told("Severity").eq(due.iter().map(|(_, v)| v.severity.as_str().to_owned())));
    assert!(
        told("Instance").eq(due
            .iter()
            .map(|(own, _)| own.unwrap_or_default().to_owned()))
    );
    assert!(told("Database").any(|name| name == visible(HOSTILE_DATABASE)));
    let subjects: Vec<String> = told("Subject").collect();
    assert!(
        subjects.contains(&HOSTILE_ASSEMBLY.to_owned()),
        "{subjects:?}"
    );
    assert!(
        subjects
            .iter()
            .any(|name| name.contains(&sample::longest_name()))
    );
    let hidden = |text: &String| visible(text) != *text;
    assert!(!subjects.iter().any(hidden));
    assert!(matches!(column(findings, "As of")[0], Data::DateTime(_)));
    assert!(matches!(
        column(findings, "Evidence rows")[0],
        Data::Float(_)
    ));
}

#[test]
fn sheets_hold_what_the_assessment_counts() {
    let assessment = sample::assessment();
    let mut judged = Judgement::of(&assessment);
    judged
        .files
        .insert("assessment.json".to_owned(), "0f".repeat(32));
    let sheets = read(&xlsx(&judged).unwrap());
    let rows = |name: &str| sheets[name].height() - 1;
    let told = assessment
        .instances
        .iter()
        .filter_map(|own| own.telemetry.as_ref());
    assert_eq!(
        rows("Telemetry"),
        told.map(|own| own.events.len()).sum::<usize>()
    );
    let instances = &assessment.instances;
    let sum = |of: fn(&crate::report::Instance) -> usize| instances.iter().map(of).sum::<usize>();
    assert_eq!(rows("Coverage"), instances.len());
    assert_eq!(rows("Missing"), sum(|own| own.coverage.missing.len()));
    assert_eq!(rows("Channels"), sum(|own| own.routes.len()));
    let ways = sum(|own| own.routes.iter().map(|route| route.paths.len()).sum());
    assert!(ways > 0);
    assert_eq!(rows("Principals"), ways + assessment.fleet.paths.len());
    assert_eq!(rows("Waivers"), assessment.waivers.len());
    let controls = assessment.frameworks.iter().map(|of| of.controls.len());
    assert_eq!(rows("Controls"), controls.sum::<usize>());
    let method: Vec<String> = column(&sheets["Method"], "Text")
        .into_iter()
        .map(ToString::to_string)
        .collect();
    assert!(method.contains(&format!("{}  assessment.json", "0f".repeat(32))));
    let ways = column(&sheets["Principals"], "Way");
    assert!(ways.iter().all(|way| way.to_string().starts_with("1. ")));
}

#[test]
fn the_same_judgement_gives_the_same_bytes() {
    let assessment = sample::assessment();
    let bytes = || xlsx(&Judgement::of(&assessment)).unwrap();
    assert!(bytes() == bytes());
}

#[test]
fn rows_over_the_limit_are_counted() {
    let assessment = sample::crowded(5);
    let sheets = read(&workbook(&Judgement::of(&assessment), 3).unwrap());
    let findings = &sheets["Findings"];
    assert_eq!(findings.height(), 1 + 3 + 1);
    let said = findings.get((4, 0)).unwrap().to_string();
    assert_eq!(
        said,
        "2 more rows are left out here: assessment.json has them all"
    );
    let whole = read(&workbook(&Judgement::of(&assessment), 5).unwrap());
    assert_eq!(whole["Findings"].height(), 1 + 5);
}

#[test]
fn a_text_that_no_cell_holds_is_cut_with_a_mark() {
    let fits = "x".repeat(MOST_UNITS);
    assert_eq!(shown(&fits), fits);
    for text in [
        "y".repeat(MOST_UNITS + 1),
        "😀".repeat(MOST_UNITS),
        format!("z{}", "😀".repeat(MOST_UNITS)),
    ] {
        let cut = shown(&text);
        let units = cut.encode_utf16().count();
        assert!((MOST_UNITS - 1..=MOST_UNITS).contains(&units), "{units}");
        let whole = cut.strip_suffix(CUT).unwrap();
        assert!(text.starts_with(whole));
    }
}

#[test]
fn texts_that_xml_or_excel_would_read_otherwise_come_back_as_they_are() {
    let mut assessment = sample::crowded(4);
    let texts = ["_x0041_", "<&>\"' ]]>", "a\u{fffe}\0b", "  space  "];
    for (verdict, text) in assessment.instances[0].verdicts.iter_mut().zip(texts) {
        verdict.subject.name = Some(text.to_owned());
    }
    let sheets = read(&xlsx(&Judgement::of(&assessment)).unwrap());
    let subjects = column(&sheets["Findings"], "Subject");
    let subjects: Vec<String> = subjects.into_iter().map(ToString::to_string).collect();
    assert_eq!(
        subjects[1..],
        ["<&>\"' ]]>", "a\\u{fffe}\\u{0}b", "  space  "]
    );
    assert!(
        ["_x0041_", "_x005F_x0041_"].contains(&subjects[0].as_str()),
        "readers differ: {}",
        subjects[0]
    );
}
