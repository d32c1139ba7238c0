//! Reading and writing the little pieces MS-TDS is made of.

/// A cursor over a message that refuses to read past its end.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or_else(|| format!("{length} bytes wanted, {} left", self.bytes.len()))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        Ok(self
            .take(N)?
            .try_into()
            .expect("`take` gives what was asked"))
    }

    pub fn u8(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16, String> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    /// UTF-16 of `units` code units.
    pub fn text(&mut self, units: usize) -> Result<String, String> {
        utf16(self.take(units * 2)?)
    }
}

/// Little-endian UTF-16; a lone surrogate becomes U+FFFD, since a name may hold one.
pub(super) fn utf16(bytes: &[u8]) -> Result<String, String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(format!("UTF-16 of odd length {}", bytes.len()));
    }
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    Ok(char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect())
}

pub(super) fn put_utf16(out: &mut Vec<u8>, text: &str) {
    out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
}

/// `B_VARCHAR`: a count of UTF-16 units in one byte, then the units.
pub(super) fn put_b_varchar(out: &mut Vec<u8>, text: &str) -> Result<(), String> {
    let units = text.encode_utf16().count();
    out.push(u8::try_from(units).map_err(|_| format!("{units} units in a B_VARCHAR: {text:.40}"))?);
    put_utf16(out, text);
    Ok(())
}

/// `US_VARCHAR`: the same with a count of two bytes.
pub(super) fn put_us_varchar(out: &mut Vec<u8>, text: &str) -> Result<(), String> {
    let units = text.encode_utf16().count();
    let count = u16::try_from(units).map_err(|_| format!("{units} units in a US_VARCHAR"))?;
    out.extend(count.to_le_bytes());
    put_utf16(out, text);
    Ok(())
}

/// A token whose body is preceded by its length in two bytes.
pub(super) fn put_sized(
    out: &mut Vec<u8>,
    token: u8,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), String>,
) -> Result<(), String> {
    out.push(token);
    let at = out.len();
    out.extend([0, 0]);
    body(out)?;
    let length = out.len() - at - 2;
    let length = u16::try_from(length)
        .map_err(|_| format!("token {token:#04x} of {length} bytes"))?
        .to_le_bytes();
    out[at..at + 2].copy_from_slice(&length);
    Ok(())
}
