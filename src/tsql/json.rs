//! Text out of JSON that is known: JSON_VALUE and OPENJSON.

use super::value::{Kind, Value};
use serde_json::Value as Json;

/// What a path finds in a document, if that is a string, a number or a truth value.
pub(super) fn member(document: &Value, path: &str) -> Option<Value> {
    let json: Json = serde_json::from_str(document.text()).ok()?;
    let found = steps(path)?
        .iter()
        .try_fold(&json, |json, step| step.of(json));
    match found {
        Some(found) => scalar(document, found),
        None => Some(Value::null()),
    }
}

/// The members of a document that is an array: their places and their texts.
pub(super) fn members(document: &Value) -> Option<Vec<(usize, Value)>> {
    let json: Json = serde_json::from_str(document.text()).ok()?;
    let members = json.as_array()?.iter().enumerate();
    members
        .map(|(place, member)| Some((place, scalar(document, member)?)))
        .collect()
}

/// A text that stands in the document as it is, or is made of what does.
fn scalar(document: &Value, json: &Json) -> Option<Value> {
    let text = match json {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Bool(truth) => truth.to_string(),
        Json::Null => return Some(Value::null()),
        Json::Array(_) | Json::Object(_) => return None,
    };
    let quoted = format!("\"{text}\"");
    Some(match document.text().find(&quoted) {
        Some(at) => document
            .part(at + 1..at + 1 + text.len())
            .of(Kind::National),
        None => Value::decoded(&text, Kind::National, document.origin(0)),
    })
}

enum Step {
    Member(String),
    Element(usize),
}

impl Step {
    fn of<'a>(&self, json: &'a Json) -> Option<&'a Json> {
        match self {
            Self::Member(name) => json.get(name),
            Self::Element(place) => json.get(place),
        }
    }
}

/// `$.a[0]."b c"`, after `lax` or `strict`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let path = path
        .trim()
        .trim_start_matches("lax ")
        .trim_start_matches("strict ");
    let mut rest = path.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (place, after) = inner.split_once(']')?;
            steps.push(Step::Element(place.trim().parse().ok()?));
            rest = after;
        } else if let Some(inner) = rest.strip_prefix(".\"") {
            let (name, after) = inner.split_once('"')?;
            steps.push(Step::Member(name.to_owned()));
            rest = after;
        } else {
            let inner = rest.strip_prefix('.')?;
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            let (name, after) = inner.split_at(end);
            steps.push(Step::Member(name.to_owned()));
            rest = after;
        }
    }
    Some(steps)
}
