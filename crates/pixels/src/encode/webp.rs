//! WebP, by libwebp.

use super::cannot;
use crate::Fault;
use crate::frame::{Channels, Frame};
use safelight_webp::{Compression, Layout, Settings};

/// How WebPs are made. The scale of quality differs from that of JPEG: 82 looks about like a JPEG of
/// 85. The alpha channel is lossless, since edges need it. Method 4 takes more than twice the time
/// of 2 for a tenth less bytes.
const WEBP: Settings =
    Settings { compression: Compression::Lossy { quality: 82.0, alpha_quality: 100 }, method: 2 };

/// Transparency that no pixel uses is left out by the encoder.
pub(super) fn encode(frame: &Frame) -> Result<Vec<u8>, Fault> {
    let grey;
    let (pixels, layout) = match frame.channels() {
        Channels::Grey => {
            grey = frame.pixels().iter().flat_map(|&luma| [luma; 3]).collect::<Vec<u8>>();
            (grey.as_slice(), Layout::Rgb)
        }
        Channels::Rgb => (frame.pixels(), Layout::Rgb),
        Channels::Rgba => (frame.pixels(), Layout::Rgba),
    };
    safelight_webp::encode(pixels, layout, frame.width(), frame.height(), &WEBP).map_err(cannot)
}
