//! The items of a HEIF file (ISO/IEC 23008-12): where their bytes are, and what is said of them.
//!
//! Tables are walked where they lie in the file, and nothing is allocated by what they claim. The
//! number of entries that are looked at is bounded, since some are walked for every tile.

use super::boxes::{Boxes, Part, Reader};
use crate::Fault;
use std::borrow::Cow;

/// Entries of a table that are looked at.
const MAX_ENTRIES: usize = 8192;

/// Properties of an item that are looked at.
const MAX_PROPERTIES: usize = 64;

/// Most tiles of a grid. A photograph of 200 megapixels has 800.
pub(crate) const MAX_TILES: usize = 1024;

/// The tables of a file.
#[derive(Clone, Debug)]
pub(crate) struct Items<'a> {
    file: &'a [u8],
    primary: u32,
    information: &'a [u8],
    locations: &'a [u8],
    references: &'a [u8],
    associations: Vec<&'a [u8]>,
    properties: Vec<Part<'a>>,
    data: &'a [u8],
}

pub(super) fn corrupt(text: &str) -> Fault {
    Fault::Corrupt(text.to_owned())
}

impl<'a> Items<'a> {
    /// Finds the tables; `None` if the file has no items.
    pub(crate) fn read(file: &'a [u8]) -> Result<Option<Items<'a>>, Fault> {
        let Some(meta) = Boxes(file).body(b"meta") else { return Ok(None) };
        let meta = Boxes(meta.get(4..).unwrap_or_default());
        let Some(mut primary) = meta.body(b"pitm").map(Reader) else { return Ok(None) };
        let (version, _) = primary.version()?;
        let primary = if version == 0 { u32::from(primary.u16()?) } else { primary.u32()? };
        let properties = Boxes(meta.body(b"iprp").unwrap_or_default());
        let wanted = |part: &Part<'a>| &part.name == b"ipma";
        Ok(Some(Items {
            file,
            primary,
            information: meta.body(b"iinf").unwrap_or_default(),
            locations: meta.body(b"iloc").ok_or_else(|| corrupt("it does not say where its items are"))?,
            references: meta.body(b"iref").unwrap_or_default(),
            associations: properties.filter(wanted).map(|part| part.body).take(4).collect(),
            properties: Boxes(properties.body(b"ipco").unwrap_or_default()).take(MAX_ENTRIES).collect(),
            data: meta.body(b"idat").unwrap_or_default(),
        }))
    }

    /// The item that the file is about.
    pub(crate) fn primary(&self) -> u32 {
        self.primary
    }

    /// The type of an item, of one without an entry none.
    pub(crate) fn kind(&self, item: u32) -> Option<[u8; 4]> {
        self.kinds().find(|(id, _)| *id == item).map(|(_, kind)| kind)
    }

    /// Every item and its type.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (u32, [u8; 4])> + use<'a> {
        let mut reader = Reader(self.information);
        let version = reader.version().map_or(0, |(version, _)| version);
        let entries = reader.0.get(if version == 0 { 2 } else { 4 }..).unwrap_or_default();
        Boxes(entries).take(MAX_ENTRIES).filter(|part| &part.name == b"infe").filter_map(|part| {
            let mut reader = Reader(part.body);
            let (version, _) = reader.version().ok()?;
            let id = match version {
                2 => u32::from(reader.u16().ok()?),
                3 => reader.u32().ok()?,
                _ => return None,
            };
            reader.u16().ok()?;
            Some((id, reader.name().ok()?))
        })
    }

    /// What is said of an item, in order. An essential property of an unknown kind is among them.
    pub(crate) fn properties(&self, item: u32) -> Result<Vec<Part<'a>>, Fault> {
        let mut found = Vec::new();
        for table in &self.associations {
            let mut reader = Reader(table);
            let (version, flags) = reader.version()?;
            let entries = reader.u32()? as usize;
            for _ in 0..entries.min(MAX_ENTRIES) {
                let id = if version == 0 { u32::from(reader.u16()?) } else { reader.u32()? };
                let count = reader.u8()?;
                let each = if flags & 1 == 1 { 2 } else { 1 };
                let mut indices = Reader(reader.take(usize::from(count) * each)?);
                if id != item {
                    continue;
                }
                for _ in 0..usize::from(count).min(MAX_PROPERTIES) {
                    let index = if each == 2 {
                        usize::from(indices.u16()? & 0x7FFF)
                    } else {
                        usize::from(indices.u8()? & 0x7F)
                    };
                    // Indices start at 1; 0 is none.
                    if let Some(part) = index.checked_sub(1).and_then(|index| self.properties.get(index)) {
                        found.push(*part);
                    }
                }
                return Ok(found);
            }
        }
        Ok(found)
    }

    /// Where references of a kind from an item lead, in order; at most [`MAX_TILES`].
    pub(crate) fn references(&self, kind: &[u8; 4], from: u32) -> Result<Vec<u32>, Fault> {
        for (found, source, targets) in self.all_references()? {
            if &found == kind && source == from {
                let targets: Vec<u32> = targets.collect();
                if targets.len() > MAX_TILES {
                    return Err(corrupt("it has too many tiles"));
                }
                return Ok(targets);
            }
        }
        Ok(Vec::new())
    }

    /// The items from which references of a kind lead to an item.
    pub(crate) fn referring(&self, kind: &[u8; 4], to: u32) -> Result<Vec<u32>, Fault> {
        let mut sources = Vec::new();
        for (found, source, mut targets) in self.all_references()? {
            if &found == kind && targets.any(|target| target == to) {
                sources.push(source);
            }
        }
        Ok(sources)
    }

    fn all_references(
        &self,
    ) -> Result<impl Iterator<Item = ([u8; 4], u32, impl Iterator<Item = u32> + use<'a>)> + use<'a>, Fault>
    {
        let mut reader = Reader(self.references);
        let version = if self.references.is_empty() { 0 } else { reader.version()?.0 };
        Ok(Boxes(reader.0).take(MAX_ENTRIES).filter_map(move |part| {
            let mut reader = Reader(part.body);
            let id = move |reader: &mut Reader<'a>| {
                if version == 0 { reader.u16().map(u32::from) } else { reader.u32() }
            };
            let source = id(&mut reader).ok()?;
            let count = reader.u16().ok()?;
            Some((part.name, source, (0..count).map_while(move |_| id(&mut reader).ok())))
        }))
    }

    /// The bytes of an item: at most as many as the file has, else it is corrupt.
    pub(crate) fn bytes(&self, item: u32) -> Result<Cow<'a, [u8]>, Fault> {
        let missing = || corrupt("an item has no bytes");
        let mut reader = Reader(self.locations);
        let (version, _) = reader.version()?;
        let sizes = reader.u16()?;
        // Four numbers of four bits.
        let [offset, length, base, index] = [12, 8, 4, 0].map(|shift| (sizes >> shift & 15) as u8);
        let index = if version == 0 { 0 } else { index };
        let wide = version >= 2;
        let count = if wide { reader.u32()? as usize } else { usize::from(reader.u16()?) };
        for _ in 0..count.min(MAX_ENTRIES) {
            let id = if wide { reader.u32()? } else { u32::from(reader.u16()?) };
            let method = if version == 0 { 0 } else { reader.u16()? & 15 };
            reader.u16()?;
            let start = reader.sized(base)?;
            let extents = reader.u16()?;
            let each = usize::from(offset) + usize::from(length) + usize::from(index);
            let mut extents = Reader(reader.take(usize::from(extents) * each)?);
            if id != item {
                continue;
            }
            let whole = match method {
                0 => self.file,
                1 => self.data,
                _ => return Err(corrupt("an item is made of other items in an unknown way")),
            };
            let mut bytes: Option<Cow<'a, [u8]>> = None;
            while !extents.0.is_empty() && each > 0 {
                extents.sized(index)?;
                let from = start.checked_add(extents.sized(offset)?).ok_or_else(missing)?;
                let length = extents.sized(length)?;
                let part = part_of(whole, from, length).ok_or_else(missing)?;
                match &mut bytes {
                    None => bytes = Some(Cow::Borrowed(part)),
                    Some(bytes) if bytes.len() + part.len() <= self.file.len() => {
                        bytes.to_mut().extend_from_slice(part);
                    }
                    Some(_) => return Err(missing()),
                }
            }
            // An item without sizes in its table is all that follows its place.
            return bytes.or_else(|| part_of(whole, start, 0).map(Cow::Borrowed)).ok_or_else(missing);
        }
        Err(missing())
    }
}

/// The bytes at a place; a length of 0 means all that follow.
fn part_of(whole: &[u8], from: u64, length: u64) -> Option<&[u8]> {
    let from = usize::try_from(from).ok()?;
    let end = if length == 0 { whole.len() } else { from.checked_add(usize::try_from(length).ok()?)? };
    whole.get(from..end)
}
