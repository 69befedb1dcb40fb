//! HEIF files: AVIF and HEIC, stills and sequences.
//!
//! Size, transparency, turning and colours are read here, from the container alone, for the decoders
//! as for the header; a decoder that then finds another size makes the file corrupt.

use super::boxes::{Boxes, Part, Reader};
use super::items::{Items, MAX_TILES, corrupt};
use super::track::{self, Track};
use super::{Header, Ink};
use crate::Fault;
use crate::limits::check_source;
use crate::metadata::Orientation;
use safelight_domain::image::{SourceFormat, SourceInfo, SourceLimits, Turn};

/// By how much a tile may be larger than the picture that it is a part of, in pixels a side.
const TILE_MARGIN: u32 = 1024;

/// How the pictures are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    Av1,
    Hevc,
}

/// Colours in the numbers of ITU-T H.273.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nclx {
    pub(crate) primaries: u16,
    pub(crate) transfer: u16,
    pub(crate) matrix: u16,
    pub(crate) full_range: bool,
}

/// A part of a picture that is shown, in whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crop {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A picture that is coded in one or more tiles.
#[derive(Clone, Debug)]
pub(crate) struct Coded {
    /// Pixels of the whole.
    pub(crate) width: u32,
    /// Pixels of the whole.
    pub(crate) height: u32,
    /// Tiles a row.
    pub(crate) columns: u32,
    /// Items of the tiles, row by row.
    pub(crate) tiles: Vec<u32>,
    /// Pixels of a tile; those at the right and at the bottom may hang over the whole.
    pub(crate) tile_width: u32,
    /// Pixels of a tile.
    pub(crate) tile_height: u32,
}

/// A still picture.
#[derive(Clone, Debug)]
pub(crate) struct Still<'a> {
    pub(crate) items: Items<'a>,
    pub(crate) main: Coded,
    pub(crate) alpha: Option<Coded>,
    pub(crate) look: Look<'a>,
}

/// What is said of the pixels of a picture besides their size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look<'a> {
    /// Whether colours are multiplied by alpha.
    pub(crate) premultiplied: bool,
    pub(crate) crop: Option<Crop>,
    /// How the picture, cropped, is turned to be shown.
    pub(crate) orientation: Orientation,
    pub(crate) icc: Option<&'a [u8]>,
    pub(crate) nclx: Option<Nclx>,
}

/// What a file shows.
#[derive(Clone, Debug)]
pub(crate) enum Shown<'a> {
    Still(Box<Still<'a>>),
    Sequence(Box<Track<'a>>),
}

/// A file, read.
#[derive(Clone, Debug)]
pub(crate) struct Heif<'a> {
    pub(crate) codec: Codec,
    pub(crate) shown: Shown<'a>,
}

/// Whether the file is of this family, by the brands at its start.
pub(super) fn is_heif(file: &[u8]) -> bool {
    const BRANDS: [&[u8; 4]; 11] =
        [b"avif", b"avis", b"mif1", b"mif2", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"];
    let Some(part) = Boxes(file).next().filter(|part| &part.name == b"ftyp") else { return false };
    // The major brand, its version, and those that are compatible.
    let brands = part.body.as_chunks::<4>().0.iter().enumerate().filter(|(index, _)| *index != 1);
    brands.take(64).any(|(_, brand)| BRANDS.contains(&brand))
}

/// Reads the header.
pub(super) fn header<'a>(file: &'a [u8], limits: &SourceLimits) -> Result<Header<'a>, Fault> {
    let heif = open(file)?;
    // What is cut off is decoded too.
    let (width, height) = match &heif.shown {
        Shown::Still(still) => (still.main.width, still.main.height),
        Shown::Sequence(track) => (track.width, track.height),
    };
    check_source(width, height, limits)?;
    let format = match heif.codec {
        Codec::Av1 => SourceFormat::Avif,
        Codec::Hevc => SourceFormat::Heic,
    };
    let (info, exif, look) = match &heif.shown {
        Shown::Still(still) => {
            let (width, height) = cropped((width, height), &still.look);
            let has_alpha = still.alpha.is_some();
            (
                SourceInfo { format, width, height, has_alpha, frames: 1, turn: Turn::Upright },
                exif(&still.items)?,
                still.look,
            )
        }
        Shown::Sequence(track) => {
            let (width, height) = cropped((width, height), &track.look);
            // Of HEVC sequences the first picture alone can be decoded.
            let frames = if heif.codec == Codec::Av1 { track.frames } else { 1 };
            let info = SourceInfo {
                format,
                width,
                height,
                has_alpha: track.alpha.is_some(),
                frames,
                turn: Turn::Upright,
            };
            (info, None, track.look)
        }
    };
    Ok(Header { info, exif, ink: Ink::Plain, orientation: Some(look.orientation) })
}

fn cropped(size: (u32, u32), look: &Look<'_>) -> (u32, u32) {
    look.crop.map_or(size, |crop| (crop.width, crop.height))
}

/// Reads what the file shows: the primary item, or the sequence if that is what the file is for.
pub(crate) fn open(file: &[u8]) -> Result<Heif<'_>, Fault> {
    let items = Items::read(file)?;
    let sequence = matches!(file.get(8..12), Some(b"avis"));
    match items {
        Some(items) if !sequence => still(items),
        items => match (track::read(file)?, items) {
            (Some((codec, track)), _) => Ok(Heif { codec, shown: Shown::Sequence(Box::new(track)) }),
            (None, Some(items)) => still(items),
            (None, None) => Err(corrupt("it has no picture")),
        },
    }
}

fn still(items: Items<'_>) -> Result<Heif<'_>, Fault> {
    let primary = items.primary();
    let (main, codec) = coded(&items, primary)?;
    let properties = items.properties(primary)?;
    let (alpha, premultiplied) = match alpha(&items, primary)? {
        Some(Alpha { item, coded, codec }) => {
            (Some((coded, codec)), items.references(b"prem", primary)?.contains(&item))
        }
        None => (alpha_of_tiles(&items, &main)?.map(|found| (found, codec)), false),
    };
    if let Some((alpha, of)) = &alpha
        && (*of != codec || (alpha.width, alpha.height) != (main.width, main.height))
    {
        return Err(corrupt("its transparency does not fit its colours"));
    }
    let alpha = alpha.map(|(alpha, _)| alpha);
    let look = look(&properties, (main.width, main.height), premultiplied)?;
    Ok(Heif { codec, shown: Shown::Still(Box::new(Still { items, main, alpha, look })) })
}

/// The transparency of another item.
struct Alpha {
    item: u32,
    coded: Coded,
    codec: Codec,
}

/// The transparency of an item.
fn alpha(items: &Items<'_>, of: u32) -> Result<Option<Alpha>, Fault> {
    for item in items.referring(b"auxl", of)? {
        if is_alpha(&items.properties(item)?) {
            let (coded, codec) = coded(items, item)?;
            return Ok(Some(Alpha { item, coded, codec }));
        }
    }
    Ok(None)
}

/// The transparency of a grid whose tiles each have their own: a grid of the same shape. If any tile
/// has none there is none.
fn alpha_of_tiles(items: &Items<'_>, main: &Coded) -> Result<Option<Coded>, Fault> {
    if main.tiles.len() < 2 {
        return Ok(None);
    }
    let tile_size = (main.tile_width, main.tile_height);
    let mut tiles = Vec::new();
    for &tile in &main.tiles {
        match alpha(items, tile)? {
            Some(found) if (found.coded.width, found.coded.height) == tile_size => tiles.push(found.item),
            _ => return Ok(None),
        }
    }
    Ok(Some(Coded { tiles, ..main.clone() }))
}

/// The picture of an item: one that is coded, or a grid of such.
fn coded(items: &Items<'_>, item: u32) -> Result<(Coded, Codec), Fault> {
    let kind = items.kind(item).ok_or_else(|| corrupt("its picture is missing"))?;
    match &kind {
        b"grid" => grid(items, item),
        b"iden" => {
            let inner = items.references(b"dimg", item)?;
            match inner.first().map(|&inner| (inner, items.kind(inner))) {
                Some((inner, Some(kind))) if &kind != b"iden" => coded(items, inner),
                _ => Err(corrupt("its picture is missing")),
            }
        }
        kind => {
            let codec = codec(kind)?;
            let (width, height) = size(items, item)?;
            let coded = Coded {
                width,
                height,
                columns: 1,
                tiles: vec![item],
                tile_width: width,
                tile_height: height,
            };
            Ok((coded, codec))
        }
    }
}

/// The codec of a type of item or of a track.
pub(super) fn codec(kind: &[u8; 4]) -> Result<Codec, Fault> {
    let name = match kind {
        b"av01" => return Ok(Codec::Av1),
        b"hvc1" | b"hev1" => return Ok(Codec::Hevc),
        b"avc1" | b"avc3" => "H.264",
        b"vvc1" | b"vvi1" => "H.266",
        b"jpeg" => "JPEG in HEIF",
        b"j2k1" => "JPEG 2000",
        b"unci" => "uncompressed HEIF",
        b"iovl" => "an overlay in HEIF",
        _ => "this kind of HEIF picture",
    };
    Err(Fault::Corrupt(format!("{name} is not supported")))
}

fn grid(items: &Items<'_>, item: u32) -> Result<(Coded, Codec), Fault> {
    let bytes = items.bytes(item)?;
    let mut reader = Reader(&bytes);
    let (version, flags) = (reader.u8()?, reader.u8()?);
    if version != 0 {
        return Err(corrupt("its grid is of an unknown kind"));
    }
    let (rows, columns) = (u32::from(reader.u8()?) + 1, u32::from(reader.u8()?) + 1);
    let (width, height) = if flags & 1 == 0 {
        (u32::from(reader.u16()?), u32::from(reader.u16()?))
    } else {
        (reader.u32()?, reader.u32()?)
    };
    let tiles = items.references(b"dimg", item)?;
    let Some(&first) = tiles.first() else { return Err(corrupt("its grid has no tiles")) };
    if tiles.len() != (rows * columns) as usize || tiles.len() > MAX_TILES {
        return Err(corrupt("its grid has another number of tiles than it should"));
    }
    let codec = codec(&items.kind(first).unwrap_or_default())?;
    let (tile_width, tile_height) = size(items, first)?;
    // The tiles have to cover the picture, none may lie outside of it, and none be much larger.
    let covers = |whole: u32, tile: u32, count: u32| {
        let whole = u64::from(whole);
        let (least, most) = (u64::from(tile) * u64::from(count - 1), u64::from(tile) * u64::from(count));
        least < whole && whole <= most && u64::from(tile) <= whole + u64::from(TILE_MARGIN)
    };
    if !covers(width, tile_width, columns) || !covers(height, tile_height, rows) {
        return Err(corrupt("its tiles do not cover it"));
    }
    Ok((Coded { width, height, columns, tiles, tile_width, tile_height }, codec))
}

/// The size of a coded item.
fn size(items: &Items<'_>, item: u32) -> Result<(u32, u32), Fault> {
    let mut of = items.properties(item)?;
    if !of.iter().any(|part| &part.name == b"ispe") {
        // Old writers gave the size of the picture alone, and left it out for its transparency.
        let main = items.references(b"auxl", item)?;
        of = items.properties(main.first().copied().unwrap_or(item))?;
    }
    let part = of.iter().find(|part| &part.name == b"ispe");
    let mut reader = Reader(part.ok_or_else(|| corrupt("it has no size"))?.body);
    reader.version()?;
    Ok((reader.u32()?, reader.u32()?))
}

/// Whether an auxiliary picture is the transparency of another.
pub(super) fn is_alpha(properties: &[Part<'_>]) -> bool {
    const KINDS: [&[u8]; 2] =
        [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0"];
    let kind = properties.iter().find(|part| matches!(&part.name, b"auxC" | b"auxi"));
    let kind = kind.and_then(|part| part.body.get(4..)).unwrap_or_default();
    KINDS.iter().any(|known| kind.starts_with(known))
}

/// Reads the properties of a picture of this size.
pub(super) fn look<'a>(
    properties: &[Part<'a>],
    size: (u32, u32),
    premultiplied: bool,
) -> Result<Look<'a>, Fault> {
    let mut look =
        Look { premultiplied, crop: None, orientation: Orientation::AsStored, icc: None, nclx: None };
    for part in properties {
        let mut reader = Reader(part.body);
        match &part.name {
            b"colr" => match &reader.name()? {
                b"prof" | b"rICC" => look.icc = look.icc.or(Some(reader.0)),
                b"nclx" => {
                    look.nclx = Some(Nclx {
                        primaries: reader.u16()?,
                        transfer: reader.u16()?,
                        matrix: reader.u16()?,
                        full_range: reader.u8()? & 0x80 != 0,
                    });
                }
                _ => {}
            },
            // MIAF's order holds, whatever that of the properties: cropped, turned, mirrored.
            b"clap" => look.crop = crop(reader, size)?,
            b"irot" => look.orientation = rotated(reader.u8()? & 3, mirror(properties)),
            b"imir" if !properties.iter().any(|part| &part.name == b"irot") => {
                look.orientation = rotated(0, mirror(properties));
            }
            _ => {}
        }
    }
    Ok(look)
}

/// The axis of the mirror property: 0 swaps top and bottom, 1 left and right.
fn mirror(properties: &[Part<'_>]) -> Option<u8> {
    let part = properties.iter().find(|part| &part.name == b"imir")?;
    part.body.first().map(|axis| axis & 1)
}

/// Quarter turns anticlockwise, and then a mirror.
fn rotated(turns: u8, axis: Option<u8>) -> Orientation {
    match (turns, axis) {
        (0, None) => Orientation::AsStored,
        (1, None) => Orientation::Rotate270,
        (2, None) => Orientation::Rotate180,
        (_, None) => Orientation::Rotate90,
        (0, Some(0)) | (2, Some(1)) => Orientation::FlipVertical,
        (0, Some(_)) | (2, Some(_)) => Orientation::FlipHorizontal,
        (1, Some(0)) | (3, Some(1)) => Orientation::Transpose,
        (_, Some(_)) => Orientation::Transverse,
    }
}

/// The clean aperture. One that does not lie within the picture is ignored, as browsers do.
fn crop(mut reader: Reader<'_>, (width, height): (u32, u32)) -> Result<Option<Crop>, Fault> {
    let mut fraction = || Ok::<(u32, u32), Fault>((reader.u32()?, reader.u32()?));
    let (across, down, right, below) = (fraction()?, fraction()?, fraction()?, fraction()?);
    let axis = |whole: u32, part: (u32, u32), offset: (u32, u32)| {
        let length = part.0.checked_div(part.1).filter(|length| (1..=whole).contains(length))?;
        // The offset of the middles; numerators are signed. Products of 33 bits each fit.
        let numerator = i128::from(offset.0.cast_signed());
        let denominator = i128::from(offset.1);
        let spare = i128::from(whole - length);
        let start = (2 * numerator + spare * denominator).checked_div_euclid(2 * denominator)?;
        let start = u32::try_from(start).ok().filter(|start| *start <= whole - length)?;
        Some((start, length))
    };
    let (columns, rows) = (axis(width, across, right), axis(height, down, below));
    Ok(columns.zip(rows).map(|((left, width), (top, height))| Crop { left, top, width, height }))
}

/// The EXIF block of the primary item, if it lies in one piece.
fn exif<'a>(items: &Items<'a>) -> Result<Option<&'a [u8]>, Fault> {
    for item in items.referring(b"cdsc", items.primary())? {
        if items.kind(item).as_ref() != Some(b"Exif") {
            continue;
        }
        let Ok(std::borrow::Cow::Borrowed(bytes)) = items.bytes(item) else { continue };
        let mut reader = Reader(bytes);
        // The number of bytes before the TIFF header.
        let Ok(start) = reader.u32() else { continue };
        return Ok(reader.0.get(start as usize..));
    }
    Ok(None)
}

#[cfg(test)]
#[path = "heif_tests.rs"]
mod tests;
