//! The boxes of ISO base media files (ISO/IEC 14496-12), which HEIF, AVIF and JPEG XL are made of.

use crate::Fault;

/// Big-endian numbers from a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        self.take(N)?.try_into().map_err(|_| cut())
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Fault> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Fault> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Fault> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// Four characters.
    pub(crate) fn name(&mut self) -> Result<[u8; 4], Fault> {
        self.array()
    }

    /// A number of 0, 4 or 8 bytes, as `iloc` has them.
    pub(crate) fn sized(&mut self, bytes: u8) -> Result<u64, Fault> {
        match bytes {
            0 => Ok(0),
            4 => Ok(u64::from(self.u32()?)),
            8 => self.u64(),
            _ => Err(Fault::Corrupt("its items have places of an unknown size".to_owned())),
        }
    }

    /// The version and flags at the start of a full box.
    pub(crate) fn version(&mut self) -> Result<(u8, u32), Fault> {
        let word = self.u32()?;
        // The upper byte.
        Ok(((word >> 24) as u8, word & 0x00FF_FFFF))
    }
}

fn cut() -> Fault {
    Fault::Corrupt("it ends within its header".to_owned())
}

/// A box: its name and what is in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) name: [u8; 4],
    pub(crate) body: &'a [u8],
}

/// The boxes in a slice, in their order. The last one may be cut short; what cannot be a box ends them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Boxes<'a>(pub(crate) &'a [u8]);

impl<'a> Boxes<'a> {
    /// The body of the first box of this name.
    pub(crate) fn body(mut self, name: &[u8; 4]) -> Option<&'a [u8]> {
        self.find(|part| &part.name == name).map(|part| part.body)
    }
}

impl<'a> Iterator for Boxes<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let mut reader = Reader(self.0);
        let (short, name) = (reader.u32().ok()?, reader.name().ok()?);
        let (length, head) = match short {
            0 => (self.0.len(), 8),
            1 => (usize::try_from(reader.u64().ok()?).ok()?, 16),
            _ => (short as usize, 8),
        };
        let end = length.min(self.0.len());
        let body = self.0.get(head..end)?;
        self.0 = self.0.get(end..).unwrap_or_default();
        Some(Part { name, body })
    }
}
