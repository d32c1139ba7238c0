//! Strict readers of the markup that reports are written in, XML, HTML and Markdown. A browser mends what is not well formed, and
//! what it makes of a name in it is anybody's guess: here it is an error.

use std::collections::BTreeMap;

/// How a text is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Html,
    Xml,
}

/// An element and what is in it.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Node>,
}

#[derive(Debug)]
enum Node {
    Element(Element),
    Text(String),
}

/// Elements of HTML that have no end.
const VOID: [&str; 6] = ["br", "hr", "img", "input", "link", "meta"];
/// Elements of HTML whose text is taken as it is.
const RAW: [&str; 2] = ["script", "style"];

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    pub fn has_class(&self, name: &str) -> bool {
        let classes = self.attribute("class").unwrap_or_default();
        classes.split(' ').any(|own| own == name)
    }

    /// Elements directly in it.
    pub fn children(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// It and all elements in it, in the order of the text.
    pub fn all(&self) -> Vec<&Element> {
        let mut found = vec![self];
        for child in self.children() {
            found.extend(child.all());
        }
        found
    }

    /// All elements of that name in it.
    pub fn named(&self, name: &str) -> Vec<&Element> {
        let mut found = self.all();
        found.retain(|element| element.name == name);
        found
    }

    /// All text in it.
    pub fn text(&self) -> String {
        let parts = self.children.iter().map(|child| match child {
            Node::Element(element) => element.text(),
            Node::Text(text) => text.clone(),
        });
        parts.collect()
    }
}

/// The lines of a Markdown text that are no code: code ends with a fence as long as the one that it began with.
///
/// # Errors
/// Code has no end.
pub fn prose(text: &str) -> Result<Vec<&str>, String> {
    let mut prose = Vec::new();
    let mut fence = 0;
    for line in text.lines() {
        let inner = line.trim_start();
        let ticks = inner.len() - inner.trim_start_matches('`').len();
        match fence {
            0 if ticks >= 3 => fence = ticks,
            0 => prose.push(line),
            long if ticks >= long => fence = 0,
            _ => {}
        }
    }
    if fence > 0 {
        return Err("code has no end".to_owned());
    }
    Ok(prose)
}

/// The root of a text.
///
/// # Errors
/// It is not well formed: what is wrong, and what stands there.
pub fn read(text: &str, language: Language) -> Result<Element, String> {
    let declaration = match language {
        Language::Html => "<!doctype html>",
        Language::Xml => "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    };
    let left = text
        .strip_prefix(declaration)
        .ok_or_else(|| format!("it does not begin with {declaration}"))?;
    let mut open = vec![Element::default()];
    let mut reader = Reader { left, language };
    while !reader.left.is_empty() {
        let at: String = reader.left.chars().take(60).collect();
        reader
            .next(&mut open)
            .map_err(|why| format!("{why} at {at:?}"))?;
    }
    let top = open.pop().filter(|_| open.is_empty());
    let top = top.ok_or("an element is left open")?;
    let is_outside = |child: &Node| matches!(child, Node::Text(text) if !text.trim().is_empty());
    if top.children.iter().any(is_outside) {
        return Err("text stands outside the root".to_owned());
    }
    let mut roots = top.children.into_iter().filter_map(|child| match child {
        Node::Element(element) => Some(element),
        Node::Text(_) => None,
    });
    match (roots.next(), roots.next()) {
        (Some(root), None) => Ok(root),
        _ => Err("it has not one root".to_owned()),
    }
}

struct Reader<'t> {
    left: &'t str,
    language: Language,
}

impl<'t> Reader<'t> {
    /// Reads one tag, or the text before the next one, into the innermost open element.
    fn next(&mut self, open: &mut Vec<Element>) -> Result<(), String> {
        if let Some(after) = self.left.strip_prefix("</") {
            let (name, after) = after.split_once('>').ok_or("a tag without an end")?;
            self.left = after;
            let closed = open.pop().filter(|own| own.name == name);
            let closed = closed.ok_or("an end of what was not begun")?;
            let parent = open.last_mut().ok_or("an end of what was not begun")?;
            parent.children.push(Node::Element(closed));
        } else if self.left.starts_with('<') {
            let (element, is_closed) = self.tag()?;
            if is_closed {
                let parent = open.last_mut().ok_or("nothing is open")?;
                parent.children.push(Node::Element(element));
            } else {
                open.push(element);
            }
        } else {
            let text = self.until('<');
            let text = decoded(text)?;
            let parent = open.last_mut().ok_or("nothing is open")?;
            parent.children.push(Node::Text(text));
        }
        Ok(())
    }

    /// The text before a character, or all that is left.
    fn until(&mut self, end: char) -> &'t str {
        let (before, after) = self
            .left
            .split_at(self.left.find(end).unwrap_or(self.left.len()));
        self.left = after;
        before
    }

    /// An element's beginning, with all of it where it has no end of its own.
    fn tag(&mut self) -> Result<(Element, bool), String> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        self.left = self.left.strip_prefix('<').unwrap_or_default();
        let end = self
            .left
            .find(|c| !is_name(c))
            .ok_or("a tag without an end")?;
        let (name, after) = self.left.split_at(end);
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err("a tag without a name".to_owned());
        }
        self.left = after;
        let mut element = Element {
            name: name.to_owned(),
            ..Element::default()
        };
        loop {
            self.left = self.left.trim_start();
            if let Some(after) = self.left.strip_prefix("/>") {
                self.left = after;
                return Ok((element, true));
            }
            if let Some(after) = self.left.strip_prefix('>') {
                self.left = after;
                break;
            }
            self.attribute(&mut element)?;
        }
        let is_html = self.language == Language::Html;
        if is_html && RAW.contains(&name) {
            let end = format!("</{name}>");
            let (text, after) = self.left.split_once(&end).ok_or("it has no end")?;
            self.left = after;
            element.children.push(Node::Text(text.to_owned()));
            return Ok((element, true));
        }
        Ok((element, is_html && VOID.contains(&name)))
    }

    fn attribute(&mut self, element: &mut Element) -> Result<(), String> {
        let ends = |c: char| c.is_whitespace() || "=>/\"'<".contains(c);
        let end = self.left.find(ends).ok_or("a tag without an end")?;
        let (name, after) = self.left.split_at(end);
        self.left = after;
        let value = match self.left.strip_prefix("=\"") {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"').ok_or("a value without an end")?;
                self.left = after;
                if value.contains('<') {
                    return Err("a tag in a value".to_owned());
                }
                decoded(value)?
            }
            None if self.language == Language::Html => String::new(),
            None => return Err("an attribute without a value".to_owned()),
        };
        let is_new = element.attributes.insert(name.to_owned(), value).is_none();
        if name.is_empty() || !is_new {
            return Err("an attribute without a name, or twice".to_owned());
        }
        Ok(())
    }
}

/// The text that references stand for; no character that XML does not have.
fn decoded(text: &str) -> Result<String, String> {
    const NAMED: [(&str, char); 5] = [
        ("amp", '&'),
        ("lt", '<'),
        ("gt", '>'),
        ("quot", '"'),
        ("apos", '\''),
    ];
    let mut parts = text.split('&');
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (reference, after) = part.split_once(';').ok_or("a bare &")?;
        let named = NAMED.iter().find(|(name, _)| *name == reference);
        let numbered = || {
            let number = reference.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        };
        let c = named.map(|(_, c)| *c).or_else(numbered);
        said.push(c.ok_or("a reference to nothing")?);
        said.push_str(after);
    }
    let is_forbidden =
        |c: char| (c.is_control() && !"\t\n\r".contains(c)) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if said.contains(is_forbidden) {
        return Err("a character that XML does not have".to_owned());
    }
    Ok(said)
}
