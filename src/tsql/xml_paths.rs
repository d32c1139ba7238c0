//! Where a simple path leads in a document that is written out: down by names, to the first or the n-th of its elements,
//! to their text or to an attribute.

use std::ops::Range;

#[derive(Debug)]
struct Element<'a> {
    name: &'a str,
    parent: Option<usize>,
    attributes: Range<usize>,
    content: Range<usize>,
}

/// Longer documents are not followed.
const MOST_ELEMENTS: usize = 1000;

/// The bytes of what the path finds; `None` where it finds nothing, or the path or the document is of another kind.
pub(super) fn find(document: &str, path: &str) -> Option<Range<usize>> {
    let elements = elements(document)?;
    let (path, number) = numbered(path);
    let path = match path.strip_prefix('(') {
        Some(inner) => inner.strip_suffix(')')?,
        None => path,
    };
    let mut steps = path.split('/').map(str::trim).peekable();
    let mut found: Vec<Option<usize>> = vec![None];
    let mut below = false;
    let mut begins = true;
    while let Some(step) = steps.next() {
        let is_last = steps.peek().is_none();
        let began = std::mem::take(&mut begins);
        if step.is_empty() || step == "." {
            below = step.is_empty() && !began;
        } else if is_last && (step == "text()" || step.starts_with('@')) && !below {
            let ends = found.iter().flatten().filter_map(|at| elements.get(*at));
            let mut ends = ends.filter_map(|element| element.end(document, step));
            return ends.nth(number - 1);
        } else {
            found = down(&elements, &found, step, below);
            below = false;
        }
    }
    let element = elements.get((*found.get(number - 1)?)?)?;
    let has_text_alone = !document.get(element.content.clone())?.contains('<');
    has_text_alone.then(|| element.content.clone())
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

/// The elements that a step finds from each of those before it.
fn down(
    elements: &[Element],
    from: &[Option<usize>],
    step: &str,
    below: bool,
) -> Vec<Option<usize>> {
    let (name, number) = numbered(step);
    let is_numbered = name.len() < step.len();
    let mut found = Vec::new();
    for parent in from {
        let is_child = |element: &Element| match (below, *parent) {
            (true, None) => true,
            (true, Some(ancestor)) => element.is_below(ancestor, elements),
            (false, parent) => element.parent == parent,
        };
        let named = elements.iter().enumerate();
        let named = named.filter(|(_, e)| (name == "*" || e.name == name) && is_child(e));
        let named = named.map(|(at, _)| Some(at));
        if is_numbered {
            found.extend(named.skip(number - 1).take(1));
        } else {
            found.extend(named);
        }
    }
    found.truncate(MOST_ELEMENTS);
    found
}

fn elements(document: &str) -> Option<Vec<Element<'_>>> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(start) = document.get(at..)?.find('<').map(|found| at + found) {
        let end = start + document.get(start..)?.find('>')?;
        let tag = document.get(start + 1..end)?;
        at = end + 1;
        if tag.starts_with('?') {
            continue;
        }
        if tag.starts_with('/') {
            elements.get_mut(open.pop()?)?.content.end = start;
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
        });
    }
    open.is_empty().then_some(elements)
}

impl Element<'_> {
    fn is_below(&self, ancestor: usize, elements: &[Element]) -> bool {
        let mut parent = self.parent;
        while let Some(at) = parent.filter(|at| *at != ancestor) {
            parent = elements.get(at).and_then(|element| element.parent);
        }
        parent.is_some()
    }

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
            let range = find(DOCUMENT, path);
            assert_eq!(range.and_then(|range| DOCUMENT.get(range)), found, "{path}");
        }
    }

    #[test]
    fn what_is_no_simple_document_is_not_followed() {
        for document in ["<a", "<a>", "</a>", "<a><!-- --></a>", "<a xmlns='u'>x</a>"] {
            assert_eq!(find(document, "(/a)[1]"), None, "{document}");
        }
    }
}
