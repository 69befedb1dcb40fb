//! What someone can be made to wait for: an encoder that takes longer than a budget works in the background,
//! and the first answer is in another format.

use crate::negotiate::OutputFormat;
use std::time::Duration;

/// Most time that the encoder of a first answer may take, by the estimate of [`encoding_time`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstAnswerBudget(Duration);

impl FirstAnswerBudget {
    /// A budget of this much time.
    pub fn new(time: Duration) -> FirstAnswerBudget {
        FirstAnswerBudget(time)
    }

    /// Whether a picture of so many pixels is made in this format at once, rather than in one to fall back on. A
    /// quick WebP is no smaller than a quick JPEG (`docs/quality.md`), and takes three times as long.
    pub fn allows(self, format: OutputFormat, last: OutputFormat, pixels: u64) -> bool {
        if (format, last) == (OutputFormat::WebP, OutputFormat::Jpeg) {
            return false;
        }
        let time = encoding_time(format, pixels);
        time <= self.0 || time <= encoding_time(last, pixels)
    }
}

/// About how long a quick encoder takes for a picture of so many pixels: a table, measured on one core of a
/// server of 2023 (`docs/performance.md`), so that the same picture has the same formats everywhere.
pub fn encoding_time(format: OutputFormat, pixels: u64) -> Duration {
    let nanoseconds = match format {
        OutputFormat::Avif => 60,
        OutputFormat::WebP => 80,
        OutputFormat::Gif => 100,
        OutputFormat::Png => 20,
        OutputFormat::Jpeg | OutputFormat::BaselineJpeg => 15,
        OutputFormat::Svg | OutputFormat::Json => 0,
    };
    Duration::from_nanos(pixels.saturating_mul(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pictures_fall_back_on_what_is_quicker() {
        use OutputFormat::{Avif, Gif, Jpeg, Json, Png, WebP};
        let budget = FirstAnswerBudget::new(Duration::from_millis(48));
        assert!(budget.allows(Avif, Jpeg, 800_000));
        assert!(!budget.allows(Avif, Jpeg, 800_001));
        assert!(!budget.allows(Avif, Jpeg, u64::MAX / 100));
        assert!(budget.allows(WebP, Gif, 10_000_000), "nothing is won by a GIF");
        assert!(budget.allows(WebP, Png, 600_000));
        assert!(!budget.allows(WebP, Jpeg, 1), "nothing is won by a WebP");
        let none = FirstAnswerBudget::new(Duration::ZERO);
        assert!(none.allows(Json, Json, 1));
        assert!(!none.allows(Avif, Jpeg, 1));
    }
}
