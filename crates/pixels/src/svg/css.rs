//! What style sheets and attributes may say.

/// Words that load or run something in one browser or another, or hide what does.
const REFUSED: [&str; 11] = [
    "\\",
    "@import",
    "image(",
    "image-set(",
    "cross-fade(",
    "src(",
    "expression(",
    "-moz-binding",
    "behavior",
    "<!--",
    "]]>",
];

/// Schemes that run something.
const SCHEMES: [&str; 3] = ["javascript:", "vbscript:", "data:text"];

/// Whether a value has a scheme that acts, also with spaces in it, which browsers used to pass over.
pub(super) fn acts(value: &str) -> bool {
    let bare: String = value.chars().filter(char::is_ascii_graphic).collect::<String>().to_ascii_lowercase();
    SCHEMES.iter().any(|scheme| bare.contains(scheme))
}

/// Whether this is a data URL that svg-hush keeps for images alone.
pub(super) fn raster_url(url: &str) -> bool {
    let start = url.chars().take(24).collect::<String>().to_ascii_lowercase();
    ["png", "jpeg", "gif", "webp"].iter().any(|kind| {
        let rest = start.strip_prefix("data:image/").and_then(|rest| rest.strip_prefix(kind));
        rest.is_some_and(|rest| rest.starts_with([';', ',']))
    })
}

/// The style without comments, and with references to the file itself and to raster images alone; nothing
/// of it if it has a word that is refused. What is looked at is what is kept, so that no reading of
/// comments, strings or blocks has to agree with a browser's.
pub(super) fn clean(style: &str) -> String {
    let bare = without_comments(style);
    // ASCII alone, so that places stay the same.
    let lower = bare.to_ascii_lowercase();
    if REFUSED.iter().any(|word| lower.contains(word)) || acts(&bare) {
        return String::new();
    }
    let mut out = String::with_capacity(bare.len());
    // What is outside of `url()`. An address there does nothing, and is what is left of an attempt.
    let mut words = String::new();
    let mut at = 0;
    while let Some(found) = lower.get(at..).and_then(|rest| rest.find("url(")) {
        let start = at + found + 4;
        let Some(length) = lower.get(start..).and_then(|rest| rest.find(')')) else {
            out.push_str(bare.get(at..at + found).unwrap_or_default());
            at = bare.len();
            break;
        };
        let url = bare.get(start..start + length).unwrap_or_default();
        let target = url.trim().trim_matches(['"', '\'']).trim();
        let target = if target.starts_with('#') || raster_url(target) { target } else { "#" };
        let before = bare.get(at..start).unwrap_or_default();
        words.push_str(before);
        out.extend([before, target, ")"]);
        at = start + length + 1;
    }
    words.push_str(bare.get(at..).unwrap_or_default());
    out.push_str(bare.get(at..).unwrap_or_default());
    if words.contains("//") { String::new() } else { out.trim().to_owned() }
}

/// The sheet without its imports, each to the end of its statement. svg-hush takes the half of one that
/// has an address, and what is left of it would spoil the rule behind it.
pub(super) fn without_imports(style: &str) -> String {
    // ASCII alone, so that places stay the same.
    let lower = style.to_ascii_lowercase();
    let mut out = String::with_capacity(style.len());
    let mut at = 0;
    while let Some(found) = lower.get(at..).and_then(|rest| rest.find("@import")) {
        out.push_str(style.get(at..at + found).unwrap_or_default());
        let end = lower.get(at + found..).and_then(|rest| rest.find(';')).map(|end| at + found + end + 1);
        at = end.unwrap_or(style.len());
    }
    out.push_str(style.get(at..).unwrap_or_default());
    out
}

/// A comment becomes a space, so that nothing grows together.
fn without_comments(style: &str) -> String {
    let mut out = String::with_capacity(style.len());
    let mut rest = style;
    while let Some((before, after)) = rest.split_once("/*") {
        out.extend([before, " "]);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_keep_what_stays_inside() {
        for (style, expected) in [
            (".a{fill:url(#b)}", ".a{fill:url(#b)}"),
            ("fill:URL( '#b' )", "fill:URL(#b)"),
            ("fill:url(http://example.org/x)", "fill:url(#)"),
            ("fill:url(x.png) red", "fill:url(#) red"),
            ("fill:url(data:image/svg+xml,x)", "fill:url(#)"),
            ("fill:url(data:image/png;base64,AA)", "fill:url(data:image/png;base64,AA)"),
            ("a:url(x", "a:"),
            ("@import 'x';a:b", ""),
            ("@im/**/port 'x'", "@im port 'x'"),
            ("/* http://x */a:b/*", "a:b"),
            ("width: expression(alert(1))", ""),
            ("-MOZ-binding: x", ""),
            ("a:image-set('http://x' 1x)", ""),
            ("a:u\\72l(x)", ""),
            ("a: java script:x", ""),
            ("a{http://x)}", ""),
        ] {
            assert_eq!(clean(style), expected, "{style}");
            assert_eq!(clean(expected), expected);
        }
    }

    #[test]
    fn imports_go_and_rules_stay() {
        for (style, expected) in [
            ("@import url(http://x/y);.a{b:c}", ".a{b:c}"),
            (".a{b:c}@IMPORT 'x'", ".a{b:c}"),
            ("é@import 'x';@import 'y';z", "éz"),
            (".a{}", ".a{}"),
        ] {
            assert_eq!(without_imports(style), expected, "{style}");
        }
    }

    #[test]
    fn only_raster_images_are_raster_images() {
        for (url, expected) in [
            ("data:image/png;base64,AA", true),
            ("DATA:image/JPEG,AA", true),
            ("data:image/svg+xml,AA", false),
            ("data:text/html,AA", false),
            ("data:", false),
            ("data:image/pngx,AA", false),
            ("http://image/png", false),
        ] {
            assert_eq!(raster_url(url), expected, "{url}");
        }
    }
}
