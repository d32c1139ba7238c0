//! Observations: one of each verdict, and one of each answer that people gave to a control.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::words::{control_token, markup, moment, prop};
use super::{ASSESSMENT, Entry, Results, estate, origin, resource};
use crate::compliance::Attested;
use crate::ids::DatabaseName;
use crate::report::assessment::VerdictEntry;
use crate::report::lines::missing;
use crate::report::stable;
use crate::rules::Evidence;

impl<'a> Results<'a> {
    /// All, made one at a time.
    pub fn observations(&self) -> impl Iterator<Item = Value> {
        let verdicts = self.entries.iter().map(|entry| self.observation(entry));
        let attested = self.controls().flat_map(|(framework, control)| {
            let answers = control.attestations.iter().enumerate();
            answers.map(move |(at, answer)| (framework, control, at, answer))
        });
        let attested = attested.map(|(framework, control, at, answer)| {
            let id = control_token(framework, control);
            self.attested(&format!("{}:{}", framework.id, control.id), &id, at, answer)
        });
        verdicts.chain(attested)
    }

    fn observation(&self, entry: &Entry<'a>) -> Value {
        let verdict = entry.verdict;
        let is_finding = matches!(verdict.outcome.as_str(), "fail" | "accepted");
        let kind = if is_finding {
            "finding"
        } else {
            "control-objective"
        };
        let collected = self
            .instance(entry)
            .and_then(|own| moment(&own.collected[1]));
        let mut observation = json!({
            "uuid": entry.uuid,
            "title": markup(&verdict.title),
            "description": markup(&verdict.message),
            "props": props(verdict),
            "methods": ["TEST"],
            "types": [kind],
            "origins": [origin()],
            "subjects": [{ "subject-uuid": self.component(entry.instance), "type": "component" }],
            "collected": collected.unwrap_or_else(|| self.collected[1].clone()),
        });
        let evidence = self.evidence(entry);
        if !evidence.is_empty() {
            observation["relevant-evidence"] = Value::from(evidence);
        }
        let missing = missing(verdict);
        if !missing.is_empty() {
            observation["remarks"] = Value::from(format!("Not seen: {}", markup(&missing)));
        }
        observation
    }

    /// The files in which the rows stand that a verdict rests on, with the query that gave them.
    fn evidence(&self, entry: &Entry<'_>) -> Vec<Value> {
        let instance = self.instance(entry);
        let snapshot = instance.and_then(|own| self.judged.snapshots.get(&own.id));
        let held = |path: &&str| self.judged.files.contains_key(*path);
        let assessment = Some(ASSESSMENT).filter(held);
        let Some(path) = snapshot.map(String::as_str).filter(held).or(assessment) else {
            return Vec::new();
        };
        let mut rows: BTreeMap<(&str, Option<&DatabaseName>), usize> = BTreeMap::new();
        for Evidence { fact, database, .. } in &entry.verdict.evidence {
            *rows.entry((fact, database.as_ref())).or_default() += 1;
        }
        let queries = instance.map_or(&[][..], |own| &own.queries);
        let mut all: Vec<Value> = rows
            .into_iter()
            .map(|((fact, database), rows)| {
                let mut asked = queries.iter();
                let asked = asked.find(|q| q.query == fact && q.database.as_ref() == database);
                let within = database.map(|name| format!(" of database {name}"));
                let word = if rows == 1 { "row" } else { "rows" };
                let about = format!("{rows} {word} of {fact}{}", within.unwrap_or_default());
                let props = [
                    prop("query", fact),
                    prop("database", database.map_or("", DatabaseName::as_str)),
                    prop("rows", &rows.to_string()),
                    prop("query-sha256", asked.map_or("", |query| &query.sha256)),
                ];
                let props: Vec<Value> = props.into_iter().flatten().collect();
                let href = format!("#{}", resource(path));
                json!({ "href": href, "description": markup(&about), "props": props })
            })
            .collect();
        if let Some(path) = assessment {
            let href = format!("#{}", resource(path));
            all.push(json!({ "href": href, "description": "The verdict" }));
        }
        all
    }

    /// A person's answer to a control, which decides nothing here.
    fn attested(&self, control: &str, id: &str, at: usize, answer: &Attested) -> Value {
        let uuid = stable::id(&[
            "attestation",
            control,
            &answer.by,
            &answer.on,
            &at.to_string(),
        ]);
        let expired = if answer.is_expired {
            ", which has passed"
        } else {
            ""
        };
        let said = format!(
            "{control} is said to be {} by {} on {}, until {}{expired}",
            answer.answer, answer.by, answer.on, answer.expires
        );
        let props = [
            prop("control", id),
            prop("answer", &answer.answer),
            prop("targets", &answer.targets.join(", ")),
            prop("evidence", answer.evidence.as_deref().unwrap_or_default()),
            prop(
                "evidence-sha256",
                answer.sha256.as_deref().unwrap_or_default(),
            ),
        ];
        let props: Vec<Value> = props.into_iter().flatten().collect();
        let on = moment(&format!("{}T00:00:00Z", answer.on));
        let expires = moment(&format!("{}T23:59:59Z", answer.expires));
        let mut observation = json!({
            "uuid": uuid,
            "title": "Attestation",
            "description": markup(&said),
            "props": props,
            "methods": ["INTERVIEW"],
            "types": ["control-objective"],
            "subjects": [{ "subject-uuid": estate(), "type": "component" }],
            "collected": on.unwrap_or_else(|| self.collected[1].clone()),
        });
        if let Some(expires) = expires {
            observation["expires"] = Value::from(expires);
        }
        if let Some(comment) = &answer.comment {
            observation["remarks"] = Value::from(markup(comment));
        }
        observation
    }
}

/// What a verdict says, for machines.
fn props(verdict: &VerdictEntry) -> Vec<Value> {
    let subject = &verdict.subject;
    let database = subject.database.as_ref();
    let props = [
        prop("rule", &verdict.rule),
        prop("rule-slug", &verdict.rule_slug),
        prop("outcome", &verdict.outcome),
        prop("severity", verdict.severity.as_str()),
        prop("subject-kind", &subject.kind),
        prop(
            "subject-database",
            database.map_or("", DatabaseName::as_str),
        ),
        prop("subject", subject.name.as_deref().unwrap_or_default()),
        prop("waiver", verdict.waiver.as_deref().unwrap_or_default()),
    ];
    props.into_iter().flatten().collect()
}
