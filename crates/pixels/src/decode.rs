//! Files to pixels. Together with `encode` the only place that names codecs.
//!
//! The size has passed the limits before any decoder starts, each decoder gets limits of its own
//! besides, and one that finds another size than the header said makes the file corrupt.

mod avif;
mod bmp;
mod canvas;
mod gif;
mod heic;
mod heif;
mod jpeg;
mod jxl;
mod planes;
mod png;
mod tiff;
mod webp;

use crate::Fault;
use crate::frame::{Channels, Frame, byte_count};
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
    /// More than 8 bits a sample.
    Wide(WidePicture),
    /// Ink: cyan, magenta, yellow, black; 255 is full.
    Ink(InkPicture),
}

/// A picture of 16 bits a sample, of which 65535 is full; as many as its size asks for.
#[derive(Debug)]
pub(crate) struct WidePicture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) channels: Channels,
    pub(crate) samples: Vec<u16>,
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
    width: u32,
    height: u32,
    samples: Vec<u8>,
}

impl InkPicture {
    /// A picture made of `samples`; `None` if their number is not that of the size.
    pub(crate) fn new(width: u32, height: u32, samples: Vec<u8>) -> Option<InkPicture> {
        let fits = width > 0 && height > 0 && samples.len() == byte_count(width, height, 4);
        fits.then_some(InkPicture { width, height, samples })
    }

    /// Pixels.
    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    /// Pixels.
    pub(crate) fn height(&self) -> u32 {
        self.height
    }

    /// All samples.
    pub(crate) fn samples(&self) -> &[u8] {
        &self.samples
    }
}

impl Pixels {
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32) {
        match self {
            Pixels::Frame(frame) => (frame.width(), frame.height()),
            Pixels::Wide(picture) => (picture.width, picture.height),
            Pixels::Ink(picture) => (picture.width(), picture.height()),
        }
    }

    /// The same in RGB or RGBA of 8 bits, rounded, in the same colours. Ink has none.
    fn into_frame(self) -> Result<Frame, Fault> {
        let too_few = || corrupt("it has too few pixels");
        let frame = match self {
            Pixels::Frame(frame) => frame,
            Pixels::Wide(picture) => {
                let pixels = picture.samples.iter().map(|&sample| round_to_byte(sample)).collect();
                Frame::new(picture.width, picture.height, picture.channels, pixels).ok_or_else(too_few)?
            }
            Pixels::Ink(_) => return Err(corrupt("an animation has no ink")),
        };
        if frame.channels() != Channels::Grey {
            return Ok(frame);
        }
        let pixels = frame.pixels().iter().flat_map(|&luma| [luma; 3]).collect();
        Frame::new(frame.width(), frame.height(), Channels::Rgb, pixels).ok_or_else(too_few)
    }
}

/// The nearest byte to a 16-bit sample.
pub(crate) fn round_to_byte(sample: u16) -> u8 {
    // At most 255.
    ((u32::from(sample) * 255 + 32_767) / 65_535) as u8
}

/// Decodes the pictures of an animation, one at a time.
pub(crate) fn animation<'a>(file: &'a [u8], header: &Header<'a>) -> Result<Animation<'a>, Fault> {
    let mut animation = match header.info.format {
        SourceFormat::Png => png::animation(file, &header.info)?,
        SourceFormat::WebP => webp::animation(file, &header.info)?,
        SourceFormat::Gif => gif::animation(file, &header.info)?,
        SourceFormat::Avif => avif::animation(file, header)?,
        SourceFormat::Jxl => jxl::animation(file, header)?,
        _ => return Err(Fault::Unsupported),
    };
    animation.profile = animation.profile.filter(|profile| profile.len() <= PROFILE_BYTES);
    Ok(animation)
}

/// The number of frames of a JPEG XL animation whose size has passed the limits. Nothing is rendered.
pub(crate) fn jxl_frames(file: &[u8], info: &SourceInfo) -> Result<u32, Fault> {
    jxl::frames(file, info)
}

/// Decodes the picture, of an animation the first frame.
pub(crate) fn decode(file: &[u8], header: &Header<'_>) -> Result<Decoded, Fault> {
    let mut decoded = match header.info.format {
        SourceFormat::Jpeg => jpeg::decode(file, header)?,
        SourceFormat::Png => png::decode(file, &header.info)?,
        SourceFormat::WebP => webp::decode(file, &header.info)?,
        SourceFormat::Gif => gif::decode(file, &header.info)?,
        SourceFormat::Bmp => bmp::decode(file, &header.info)?,
        SourceFormat::Tiff => tiff::decode(file, &header.info)?,
        SourceFormat::Avif => avif::decode(file, header)?,
        SourceFormat::Heic => heic::decode(file, header)?,
        SourceFormat::Jxl => jxl::decode(file, &header.info)?,
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

fn ink(info: &SourceInfo, samples: Vec<u8>) -> Result<InkPicture, Fault> {
    InkPicture::new(info.width, info.height, samples).ok_or_else(|| corrupt("it has too few pixels"))
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
