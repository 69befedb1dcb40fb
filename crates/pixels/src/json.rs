//! The answer in JSON instead of a picture.

use crate::plan::Size;
use safelight_domain::image::SourceInfo;
use safelight_domain::transform::Animation;

/// What a rendition would be and what it would be made of. `bytes` is the size of the original; `output`
/// is `None` for an SVG, which has no pixels. Every value is a number or a media type, so that nothing
/// has to be escaped.
pub(crate) fn describe(
    source: &SourceInfo,
    bytes: usize,
    output: Option<Size>,
    animation: Animation,
) -> String {
    let format = source.format.media_type();
    let Some(Size { width, height }) = output else {
        return format!("{{\"original\":{{\"file_size\":{bytes},\"format\":\"{format}\"}}}}");
    };
    let frames = match animation {
        Animation::Keep => format!("\"frames\":{},", source.frames),
        Animation::FirstFrame => String::new(),
    };
    let (source_width, source_height) = (source.width, source.height);
    format!(
        "{{\"width\":{width},\"height\":{height},{frames}\"original\":{{\"file_size\":{bytes},\
         \"width\":{source_width},\"height\":{source_height},\"format\":\"{format}\"}}}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use safelight_domain::image::{SourceFormat, Turn};

    #[test]
    fn the_answer_is_cloudflares() {
        let (format, has_alpha) = (SourceFormat::Gif, true);
        let source = SourceInfo { format, width: 40, height: 20, has_alpha, frames: 7, turn: Turn::Upright };
        let output = Some(Size { width: 20, height: 10 });
        assert_eq!(
            describe(&source, 999, output, Animation::Keep),
            r#"{"width":20,"height":10,"frames":7,"original":{"file_size":999,"width":40,"height":20,"format":"image/gif"}}"#
        );
        assert_eq!(
            describe(&source, 999, output, Animation::FirstFrame),
            r#"{"width":20,"height":10,"original":{"file_size":999,"width":40,"height":20,"format":"image/gif"}}"#
        );
        let svg = SourceInfo { format: SourceFormat::Svg, ..source };
        assert_eq!(
            describe(&svg, 5, None, Animation::Keep),
            r#"{"original":{"file_size":5,"format":"image/svg+xml"}}"#
        );
    }
}
