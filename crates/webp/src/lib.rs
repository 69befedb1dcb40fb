//! Lossy WebP encoding: libwebp behind one safe function. It is given pixels that safe code has
//! decoded, never a file, and libwebp's decoder is never called.

use libwebp_sys::{
    WebPConfig, WebPEncode, WebPMemoryWrite, WebPMemoryWriter, WebPMemoryWriterClear, WebPMemoryWriterInit,
    WebPPicture, WebPPictureFree, WebPPictureImportRGB, WebPPictureImportRGBA, WebPValidateConfig,
};
use std::ffi::c_int;
use std::mem::MaybeUninit;
use thiserror::Error;

/// Longest side of a WebP in pixels.
pub const MAX_SIDE: u32 = 16_383;

/// The samples of a pixel, 8 bits each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha; colours are not multiplied by alpha.
    Rgba,
}

/// How well and how slowly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// 0 (small) to 100 (good).
    pub quality: f32,
    /// 0 (fast) to 6 (small).
    pub method: u8,
    /// Quality of the alpha channel: 0 to 100, which is lossless.
    pub alpha_quality: u8,
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A side of 0, or longer than [`MAX_SIDE`].
    #[error("a webp has 1 to {MAX_SIDE} pixels a side")]
    Side,
    /// Not one sample for each channel of each pixel.
    #[error("the samples do not fit the size")]
    Length,
    /// A setting out of its range.
    #[error("quality must be 0 to 100, method 0 to 6")]
    Settings,
    /// libwebp gave up; the number is its `WebPEncodingError`.
    #[error("libwebp failed with error {0}")]
    Failed(i32),
}

/// Encodes pixels, row by row from the top.
pub fn encode(
    pixels: &[u8],
    layout: Layout,
    width: u32,
    height: u32,
    settings: Settings,
) -> Result<Vec<u8>, EncodeError> {
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return Err(EncodeError::Side);
    }
    let channels = match layout {
        Layout::Rgb => 3,
        Layout::Rgba => 4,
    };
    // Sides of 14 bits and 4 channels: 30 bits at most, so nothing here overflows.
    if pixels.len() != width as usize * height as usize * channels {
        return Err(EncodeError::Length);
    }
    let config = config(settings)?;
    let mut picture = Picture::new(width as c_int, height as c_int)?;
    let stride = (width as usize * channels) as c_int;
    let import = match layout {
        Layout::Rgb => WebPPictureImportRGB,
        Layout::Rgba => WebPPictureImportRGBA,
    };
    // SAFETY: the picture is initialised with its size, and `pixels` holds `height` rows of `stride`
    // bytes, as checked above. The function copies them and keeps no pointer.
    if unsafe { import(&mut picture.0, pixels.as_ptr(), stride) } == 0 {
        return Err(EncodeError::Failed(picture.0.error_code as i32));
    }
    let mut writer = Writer::new();
    picture.0.writer = Some(WebPMemoryWrite);
    picture.0.custom_ptr = (&raw mut writer.0).cast();
    // SAFETY: configuration and picture are initialised and valid; `custom_ptr` points to an
    // initialised memory writer, as WebPMemoryWrite demands, that outlives the call.
    if unsafe { WebPEncode(&config, &mut picture.0) } == 0 {
        return Err(EncodeError::Failed(picture.0.error_code as i32));
    }
    Ok(writer.bytes().to_vec())
}

fn config(settings: Settings) -> Result<WebPConfig, EncodeError> {
    let mut config = WebPConfig::new().map_err(|()| EncodeError::Failed(0))?;
    config.quality = settings.quality;
    config.method = c_int::from(settings.method);
    config.alpha_quality = c_int::from(settings.alpha_quality);
    // SAFETY: the configuration is initialised; the function only reads it.
    if unsafe { WebPValidateConfig(&config) } == 0 {
        return Err(EncodeError::Settings);
    }
    Ok(config)
}

/// A picture of libwebp, freed when dropped.
struct Picture(WebPPicture);

impl Picture {
    fn new(width: c_int, height: c_int) -> Result<Picture, EncodeError> {
        let mut picture = WebPPicture::new().map_err(|()| EncodeError::Failed(0))?;
        picture.width = width;
        picture.height = height;
        Ok(Picture(picture))
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: the picture is initialised, and what it owns was made by libwebp alone.
        unsafe { WebPPictureFree(&mut self.0) };
    }
}

/// A growing buffer of libwebp, freed when dropped.
struct Writer(WebPMemoryWriter);

impl Writer {
    fn new() -> Writer {
        let mut writer = MaybeUninit::uninit();
        // SAFETY: the function writes every field and reads none.
        unsafe { WebPMemoryWriterInit(writer.as_mut_ptr()) };
        // SAFETY: it was initialised just now.
        Writer(unsafe { writer.assume_init() })
    }

    fn bytes(&self) -> &[u8] {
        if self.0.mem.is_null() {
            return &[];
        }
        // SAFETY: `mem` is not null and holds `size` bytes that WebPMemoryWrite has written; they
        // are not changed while `self` is borrowed.
        unsafe { std::slice::from_raw_parts(self.0.mem, self.0.size) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // SAFETY: the writer is initialised, and its buffer was made by libwebp alone.
        unsafe { WebPMemoryWriterClear(&mut self.0) };
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
