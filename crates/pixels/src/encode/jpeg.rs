//! JPEG, by jpeg-encoder.

use super::quality::{self, Chroma};
use super::{Encoding, cannot};
use crate::Fault;
use crate::frame::{Channels, Frame};
use jpeg_encoder::{ColorType, JfifWrite, SamplingFactor};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Compression;

/// Pixels between which a JPEG is progressive: not smaller than 50x50, not larger than 3000x3000.
const PROGRESSIVE_AREA: std::ops::RangeInclusive<u64> = 50 * 50..=3000 * 3000;

/// Quality of levels on the scale of jpeg-encoder.
const LEVEL_QUALITY: u8 = 92;

pub(super) fn encode(frame: &Frame, encoding: &Encoding<'_>) -> Result<Vec<u8>, Fault> {
    let mut file = Vec::new();
    let (quality, chroma) = quality::jpeg(encoding.quality);
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, quality);
    encoder.set_sampling_factor(match chroma {
        Chroma::Quarter => SamplingFactor::R_4_2_0,
        Chroma::Whole => SamplingFactor::R_4_4_4,
    });
    let area = u64::from(frame.width()) * u64::from(frame.height());
    let fast = encoding.compression == Compression::Fast;
    let progressive = encoding.format == OutputFormat::Jpeg && PROGRESSIVE_AREA.contains(&area);
    encoder.set_progressive(progressive && !fast);
    encoder.set_optimized_huffman_tables(!fast);
    if let Some(exif) = encoding.exif {
        encoder.add_exif_metadata(exif).map_err(cannot)?;
    }
    if let Some(profile) = encoding.profile {
        encoder.add_icc_profile(profile).map_err(cannot)?;
    }
    write(encoder, frame)?;
    Ok(file)
}

/// A level: what it loses costs half a point of SSIMULACRA2, and more would cost more to store. Nothing is
/// optimised, since it is read more often than sent.
pub(super) fn level(frame: &Frame) -> Result<Vec<u8>, Fault> {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, LEVEL_QUALITY);
    encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
    write(encoder, frame)?;
    Ok(file)
}

fn write<W: JfifWrite>(encoder: jpeg_encoder::Encoder<W>, frame: &Frame) -> Result<(), Fault> {
    let (width, height) = (u16::try_from(frame.width()), u16::try_from(frame.height()));
    let (width, height) = (width.map_err(cannot)?, height.map_err(cannot)?);
    let color = match frame.channels() {
        Channels::Grey => ColorType::Luma,
        Channels::Rgb => ColorType::Rgb,
        Channels::Rgba => return Err(cannot("a JPEG has no transparency")),
    };
    encoder.encode(frame.pixels(), width, height, color).map_err(cannot)
}
