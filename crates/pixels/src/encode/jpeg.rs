//! JPEG, by MozJPEG; levels by jpeg-encoder.

use super::colors::Colors;
use super::quality::{self, Chroma};
use super::{Encoding, cannot};
use crate::Fault;
use crate::frame::{Channels, Frame};
use jpeg_encoder::{ColorType, SamplingFactor};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{Compression, Effort};
use safelight_mozjpeg::{Layout, Metadata, Order, Settings};

/// Pixels between which a JPEG is progressive: not smaller than 50x50, not larger than 3000x3000.
const PROGRESSIVE_AREA: std::ops::RangeInclusive<u64> = 50 * 50..=3000 * 3000;

/// Quality of levels on the scale of jpeg-encoder.
const LEVEL_QUALITY: u8 = 92;

pub(super) fn encode(frame: &Frame, encoding: &Encoding<'_>) -> Result<Vec<u8>, Fault> {
    let layout = match frame.channels() {
        Channels::Grey => Layout::Grey,
        Channels::Rgb => Layout::Rgb,
        Channels::Rgba => return Err(cannot("a JPEG has no transparency")),
    };
    let fast = encoding.compression == Compression::Fast;
    let (quality, chroma) = quality::jpeg(encoding.quality, encoding.effort, Colors::of(frame));
    let area = u64::from(frame.width()) * u64::from(frame.height());
    let progressive = encoding.format == OutputFormat::Jpeg && PROGRESSIVE_AREA.contains(&area) && !fast;
    let settings = Settings {
        quality,
        chroma: match chroma {
            Chroma::Quarter => safelight_mozjpeg::Chroma::Quarter,
            Chroma::Whole => safelight_mozjpeg::Chroma::Whole,
        },
        order: if progressive { Order::Progressive } else { Order::Baseline },
        effort: match encoding.effort {
            Effort::Quick => safelight_mozjpeg::Effort::Quick,
            Effort::Standard => safelight_mozjpeg::Effort::Standard,
            Effort::Thorough => safelight_mozjpeg::Effort::Thorough,
        },
    };
    let metadata = Metadata { exif: encoding.exif, profile: encoding.profile };
    let (width, height) = (frame.width(), frame.height());
    safelight_mozjpeg::encode(frame.pixels(), layout, width, height, &settings, &metadata).map_err(cannot)
}

/// A level: what it loses costs half a point of SSIMULACRA2, and more would cost more to store. Nothing is
/// optimised, since it is read more often than sent.
pub(super) fn level(frame: &Frame) -> Result<Vec<u8>, Fault> {
    let mut file = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut file, LEVEL_QUALITY);
    encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
    let (width, height) = (u16::try_from(frame.width()), u16::try_from(frame.height()));
    let (width, height) = (width.map_err(cannot)?, height.map_err(cannot)?);
    let color = match frame.channels() {
        Channels::Grey => ColorType::Luma,
        Channels::Rgb => ColorType::Rgb,
        Channels::Rgba => return Err(cannot("a JPEG has no transparency")),
    };
    encoder.encode(frame.pixels(), width, height, color).map_err(cannot)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Output;
    use safelight_domain::transform::Transform;

    /// The sampling factors of luma: 0x22 beside a quarter of the chroma, 0x11 beside all of it.
    fn factors(colors: [[u8; 3]; 2], options: &str, effort: Effort) -> u8 {
        let pixels = (0..64 * 64).flat_map(|at| colors[at % 64 / 3 % 2]).collect();
        let frame = Frame::new(64, 64, Channels::Rgb, pixels).expect("a frame");
        let transform = Transform::from_canonical(options).expect("options");
        let output = Output { format: OutputFormat::Jpeg, effort };
        let file = encode(&frame, &Encoding::new(&transform, output)).expect("a file");
        let start = file.windows(2).position(|marker| marker == [0xFF, 0xC2]).expect("a progressive file");
        file[start + 11]
    }

    #[test]
    fn strong_colours_keep_their_chroma() {
        let (strong, plain) = ([[200, 30, 40], [40, 160, 50]], [[120, 100, 90], [60, 48, 40]]);
        for effort in Effort::ALL {
            assert_eq!(factors(strong, "fit=scale-down,quality=80", effort), 0x11);
            assert_eq!(factors(strong, "fit=scale-down,quality=40", effort), 0x22);
            assert_eq!(factors(plain, "fit=scale-down,quality=80", effort), 0x22);
            assert_eq!(factors(plain, "fit=scale-down,quality=97", effort), 0x11);
        }
    }
}
