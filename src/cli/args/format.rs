//! Report formats.

use clap::ValueEnum;

/// Report formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A summary on standard output.
    Table,
    /// assessment.json (always written).
    Json,
    /// reports/report.html, and reports/instances/ where one page would be too much.
    Html,
    /// reports/report.md.
    Md,
    /// reports/verdicts.csv: every verdict as a row.
    Csv,
    /// reports/junit.xml: every verdict as a test of a pipeline.
    Junit,
    /// reports/results.sarif: every verdict as a result of SARIF 2.1.0.
    Sarif,
    /// reports/ocsf.jsonl: every verdict as OCSF's Compliance Finding, 1.5.0.
    Ocsf,
    /// reports/metrics.prom: counts for Prometheus' textfile collector.
    Prom,
    /// reports/summary.md: a first page under 1 MiB, for the summary of a pipeline's step.
    Summary,
    /// reports/verdicts.jsonl: every verdict as a line (`schema verdict`).
    Jsonl,
    /// reports/report.xlsx: a workbook with everything on sheets.
    Xlsx,
    /// reports/stig/: a STIG checklist (CKLB) for each instance of SQL Server 2022 and each of its databases.
    Cklb,
    /// reports/oscal-assessment-results.json: OSCAL, every verdict an observation.
    Oscal,
    /// reports/opengraph.json: the ways to a command for BloodHound, in MSSQLHound's kinds.
    Opengraph,
}
