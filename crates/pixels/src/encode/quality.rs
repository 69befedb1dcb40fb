//! Numbers and words of quality to the scales of the encoders.
//!
//! A quality stands for a score of SSIMULACRA2 that photographs reach in the mean at 800 pixels, so
//! that a number looks alike in every format. The tables are measured by `examples/quality`, and
//! `docs/quality.md` has what comes of them.

use safelight_domain::transform::{Quality, QualityWord};

/// A point of a curve: a score, and a quality on some scale that reaches it.
type Point = (f64, f64);

/// The score that a number stands for: up to 70 what libjpeg's scale gives with a quarter of the chroma,
/// above it more, since chroma is kept whole there.
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

/// jpeg-encoder with a quarter of the chroma.
const JPEG_420: [Point; 9] = [
    (-60.0, 4.0),
    (-13.1, 10.0),
    (14.2, 15.0),
    (28.7, 20.0),
    (45.8, 30.0),
    (54.4, 40.0),
    (60.4, 50.0),
    (69.1, 70.0),
    (74.3, 80.0),
];

/// jpeg-encoder with all of the chroma.
const JPEG_444: [Point; 7] =
    [(72.5, 65.0), (77.3, 75.0), (80.4, 80.0), (83.3, 85.0), (87.0, 90.0), (91.0, 95.0), (94.7, 100.0)];

/// The score above which all of the chroma costs fewer bytes than a finer step for a quarter of it.
const WHOLE_CHROMA: f64 = 74.0;

/// libwebp with sharp chroma; beyond 98 files grow for nothing.
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

/// Quality of jpeg-encoder, 1 to 100.
pub(super) fn jpeg(quality: Option<Quality>) -> (u8, Chroma) {
    let score = score(quality.unwrap_or(Quality::DEFAULT));
    if score < WHOLE_CHROMA {
        (whole(along(&JPEG_420, score)), Chroma::Quarter)
    } else {
        (whole(along(&JPEG_444, score)), Chroma::Whole)
    }
}

/// Quality of libwebp, 0 to 100.
pub(super) fn webp(quality: Option<Quality>, chroma: safelight_webp::Chroma) -> f32 {
    let score = score(quality.unwrap_or(Quality::DEFAULT));
    match chroma {
        safelight_webp::Chroma::Sharp => along(&WEBP_SHARP, score) as f32,
        safelight_webp::Chroma::Mean => along(&WEBP, score) as f32,
    }
}

/// Quality of `safelight_aom`, 1 to 100.
pub(super) fn avif(quality: Option<Quality>) -> (u8, Chroma) {
    let score = score(quality.unwrap_or(Quality::DEFAULT));
    (whole(along(&AVIF, score)), Chroma::Quarter)
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
        for pair in all.windows(2) {
            let [less, more] = [pair[0], pair[1]];
            assert!(score(less) < score(more));
            for chroma in [safelight_webp::Chroma::Mean, safelight_webp::Chroma::Sharp] {
                assert!(webp(Some(less), chroma) <= webp(Some(more), chroma));
            }
            assert!(avif(Some(less)).0 <= avif(Some(more)).0);
            let ((q, chroma), (next_q, next_chroma)) = (jpeg(Some(less)), jpeg(Some(more)));
            assert!(q <= next_q || (chroma, next_chroma) == (Chroma::Quarter, Chroma::Whole));
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
        assert_eq!(jpeg(None), jpeg(Some(Quality::DEFAULT)));
    }
}
