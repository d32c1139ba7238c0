//! The text of an exported file: which encoding, and where it breaks.

use super::ExportError;

/// What an export begins with, by which its encoding is known.
const UTF8: &[u8] = b"\xef\xbb\xbf";
const UTF16_LE: &[u8] = b"\xff\xfe";
const UTF16_BE: &[u8] = b"\xfe\xff";

/// The bytes as text, without their mark of order.
///
/// # Errors
/// Another encoding than UTF-8 or UTF-16, or one that breaks on the way.
pub fn decoded(bytes: Vec<u8>) -> Result<String, ExportError> {
    if let Some(rest) = bytes.strip_prefix(UTF16_LE) {
        return utf16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(UTF16_BE) {
        return utf16(rest, u16::from_be_bytes);
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        ExportError::Encoding {
            line: before.split(|b| *b == b'\n').count(),
            why: "it is neither UTF-8 nor UTF-16 with a byte order mark: export it with -Encoding utf8 (PowerShell) or -u (sqlcmd)",
        }
    })?;
    if let Some(at) = text.find('\0') {
        let before = text.get(..at).unwrap_or_default();
        return Err(ExportError::Encoding {
            line: 1 + before.matches('\n').count(),
            why: "it holds null characters: UTF-16 without a byte order mark, or no text",
        });
    }
    match text.strip_prefix("\u{feff}") {
        Some(rest) => {
            debug_assert_eq!(UTF8.len(), text.len() - rest.len());
            Ok(rest.to_owned())
        }
        None => Ok(text),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, ExportError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let mut text = String::with_capacity(bytes.len() / 2);
    let mut line = 1;
    for decoded in char::decode_utf16(units) {
        let c = decoded.map_err(|_| ExportError::Encoding {
            line,
            why: "half of a UTF-16 character stands alone: the file is damaged",
        })?;
        line += usize::from(c == '\n');
        text.push(c);
    }
    if !rest.is_empty() {
        return Err(ExportError::Encoding {
            line,
            why: "it ends inside a UTF-16 character: the file is cut off",
        });
    }
    Ok(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn utf16_of(text: &str, mark: &[u8], bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let units = text.encode_utf16().flat_map(bytes);
        mark.iter().copied().chain(units).collect()
    }

    #[test]
    fn every_encoding_of_the_exporters_is_read() {
        let text = "a,b\r\nö,\u{1f512}\r\n";
        for bytes in [
            text.as_bytes().to_vec(),
            [UTF8, text.as_bytes()].concat(),
            utf16_of(text, UTF16_LE, u16::to_le_bytes),
            utf16_of(text, UTF16_BE, u16::to_be_bytes),
        ] {
            assert_eq!(decoded(bytes).unwrap(), text);
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_line() {
        let mut cut = utf16_of("a\nb\nc", UTF16_LE, u16::to_le_bytes);
        cut.pop();
        let lone = [UTF16_LE, &[b'a', 0, b'\n', 0, 0x00, 0xd8, b'b', 0]].concat();
        for (bytes, due) in [
            (b"a\nb\n\xe4".to_vec(), 3),
            (b"a\nb\0".to_vec(), 2),
            (cut, 3),
            (lone, 2),
        ] {
            match decoded(bytes.clone()) {
                Err(ExportError::Encoding { line, .. }) => assert_eq!(line, due, "{bytes:?}"),
                other => panic!("{bytes:?}: {other:?}"),
            }
        }
    }
}
