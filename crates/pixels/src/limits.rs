//! Bounds that hold before anything is allocated.

use crate::Fault;
use crate::encode::WEBP_SIDE;
use safelight_domain::image::SourceLimits;
use safelight_domain::negotiate::OutputFormat;

/// Most bytes that the PNG decoder may hold besides the pixels: rows, and an unpacked profile.
pub(crate) const PNG_DECODER_BYTES: usize = 16 << 20;

/// Largest colour profile that is looked at, in bytes. Printer profiles reach 3 MB.
pub(crate) const PROFILE_BYTES: usize = 8 << 20;

/// Most scans of a progressive JPEG. Each is a pass over all coefficients; encoders write about ten.
pub(crate) const JPEG_SCANS: usize = 64;

/// Most bytes that the JPEG XL decoder may hold for every pixel, and besides.
pub(crate) const JXL_BYTES_PER_PIXEL: usize = 64;

/// See [`JXL_BYTES_PER_PIXEL`].
pub(crate) const JXL_BYTES: usize = 64 << 20;

/// Most frames of a JPEG XL file, with those that are only parts of others.
pub(crate) const JXL_FRAMES: usize = 10_000;

/// Most frames of an animation: five minutes and a half at 30 a second. Each costs a call of encoder and
/// decoder however small it is, and an upload of 10 MB can hold 300,000.
pub(crate) const FRAMES: u32 = 10_000;

/// Most bytes of EXIF that a rendition keeps. An APP1 segment holds 65527.
pub(crate) const KEPT_EXIF_BYTES: usize = 60_000;

/// Longest side that a format with 16 bits for it can have, in pixels.
const SHORT_SIDE: u32 = 65_535;

/// Checks the size that a source claims.
pub(crate) fn check_source(width: u32, height: u32, limits: &SourceLimits) -> Result<(), Fault> {
    if width == 0 || height == 0 {
        return Err(Fault::Corrupt("it has no pixels".to_owned()));
    }
    if !limits.allow(width, height) {
        return Err(Fault::TooLarge { width, height, side: limits.side, area: limits.area });
    }
    Ok(())
}

/// Checks that all frames together, of a source or of a rendition, are within the area that one picture
/// may have.
pub(crate) fn check_frames(width: u32, height: u32, frames: u32, limits: &SourceLimits) -> Result<(), Fault> {
    let area = u64::from(width) * u64::from(height);
    if frames > FRAMES || area.saturating_mul(u64::from(frames)) > limits.area {
        return Err(Fault::TooMuchAnimation { width, height, frames, max_frames: FRAMES, area: limits.area });
    }
    Ok(())
}

/// Checks the size that a rendition would have.
pub(crate) fn check_output(
    width: u64,
    height: u64,
    format: OutputFormat,
    limits: &SourceLimits,
) -> Result<(u32, u32), Fault> {
    let format_side = match format {
        OutputFormat::WebP => WEBP_SIDE,
        OutputFormat::Jpeg | OutputFormat::BaselineJpeg | OutputFormat::Gif | OutputFormat::Avif => {
            SHORT_SIDE
        }
        OutputFormat::Png | OutputFormat::Svg | OutputFormat::Json => u32::MAX,
    };
    let fits = width.max(height) <= u64::from(format_side);
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(w), Ok(h)) if fits && limits.allow(w, h) => Ok((w, h)),
        _ => {
            let side = limits.side.min(format_side);
            Err(Fault::OutputTooLarge { width, height, side, area: limits.area })
        }
    }
}
