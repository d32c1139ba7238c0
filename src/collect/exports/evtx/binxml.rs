//! The XML of a record, in its binary form: a template of the chunk with the record's values put in.

use super::super::fields::Fields;
use super::cursor::{Broken, Cursor};
use super::value::{self, BIN_XML, STRING};

/// Elements and fragments within one another; Windows nests six.
const DEEPEST: usize = 24;
/// Most texts of an element that is an array.
const MOST_TEXTS: usize = 4_096;
/// Most UTF-16 units of a name, bytes of a path of names, and values of a record: a manifest's names have no more than 255
/// characters, and paths repeat them.
const LONGEST_NAME: usize = 256;
const LONGEST_PATH: usize = 4_096;
const MOST_FIELDS: usize = 4_096;

/// Tokens without [`MORE`].
mod token {
    pub const END: u8 = 0x00;
    pub const OPEN: u8 = 0x01;
    pub const CLOSE_START: u8 = 0x02;
    pub const CLOSE_EMPTY: u8 = 0x03;
    pub const END_ELEMENT: u8 = 0x04;
    pub const VALUE: u8 = 0x05;
    pub const ATTRIBUTE: u8 = 0x06;
    pub const CDATA: u8 = 0x07;
    pub const CHARACTER: u8 = 0x08;
    pub const ENTITY: u8 = 0x09;
    pub const INSTRUCTION: u8 = 0x0a;
    pub const INSTRUCTION_DATA: u8 = 0x0b;
    pub const TEMPLATE: u8 = 0x0c;
    pub const SUBSTITUTION: u8 = 0x0d;
    pub const OPTIONAL: u8 = 0x0e;
    pub const FRAGMENT: u8 = 0x0f;
}
/// On a token: attributes follow.
const MORE: u8 = 0x40;

/// What may be spent on a chunk: a few bytes of it can name each other without end.
pub struct Budget {
    tokens: u32,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            tokens: 1 << 20,
            bytes: 16 << 20,
        }
    }
}

impl Budget {
    fn token(&mut self, at: usize) -> Result<(), Broken> {
        let left = self.tokens.checked_sub(1);
        self.tokens = left.ok_or(Broken::new(at, "more XML than a chunk can mean"))?;
        Ok(())
    }

    fn bytes(&mut self, at: usize, bytes: usize) -> Result<(), Broken> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or(Broken::new(at, "more text than a chunk can mean"))?;
        Ok(())
    }
}

/// A record's value: its type, and where it is.
struct Value<'c> {
    kind: u8,
    bytes: Cursor<'c>,
}

#[derive(Default)]
struct Content {
    text: String,
    /// Of an array: each stands for an element of its own.
    many: Vec<String>,
    children: Vec<Element>,
}

struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    content: Content,
}

/// The record's event as fields.
pub fn event(body: Cursor<'_>, budget: &mut Budget) -> Result<Fields, Broken> {
    let mut root = Content::default();
    let mut reader = Reader { budget };
    let mut body = body;
    reader.content(&mut body, None, 0, &mut root)?;
    let mut flat = Flat {
        fields: Fields::default(),
        count: 0,
        budget: reader.budget,
        at: body.at,
    };
    flat.flatten("", root.children)?;
    if flat.fields.is_empty() {
        return Err(Broken::new(body.at, "no event"));
    }
    Ok(flat.fields)
}

/// Elements as fields. A short element within long ones has a long path: each is charged.
struct Flat<'b> {
    fields: Fields,
    count: usize,
    budget: &'b mut Budget,
    at: usize,
}

impl Flat<'_> {
    fn path(&mut self, parent: &str, name: &str) -> Result<String, Broken> {
        let length = parent.len().saturating_add(name.len());
        if length > LONGEST_PATH {
            return Err(Broken::new(self.at, "longer names than an event has"));
        }
        self.budget.bytes(self.at, length)?;
        Ok(if parent.is_empty() {
            name.to_owned()
        } else {
            format!("{parent}.{name}")
        })
    }

    fn push(&mut self, path: &str, value: String) -> Result<(), Broken> {
        self.count += 1;
        if self.count > MOST_FIELDS {
            return Err(Broken::new(self.at, "more values than an event has"));
        }
        self.budget
            .bytes(self.at, path.len().saturating_add(value.len()))?;
        self.fields.push(path, value);
        Ok(())
    }

    fn flatten(&mut self, parent: &str, elements: Vec<Element>) -> Result<(), Broken> {
        let mut unnamed = 0_usize;
        for element in elements {
            let name = element.attributes.iter().find(|(key, _)| key == "Name");
            let is_data = element.name == "Data";
            let path = match name {
                Some((_, name)) if is_data => self.path(parent, name)?,
                _ => self.path(parent, &element.name)?,
            };
            let Content {
                text,
                many,
                children,
            } = element.content;
            if is_data && name.is_none() {
                for one in many.into_iter().chain((!text.is_empty()).then_some(text)) {
                    let path = self.path(&path, &unnamed.to_string())?;
                    self.push(&path, one)?;
                    unnamed += 1;
                }
            } else {
                for (key, value) in element.attributes {
                    let path = self.path(&path, &key)?;
                    self.push(&path, value)?;
                }
                self.push(&path, [vec![text], many].concat().concat())?;
            }
            self.flatten(&path, children)?;
        }
        Ok(())
    }
}

struct Reader<'b> {
    budget: &'b mut Budget,
}

/// What stands in a template's gaps; none outside of templates.
type Values<'v, 'c> = Option<&'v [Value<'c>]>;

impl Reader<'_> {
    /// Everything up to the end of the element or fragment.
    fn content<'c>(
        &mut self,
        from: &mut Cursor<'c>,
        values: Values<'_, 'c>,
        depth: usize,
        out: &mut Content,
    ) -> Result<(), Broken> {
        if depth > DEEPEST {
            return Err(Broken::new(
                from.at,
                "elements within one another without end",
            ));
        }
        while !from.is_done() {
            let at = from.at;
            self.budget.token(at)?;
            let token = from.u8()?;
            match token & !MORE {
                token::END | token::END_ELEMENT => return Ok(()),
                token::FRAGMENT => {
                    from.bytes(3)?;
                }
                token::TEMPLATE => self.template(from, depth, out)?,
                token::OPEN => {
                    let element = self.element(from, token & MORE != 0, values, depth)?;
                    out.children.push(element);
                }
                token::INSTRUCTION => {
                    self.name(from)?;
                }
                token::INSTRUCTION_DATA => {
                    let units = usize::from(from.u16()?);
                    self.budget.bytes(at, 2 * units)?;
                    from.text(units)?;
                }
                other => self.piece(other, at, from, values, depth, out)?,
            }
        }
        Ok(())
    }

    /// A piece of text.
    fn piece<'c>(
        &mut self,
        token: u8,
        at: usize,
        from: &mut Cursor<'c>,
        values: Values<'_, 'c>,
        depth: usize,
        out: &mut Content,
    ) -> Result<(), Broken> {
        match token {
            token::VALUE | token::CDATA => {
                if token == token::VALUE && from.u8()? != STRING {
                    return Err(Broken::new(at, "a text of another type"));
                }
                let units = usize::from(from.u16()?);
                self.budget.bytes(at, 2 * units)?;
                out.text.push_str(&from.text(units)?);
            }
            token::CHARACTER => {
                let code = from.u16()?;
                out.text
                    .push(char::from_u32(code.into()).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            token::ENTITY => {
                let name = self.name(from)?;
                let mut known = ENTITIES.iter();
                let entity = known.find(|(known, _)| *known == name);
                let (_, text) = entity.ok_or(Broken::new(at, "an unknown entity"))?;
                out.text.push_str(text);
            }
            token::SUBSTITUTION | token::OPTIONAL => {
                let index = usize::from(from.u16()?);
                from.u8()?;
                let value = values.and_then(|values| values.get(index));
                let value = value.ok_or(Broken::new(at, "a gap of a template without a value"))?;
                self.value(value, depth, out)?;
            }
            _ => return Err(Broken::new(at, "a token that is none")),
        }
        Ok(())
    }

    fn value(&mut self, value: &Value<'_>, depth: usize, out: &mut Content) -> Result<(), Broken> {
        let mut from = value.bytes;
        if value.kind == BIN_XML {
            return self.content(&mut from, None, depth + 1, out);
        }
        let at = from.at;
        let length = from.end - from.at;
        self.budget.bytes(at, length)?;
        let mut texts = value::texts(value.kind, from.bytes(length)?, at)?;
        if texts.len() > MOST_TEXTS {
            return Err(Broken::new(at, "an array of more values than an event has"));
        }
        self.budget
            .bytes(at, texts.len().saturating_mul(size_of::<String>()))?;
        match texts.len() {
            0 => {}
            1 => out.text.push_str(&texts.remove(0)),
            _ => out.many.append(&mut texts),
        }
        Ok(())
    }

    fn element<'c>(
        &mut self,
        from: &mut Cursor<'c>,
        has_attributes: bool,
        values: Values<'_, 'c>,
        depth: usize,
    ) -> Result<Element, Broken> {
        // In a template only: the gap without whose value the element is left out. It is empty then anyway.
        if values.is_some() {
            from.u16()?;
        }
        from.u32()?; // its size, which its tokens say better
        self.budget.bytes(from.at, size_of::<Element>())?;
        let mut element = Element {
            name: self.name(from)?,
            attributes: Vec::new(),
            content: Content::default(),
        };
        if has_attributes {
            from.u32()?;
        }
        loop {
            let at = from.at;
            self.budget.token(at)?;
            match from.u8()? & !MORE {
                token::ATTRIBUTE => {
                    self.budget.bytes(at, 2 * size_of::<String>())?;
                    let name = self.name(from)?;
                    let text = self.attribute(from, values, depth)?;
                    element.attributes.push((name, text));
                }
                token::CLOSE_START => {
                    self.content(from, values, depth + 1, &mut element.content)?;
                    return Ok(element);
                }
                token::CLOSE_EMPTY => return Ok(element),
                _ => return Err(Broken::new(at, "an element that is not opened whole")),
            }
        }
    }

    /// Pieces up to the next attribute or the end of the tag.
    fn attribute<'c>(
        &mut self,
        from: &mut Cursor<'c>,
        values: Values<'_, 'c>,
        depth: usize,
    ) -> Result<String, Broken> {
        let mut content = Content::default();
        loop {
            let mut ahead = *from;
            let token = ahead.u8()? & !MORE;
            if matches!(
                token,
                token::ATTRIBUTE | token::CLOSE_START | token::CLOSE_EMPTY
            ) {
                return Ok([vec![content.text], content.many].concat().concat());
            }
            self.budget.token(from.at)?;
            let at = from.at;
            *from = ahead;
            self.piece(token, at, from, values, depth, &mut content)?;
        }
    }

    /// A name: at this place the first time, and elsewhere in the chunk from then on.
    fn name(&mut self, from: &mut Cursor<'_>) -> Result<String, Broken> {
        let offset = from.u32()? as usize;
        let is_here = offset == from.at;
        let mut place = from.elsewhere(offset);
        place.bytes(6)?; // the next of its hash, and its hash
        let units = usize::from(place.u16()?);
        if units > LONGEST_NAME {
            return Err(Broken::new(offset, "longer names than an event has"));
        }
        self.budget.bytes(offset, 2 * units)?;
        let name = place.text(units)?;
        place.bytes(2)?;
        if is_here {
            from.bytes(place.at - offset)?;
        }
        Ok(name)
    }

    fn template(
        &mut self,
        from: &mut Cursor<'_>,
        depth: usize,
        out: &mut Content,
    ) -> Result<(), Broken> {
        from.u8()?;
        from.u32()?;
        let offset = from.u32()? as usize;
        let is_here = offset == from.at;
        let mut definition = from.elsewhere(offset);
        definition.bytes(20)?; // the next of its table, and its GUID
        let size = definition.u32()? as usize;
        let start = definition.at;
        definition.bytes(size)?;
        let mut body = from.moved(start, definition.at);
        if is_here {
            from.bytes(definition.at - offset)?;
        }
        let count = from.u32()? as usize;
        let at = from.at;
        from.bytes(count.saturating_mul(4))?;
        let mut descriptors = from.moved(at, from.at);
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            self.budget.token(descriptors.at)?;
            let length = usize::from(descriptors.u16()?);
            let kind = descriptors.u8()?;
            descriptors.u8()?;
            let start = from.at;
            from.bytes(length)?;
            values.push(Value {
                kind,
                bytes: from.moved(start, from.at),
            });
        }
        self.content(&mut body, Some(&values), depth + 1, out)
    }
}

const ENTITIES: &[(&str, &str)] = &[
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
];
