//! Files to pixels. Together with `encode` the only place that names codecs.
//!
//! The size has passed the limits before any decoder starts, each decoder gets limits of its own
//! besides, and one that finds another size than the header said makes the file corrupt.

mod bmp;
mod canvas;
mod gif;
mod jpeg;
mod png;
mod tiff;
mod webp;

use crate::Fault;
use crate::frame::{Channels, Frame};
use crate::limits::PROFILE_BYTES;
use crate::probe::Header;
use safelight_domain::image::{SourceFormat, SourceInfo};
use std::fmt::Display;

/// Pixels in the colours of the file.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// The pixels.
    pub(crate) pixels: Pixels,
    /// The embedded ICC profile, unchecked, of at most [`PROFILE_BYTES`].
    pub(crate) profile: Option<Vec<u8>>,
}

/// What decoders give.
#[derive(Debug)]
pub(crate) enum Pixels {
    /// Anything but ink.
    Frame(Frame),
    /// Ink: cyan, magenta, yellow, black; 255 is full.
    Ink(InkPicture),
}

/// The pictures of an animation.
pub(crate) struct Animation<'a> {
    /// How often it is shown; 0 is for ever.
    pub(crate) plays: u32,
    /// The pictures in their order. After a fault there are no more.
    pub(crate) frames: Box<dyn Iterator<Item = Result<TimedFrame, Fault>> + 'a>,
    /// As for [`Decoded`].
    pub(crate) profile: Option<Vec<u8>>,
}

/// A picture of an animation.
#[derive(Debug)]
pub(crate) struct TimedFrame {
    /// The whole canvas in the colours of the file, RGB or RGBA.
    pub(crate) frame: Frame,
    /// How long it is shown, in milliseconds, as the file says it.
    pub(crate) delay_ms: u32,
}

/// A picture in ink, four samples a pixel; as many as its size asks for.
#[derive(Debug)]
pub(crate) struct InkPicture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) samples: Vec<u8>,
}

/// The nearest byte to a 16-bit sample.
fn round_to_byte(sample: u16) -> u8 {
    // At most 255.
    ((u32::from(sample) * 255 + 32_767) / 65_535) as u8
}

/// Decodes the pictures of an animation, one at a time.
pub(crate) fn animation<'a>(file: &'a [u8], header: &Header<'a>) -> Result<Animation<'a>, Fault> {
    let mut animation = match header.info.format {
        SourceFormat::Png => png::animation(file, &header.info)?,
        SourceFormat::WebP => webp::animation(file, &header.info)?,
        SourceFormat::Gif => gif::animation(file, &header.info)?,
        _ => return Err(Fault::Unsupported),
    };
    animation.profile = animation.profile.filter(|profile| profile.len() <= PROFILE_BYTES);
    Ok(animation)
}

/// Decodes the picture, of an animation the first frame.
pub(crate) fn decode(file: &[u8], header: &Header<'_>) -> Result<Decoded, Fault> {
    let mut decoded = match header.info.format {
        SourceFormat::Jpeg => jpeg::decode(file, header)?,
        SourceFormat::Png => png::decode(file, &header.info)?,
        SourceFormat::WebP => webp::decode(file, &header.info)?,
        SourceFormat::Gif => gif::decode(file, &header.info)?,
        SourceFormat::Tiff => tiff::decode(file, &header.info)?,
        SourceFormat::Bmp => bmp::decode(file, &header.info)?,
        _ => return Err(Fault::Unsupported),
    };
    decoded.profile = decoded.profile.filter(|profile| profile.len() <= PROFILE_BYTES);
    Ok(decoded)
}

/// Longest text of a decoder that is passed on, in characters.
const TEXT: usize = 160;

/// Turns a decoder's error into a fault. The texts of decoders name parts of the file alone; some
/// come in quotes, or with bytes of the file in them.
fn corrupt(error: impl Display) -> Fault {
    let text = error.to_string();
    let plain = text.trim_matches('"').chars().filter(|c| *c == ' ' || c.is_ascii_graphic());
    Fault::Corrupt(plain.take(TEXT).collect())
}

fn check_size(found: (u32, u32), info: &SourceInfo) -> Result<(), Fault> {
    if found == (info.width, info.height) {
        Ok(())
    } else {
        Err(corrupt("its headers contradict each other"))
    }
}

fn frame(info: &SourceInfo, channels: Channels, pixels: Vec<u8>) -> Result<Frame, Fault> {
    Frame::new(info.width, info.height, channels, pixels).ok_or_else(|| corrupt("it has too few pixels"))
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
