//! One overlay as text: `key:value` with semicolons between, for instance
//! `image:logo.png;width:0.2;right:10;bottom:10;opacity:0.5`.

use super::canonical::{degrees, encode, point};
use super::{OptionsError, color, parse, value, words};
use crate::delivery_url::percent_decode;
use crate::image::ImageId;
use crate::transform::{
    Anchor, Blur, Composite, Fit, Gravity, Length, OptionError, Overlay, Ratio, Repeat, Rotate, Side,
};

/// Parses one overlay: an image of the account, and at most one of each option.
///
/// `fields` are names and values, decoded: `image`, `width` and `height` (pixels, or below 1 a part
/// of the picture below), `fit`, `gravity` (a point), `opacity`, `repeat` (`true`, `x`, `y`), one of
/// `left` and `right` and one of `top` and `bottom` (pixels), `rotate`, `blur`, `background`,
/// `composite`.
pub fn parse_overlay<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Overlay, OptionsError> {
    let mut overlay = Overlay {
        image: ImageId::named(""),
        width: None,
        height: None,
        fit: Fit::ScaleDown,
        gravity: Gravity::CENTER,
        opacity: Ratio::ONE,
        repeat: Repeat::None,
        x: Anchor::Center,
        y: Anchor::Center,
        rotate: Rotate::None,
        blur: Blur::NONE,
        background: None,
        composite: Composite::Over,
    };
    let mut seen = parse::Seen::default();
    for (key, value) in fields {
        set(&mut overlay, &mut seen, key, value)?;
    }
    if overlay.image.as_str().is_empty() {
        return Err(OptionError { option: "draw", allowed: "given with an image" }.into());
    }
    Ok(overlay)
}

fn set(overlay: &mut Overlay, seen: &mut parse::Seen, key: &str, value: &str) -> Result<(), OptionsError> {
    match key {
        "image" => {
            seen.first("image")?;
            overlay.image = ImageId::named(value);
        }
        "width" => {
            seen.first("width")?;
            overlay.width = Some(length("width", value)?);
        }
        "height" => {
            seen.first("height")?;
            overlay.height = Some(length("height", value)?);
        }
        "fit" => {
            seen.first("fit")?;
            overlay.fit = Fit::parse(value)?;
        }
        "gravity" => {
            seen.first("gravity")?;
            overlay.gravity = words::gravity(value, Ratio::ZERO)?;
            if !matches!(overlay.gravity, Gravity::Point(..)) {
                let allowed = "a side or a point for an overlay";
                return Err(OptionError { option: "gravity", allowed }.into());
            }
        }
        "opacity" => {
            seen.first("opacity")?;
            overlay.opacity = words::ratio("opacity", value)?;
        }
        "repeat" => {
            seen.first("repeat")?;
            overlay.repeat = repeat(value)?;
        }
        "left" => place(&mut overlay.x, seen, "left or right", Anchor::Start(pixels("left", value)?))?,
        "right" => place(&mut overlay.x, seen, "left or right", Anchor::End(pixels("right", value)?))?,
        "top" => place(&mut overlay.y, seen, "top or bottom", Anchor::Start(pixels("top", value)?))?,
        "bottom" => place(&mut overlay.y, seen, "top or bottom", Anchor::End(pixels("bottom", value)?))?,
        "rotate" => {
            seen.first("rotate")?;
            overlay.rotate = words::rotate(value)?;
        }
        "blur" => {
            seen.first("blur")?;
            overlay.blur = words::blur(value)?;
        }
        "background" => {
            seen.first("background")?;
            overlay.background = Some(color::parse("background", value)?);
        }
        "composite" => {
            seen.first("composite")?;
            overlay.composite = Composite::parse(value)?;
        }
        other => return Err(OptionsError::Unknown(parse::shown(other))),
    }
    Ok(())
}

fn place(
    slot: &mut Anchor,
    seen: &mut parse::Seen,
    option: &'static str,
    anchor: Anchor,
) -> Result<(), OptionsError> {
    seen.first(option)?;
    *slot = anchor;
    Ok(())
}

fn pixels(option: &'static str, text: &str) -> Result<u32, OptionError> {
    let refused = OptionError { option, allowed: "a whole number from 0 to 12000" };
    let pixels = value::whole(text).and_then(|pixels| u32::try_from(pixels).ok());
    pixels.filter(|pixels| *pixels <= Side::MAX).ok_or(refused)
}

fn length(option: &'static str, text: &str) -> Result<Length, OptionError> {
    if let Some(pixels) = value::whole(text) {
        return Side::parse(pixels).map(Length::Pixels);
    }
    let allowed = "a whole number of pixels from 1 to 12000, or a part between 0 and 1";
    let part = value::decimal(text).filter(|part| (0.0001..1.0).contains(part));
    Ratio::parse(option, part.ok_or(OptionError { option, allowed })?).map(Length::Fraction)
}

fn repeat(text: &str) -> Result<Repeat, OptionError> {
    match text {
        "false" => Ok(Repeat::None),
        "true" => Ok(Repeat::Both),
        "x" => Ok(Repeat::X),
        "y" => Ok(Repeat::Y),
        _ => Err(OptionError { option: "repeat", allowed: "one of true, x, y, false" }),
    }
}

/// The overlay of a text that [`write`] gave.
pub(super) fn parse_text(text: &str) -> Result<Overlay, OptionsError> {
    let shape = || OptionsError::Shape(parse::shown(text));
    let mut fields = Vec::new();
    for item in text.split(';') {
        let (key, value) = item.split_once(':').ok_or_else(shape)?;
        fields.push((key, percent_decode(value).ok_or_else(shape)?));
    }
    parse_overlay(fields.iter().map(|(key, value)| (*key, value.as_str())))
}

/// The one text for an overlay.
pub(super) fn write(overlay: &Overlay) -> String {
    let fields = overlay_fields(overlay).into_iter().map(|(key, value)| format!("{key}:{}", encode(&value)));
    fields.collect::<Vec<String>>().join(";")
}

/// The names and values that [`parse_overlay`] takes for an overlay.
pub fn overlay_fields(overlay: &Overlay) -> Vec<(&'static str, String)> {
    let mut fields = vec![("image", overlay.image.as_str().to_owned())];
    for (key, side) in [("width", overlay.width), ("height", overlay.height)] {
        match side {
            None => {}
            Some(Length::Pixels(side)) => fields.push((key, side.pixels().to_string())),
            Some(Length::Fraction(ratio)) => fields.push((key, ratio.value().to_string())),
        }
    }
    fields.push(("fit", overlay.fit.as_str().to_owned()));
    if let Gravity::Point(x, y) = overlay.gravity {
        fields.push(("gravity", point(x, y)));
    }
    fields.push(("opacity", overlay.opacity.value().to_string()));
    let repeat = match overlay.repeat {
        Repeat::None => "false",
        Repeat::X => "x",
        Repeat::Y => "y",
        Repeat::Both => "true",
    };
    fields.push(("repeat", repeat.to_owned()));
    for (anchor, start, end) in [(overlay.x, "left", "right"), (overlay.y, "top", "bottom")] {
        match anchor {
            Anchor::Center => {}
            Anchor::Start(pixels) => fields.push((start, pixels.to_string())),
            Anchor::End(pixels) => fields.push((end, pixels.to_string())),
        }
    }
    fields.push(("rotate", degrees(overlay.rotate).to_string()));
    fields.push(("blur", overlay.blur.strength().to_string()));
    if let Some(background) = overlay.background {
        fields.push(("background", color::write(background)));
    }
    fields.push(("composite", overlay.composite.as_str().to_owned()));
    fields
}
