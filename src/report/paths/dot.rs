//! `--format dot`: a graph for Graphviz, one cluster an instance.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::visible;
use super::PathsReport;
use super::chains::citation;
use super::drawing::{Drawing, Spot};
use crate::ids::InstanceId;

/// Shapes by kind of place; a box for the rest.
const SHAPES: &[(&str, &str)] = &[
    ("command", "doubleoctagon"),
    ("sysadmin", "octagon"),
    ("settings", "hexagon"),
    ("server_role", "ellipse"),
    ("database_role", "ellipse"),
    ("module", "note"),
    ("module_as", "note"),
    ("module_code", "note"),
];

/// See [`PathsReport::dot`].
pub fn dot(report: &PathsReport) -> String {
    let drawing = Drawing::of(report);
    let numbers: BTreeMap<&Spot, usize> = drawing.spots.iter().zip(1..).collect();
    let mut text = String::from(
        "digraph paths {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\"];\n",
    );
    let mut instances: BTreeMap<&InstanceId, Vec<(&Spot, usize)>> = BTreeMap::new();
    for (spot, number) in &numbers {
        let spots = instances.entry(&spot.instance).or_default();
        spots.push((spot, *number));
    }
    // Writing to a String cannot fail, here and below.
    for (cluster, (instance, spots)) in (1_usize..).zip(&instances) {
        let label = quoted(instance.as_str());
        let _ = writeln!(text, "  subgraph cluster_{cluster} {{\n    label={label};");
        for (spot, number) in spots {
            let _ = writeln!(text, "    {}", node(spot, *number));
        }
        text.push_str("  }\n");
    }
    for ((from, kind, to), step) in &drawing.steps {
        let number = |spot: &Spot| numbers.get(spot).copied().unwrap_or_default();
        let style = if step.waits { ", style=dashed" } else { "" };
        let tooltip = format!("{} {}", step.sentence, citation(step));
        let _ = writeln!(
            text,
            "  n{} -> n{} [label={}, tooltip={}{style}];",
            number(from),
            number(to),
            quoted(&kind.replace('_', " ")),
            quoted(tooltip.trim_end()),
        );
    }
    text + "}\n"
}

fn node(spot: &Spot, number: usize) -> String {
    let kind = spot.place.kind.as_str();
    let shape = SHAPES.iter().find(|(word, _)| *word == kind);
    let shape = shape.map_or_else(String::new, |(_, shape)| format!(", shape={shape}"));
    let of = match kind {
        "module_code" => " (its code)",
        "inside_database" => " (inside)",
        _ => "",
    };
    let label = quoted(&format!("{}{of}", spot.place.shown()));
    format!("n{number} [label={label}{shape}];")
}

/// A DOT string. Backslashes are doubled, since `\n`, `\N` and the like mean something in labels; HTML-like labels are
/// not used, so that `<` and `&` are themselves: a character reference would be read even in a string, so `&` is
/// written as one.
fn quoted(text: &str) -> String {
    let shown = visible(text);
    let mut quoted = String::with_capacity(shown.len() + 2);
    quoted.push('"');
    for c in shown.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '&' => quoted.push_str("&amp;"),
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_string() {
        for (text, written) in [
            (r#"a"b"#, r#""a\"b""#),
            (r"CORP\new", r#""CORP\\new""#),
            ("a\nb", r#""a\\nb""#),
            ("<b>&amp;</b>", r#""<b>&amp;amp;</b>""#),
            ("\\", r#""\\""#),
        ] {
            assert_eq!(quoted(text), written);
        }
    }
}
