//! Numbers, times and texts as few bytes, for accumulators. What is not written here is not read.

pub(super) fn read_hash(bytes: &mut &[u8]) -> Option<u64> {
    let (hash, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*hash))
}

pub(super) fn write_instant(bytes: &mut Vec<u8>, ms: Option<i64>) {
    bytes.push(u8::from(ms.is_some()));
    if let Some(ms) = ms {
        write_signed(bytes, ms);
    }
}

pub(super) fn read_instant(bytes: &mut &[u8]) -> Option<Option<i64>> {
    match read_byte(bytes)? {
        0 => Some(None),
        1 => read_signed(bytes).map(Some),
        _ => None,
    }
}

pub(super) fn write_billionths(bytes: &mut Vec<u8>, number: Option<i128>) {
    bytes.push(u8::from(number.is_some()));
    if let Some(number) = number {
        bytes.extend(number.to_le_bytes());
    }
}

pub(super) fn read_billionths(bytes: &mut &[u8]) -> Option<i128> {
    let (number, rest) = bytes.split_first_chunk::<16>()?;
    *bytes = rest;
    Some(i128::from_le_bytes(*number))
}

pub(super) fn read_text(bytes: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(read_number(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(std::str::from_utf8(text).ok()?.to_owned())
}

pub(super) fn read_some_billionths(bytes: &mut &[u8]) -> Option<Option<i128>> {
    match read_byte(bytes)? {
        0 => Some(None),
        1 => read_billionths(bytes).map(Some),
        _ => None,
    }
}

/// Seven bits a byte, the lowest first.
pub(super) fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

pub(super) fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = read_byte(bytes)?;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
            return None;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Small numbers of either sign become small numbers: 0, -1, 1, -2 …
pub(super) fn write_signed(bytes: &mut Vec<u8>, number: i64) {
    write_number(bytes, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

pub(super) fn read_signed(bytes: &mut &[u8]) -> Option<i64> {
    let number = read_number(bytes)?;
    Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
}

pub(super) fn read_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}
