//! Where remote images may come from, and how long what is made of them may be kept.

use crate::caching::NO_STORE;
use std::fmt;

/// Least time that an answer may be used unless its origin forbids to keep it: one hour (Cloudflare's).
pub const MIN_SECONDS: u64 = 3_600;

/// Longest time: a year, beyond which caches do not count.
pub const MAX_SECONDS: u64 = 31_536_000;

/// An entry of the list of allowed origins: `example.com`, `*.example.com` (the domain itself and
/// everything below it) or `*` (any), each with a path if it begins with one: `example.com/photos`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin {
    host: HostRule,
    /// `/` for any.
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostRule {
    Any,
    Exactly(String),
    AndBelow(String),
}

impl AllowedOrigin {
    /// Parses an entry; `None` for what is none. No scheme, no port, and only the characters of
    /// internationalised names in their `xn--` form.
    pub fn parse(text: &str) -> Option<AllowedOrigin> {
        let (host, path) = match text.find('/') {
            Some(slash) => text.split_at(slash),
            None => (text, "/"),
        };
        let is_name = |host: &str| {
            let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            let address = |b: u8| b.is_ascii_hexdigit() || b == b':';
            let named = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
            match bracketed {
                Some(inside) => !inside.is_empty() && inside.bytes().all(address),
                None => {
                    !host.is_empty()
                        && host.bytes().all(named)
                        && host.split('.').all(|part| !part.is_empty())
                }
            }
        };
        let lower = |host: &str| is_name(host).then(|| host.to_ascii_lowercase());
        let host = match host.strip_prefix("*.") {
            Some(domain) => HostRule::AndBelow(lower(domain)?),
            None if host == "*" => HostRule::Any,
            None => HostRule::Exactly(lower(host)?),
        };
        let plain = |b: u8| b.is_ascii_graphic() && !b"?#\\%*".contains(&b);
        path.bytes().all(plain).then(|| AllowedOrigin { host, path: path.to_owned() })
    }

    /// Whether a URL with this host, in lower case, and this path, free of dot segments, is meant.
    pub fn allows(&self, host: &str, path: &str) -> bool {
        let host_fits = match &self.host {
            HostRule::Any => true,
            HostRule::Exactly(name) => host == name,
            HostRule::AndBelow(name) => is_at_or_below(host, name),
        };
        host_fits && (self.path == "/" || begins_with(path, &self.path))
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            HostRule::Any => f.write_str("*")?,
            HostRule::Exactly(name) => f.write_str(name)?,
            HostRule::AndBelow(name) => write!(f, "*.{name}")?,
        }
        f.write_str(if self.path == "/" { "" } else { &self.path })
    }
}

/// Whether a host is a domain or below it.
pub fn is_at_or_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether a path begins with whole segments. One with an encoded slash does not: what follows it could
/// be `..` to the origin.
fn begins_with(path: &str, prefix: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    if lower.contains("%2f") || lower.contains("%5c") {
        return false;
    }
    path.strip_prefix(prefix)
        .is_some_and(|rest| prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}

/// How long what an origin sent may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// It may not be kept.
    Never,
    /// As long as the origin says, in seconds.
    Origin(u64),
    /// The same, also below [`MIN_SECONDS`], since the origin says `must-revalidate` or `no-cache`.
    Exactly(u64),
    /// [`MIN_SECONDS`], since the origin says nothing.
    Unsaid,
    /// [`MIN_SECONDS`], since the origin says less.
    Raised,
}

impl Lifetime {
    /// From the origin's headers, several of one name joined with commas. `Expires` is not read: with
    /// it alone the time is [`Lifetime::Unsaid`].
    pub fn of(cache_control: Option<&str>, vary: Option<&str>, age: Option<&str>) -> Lifetime {
        if vary.is_some_and(|vary| vary.split(',').any(|name| name.trim() == "*")) {
            return Lifetime::Never;
        }
        let (mut own, mut shared, mut exactly, mut no_cache) = (None, None, false, false);
        for directive in cache_control.unwrap_or_default().split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "private" => return Lifetime::Never,
                "no-cache" => no_cache = true,
                "must-revalidate" | "proxy-revalidate" => exactly = true,
                "max-age" => own = Some(own.unwrap_or(u64::MAX).min(seconds(value))),
                "s-maxage" => shared = Some(shared.unwrap_or(u64::MAX).min(seconds(value))),
                _ => {}
            }
        }
        if no_cache {
            return Lifetime::Exactly(0);
        }
        let Some(said) = shared.or(own) else { return Lifetime::Unsaid };
        let left = said.min(MAX_SECONDS).saturating_sub(age.map_or(0, seconds));
        match left {
            left if exactly => Lifetime::Exactly(left),
            left if left < MIN_SECONDS => Lifetime::Raised,
            left => Lifetime::Origin(left),
        }
    }

    /// In seconds; 0 where it may not be used again without asking the origin.
    pub fn seconds(self) -> u64 {
        match self {
            Lifetime::Never => 0,
            Lifetime::Origin(seconds) | Lifetime::Exactly(seconds) => seconds,
            Lifetime::Unsaid | Lifetime::Raised => MIN_SECONDS,
        }
    }

    /// The `Cache-Control` value of an answer that may be used for `left` seconds more.
    pub fn cache_control(self, left: u64) -> String {
        match self {
            Lifetime::Never => NO_STORE.to_owned(),
            Lifetime::Exactly(_) => format!("public, max-age={left}, must-revalidate"),
            Lifetime::Origin(_) | Lifetime::Unsaid | Lifetime::Raised => format!("public, max-age={left}"),
        }
    }
}

/// A number of seconds; what is none counts as 0, as RFC 9111 asks (4.2.1).
fn seconds(text: &str) -> u64 {
    let text = text.trim().trim_matches('"');
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().unwrap_or(u64::MAX) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_origins() {
        for (entry, host, path, allowed) in [
            ("example.com", "example.com", "/a", true),
            ("EXAMPLE.com", "example.com", "/a", true),
            ("example.com", "www.example.com", "/a", false),
            ("example.com", "example.com.", "/a", false),
            ("example.com", "badexample.com", "/a", false),
            ("example.com", "example.com.evil.example", "/a", false),
            ("*.example.com", "example.com", "/a", true),
            ("*.example.com", "a.b.example.com", "/a", true),
            ("*.example.com", "badexample.com", "/a", false),
            ("*", "anything.example", "/a", true),
            ("*/photos", "anything.example", "/photos/a", true),
            ("*/photos", "anything.example", "/a", false),
            ("127.0.0.1", "127.0.0.1", "/", true),
            ("[::1]", "[::1]", "/", true),
            ("example.com/", "example.com", "/a", true),
            ("example.com/photos", "example.com", "/photos", true),
            ("example.com/photos", "example.com", "/photos/a", true),
            ("example.com/photos", "example.com", "/photos2/a", false),
            ("example.com/photos", "example.com", "/Photos/a", false),
            ("example.com/photos", "example.com", "/photos/..%2fsecret", false),
            ("example.com/photos", "example.com", "/photos/..%5Csecret", false),
            ("example.com/photos/", "example.com", "/photos/a", true),
            ("example.com/photos/", "example.com", "/photos", false),
        ] {
            let entry = AllowedOrigin::parse(entry).expect(entry);
            assert_eq!(entry.allows(host, path), allowed, "{entry:?} {host} {path}");
        }
        for text in [
            "",
            "*.",
            "*a.com",
            "a.*.com",
            ".com",
            "a..b",
            "a.com.",
            "https://a.com",
            "a.com:80",
            "a b.com",
            "ü.de",
            "[]",
            "[x]",
            "a.com/ü",
            "a.com/a b",
            "a.com/?q",
            "a.com/%2e",
            "a@b.com",
            "**",
        ] {
            assert_eq!(AllowedOrigin::parse(text), None, "{text}");
        }
    }

    #[test]
    fn lifetimes() {
        use Lifetime::*;
        for (control, vary, age, expected) in [
            (None, None, None, Unsaid),
            (Some("public"), None, None, Unsaid),
            (Some("max-age=7200"), None, None, Origin(7_200)),
            (Some("public, Max-Age=\"7200\""), None, None, Origin(7_200)),
            (Some("max-age=7200"), None, Some("100"), Origin(7_100)),
            (Some("max-age=7200"), None, Some("7000"), Raised),
            (Some("max-age=60"), None, None, Raised),
            (Some("max-age=nonsense"), None, None, Raised),
            (Some("max-age=60, must-revalidate"), None, None, Exactly(60)),
            (Some("max-age=60, must-revalidate"), None, Some("61"), Exactly(0)),
            (Some("max-age=60, s-maxage=7200"), None, None, Origin(7_200)),
            (Some("max-age=7200, s-maxage=0"), None, None, Raised),
            (Some("max-age=9000, max-age=8000"), None, None, Origin(8_000)),
            (Some("max-age=99999999999999999999"), None, None, Origin(MAX_SECONDS)),
            (Some("no-cache"), None, None, Exactly(0)),
            (Some("no-cache, max-age=7200"), None, None, Exactly(0)),
            (Some("no-store"), None, None, Never),
            (Some("max-age=7200, Private"), None, None, Never),
            (Some("private=\"x\", max-age=7200"), None, None, Never),
            (Some("max-age=7200"), Some("Accept, *"), None, Never),
            (Some("max-age=7200"), Some("Accept"), None, Origin(7_200)),
        ] {
            assert_eq!(Lifetime::of(control, vary, age), expected, "{control:?} {vary:?} {age:?}");
        }
    }

    #[test]
    fn what_an_answer_says() {
        assert_eq!(Lifetime::Never.cache_control(0), "no-store");
        assert_eq!(Lifetime::Exactly(60).cache_control(59), "public, max-age=59, must-revalidate");
        assert_eq!(Lifetime::Raised.cache_control(3_600), "public, max-age=3600");
        assert_eq!((Lifetime::Raised.seconds(), Lifetime::Never.seconds()), (3_600, 0));
    }
}
