//! Raster images within an SVG, without what is not their picture.
//!
//! Only the parts that a browser draws from are kept, by a list for each format: pixels, tables, colours,
//! animation. EXIF is cut down to its orientation, which browsers apply. What lies behind the end goes,
//! and a file that cannot be read up to its end is none. Pixels are not decoded.

use crate::metadata::{Exif, Orientation};
use crate::probe;
use safelight_domain::image::SourceFormat;

/// The media type by content, and the file that is left; doing it again changes nothing. `None` for
/// what is not a sound JPEG, PNG, GIF or WebP. What is left is at most a few bytes larger than `file`.
pub(super) fn bare(file: &[u8]) -> Option<(&'static str, Vec<u8>)> {
    match probe::raster(file)? {
        SourceFormat::Jpeg => Some(("image/jpeg", jpeg(file)?)),
        SourceFormat::Png => Some(("image/png", png(file)?)),
        SourceFormat::Gif => Some(("image/gif", gif(file)?)),
        SourceFormat::WebP => Some(("image/webp", webp(file)?)),
        _ => None,
    }
}

/// A file from front to back.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }
}

/// An EXIF block that has the orientation of another and nothing else; `None` where that changes nothing.
fn turned(block: &[u8]) -> Option<Vec<u8>> {
    let orientation = Exif::parse(block)?.orientation();
    let head = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0";
    let turns = orientation != Orientation::AsStored;
    turns.then(|| [head.as_slice(), &[orientation.tag(), 0, 0, 0], &[0; 4]].concat())
}

fn jpeg(file: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader { rest: file };
    let mut out = reader.take(2)?.to_vec();
    let (mut scans, mut exif) = (0_u32, false);
    loop {
        let marker = marker(&mut reader)?;
        if marker == 0xD9 {
            out.extend([0xFF, 0xD9]);
            return (scans > 0).then_some(out);
        }
        let length = usize::from(u16::from_be_bytes(reader.array()?));
        let body = reader.take(length.checked_sub(2)?)?;
        match marker {
            // JFIF's numbers, and that there is no thumbnail.
            0xE0 if body.starts_with(b"JFIF\0") => {
                segment(&mut out, marker, &[body.get(..12)?, &[0, 0]].concat());
            }
            0xE1 if body.starts_with(b"Exif\0\0") && !exif => {
                exif = true;
                if let Some(block) = turned(body) {
                    segment(&mut out, marker, &[b"Exif\0\0", block.as_slice()].concat());
                }
            }
            0xE2 if body.starts_with(b"ICC_PROFILE\0") => segment(&mut out, marker, body),
            0xEE if body.starts_with(b"Adobe") => segment(&mut out, marker, body.get(..12)?),
            // Frames, tables, scans and restarts.
            0xC0..=0xCF | 0xDA..=0xDD => segment(&mut out, marker, body),
            _ => {}
        }
        if marker == 0xDA {
            scans += 1;
            out.extend(scan(&mut reader));
        }
    }
}

/// The next marker that a length follows, or the end; stray bytes before it go.
fn marker(reader: &mut Reader<'_>) -> Option<u8> {
    loop {
        let start = reader.rest.iter().position(|&byte| byte == 0xFF)?;
        reader.take(start)?;
        let fill = reader.rest.iter().position(|&byte| byte != 0xFF)?;
        reader.take(fill)?;
        if let marker @ (0x02..=0xCF | 0xD9..=0xFE) = reader.byte()? {
            return Some(marker);
        }
    }
}

fn segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    // A body comes from a segment that is as long, or is one of a few bytes.
    let length = (body.len() + 2) as u16;
    out.extend([0xFF, marker]);
    out.extend(length.to_be_bytes());
    out.extend(body);
}

/// The coded data of a scan: up to a marker that is neither an escaped byte nor a restart.
fn scan<'a>(reader: &mut Reader<'a>) -> &'a [u8] {
    let ends = |pair: &[u8]| matches!(pair, [0xFF, next] if !matches!(next, 0x00 | 0xD0..=0xD7));
    let end = reader.rest.windows(2).position(ends).unwrap_or(reader.rest.len());
    reader.take(end).unwrap_or_default()
}

/// The chunks that browsers draw from.
const PNG_CHUNKS: [&[u8; 4]; 16] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sRGB", b"sBIT", b"cICP",
    b"mDCV", b"cLLI", b"acTL", b"fcTL", b"fdAT",
];

fn png(file: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader { rest: file };
    let mut out = reader.take(8)?.to_vec();
    let (mut pixels, mut exif) = (false, false);
    loop {
        let length = u32::from_be_bytes(reader.array()?);
        let name: [u8; 4] = reader.array()?;
        let body = reader.take(usize::try_from(length).ok()?)?;
        let sum: [u8; 4] = reader.array()?;
        pixels |= &name == b"IDAT";
        if &name == b"eXIf" && !exif {
            exif = true;
            if let Some(block) = turned(body) {
                // It has 26 bytes.
                let sum = check_sum(&[name.as_slice(), &block].concat());
                out.extend([26_u32.to_be_bytes(), name].concat());
                out.extend(block);
                out.extend(sum.to_be_bytes());
            }
        } else if &name == b"IEND" {
            out.extend(b"\0\0\0\0IEND\xAE\x42\x60\x82");
            return pixels.then_some(out);
        } else if PNG_CHUNKS.contains(&&name) {
            out.extend([length.to_be_bytes(), name].concat());
            out.extend(body);
            out.extend(sum);
        }
    }
}

/// The sum of a PNG chunk: CRC-32, as in Annex D of the standard. For short ones, as it has no table.
fn check_sum(bytes: &[u8]) -> u32 {
    let rest = |sum: u32| if sum & 1 == 1 { 0xEDB8_8320 ^ (sum >> 1) } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, &byte| (0..8).fold(sum ^ u32::from(byte), |sum, _| rest(sum)))
}

fn gif(file: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader { rest: file };
    let screen = reader.take(13)?;
    let mut out = screen.to_vec();
    out.extend(reader.take(palette_bytes(*screen.get(10)?))?);
    let mut pictures = false;
    loop {
        match reader.byte()? {
            0x3B => {
                out.push(0x3B);
                return pictures.then_some(out);
            }
            0x2C => {
                let place = reader.take(9)?;
                let colors = reader.take(palette_bytes(*place.get(8)?))?;
                out.push(0x2C);
                out.extend([place, colors, reader.take(1)?, blocks(&mut reader)?].concat());
                pictures = true;
            }
            0x21 => {
                let label = reader.byte()?;
                let body = blocks(&mut reader)?;
                // How long a frame is shown, and how often all of them.
                let kept = match (label, body) {
                    (0xF9, [4, ..]) => body.get(..5)?,
                    (0xFF, [11, name @ ..]) if name.starts_with(b"NETSCAPE2.0\x03\x01") => body.get(..16)?,
                    _ => continue,
                };
                out.extend([0x21, label]);
                out.extend(kept);
                out.push(0);
            }
            _ => return None,
        }
    }
}

fn palette_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// A row of sub-blocks, with the empty one that ends it.
fn blocks<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let start = reader.rest;
    loop {
        let length = reader.byte()?;
        reader.take(usize::from(length))?;
        if length == 0 {
            return start.get(..start.len() - reader.rest.len());
        }
    }
}

fn webp(file: &[u8]) -> Option<Vec<u8>> {
    let mut head = Reader { rest: file };
    head.take(4)?;
    let length = usize::try_from(u32::from_le_bytes(head.array()?)).ok()?;
    let mut reader = Reader { rest: head.take(length)?.strip_prefix(b"WEBP")? };
    let (mut chunks, mut pixels) = (Vec::new(), false);
    let (mut exif, mut flags_at) = (None, None);
    while !reader.rest.is_empty() {
        let (name, body) = chunk(&mut reader)?;
        match &name {
            b"VP8X" if flags_at.is_none() => {
                flags_at = Some(chunks.len() + 8);
                put(&mut chunks, name, body.get(..10)?);
            }
            b"VP8 " | b"VP8L" => {
                pixels = true;
                put(&mut chunks, name, body);
            }
            b"ALPH" | b"ANIM" | b"ICCP" => put(&mut chunks, name, body),
            b"ANMF" => {
                pixels = true;
                put(&mut chunks, name, &frame(body)?);
            }
            b"EXIF" if exif.is_none() => exif = Some(turned(body)),
            _ => {}
        }
    }
    if let Some(flags) = flags_at.and_then(|at| chunks.get_mut(at)) {
        // That there is EXIF, and XMP.
        *flags &= !0x0C;
        if let Some(block) = exif.flatten() {
            *flags |= 0x08;
            put(&mut chunks, *b"EXIF", &block);
        }
    }
    let length = u32::try_from(chunks.len() + 4).ok()?;
    pixels.then(|| [b"RIFF".as_slice(), &length.to_le_bytes(), b"WEBP", &chunks].concat())
}

/// A frame of an animated WebP: its place, its transparency and its picture.
fn frame(body: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader { rest: body };
    let mut out = reader.take(16)?.to_vec();
    while !reader.rest.is_empty() {
        let (name, body) = chunk(&mut reader)?;
        if matches!(&name, b"ALPH" | b"VP8 " | b"VP8L") {
            put(&mut out, name, body);
        }
    }
    Some(out)
}

/// Name and body. The byte that makes a length even may be missing at the very end.
fn chunk<'a>(reader: &mut Reader<'a>) -> Option<([u8; 4], &'a [u8])> {
    let name = reader.array()?;
    let length = usize::try_from(u32::from_le_bytes(reader.array()?)).ok()?;
    let body = reader.take(length)?;
    reader.take((length % 2).min(reader.rest.len()))?;
    Some((name, body))
}

fn put(out: &mut Vec<u8>, name: [u8; 4], body: &[u8]) {
    out.extend(name);
    // A body comes from a chunk that is as long, or has become shorter.
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    if body.len() % 2 == 1 {
        out.push(0);
    }
}

#[cfg(test)]
#[path = "bare_tests.rs"]
mod tests;
