//! Fields of a payload: numbers in little-endian, texts behind their length.

use thiserror::Error;

/// Bytes of the longest text; longer ones are cut.
pub(crate) const MAX_TEXT: usize = 3072;

/// A payload has not the fields that its message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a field is missing, left over or out of range")]
pub struct WireError;

/// A payload in the making.
#[derive(Default)]
pub(crate) struct Payload(Vec<u8>);

impl Payload {
    pub(crate) fn u32(mut self, number: u32) -> Payload {
        self.0.extend(number.to_le_bytes());
        self
    }

    pub(crate) fn u64(mut self, number: u64) -> Payload {
        self.0.extend(number.to_le_bytes());
        self
    }

    /// Appends as much of the text as [`MAX_TEXT`] allows.
    pub(crate) fn text(mut self, text: &str) -> Payload {
        let end = (0..=MAX_TEXT).rev().find(|end| text.is_char_boundary(*end));
        let text = end.and_then(|end| text.get(..end)).unwrap_or_default();
        // No more than MAX_TEXT.
        self.0.extend((text.len() as u16).to_le_bytes());
        self.0.extend(text.as_bytes());
        self
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// What is left of a payload.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (field, rest) = self.0.split_first_chunk().ok_or(WireError)?;
        self.0 = rest;
        Ok(*field)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, WireError> {
        self.take().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, WireError> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, WireError> {
        self.take().map(u64::from_le_bytes)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, WireError> {
        let length = usize::from(self.u16()?);
        if length > MAX_TEXT {
            return Err(WireError);
        }
        let (field, rest) = self.0.split_at_checked(length).ok_or(WireError)?;
        self.0 = rest;
        std::str::from_utf8(field).map_err(|_| WireError)
    }

    /// Demands that nothing is left.
    pub(crate) fn end(self) -> Result<(), WireError> {
        if self.0.is_empty() { Ok(()) } else { Err(WireError) }
    }
}
