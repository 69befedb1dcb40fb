//! Durations as people write them.

use std::time::Duration;

/// Longest duration: ten years of 365 days.
const MAX_SECONDS: u64 = 10 * 365 * 86_400;

/// Parses a whole number with a unit out of `s`, `m`, `h`, `d` and `w`, for instance `90s`, `15m`
/// or `2w`; `None` for anything else, zero, and more than ten years.
pub fn parse(text: &str) -> Option<Duration> {
    let (digits, seconds_each) = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400), ('w', 604_800)]
        .into_iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse::<u64>().ok()?.checked_mul(seconds_each)?;
    (1..=MAX_SECONDS).contains(&seconds).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("1h", 3_600),
            ("1d", 86_400),
            ("2w", 1_209_600),
            ("520w", 314_496_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "s",
            "1",
            "0s",
            "-1s",
            "+1s",
            "1.5h",
            "1 h",
            "1H",
            "1y",
            "3651d",
            "1é",
            "99999999999999999999w",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
