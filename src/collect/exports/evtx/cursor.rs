//! Reading out of a chunk: every place is checked.

/// What cannot be read, and where in the chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Offset in the chunk.
    pub at: usize,
    /// In words.
    pub what: &'static str,
}

impl Broken {
    pub fn new(at: usize, what: &'static str) -> Self {
        Self { at, what }
    }
}

/// A place in a chunk, and where what is read ends. Offsets in a log are those of its chunk.
#[derive(Clone, Copy)]
pub struct Cursor<'c> {
    chunk: &'c [u8],
    /// Where the next byte is read.
    pub at: usize,
    /// Before which it is.
    pub end: usize,
}

impl<'c> Cursor<'c> {
    pub fn over(chunk: &'c [u8]) -> Self {
        Self::new(chunk, 0, chunk.len())
    }

    pub fn new(chunk: &'c [u8], at: usize, end: usize) -> Self {
        Self {
            chunk,
            at,
            end: end.min(chunk.len()),
        }
    }

    /// Another place of the same chunk.
    pub fn moved(&self, at: usize, end: usize) -> Self {
        Self::new(self.chunk, at, end)
    }

    /// The whole chunk from a place on.
    pub fn elsewhere(&self, at: usize) -> Self {
        self.moved(at, self.chunk.len())
    }

    pub fn is_done(&self) -> bool {
        self.at >= self.end
    }

    pub fn bytes(&mut self, length: usize) -> Result<&'c [u8], Broken> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.end);
        let found = end.and_then(|end| self.chunk.get(self.at..end));
        let found = found.ok_or(Broken::new(self.at, "a length that goes beyond its record"))?;
        self.at += length;
        Ok(found)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let at = self.at;
        let bytes = self.bytes(N)?;
        bytes
            .try_into()
            .map_err(|_| Broken::new(at, "a length that goes beyond its record"))
    }

    pub fn u8(&mut self) -> Result<u8, Broken> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub fn u16(&mut self) -> Result<u16, Broken> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, Broken> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u16_at(&self, at: usize) -> Result<u16, Broken> {
        self.elsewhere(at).u16()
    }

    pub fn u32_at(&self, at: usize) -> Result<u32, Broken> {
        self.elsewhere(at).u32()
    }

    pub fn u64_at(&self, at: usize) -> Result<u64, Broken> {
        Ok(u64::from_le_bytes(self.elsewhere(at).array()?))
    }

    /// So many UTF-16 units.
    pub fn text(&mut self, units: usize) -> Result<String, Broken> {
        let bytes = self.bytes(units.saturating_mul(2))?;
        Ok(utf16(bytes))
    }
}

/// What is no character becomes U+FFFD: a name with half of one is a name all the same.
pub fn utf16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}
