//! SVG: made safe, and never made of pixels or into pixels.
//!
//! A file passes three gates. The first reads it with a small reader of ours that knows no entities,
//! and refuses what is too large, too deep or declares anything. The second is svg-hush, which keeps
//! a list of elements and attributes. The third reads what that wrote, with the first one's reader, and
//! removes what svg-hush leaves to the page's policy: references to anything but the file itself.
//! Raster images in data URLs keep their picture, if their content is what a browser takes for one, and
//! lose what else they carry.

mod bare;
mod css;
mod tokens;

use crate::Fault;
use svg_hush::Filter;
use svg_hush::data_url_filter::{DataUrl, DataUrlFilterResult};
use tokens::{Attributes, escaped, unescaped};
pub(crate) use tokens::{Token, Tokens, local};

/// Largest file, before and after, in bytes: the limit of uploads.
pub(crate) const MAX_BYTES: usize = 10 << 20;

/// Elements within one another. Drawing programs stay below 50; readers that recurse break at some
/// thousands.
const MAX_DEPTH: usize = 256;

/// Attributes of one element: svg-hush's own limit.
const MAX_ATTRIBUTES: usize = 200;

/// Characters of a name: svg-hush's own limit.
const MAX_NAME: usize = 1000;

/// The namespace.
const NAMESPACE: &str = "http://www.w3.org/2000/svg";

/// What white space between elements becomes on its way through svg-hush, which writes a space of its
/// own where there was none and so moves letters apart. Unicode keeps these places free for such use.
const SPACES: [(char, char); 3] = [(' ', '\u{FDD0}'), ('\n', '\u{FDD1}'), ('\t', '\u{FDD2}')];

/// The attributes of the root element, as they are written, after a check of the whole file.
///
/// Refuses what is not well nested, beyond the limits, or has a document type with declarations.
pub(crate) fn root(text: &str) -> Result<Vec<(&str, &str)>, Fault> {
    let mut root = None;
    let mut open: Vec<&str> = Vec::new();
    for token in Tokens::new(text) {
        match token? {
            Token::Start { name, attributes, empty } => {
                if root.is_some() && open.is_empty() {
                    return Err(refused("it has more than one root element"));
                }
                check_element(name, attributes, open.len())?;
                if root.is_none() {
                    root = Some(Attributes::new(attributes).collect::<Result<Vec<_>, Fault>>()?);
                }
                if !empty {
                    open.push(name);
                }
            }
            Token::End(name) if open.pop() != Some(name) => {
                return Err(refused("its elements are not nested"));
            }
            _ => {}
        }
    }
    if !open.is_empty() {
        return Err(refused("it ends within an element"));
    }
    root.ok_or_else(|| refused("it has no element"))
}

fn check_element(name: &str, attributes: &str, depth: usize) -> Result<(), Fault> {
    if depth >= MAX_DEPTH {
        return Err(refused("its elements are nested too deeply"));
    }
    let mut count = 0;
    for attribute in Attributes::new(attributes) {
        let (name, _) = attribute?;
        count += 1;
        if count > MAX_ATTRIBUTES || name.len() > MAX_NAME {
            return Err(refused("an element has too many attributes"));
        }
    }
    if name.len() > MAX_NAME { Err(refused("an element has too long a name")) } else { Ok(()) }
}

/// The file as text: UTF-8, or Latin-1 where it says so.
pub(crate) fn text(file: &[u8]) -> Result<String, Fault> {
    if file.len() > MAX_BYTES {
        return Err(refused("an SVG has at most 10 MiB"));
    }
    let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    if let Ok(text) = std::str::from_utf8(file) {
        return Ok(text.to_owned());
    }
    let declaration = file.get(..128).unwrap_or(file).to_ascii_lowercase();
    let latin =
        declaration.starts_with(b"<?xml") && declaration.windows(10).any(|part| part == b"iso-8859-1");
    if latin {
        Ok(file.iter().copied().map(char::from).collect())
    } else {
        Err(refused("it is not in UTF-8"))
    }
}

/// The file without anything that acts or reaches out. Doing it again changes nothing.
pub(crate) fn sanitised(file: &[u8]) -> Result<Vec<u8>, Fault> {
    let text = text(file)?;
    root(&text)?;
    let prepared = prepared(&text)?;
    let mut filter = Filter::new();
    filter.set_data_url_filter(raster_alone);
    let mut kept = Vec::new();
    filter
        .filter(prepared.as_bytes(), &mut kept)
        .map_err(|_| refused("it is not sound XML, or nothing in it is allowed"))?;
    let kept = String::from_utf8(kept).map_err(|_| refused("it is not in UTF-8"))?;
    let tight = tightened(&kept)?;
    if tight.len() > MAX_BYTES {
        Err(refused("it becomes larger than 10 MiB"))
    } else {
        Ok(tight.into_bytes())
    }
}

/// The root element alone, in the namespace if it is in none, with its spaces marked.
fn prepared(text: &str) -> Result<String, Fault> {
    let mut out = String::with_capacity(text.len() + 64);
    let mut depth = 0_usize;
    let mut styles = 0_usize;
    let plain = |text: &str| text.replace(|c| SPACES.iter().any(|(_, mark)| *mark == c), "");
    for token in Tokens::new(text) {
        match token? {
            Token::Start { name, attributes, empty } => {
                out.extend(["<", name]);
                let bare = !Attributes::new(attributes).flatten().any(|(name, _)| name == "xmlns");
                if depth == 0 && bare && name == "svg" {
                    out.extend([" xmlns=\"", NAMESPACE, "\""]);
                }
                out.push_str(&plain(attributes));
                out.push_str(if empty { "/>" } else { ">" });
                if !empty {
                    depth += 1;
                    styles += usize::from(local(name) == "style");
                }
            }
            Token::End(name) => {
                out.extend(["</", name, ">"]);
                depth = depth.saturating_sub(1);
                styles = styles.saturating_sub(usize::from(local(name) == "style"));
            }
            Token::Text(text) if depth > 0 && styles == 0 => out.push_str(&marked(&plain(text))),
            Token::Text(text) if depth > 0 => out.push_str(&css::without_imports(&plain(text))),
            Token::Data(text) if depth > 0 && styles == 0 => out.push_str(&marked(&escaped(&plain(text)))),
            Token::Data(text) if depth > 0 => out.push_str(&escaped(&css::without_imports(&plain(text)))),
            _ => {}
        }
    }
    Ok(out)
}

fn marked(text: &str) -> String {
    let mark = |c| SPACES.iter().find(|(space, _)| *space == c).map_or(c, |(_, mark)| *mark);
    text.chars().filter(|c| *c != '\r').map(mark).collect()
}

/// Writes a data URL anew whose content is a raster image that browsers show, with nothing but that: no
/// metadata, no parameters and no fragment.
fn raster_alone(url: &DataUrl<'_>) -> DataUrlFilterResult {
    let mime = url.mime_type();
    let named = mime.type_ == "image" && matches!(mime.subtype.as_str(), "jpeg" | "png" | "gif" | "webp");
    let content = if named { url.decode_to_vec().ok() } else { None };
    match content.and_then(|(bytes, _)| bare::bare(&bytes)) {
        Some((mime_type, data)) => DataUrlFilterResult::Rewrite { mime_type: mime_type.to_owned(), data },
        None => DataUrlFilterResult::Drop,
    }
}

/// What svg-hush wrote, without its indentation and without the references that it leaves.
fn tightened(text: &str) -> Result<String, Fault> {
    let mut out = String::with_capacity(text.len());
    let mut depth = 0_usize;
    let mut tokens = Tokens::new(text);
    while let Some(token) = tokens.next() {
        match token? {
            Token::Start { name, attributes, empty } => {
                let name = local(name);
                out.extend(["<", name]);
                if depth == 0 {
                    out.extend([" xmlns=\"", NAMESPACE, "\""]);
                }
                let aimless = aimless(name, attributes);
                for attribute in Attributes::new(attributes) {
                    let (attribute, value) = attribute?;
                    if aimless && matches!(attribute, "from" | "to" | "by" | "values") {
                        continue;
                    }
                    if let Some(value) = kept(name, attribute, &unescaped(value)) {
                        out.extend([" ", attribute, "=\"", &escaped(&value), "\""]);
                    }
                }
                out.push_str(if empty { "/>" } else { ">" });
                if name == "style" && !empty {
                    out.extend([&escaped(&css::clean(&sheet(&mut tokens)?)), "</style>"]);
                } else {
                    depth += usize::from(!empty);
                }
            }
            Token::End(name) => {
                out.extend(["</", local(name), ">"]);
                depth = depth.saturating_sub(1);
            }
            Token::Text(text) if depth > 0 => {
                let shown = text.chars().filter(|c| !c.is_ascii_whitespace());
                let back = |c| SPACES.iter().find(|(_, mark)| *mark == c).map_or(c, |(space, _)| *space);
                out.extend(shown.map(back));
            }
            _ => {}
        }
    }
    Ok(out)
}

/// Whether this is an animation that has lost the name of what it would set.
fn aimless(element: &str, attributes: &str) -> bool {
    matches!(element, "animate" | "animateColor" | "set")
        && !Attributes::new(attributes).flatten().any(|(name, _)| name == "attributeName")
}

/// The text of a style element up to its end, without what elements are within it: a browser joins the
/// text around them.
fn sheet(tokens: &mut Tokens<'_>) -> Result<String, Fault> {
    let mut sheet = String::new();
    let mut inner = 0_usize;
    for token in tokens {
        match token? {
            Token::Start { empty, .. } => inner += usize::from(!empty),
            Token::End(_) if inner == 0 => break,
            Token::End(_) => inner -= 1,
            Token::Text(text) if inner == 0 => sheet.push_str(&unescaped(text)),
            Token::Data(text) if inner == 0 => sheet.push_str(text),
            _ => {}
        }
    }
    Ok(sheet)
}

/// The value that an attribute keeps.
fn kept(element: &str, name: &str, value: &str) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("on") || lower.starts_with("xmlns") || name.contains(':') || css::acts(value) {
        return None;
    }
    if name == "href" {
        let inside = value.starts_with('#');
        let picture = matches!(element, "image" | "feImage") && css::raster_url(value);
        return (inside || picture).then(|| value.to_owned());
    }
    let cleaned = if name == "style" || value.contains('(') { css::clean(value) } else { value.to_owned() };
    (!cleaned.is_empty() || value.is_empty()).then_some(cleaned)
}

fn refused(text: &str) -> Fault {
    Fault::Corrupt(text.to_owned())
}

#[cfg(test)]
#[path = "svg_tests.rs"]
mod tests;
