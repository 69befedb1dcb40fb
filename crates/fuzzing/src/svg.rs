//! Sanitised SVGs, judged by another reader of XML than the engine's.

use crate::Verdict;
use safelight_domain::image::{SourceFormat, SourceLimits};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use safelight_pixels::{Source, probe, render};

/// Elements that run or bring in something.
const FORBIDDEN: [&str; 11] = [
    "script",
    "foreignobject",
    "iframe",
    "object",
    "embed",
    "audio",
    "video",
    "link",
    "meta",
    "handler",
    "listener",
];

/// The bytes as an SVG. What is made of one is clean, and cleaning it again changes nothing.
pub(crate) fn check(file: &[u8]) -> Verdict {
    match probe(file, &SourceLimits::CLOUDFLARE) {
        Ok(info) if info.format == SourceFormat::Svg => {}
        _ => return Verdict::Reject,
    }
    let Some(clean) = sanitised(file) else { return Verdict::Keep };
    judge(&clean);
    assert_eq!(sanitised(&clean), Some(clean), "cleaning twice differs");
    Verdict::Keep
}

fn sanitised(file: &[u8]) -> Option<Vec<u8>> {
    let source = Source { file, overlays: &[] };
    let made = render(&source, &Transform::default(), OutputFormat::Svg, &SourceLimits::CLOUDFLARE);
    made.ok().map(|made| made.bytes)
}

/// Demands that an SVG is well-formed, runs nothing and refers to nothing outside of itself.
pub(crate) fn judge(svg: &[u8]) {
    let text = std::str::from_utf8(svg).expect("a sanitised SVG is UTF-8");
    // A DTD is an error here, and with it every entity of its own.
    let document = roxmltree::Document::parse(text).expect("a sanitised SVG is well-formed");
    for node in document.descendants() {
        assert!(!node.is_pi(), "a processing instruction: {:?}", node.pi());
        if !node.is_element() {
            continue;
        }
        let element = node.tag_name().name().to_ascii_lowercase();
        assert!(!FORBIDDEN.contains(&element.as_str()), "<{element}>");
        if element == "style" {
            node.descendants().filter_map(|inner| inner.text()).for_each(judge_sheet);
        }
        for attribute in node.attributes() {
            judge_attribute(&attribute.name().to_ascii_lowercase(), attribute.value());
        }
    }
}

fn judge_attribute(name: &str, value: &str) {
    assert!(!name.starts_with("on"), "{name}");
    let plain: String = value.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    let plain = plain.to_ascii_lowercase();
    assert!(!plain.starts_with("javascript:"), "{name}={value}");
    if ["href", "src"].contains(&name) {
        // A link that a viewer has to click on takes it elsewhere but brings nothing in.
        let inside = plain.is_empty() || plain.starts_with('#') || plain.starts_with("data:image/");
        assert!(inside && !plain.starts_with("data:image/svg"), "{name}={value}");
    }
    judge_style(value);
}

/// A style sheet brings in no other; the word means nothing in an attribute.
fn judge_sheet(sheet: &str) {
    let plain: String = sheet.chars().filter(|c| !c.is_whitespace()).collect();
    assert!(!plain.to_ascii_lowercase().contains("@import"), "{sheet}");
    judge_style(sheet);
}

/// Style refers to parts of the document or to pictures within it alone.
fn judge_style(style: &str) {
    let plain: String = style.chars().filter(|c| !c.is_whitespace()).collect();
    let plain = plain.to_ascii_lowercase();
    for reference in plain.split("url(").skip(1) {
        let target = reference.trim_start_matches(['"', '\'']);
        assert!(target.starts_with('#') || target.starts_with("data:image/"), "{style}");
    }
}
