//! What the encoder is told.

use super::OptionError;

/// How good a lossy rendition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quality {
    /// 1 to 100, each of which stands for a score that photographs reach, the same in every format.
    Number(QualityNumber),
    /// A word, which stands for a score that each format is calibrated to.
    Word(QualityWord),
}

impl Quality {
    /// Cloudflare's default.
    pub const DEFAULT: Quality = Quality::Number(QualityNumber(85));

    /// Parses a number of 1 to 100.
    pub fn number(value: u64) -> Result<Quality, OptionError> {
        match u8::try_from(value) {
            Ok(value) if (1..=100).contains(&value) => Ok(Quality::Number(QualityNumber(value))),
            _ => Err(OptionError {
                option: "quality",
                allowed: "a whole number from 1 to 100, or one of high, medium-high, medium-low, low",
            }),
        }
    }
}

/// 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QualityNumber(u8);

impl QualityNumber {
    /// 100: nothing is lost in formats that can do so.
    pub const MAX: QualityNumber = QualityNumber(100);

    /// 1 to 100.
    pub fn value(self) -> u8 {
        self.0
    }
}

/// The four words, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QualityWord {
    /// `high`.
    High,
    /// `medium-high`.
    MediumHigh,
    /// `medium-low`.
    MediumLow,
    /// `low`.
    Low,
}

impl QualityWord {
    /// Every word, best first.
    pub const ALL: [QualityWord; 4] =
        [QualityWord::High, QualityWord::MediumHigh, QualityWord::MediumLow, QualityWord::Low];

    /// The word in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            QualityWord::High => "high",
            QualityWord::MediumHigh => "medium-high",
            QualityWord::MediumLow => "medium-low",
            QualityWord::Low => "low",
        }
    }
}

/// How much time the encoder takes (`compression`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// As suits the format.
    Default,
    /// As little as possible; files get larger.
    Fast,
}

/// What becomes of an animation (`anim`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Animation {
    /// It stays one where the output format can be animated.
    Keep,
    /// The first frame alone.
    FirstFrame,
}

/// What of the source's metadata a JPEG keeps. Orientation and colour profile are always applied.
/// Other formats never carry any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetadataPolicy {
    /// Nothing.
    None,
    /// The EXIF copyright tag alone.
    Copyright,
    /// Most EXIF, with the position; no thumbnail.
    Keep,
}

impl MetadataPolicy {
    /// Every policy.
    pub const ALL: [MetadataPolicy; 3] =
        [MetadataPolicy::Keep, MetadataPolicy::Copyright, MetadataPolicy::None];

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            MetadataPolicy::None => "none",
            MetadataPolicy::Copyright => "copyright",
            MetadataPolicy::Keep => "keep",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Result<MetadataPolicy, OptionError> {
        MetadataPolicy::ALL
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or(OptionError { option: "metadata", allowed: "one of keep, copyright, none" })
    }
}
