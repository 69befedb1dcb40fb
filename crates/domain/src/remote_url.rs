//! The grammar of remote images: `/cdn-cgi/image/{options}/{source}`.

use crate::delivery_url::percent_decode;
use thiserror::Error;

/// The prefix of remote images.
pub const PREFIX: &str = "/cdn-cgi/image/";

/// The parts of a request for a remote image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePath {
    /// The options as written.
    pub options: String,
    /// What comes after them.
    pub source: RemoteSource,
}

/// Where a remote image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteSource {
    /// At an absolute http or https URL: its text, with its query.
    Url(String),
    /// At a path of the zone: from one `/`, with its query.
    Path(String),
}

/// Why a request names no remote image (403, error 9406).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RemotePathError {
    /// No options, or nothing after them.
    #[error("expected /cdn-cgi/image/<options>/<source>")]
    Shape,
    /// Another scheme.
    #[error("the source must be an http or https URL or a path")]
    Scheme,
    /// Spaces, control characters or others that must be percent-encoded.
    #[error("the source must be percent-encoded")]
    Characters,
}

impl RemotePath {
    /// Parses path and query as received. The query is the source's. A source whose scheme is
    /// percent-encoded (`https%3A%2F%2F…`) is decoded once, and brings a query of its own if it has one;
    /// what the request's query says then comes after that.
    pub fn parse(target: &str) -> Result<RemotePath, RemotePathError> {
        let rest = target.strip_prefix(PREFIX).ok_or(RemotePathError::Shape)?;
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let (options, source) = path.split_once('/').ok_or(RemotePathError::Shape)?;
        if options.is_empty() || source.trim_start_matches(SLASHES).is_empty() {
            return Err(RemotePathError::Shape);
        }
        let lower: String = source.chars().take(LONGEST_SCHEME).collect::<String>().to_ascii_lowercase();
        let begins = |schemes: [&str; 2]| schemes.iter().any(|scheme| lower.starts_with(scheme));
        let source = if begins(["http:", "https:"]) {
            RemoteSource::Url(joined(source, query))
        } else if begins(["http%3a", "https%3a"]) {
            let decoded = percent_decode(source).ok_or(RemotePathError::Characters)?;
            RemoteSource::Url(joined(&decoded, query))
        } else if names_a_scheme(source) {
            return Err(RemotePathError::Scheme);
        } else {
            RemoteSource::Path(joined(&format!("/{}", source.trim_start_matches(SLASHES)), query))
        };
        let (RemoteSource::Url(text) | RemoteSource::Path(text)) = &source;
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(RemotePathError::Characters);
        }
        Ok(RemotePath { options: options.to_owned(), source })
    }
}

/// What a browser takes for a slash.
const SLASHES: [char; 2] = ['/', '\\'];

/// Of `https%3a`.
const LONGEST_SCHEME: usize = 8;

fn joined(source: &str, query: Option<&str>) -> String {
    match query {
        None => source.to_owned(),
        Some(query) => format!("{source}{}{query}", if source.contains('?') { '&' } else { '?' }),
    }
}

/// Whether the first segment is a scheme, which no file of a zone is called.
fn names_a_scheme(source: &str) -> bool {
    let first = source.split('/').next().unwrap_or(source).to_ascii_lowercase();
    first.ends_with(':') || first.contains("%3a%2f%2f") || first.starts_with("data:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(rest: &str) -> Result<RemoteSource, RemotePathError> {
        RemotePath::parse(&format!("/cdn-cgi/image/w=80,f=auto/{rest}")).map(|path| {
            assert_eq!(path.options, "w=80,f=auto");
            path.source
        })
    }

    #[test]
    fn sources() {
        let url = |text: &str| Ok(RemoteSource::Url(text.to_owned()));
        let path = |text: &str| Ok(RemoteSource::Path(text.to_owned()));
        for (rest, expected) in [
            ("https://a.example/b.png", url("https://a.example/b.png")),
            ("https:/a.example/b.png", url("https:/a.example/b.png")),
            ("HTTPS://a.example/b.png?c=d?e", url("HTTPS://a.example/b.png?c=d?e")),
            ("https%3A%2F%2Fa.example%2Fb%2520c.png", url("https://a.example/b%20c.png")),
            ("https%3a%2f%2fa.example%2Fb%3Fc%3Dd", url("https://a.example/b?c=d")),
            ("https%3a%2f%2fa.example%2Fb%3Fc%3Dd?e=f", url("https://a.example/b?c=d&e=f")),
            ("https%3a%2f%2fa.example%2Fb?e=f", url("https://a.example/b?e=f")),
            ("images/a.png", path("/images/a.png")),
            ("/images/a.png?v=2", path("/images/a.png?v=2")),
            ("///evil.example/a.png", path("/evil.example/a.png")),
            ("/\\evil.example/a.png", path("/evil.example/a.png")),
            ("a:b.png", path("/a:b.png")),
            ("ftp://a.example/b.png", Err(RemotePathError::Scheme)),
            ("file:///etc/passwd", Err(RemotePathError::Scheme)),
            ("ftp%3A%2F%2Fa.example%2Fb", Err(RemotePathError::Scheme)),
            ("data:image/png;base64,x", Err(RemotePathError::Scheme)),
            ("https%3A%2F%2Fa.example%2Fb%20c", Err(RemotePathError::Characters)),
            ("https%3A%2F%2Fa.example%2F%0A", Err(RemotePathError::Characters)),
            ("https%3A%2F%2Fa.example%2F%C3%BC", Err(RemotePathError::Characters)),
            ("https%3A%2F%2Fa.example%2F%FF", Err(RemotePathError::Characters)),
            ("https%3A%2F%2Fa.example%2F%", Err(RemotePathError::Characters)),
            ("", Err(RemotePathError::Shape)),
            ("//", Err(RemotePathError::Shape)),
        ] {
            assert_eq!(source(rest), expected, "{rest}");
        }
        for target in ["/cdn-cgi/image/", "/cdn-cgi/image/w=80", "/cdn-cgi/image//a.png", "/cdn-cgi/image"] {
            assert_eq!(RemotePath::parse(target), Err(RemotePathError::Shape), "{target}");
        }
    }
}
