//! AV1 to planes, by rav1d: a safe interface over the one that it has in common with dav1d.
//!
//! rav1d is dav1d in Rust, built here without its assembly, so that bounds are checked where hostile
//! bytes are read. Its interface is still that of C; this package is the owner of what crosses it. One
//! thread is used, the caller's, and a picture beyond the limit is refused before it is allocated.

mod native;

use thiserror::Error;

/// How to decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Most pixels of a coded picture; 0 is refused.
    pub max_pixels: u32,
    /// The operating point, 0 to 31. Of a picture in layers, the highest of it is given.
    pub operating_point: u8,
}

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A setting is out of range.
    #[error("the settings of the decoder are out of range")]
    Settings,
    /// The data has no bytes.
    #[error("there is no data")]
    Empty,
    /// An allocation failed.
    #[error("the decoder found no memory")]
    Memory,
    /// A picture is larger than [`Settings::max_pixels`].
    #[error("the coded picture is too large")]
    TooLarge,
    /// The bitstream is broken.
    #[error("the AV1 data is broken")]
    Broken,
}

/// Which samples a picture has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Luma alone.
    Mono,
    /// Chroma has half the columns and half the rows, rounded up.
    Yuv420,
    /// Chroma has half the columns, rounded up.
    Yuv422,
    /// Chroma has all columns and rows.
    Yuv444,
}

/// What the samples mean, in the numbers of ITU-T H.273.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    /// `ColourPrimaries`; 2 is unspecified.
    pub primaries: u8,
    /// `TransferCharacteristics`; 2 is unspecified.
    pub transfer: u8,
    /// `MatrixCoefficients`; 2 is unspecified.
    pub matrix: u8,
    /// Whether samples use their whole range.
    pub full_range: bool,
}

/// A decoded picture: rows from the top, without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bits of a sample: 8, 10 or 12.
    pub depth: u8,
    /// See [`Layout`].
    pub layout: Layout,
    /// What the bitstream says of its colours.
    pub color: Color,
    /// Luma, then the two of chroma; empty where the layout has none. Samples are below `1 << depth`.
    pub planes: [Vec<u16>; 3],
}

impl Layout {
    /// Columns and rows of a plane of a picture of this size: of luma for plane 0, else of chroma.
    #[must_use]
    pub const fn plane_size(self, plane: usize, width: u32, height: u32) -> (u32, u32) {
        match (self, plane) {
            (_, 0) | (Self::Yuv444, _) => (width, height),
            (Self::Mono, _) => (0, 0),
            (Self::Yuv422, _) => (width.div_ceil(2), height),
            (Self::Yuv420, _) => (width.div_ceil(2), height.div_ceil(2)),
        }
    }
}

/// Decodes units in their order; pictures may refer to those before them.
pub struct Decoder(native::Context);

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new(settings: &Settings) -> Result<Self, DecodeError> {
        if settings.max_pixels == 0 || settings.operating_point > 31 {
            return Err(DecodeError::Settings);
        }
        native::Context::open(settings).map(Self)
    }

    /// Decodes a temporal unit and gives its last picture, with film grain; `None` if it shows none.
    pub fn decode(&mut self, unit: &[u8]) -> Result<Option<Picture>, DecodeError> {
        if unit.is_empty() {
            return Err(DecodeError::Empty);
        }
        self.0.decode(unit)
    }
}
