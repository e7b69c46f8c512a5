//! Bytes: variable-length numbers and texts, and the frame that blocks, indexes, pages and folds share: the format number,
//! how many parts there are, of each its unpacked and packed length, and then the parts, each compressed by itself.
//!
//! A large column is a part, since what repeats in one column says nothing of the next: that saves a fifth of a day's block.

use crate::id::{Kind, PropertiesId};

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

/// Fewer bytes are no part of their own: each costs some twenty.
const PART_BYTES_MIN: usize = 400;

/// Writes numbers and texts.
#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
    /// Where parts end.
    cuts: Vec<usize>,
}

impl Writer {
    /// An unsigned number, seven bits a byte.
    pub fn number(&mut self, value: u64) {
        put_number(&mut self.bytes, value);
    }

    /// A signed number, zigzag.
    pub fn signed(&mut self, value: i64) {
        self.number(zigzag(value));
    }

    /// Eight bytes as they are, for hashes.
    pub fn hash(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A kind.
    pub fn kind(&mut self, kind: Kind) {
        match kind {
            Kind::Properties(PropertiesId(id)) => {
                self.number(Kind::ALL.len() as u64);
                self.hash(id);
            }
            kind => self.number(Kind::ALL.iter().position(|known| *known == kind).unwrap_or_default() as u64),
        }
    }

    /// Numbers of one column: how many bytes the largest takes, then the lowest bytes of all of them, then the next ones.
    pub fn column(&mut self, values: &[u64]) {
        let bits = values.iter().fold(0, |all, value| all | value).checked_ilog2().map_or(0, |top| top + 1);
        self.cut();
        self.number(u64::from(bits.div_ceil(8)));
        for plane in 0..bits.div_ceil(8) {
            self.bytes.extend(values.iter().map(|value| value.to_le_bytes()[plane as usize]));
            self.cut();
        }
    }

    /// The same of signed numbers, zigzag.
    pub fn signed_column(&mut self, values: impl Iterator<Item = i64>) {
        self.column(&values.map(zigzag).collect::<Vec<_>>());
    }

    /// Ends a part, if it is large enough.
    fn cut(&mut self) {
        if self.bytes.len() - self.cuts.last().unwrap_or(&0) >= PART_BYTES_MIN {
            self.cuts.push(self.bytes.len());
        }
    }

    /// Length and bytes of a text.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Length and bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// The frame.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.cuts.push(self.bytes.len());
        let mut frame = vec![FORMAT];
        put_number(&mut frame, self.cuts.len() as u64);
        let (mut packed, mut start) = (Vec::new(), 0);
        for end in self.cuts {
            // Compressing from memory to memory can't fail short of an allocation.
            let part = zstd::bulk::compress(&self.bytes[start..end], 6).unwrap_or_default();
            put_number(&mut frame, (end - start) as u64);
            put_number(&mut frame, part.len() as u64);
            packed.extend(part);
            start = end;
        }
        frame.append(&mut packed);
        frame
    }
}

fn put_number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap_or_default());
}

fn zigzag(value: i64) -> u64 {
    (value.unsigned_abs() << 1) ^ u64::from(value < 0)
}

fn signed(value: u64) -> Result<i64, PackError> {
    let magnitude = i64::try_from(value >> 1).map_err(|_| PackError::Damaged("number"))?;
    Ok(if value & 1 == 1 { -magnitude } else { magnitude })
}

/// Reads what a [`Writer`] wrote.
#[derive(Default)]
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
        let damaged = || PackError::Damaged("frame");
        let mut head = match body.split_first() {
            Some((&FORMAT, rest)) => Self { bytes: rest.to_vec(), at: 0 },
            Some((&format, _)) => return Err(PackError::Format(format)),
            None => return Err(damaged()),
        };
        let mut parts = Vec::new();
        for _ in 0..head.count()? {
            let size = |number: u64| usize::try_from(number).ok().filter(|size| *size <= UNPACKED_BYTES_MAX);
            parts.push((size(head.number()?).ok_or_else(damaged)?, head.count()?));
        }
        let total: usize = parts.iter().map(|(size, _)| size).sum();
        if total > UNPACKED_BYTES_MAX {
            return Err(damaged());
        }
        let mut unpacking = zstd::bulk::Decompressor::new().map_err(|_| damaged())?;
        let (mut bytes, mut from, mut to) = (vec![0; total], head.at, 0);
        for (size, packed) in parts {
            let part = head.bytes.get(from..from + packed).ok_or_else(damaged)?;
            let written = unpacking.decompress_to_buffer(part, &mut bytes[to..to + size]).map_err(|_| damaged())?;
            if written != size {
                return Err(damaged());
            }
            (from, to) = (from + packed, to + size);
        }
        Ok(Self { bytes, at: 0 })
    }

    /// As many numbers of one column.
    ///
    /// # Errors
    /// The bytes end.
    pub fn column(&mut self, count: usize) -> Result<Vec<u64>, PackError> {
        let width = self.number()?;
        if width > 8 {
            return Err(PackError::Damaged("column"));
        }
        let mut values = vec![0u64; count];
        for plane in 0..width {
            let bytes = self.bytes.get(self.at..self.at + count).ok_or(PackError::Damaged("column"))?;
            values.iter_mut().zip(bytes).for_each(|(value, byte)| *value |= u64::from(*byte) << (8 * plane));
            self.at += count;
        }
        Ok(values)
    }

    /// The same of signed numbers.
    ///
    /// # Errors
    /// The bytes end.
    pub fn signed_column(&mut self, count: usize) -> Result<Vec<i64>, PackError> {
        self.column(count)?.into_iter().map(signed).collect()
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
        signed(self.number()?)
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

    /// A kind.
    ///
    /// # Errors
    /// The bytes end, or there is none of this number.
    pub fn kind(&mut self) -> Result<Kind, PackError> {
        let at = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if at == Kind::ALL.len() {
            return Ok(Kind::Properties(PropertiesId(self.hash()?)));
        }
        Kind::ALL.get(at).copied().ok_or(PackError::Damaged("kind"))
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
