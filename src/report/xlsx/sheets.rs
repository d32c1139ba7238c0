//! The sheets, each a table of the assessment.

use rust_xlsxwriter::XlsxError;

use super::{Cell, Writer};
use crate::compliance::{ControlStatus, FrameworkStatus};
use crate::graph::{Channel, Path, Route};
use crate::ids::{Criticality, DatabaseName, InstanceId};
use crate::report::assessment::{Assessment, Instance, MissingFact, VerdictEntry};
use crate::report::lines::{all, missing};
use crate::report::paths::{chain_place, chain_sentence};
use crate::report::redact::PSEUDONYMS;
use crate::report::{Judgement, view};
use crate::rules::WaiverEntry;
use crate::score;

/// All sheets, in their order.
pub fn write(to: &mut Writer<'_>, judged: &Judgement<'_>) -> Result<(), XlsxError> {
    let assessment = judged.assessment;
    summary(to, assessment)?;
    findings(to, assessment)?;
    controls(to, assessment)?;
    channels(to, assessment)?;
    principals(to, assessment)?;
    telemetry(to, assessment)?;
    coverage(to, assessment)?;
    missing_facts(to, assessment)?;
    waivers(to, assessment)?;
    method(to, judged)
}

fn summary(to: &mut Writer<'_>, assessment: &Assessment) -> Result<(), XlsxError> {
    let fleet = &assessment.fleet;
    let (verdicts, findings) = (&fleet.verdicts, &fleet.findings);
    let not_selected = assessment.not_selected.len();
    let rows = [
        ("As of", Cell::Moment(assessment.as_of.clone())),
        ("Judged by", Cell::text(&assessment.judged_by)),
        ("Targets", Cell::number(fleet.targets)),
        ("Targets not selected", Cell::number(not_selected)),
        ("Instances", Cell::number(fleet.instances)),
        ("Instances read whole", Cell::number(fleet.complete)),
        (
            "Instances not reached or not finished",
            Cell::number(fleet.unreached),
        ),
        ("Verdicts: fail", Cell::number(verdicts.fail)),
        ("Verdicts: unknown", Cell::number(verdicts.unknown)),
        ("Verdicts: accepted", Cell::number(verdicts.accepted)),
        ("Verdicts: pass", Cell::number(verdicts.pass)),
        (
            "Verdicts: not_applicable",
            Cell::number(verdicts.not_applicable),
        ),
        ("Findings: critical", Cell::number(findings.critical)),
        ("Findings: high", Cell::number(findings.high)),
        ("Findings: medium", Cell::number(findings.medium)),
        ("Findings: low", Cell::number(findings.low)),
        ("Findings: info", Cell::number(findings.info)),
        ("Largest exposure, low", Cell::number(fleet.exposure[0])),
        ("Largest exposure, high", Cell::number(fleet.exposure[1])),
    ];
    let note = assessment
        .redacted
        .then(|| ("Note", Cell::text(PSEUDONYMS)));
    let rows = note.into_iter().chain(rows);
    let columns = [("What", 40.0), ("Value", 24.0)];
    to.sheet("Summary", columns, rows, |(what, value)| {
        [Cell::text(what), value]
    })
}

fn findings(to: &mut Writer<'_>, assessment: &Assessment) -> Result<(), XlsxError> {
    let columns = [
        ("As of", 11.0),
        ("Instance", 18.0),
        ("Rule", 11.0),
        ("Rule slug", 28.0),
        ("Title", 40.0),
        ("Outcome", 14.0),
        ("Severity", 10.0),
        ("Subject kind", 14.0),
        ("Database", 18.0),
        ("Subject", 28.0),
        ("Message", 80.0),
        ("Missing", 40.0),
        ("Subjects", 9.0),
        ("Passed", 9.0),
        ("Not applicable", 14.0),
        ("Evidence rows", 14.0),
        ("Waiver", 16.0),
        ("Controls", 60.0),
    ];
    let row = |(instance, verdict): (Option<&str>, &VerdictEntry)| {
        let subject = &verdict.subject;
        let counted = |of: Option<u32>| of.map_or(Cell::Empty, Cell::number);
        let population = verdict.population;
        [
            Cell::Moment(assessment.as_of.clone()),
            Cell::maybe(instance),
            Cell::text(&verdict.rule),
            Cell::text(&verdict.rule_slug),
            Cell::text(&verdict.title),
            Cell::text(&verdict.outcome),
            Cell::text(verdict.severity.as_str()),
            Cell::text(&subject.kind),
            database(subject.database.as_ref()),
            Cell::maybe(subject.name.as_deref()),
            Cell::text(&verdict.message),
            Cell::text(missing(verdict)),
            counted(population.map(|of| of.subjects)),
            counted(population.map(|of| of.passed)),
            counted(population.map(|of| of.not_applicable)),
            Cell::number(verdict.evidence.len()),
            Cell::maybe(verdict.waiver.as_deref()),
            Cell::text(verdict.controls.join(" ")),
        ]
    };
    to.sheet("Findings", columns, all(assessment), row)
}

fn database(name: Option<&DatabaseName>) -> Cell {
    Cell::maybe(name.map(DatabaseName::as_str))
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> Cell {
    Cell::text(names.collect::<Vec<_>>().join(", "))
}

fn controls(to: &mut Writer<'_>, assessment: &Assessment) -> Result<(), XlsxError> {
    let columns = [
        ("Framework", 24.0),
        ("Version", 12.0),
        ("Control", 16.0),
        ("Title", 60.0),
        ("Status", 14.0),
        ("Severity", 10.0),
        ("Assessed by", 12.0),
        ("Instances", 10.0),
        ("Tested", 9.0),
        ("Failed", 9.0),
        ("Accepted", 9.0),
        ("Unknown", 9.0),
        ("Not applicable", 14.0),
        ("Failing", 40.0),
        ("Rules", 40.0),
        ("References", 40.0),
        ("To be looked at", 60.0),
        ("Attestations", 60.0),
    ];
    let frameworks = assessment.frameworks.iter();
    let all = frameworks.flat_map(|of| of.controls.iter().map(move |control| (of, control)));
    to.sheet("Controls", columns, all, control)
}

fn control((framework, control): (&FrameworkStatus, &ControlStatus)) -> [Cell; 18] {
    let attestations = control.attestations.iter().map(|one| {
        let expired = if one.is_expired { ", expired" } else { "" };
        let place = if one.targets.is_empty() {
            String::new()
        } else {
            format!(" for {}", one.targets.join(", "))
        };
        format!(
            "{}{place} by {} on {}, until {}{expired}",
            one.answer, one.by, one.on, one.expires
        )
    });
    [
        Cell::text(&framework.id),
        Cell::text(&framework.version),
        Cell::text(&control.id),
        Cell::text(&control.title),
        Cell::text(control.status.as_str()),
        Cell::maybe(control.severity.as_deref()),
        Cell::text(control.assessed.as_str()),
        Cell::number(control.population),
        Cell::number(control.tested),
        Cell::number(control.failed),
        Cell::number(control.accepted),
        Cell::number(control.unknown),
        Cell::number(control.not_applicable),
        joined(control.failing.iter().map(InstanceId::as_str)),
        joined(control.verdicts.iter().map(String::as_str)),
        joined(control.references.iter().map(String::as_str)),
        Cell::maybe(control.look_at.as_deref()),
        Cell::text(attestations.collect::<Vec<_>>().join("; ")),
    ]
}

fn routes(assessment: &Assessment) -> impl Iterator<Item = (&Instance, &Route)> {
    let instances = assessment.instances.iter();
    instances.flat_map(|own| own.routes.iter().map(move |route| (own, route)))
}

fn channels(to: &mut Writer<'_>, assessment: &Assessment) -> Result<(), XlsxError> {
    let columns = [
        ("Instance", 18.0),
        ("Channel", 28.0),
        ("State", 10.0),
        ("Why", 60.0),
        ("Runs as", 28.0),
        ("Power", 14.0),
        ("Administrators", 14.0),
        ("Open to others", 14.0),
        ("Armable by others", 17.0),
        ("Waiting for others", 17.0),
        ("Everyone", 10.0),
        ("Groups of unknown size", 40.0),
        ("Ways on sheet Principals", 24.0),
    ];
    to.sheet(
        "Channels",
        columns,
        routes(assessment),
        |(instance, route)| {
            let by = &route.reached_by;
            [
                Cell::text(instance.id.as_str()),
                Cell::text(route.channel.title()),
                Cell::text(route.state.as_str()),
                Cell::text(&route.why),
                Cell::maybe(route.runs_as.account.as_deref()),
                Cell::text(&route.runs_as.power),
                Cell::number(by.administrators),
                Cell::number(by.open),
                Cell::number(by.armable),
                Cell::number(by.waiting),
                Cell::Flag(by.everyone),
                joined(by.groups_of_unknown_size.iter().map(String::as_str)),
                Cell::number(route.paths.len()),
            ]
        },
    )
}

/// The shortest way of each principal that is kept, then the chains over several instances.
fn principals(to: &mut Writer<'_>, assessment: &Assessment) -> Result<(), XlsxError> {
    let columns = [
        ("Instance", 18.0),
        ("Channel", 28.0),
        ("Principal", 32.0),
        ("Principal kind", 16.0),
        ("State", 10.0),
        ("Steps", 8.0),
        ("Way", 120.0),
    ];
    let ways = routes(assessment).flat_map(|(own, route)| {
        let ways = route.paths.iter();
        ways.map(move |way| (Some(&own.id), route.channel.title().to_owned(), way))
    });
    let chains = assessment.fleet.paths.iter().map(|way| {
        let end = way.steps.last().map(|step| chain_place(&step.to));
        let start = way.principal.instance.as_ref();
        (
            start,
            format!(
                "{}: {}",
                Channel::LinkedHop.title(),
                end.unwrap_or_default()
            ),
            way,
        )
    });
    to.sheet(
        "Principals",
        columns,
        ways.chain(chains),
        |(instance, channel, way)| {
            [
                Cell::maybe(instance.map(InstanceId::as_str)),
                Cell::text(channel),
                Cell::text(way.principal.shown()),
                Cell::text(&way.principal.kind),
                Cell::text(way.state.as_str()),
                Cell::number(way.steps.len() + way.arming.len()),
                Cell::text(steps(way)),
            ]
        },
    )
}

/// Those that switch the channel on come first.
fn steps(way: &Path) -> String {
    let steps = way.arming.iter().chain(&way.steps).zip(1..);
    let told = steps.map(|(step, number)| {
        let waits = if step.waits {
            " (waits for somebody)"
        } else {
            ""
        };
        format!("{number}. {}{waits}", chain_sentence(step))
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Whether each event would be noticed.
fn telemetry(to: &mut Writer<'_>, assessment: &Assessment) -> Result<(), XlsxError> {
    let columns = [
        ("Instance", 18.0),
        ("Event", 26.0),
        ("What happens", 48.0),
        ("Recorded", 26.0),
        ("Why", 100.0),
        ("Databases covered", 40.0),
        ("Databases in part", 40.0),
        ("Databases not covered", 40.0),
        ("Databases not seen", 40.0),
        ("A record holds", 60.0),
        ("What would settle it", 60.0),
        ("Source", 60.0),
    ];
    let instances = assessment.instances.iter();
    let all = instances.flat_map(|own| {
        let events = own.telemetry.iter().flat_map(|telemetry| &telemetry.events);
        events.map(move |event| (own, event))
    });
    to.sheet("Telemetry", columns, all, |(own, event)| {
        let names = |all: &[DatabaseName]| joined(all.iter().map(DatabaseName::as_str));
        let needs = event.missing.iter().flat_map(|missing| &missing.needs);
        [
            Cell::text(own.id.as_str()),
            Cell::text(&event.event),
            Cell::text(&event.title),
            Cell::text(view::event_word(event.outcome).0),
            Cell::text(event.because.join("; ")),
            names(&event.databases_covered),
            names(&event.databases_in_part),
            names(&event.databases_not_covered),
            names(&event.databases_not_seen),
            Cell::maybe(event.holds.as_deref()),
            joined(needs.map(String::as_str)),
            Cell::text(&event.source),
        ]
    })
}

fn coverage(to: &mut Writer<'_>, assessment: &Assessment) -> Result<(), XlsxError> {
    let columns = [
        ("Instance", 18.0),
        ("Target", 28.0),
        ("Server name", 24.0),
        ("Node", 20.0),
        ("Same as", 18.0),
        ("Synthetic", 28.0),
        ("Version", 14.0),
        ("Edition", 32.0),
        ("Platform", 10.0),
        ("Collected from (UTC)", 20.0),
        ("Collected to (UTC)", 20.0),
        ("Criticality", 11.0),
        ("Exposure, low", 13.0),
        ("Exposure, high", 13.0),
        ("Command execution", 18.0),
        ("Finished", 10.0),
        ("What ended it early", 60.0),
        ("Login", 20.0),
        ("Databases", 10.0),
        ("Databases read", 15.0),
        ("Databases left out", 40.0),
        ("Facts missing", 13.0),
        ("Modules with unread dynamic SQL", 30.0),
    ];
    to.sheet("Coverage", columns, assessment.instances.iter(), covered)
}

fn covered(instance: &Instance) -> [Cell; 23] {
    let reported = instance.reported.as_ref();
    let coverage = &instance.coverage;
    let trouble = coverage.trouble.as_ref();
    let trouble = trouble.map(|trouble| format!("{trouble}; {}", trouble.remedy));
    let [from, end] = &instance.collected;
    let answer = serde_json::to_value(instance.command_execution.word).ok();
    [
        Cell::text(instance.id.as_str()),
        Cell::text(&instance.target),
        Cell::maybe(reported.and_then(|own| own.server_name.as_deref())),
        Cell::maybe(reported.and_then(|own| own.physical_name.as_deref())),
        Cell::maybe(instance.same_as.as_ref().map(InstanceId::as_str)),
        Cell::maybe(instance.synthetic.as_deref()),
        Cell::maybe(instance.product_version.as_deref()),
        Cell::maybe(instance.edition.as_deref()),
        Cell::maybe(instance.platform.as_deref()),
        Cell::Moment(from.clone()),
        Cell::Moment(end.clone()),
        Cell::maybe(instance.criticality.map(Criticality::as_str)),
        Cell::number(instance.exposure.low),
        Cell::number(instance.exposure.high),
        Cell::maybe(answer.as_ref().and_then(serde_json::Value::as_str)),
        Cell::Flag(coverage.finished),
        Cell::maybe(trouble),
        Cell::maybe(coverage.login.as_deref()),
        Cell::number(coverage.databases),
        Cell::number(coverage.databases_read),
        joined(coverage.databases_excluded.iter().map(DatabaseName::as_str)),
        Cell::number(coverage.missing.len()),
        Cell::number(coverage.modules_with_unread_dynamic_sql),
    ]
}

fn missing_facts(to: &mut Writer<'_>, assessment: &Assessment) -> Result<(), XlsxError> {
    let columns = [
        ("Instance", 18.0),
        ("Database", 18.0),
        ("Fact", 32.0),
        ("State", 14.0),
        ("What would settle it", 80.0),
    ];
    let instances = assessment.instances.iter();
    let all = instances.flat_map(|own| own.coverage.missing.iter().map(move |one| (own, one)));
    to.sheet(
        "Missing",
        columns,
        all,
        |(own, one): (&Instance, &MissingFact)| {
            [
                Cell::text(own.id.as_str()),
                database(one.database.as_ref()),
                Cell::text(&one.fact),
                Cell::text(&one.state),
                Cell::text(one.needs.join("; ")),
            ]
        },
    )
}

fn waivers(to: &mut Writer<'_>, assessment: &Assessment) -> Result<(), XlsxError> {
    let columns = [
        ("Waiver", 16.0),
        ("Rule", 11.0),
        ("State", 12.0),
        ("Targets", 28.0),
        ("Database", 18.0),
        ("Subject", 28.0),
        ("Hash", 28.0),
        ("Owner", 20.0),
        ("Approver", 20.0),
        ("Reason", 60.0),
        ("Ticket", 16.0),
        ("Created", 11.0),
        ("Expires", 11.0),
        ("Days left", 10.0),
        ("Findings accepted", 17.0),
    ];
    to.sheet(
        "Waivers",
        columns,
        assessment.waivers.iter(),
        |waiver: &WaiverEntry| {
            let targets = waiver.targets.iter().flatten();
            // Days fit into 53 bits.
            #[allow(clippy::cast_precision_loss)]
            let days_left = Cell::Number(waiver.days_left as f64);
            [
                Cell::text(&waiver.id),
                Cell::text(&waiver.rule),
                Cell::text(waiver.state.words()),
                joined(targets.map(InstanceId::as_str)),
                Cell::maybe(waiver.database.as_deref()),
                Cell::maybe(waiver.subject.as_deref()),
                Cell::maybe(waiver.hash.as_deref()),
                Cell::text(&waiver.owner),
                Cell::text(&waiver.approver),
                Cell::text(&waiver.reason),
                Cell::text(&waiver.ticket),
                Cell::Moment(waiver.created.clone()),
                Cell::Moment(waiver.expires.clone()),
                days_left,
                waiver.accepts.map_or(Cell::Empty, Cell::number),
            ]
        },
    )
}

/// How to read the numbers, and the files that they rest on.
fn method(to: &mut Writer<'_>, judged: &Judgement<'_>) -> Result<(), XlsxError> {
    let mut rows: Vec<(&str, String)> = Vec::new();
    rows.extend(view::method().into_iter().map(|text| ("Method", text)));
    let lines = score::EXPLANATION.lines().filter(|line| !line.is_empty());
    rows.extend(lines.map(|line| ("Exposure", line.to_owned())));
    for framework in &judged.assessment.frameworks {
        rows.push((
            "Framework",
            format!("{}: {}", framework.id, framework.source),
        ));
        let note = framework.note.as_ref();
        rows.extend(note.map(|note| ("Framework", format!("{}: {note}", framework.id))));
    }
    let files = judged.files.iter();
    rows.extend(files.map(|(path, sha256)| ("SHA-256", format!("{sha256}  {path}"))));
    let columns = [("About", 14.0), ("Text", 140.0)];
    to.sheet("Method", columns, rows.into_iter(), |(about, text)| {
        [Cell::text(about), Cell::text(text)]
    })
}
