//! One exported record, whatever carried it: texts by path. `Event.System.Provider.#attributes.Name`, the element
//! `Provider Name="…"` and a column `provider_name` are found by the same question.

use std::collections::BTreeSet;

use serde_json::Value;

/// Parts of a path that only say how XML was written as JSON.
const WRAPPERS: &[&str] = &["#text", "#attributes", "$", "_attributes"];
/// A value that an element's attribute names, as XML is written as JSON: `{"@Name": "Image", "#text": "…"}`.
const NAME_KEYS: &[&str] = &["@name", "_name", "name"];
const TEXT_KEYS: &[&str] = &["#text", "_text", "text", "value"];

/// Labels of the messages of Security 4688, Sysmon 1 and Sysmon 7, in lower case and without blanks: by what Windows writes
/// and, where an exporter writes them instead, by the names of the fields.
#[rustfmt::skip] // a message after another
const LABELS: &[&str] = &[
    "securityid", "accountname", "accountdomain", "logonid", "newprocessid", "newprocessname", "tokenelevationtype",
    "mandatorylabel", "creatorprocessid", "creatorprocessname", "processcommandline",
    "subjectusersid", "subjectusername", "subjectdomainname", "subjectlogonid", "targetusersid", "targetusername",
    "targetdomainname", "targetlogonid", "parentprocessname",
    "rulename", "utctime", "processguid", "processid", "image", "fileversion", "description", "product", "company",
    "originalfilename", "commandline", "currentdirectory", "user", "logonguid", "terminalsessionid", "integritylevel",
    "hashes", "parentprocessguid", "parentprocessid", "parentimage", "parentcommandline", "parentuser",
    "imageloaded", "signed", "signature", "signaturestatus",
];
/// What stands above labels, each once.
const HEADINGS: &[&str] = &[
    "subject",
    "creatorsubject",
    "targetsubject",
    "processinformation",
];

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
        self.all(names).next()
    }

    /// All values that the names have, name by name.
    pub fn all<'s, 'n>(
        &'s self,
        names: &'n [&'n str],
    ) -> impl Iterator<Item = &'s str> + use<'s, 'n> {
        names.iter().flat_map(|name| self.named(name))
    }

    fn named<'s, 'n>(&'s self, name: &'n str) -> impl Iterator<Item = &'s str> + use<'s, 'n> {
        let whole = name.strip_prefix('=');
        let is_it = move |path: &str| match whole {
            Some(whole) => path == whole,
            None => ends_in(path, name),
        };
        let found = self.0.iter().filter(move |(path, _)| is_it(path));
        found.map(|(_, value)| value.as_str())
    }

    /// The value of the first name that has any; none where it has several that differ.
    pub fn sole(&self, names: &[&str]) -> Option<&str> {
        let mut all = names.iter().map(|name| self.named(name).peekable());
        let mut own = all.find_map(|mut own| own.peek().is_some().then_some(own))?;
        let first = own.next()?;
        own.all(|other| other == first).then_some(first)
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

    /// Adds what the lines `Label: value` of a message say, under the labels without their blanks. Gives, in words, why
    /// that may not be what Windows wrote: a value can hold lines of its own, and whoever starts a process writes some.
    pub fn add_lines_of(&mut self, message: &str) -> Option<String> {
        let mut seen = BTreeSet::new();
        let (mut section, mut doubt) = (String::new(), None);
        let (mut has_labels, mut is_astray) = (false, false);
        for line in message.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let (label, value) = line.split_once(':').unwrap_or((line, ""));
            let label = label.split_whitespace().collect::<String>().to_lowercase();
            let is_heading = value.is_empty() && HEADINGS.contains(&label.as_str());
            if !is_heading && !LABELS.contains(&label.as_str()) {
                is_astray |= has_labels;
                continue;
            }
            if is_astray {
                doubt.get_or_insert(
                    "a line among the labels of its text is none of them".to_owned(),
                );
            }
            if is_heading {
                section = String::new();
            }
            if !seen.insert((section.clone(), label.clone())) {
                doubt.get_or_insert(format!("its text says {label} twice"));
            }
            if is_heading {
                section = label;
            } else {
                has_labels = true;
                self.push(&joined("message", &label), value.trim().to_owned());
            }
        }
        doubt
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
        let doubt = fields.add_lines_of("Process Create:\r\nUtcTime: 2026-09-02 10:00:00.000\r\n\tNew Process Name:\t\tC:\\a.exe\r\n");
        assert_eq!(doubt, None);
        assert_eq!(fields.get(&["newprocessname"]), Some("C:\\a.exe"));
        assert_eq!(fields.get(&["utctime"]), Some("2026-09-02 10:00:00.000"));
    }

    #[test]
    fn lines_that_a_value_brings_along_are_doubted() {
        let labels = "A new process has been created.\n\nCreator Subject:\n\tAccount Name:\ta\n\nTarget Subject:\n\tAccount Name:\t-\n\n\
             Process Information:\n\tNew Process Name:\tC:\\a.exe\n\tProcess Command Line:\ta\n";
        let doubt = |text: &str| Fields::default().add_lines_of(text);
        assert_eq!(
            doubt(&format!("{labels}\nType 1 is: a full token\n")),
            None,
            "accounts of two sections, and a paragraph after all"
        );
        for (more, due) in [
            ("\tNew Process Name:\tC:\\b.exe", "twice"),
            ("Process Information:\nCreator Process Name: b", "twice"),
            ("CommandLine: a\nmore of it\nParentImage: b", "none of them"),
            (
                "CommandLine: a\nX: more of it\nParentImage: b",
                "none of them",
            ),
        ] {
            let doubt = doubt(&format!("{labels}{more}"));
            assert!(
                doubt.as_deref().is_some_and(|why| why.contains(due)),
                "{more}: {doubt:?}"
            );
        }
    }

    #[test]
    fn a_value_that_stands_twice_is_one_only_if_it_is_the_same() {
        let mut fields = Fields::default();
        for (path, value) in [("a.id", "1"), ("b.id", "2"), ("c.x", "3"), ("d.x", "3")] {
            fields.push(path, value.to_owned());
        }
        assert_eq!(fields.sole(&["y", "x", "id"]), Some("3"));
        assert_eq!(fields.sole(&["id", "x"]), None);
        assert_eq!(
            fields.all(&["id", "=c.x"]).collect::<Vec<_>>(),
            ["1", "2", "3"]
        );
    }
}
