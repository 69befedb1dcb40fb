//! Pixels on their way through the engine.

/// What a pixel is made of, 8 bits a sample, in sRGB. Alpha is not premultiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    /// Luma.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
}

impl Channels {
    /// Samples, and so bytes, a pixel.
    pub(crate) const fn count(self) -> usize {
        match self {
            Channels::Grey => 1,
            Channels::Rgb => 3,
            Channels::Rgba => 4,
        }
    }
}

/// A picture in memory: rows from the top, without padding; it has at least one pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    width: u32,
    height: u32,
    channels: Channels,
    pixels: Vec<u8>,
}

/// Bytes of a picture of this size. Sizes have passed the limits, so it fits.
pub(crate) fn byte_count(width: u32, height: u32, samples: usize) -> usize {
    (width as usize).saturating_mul(height as usize).saturating_mul(samples)
}

impl Frame {
    /// A picture made of `pixels`; `None` if their number is not that of the size.
    pub(crate) fn new(width: u32, height: u32, channels: Channels, pixels: Vec<u8>) -> Option<Frame> {
        let fits = width > 0 && height > 0 && pixels.len() == byte_count(width, height, channels.count());
        fits.then_some(Frame { width, height, channels, pixels })
    }

    /// Pixels.
    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    /// Pixels.
    pub(crate) fn height(&self) -> u32 {
        self.height
    }

    /// See [`Channels`].
    pub(crate) fn channels(&self) -> Channels {
        self.channels
    }

    /// Bytes a row.
    pub(crate) fn stride(&self) -> usize {
        self.width as usize * self.channels.count()
    }

    /// All samples.
    pub(crate) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All samples, without the frame.
    pub(crate) fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// All samples.
    pub(crate) fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }
}
