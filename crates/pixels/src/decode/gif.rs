//! GIF.

use super::{Decoded, Pixels, check_size, corrupt, frame};
use crate::Fault;
use crate::frame::{Channels, byte_count};
use crate::limits::PROFILE_BYTES;
use safelight_domain::image::SourceInfo;

/// The first frame on its canvas; what it leaves uncovered is transparent. A frame that hangs over
/// the canvas is cut.
pub(super) fn decode(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let area = u64::from(info.width) * u64::from(info.height);
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    options.set_memory_limit(gif::MemoryLimit::Bytes(
        std::num::NonZeroU64::new(area.max(PROFILE_BYTES as u64)).unwrap_or(std::num::NonZeroU64::MIN),
    ));
    let mut decoder = options.read_info(file).map_err(corrupt)?;
    check_size((u32::from(decoder.width()), u32::from(decoder.height())), info)?;
    let global = decoder.global_palette().map(<[u8]>::to_vec);
    // The decoder refuses a frame of more bytes than its limit before it allocates it.
    let first = decoder.read_next_frame().map_err(corrupt)?.ok_or_else(|| corrupt("it has no frame"))?;
    let palette =
        first.palette.as_deref().or(global.as_deref()).ok_or_else(|| corrupt("it has no palette"))?;
    let samples = if info.has_alpha { 4 } else { 3 };
    let mut pixels = vec![0; byte_count(info.width, info.height, samples)];
    let stride = info.width as usize * samples;
    let (left, width) = (usize::from(first.left) * samples, usize::from(first.width).max(1));
    let rows = pixels.chunks_exact_mut(stride).skip(usize::from(first.top));
    for (row, indices) in rows.zip(first.buffer.chunks_exact(width)) {
        let places = row.get_mut(left..).unwrap_or_default().chunks_exact_mut(samples);
        for (pixel, &index) in places.zip(indices) {
            if first.transparent == Some(index) {
                continue;
            }
            let at = usize::from(index) * 3;
            // An index beyond the palette is black, as browsers have it.
            let color = palette.get(at..at + 3).unwrap_or(&[0, 0, 0]);
            for (sample, value) in pixel.iter_mut().zip(color.iter().chain(&[255])) {
                *sample = *value;
            }
        }
    }
    let channels = if info.has_alpha { Channels::Rgba } else { Channels::Rgb };
    Ok(Decoded { pixels: Pixels::Frame(frame(info, channels, pixels)?), profile: None })
}
