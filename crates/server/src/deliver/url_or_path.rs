//! What people give for a delivery URL: all of it, or its path.

use thiserror::Error;
use url::{Position, Url};

/// A URL in the form in which browsers send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlOrPath {
    /// Scheme, host and port; `None` for a bare path.
    pub origin: Option<String>,
    /// Path and query.
    pub target: String,
}

/// Why a text is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UrlOrPathError {
    /// No URL, and no path from its slash on.
    #[error("it is no URL and no path")]
    NoUrl(#[from] url::ParseError),
    /// Of another scheme.
    #[error("it is no http or https URL")]
    Scheme,
}

impl UrlOrPath {
    /// Parses either. How long it is is the caller's to bound.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<UrlOrPath, UrlOrPathError> {
        let relative = text.starts_with('/') && !text.starts_with("//");
        let url = if relative { Url::parse(&format!("http://localhost{text}")) } else { Url::parse(text) }?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlOrPathError::Scheme);
        }
        Ok(UrlOrPath {
            origin: (!relative).then(|| url[..Position::BeforePath].to_owned()),
            target: url[Position::BeforePath..Position::AfterQuery].to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_have_the_form_of_browsers() {
        for (text, origin, target) in [
            ("/a b/ü?x=ü#part", None, "/a%20b/%C3%BC?x=%C3%BC"),
            ("https://Example.COM/a?b", Some("https://example.com"), "/a?b"),
            ("http://127.0.0.1:8787", Some("http://127.0.0.1:8787"), "/"),
        ] {
            let parsed = UrlOrPath::parse(text).expect("either");
            assert_eq!((parsed.origin.as_deref(), parsed.target.as_str()), (origin, target));
        }
        assert_eq!(UrlOrPath::parse("ftp://a/b"), Err(UrlOrPathError::Scheme));
        for text in ["", "a/b", "//a/b"] {
            assert!(matches!(UrlOrPath::parse(text), Err(UrlOrPathError::NoUrl(_))), "{text}");
        }
    }
}
