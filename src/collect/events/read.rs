//! The events of one target: which sources it has, what the session may read of them, and how far each was seen.

use super::audit::{self, AuditNames};
use super::fill::{Fill, fill};
use super::pending::Pending;
use super::times::{EventWindow, Literals};
use super::trace;
use crate::collect::query::{self, Query, Sight};
use crate::collect::record::Recorder;
use crate::collect::session::{Broken, Session};
use crate::collect::spool::Kept;
use crate::collect::target::{self, Target};
use crate::collect::value::{RowSet, Value};
use crate::collect::{place, sight};
use crate::ids::InstanceId;
use crate::snapshot::{
    EventSource, EventsTarget, FileAudit, Observed, ServerAudit, ServerError, SessionIdentity,
    SourceEvents, SourceState, Stage, Trace, Trouble,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// First version with VIEW SERVER SECURITY AUDIT.
const SECURITY_AUDIT_SINCE: u16 = 16;

/// Why a target's events were not all read.
pub enum Ended {
    /// An earlier target of the inventory has this instance.
    SameAs(InstanceId),
    /// Something broke.
    Trouble(Trouble),
}

impl From<Trouble> for Ended {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Reads a target's events; what was seen before trouble stands.
///
/// # Errors
/// The target could not be reached, or the connection broke.
pub async fn read(
    target: &Target<'_>,
    window: &EventWindow,
    seen: &mut EventsTarget,
    events: &mut Vec<Pending>,
) -> Result<(), Ended> {
    target.progress.step(&target.plan.id, "connecting");
    let (session, identity, rights) = target::hello(target, &mut Recorder::default()).await?;
    let version = target::major_version(&identity)?;
    if let Some(first) = target.reached.claim(target.place, session.peer, &identity) {
        return Err(Ended::SameAs(first));
    }
    seen.server_name = identity.server_name;
    seen.utc_offset_minutes = rights.utc_offset_minutes;
    let mut reading = Reading {
        target,
        window,
        session,
        version,
        rights,
        left: window.most,
        broken: None,
        events,
    };
    let state = reading.default_trace().await;
    seen.sources.push(SourceState {
        source: EventSource::DefaultTrace,
        seen: state,
    });
    reading.audits(&mut seen.sources).await;
    match reading.broken {
        None => Ok(()),
        Some(broken) => Err(Ended::Trouble(Trouble {
            stage: Stage::Server,
            why: broken.to_string(),
            remedy: "run again; if it stays, ask for less time or look at the server's error log"
                .to_owned(),
        })),
    }
}

/// Work on one target.
struct Reading<'a> {
    target: &'a Target<'a>,
    window: &'a EventWindow,
    session: Session,
    version: u16,
    rights: SessionIdentity,
    /// Records that may still be taken.
    left: u32,
    /// What ended the session.
    broken: Option<Broken>,
    events: &'a mut Vec<Pending>,
}

/// What came of one source so far.
#[derive(Default)]
struct Found {
    events: Vec<Pending>,
    answered: bool,
    needs: Vec<String>,
    error: Option<ServerError>,
}

impl Found {
    /// Takes events, or notes why there are none.
    fn add(&mut self, events: Result<Vec<Pending>, ServerError>) {
        match events {
            Ok(mut events) => {
                self.answered = true;
                self.events.append(&mut events);
            }
            Err(error) => {
                self.needs.push(said(&error));
                self.error.get_or_insert(error);
            }
        }
    }
}

fn said(error: &ServerError) -> String {
    match error.number {
        0 => error.text.clone(),
        number => format!("error {number}: {}", error.text),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventRights {
    view_server_security_audit: Option<bool>,
}

impl Reading<'_> {
    async fn default_trace(&mut self) -> Observed<SourceEvents> {
        self.target
            .progress
            .step(&self.target.plan.id, "default trace");
        if let Some(need) = sight::server_need(&self.rights, Sight::AlterTrace) {
            return Observed::Denied { needs: vec![need] };
        }
        let Some(offset) = self.rights.utc_offset_minutes else {
            return failed("the server did not tell its offset from UTC");
        };
        let traces: Vec<Trace> = match self.rows("traces").await {
            Ok(traces) => traces,
            Err(error) => return refused(error, "ALTER TRACE"),
        };
        let Some(trace) = traces.into_iter().find(|t| t.is_default == Some(true)) else {
            return Observed::Unsupported {
                since: 11,
                why: Some("no default trace runs: `default trace enabled` is off".to_owned()),
            };
        };
        let Some(base) = trace.path.as_deref().and_then(trace::base_path) else {
            return failed(
                "the default trace names no .trc file in a folder: read its files by hand",
            );
        };
        let window = self.window.local(offset);
        let mut found = Found::default();
        if trace.status == 0 {
            found
                .needs
                .push("the default trace is stopped: what was done since is unseen".to_owned());
        }
        for name in trace::queries() {
            let Some(mut set) = self
                .records(name, ("path", &base), &window, &mut found)
                .await
            else {
                continue;
            };
            let statements = take_statements(&mut set);
            let target = &self.target.plan.id;
            found.add(decoded(set).and_then(|rows: Vec<trace::TraceRow>| {
                let rows = rows.into_iter().zip(statements);
                let events = rows.map(|(row, text)| trace::event(target, row, text, offset));
                events.filter_map(Result::transpose).collect()
            }));
        }
        let place = ("path", base.as_str());
        self.conclude(found, "default_trace_reach", place, &window, "ALTER TRACE")
            .await
    }

    async fn audits(&mut self, sources: &mut Vec<SourceState>) {
        self.target.progress.step(&self.target.plan.id, "audits");
        let mut list = |seen| {
            sources.push(SourceState {
                source: EventSource::Audits,
                seen,
            });
        };
        match self.may_read_audits().await {
            Ok(true) => {}
            Ok(false) => {
                let needs = vec![self.audit_right().to_owned()];
                return list(Observed::Denied { needs });
            }
            Err(error) => return list(Observed::Failed { error }),
        }
        let audits = self.rows::<ServerAudit>("server_audits").await;
        let files = self.rows::<FileAudit>("server_file_audits").await;
        let (mut audits, files) = match (audits, files) {
            (Ok(audits), Ok(files)) => (audits, files),
            (Err(error), _) | (_, Err(error)) => {
                return list(refused(error, "VIEW ANY DEFINITION"));
            }
        };
        audits.sort_by(|a, b| (&a.name, a.audit_id).cmp(&(&b.name, b.audit_id)));
        let mut whole = Observed::Known {
            value: SourceEvents {
                events: count(audits.len()),
                first: None,
            },
        };
        if let Some(need) = sight::server_need(&self.rights, Sight::ServerDefinition) {
            whole.limit(&need);
        }
        let listed = |file: &&FileAudit| !audits.iter().any(|a| a.audit_id == file.audit_id);
        if let Some(file) = files.iter().find(listed) {
            whole.limit(&format!(
                "audit id {}, which has files and no name",
                file.audit_id
            ));
        }
        list(whole);
        let names = if files.is_empty() {
            AuditNames::default()
        } else {
            AuditNames {
                actions: self.rows("audit_actions").await.unwrap_or_default(),
                class_types: self.rows("audit_class_types").await.unwrap_or_default(),
            }
        };
        for audit in audits {
            let file = files.iter().find(|f| f.audit_id == audit.audit_id);
            let seen = self.audit(&audit, file, &names).await;
            sources.push(SourceState {
                source: EventSource::Audit { name: audit.name },
                seen,
            });
        }
    }

    async fn audit(
        &mut self,
        audit: &ServerAudit,
        file: Option<&FileAudit>,
        names: &AuditNames,
    ) -> Observed<SourceEvents> {
        let Some(file) = file else {
            let kind = audit.type_desc.as_deref().unwrap_or("something else");
            return if kind == "FILE" {
                failed("it writes to files, and which is not visible")
            } else {
                Observed::Unsupported {
                    since: 11,
                    why: Some(format!("it writes to {kind}, which T-SQL cannot read")),
                }
            };
        };
        let pattern = audit::pattern(file.log_file_path.as_deref(), file.log_file_name.as_deref());
        let Some(pattern) = pattern else {
            return failed(
                "its folder or file name is none that a pattern can be made of: read its files by hand",
            );
        };
        let window = self.window.utc();
        let place = ("pattern", pattern.as_str());
        let mut found = Found::default();
        let records = self.records("audit_file_events", place, &window, &mut found);
        if let Some(mut set) = records.await {
            let statements = take_statements(&mut set);
            let target = &self.target.plan.id;
            let mut ambiguous = None;
            found.add(decoded(set).and_then(|rows: Vec<audit::AuditRow>| {
                let rows = rows.into_iter().zip(statements).collect();
                let told = audit::events(target, &audit.name, rows, names)?;
                ambiguous = told.needs();
                Ok(told.events)
            }));
            found.needs.extend(ambiguous);
        }
        let need = self.audit_right();
        self.conclude(found, "audit_file_reach", place, &window, need)
            .await
    }

    /// The right that reads audit files and no more.
    fn audit_right(&self) -> &'static str {
        if self.version >= SECURITY_AUDIT_SINCE {
            "VIEW SERVER SECURITY AUDIT"
        } else {
            "CONTROL SERVER"
        }
    }

    async fn may_read_audits(&mut self) -> Result<bool, ServerError> {
        if sight::server_need(&self.rights, Sight::ServerSecurityAudit).is_none() {
            return Ok(true);
        }
        if self.version < SECURITY_AUDIT_SINCE {
            return Ok(false);
        }
        let rights: Vec<EventRights> = self.rows("event_rights").await?;
        let held = |rights: &EventRights| rights.view_server_security_audit == Some(true);
        Ok(rights.iter().any(held))
    }

    /// All rows of a query without values.
    async fn rows<T: DeserializeOwned>(&mut self, name: &str) -> Result<Vec<T>, ServerError> {
        let query = self.query(name)?;
        decoded(self.ask(query, query.text).await?)
    }

    /// Records of the time asked for, as many as may still be taken.
    async fn records(
        &mut self,
        name: &str,
        place: (&'static str, &str),
        window: &Literals,
        found: &mut Found,
    ) -> Option<RowSet> {
        match self.try_records(name, place, window).await {
            Ok(mut set) => {
                let most = usize::try_from(self.left).unwrap_or(usize::MAX);
                if set.rows.len() > most {
                    set.rows.truncate(most);
                    let most = self.window.most;
                    found.needs.push(format!(
                        "there are more records than the {most} that were taken from this target, and which is not \
                         known: ask for less time, or raise --max-events"
                    ));
                }
                self.left = self.left.saturating_sub(count(set.rows.len()));
                Some(set)
            }
            Err(error) => {
                found.add(Err(error));
                None
            }
        }
    }

    async fn try_records(
        &mut self,
        name: &str,
        (key, path): (&'static str, &str),
        window: &Literals,
    ) -> Result<RowSet, ServerError> {
        let query = self.query(name)?;
        let values = [
            (key, Fill::Text(path)),
            ("since", Fill::Text(&window.since)),
            ("until", Fill::Text(&window.until)),
            // One more than is taken tells whether there are more.
            ("most", Fill::Count(self.left.saturating_add(1))),
        ];
        let text = fill(query, &values).map_err(|e| ServerError::local(e.to_string()))?;
        self.ask(query, &text).await
    }

    /// What can be said of a source once its records were asked for.
    async fn conclude(
        &mut self,
        mut found: Found,
        reach: &str,
        place: (&'static str, &str),
        window: &Literals,
        right: &str,
    ) -> Observed<SourceEvents> {
        match found.error.take() {
            Some(error) if !found.answered => return refused(error, right),
            _ => {}
        }
        let first = found.events.iter().map(Pending::moment).min();
        let first = first.map(str::to_owned);
        match self.try_records(reach, place, window).await {
            Ok(set) if !set.rows.is_empty() => {}
            Ok(_) => found.needs.push(match &first {
                Some(first) => format!("what was before {first}: nothing older is recorded any more"),
                None => "what was before the collection: nothing older than the time asked for is recorded any more"
                    .to_owned(),
            }),
            Err(error) => found.needs.push(said(&error)),
        }
        let value = SourceEvents {
            events: count(found.events.len()),
            first,
        };
        self.events.append(&mut found.events);
        if found.needs.is_empty() {
            Observed::Known { value }
        } else {
            let needs = found.needs;
            Observed::Partial { value, needs }
        }
    }

    fn query(&self, name: &str) -> Result<&'static Query, ServerError> {
        let queries = query::all().iter().chain(query::events());
        let mut forms = queries.filter(|q| q.name == name && q.versions.contains(&self.version));
        let missing = || ServerError::local(format!("no form of {name} is for this version"));
        forms.next().ok_or_else(missing)
    }

    /// One statement. After the connection broke nothing is sent any more.
    async fn ask(&mut self, query: &'static Query, text: &str) -> Result<RowSet, ServerError> {
        if let Some(broken) = &self.broken {
            return Err(ServerError::local(broken.to_string()));
        }
        let limit = self.target.query_limit();
        match self.session.ask_filled(query, text, limit).await {
            Ok(mut answer) => target::outcome(query, &mut answer),
            Err(broken) => {
                let error = ServerError::local(broken.to_string());
                self.broken = Some(broken);
                Err(error)
            }
        }
    }
}

/// The texts of the rows, taken out of them.
fn take_statements(set: &mut RowSet) -> Vec<Option<Kept>> {
    let Some(at) = set.columns.iter().position(|name| name == "statement") else {
        return vec![None; set.rows.len()];
    };
    set.columns.remove(at);
    let rows = set.rows.iter_mut();
    rows.map(|row| match remove(row, at) {
        Value::Kept(kept) => Some(*kept),
        _ => None,
    })
    .collect()
}

/// The cell of a column, out of a row that has one for each column.
fn remove(row: &mut Vec<Value>, at: usize) -> Value {
    if at < row.len() {
        row.remove(at)
    } else {
        Value::Null
    }
}

fn decoded<T: DeserializeOwned>(set: RowSet) -> Result<Vec<T>, ServerError> {
    set.decode().map_err(|e| ServerError::local(e.to_string()))
}

fn failed<T>(why: &str) -> Observed<T> {
    let error = ServerError::local(why);
    Observed::Failed { error }
}

/// What a refusal leaves of a source.
fn refused<T>(error: ServerError, right: &str) -> Observed<T> {
    if place::DENIALS.contains(&error.number) {
        let needs = vec![format!("{right} (error {})", error.number)];
        return Observed::Denied { needs };
    }
    Observed::Failed { error }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
