//! About what a render takes.

use crate::{Output, output_area};
use safelight_domain::first_answer::encoding_time;
use safelight_domain::image::{SourceFormat, SourceInfo, SourceLimits};
use safelight_domain::transform::{Animation, Effort, Transform};
use std::time::Duration;

/// An estimate for whoever decides how much is let in at once. What a file really takes is bounded elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Bytes of memory, files apart.
    pub bytes: u64,
    /// Of one core.
    pub time: Duration,
}

/// A thorough encoder takes about so many times as long as a quick one.
const THOROUGH: u64 = 10;

/// Bytes for each pixel that is encoded.
const ENCODED: u64 = 8;

impl Cost {
    /// Of a rendition, made of the original or of the level with this divisor. Pictures drawn on it are not
    /// counted.
    pub fn of_render(
        info: &SourceInfo,
        transform: &Transform,
        output: Output,
        level: Option<u32>,
        limits: &SourceLimits,
    ) -> Cost {
        let moves = transform.animation == Animation::Keep && crate::encode::animates(output.format);
        let frames = if moves { u64::from(info.frames) } else { 1 };
        let decoded = match level {
            None => Cost::of_decoding(info, frames),
            Some(divisor) => {
                let (width, height) = (info.width.div_ceil(divisor), info.height.div_ceil(divisor));
                Cost::of_decoding(&SourceInfo { format: SourceFormat::Jpeg, width, height, ..*info }, 1)
            }
        };
        let pixels = output_area(info, transform, output.format, limits).unwrap_or(0);
        let encoders = match output.effort {
            Effort::Quick | Effort::Standard => 1,
            Effort::Thorough => THOROUGH,
        };
        let encoding = encoding_time(output.format, pixels.saturating_mul(frames).saturating_mul(encoders));
        Cost {
            bytes: decoded.bytes.saturating_add(pixels.saturating_mul(ENCODED)),
            time: decoded.time.saturating_add(encoding),
        }
    }

    /// Of the levels of an original.
    pub fn of_levels(info: &SourceInfo) -> Cost {
        let Cost { bytes, time } = Cost::of_decoding(info, 1);
        Cost { bytes, time: time * 2 }
    }

    /// Bytes and nanoseconds for each pixel: rounded up from what `make memory` and `examples/timing` measure,
    /// scaling included.
    fn of_decoding(info: &SourceInfo, frames: u64) -> Cost {
        let (bytes, nanoseconds) = match info.format {
            SourceFormat::Jpeg => (10, 10),
            SourceFormat::Png => (5, 20),
            SourceFormat::WebP => (9, 30),
            SourceFormat::Gif => (6, 20),
            SourceFormat::Avif => (14, 30),
            SourceFormat::Heic => (14, 60),
            SourceFormat::Jxl => (20, 80),
            SourceFormat::Tiff => (9, 20),
            SourceFormat::Bmp => (5, 10),
            SourceFormat::Svg => (0, 0),
        };
        let pixels = u64::from(info.width) * u64::from(info.height);
        let time = Duration::from_nanos(pixels.saturating_mul(frames).saturating_mul(nanoseconds));
        Cost { bytes: pixels.saturating_mul(bytes), time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safelight_domain::image::Turn;
    use safelight_domain::negotiate::OutputFormat;
    use safelight_domain::options::Options;

    const LIMITS: SourceLimits = SourceLimits::CLOUDFLARE;

    fn source(format: SourceFormat, frames: u32) -> SourceInfo {
        SourceInfo { format, width: 4000, height: 3000, has_alpha: false, frames, turn: Turn::Upright }
    }

    fn cost(info: &SourceInfo, options: &str, output: impl Into<Output>, level: Option<u32>) -> Cost {
        let transform = Options::parse(options).expect("options").transform;
        Cost::of_render(info, &transform, output.into(), level, &LIMITS)
    }

    #[test]
    fn it_is_decoding_and_encoding() {
        let jpeg = source(SourceFormat::Jpeg, 1);
        let (bytes, time) = (12_000_000 * 10 + 480_000 * 8, 12_000_000 * 10 + 480_000 * 80);
        let expected = Cost { bytes, time: Duration::from_nanos(time) };
        assert_eq!(cost(&jpeg, "w=800", OutputFormat::WebP, None), expected);
        let (bytes, time) = (750_000 * 10 + 480_000 * 8, 750_000 * 10 + 480_000 * 80);
        let expected = Cost { bytes, time: Duration::from_nanos(time) };
        assert_eq!(cost(&jpeg, "w=800", OutputFormat::WebP, Some(4)), expected);
        assert_eq!(Cost::of_levels(&jpeg).time, Duration::from_millis(240));
    }

    #[test]
    fn frames_and_effort_take_time() {
        let moving = source(SourceFormat::Gif, 9);
        let still = cost(&moving, "w=80", OutputFormat::Jpeg, None);
        let all = cost(&moving, "w=80", OutputFormat::WebP, None);
        assert!(all.time > still.time * 8 && all.bytes == still.bytes);
        let first = cost(&moving, "w=80,anim=false", OutputFormat::WebP, None);
        assert!(first.time < still.time * 2);
        let thorough = Output { format: OutputFormat::WebP, effort: Effort::Thorough };
        assert!(cost(&moving, "w=4000,anim=false", thorough, None).time > Duration::from_secs(9));
    }
}
