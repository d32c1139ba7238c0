//! What `scan` found: a rule for each sink, a location for each finding.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Artifact, Described, Driver, Finding, Help, Id, Invocation, Level, Location, Log, Logical,
    Notification, Physical, Region, RuleProperties, Run, Tool, level, plain, text, uri,
};
use crate::report::scan::{ScannedFile, Unread, details, headline, name, severity};
use crate::report::visible;
use crate::rules::base_severity;
use crate::tsql::{Object, Observation, Sink};

/// SARIF 2.1.0 of scanned files: one run.
pub fn sarif(files: &[ScannedFile], unread: &[Unread]) -> serde_json::Result<String> {
    let mut results = Vec::new();
    for file in files {
        for object in &file.objects {
            for (index, sink) in object.sinks.iter().enumerate() {
                results.push(result(file, object, sink, index));
            }
        }
    }
    let notifications = unread.iter().map(|file| Notification {
        descriptor: None,
        level: "error",
        message: text(plain(&format!(
            "{}: {}",
            visible(&file.path),
            visible(&file.why)
        ))),
        locations: Vec::new(),
    });
    let log = Log::of(Run {
        tool: Tool {
            driver: Driver::new(
                "mssql-posture scan",
                Sink::ALL.iter().map(|sink| rule(*sink)).collect(),
            ),
        },
        automation_details: Id {
            id: "mssql-posture/scan/".to_owned(),
        },
        column_kind: "utf16CodeUnits",
        invocations: [Invocation {
            execution_successful: unread.is_empty(),
            start_time_utc: None,
            end_time_utc: None,
            tool_execution_notifications: notifications.collect(),
        }],
        taxonomies: Vec::new(),
        properties: Value::Null,
        results,
    });
    Ok(serde_json::to_string_pretty(&log)? + "\n")
}

fn rule(sink: Sink) -> Described {
    let severity = base_severity(sink);
    let tags = ["security", "external/cwe/cwe-78", "T1505.001"];
    let meaning = sink.meaning();
    Described {
        id: sink.as_str().to_owned(),
        name: format!("{sink:?}"),
        short_description: text(meaning),
        full_description: text(meaning),
        help: Help {
            text: format!(
                "{meaning} Run `mssql-posture explain module-invokes-command-channel` for what is and is not read."
            ),
            markdown: None,
        },
        default_configuration: Level {
            level: level(severity),
        },
        relationships: Vec::new(),
        properties: RuleProperties::new(severity, tags.map(str::to_owned).into()),
    }
}

fn result(file: &ScannedFile, object: &Object, sink: &Observation, index: usize) -> Finding {
    let severity = severity(sink);
    let rule = sink.sink.as_str();
    let mut sinks = Sink::ALL.iter();
    let mut said = vec![format!("{rule}: {}", headline(object, sink))];
    said.extend(details(sink));
    let identity = format!(
        "{}\n{}\n{rule}\n{index}",
        file.path,
        name(object).unwrap_or_default()
    );
    let fingerprint = crate::snapshot::sha256_hex(identity.as_bytes());
    Finding {
        rule_id: rule.to_owned(),
        rule_index: sinks.position(|s| *s == sink.sink).unwrap_or_default(),
        kind: "fail",
        level: level(severity),
        message: text(plain(&said.join("; "))),
        locations: [Location {
            physical_location: Physical {
                artifact_location: Artifact {
                    uri: uri(&file.path),
                },
                region: Region {
                    start_line: sink.line,
                    start_column: Some(sink.column),
                },
            },
            logical_locations: [Logical {
                fully_qualified_name: name(object).unwrap_or_else(|| file.path.clone()),
                kind: "function",
            }],
        }],
        partial_fingerprints: BTreeMap::from([("sink/v1", fingerprint)]),
        suppressions: None,
        properties: json!({ "severity": severity.as_str(), "how": sink.how.as_str() }),
    }
}
