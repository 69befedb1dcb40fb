//! Numbers and words of quality to the scales of the encoders.
//!
//! A quality stands for a score of SSIMULACRA2 that photographs reach in the mean at 800 pixels, so
//! that a number looks alike in every format. The tables are measured by `examples/quality`, and
//! `docs/quality.md` has what comes of them.

use super::colors::Colors;
use safelight_domain::transform::{Effort, Quality, QualityWord};

/// A point of a curve: a score, and a quality on some scale that reaches it.
type Point = (f64, f64);

/// The score that a number stands for. They come from JPEGs by jpeg-encoder, up to 70 with a quarter of the chroma
/// and above with all of it, and stay what they are whatever makes the files.
const NUMBERS: [(f64, f64); 10] = [
    (1.0, -60.0),
    (10.0, -13.0),
    (20.0, 28.7),
    (40.0, 54.4),
    (60.0, 64.2),
    (70.0, 69.1),
    (80.0, 77.5),
    (90.0, 83.5),
    (95.0, 88.0),
    (100.0, 94.7),
];

/// MozJPEG with a quarter of the chroma, quick.
const JPEG_420: [Point; 9] = [
    (-44.2, 5.0),
    (19.4, 15.0),
    (48.3, 30.0),
    (59.5, 45.0),
    (66.3, 60.0),
    (73.6, 75.0),
    (79.6, 85.0),
    (84.6, 92.0),
    (88.1, 97.0),
];

/// MozJPEG with all of the chroma, quick, for pictures whose colours are not strong.
const JPEG_444: [Point; 7] =
    [(69.3, 60.0), (77.2, 75.0), (83.3, 85.0), (88.7, 92.0), (91.0, 95.0), (93.5, 98.0), (94.7, 100.0)];

/// MozJPEG with a quarter of the chroma, thorough.
const JPEG_420_THOROUGH: [Point; 9] = [
    (-46.6, 5.0),
    (16.3, 15.0),
    (46.4, 30.0),
    (58.0, 45.0),
    (65.1, 60.0),
    (72.7, 75.0),
    (78.8, 85.0),
    (84.0, 92.0),
    (87.9, 97.0),
];

/// MozJPEG with all of the chroma, thorough.
const JPEG_444_THOROUGH: [Point; 7] =
    [(68.3, 60.0), (76.6, 75.0), (82.8, 85.0), (88.2, 92.0), (90.7, 95.0), (93.4, 98.0), (94.7, 100.0)];

/// MozJPEG with all of the chroma, quick, for pictures with strong colours.
const JPEG_STRONG: [Point; 10] = [
    (44.6, 25.0),
    (57.5, 40.0),
    (64.6, 55.0),
    (71.1, 70.0),
    (77.0, 80.0),
    (80.4, 85.0),
    (84.7, 90.0),
    (90.0, 95.0),
    (93.7, 98.0),
    (94.7, 100.0),
];

/// The same, thorough.
const JPEG_STRONG_THOROUGH: [Point; 10] = [
    (41.4, 25.0),
    (55.4, 40.0),
    (63.0, 55.0),
    (70.0, 70.0),
    (76.0, 80.0),
    (79.7, 85.0),
    (84.0, 90.0),
    (89.7, 95.0),
    (93.7, 98.0),
    (94.7, 100.0),
];

/// The score from which on all of the chroma costs fewer bytes for a picture with strong colours.
const STRONG_WHOLE_CHROMA: f64 = 60.0;

/// The score above which all of the chroma costs fewer bytes than a finer step for a quarter of it. In the mean
/// it is 85.8; the photographs that suffer most gain before.
const WHOLE_CHROMA: f64 = 85.0;

/// The score from which on a WebP has sharp chroma whoever waits.
const MEAN_CHROMA: f64 = 82.0;

/// libwebp with sharp chroma, quick; beyond 98 files grow for nothing.
const WEBP_SHARP: [Point; 11] = [
    (15.5, 5.0),
    (26.8, 10.0),
    (40.8, 20.0),
    (49.7, 30.0),
    (56.3, 40.0),
    (61.3, 50.0),
    (69.0, 70.0),
    (79.0, 85.0),
    (83.4, 90.0),
    (87.4, 95.0),
    (89.3, 98.0),
];

/// libwebp with sharp chroma, thorough.
const WEBP_SHARP_THOROUGH: [Point; 9] = [
    (13.4, 5.0),
    (32.1, 15.0),
    (48.0, 30.0),
    (58.0, 45.0),
    (64.9, 60.0),
    (70.4, 75.0),
    (79.8, 85.0),
    (86.1, 92.0),
    (89.6, 98.0),
];

/// libwebp with the mean of four pixels' chroma: beyond 96 files grow for nothing.
const WEBP: [Point; 10] = [
    (14.9, 5.0),
    (26.1, 10.0),
    (39.9, 20.0),
    (48.7, 30.0),
    (55.2, 40.0),
    (60.0, 50.0),
    (67.3, 70.0),
    (77.3, 85.0),
    (81.1, 90.0),
    (85.2, 96.0),
];

/// The same by method 1.
const WEBP_QUICK: [Point; 10] = [
    (17.5, 5.0),
    (28.3, 10.0),
    (41.2, 20.0),
    (50.2, 30.0),
    (56.1, 40.0),
    (60.9, 50.0),
    (68.4, 70.0),
    (78.0, 85.0),
    (81.4, 90.0),
    (84.8, 95.0),
];

/// libaom at speed 9 with a quarter of the chroma.
const AVIF: [Point; 12] = [
    (-41.1, 5.0),
    (1.2, 20.0),
    (23.3, 30.0),
    (41.1, 40.0),
    (55.3, 50.0),
    (66.2, 60.0),
    (71.9, 70.0),
    (77.4, 80.0),
    (79.8, 85.0),
    (82.8, 90.0),
    (85.6, 95.0),
    (87.5, 98.0),
];

/// libaom at speed 6 with a quarter of the chroma.
const AVIF_THOROUGH: [Point; 10] = [
    (-31.3, 5.0),
    (14.6, 20.0),
    (41.7, 35.0),
    (60.6, 50.0),
    (69.3, 60.0),
    (73.5, 70.0),
    (77.4, 80.0),
    (81.5, 88.0),
    (85.7, 95.0),
    (87.6, 98.0),
];

/// The score that the photographs reach in the mean.
fn score(quality: Quality) -> f64 {
    match quality {
        Quality::Number(number) => along(&NUMBERS, f64::from(number.value())),
        Quality::Word(QualityWord::High) => 84.0,
        Quality::Word(QualityWord::MediumHigh) => 74.0,
        Quality::Word(QualityWord::MediumLow) => 62.0,
        Quality::Word(QualityWord::Low) => 50.0,
    }
}

/// The number that stands for the same score.
pub(super) fn number(quality: Quality) -> f32 {
    let turned = NUMBERS.map(|(number, score)| (score, number));
    along(&turned, score(quality)) as f32
}

/// How much of the chroma a file keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chroma {
    /// Of four pixels the mean.
    Quarter,
    /// All.
    Whole,
}

/// Quality of `safelight_mozjpeg`, 1 to 100.
pub(super) fn jpeg(quality: Option<Quality>, effort: Effort, colors: Colors) -> (u8, Chroma) {
    let score = score(quality.unwrap_or(Quality::DEFAULT));
    let chroma = match colors {
        Colors::Plain if score < WHOLE_CHROMA => Chroma::Quarter,
        Colors::Strong if score < STRONG_WHOLE_CHROMA => Chroma::Quarter,
        Colors::Plain | Colors::Strong => Chroma::Whole,
    };
    let thorough = effort == Effort::Thorough;
    let curve: &[Point] = match (chroma, colors) {
        (Chroma::Quarter, _) if thorough => &JPEG_420_THOROUGH,
        (Chroma::Quarter, _) => &JPEG_420,
        (Chroma::Whole, Colors::Plain) if thorough => &JPEG_444_THOROUGH,
        (Chroma::Whole, Colors::Plain) => &JPEG_444,
        (Chroma::Whole, Colors::Strong) if thorough => &JPEG_STRONG_THOROUGH,
        (Chroma::Whole, Colors::Strong) => &JPEG_STRONG,
    };
    (whole(along(curve, score)), chroma)
}

/// Whether the mean of four pixels' chroma reaches a quality, in not many more bytes than sharp chroma needs.
pub(super) fn mean_chroma_will_do(quality: Option<Quality>) -> bool {
    score(quality.unwrap_or(Quality::DEFAULT)) < MEAN_CHROMA
}

/// Quality of libwebp, 0 to 100.
pub(super) fn webp(quality: Option<Quality>, chroma: safelight_webp::Chroma, effort: Effort) -> f32 {
    let score = score(quality.unwrap_or(Quality::DEFAULT));
    let curve: &[Point] = match (chroma, effort) {
        (safelight_webp::Chroma::Sharp, Effort::Quick | Effort::Standard) => &WEBP_SHARP,
        (safelight_webp::Chroma::Sharp, Effort::Thorough) => &WEBP_SHARP_THOROUGH,
        (safelight_webp::Chroma::Mean, Effort::Quick) => &WEBP_QUICK,
        (safelight_webp::Chroma::Mean, Effort::Standard | Effort::Thorough) => &WEBP,
    };
    along(curve, score) as f32
}

/// Quality of `safelight_aom`, 1 to 100.
pub(super) fn avif(quality: Option<Quality>, effort: Effort) -> (u8, Chroma) {
    let score = score(quality.unwrap_or(Quality::DEFAULT));
    let curve: &[Point] = match effort {
        Effort::Quick | Effort::Standard => &AVIF,
        Effort::Thorough => &AVIF_THOROUGH,
    };
    (whole(along(curve, score)), Chroma::Quarter)
}

/// The nearest quality from 1 to 100.
fn whole(quality: f64) -> u8 {
    quality.round().clamp(1.0, 100.0) as u8
}

/// The second number at a first one, on the line between the nearest two points; beyond the ends that
/// of the end.
fn along(curve: &[(f64, f64)], at: f64) -> f64 {
    for pair in curve.windows(2) {
        if let [(from, low), (to, high)] = *pair
            && (from..to).contains(&at)
        {
            return low + (high - low) * (at - from) / (to - from);
        }
    }
    let below = curve.first().is_some_and(|(first, _)| at < *first);
    let end = if below { curve.first() } else { curve.last() };
    end.map_or(at, |(_, end)| *end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_never_less() {
        let all: Vec<Quality> = (1..=100).map(|n| Quality::number(n).expect("in range")).collect();
        for effort in Effort::ALL {
            for pair in all.windows(2) {
                let [less, more] = [pair[0], pair[1]];
                assert!(score(less) < score(more));
                for chroma in [safelight_webp::Chroma::Mean, safelight_webp::Chroma::Sharp] {
                    assert!(webp(Some(less), chroma, effort) <= webp(Some(more), chroma, effort));
                }
                assert!(avif(Some(less), effort).0 <= avif(Some(more), effort).0);
                for colors in [Colors::Plain, Colors::Strong] {
                    let [(q, chroma), (next_q, next_chroma)] =
                        [less, more].map(|quality| jpeg(Some(quality), effort, colors));
                    assert!(q <= next_q || (chroma, next_chroma) == (Chroma::Quarter, Chroma::Whole));
                }
            }
        }
        for words in QualityWord::ALL.windows(2) {
            assert!(score(Quality::Word(words[0])) > score(Quality::Word(words[1])) + 5.0);
        }
    }

    #[test]
    fn a_word_is_a_number_too() {
        let high = number(Quality::Word(QualityWord::High));
        assert!((90.0..92.0).contains(&high), "{high}");
        assert!((number(Quality::DEFAULT) - 85.0).abs() < 0.01);
        for effort in Effort::ALL {
            for colors in [Colors::Plain, Colors::Strong] {
                assert_eq!(jpeg(None, effort, colors), jpeg(Some(Quality::DEFAULT), effort, colors));
            }
        }
    }
}
