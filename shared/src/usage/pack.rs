//! Bytes: variable-length numbers and texts, and the frame (format number, then zstd) that blocks and indexes share.

/// The form that this version writes, and the only one it reads.
const FORMAT: u8 = 1;
/// Above this, a body claims to be larger than anything we write.
const UNPACKED_BYTES_MAX: usize = 64 << 20;

/// Bytes that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// A format that this version does not know: refused, never wiped.
    #[error("format {0} is unknown, this version reads {FORMAT}")]
    Format(u8),
    /// Damaged.
    #[error("the bytes are damaged at {0}")]
    Damaged(&'static str),
}

/// Writes numbers and texts.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An unsigned number, seven bits a byte.
    pub fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
            value >>= 7;
        }
        self.0.push(u8::try_from(value).unwrap_or_default());
    }

    /// A signed number, zigzag.
    pub fn signed(&mut self, value: i64) {
        self.number((value.unsigned_abs() << 1) ^ if value < 0 { 1 } else { 0 });
    }

    /// Eight bytes as they are, for hashes.
    pub fn hash(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Length and bytes of a text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Length and bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// The format number, then everything compressed.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        // Compressing from memory to memory can't fail short of an allocation.
        bytes.extend(zstd::bulk::compress(&self.0, 6).unwrap_or_default());
        bytes
    }
}

/// Reads what a [`Writer`] wrote.
pub struct Reader {
    bytes: Vec<u8>,
    at: usize,
}

impl Reader {
    /// Checks the format number and decompresses.
    ///
    /// # Errors
    /// An unknown format, or damage.
    pub fn open(body: &[u8]) -> Result<Self, PackError> {
        match body.split_first() {
            Some((&FORMAT, packed)) => {
                let bytes =
                    zstd::bulk::decompress(packed, UNPACKED_BYTES_MAX).map_err(|_| PackError::Damaged("frame"))?;
                Ok(Self { bytes, at: 0 })
            }
            Some((&format, _)) => Err(PackError::Format(format)),
            None => Err(PackError::Damaged("frame")),
        }
    }

    /// An unsigned number.
    ///
    /// # Errors
    /// The bytes end.
    pub fn number(&mut self) -> Result<u64, PackError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(PackError::Damaged("number"))?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(PackError::Damaged("number"))
    }

    /// A number of things to come; never more than bytes are left, so that damage can't ask for endless memory.
    ///
    /// # Errors
    /// The bytes end, or could not hold so many.
    pub fn count(&mut self) -> Result<usize, PackError> {
        let count = usize::try_from(self.number()?).map_err(|_| PackError::Damaged("count"))?;
        if count > self.bytes.len() { Err(PackError::Damaged("count")) } else { Ok(count) }
    }

    /// A signed number.
    ///
    /// # Errors
    /// The bytes end.
    pub fn signed(&mut self) -> Result<i64, PackError> {
        let value = self.number()?;
        let magnitude = i64::try_from(value >> 1).map_err(|_| PackError::Damaged("number"))?;
        Ok(if value & 1 == 1 { -magnitude } else { magnitude })
    }

    /// Eight bytes.
    ///
    /// # Errors
    /// The bytes end.
    pub fn hash(&mut self) -> Result<u64, PackError> {
        let bytes =
            self.bytes.get(self.at..self.at + 8).and_then(|b| b.try_into().ok()).ok_or(PackError::Damaged("hash"))?;
        self.at += 8;
        Ok(u64::from_le_bytes(bytes))
    }

    /// A text.
    ///
    /// # Errors
    /// The bytes end, or are not UTF-8.
    pub fn text(&mut self) -> Result<&str, PackError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| PackError::Damaged("text"))
    }

    /// Bytes with their length.
    ///
    /// # Errors
    /// The bytes end.
    pub fn bytes(&mut self) -> Result<&[u8], PackError> {
        let len = self.count()?;
        let start = self.at;
        self.at += len;
        self.bytes.get(start..start + len).ok_or(PackError::Damaged("bytes"))
    }
}
