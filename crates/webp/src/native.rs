//! The calls into libwebp, and the owners of what it allocates.

use crate::{Chroma, Compression, EncodeError, Layout, Settings, Source};
use libwebp_sys::{WebPConfig, WebPEncodingError, WebPMemoryWriter, WebPPicture};
use std::ffi::c_int;
use std::mem::MaybeUninit;

/// Effort of lossless files, 0 to 100, which libwebp reads from where lossy ones have their quality:
/// its own default.
const LOSSLESS_EFFORT: f32 = 75.0;

/// The settings in libwebp's terms. Ranges are checked here, as libwebp takes a quality that is not
/// a number for sound and converts it to an integer.
pub(crate) fn config(settings: &Settings) -> Result<WebPConfig, EncodeError> {
    // Fails only if the library is older than its declarations, and they come together.
    let mut config = WebPConfig::new().map_err(|()| EncodeError::Failed(None))?;
    if settings.method > 6 {
        return Err(EncodeError::Settings);
    }
    config.method = c_int::from(settings.method);
    match settings.compression {
        Compression::Lossy { quality, alpha_quality, chroma } => {
            if !(0.0..=100.0).contains(&quality) || alpha_quality > 100 {
                return Err(EncodeError::Settings);
            }
            config.quality = quality;
            config.alpha_quality = c_int::from(alpha_quality);
            config.use_sharp_yuv = c_int::from(chroma == Chroma::Sharp);
        }
        Compression::Lossless => {
            config.lossless = 1;
            config.quality = LOSSLESS_EFFORT;
        }
    }
    Ok(config)
}

/// Encodes checked pixels with checked settings.
pub(crate) fn encode(source: &Source<'_>, config: &WebPConfig) -> Result<Vec<u8>, EncodeError> {
    // The file outlives the picture, which holds a pointer to it: locals are dropped in reverse.
    let mut file = Output::new();
    let mut picture = Picture::new()?;
    picture.0.width = source.width;
    picture.0.height = source.height;
    // A lossy file is made of luma and chroma; converting on import spares a copy of the pixels, which
    // sharp chroma is made from.
    picture.0.use_argb = config.lossless | config.use_sharp_yuv;
    picture.import(source)?;
    picture.encode_into(&mut file, config)?;
    Ok(file.to_vec())
}

/// A picture of libwebp and the planes that it owns.
struct Picture(WebPPicture);

impl Picture {
    fn new() -> Result<Self, EncodeError> {
        // Fails only if the library is older than its declarations.
        WebPPicture::new().map(Self).map_err(|()| EncodeError::Failed(None))
    }

    /// Copies the pixels into the picture's own planes.
    fn import(&mut self, source: &Source<'_>) -> Result<(), EncodeError> {
        let pixels = source.pixels.as_ptr();
        let done = match source.layout {
            // SAFETY: the picture is initialised and has the source's width and height. libwebp reads
            // `height` rows of `width` pixels of 3 bytes, `stride` = 3 * width bytes apart, which are
            // the bytes that `Source` has counted. It keeps no pointer to them.
            Layout::Rgb => unsafe {
                libwebp_sys::WebPPictureImportRGB(&raw mut self.0, pixels, source.stride())
            },
            // SAFETY: as above with 4 bytes a pixel.
            Layout::Rgba => unsafe {
                libwebp_sys::WebPPictureImportRGBA(&raw mut self.0, pixels, source.stride())
            },
        };
        self.outcome(done)
    }

    /// Encodes what was imported.
    fn encode_into(&mut self, file: &mut Output, config: &WebPConfig) -> Result<(), EncodeError> {
        self.0.writer = Some(libwebp_sys::WebPMemoryWrite);
        self.0.custom_ptr = (&raw mut file.0).cast();
        // SAFETY: the config was initialised by libwebp and has values in range; the picture has
        // planes of its size, from `import`. `WebPMemoryWrite` takes `custom_ptr` for a
        // `WebPMemoryWriter`, which it is; it is borrowed for this call alone, nothing else names it
        // meanwhile, and the pointer is not followed after the call. No callback is Rust, so nothing
        // unwinds through C. libwebp is built with threads, so its shared tables are behind locks.
        let done = unsafe { libwebp_sys::WebPEncode(config, &raw mut self.0) };
        self.0.custom_ptr = std::ptr::null_mut();
        self.outcome(done)
    }

    /// What a call came to, by its result (0 is failure) and the code that it left.
    fn outcome(&self, done: c_int) -> Result<(), EncodeError> {
        if done != 0 {
            return Ok(());
        }
        Err(match self.0.error_code {
            WebPEncodingError::VP8_ENC_ERROR_OUT_OF_MEMORY
            | WebPEncodingError::VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY
            // The writer fails for want of memory alone.
            | WebPEncodingError::VP8_ENC_ERROR_BAD_WRITE => EncodeError::Memory,
            WebPEncodingError::VP8_ENC_ERROR_PARTITION0_OVERFLOW
            | WebPEncodingError::VP8_ENC_ERROR_PARTITION_OVERFLOW
            | WebPEncodingError::VP8_ENC_ERROR_FILE_TOO_BIG => EncodeError::TooComplex,
            other => EncodeError::Failed(Some(other as u32)),
        })
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: the picture was initialised in `new`, so its planes are null or libwebp's own, and
        // this is the only place that frees them.
        unsafe { libwebp_sys::WebPPictureFree(&raw mut self.0) };
    }
}

/// A file in memory that libwebp allocates and lengthens.
struct Output(WebPMemoryWriter);

impl Output {
    fn new() -> Self {
        let mut writer = MaybeUninit::<WebPMemoryWriter>::zeroed();
        // SAFETY: the pointer is to memory of a writer's size, and the call only sets fields.
        unsafe { libwebp_sys::WebPMemoryWriterInit(writer.as_mut_ptr()) };
        // SAFETY: every field is a number or a raw pointer, for which zero is sound, and the three
        // that matter were set above.
        Self(unsafe { writer.assume_init() })
    }

    fn to_vec(&self) -> Vec<u8> {
        if self.0.mem.is_null() {
            return Vec::new();
        }
        // SAFETY: `mem` is not null and is libwebp's own, with `size` bytes written; it lives until
        // the drop of `self`, which the slice does not outlive, and nobody writes to it meanwhile.
        unsafe { std::slice::from_raw_parts(self.0.mem, self.0.size) }.to_vec()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: the writer was initialised in `new`, so `mem` is null or libwebp's own, and this is
        // the only place that frees it.
        unsafe { libwebp_sys::WebPMemoryWriterClear(&raw mut self.0) };
    }
}
