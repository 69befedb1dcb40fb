//! The tokens of an XML file, as slices of it. Nothing is expanded, and nothing is looked up.

use crate::Fault;

/// A token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// The start of an element, or all of an empty one.
    Start {
        /// With its prefix.
        name: &'a str,
        /// From behind the name to the end.
        attributes: &'a str,
        /// Whether it ends at once.
        empty: bool,
    },
    /// The end of an element.
    End(&'a str),
    /// Text as it is written, with its references.
    Text(&'a str),
    /// Text in which nothing is a reference.
    Data(&'a str),
    /// A comment, a processing instruction, the XML declaration, or a document type without
    /// declarations of its own.
    Other,
}

/// Reads tokens. After a fault there are no more.
pub(crate) struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(text: &'a str) -> Tokens<'a> {
        Tokens { rest: text }
    }

    fn read(&mut self) -> Result<Token<'a>, Fault> {
        let rest = self.rest;
        if !rest.starts_with('<') {
            let end = rest.find('<').unwrap_or(rest.len());
            return Ok(Token::Text(self.take(end, 0)));
        }
        if let Some(body) = rest.strip_prefix("<!--") {
            self.past(body, "-->")?;
            return Ok(Token::Other);
        }
        if let Some(body) = rest.strip_prefix("<![CDATA[") {
            return self.past(body, "]]>").map(Token::Data);
        }
        if let Some(body) = rest.strip_prefix("<?") {
            self.past(body, "?>")?;
            return Ok(Token::Other);
        }
        let end = tag_end(rest).ok_or_else(|| broken("a tag has no end"))?;
        if rest.starts_with("<!DOCTYPE") {
            if rest.get(..end).is_none_or(|tag| tag.contains('[')) {
                return Err(broken("a document type with declarations is not allowed"));
            }
            self.take(end, 1);
            return Ok(Token::Other);
        }
        let tag = self.take(end, 1).get(1..).unwrap_or_default();
        if let Some(name) = tag.strip_prefix('/') {
            return Ok(Token::End(name.trim_end()));
        }
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_at(tag.find(is_space).unwrap_or(tag.len()));
        if name.is_empty() || name.contains(['<', '!', '&', '"', '\'', '=']) {
            return Err(broken("a tag has no sound name"));
        }
        Ok(Token::Start { name, attributes, empty })
    }

    /// The next `length` bytes; `more` are passed over.
    fn take(&mut self, length: usize, more: usize) -> &'a str {
        let (taken, _) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = self.rest.get(length + more..).unwrap_or_default();
        taken
    }

    fn past(&mut self, body: &'a str, end: &str) -> Result<&'a str, Fault> {
        let (inside, after) = body.split_once(end).ok_or_else(|| broken("it ends within its markup"))?;
        self.rest = after;
        Ok(inside)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Result<Token<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let token = self.read();
        if token.is_err() {
            self.rest = "";
        }
        Some(token)
    }
}

/// The place of the `>` that ends a tag: the first one outside of quotes.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    tag.bytes().position(|byte| {
        match (quote, byte) {
            (Some(open), byte) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return true,
            _ => {}
        }
        false
    })
}

/// Reads the attributes of a tag: name and value as it is written.
pub(crate) struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(attributes: &'a str) -> Attributes<'a> {
        Attributes { rest: attributes }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(&'a str, &'a str), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_start_matches(is_space);
        self.rest = "";
        if rest.is_empty() {
            return None;
        }
        let read = || {
            let (name, value) = rest.split_once('=')?;
            let value = value.trim_start_matches(is_space);
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (value, after) = value.get(1..)?.split_once(quote)?;
            let name = name.trim_end_matches(is_space);
            let sound = !name.is_empty() && !name.contains(is_space) && !name.contains(['"', '\'', '<', '&']);
            sound.then_some((name, value, after))
        };
        match read() {
            Some((name, value, after)) => {
                self.rest = after;
                Some(Ok((name, value)))
            }
            None => Some(Err(broken("an attribute is not sound"))),
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\n' | '\t' | '\r')
}

/// A name without its prefix.
pub(crate) fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Text with the references of XML itself replaced; others stay as they are.
pub(crate) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let known = after.split_once(';').and_then(|(name, after)| reference(name).map(|c| (c, after)));
        match known {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    let number = match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => name.strip_prefix('#')?,
    };
    let code = match number.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

/// Text as it is written in attributes and between tags. A line break in an attribute would be read as
/// a space.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => {}
            c => out.push(c),
        }
    }
    out
}

fn broken(text: &str) -> Fault {
    Fault::Corrupt(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Token<'_>>, Fault> {
        Tokens::new(text).collect()
    }

    #[test]
    fn tokens_are_told_apart() {
        let text = "<?xml?><!DOCTYPE svg PUBLIC \"-//W3C//DTD > SVG\"><!-- <a> --><a b='>' c = \"d\">t&amp;<![CDATA[<x>]]><e/></a>";
        let attributes = " b='>' c = \"d\"";
        let expected = vec![
            Token::Other,
            Token::Other,
            Token::Other,
            Token::Start { name: "a", attributes, empty: false },
            Token::Text("t&amp;"),
            Token::Data("<x>"),
            Token::Start { name: "e", attributes: "", empty: true },
            Token::End("a"),
        ];
        assert_eq!(read(text), Ok(expected));
        let found: Result<Vec<_>, Fault> = Attributes::new(attributes).collect();
        assert_eq!(found, Ok(vec![("b", ">"), ("c", "d")]));
    }

    #[test]
    fn what_is_not_sound_is_refused() {
        for text in [
            "<a",
            "<a b='>",
            "<!-- ",
            "<![CDATA[ ]>",
            "<? ",
            "<!DOCTYPE svg [<!ENTITY a 'b'>]>",
            "<!ELEMENT a>",
            "< a>",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        for text in [" b", " b=c", " b='c", " ='c'", " b c='d'"] {
            assert!(Attributes::new(text).any(|attribute| attribute.is_err()), "{text}");
        }
    }

    #[test]
    fn references_come_and_go() {
        assert_eq!(
            unescaped("&lt;&#65;&#x42;&amp;lt; &nbsp; & &#xFFFFFFFF;"),
            "<AB&lt; &nbsp; & &#xFFFFFFFF;"
        );
        assert_eq!(unescaped(&escaped("<a b=\"c\">&amp;'")), "<a b=\"c\">&amp;'");
    }
}
