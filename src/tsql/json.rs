//! Text out of JSON that is known: JSON_VALUE and OPENJSON.

use super::value::{Kind, Value};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A document, or a part of one. Members are kept in the order they are written in, and all of a name: the first counts.
#[derive(Debug)]
pub(super) enum Json {
    Null,
    /// A number or a truth value, as it is shown.
    Plain(String),
    Text(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    pub(super) fn read(document: &Value) -> Option<Self> {
        serde_json::from_str(document.text()).ok()
    }

    /// What a path leads to, null where that is nothing; `None` where it is no path that is understood.
    pub(super) fn at(&self, path: &str) -> Option<&Self> {
        let steps = steps(path)?;
        let found = steps.iter().try_fold(self, |json, step| step.of(json));
        Some(found.unwrap_or(&Self::Null))
    }

    /// The members, an array's or an object's: their places or names, and what they are.
    pub(super) fn members(&self) -> Option<Vec<(String, &Self)>> {
        Some(match self {
            Self::Array(members) => {
                let members = members.iter().enumerate();
                members
                    .map(|(place, member)| (place.to_string(), member))
                    .collect()
            }
            Self::Object(members) => members
                .iter()
                .map(|(name, member)| (name.clone(), member))
                .collect(),
            _ => return None,
        })
    }

    /// A text that stands in the document as it is, or is made of what does; `None` of an array or an object.
    pub(super) fn scalar(&self, document: &Value) -> Option<Value> {
        let text = match self {
            Self::Text(text) | Self::Plain(text) => text,
            Self::Null => return Some(Value::null()),
            Self::Array(_) | Self::Object(_) => return None,
        };
        let quoted = format!("\"{text}\"");
        Some(match document.text().find(&quoted) {
            Some(at) => document
                .part(at + 1..at + 1 + text.len())
                .of(Kind::National),
            None => Value::decoded(text, Kind::National, document.origin(0)),
        })
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Json, E> {
        Ok(Json::Plain(truth.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Plain(number.to_string()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Plain(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Plain(number.to_string()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_element()? {
            members.push(member);
        }
        Ok(Json::Array(members))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}

/// What a path finds in a document, if that is a string, a number or a truth value.
pub(super) fn member(document: &Value, path: &str) -> Option<Value> {
    let json = Json::read(document)?;
    json.at(path)?.scalar(document)
}

enum Step {
    Member(String),
    Element(usize),
}

impl Step {
    fn of<'a>(&self, json: &'a Json) -> Option<&'a Json> {
        match (self, json) {
            (Self::Member(name), Json::Object(members)) => {
                let mut named = members.iter().filter(|(own, _)| own == name);
                named.next().map(|(_, member)| member)
            }
            (Self::Element(place), Json::Array(members)) => members.get(*place),
            _ => None,
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
