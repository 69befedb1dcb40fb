//! SVG to a safe SVG.
//!
//! svg-hush does the work: it lets known elements and attributes through and rebuilds the file from
//! them, so that no script, event handler, foreign element, entity or comment survives. It keeps links
//! within the origin; a second pass drops these too, since on a server of private images a link to
//! another image is a question nobody should be able to make a viewer ask.

use crate::Fault;
use crate::limits::{SVG_BYTES, SVG_DEPTH, SVG_OUTPUT_BYTES};
use std::borrow::Cow;
use std::io::{self, Write};
use svg_hush::data_url_filter::allow_standard_images;
use xml::attribute::OwnedAttribute;
use xml::reader::XmlEvent as Read;
use xml::writer::XmlEvent;

/// Sanitises a file. Doing it again changes nothing.
pub(crate) fn sanitise(file: &[u8]) -> Result<Vec<u8>, Fault> {
    if file.len() > SVG_BYTES {
        return Err(corrupt(&format!("an SVG has at most {SVG_BYTES} bytes")));
    }
    check_depth(file)?;
    let mut filter = svg_hush::Filter::new();
    filter.set_data_url_filter(allow_standard_images);
    let mut hushed = Bounded(Vec::new());
    filter.filter(file, &mut hushed).map_err(|_| corrupt("it is not well-formed, or too large"))?;
    without_links(&hushed.0)
}

fn corrupt(text: &str) -> Fault {
    Fault::Corrupt(text.to_owned())
}

/// Refuses a file that is nested so deeply that a viewer might fall over it.
fn check_depth(file: &[u8]) -> Result<(), Fault> {
    let mut depth = 0_usize;
    for event in reader(file) {
        match event.map_err(|_| corrupt("it is not well-formed XML"))? {
            Read::StartElement { .. } => depth += 1,
            Read::EndElement { .. } => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > SVG_DEPTH {
            return Err(corrupt(&format!("its elements are nested more than {SVG_DEPTH} deep")));
        }
    }
    Ok(())
}

/// The limits are those of svg-hush, so that both see the same.
fn reader(file: &[u8]) -> xml::EventReader<&[u8]> {
    xml::ParserConfig::new()
        .cdata_to_characters(true)
        .ignore_comments(true)
        .max_attributes(200)
        .max_entity_expansion_depth(3)
        .max_name_length(1000)
        .create_reader(file)
}

/// Drops what leads anywhere but into the file itself.
fn without_links(hushed: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut writer = xml::EmitterConfig::new()
        .keep_element_names_stack(false)
        .autopad_comments(false)
        .pad_self_closing(false)
        .create_writer(Bounded(Vec::new()));
    let mut styles = 0_usize;
    for event in reader(hushed) {
        let mut event = event.map_err(|_| corrupt("it is not well-formed XML"))?;
        let written = match &mut event {
            Read::StartElement { name, attributes, namespace } => {
                styles += usize::from(name.local_name == "style");
                // What svg-hush took the target from must not find another one.
                let aimless = matches!(name.local_name.as_str(), "set" | "animate")
                    && !attributes.iter().any(|attribute| attribute.name.local_name == "attributeName");
                if aimless {
                    attributes.clear();
                }
                attributes.retain(stays_inside);
                let attributes = attributes.iter().map(OwnedAttribute::borrow).collect();
                let namespace = Cow::Borrowed(&*namespace);
                writer.write(XmlEvent::StartElement { name: name.borrow(), attributes, namespace })
            }
            Read::EndElement { name } => {
                styles = styles.saturating_sub(usize::from(name.local_name == "style"));
                writer.write(XmlEvent::EndElement { name: Some(name.borrow()) })
            }
            Read::Characters(text) if styles > 0 && (text.contains("://") || !refers_inside(text)) => Ok(()),
            Read::Characters(text) | Read::Whitespace(text) => writer.write(XmlEvent::Characters(text)),
            Read::StartDocument { version, .. } => writer.write(XmlEvent::StartDocument {
                version: *version,
                encoding: Some("utf-8"),
                standalone: None,
            }),
            _ => Ok(()),
        };
        written.map_err(|_| corrupt("it is too large"))?;
    }
    Ok(writer.into_inner().0)
}

/// Whether an attribute leads nowhere but into the file: a fragment, an embedded raster image, or no
/// link at all.
fn stays_inside(attribute: &OwnedAttribute) -> bool {
    let value = attribute.value.trim();
    let squeezed: String = value.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    if squeezed.to_ascii_lowercase().contains("script:") {
        return false;
    }
    match attribute.name.local_name.as_str() {
        "href" => value.starts_with('#') || value.starts_with("data:image/"),
        _ => refers_inside(value),
    }
}

/// Whether every `url(…)` of a style is a fragment, and nothing is imported.
fn refers_inside(style: &str) -> bool {
    let lower = style.to_ascii_lowercase();
    let fragments = lower.split("url(").skip(1).all(|rest| {
        let target = rest.trim_start().trim_start_matches(['"', '\'']).trim_start();
        target.starts_with('#') || target.starts_with("data:image/")
    });
    // An escape could spell either word.
    fragments && !lower.contains("@import") && !lower.contains('\\')
}

/// A file in the making, which does not grow beyond its limit.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > SVG_OUTPUT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "svg_tests.rs"]
mod tests;
