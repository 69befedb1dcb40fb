//! WebP.

use super::{Decoded, Pixels, check_size, corrupt, frame};
use crate::Fault;
use crate::frame::{Channels, byte_count};
use crate::limits::PROFILE_BYTES;
use safelight_domain::image::SourceInfo;
use std::io::Cursor;

pub(super) fn decode(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(file)).map_err(corrupt)?;
    decoder.set_memory_limit(PROFILE_BYTES);
    check_size(decoder.dimensions(), info)?;
    // A broken profile chunk is ignored like a broken profile.
    let profile = decoder.icc_profile().ok().flatten();
    let channels = if decoder.has_alpha() { Channels::Rgba } else { Channels::Rgb };
    let mut pixels = vec![0; byte_count(info.width, info.height, channels.count())];
    decoder.read_image(&mut pixels).map_err(corrupt)?;
    Ok(Decoded { pixels: Pixels::Frame(frame(info, channels, pixels)?), profile })
}
