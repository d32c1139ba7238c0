//! The workbook of the demo, read back.

use calamine::{Reader, Xlsx};

use super::{count, demo, follow};

#[test]
fn the_workbook_has_every_verdict() {
    let (ran, due) = demo("xlsx");
    let mut book: Xlsx<_> = calamine::open_workbook(ran.path("out/reports/report.xlsx")).unwrap();
    let findings = book.worksheet_range("Findings").unwrap();
    let mut rows = findings.rows();
    let headings = rows.next().unwrap();
    let outcome = headings.iter().position(|cell| *cell == "Outcome").unwrap();
    let subject = headings.iter().position(|cell| *cell == "Subject").unwrap();
    assert_eq!(count(rows.clone().map(|row| row[outcome].to_string())), due);
    let mut subjects = rows.map(|row| row[subject].to_string());
    assert!(subjects.any(|name| name == "dbo.=cmd|'/C calc'!A0"));
    let formulas = book.worksheet_formula("Findings").unwrap();
    assert_eq!(formulas.used_cells().count(), 0);
    follow(&ran, &["reports/report.xlsx"]);
}
