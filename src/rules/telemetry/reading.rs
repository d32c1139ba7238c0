//! Reads audits, specifications and the default trace, and tells of each event what becomes of it.

use std::collections::BTreeMap;

use super::events::{EVENTS, Event};
use super::kept::kept;
use super::met::{Grade, Line};
use super::telling::Telling;
use super::{AuditState, Keeps, Kept, Recorded, RecordedBy, Running, Told, TraceState};
use crate::ids::DatabaseName;
use crate::rules::audited::{BOTH, is_started, status_of};
use crate::rules::{Case, Evidence, Missing, named};
use crate::snapshot::{
    AuditSpecification, AuditSpecificationDetail, DatabaseFacts, Fact, ServerAudit,
};

/// Facts about audits that stand on the server.
const OF_SERVER: [Fact; 4] = [
    Fact::ServerAudits,
    Fact::AuditStatus,
    Fact::ServerAuditSpecifications,
    Fact::ServerAuditSpecificationDetails,
];
pub(super) const OF_DATABASE: [Fact; 2] = [
    Fact::DatabaseAuditSpecifications,
    Fact::DatabaseAuditSpecificationDetails,
];
pub(super) const SPECIFICATIONS: &str = "server_audit_specifications";

/// A specification's own state, before its actions are looked at.
struct Standing<'a> {
    audit: Option<&'a ServerAudit>,
    grade: Grade,
    fault: Option<String>,
}

/// What was read of an instance.
pub(super) struct Reading<'c, 'a> {
    pub(super) case: &'c Case<'a>,
    pub(super) server: Vec<Line<'a>>,
    pub(super) databases: Vec<(&'a DatabaseFacts, Vec<Line<'a>>)>,
    /// Values that were not shown.
    pub(super) unclear: Vec<Missing>,
    /// Facts of the server that are not settled.
    pub(super) unseen: Vec<Missing>,
    pub(super) kept: BTreeMap<i32, Kept>,
}

impl<'c, 'a> Reading<'c, 'a> {
    pub(super) fn new(case: &'c Case<'a>) -> Self {
        let server = &case.snapshot.server;
        let unsettled = OF_SERVER
            .iter()
            .flat_map(|fact| fact.unsettled(case.snapshot));
        let audits = server.server_audits.seen().iter();
        let mut own = Self {
            case,
            server: Vec::new(),
            databases: Vec::new(),
            unclear: Vec::new(),
            unseen: unsettled.map(|state| Missing::from(&state)).collect(),
            kept: audits
                .map(|audit| (audit.audit_id, kept(case, audit, case.audit_needs())))
                .collect(),
        };
        own.server = own.lines(
            None,
            server.server_audit_specifications.seen(),
            server.server_audit_specification_details.seen(),
        );
        for facts in case.databases() {
            let lines = own.lines(
                Some(facts),
                facts.database_audit_specifications.seen(),
                facts.database_audit_specification_details.seen(),
            );
            own.databases.push((facts, lines));
        }
        own
    }

    fn lines(
        &mut self,
        of: Option<&'a DatabaseFacts>,
        specifications: &'a [AuditSpecification],
        details: &'a [AuditSpecificationDetail],
    ) -> Vec<Line<'a>> {
        let place = of.map(|facts| &facts.name);
        let mut lines = Vec::new();
        for specification in specifications {
            let Some(standing) = self.standing(specification, place) else {
                continue;
            };
            let id = specification.specification_id;
            for detail in details.iter().filter(|row| row.specification_id == id) {
                lines.extend(self.line(&standing, specification, detail, place));
            }
        }
        lines
    }

    /// `None` where a value that decides was not shown, which is noted.
    fn standing(
        &mut self,
        specification: &AuditSpecification,
        place: Option<&DatabaseName>,
    ) -> Option<Standing<'a>> {
        let fact = fact_of(place, SPECIFICATIONS, "database_audit_specifications");
        let (Some(is_on), Some(guid)) = (specification.is_state_enabled, &specification.audit_guid)
        else {
            return self.lacks(fact, place, "its audit and whether it is on");
        };
        let audits = self.case.snapshot.server.server_audits.seen();
        let audit = audits
            .iter()
            .find(|one| one.audit_guid.as_ref() == Some(guid));
        let own = named(&specification.name);
        let not = |fault: String| Standing {
            audit,
            grade: Grade::Not,
            fault: Some(fault),
        };
        let Some(audit) = audit else {
            return Some(not(format!(
                "specification {own} belongs to no audit that was seen"
            )));
        };
        if !is_on {
            return Some(not(format!("specification {own} is off")));
        }
        let Some(is_configured) = audit.is_state_enabled else {
            return self.lacks("server_audits", None, "whether it is configured on");
        };
        let name = named(&audit.name);
        if !is_configured {
            return Some(not(format!("audit {name} is configured off")));
        }
        let status = status_of(self.case, audit);
        if !status.is_some_and(is_started) {
            let state = status.map_or("not known to the engine", |row| row.status_desc.as_str());
            return Some(not(format!(
                "audit {name} is configured on, and is {}",
                named(state)
            )));
        }
        let predicate = audit.predicate.as_deref().unwrap_or_default().trim();
        let narrowed = (!predicate.is_empty()).then(|| {
            format!(
                "not proven: audit {name} drops records that do not match {}",
                named(predicate)
            )
        });
        Some(Standing {
            audit: Some(audit),
            grade: if narrowed.is_some() {
                Grade::Narrowed
            } else {
                Grade::Whole
            },
            fault: narrowed,
        })
    }

    fn lacks<T>(&mut self, fact: &str, place: Option<&DatabaseName>, needs: &str) -> Option<T> {
        let missing = Missing::new(fact, place, needs);
        if !self.unclear.contains(&missing) {
            self.unclear.push(missing);
        }
        None
    }

    fn line(
        &mut self,
        standing: &Standing<'a>,
        specification: &AuditSpecification,
        detail: &'a AuditSpecificationDetail,
        place: Option<&DatabaseName>,
    ) -> Option<Line<'a>> {
        let fact = fact_of(
            place,
            "server_audit_specification_details",
            "database_audit_specification_details",
        );
        let (Some(action), Some(result)) = (&detail.audit_action_name, &detail.audited_result)
        else {
            return self.lacks(
                fact,
                place,
                "the action groups and what of them is recorded",
            );
        };
        let (most, said) = match result.as_str() {
            BOTH => (Grade::Whole, None),
            "SUCCESS" => (Grade::InPart, Some("only what succeeds")),
            "FAILURE" => (Grade::Not, Some("only what fails")),
            _ => (Grade::Not, Some("nothing known")),
        };
        let said = said.map(|said| {
            let own = named(&specification.name);
            format!("specification {own} records {said} of {}", named(action))
        });
        let mut evidence = vec![Evidence::row(fact, place, detail)];
        let of_specification = fact_of(place, SPECIFICATIONS, "database_audit_specifications");
        evidence.push(Evidence::row(of_specification, place, specification));
        evidence.extend(
            standing
                .audit
                .map(|audit| Evidence::row("server_audits", None, audit)),
        );
        let kept = standing
            .audit
            .and_then(|audit| self.kept.get(&audit.audit_id));
        Some(Line {
            detail,
            by: RecordedBy {
                audit: standing
                    .audit
                    .map(|audit| audit.name.clone())
                    .unwrap_or_default(),
                specification: specification.name.clone(),
                database: place.cloned(),
                action: action.clone(),
            },
            grade: standing.grade.min(most),
            fault: standing.fault.clone().or(said),
            keeps: kept.map_or(Keeps::DaysNotKnown, |kept| kept.keeps),
            evidence,
        })
    }

    /// Server audits, as far as visible.
    pub(super) fn audits(&self) -> Vec<AuditState> {
        let audits = self.case.snapshot.server.server_audits.seen().iter();
        audits.map(|audit| self.audit(audit)).collect()
    }

    pub(super) fn audit(&self, audit: &ServerAudit) -> AuditState {
        let is_settled = self.case.snapshot.server.audit_status.is_settled();
        let status = status_of(self.case, audit);
        let state = match (audit.is_state_enabled, status) {
            (Some(true), Some(row)) if is_started(row) => Running::Running,
            (None, _) => Running::NotSeen,
            (Some(true), None) if !is_settled => Running::NotSeen,
            (Some(_), _) => Running::NotRunning,
        };
        let predicate = audit.predicate.clone();
        AuditState {
            name: audit.name.clone(),
            state,
            target_desc: audit.type_desc.clone(),
            on_failure_desc: audit.on_failure_desc.clone(),
            queue_delay: audit.queue_delay,
            predicate: predicate.filter(|predicate| !predicate.trim().is_empty()),
            kept: kept(self.case, audit, self.case.audit_needs()),
        }
    }

    /// The default trace. Its option says that it is to run: the engine ends a trace that it cannot write, and the option
    /// stays as it is. The trace itself is seen by few.
    pub(super) fn trace(&self) -> TraceState {
        let option = self.case.option("default trace enabled");
        let traces = &self.case.snapshot.server.traces;
        let own = traces
            .seen()
            .iter()
            .find(|trace| trace.is_default == Some(true));
        let runs = own.map(|trace| trace.status == 1);
        let state = match (option.and_then(|option| option.value_in_use), runs) {
            (Some(0), _) | (_, Some(false)) => Running::NotRunning,
            (_, None) if traces.known().is_some() => Running::NotRunning,
            (_, Some(true)) => Running::Running,
            (_, None) => Running::NotSeen,
        };
        let sizes = own.and_then(|trace| Some((trace.max_files?, trace.max_size.clone()?)));
        let sizes = sizes.map_or_else(
            || "5 files of 20 MB, as SQL Server makes them".to_owned(),
            |(files, size)| format!("{files} files of {size} MB"),
        );
        let begun = own.and_then(|trace| trace.start_time.as_deref());
        let begun = begun.map(|moment| format!("; running since {moment}, by the server's clock"));
        let begun = begun.unwrap_or_default();
        let why = match state {
            Running::Running => format!(
                "{sizes}, overwritten in turn; a restart begins a new file; hours not known: how much is traced was not seen{begun}"
            ),
            Running::NotRunning => "the default trace does not run".to_owned(),
            Running::NotSeen if option.is_some_and(|own| own.value_in_use.is_some()) => {
                "the default trace is configured on; whether it runs was not seen".to_owned()
            }
            Running::NotSeen => "not seen whether the default trace runs".to_owned(),
        };
        TraceState { state, why }
    }

    /// Every event.
    pub(super) fn tell(&self) -> Vec<Told> {
        let trace = self.trace();
        EVENTS
            .iter()
            .map(|event| self.told(event, &trace))
            .collect()
    }

    fn told(&self, event: &'static Event, trace: &TraceState) -> Told {
        let mut telling = Telling::new(self, event);
        if let Some(reason) = (event.unless)(self.case) {
            telling.state.because = vec![reason.to_owned()];
            telling.state.outcome = Recorded::NotApplicable;
            return telling.close();
        }
        telling.read();
        telling.conclude(trace);
        telling.close()
    }
}

fn fact_of(
    place: Option<&DatabaseName>,
    server: &'static str,
    database: &'static str,
) -> &'static str {
    if place.is_some() { database } else { server }
}
