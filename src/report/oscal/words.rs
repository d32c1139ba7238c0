//! Texts in the forms that OSCAL allows.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::NAMESPACE;
use crate::compliance::{ControlStatus, FrameworkStatus};
use crate::report::{escape_markdown, visible};

/// A text of one line that is shown as it is, where Markdown is read; never empty.
pub fn markup(text: &str) -> String {
    let escaped = escape_markdown(&visible(text));
    if escaped.trim().is_empty() {
        return "-".to_owned();
    }
    escaped
}

/// A text of one line without blanks at its ends, which become escapes; never empty.
pub fn line(text: &str) -> String {
    let shown = visible(text);
    let inner = shown.trim();
    if inner.is_empty() {
        return if shown.is_empty() {
            "-".to_owned()
        } else {
            escaped(&shown)
        };
    }
    let start = shown.len() - shown.trim_start().len();
    let (before, rest) = shown.split_at(start);
    let after = &rest[inner.len()..];
    format!("{}{inner}{}", escaped(before), escaped(after))
}

fn escaped(blanks: &str) -> String {
    blanks
        .chars()
        .map(|c| c.escape_unicode().to_string())
        .collect()
}

/// A property of ours; none where there is nothing to say.
pub fn prop(name: &str, value: &str) -> Option<Value> {
    let value = (!value.is_empty()).then(|| line(value))?;
    Some(json!({ "name": name, "ns": NAMESPACE, "value": value }))
}

/// A moment with its zone, if it is one.
pub fn moment(text: &str) -> Option<String> {
    let is_moment = text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok();
    is_moment.then(|| text.to_owned())
}

/// A control's id as a token. NIST's are as in its own OSCAL catalogue, `ac-2.1` for AC-2(1); others stand behind their
/// framework's, since a token begins with a letter.
pub fn control_token(framework: &FrameworkStatus, control: &ControlStatus) -> String {
    if is_nist(framework) {
        let id = control
            .id
            .to_lowercase()
            .replace('(', ".")
            .replace([')', ' '], "");
        return token(&id);
    }
    token(&format!("{}_{}", framework.id, control.id))
}

/// What a finding is about: the control's objective where its catalogue has one.
pub fn target_token(framework: &FrameworkStatus, control: &ControlStatus) -> String {
    let id = control_token(framework, control);
    if is_nist(framework) {
        format!("{id}_obj")
    } else {
        id
    }
}

fn is_nist(framework: &FrameworkStatus) -> bool {
    framework.id.starts_with("nist-800-53")
}

fn token(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let plain: String = text
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    if plain.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        plain
    } else {
        format!("_{plain}")
    }
}

/// A path in an address.
pub fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}"); // writing to a string cannot fail
        }
    }
    encoded
}
