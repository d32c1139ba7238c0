//! Bytes to text and back, as SQL Server converts between binary and character types.

/// What Windows code page 1252 has between 0x80 and 0x9F, where it is not Latin-1.
const CP1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// The character of a byte in the code page of the usual collations.
pub(super) fn from_cp1252(byte: u8) -> char {
    let special = byte.checked_sub(0x80).map(usize::from);
    let special = special.and_then(|index| CP1252.get(index));
    special.copied().unwrap_or(char::from(byte))
}

/// The byte of a character in that code page, if it has one.
pub(super) fn to_cp1252(character: char) -> Option<u8> {
    let special = CP1252.iter().position(|special| *special == character);
    match special {
        Some(index) => u8::try_from(index + 0x80).ok(),
        None => u8::try_from(character).ok(),
    }
}

/// What a character of nvarchar becomes in varchar where the code page lacks it: Windows takes full-width forms
/// and the modifier apostrophe for their ASCII likenesses.
pub(super) fn best_fit(character: char) -> char {
    let full_width = u32::from(character).checked_sub(0xFF01);
    match full_width.and_then(|offset| u8::try_from(offset).ok()) {
        Some(offset) if offset < 0x5E => char::from(b'!' + offset),
        _ if character == '\u{2BC}' => '\'',
        _ => character,
    }
}

/// Pairs of hexadecimal digits; where their number is odd, a 0 stands before the first. `None` where there is
/// anything else.
pub(super) fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let digits: Option<Vec<u8>> = digits.bytes().map(value).collect();
    let mut digits = digits?;
    if digits.len() % 2 == 1 {
        digits.insert(0, 0);
    }
    let pair = |pair: &[u8]| pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    Some(digits.chunks(2).map(pair).collect())
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| {
        DIGITS
            .get(usize::from(nibble))
            .map_or('0', |d| char::from(*d))
    };
    let pair = |byte: &u8| [digit(byte >> 4), digit(byte & 15)];
    bytes.iter().flat_map(pair).collect()
}

/// The bytes as varchar, or as nvarchar in UTF-16LE, whose odd last byte is lost.
pub(super) fn to_text(bytes: &[u8], national: bool) -> String {
    if !national {
        return bytes.iter().map(|byte| from_cp1252(*byte)).collect();
    }
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [low, high] => u16::from_le_bytes([*low, *high]),
        _ => 0,
    });
    let characters = char::decode_utf16(units);
    characters
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// The bytes of varchar or nvarchar text.
pub(super) fn to_bytes(text: &str, national: bool) -> Vec<u8> {
    if national {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    } else {
        let byte = |character| to_cp1252(best_fit(character)).unwrap_or(b'?');
        text.chars().map(byte).collect()
    }
}

/// Base64, in which blanks mean nothing and `=` ends the text.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut bits = 0_u32;
    let mut have = 0_u32;
    for digit in text.bytes().take_while(|byte| *byte != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push(u8::try_from(bits >> have & 0xFF).ok()?);
        }
        bits &= (1 << have) - 1;
    }
    Some(bytes)
}

/// Text in which a mark and four digits, or a mark, `+` and six, are a character by its number, and a mark twice is
/// itself. `None` where anything else follows a mark.
pub(super) fn from_unicode_escapes(text: &str, mark: char) -> Option<String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(mark) {
        plain.push_str(before);
        if let Some(after) = after.strip_prefix(mark) {
            plain.push(mark);
            rest = after;
            continue;
        }
        let (digits, length) = match after.strip_prefix('+') {
            Some(digits) => (digits, 6),
            None => (after, 4),
        };
        let number = u32::from_str_radix(digits.get(..length)?, 16).ok()?;
        plain.push(char::from_u32(number)?);
        rest = digits.get(length..)?;
    }
    plain.push_str(rest);
    Some(plain)
}

/// What an entity of XML stands for.
pub(super) fn entity_character(entity: &str) -> Option<char> {
    let name = entity.strip_prefix('&')?.strip_suffix(';')?;
    let code = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix('x') {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        },
        None => match name {
            "lt" => u32::from('<'),
            "gt" => u32::from('>'),
            "amp" => u32::from('&'),
            "quot" => u32::from('"'),
            "apos" => u32::from('\''),
            _ => return None,
        },
    };
    char::from_u32(code)
}

/// As STRING_ESCAPE writes it.
pub(super) fn to_json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' | '/' => escaped.extend(['\\', character]),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\0'..' ' => escaped.extend(format!("\\u{:04x}", u32::from(character)).chars()),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Text as FOR XML writes it.
pub(super) fn to_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\r' => escaped.push_str("&#x0D;"),
            _ => escaped.push(character),
        }
    }
    escaped
}
