//! WebP: the first chunk, the frames, and that the pictures inside an extended file have the size they should.

use super::{Header, Ink, bytes};
use crate::Fault;
use safelight_domain::image::{SourceFormat, SourceInfo, Turn};

/// Where the chunks start.
const FIRST_CHUNK: usize = 12;

struct Size {
    width: u32,
    height: u32,
}

/// A frame of an animation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// Pixels from the left of the canvas.
    pub(crate) left: u32,
    /// Pixels from the top.
    pub(crate) top: u32,
    /// Pixels; the frame is within the canvas.
    pub(crate) width: u32,
    /// Pixels.
    pub(crate) height: u32,
    /// How long it is shown.
    pub(crate) delay_ms: u32,
    /// Bit 0: its area is cleared afterwards. Bit 1: it replaces what is below.
    pub(crate) flags: u8,
    /// Its chunks, unchecked but for the size that its picture claims.
    pub(crate) chunks: &'a [u8],
}

/// The frames of an animation, and what the file says about them.
pub(crate) struct Frames<'a, I> {
    /// How often it is shown; 0 is for ever.
    pub(crate) plays: u16,
    /// The embedded profile, unchecked.
    pub(crate) profile: Option<&'a [u8]>,
    /// The frames in their order.
    pub(crate) frames: I,
}

/// Reads the size of the canvas, and of an extended file its EXIF chunk and its frames too.
///
/// The decoder allocates what the inner picture claims, so a still picture of another size than the
/// canvas, or a frame that is not what its own header says, is refused here.
pub(super) fn header(file: &[u8]) -> Result<Header<'_>, Fault> {
    let body = FIRST_CHUNK + 8;
    match &bytes::<4>(file, FIRST_CHUNK)? {
        b"VP8 " => Ok(plain(lossy(file, body)?, false)),
        b"VP8L" => Ok(plain(lossless(file, body)?, bytes::<5>(file, body)?[4] & 0x10 != 0)),
        b"VP8X" => extended(file, body),
        _ => Err(corrupt("its first chunk is unknown")),
    }
}

/// Whether a file has one chunk, of a picture, and so nothing behind it that counts.
pub(super) fn is_plain(file: &[u8]) -> bool {
    matches!(file.get(FIRST_CHUNK..FIRST_CHUNK + 4), Some(b"VP8 " | b"VP8L"))
}

fn plain<'a>(Size { width, height }: Size, has_alpha: bool) -> Header<'a> {
    let info =
        SourceInfo { format: SourceFormat::WebP, width, height, has_alpha, frames: 1, turn: Turn::Upright };
    Header { info, exif: None, ink: Ink::Plain, orientation: None }
}

/// Walks the chunks of an extended file.
fn extended(file: &[u8], body: usize) -> Result<Header<'_>, Fault> {
    let [flags] = bytes(file, body)?;
    let size = canvas(file)?;
    let mut exif = None;
    let mut frames: u32 = 0;
    for (name, at, chunk) in chunks(file) {
        match &name {
            b"VP8 " => check_size(&lossy(file, at)?, &size)?,
            b"VP8L" => check_size(&lossless(file, at)?, &size)?,
            // A later frame that is broken ends the animation, so the first alone decides.
            b"ANMF" if part(chunk, &size).is_ok() => frames += 1,
            b"ANMF" if frames == 0 => part(chunk, &size).map(|_| ())?,
            b"ANMF" => break,
            b"EXIF" if exif.is_none() => exif = Some(chunk),
            _ => {}
        }
    }
    let frames = if flags & 0x02 != 0 { frames.max(1) } else { 1 };
    let header = plain(size, flags & 0x10 != 0);
    Ok(Header { info: SourceInfo { frames, ..header.info }, exif, ..header })
}

fn canvas(file: &[u8]) -> Result<Size, Fault> {
    let body = FIRST_CHUNK + 8;
    Ok(Size { width: u24(file, body + 4)? + 1, height: u24(file, body + 7)? + 1 })
}

/// The chunks of an extended file behind the first: name, place, and what there is of the body.
fn chunks(file: &[u8]) -> impl Iterator<Item = ([u8; 4], usize, &[u8])> {
    let mut at = FIRST_CHUNK + 18;
    std::iter::from_fn(move || {
        let (name, length) = (bytes::<4>(file, at).ok()?, bytes(file, at + 4).ok()?);
        let length = u32::from_le_bytes(length) as usize;
        let start = at + 8;
        at = start + length.next_multiple_of(2);
        Some((name, start, file.get(start..start + length).or_else(|| file.get(start..)).unwrap_or_default()))
    })
}

/// The frames of a file whose header has been read.
pub(crate) fn frames<'a>(
    file: &'a [u8],
) -> Result<Frames<'a, impl Iterator<Item = Result<Part<'a>, Fault>> + 'a>, Fault> {
    let size = canvas(file)?;
    let body = |wanted: &[u8; 4]| chunks(file).find(|(name, ..)| name == wanted).map(|(.., chunk)| chunk);
    let plays = body(b"ANIM").and_then(|chunk| bytes(chunk, 4).ok()).map_or(0, u16::from_le_bytes);
    let frames = chunks(file).filter(|(name, ..)| name == b"ANMF").map(move |(.., chunk)| part(chunk, &size));
    Ok(Frames { plays, profile: body(b"ICCP"), frames })
}

/// Reads the frame that `chunk` is, and checks it.
fn part<'a>(chunk: &'a [u8], canvas: &Size) -> Result<Part<'a>, Fault> {
    let frame = Size { width: u24(chunk, 6)? + 1, height: u24(chunk, 9)? + 1 };
    let (left, top) = (u24(chunk, 0)? * 2, u24(chunk, 3)? * 2);
    if left + frame.width > canvas.width || top + frame.height > canvas.height {
        return Err(corrupt("a frame lies outside of the canvas"));
    }
    let mut picture = 16;
    if &bytes::<4>(chunk, picture)? == b"ALPH" {
        picture += 8 + (u32::from_le_bytes(bytes(chunk, picture + 4)?) as usize).next_multiple_of(2);
    }
    match &bytes::<4>(chunk, picture)? {
        b"VP8 " => check_size(&lossy(chunk, picture + 8)?, &frame)?,
        b"VP8L" => check_size(&lossless(chunk, picture + 8)?, &frame)?,
        _ => return Err(corrupt("a frame has no picture")),
    }
    let [flags] = bytes(chunk, 15)?;
    let (width, height, delay_ms) = (frame.width, frame.height, u24(chunk, 12)?);
    Ok(Part { left, top, width, height, delay_ms, flags, chunks: chunk.get(16..).unwrap_or_default() })
}

fn check_size(found: &Size, wanted: &Size) -> Result<(), Fault> {
    if found.width == wanted.width && found.height == wanted.height {
        Ok(())
    } else {
        Err(corrupt("its parts differ in size"))
    }
}

/// The size in a lossy bitstream: three bytes of tag, three of start code, then the sides.
fn lossy(file: &[u8], at: usize) -> Result<Size, Fault> {
    let side = |at| Ok::<u32, Fault>(u32::from(u16::from_le_bytes(bytes(file, at)?) & 0x3FFF));
    Ok(Size { width: side(at + 6)?, height: side(at + 8)? })
}

/// The size in a lossless bitstream: a byte of signature, then twice 14 bits, less one.
fn lossless(file: &[u8], at: usize) -> Result<Size, Fault> {
    let bits = u32::from_le_bytes(bytes(file, at + 1)?);
    Ok(Size { width: (bits & 0x3FFF) + 1, height: ((bits >> 14) & 0x3FFF) + 1 })
}

fn u24(file: &[u8], at: usize) -> Result<u32, Fault> {
    let [a, b, c] = bytes(file, at)?;
    Ok(u32::from_le_bytes([a, b, c, 0]))
}

fn corrupt(text: &str) -> Fault {
    Fault::Corrupt(text.to_owned())
}
