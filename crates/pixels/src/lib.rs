//! The image engine: bytes to bytes, synchronous, under limits. It opens no file or socket.

use safelight_domain::image::{SourceInfo, SourceLimits};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use thiserror::Error;

/// Changes whenever the same request would give other pixels, so that stored renditions of an
/// older engine are not used any more.
pub const ENGINE_VERSION: u32 = 1;

/// A rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The encoded file.
    pub bytes: Vec<u8>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Why a file gives no pixels. The texts are fit for the public.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Not an image, or of a format that is not accepted.
    #[error("the file is not a JPEG, PNG, WebP or GIF image")]
    Unsupported,
    /// Starts like an image but cannot be decoded.
    #[error("the image cannot be decoded: {0}")]
    Corrupt(String),
    /// Larger than the limits.
    #[error("the image is too large: {width}x{height} pixels, allowed are {side} a side and {area} in all")]
    TooLarge {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// See `SourceLimits`.
        side: u32,
        /// See `SourceLimits`.
        area: u64,
    },
    /// The output cannot be made, for instance a WebP of more than 16383 pixels a side.
    #[error("the image cannot be encoded: {0}")]
    CannotEncode(String),
}

/// Reads the header of a file; pixels are not decoded.
#[allow(unused_variables)]
pub fn probe(file: &[u8], limits: &SourceLimits) -> Result<SourceInfo, Fault> {
    unimplemented!()
}

/// Renders a file.
#[allow(unused_variables)]
pub fn render(
    file: &[u8],
    transform: &Transform,
    format: OutputFormat,
    limits: &SourceLimits,
) -> Result<Rendered, Fault> {
    unimplemented!()
}
