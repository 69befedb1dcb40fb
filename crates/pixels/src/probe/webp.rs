//! WebP: the first chunk, and that the pictures inside an extended file have the size they should.

use super::{Header, Ink, bytes};
use crate::Fault;
use safelight_domain::image::{SourceFormat, SourceInfo};

/// Where the chunks start.
const FIRST_CHUNK: usize = 12;

struct Size {
    width: u32,
    height: u32,
}

/// Reads the size of the canvas, and of an extended file its EXIF chunk too.
///
/// The decoder allocates what the inner picture claims, so a still picture of another size than the
/// canvas, or a first frame that is not what its own header says, is refused here.
pub(super) fn header(file: &[u8]) -> Result<Header<'_>, Fault> {
    let body = FIRST_CHUNK + 8;
    let (size, has_alpha, exif) = match &bytes::<4>(file, FIRST_CHUNK)? {
        b"VP8 " => (lossy(file, body)?, false, None),
        b"VP8L" => (lossless(file, body)?, bytes::<5>(file, body)?[4] & 0x10 != 0, None),
        b"VP8X" => {
            let [flags] = bytes(file, body)?;
            let size = Size { width: u24(file, body + 4)? + 1, height: u24(file, body + 7)? + 1 };
            let exif = check_chunks(file, body + 10, &size)?;
            (size, flags & 0x10 != 0, exif)
        }
        _ => return Err(corrupt("its first chunk is unknown")),
    };
    let info = SourceInfo {
        format: SourceFormat::WebP,
        width: size.width,
        height: size.height,
        has_alpha,
        frames: 1,
    };
    Ok(Header { info, exif, ink: Ink::Plain, orientation: None })
}

/// Walks the chunks of an extended file and gives its EXIF.
fn check_chunks<'a>(file: &'a [u8], mut at: usize, canvas: &Size) -> Result<Option<&'a [u8]>, Fault> {
    let mut exif = None;
    let mut frames = 0;
    while let (Ok(name), Ok(length)) = (bytes::<4>(file, at), bytes(file, at + 4)) {
        let length = u32::from_le_bytes(length) as usize;
        match &name {
            b"VP8 " => check_size(&lossy(file, at + 8)?, canvas)?,
            b"VP8L" => check_size(&lossless(file, at + 8)?, canvas)?,
            b"ANMF" if frames == 0 => {
                frames += 1;
                check_frame(file, at + 8, canvas)?;
            }
            b"EXIF" if exif.is_none() => exif = file.get(at + 8..at + 8 + length),
            _ => {}
        }
        at += 8 + length.next_multiple_of(2);
    }
    Ok(exif)
}

/// Checks the frame of an animation whose header starts at `at`.
fn check_frame(file: &[u8], at: usize, canvas: &Size) -> Result<(), Fault> {
    let frame = Size { width: u24(file, at + 6)? + 1, height: u24(file, at + 9)? + 1 };
    let (left, top) = (u24(file, at)? * 2, u24(file, at + 3)? * 2);
    if left + frame.width > canvas.width || top + frame.height > canvas.height {
        return Err(corrupt("a frame lies outside of the canvas"));
    }
    let mut picture = at + 16;
    if &bytes::<4>(file, picture)? == b"ALPH" {
        picture += 8 + (u32::from_le_bytes(bytes(file, picture + 4)?) as usize).next_multiple_of(2);
    }
    match &bytes::<4>(file, picture)? {
        b"VP8 " => check_size(&lossy(file, picture + 8)?, &frame),
        b"VP8L" => check_size(&lossless(file, picture + 8)?, &frame),
        _ => Err(corrupt("a frame has no picture")),
    }
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
