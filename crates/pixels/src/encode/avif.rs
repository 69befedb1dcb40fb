//! AVIF, by libaom.

use super::quality::{self, Chroma};
use super::{Encoding, cannot};
use crate::Fault;
use crate::frame::{Channels, Frame};
use safelight_aom::{Color, Layout, Settings};
use safelight_domain::transform::Effort;

/// The fastest speed for pictures takes a thirteenth of the time of 6, and a quarter more bytes at an equal score
/// of SSIMULACRA2.
fn speed(effort: Effort) -> u8 {
    match effort {
        Effort::Quick | Effort::Standard => 9,
        Effort::Thorough => 6,
    }
}

/// Edges need their transparency exact; this is as near as it gets.
const ALPHA_QUALITY: u8 = 100;

/// Transparency that no pixel uses is left out by the encoder. The only profile there is, is that of
/// Display P3, which AVIF has a number for.
pub(super) fn encode(frame: &Frame, encoding: &Encoding<'_>) -> Result<Vec<u8>, Fault> {
    let layout = match frame.channels() {
        Channels::Grey => Layout::Grey,
        Channels::Rgb => Layout::Rgb,
        Channels::Rgba => Layout::Rgba,
    };
    let (quality, chroma) = quality::avif(encoding.quality, encoding.effort);
    let settings = Settings {
        quality,
        alpha_quality: ALPHA_QUALITY,
        speed: speed(encoding.effort),
        chroma: match chroma {
            Chroma::Quarter => safelight_aom::Chroma::Yuv420,
            Chroma::Whole => safelight_aom::Chroma::Yuv444,
        },
        color: if encoding.profile.is_some() { Color::DisplayP3 } else { Color::Srgb },
    };
    safelight_aom::encode(frame.pixels(), layout, frame.width(), frame.height(), &settings).map_err(cannot)
}
