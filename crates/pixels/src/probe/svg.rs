//! SVG: what its root element says about its size.

use super::{Header, Ink};
use crate::Fault;
use crate::svg::{self, Token, Tokens, local};
use safelight_domain::image::{SourceFormat, SourceInfo, Turn};

/// How far the root element may be from the start, in bytes: comments come before it.
const PROLOGUE: usize = 64 << 10;

/// The size of what has none of its own, in pixels: that of CSS.
const DEFAULT: (f64, f64) = (300.0, 150.0);

/// Whether the first element is called `svg`.
pub(super) fn is_svg(file: &[u8]) -> bool {
    let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    let start = file.get(..PROLOGUE).unwrap_or(file);
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) => {
            std::str::from_utf8(start.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
    };
    for token in Tokens::new(text.trim_start()) {
        match token {
            Ok(Token::Start { name, .. }) => return local(name) == "svg",
            // Whether a document type is one that is allowed is said later, in words.
            Err(_) => return text.contains("<!DOCTYPE svg"),
            Ok(Token::Other) => {}
            Ok(Token::Text(text)) if text.trim().is_empty() => {}
            Ok(_) => return false,
        }
    }
    false
}

/// Checks the whole file, and reads the size in pixels, rounded, at least 1.
pub(super) fn header(file: &[u8]) -> Result<Header<'_>, Fault> {
    let text = svg::text(file)?;
    let attributes = svg::root(&text)?;
    let value = |name| attributes.iter().find(|(found, _)| *found == name).map(|(_, value)| value.trim());
    let (width, height) = (value("width").and_then(length), value("height").and_then(length));
    let view = value("viewBox").and_then(view_box);
    let (width, height) = match (width, height, view) {
        (Some(width), Some(height), _) => (width, height),
        (Some(width), None, Some((w, h))) => (width, width * h / w),
        (None, Some(height), Some((w, h))) => (height * w / h, height),
        (None, None, Some(size)) => size,
        (width, height, None) => (width.unwrap_or(DEFAULT.0), height.unwrap_or(DEFAULT.1)),
    };
    // Beyond 32 bits it becomes the largest number, which is above every limit.
    let side = |length: f64| length.round().max(1.0) as u32;
    let (width, height) = (side(width), side(height));
    let info = SourceInfo {
        format: SourceFormat::Svg,
        width,
        height,
        has_alpha: true,
        frames: 1,
        turn: Turn::Upright,
    };
    Ok(Header { info, exif: None, ink: Ink::Plain, orientation: None })
}

/// A length in pixels; `None` for one that depends on the page.
fn length(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E') || c == '%');
    // `em` and `ex` start with a letter that numbers have too.
    let digits = text.find("em").or(text.find("ex")).or(digits).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "px" => 1.0,
        "pt" => 96.0 / 72.0,
        "pc" => 16.0,
        "in" => 96.0,
        "cm" => 96.0 / 2.54,
        "mm" => 96.0 / 25.4,
        "em" => 16.0,
        "ex" => 8.0,
        _ => return None,
    };
    positive(number.trim()).map(|number| number * factor)
}

fn view_box(text: &str) -> Option<(f64, f64)> {
    let mut numbers = text.split([' ', ',', '\n', '\t', '\r']).filter(|part| !part.is_empty()).skip(2);
    Some((positive(numbers.next()?)?, positive(numbers.next()?)?))
}

fn positive(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_from_the_root_element() {
        for (attributes, expected) in [
            ("", (300, 150)),
            ("width='40' height='30px'", (40, 30)),
            ("width='1in' height='2.54cm'", (96, 96)),
            ("width='100%' height='100%' viewBox='0 0 70 20'", (70, 20)),
            ("width='140' viewBox='0,0,70,20'", (140, 40)),
            ("height='10' viewBox='-5 -5 70 20'", (35, 10)),
            ("width='1e2' height='2em'", (100, 32)),
            ("width='0' height='-3' viewBox='0 0 0 5'", (300, 150)),
            ("width='1e300' height='0.1'", (u32::MAX, 1)),
        ] {
            let file = format!("\u{FEFF}<!-- a --><svg {attributes}><g/></svg>");
            assert!(is_svg(file.as_bytes()));
            let info = header(file.as_bytes()).expect("sound").info;
            assert_eq!((info.width, info.height), expected, "{attributes}");
        }
    }

    #[test]
    fn other_markup_is_not_svg() {
        for file in
            ["<html><svg/></html>", "text <svg/>", "<?xml version='1.0'?><a/>", "", "<", "<![CDATA[<svg>]]>"]
        {
            assert!(!is_svg(file.as_bytes()), "{file}");
        }
        for file in
            ["<svg/>", " \n<s:svg/>", "<?xml version='1.0'?><!DOCTYPE svg><svg/>", "<!DOCTYPE svg [ ]><svg/>"]
        {
            assert!(is_svg(file.as_bytes()), "{file}");
        }
    }
}
