//! Single values of options.

use super::value::{decimal, whole};
use crate::transform::{
    Blur, Factor, Flip, Gravity, OptionError, Quality, QualityWord, Ratio, Rotate, Sharpen,
};

/// What the ranges refuse, where the text is no number.
fn number(text: &str) -> f64 {
    decimal(text).unwrap_or(f64::NAN)
}

pub(super) fn ratio(option: &'static str, text: &str) -> Result<Ratio, OptionError> {
    Ratio::parse(option, number(text))
}

pub(super) fn blur(text: &str) -> Result<Blur, OptionError> {
    Blur::parse(number(text))
}

pub(super) fn sharpen(text: &str) -> Result<Sharpen, OptionError> {
    Sharpen::parse(number(text))
}

/// 0 is a value like any other here.
pub(super) fn saturation(text: &str) -> Result<Factor, OptionError> {
    Factor::parse("saturation", number(text))
}

/// 0 is ignored, as Cloudflare has it.
pub(super) fn factor(option: &'static str, text: &str) -> Result<Factor, OptionError> {
    let factor = Factor::parse(option, number(text))?;
    Ok(if factor.value() == 0.0 { Factor::NONE } else { factor })
}

pub(super) fn quality(option: &'static str, text: &str) -> Result<Quality, OptionError> {
    if let Some(word) = QualityWord::ALL.into_iter().find(|word| word.as_str() == text) {
        return Ok(Quality::Word(word));
    }
    Quality::number(whole(text).unwrap_or(0)).map_err(|error| OptionError { option, ..error })
}

pub(super) fn rotate(text: &str) -> Result<Rotate, OptionError> {
    match text {
        "0" | "360" => Ok(Rotate::None),
        "90" => Ok(Rotate::By90),
        "180" => Ok(Rotate::By180),
        "270" => Ok(Rotate::By270),
        _ => Err(OptionError { option: "rotate", allowed: "one of 0, 90, 180, 270, 360" }),
    }
}

pub(super) fn flip(text: &str) -> Result<Flip, OptionError> {
    match text {
        "h" => Ok(Flip::Horizontal),
        "v" => Ok(Flip::Vertical),
        "hv" | "vh" => Ok(Flip::Both),
        _ => Err(OptionError { option: "flip", allowed: "one of h, v, hv" }),
    }
}

/// `entropy`, which Cloudflare's types name and its documents do not, is taken as `auto`.
pub(super) fn gravity(text: &str, zoom: Ratio) -> Result<Gravity, OptionError> {
    let allowed = "one of auto, face, left, right, top, bottom, center, or XxY with numbers from 0 to 1";
    let (x, y) = match text {
        "auto" | "entropy" => return Ok(Gravity::Auto),
        "face" => return Ok(Gravity::Face(zoom)),
        "left" => (Ratio::ZERO, Ratio::HALF),
        "right" => (Ratio::ONE, Ratio::HALF),
        "top" => (Ratio::HALF, Ratio::ZERO),
        "bottom" => (Ratio::HALF, Ratio::ONE),
        "center" => (Ratio::HALF, Ratio::HALF),
        point => {
            let refused = OptionError { option: "gravity", allowed };
            let (x, y) = point.split_once('x').ok_or(refused)?;
            (ratio("gravity", x).map_err(|_| refused)?, ratio("gravity", y).map_err(|_| refused)?)
        }
    };
    Ok(Gravity::Point(x, y))
}
