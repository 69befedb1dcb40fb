//! The canonical text: `fit` always, of the rest what is not the default, in one order.

use super::{color, overlay};
use crate::transform::{
    Animation, Compression, Factor, Flip, Gamut, Gravity, MetadataPolicy, Quality, Ratio, Rotate, Transform,
    Trim, TrimEnd,
};
use std::fmt::Display;

/// See [`Transform::canonical`].
pub(super) fn write(transform: &Transform) -> String {
    let mut items: Vec<String> =
        fields(transform).into_iter().map(|(key, value)| format!("{key}={}", encode(&value))).collect();
    items.extend(transform.draw.iter().map(|drawn| format!("draw={}", overlay::write(drawn))));
    items.join(",")
}

/// See [`Transform::fields`].
pub(super) fn fields(transform: &Transform) -> Vec<(&'static str, String)> {
    let mut list = List(Vec::new());
    geometry(transform, &mut list);
    colors(transform, &mut list);
    encoding(transform, &mut list);
    list.0
}

/// Percent-encodes everything that could mean something in a list of options.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

struct List(Vec<(&'static str, String)>);

impl List {
    fn add(&mut self, key: &'static str, value: impl Display) {
        self.0.push((key, value.to_string()));
    }
}

fn geometry(transform: &Transform, list: &mut List) {
    list.add("fit", transform.fit.as_str());
    if let Some(width) = transform.width {
        list.add("width", width.pixels());
    }
    if let Some(height) = transform.height {
        list.add("height", height.pixels());
    }
    match transform.trim {
        None => {}
        Some(Trim::Rectangle { left, top, right, bottom }) => {
            list.add("trim.left", left);
            list.add("trim.top", top);
            match right {
                TrimEnd::Before(pixels) => list.add("trim.right", pixels),
                TrimEnd::Length(pixels) => list.add("trim.width", pixels),
            }
            match bottom {
                TrimEnd::Before(pixels) => list.add("trim.bottom", pixels),
                TrimEnd::Length(pixels) => list.add("trim.height", pixels),
            }
        }
        Some(Trim::Border { color, tolerance, keep }) => {
            list.add("trim", "border");
            if let Some(color) = color {
                list.add("trim.border.color", color::write(color));
            }
            list.add("trim.border.tolerance", tolerance);
            list.add("trim.border.keep", keep);
        }
    }
    match transform.flip {
        Flip::None => {}
        Flip::Horizontal => list.add("flip", "h"),
        Flip::Vertical => list.add("flip", "v"),
        Flip::Both => list.add("flip", "hv"),
    }
    if transform.rotate != Rotate::None {
        list.add("rotate", degrees(transform.rotate));
    }
    match transform.gravity {
        Gravity::CENTER => {}
        Gravity::Point(x, y) => list.add("gravity", point(x, y)),
        Gravity::Auto => list.add("gravity", "auto"),
        Gravity::Face(zoom) => {
            list.add("gravity", "face");
            list.add("zoom", zoom.value());
        }
    }
}

/// 0, 90, 180 or 270.
pub(super) fn degrees(rotate: Rotate) -> u32 {
    match rotate {
        Rotate::None => 0,
        Rotate::By90 => 90,
        Rotate::By180 => 180,
        Rotate::By270 => 270,
    }
}

/// `XxY`.
pub(super) fn point(x: Ratio, y: Ratio) -> String {
    format!("{}x{}", x.value(), y.value())
}

fn colors(transform: &Transform, list: &mut List) {
    for (key, factor) in [
        ("saturation", transform.saturation),
        ("brightness", transform.brightness),
        ("contrast", transform.contrast),
        ("gamma", transform.gamma),
    ] {
        if factor != Factor::NONE {
            list.add(key, factor.value());
        }
    }
    if transform.sharpen.strength() > 0.0 {
        list.add("sharpen", transform.sharpen.strength());
    }
    if transform.blur.strength() > 0.0 {
        list.add("blur", transform.blur.strength());
    }
    if let Some(background) = transform.background {
        list.add("background", color::write(background));
    }
}

fn encoding(transform: &Transform, list: &mut List) {
    match transform.quality {
        None => {}
        Some(Quality::Number(number)) => list.add("quality", number.value()),
        Some(Quality::Word(word)) => list.add("quality", word.as_str()),
    }
    if transform.compression == Compression::Fast {
        list.add("compression", "fast");
    }
    if transform.animation == Animation::FirstFrame {
        list.add("anim", "false");
    }
    if transform.metadata != MetadataPolicy::Copyright {
        list.add("metadata", transform.metadata.as_str());
    }
    if transform.gamut == Gamut::DisplayP3 {
        list.add("gamut", "display-p3");
    }
}
