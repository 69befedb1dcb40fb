//! Colours as CSS writes them.

use crate::transform::{Color, OptionError};

/// Longest colour, in bytes; `color(...)` and `oklch(...)` with all digits stay far below.
const MAX_BYTES: usize = 128;

/// Parses any absolute CSS colour: names, hexadecimal, `rgb()`, `hsl()` and so on.
pub(super) fn parse(option: &'static str, text: &str) -> Result<Color, OptionError> {
    let refused =
        OptionError { option, allowed: "a CSS colour, for instance white, %23ff8800 or rgb(0,0,0)" };
    if text.len() > MAX_BYTES {
        return Err(refused);
    }
    let [red, green, blue, alpha] = csscolorparser::parse(text).map_err(|_| refused)?.to_rgba8();
    Ok(Color { red, green, blue, alpha })
}

/// The one way in which a colour is written: eight hexadecimal digits.
pub(super) fn write(color: Color) -> String {
    format!("#{:02x}{:02x}{:02x}{:02x}", color.red, color.green, color.blue, color.alpha)
}
