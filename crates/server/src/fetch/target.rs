//! URLs that may be fetched, and where redirects lead.

use super::FetchError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use safelight_domain::delivery_url::percent_decode;
use url::{Host, Url};

/// Longest URL in bytes; signed ones of object stores have up to about 2,000.
pub const MAX_URL_BYTES: usize = 8 * 1024;

/// An http or https URL: its user and password are kept apart from it, and its fragment is gone.
#[derive(Clone, Debug)]
pub struct Target {
    url: Url,
    authorization: Option<HeaderValue>,
}

impl Target {
    /// Parses an absolute URL as browsers do, which makes the usual form of odd addresses such as
    /// `0x7f.1`.
    ///
    /// # Errors
    /// [`FetchError::Url`] with what is wrong.
    pub fn parse(text: &str) -> Result<Target, FetchError> {
        if text.len() > MAX_URL_BYTES {
            return Err(FetchError::Url("has more than 8192 bytes"));
        }
        let url = Url::parse(text).map_err(|_| FetchError::Url("is not an absolute http or https URL"))?;
        Target::of(url).map_err(FetchError::Url)
    }

    fn of(mut url: Url) -> Result<Target, &'static str> {
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err("is not an absolute http or https URL");
        }
        let refused = "has a user or password that is broken";
        let given = !url.username().is_empty() || url.password().is_some();
        let authorization = match given {
            false => None,
            true => {
                let user = percent_decode(url.username()).ok_or(refused)?;
                let password = percent_decode(url.password().unwrap_or_default()).ok_or(refused)?;
                let text = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
                let mut value = HeaderValue::from_str(&text).map_err(|_| refused)?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        // Neither fails for a URL with a host.
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return Err(refused);
        }
        url.set_fragment(None);
        Ok(Target { url, authorization })
    }

    /// The same with a token, which goes to this origin alone, as a user and password do.
    ///
    /// # Errors
    /// [`FetchError::Url`] when no header can carry the token.
    pub fn bearing(mut self, token: &str) -> Result<Target, FetchError> {
        let value = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut value = value.map_err(|_| FetchError::Url("has a token that cannot be sent"))?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(self)
    }

    /// What is below this URL at the same origin, with the same authorization. Whatever is in a segment
    /// or value is encoded. How long they are is the caller's to bound.
    pub fn below(&self, segments: &[&str], query: &[(&str, &str)]) -> Target {
        let mut url = self.url.clone();
        // http and https URLs have segments.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Target { url, authorization: self.authorization.clone() }
    }

    /// Without user and password.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What the URL's user and password make.
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Where the answer to this leads; `None` if it is no redirect that tells.
    pub(super) fn redirect(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Option<Target>, FetchError> {
        let redirects = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
        let Some(location) = headers.get(header::LOCATION).filter(|_| redirects) else { return Ok(None) };
        let refused = FetchError::Redirect("is broken");
        let location = location.to_str().map_err(|_| refused.clone())?;
        if location.len() > MAX_URL_BYTES {
            return Err(refused);
        }
        let url = self.url.join(location).map_err(|_| refused)?;
        let mut next = Target::of(url).map_err(FetchError::Redirect)?;
        if self.is_secure() && !next.is_secure() {
            return Err(FetchError::Redirect("is not secure, unlike the one before"));
        }
        // Never what the redirect says, and our own only where they were meant for.
        next.authorization = self.authorization.clone().filter(|_| next.url.origin() == self.url.origin());
        Ok(Some(next))
    }

    pub(super) fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub(super) fn host(&self) -> Option<Host<&str>> {
        self.url.host()
    }

    pub(super) fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(0)
    }

    pub(super) fn host_and_port(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    pub(super) fn path_and_query(&self) -> String {
        let path = self.url.path();
        self.url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (text, host, path) in [
            ("http://example.com", "example.com", "/"),
            ("https://example.com:8443/a b?c#d", "example.com:8443", "/a%20b?c"),
            ("HTTP://EXAMPLE.com:80/", "example.com", "/"),
            ("http://0x7f.1/", "127.0.0.1", "/"),
            ("http://017700000001/", "127.0.0.1", "/"),
            ("http://2130706433/", "127.0.0.1", "/"),
            ("http://[::ffff:7f00:1]/", "[::ffff:7f00:1]", "/"),
            ("http://１２７.0.0.1/", "127.0.0.1", "/"),
            ("https:/example.com/a", "example.com", "/a"),
            ("http://good.example@bad.example/", "bad.example", "/"),
        ] {
            let target = Target::parse(text).expect(text);
            assert_eq!((target.host_and_port().as_str(), target.path_and_query().as_str()), (host, path));
        }
        for text in [
            "",
            "/a",
            "//example.com/a",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "data:image/png,x",
            "http://",
            "http://exa mple.com/",
            "http://a%00b/",
            "http://1.2.3.4.5/",
            "http://256.1.1.1/",
            "http://user%FF@example.com/",
            &format!("http://example.com/{}", "a".repeat(MAX_URL_BYTES)),
        ] {
            assert!(matches!(Target::parse(text), Err(FetchError::Url(_))), "{text}");
        }
    }

    #[test]
    fn credentials_are_kept_apart_and_stay_with_their_origin() {
        let target = Target::parse("https://us%3Aer:p%40ss@example.com/a").expect("a URL");
        assert_eq!(target.url().as_str(), "https://example.com/a");
        let shown = format!("{target:?}");
        assert!(!shown.contains("p@ss") && !shown.contains("dXM6"), "{shown}");
        let sent = target.authorization().expect("credentials");
        assert_eq!(sent, &format!("Basic {}", STANDARD.encode("us:er:p@ss")));
        for (location, url, keeps) in [
            ("/b", "https://example.com/b", true),
            ("https://example.com:443/b", "https://example.com/b", true),
            ("https://example.com:8443/b", "https://example.com:8443/b", false),
            ("https://www.example.com/b", "https://www.example.com/b", false),
            ("https://x:y@other.example/b", "https://other.example/b", false),
        ] {
            let next = redirect(&target, location).expect("good").expect("a redirect");
            assert_eq!((next.url().as_str(), next.authorization().is_some()), (url, keeps));
        }
    }

    #[test]
    fn below_a_url_nothing_leaves_its_segment_and_the_token_stays_with_the_origin() {
        for base in ["https://api.example/client/v4", "https://api.example/client/v4/"] {
            let base = Target::parse(base).and_then(|base| base.bearing("s3cret")).expect("a target");
            let target = base.below(&["v1", "a/b?c#d%2F é", "blob"], &[("t", "x=1&y")]);
            let url = "https://api.example/client/v4/v1/a%2Fb%3Fc%23d%252F%20%C3%A9/blob?t=x%3D1%26y";
            assert_eq!(target.url().as_str(), url);
            assert_eq!(target.authorization().expect("a token"), "Bearer s3cret");
            assert!(!format!("{target:?}").contains("s3cret"));
            let stays = redirect(&target, "/other").expect("good").expect("a redirect");
            let leaves = redirect(&target, "https://files.example/").expect("good").expect("a redirect");
            assert_eq!((stays.authorization().is_some(), leaves.authorization().is_some()), (true, false));
        }
        let target = Target::parse("https://api.example/").expect("a URL");
        assert!(matches!(target.bearing("a\nb"), Err(FetchError::Url(_))));
    }

    fn redirect(target: &Target, location: &str) -> Result<Option<Target>, FetchError> {
        let value = HeaderValue::from_str(location).expect("a header");
        target.redirect(StatusCode::FOUND, &HeaderMap::from_iter([(header::LOCATION, value)]))
    }

    #[test]
    fn redirects() {
        let secure = Target::parse("https://example.com/a").expect("a URL");
        for location in ["http://example.com/b", "file:///etc/passwd", "http://", "ftp://example.com/"] {
            assert!(matches!(redirect(&secure, location), Err(FetchError::Redirect(_))), "{location}");
        }
        let plain = Target::parse("http://example.com/a").expect("a URL");
        assert!(redirect(&plain, "https://example.com/b").expect("good").is_some());
        assert!(plain.redirect(StatusCode::FOUND, &HeaderMap::new()).expect("none").is_none());
        let value = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static("/b"))]);
        for status in [StatusCode::OK, StatusCode::NOT_MODIFIED, StatusCode::CREATED] {
            assert!(plain.redirect(status, &value).expect("none").is_none());
        }
    }
}
