//! Sizes instead of pixels (`format=json`).

use safelight_domain::image::SourceInfo;
use safelight_domain::transform::Animation;

/// The answer: `width` and `height` of the rendition, what the original is, and how many frames an
/// animation has that stays one. Only numbers and media types are in it, so nothing needs escaping.
pub(crate) fn describe(
    original: &SourceInfo,
    file_size: usize,
    animation: Animation,
    (width, height): (u32, u32),
) -> Vec<u8> {
    let frames = match animation {
        Animation::Keep => format!("\"frames\":{},", original.frames),
        Animation::FirstFrame => String::new(),
    };
    let text = format!(
        "{{\"width\":{width},\"height\":{height},{frames}\"original\":{{\"file_size\":{file_size},\"width\":{},\
         \"height\":{},\"format\":\"{}\"}}}}",
        original.width,
        original.height,
        original.format.media_type()
    );
    text.into_bytes()
}
