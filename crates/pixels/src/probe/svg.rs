//! SVG: told by its first element, wherever comments and declarations leave it.

use super::{Header, Ink};
use crate::Fault;
use safelight_domain::image::{SourceFormat, SourceInfo, SourceLimits};

/// The size of an SVG that gives none (CSS's default for replaced elements).
const DEFAULT: (f64, f64) = (300.0, 150.0);

/// Bytes in which the first element has to begin: a declaration, a licence in a comment, and a
/// document type with Illustrator's entities fit in a few.
const PROLOGUE: usize = 64 << 10;

/// Whether the first element is `svg`, with or without a prefix.
pub(super) fn matches(file: &[u8]) -> bool {
    root(file).is_some()
}

/// The size from `width` and `height`, else from `viewBox`; an SVG has no pixels, so a size beyond
/// the limits is brought down to them.
pub(super) fn header<'a>(file: &'a [u8], limits: &SourceLimits) -> Result<Header<'a>, Fault> {
    let tag = root(file).ok_or(Fault::Unsupported)?;
    let view = attribute(tag, "viewBox").and_then(view_box);
    let length = |name| attribute(tag, name).and_then(pixels);
    let (width, height) = match (length("width"), length("height"), view) {
        (Some(width), Some(height), _) => (width, height),
        (Some(width), None, Some((w, h))) => (width, width * h / w),
        (None, Some(height), Some((w, h))) => (height * w / h, height),
        (None, None, Some(size)) => size,
        (width, height, None) => (width.unwrap_or(DEFAULT.0), height.unwrap_or(DEFAULT.1)),
    };
    let longest = limits.side.min(u32::try_from(limits.area.isqrt()).unwrap_or(u32::MAX)).max(1);
    // A float beyond the range becomes its end.
    let whole = |side: f64| (side.round() as u32).clamp(1, longest);
    let info = SourceInfo {
        format: SourceFormat::Svg,
        width: whole(width),
        height: whole(height),
        has_alpha: true,
        frames: 1,
    };
    Ok(Header { info, exif: None, ink: Ink::Plain, orientation: None })
}

/// What is between `<svg` and its `>`.
fn root(file: &[u8]) -> Option<&str> {
    let start = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    let start = start.get(..PROLOGUE.min(start.len()))?;
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // A character may be cut at the end.
        Err(error) => std::str::from_utf8(start.get(..error.valid_up_to())?).ok()?,
    };
    let mut rest = text.trim_start();
    loop {
        let skipped = if let Some(comment) = rest.strip_prefix("<!--") {
            comment.split_once("-->")?.1
        } else if let Some(instruction) = rest.strip_prefix("<?") {
            instruction.split_once("?>")?.1
        } else if rest.get(..9).is_some_and(|word| word.eq_ignore_ascii_case("<!doctype")) {
            let end = rest.find(['>', '['])?;
            let (head, tail) = rest.split_at(end);
            let _ = head;
            match tail.strip_prefix('[') {
                Some(subset) => subset.split_once(']')?.1.split_once('>')?.1,
                None => tail.strip_prefix('>')?,
            }
        } else {
            break;
        };
        rest = skipped.trim_start();
    }
    let tag = rest.strip_prefix('<')?;
    let name = tag.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next()?;
    let local = name.split_once(':').map_or(name, |(_, local)| local);
    if local != "svg" {
        return None;
    }
    let tag = tag.get(name.len()..)?;
    Some(tag.split_once('>').map_or(tag, |(tag, _)| tag))
}

/// The value of an attribute, of which XML has at most one.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once('=') {
        let value = after.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, next) = value.get(1..)?.split_once(quote)?;
        if before.trim() == name {
            return Some(value.trim());
        }
        rest = next;
    }
    None
}

/// CSS pixels of a length; `None` for a percentage and for nonsense.
fn pixels(length: &str) -> Option<f64> {
    let end = length.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(length.len());
    let (number, unit) = length.split_at(end);
    let factor = match unit.trim() {
        "" | "px" => 1.0,
        "pt" => 96.0 / 72.0,
        "pc" => 16.0,
        "in" => 96.0,
        "cm" => 96.0 / 2.54,
        "mm" => 96.0 / 25.4,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor).filter(|pixels| *pixels > 0.0)
}

fn view_box(text: &str) -> Option<(f64, f64)> {
    let mut numbers = text.split([' ', ',', '\t', '\n', '\r']).filter(|part| !part.is_empty()).skip(2);
    let mut side = || numbers.next()?.parse::<f64>().ok().filter(|side| *side > 0.0 && side.is_finite());
    Some((side()?, side()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(text: &str) -> Option<(u32, u32)> {
        let limits = SourceLimits { side: 12_000, area: 100_000_000 };
        let header = header(text.as_bytes(), &limits).ok()?;
        Some((header.info.width, header.info.height))
    }

    #[test]
    fn the_first_element_tells() {
        for text in [
            "<svg/>",
            "\u{FEFF}<?xml version='1.0'?>\n<!-- a > b --><svg>",
            "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://x/y.dtd\"><svg>",
            "<!DOCTYPE svg [ <!ENTITY a \"b>c\"> ]><s:svg xmlns:s='http://www.w3.org/2000/svg'>",
        ] {
            assert_eq!(size(text), Some((300, 150)), "{text}");
        }
        for text in ["<html><svg>", "svg", "", "<svgx>", "<!-- <svg> ", "<?php <svg>", "{\"a\": \"<svg>\"}"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (attributes, expected) in [
            ("width='40' height='30px' viewBox='0 0 1 1'", (40, 30)),
            ("width=\"1in\" height=\"25.4mm\"", (96, 96)),
            ("width='100%' viewBox='0 0 20,10'", (20, 10)),
            ("width='40' viewBox='0 0 20 10'", (40, 20)),
            ("height='40' viewBox='0 0 20 10'", (80, 40)),
            ("data-width='7' width='0' height='-3'", (300, 150)),
            ("width='1e9' height='99999999'", (300, 10_000)),
            ("viewBox='0 0 0 0'", (300, 150)),
        ] {
            assert_eq!(size(&format!("<svg {attributes}>")), Some(expected), "{attributes}");
        }
    }
}
