//! One exported record, whatever carried it: texts by path. `Event.System.Provider.#attributes.Name`, the element
//! `Provider Name="…"` and a column `provider_name` are found by the same question.

use serde_json::Value;

/// Parts of a path that only say how XML was written as JSON.
const WRAPPERS: &[&str] = &["#text", "#attributes", "$", "_attributes"];
/// A value that an element's attribute names, as XML is written as JSON: `{"@Name": "Image", "#text": "…"}`.
const NAME_KEYS: &[&str] = &["@name", "_name", "name"];
const TEXT_KEYS: &[&str] = &["#text", "_text", "text", "value"];

/// Paths in lower case with their values. What is empty or null is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a value.
    pub fn push(&mut self, path: &str, value: String) {
        if !value.is_empty() {
            self.0.push((path.to_lowercase(), value));
        }
    }

    /// Of an object, nested ones by path.
    pub fn of_json(value: &Value) -> Self {
        let mut fields = Self::default();
        fields.add("", value);
        fields
    }

    fn add(&mut self, path: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::Bool(is) => self.push(path, is.to_string()),
            Value::Number(number) => self.push(path, number.to_string()),
            Value::String(text) => self.push(path, text.clone()),
            Value::Array(items) => {
                for (place, item) in items.iter().enumerate() {
                    match named(item) {
                        Some((name, text)) => self.add(&joined(path, name), text),
                        None => self.add(&joined(path, &place.to_string()), item),
                    }
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    if WRAPPERS.contains(&key.as_str()) {
                        self.add(path, item);
                    } else {
                        let key = key.strip_prefix(['@', '_']).unwrap_or(key);
                        self.add(&joined(path, key), item);
                    }
                }
            }
        }
    }

    /// The first value that one of the names has. A name is the whole path or its last parts; with `=` in front only
    /// the whole.
    pub fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| {
            let found = match name.strip_prefix('=') {
                Some(whole) => self.0.iter().find(|(path, _)| path == whole),
                None => self.0.iter().find(|(path, _)| ends_in(path, name)),
            };
            found.map(|(_, value)| value.as_str())
        })
    }

    /// Values that are numbered under a name: `….data.0`, `….data.1`, or `param1`, `param2`.
    pub fn numbered(&self, name: &str) -> Vec<String> {
        let mut found: Vec<(u32, &String)> = self
            .0
            .iter()
            .filter_map(|(path, value)| {
                let (before, last) = path.rsplit_once('.').unwrap_or(("", path));
                let number = match last.strip_prefix(name) {
                    Some(number) => number.parse().ok()?,
                    None if ends_in(before, name) => last.parse().ok()?,
                    None => return None,
                };
                Some((number, value))
            })
            .collect();
        found.sort_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, value)| value.clone()).collect()
    }

    /// Adds what the lines `Label: value` of a message say, under the labels without their blanks.
    pub fn add_lines_of(&mut self, message: &str) {
        for line in message.lines() {
            if let Some((label, value)) = line.split_once(':') {
                let label: String = label.split_whitespace().collect();
                self.push(&joined("message", &label), value.trim().to_owned());
            }
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn ends_in(path: &str, name: &str) -> bool {
    path.strip_suffix(name)
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn named(item: &Value) -> Option<(&str, &Value)> {
    let map = item.as_object()?;
    let find = |keys: &[&str]| {
        let mut pairs = map.iter();
        pairs.find(|(key, _)| keys.contains(&key.to_lowercase().as_str()))
    };
    let (_, name) = find(NAME_KEYS)?;
    let (_, text) = find(TEXT_KEYS)?;
    Some((name.as_str()?, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_question_finds_a_value_in_every_way_of_writing_xml_as_json() {
        let names = ["provider.name", "provider_name"];
        for value in [
            json!({"Event": {"System": {"Provider": {"#attributes": {"Name": "S"}}}}}),
            json!({"Event": {"System": {"Provider": {"@Name": "S"}}}}),
            json!({"winlog": {"provider_name": "S"}}),
            json!({"winlog.provider_name": "S"}),
        ] {
            assert_eq!(Fields::of_json(&value).get(&names), Some("S"), "{value}");
        }
        let other =
            json!({"Event": {"System": {"OtherProvider": {"Name": "S"}}}, "x_provider_name": "T"});
        assert_eq!(Fields::of_json(&other).get(&names), None);
    }

    #[test]
    fn numbered_values_keep_their_order() {
        for value in [
            json!({"Event": {"EventData": {"Data": {"#text": ["a", "b"]}}}}),
            json!({"Event": {"EventData": {"Data": ["a", "b"]}}}),
            json!({"winlog": {"event_data": {"param2": "b", "param1": "a"}}}),
        ] {
            let fields = Fields::of_json(&value);
            let found = [fields.numbered("data"), fields.numbered("param")].concat();
            assert_eq!(found, ["a", "b"], "{value}");
        }
    }

    #[test]
    fn names_that_elements_carry_are_paths() {
        let value = json!({"EventData": {"Data": [{"@Name": "Image", "#text": "C:\\a.exe"}]}});
        assert_eq!(Fields::of_json(&value).get(&["image"]), Some("C:\\a.exe"));
        assert_eq!(
            Fields::of_json(&json!({"a": null, "b": ""})),
            Fields::default()
        );
    }

    #[test]
    fn a_message_is_read_by_its_labels() {
        let mut fields = Fields::default();
        fields.add_lines_of("Process Create:\r\nUtcTime: 2026-09-02 10:00:00.000\r\n\tNew Process Name:\t\tC:\\a.exe\r\n");
        assert_eq!(fields.get(&["newprocessname"]), Some("C:\\a.exe"));
        assert_eq!(fields.get(&["utctime"]), Some("2026-09-02 10:00:00.000"));
    }
}
