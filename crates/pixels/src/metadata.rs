//! EXIF: the orientation that is applied, and the tags that a JPEG keeps.
//!
//! Values are copied as they are, in the byte order of the source, so that nothing is read that is
//! not understood. What is copied is bounded by the sum, not entry by entry: many entries may point
//! at the same bytes.

use crate::limits::KEPT_EXIF_BYTES;
use safelight_domain::transform::{Flip, MetadataPolicy, Rotate};

/// How a stored picture has to be turned to be shown. The words name what the stored picture needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Orientation {
    /// 1.
    AsStored,
    /// 2: mirrored left to right.
    FlipHorizontal,
    /// 3.
    Rotate180,
    /// 4: mirrored top to bottom.
    FlipVertical,
    /// 5: mirrored at the diagonal from the top left.
    Transpose,
    /// 6: a quarter turn clockwise.
    Rotate90,
    /// 7: mirrored at the other diagonal.
    Transverse,
    /// 8: a quarter turn anticlockwise.
    Rotate270,
}

impl Orientation {
    /// The orientation of such a number; of any other, as stored.
    pub(crate) fn from_tag(value: u16) -> Orientation {
        match value {
            2 => Orientation::FlipHorizontal,
            3 => Orientation::Rotate180,
            4 => Orientation::FlipVertical,
            5 => Orientation::Transpose,
            6 => Orientation::Rotate90,
            7 => Orientation::Transverse,
            8 => Orientation::Rotate270,
            _ => Orientation::AsStored,
        }
    }

    /// The number that stands for it in EXIF, from 1.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Orientation::AsStored => 1,
            Orientation::FlipHorizontal => 2,
            Orientation::Rotate180 => 3,
            Orientation::FlipVertical => 4,
            Orientation::Transpose => 5,
            Orientation::Rotate90 => 6,
            Orientation::Transverse => 7,
            Orientation::Rotate270 => 8,
        }
    }

    /// What mirrors a picture.
    pub(crate) fn of_flip(flip: Flip) -> Orientation {
        match flip {
            Flip::None => Orientation::AsStored,
            Flip::Horizontal => Orientation::FlipHorizontal,
            Flip::Vertical => Orientation::FlipVertical,
            Flip::Both => Orientation::Rotate180,
        }
    }

    /// What turns a picture clockwise.
    pub(crate) fn of_turn(turn: Rotate) -> Orientation {
        match turn {
            Rotate::None => Orientation::AsStored,
            Rotate::By90 => Orientation::Rotate90,
            Rotate::By180 => Orientation::Rotate180,
            Rotate::By270 => Orientation::Rotate270,
        }
    }

    /// What does the same as `self` and `next` after it.
    pub(crate) fn then(self, next: Orientation) -> Orientation {
        // An axis that changes places takes the direction that the other one had.
        let (columns, rows) = if self.swaps_sides() {
            (next.reverses_rows(), next.reverses_columns())
        } else {
            (next.reverses_columns(), next.reverses_rows())
        };
        let parts = (
            self.swaps_sides() != next.swaps_sides(),
            self.reverses_columns() != columns,
            self.reverses_rows() != rows,
        );
        match parts {
            (false, false, false) => Orientation::AsStored,
            (false, true, false) => Orientation::FlipHorizontal,
            (false, true, true) => Orientation::Rotate180,
            (false, false, true) => Orientation::FlipVertical,
            (true, false, false) => Orientation::Transpose,
            (true, false, true) => Orientation::Rotate90,
            (true, true, true) => Orientation::Transverse,
            (true, true, false) => Orientation::Rotate270,
        }
    }

    /// Whether width and height change places.
    pub(crate) fn swaps_sides(self) -> bool {
        matches!(
            self,
            Orientation::Transpose | Orientation::Rotate90 | Orientation::Transverse | Orientation::Rotate270
        )
    }

    /// Whether the stored columns are read from the right.
    pub(crate) fn reverses_columns(self) -> bool {
        matches!(
            self,
            Orientation::FlipHorizontal
                | Orientation::Rotate180
                | Orientation::Transverse
                | Orientation::Rotate270
        )
    }

    /// Whether the stored rows are read from the bottom.
    pub(crate) fn reverses_rows(self) -> bool {
        matches!(
            self,
            Orientation::Rotate180
                | Orientation::FlipVertical
                | Orientation::Rotate90
                | Orientation::Transverse
        )
    }
}

const ORIENTATION: u16 = 0x0112;
const COPYRIGHT: u16 = 0x8298;
const EXIF_DIRECTORY: u16 = 0x8769;
const GPS_DIRECTORY: u16 = 0x8825;
const COLOR_SPACE: u16 = 0xA001;
const SHORT: u16 = 3;
const LONG: u16 = 4;

/// Entries a directory may have; cameras write below a hundred.
const MAX_ENTRIES: usize = 512;

/// Whether a rendition keeps a tag of the first directory or of EXIF's own: those of Exif 3.0 (CIPA
/// DC-008-2023) that say how, when and by whom a picture was made, and what Windows writes
/// for title, comment, author, keywords, subject and stars. Not those that say how the source is stored
/// or what its colours are, thumbnails, other metadata in disguise, and what programs keep for
/// themselves, maker notes among it: nobody can say what is in there.
fn is_told(tag: u16) -> bool {
    matches!(
        tag,
        0x010D..=0x0110
            | ORIENTATION
            | 0x011A..=0x011B
            | 0x0128
            | 0x0131..=0x0132
            | 0x013B..=0x013C
            | 0x4746
            | 0x4749
            | COPYRIGHT
            | 0x829A
            | 0x829D
            | 0x8822
            | 0x8824
            | 0x8827..=0x8828
            | 0x8830..=0x8835
            | 0x9000
            | 0x9003..=0x9004
            | 0x9010..=0x9012
            | 0x9101..=0x9102
            | 0x9201..=0x920A
            | 0x9214
            | 0x9286
            | 0x9290..=0x9292
            | 0x9400..=0x9405
            | 0x9C9B..=0x9C9F
            | 0xA000..=COLOR_SPACE
            | 0xA004
            | 0xA20B..=0xA20C
            | 0xA20E..=0xA210
            | 0xA214..=0xA215
            | 0xA217
            | 0xA300..=0xA302
            | 0xA401..=0xA40C
            | 0xA420
            | 0xA430..=0xA43C
            | 0xA460..=0xA462
    )
}

/// The last tag of the directory for the place, which has them from 0.
const GPS_LAST: u16 = 0x1F;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let pair = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self == Order::Little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let four = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self == Order::Little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }

    fn put16(self, value: u16) -> [u8; 2] {
        if self == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    fn put32(self, value: u32) -> [u8; 4] {
        if self == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }
}

#[derive(Clone, Debug)]
struct Entry {
    tag: u16,
    kind: u16,
    count: u32,
    value: Vec<u8>,
}

/// What the colour space of a rendition is, to EXIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// sRGB.
    Srgb,
    /// That of the profile that is embedded, for which EXIF has no number but "uncalibrated".
    Profile,
}

impl Space {
    fn tag(self) -> u16 {
        match self {
            Space::Srgb => 1,
            Space::Profile => 0xFFFF,
        }
    }
}

/// The EXIF block of a file, from its TIFF header on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exif<'a> {
    order: Order,
    block: &'a [u8],
    first: usize,
}

impl<'a> Exif<'a> {
    /// Reads the TIFF header, with or without the `Exif\0\0` before it. `None` if it is not one.
    pub(crate) fn parse(block: &'a [u8]) -> Option<Exif<'a>> {
        let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        let order = match block.get(..2)? {
            b"II" => Order::Little,
            b"MM" => Order::Big,
            _ => return None,
        };
        if order.u16(block, 2)? != 42 {
            return None;
        }
        Some(Exif { order, block, first: usize::try_from(order.u32(block, 4)?).ok()? })
    }

    /// What the orientation tag says; as stored where it says nothing sensible.
    pub(crate) fn orientation(&self) -> Orientation {
        self.raw_entries(self.first)
            .find(|&at| self.order.u16(self.block, at) == Some(ORIENTATION))
            .filter(|&at| self.order.u16(self.block, at + 2) == Some(SHORT))
            .and_then(|at| self.order.u16(self.block, at + 8))
            .map_or(Orientation::AsStored, Orientation::from_tag)
    }

    /// The EXIF block that a JPEG keeps under `policy`, of at most [`KEPT_EXIF_BYTES`]; `None` if
    /// there is nothing to keep.
    pub(crate) fn kept(&self, policy: MetadataPolicy, space: Space) -> Option<Vec<u8>> {
        let mut budget = KEPT_EXIF_BYTES;
        let (mut first, mut exif, gps) = match policy {
            MetadataPolicy::None => return None,
            MetadataPolicy::Copyright => {
                (self.entries(self.first, &mut budget, |tag| tag == COPYRIGHT), Vec::new(), Vec::new())
            }
            MetadataPolicy::Keep => {
                let first = self.entries(self.first, &mut budget, is_told);
                let mut directory = |pointer, wanted: fn(u16) -> bool| {
                    self.pointer(pointer).map_or(Vec::new(), |at| self.entries(at, &mut budget, wanted))
                };
                let exif = directory(EXIF_DIRECTORY, is_told);
                (first, exif, directory(GPS_DIRECTORY, |tag| tag <= GPS_LAST))
            }
        };
        if first.is_empty() && exif.is_empty() && gps.is_empty() {
            return None;
        }
        for entry in first.iter_mut().chain(&mut exif) {
            // Written anew whatever their form was: an orientation that is kept would be applied again.
            let value = match entry.tag {
                ORIENTATION => 1,
                COLOR_SPACE => space.tag(),
                _ => continue,
            };
            *entry = Entry { tag: entry.tag, kind: SHORT, count: 1, value: self.order.put16(value).to_vec() };
        }
        Some(self.write(first, exif, gps))
    }

    /// Offsets of the twelve-byte entries of the directory at `at`.
    fn raw_entries(&self, at: usize) -> impl Iterator<Item = usize> + use<'a> {
        let count = self.order.u16(self.block, at).map_or(0, usize::from).min(MAX_ENTRIES);
        let end = self.block.len();
        // An offset fits 32 bits and the count 512, so there is no overflow.
        (0..count).map(move |index| at + 2 + index * 12).take_while(move |entry| entry + 12 <= end)
    }

    fn pointer(&self, tag: u16) -> Option<usize> {
        let at = self.raw_entries(self.first).find(|&at| self.order.u16(self.block, at) == Some(tag))?;
        usize::try_from(self.order.u32(self.block, at + 8)?).ok()
    }

    /// The entries of the directory at `at` that are `wanted`, sound, and within `budget`.
    fn entries(&self, at: usize, budget: &mut usize, wanted: impl Fn(u16) -> bool) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for at in self.raw_entries(at) {
            let Some((tag, kind, count, value)) = self.entry(at) else { continue };
            let cost = 12 + value.len();
            let repeated = entries.iter().any(|entry| entry.tag == tag);
            if wanted(tag) && !repeated && cost <= *budget {
                *budget -= cost;
                entries.push(Entry { tag, kind, count, value: value.to_vec() });
            }
        }
        entries.sort_by_key(|entry| entry.tag);
        entries
    }

    fn entry(&self, at: usize) -> Option<(u16, u16, u32, &'a [u8])> {
        let tag = self.order.u16(self.block, at)?;
        let kind = self.order.u16(self.block, at + 2)?;
        let count = self.order.u32(self.block, at + 4)?;
        let unit = match kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 => 4,
            5 | 10 | 12 => 8,
            _ => return None,
        };
        let length = usize::try_from(count).ok()?.checked_mul(unit)?;
        let start =
            if length <= 4 { at + 8 } else { usize::try_from(self.order.u32(self.block, at + 8)?).ok()? };
        Some((tag, kind, count, self.block.get(start..start.checked_add(length)?)?))
    }

    fn write(&self, mut first: Vec<Entry>, exif: Vec<Entry>, gps: Vec<Entry>) -> Vec<u8> {
        let size = |entries: &[Entry]| {
            6 + entries
                .iter()
                .map(|e| 12 + if e.value.len() > 4 { e.value.len().next_multiple_of(2) } else { 0 })
                .sum::<usize>()
        };
        let children: Vec<(u16, &Vec<Entry>)> = [(EXIF_DIRECTORY, &exif), (GPS_DIRECTORY, &gps)]
            .into_iter()
            .filter(|(_, e)| !e.is_empty())
            .collect();
        let mut at = 8 + size(&first) + 12 * children.len();
        for (tag, entries) in &children {
            first.push(Entry {
                tag: *tag,
                kind: LONG,
                count: 1,
                value: self.order.put32(at as u32).to_vec(),
            });
            at += size(entries);
        }
        first.sort_by_key(|entry| entry.tag);
        let mut out = Vec::with_capacity(at);
        out.extend_from_slice(if self.order == Order::Little { b"II" } else { b"MM" });
        out.extend_from_slice(&self.order.put16(42));
        out.extend_from_slice(&self.order.put32(8));
        self.write_directory(&first, &mut out);
        for (_, entries) in children {
            self.write_directory(entries, &mut out);
        }
        out
    }

    fn write_directory(&self, entries: &[Entry], out: &mut Vec<u8>) {
        let mut data = Vec::new();
        // What is kept is below 64 KiB, so counts and offsets fit.
        let data_at = out.len() + 6 + 12 * entries.len();
        out.extend_from_slice(&self.order.put16(entries.len() as u16));
        for entry in entries {
            out.extend_from_slice(&self.order.put16(entry.tag));
            out.extend_from_slice(&self.order.put16(entry.kind));
            out.extend_from_slice(&self.order.put32(entry.count));
            if entry.value.len() <= 4 {
                let mut inline = [0; 4];
                for (slot, byte) in inline.iter_mut().zip(&entry.value) {
                    *slot = *byte;
                }
                out.extend_from_slice(&inline);
            } else {
                out.extend_from_slice(&self.order.put32((data_at + data.len()) as u32));
                data.extend_from_slice(&entry.value);
                if data.len() % 2 == 1 {
                    data.push(0);
                }
            }
        }
        out.extend_from_slice(&self.order.put32(0));
        out.extend_from_slice(&data);
    }
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
