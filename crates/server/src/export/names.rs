//! Names in an archive that every system can unpack, each once.

use std::collections::{HashMap, HashSet};

/// Longest name in bytes, with its ending and a number.
const MAX_BYTES: usize = 200;

/// Names that Windows keeps for devices, whatever follows the first dot.
const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The names that are taken.
pub(super) struct Names {
    taken: HashSet<String>,
    /// The last number of each name that was wanted more than once, so that none is tried twice.
    numbers: HashMap<String, u32>,
}

impl Names {
    /// Begins with what may not be taken.
    pub(super) fn new(taken: impl IntoIterator<Item = &'static str>) -> Names {
        Names { taken: taken.into_iter().map(str::to_owned).collect(), numbers: HashMap::new() }
    }

    /// A name like `wanted` that nothing has, with an ending that tells the format.
    pub(super) fn take(&mut self, wanted: &str, extension: &str) -> String {
        let (stem, ending) = parts(wanted, extension);
        let mut name = format!("{stem}.{ending}");
        // Names that differ by case alone are one on some systems.
        let number = self.numbers.entry(name.to_lowercase()).or_insert(1);
        while !self.taken.insert(name.to_lowercase()) {
            *number = number.saturating_add(1);
            name = format!("{stem} ({number}).{ending}");
        }
        name
    }
}

/// What is before and after the last dot, made safe. An ending that is none of the format is kept in the stem.
fn parts(wanted: &str, extension: &str) -> (String, String) {
    let last = wanted.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default();
    let (stem, ending) = match last.rsplit_once('.') {
        Some((stem, ending)) if same_format(ending, extension) => (stem, ending),
        _ => (last, extension),
    };
    let mut safe = String::new();
    for character in stem.chars().map(replaced) {
        if safe.len() + character.len_utf8() > MAX_BYTES - 30 {
            break;
        }
        safe.push(character);
    }
    let trimmed = safe.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let first = trimmed.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = |word: &str| {
        first
            .strip_prefix(word)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let device = RESERVED.contains(&first.as_str()) || numbered("com") || numbered("lpt");
    let stem = match trimmed {
        "" => "image".to_owned(),
        _ if device => format!("_{trimmed}"),
        _ => trimmed.to_owned(),
    };
    (stem, ending.to_owned())
}

fn same_format(ending: &str, extension: &str) -> bool {
    let kind = |ending: &str| match ending.to_ascii_lowercase().as_str() {
        "jpeg" | "jpe" => "jpg".to_owned(),
        "tif" => "tiff".to_owned(),
        "heif" => "heic".to_owned(),
        other => other.to_owned(),
    };
    kind(ending) == kind(extension)
}

/// Without what has a meaning in paths, is not seen, or turns the direction of what follows.
fn replaced(character: char) -> char {
    let unseen = matches!(character, '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    if character.is_control() || unseen || "<>:\"|?*/\\".contains(character) { '_' } else { character }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_tell_the_format() {
        for (wanted, extension, expected) in [
            ("holiday.JPG", "jpg", "holiday.JPG"),
            ("holiday.jpeg", "jpg", "holiday.jpeg"),
            ("holiday.png", "jpg", "holiday.png.jpg"),
            ("../../etc/passwd", "png", "passwd.png"),
            ("C:\\windows\\a.gif", "gif", "a.gif"),
            ("..", "png", "image.png"),
            ("", "png", "image.png"),
            ("con", "png", "_con.png"),
            ("COM1.old", "png", "_COM1.old.png"),
            ("a\u{202E}gpj.exe", "png", "a_gpj.exe.png"),
            ("<script>.svg", "svg", "_script_.svg"),
            ("line\nbreak\0", "webp", "line_break_.webp"),
        ] {
            assert_eq!(Names::new([]).take(wanted, extension), expected, "{wanted:?}");
        }
        let long = Names::new([]).take(&"ü".repeat(1000), "png");
        assert!(long.len() <= MAX_BYTES && long.ends_with("ü.png"), "{}", long.len());
    }

    #[test]
    fn no_two_are_the_same_on_any_system() {
        let mut names = Names::new(["manifest.json"]);
        assert_eq!(names.take("a.png", "png"), "a.png");
        assert_eq!(names.take("A.PNG", "png"), "A (2).PNG");
        assert_eq!(names.take("x/a.png", "png"), "a (3).png");
        assert_eq!(names.take("manifest", "json"), "manifest (2).json");
    }
}
