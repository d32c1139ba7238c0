//! Values of a record's substitutions, as Windows shows them.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::cursor::{Broken, utf16};

/// A value's type in BinXml.
pub const STRING: u8 = 0x01;
/// A fragment of XML.
pub const BIN_XML: u8 = 0x21;
/// Added to a type: several of it.
const ARRAY: u8 = 0x80;
/// 100-nanosecond steps from 1601 to 1970.
const FILETIME_OF_1970: i128 = 116_444_736_000_000_000;

/// The texts of a value: one, of an array several, none where there is nothing.
pub fn texts(kind: u8, bytes: &[u8], at: usize) -> Result<Vec<String>, Broken> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    if kind & ARRAY == 0 {
        return Ok(vec![text(kind, bytes, at)?]);
    }
    let kind = kind & !ARRAY;
    match size(kind) {
        Some(size) => bytes.chunks(size).map(|one| text(kind, one, at)).collect(),
        None if kind == STRING => {
            let all = utf16(bytes);
            let all = all.strip_suffix('\0').unwrap_or(&all);
            Ok(all.split('\0').map(str::to_owned).collect())
        }
        None => Err(Broken::new(at, "an array of a type that has none")),
    }
}

/// Bytes of a value of a fixed size.
fn size(kind: u8) -> Option<usize> {
    Some(match kind {
        0x03 | 0x04 => 1,
        0x05 | 0x06 => 2,
        0x07 | 0x08 | 0x0b | 0x0d | 0x14 => 4,
        0x09 | 0x0a | 0x0c | 0x11 | 0x15 => 8,
        0x0f | 0x12 => 16,
        _ => return None,
    })
}

fn text(kind: u8, bytes: &[u8], at: usize) -> Result<String, Broken> {
    let odd = Broken::new(at, "a value of another size than its type's");
    if size(kind).is_some_and(|size| size != bytes.len()) {
        return Err(odd);
    }
    let mut wide = [0_u8; 16];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    let number = u128::from_le_bytes(wide);
    Ok(match kind {
        0x00 => String::new(),
        STRING => utf16(bytes).trim_end_matches('\0').to_owned(),
        0x02 => bytes
            .iter()
            .map(|b| char::from(*b))
            .collect::<String>()
            .trim_end_matches('\0')
            .to_owned(),
        0x03 | 0x05 | 0x07 | 0x09 => signed(number, bytes.len()).to_string(),
        0x04 | 0x06 | 0x08 | 0x0a => number.to_string(),
        0x0b => f32::from_bits(u32::try_from(number).unwrap_or(0)).to_string(),
        0x0c => f64::from_bits(u64::try_from(number).unwrap_or(0)).to_string(),
        0x0d => (number != 0).to_string(),
        0x0f => guid(wide),
        0x10 | 0x14 | 0x15 => format!("0x{number:x}"),
        0x11 => filetime(number).ok_or(odd)?,
        0x12 => systemtime(wide),
        0x13 => sid(bytes).ok_or(odd)?,
        0x0e => bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02X}"); // writing to a String cannot fail
            hex
        }),
        _ => return Err(Broken::new(at, "a value of an unknown type")),
    })
}

fn signed(number: u128, bytes: usize) -> i128 {
    let bits = u32::try_from(8 * bytes).unwrap_or(64).clamp(8, 64);
    let number = number.cast_signed();
    if number >> (bits - 1) & 1 == 1 {
        number - (1 << bits)
    } else {
        number
    }
}

fn filetime(steps: u128) -> Option<String> {
    let nanoseconds = (i128::try_from(steps).ok()? - FILETIME_OF_1970).checked_mul(100)?;
    let moment = Timestamp::from_nanosecond(nanoseconds).ok()?;
    Some(format!("{moment:.7}"))
}

fn systemtime(wide: [u8; 16]) -> String {
    let (pairs, _) = wide.as_chunks::<2>();
    let part = |at: usize| pairs.get(at).map_or(0, |pair| u16::from_le_bytes(*pair));
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}0000Z",
        part(0),
        part(1),
        part(3),
        part(4),
        part(5),
        part(6),
        part(7)
    )
}

fn guid(wide: [u8; 16]) -> String {
    format!("{{{:?}}}", uuid::Uuid::from_bytes_le(wide)).to_uppercase()
}

fn sid(bytes: &[u8]) -> Option<String> {
    let (head, rest) = bytes.split_at_checked(8)?;
    let [revision, count, authority @ ..] = head else {
        return None;
    };
    let (parts, left) = rest.as_chunks::<4>();
    if parts.len() != usize::from(*count) || !left.is_empty() {
        return None;
    }
    let authority = authority
        .iter()
        .fold(0_u64, |all, byte| (all << 8) | u64::from(*byte));
    let mut text = format!("S-{revision}-{authority}");
    for part in parts {
        let _ = write!(text, "-{}", u32::from_le_bytes(*part)); // writing to a String cannot fail
    }
    Some(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_windows_shows_them() {
        let sid = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        let wide: Vec<u8> = "a\0b\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (kind, bytes, due) in [
            (0x05, &[0xff, 0xff][..], vec!["-1"]),
            (0x06, &[0xff, 0xff], vec!["65535"]),
            (
                0x0a,
                &[1, 0, 0, 0, 0, 0, 0, 0x80],
                vec!["9223372036854775809"],
            ),
            (0x0d, &[1, 0, 0, 0], vec!["true"]),
            (0x15, &[0xe7, 3, 0, 0, 0, 0, 0, 0], vec!["0x3e7"]),
            (
                0x11,
                &[0x00, 0x80, 0x3e, 0xd5, 0xde, 0xb1, 0x9d, 0x01],
                vec!["1970-01-01T00:00:00.0000000Z"],
            ),
            (0x13, &sid, vec!["S-1-5-32-544"]),
            (0x0e, &[0x0a, 0xff], vec!["0AFF"]),
            (0x81, &wide, vec!["a", "b"]),
            (0x88, &[1, 0, 0, 0, 2, 0, 0, 0], vec!["1", "2"]),
            (0x01, &[], vec![]),
        ] {
            assert_eq!(texts(kind, bytes, 0).unwrap(), due, "{kind:#x}");
        }
    }

    #[test]
    fn values_that_cannot_be_are_refused() {
        for (kind, bytes) in [
            (0x08, &[1, 2, 3][..]),
            (0x13, &[1, 9, 0, 0, 0, 0, 0, 5]),
            (0x7f, &[1]),
            (0x93, &[1]),
        ] {
            assert!(texts(kind, bytes, 0).is_err(), "{kind:#x}");
        }
    }
}
