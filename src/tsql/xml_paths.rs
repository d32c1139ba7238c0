//! Where a simple path leads in a document that is written out: down by names, to the first or the n-th of its elements,
//! to their text or to an attribute.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

#[derive(Debug)]
struct Element<'a> {
    name: &'a str,
    parent: Option<usize>,
    attributes: Range<usize>,
    content: Range<usize>,
    /// With its tags.
    outer: Range<usize>,
}

/// Longer documents are not followed.
const MOST_ELEMENTS: usize = 1000;

/// The bytes of what the path finds; `None` where it finds nothing, or the path or the document is of another kind. In a
/// node, which is an element by itself, paths begin at that.
pub(super) fn find(document: &str, path: &str, is_node: bool) -> Option<Range<usize>> {
    let elements = elements(document)?;
    let (path, number) = numbered(path);
    let path = match path.strip_prefix('(') {
        Some(inner) => inner.strip_suffix(')')?,
        None => path,
    };
    let (above, last) = path.rsplit_once('/').unwrap_or(("", path));
    let end = numbered(last).0;
    let is_end = (end == "text()" || end.starts_with('@')) && !above.ends_with('/');
    let found = led_to(&elements, if is_end { above } else { path }, is_node)?;
    if is_end {
        let ends = found.iter().flatten().filter_map(|at| elements.get(*at));
        let mut ends = ends.filter_map(|element| element.end(document, end));
        return ends.nth(number - 1);
    }
    let element = elements.get((*found.get(number - 1)?)?)?;
    let has_text_alone = !document.get(element.content.clone())?.contains('<');
    has_text_alone.then(|| element.content.clone())
}

/// The bytes of all elements that the path finds, with their tags.
pub(super) fn nodes(document: &str, path: &str, is_node: bool) -> Option<Vec<Range<usize>>> {
    let elements = elements(document)?;
    let path = path.trim();
    let (path, number) = match path.strip_prefix('(') {
        Some(_) => {
            let (inner, number) = numbered(path);
            let inner = inner.strip_prefix('(')?.strip_suffix(')')?;
            (inner, (inner.len() + 2 < path.len()).then_some(number))
        }
        None => (path, None),
    };
    let found = led_to(&elements, path, is_node)?;
    let outer = |at: &Option<usize>| Some(elements.get((*at)?)?.outer.clone());
    let mut outer = found.iter().filter_map(outer);
    Some(match number {
        Some(number) => outer.nth(number - 1).into_iter().collect(),
        None => outer.collect(),
    })
}

/// The elements that steps lead to, `None` among them for the document; `None` where a step is of another kind.
fn led_to(elements: &[Element], path: &str, is_node: bool) -> Option<Vec<Option<usize>>> {
    let is_absolute = path.starts_with('/');
    if is_node && is_absolute {
        // The document that the node is of is not at hand.
        return None;
    }
    let mut found = vec![is_node.then_some(0)];
    let mut below = false;
    for (place, step) in path.split('/').map(str::trim).enumerate() {
        if step.is_empty() || step == "." {
            below = step.is_empty() && place > 0;
            continue;
        }
        let is_name = |c: char| c.is_alphanumeric() || "_-.*".contains(c);
        if !numbered(step).0.chars().all(is_name) || step == ".." {
            return None;
        }
        found = down(elements, &found, step, below);
        below = false;
    }
    Some(found)
}

/// `path[n]`
fn numbered(path: &str) -> (&str, usize) {
    let path = path.trim();
    let number = || {
        let (path, number) = path.strip_suffix(']')?.rsplit_once('[')?;
        let number = number.trim().parse().ok().filter(|number| *number > 0)?;
        Some((path.trim(), number))
    };
    number().unwrap_or((path, 1))
}

/// The elements that a step finds from those before it: their children, or all below them.
fn down(
    elements: &[Element],
    from: &[Option<usize>],
    step: &str,
    below: bool,
) -> Vec<Option<usize>> {
    let (name, number) = numbered(step);
    let is_numbered = name.len() < step.len();
    let begins: BTreeSet<Option<usize>> = from.iter().copied().collect();
    let mut inside = BTreeSet::new();
    let mut siblings: BTreeMap<Option<usize>, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, element) in elements.iter().enumerate() {
        let is_inside = begins.contains(&element.parent)
            || below
                && element
                    .parent
                    .is_some_and(|parent| inside.contains(&parent));
        if !is_inside {
            continue;
        }
        inside.insert(at);
        if name != "*" && element.name != name {
            continue;
        }
        let place = siblings.entry(element.parent).or_default();
        *place += 1;
        if !is_numbered || *place == number {
            found.push(Some(at));
        }
    }
    found
}

fn elements(document: &str) -> Option<Vec<Element<'_>>> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(start) = document.get(at..)?.find('<').map(|found| at + found) {
        let end = tag_end(document, start)?;
        let tag = document.get(start + 1..end)?;
        at = end + 1;
        if tag.starts_with('?') {
            continue;
        }
        if tag.starts_with('/') {
            let element = elements.get_mut(open.pop()?)?;
            element.content.end = start;
            element.outer.end = at;
            continue;
        }
        let ends_name = |c: char| c.is_ascii_whitespace() || c == '/';
        let name = tag.split(ends_name).next().unwrap_or_default();
        let is_other = tag.starts_with('!') || tag.contains("xmlns");
        if is_other || elements.len() >= MOST_ELEMENTS {
            return None;
        }
        if !tag.ends_with('/') {
            open.push(elements.len());
        }
        let parent = open.iter().rev().find(|at| **at < elements.len()).copied();
        elements.push(Element {
            name,
            parent,
            attributes: start + 1 + name.len()..end,
            content: at..at,
            outer: start..at,
        });
    }
    open.is_empty().then_some(elements)
}

/// The `>` of the tag that begins at `start`; in quotes one ends nothing.
pub(super) fn tag_end(document: &str, start: usize) -> Option<usize> {
    let mut quote = None;
    let marks = document.get(start..)?.char_indices();
    for (at, mark) in marks.filter(|(_, mark)| matches!(mark, '"' | '\'' | '>')) {
        match quote {
            Some(open) if open == mark => quote = None,
            Some(_) => {}
            None if mark == '>' => return Some(start + at),
            None => quote = Some(mark),
        }
    }
    None
}

impl Element<'_> {
    /// Its first text, or its attribute `@name`.
    fn end(&self, document: &str, step: &str) -> Option<Range<usize>> {
        let Some(name) = step.strip_prefix('@') else {
            let content = document.get(self.content.clone())?;
            let length = content.find('<').unwrap_or(content.len());
            return (length > 0).then(|| self.content.start..self.content.start + length);
        };
        let mut rest = self.attributes.clone();
        loop {
            let (before, after) = document.get(rest.clone())?.split_once('=')?;
            let value = after.trim_start();
            let quote = value.chars().next().filter(|q| matches!(q, '"' | '\''))?;
            let length = value.get(1..)?.find(quote)?;
            let start = rest.end - value.len() + 1;
            if before.trim() == name {
                return Some(start..start + length);
            }
            rest.start = start + length + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_texts_and_attributes() {
        const DOCUMENT: &str =
            "<?xml version='1.0'?><r><a n=\"1\" m='2'>x</a><b><a>y</a><c/></b><a>z<c>w</c></a></r>";
        for (path, found) in [
            ("(/r/a)[1]", Some("x")),
            ("/r[1]/a[1]/text()[1]", Some("x")),
            ("(/r/a/text())[2]", Some("z")),
            ("(//a)[2]", Some("y")),
            ("(//c)[2]", Some("w")),
            ("(//b//a)[1]", Some("y")),
            ("(r/*/@n)[1]", Some("1")),
            ("(/r/a/@m)[1]", Some("2")),
            ("(./r/b/a)[1]", Some("y")),
            ("(/r/b/c)[1]", Some("")),
            ("(/r/a)[2]", None),
            ("(/r/a)[3]", None),
            ("(/r/d)[1]", None),
            ("(/r/a/@k)[1]", None),
            ("(/a)[1]", None),
        ] {
            let range = find(DOCUMENT, path, false);
            assert_eq!(range.and_then(|range| DOCUMENT.get(range)), found, "{path}");
        }
    }

    #[test]
    fn nodes_are_elements_and_paths_in_them_begin_there() {
        const DOCUMENT: &str = "<r><a n='1>2'>x<b>y</b></a><c><a>z</a><a>w</a></c></r>";
        let texts = |path| -> Option<Vec<&str>> {
            let found = nodes(DOCUMENT, path, false)?;
            found.into_iter().map(|range| DOCUMENT.get(range)).collect()
        };
        let all = ["<a n='1>2'>x<b>y</b></a>", "<a>z</a>", "<a>w</a>"];
        assert_eq!(texts("//a"), Some(all.to_vec()));
        assert_eq!(texts("(//a)[2]"), Some(vec!["<a>z</a>"]));
        assert_eq!(texts("//a[2]"), Some(vec!["<a>w</a>"]));
        assert_eq!(texts("/r/*/a[1]"), Some(vec!["<a>z</a>"]));
        assert_eq!(texts("/r/d"), Some(Vec::new()));
        assert_eq!(texts("/r/a[@n]"), None);
        for (path, found) in [
            (".", None),
            ("./b", Some("y")),
            ("(b/text())[1]", Some("y")),
            ("text()[1]", Some("x")),
            ("@n", Some("1>2")),
            ("/r", None),
            ("../c", None),
        ] {
            let [node, ..] = all;
            let range = find(node, path, true);
            assert_eq!(range.and_then(|range| node.get(range)), found, "{path}");
        }
    }

    #[test]
    fn what_is_no_simple_document_is_not_followed() {
        for document in ["<a", "<a>", "</a>", "<a><!-- --></a>", "<a xmlns='u'>x</a>"] {
            assert_eq!(find(document, "(/a)[1]", false), None, "{document}");
        }
    }
}
