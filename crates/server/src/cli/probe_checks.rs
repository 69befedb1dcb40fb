//! The checks: each asks, looks at the answers, and knows what to change.

use super::probe_made::{FORM, Made, ODD, large_form};
use super::probe_verdict::{Finding, Verdict};
use super::probe_web::{Answer, Web};
use crate::clock::Clock;
use anyhow::{Context, bail};
use http::Method;
use safelight_domain::signature::{SigningKey, sign_target};
use serde_json::Value;
use std::time::Duration;

/// How long links of the checks hold, in seconds.
const LIFE: u64 = 300;

/// How long the one holds that is asked for after its time.
const SHORT_LIFE: u64 = 4;

/// Looks for a picture that is not made better any more.
const LOOKS: u32 = 40;
const LOOK_PAUSE: Duration = Duration::from_millis(500);

const PATHS: &str = "pass the path on byte for byte. nginx: proxy_pass to a name without path and variables; Cloudflare: \
                     leave \"Normalize URLs to origin\" off";
const SLASHES: &str = "do not merge slashes. nginx: merge_slashes off";
const QUERIES: &str =
    "pass the whole query on as it is: no sorting, no change of case or encoding, nothing added or left out";
const ACCEPT: &str = "pass Accept on, keep Vary, and keep answers apart by Accept, or keep no pictures";
const AGES: &str = "pass Cache-Control on as it is. nginx: no expires and no add_header of it; CDNs: \"respect the origin\" \
                    and a minimum TTL of 0";
const SHARED: &str = "keep nothing whose Cache-Control is private or no-store. nginx: no proxy_ignore_headers and no \
                      proxy_cache_valid, and past the cache with everything that has sig; CDNs: no TTL of their own, and \
                      the whole query in the cache key";
const HEADS: &str = "answer HEAD as GET without the body";
const RANGES: &str = "pass Range and If-Range on, or go past the cache with them. nginx: proxy_cache_bypass and proxy_no_cache \
                      by $http_range";
const CONDITIONS: &str = "pass If-None-Match and ETag on";
const HEADERS: &str = "take no header off an answer, and compress nothing: pictures are compressed";
const UPLOADS: &str = "let bodies of max-upload-bytes and a megabyte pass. nginx: client_max_body_size; Caddy: request_body \
                       max_size";
const CLIENTS: &str =
    "have the proxy set X-Forwarded-For, and list it in trusted-proxies; where there is none, all is well";

/// What the checks are made with.
pub(super) struct Checks<'a> {
    pub(super) web: &'a Web,
    pub(super) made: &'a Made,
    pub(super) clock: &'a Clock,
}

impl Checks<'_> {
    /// Makes every check. The first one decides whether there is any use in the others.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let reached = self.reached().await;
        let goes_on = reached == Verdict::Pass;
        findings.push(Finding { check: "pictures are reached", verdict: reached });
        let (Some(key), true) = (&self.made.key, goes_on) else { return findings };
        let short = self.signed_for(&self.made.private(), "", SHORT_LIFE, key);
        let expires = self.clock.now().plus(SHORT_LIFE);
        let before = self.web.get(&short).await;
        for odd in &ODD {
            let target = self.signed(&self.made.odd(odd), "", key);
            let verdict = self.status_is(&target, 200, PATHS).await;
            findings.push(Finding { check: odd.check, verdict });
        }
        let mut add = |check, verdict: anyhow::Result<Verdict>, change| {
            let verdict =
                verdict.unwrap_or_else(|error| Verdict::Fail { seen: format!("{error:#}"), change });
            findings.push(Finding { check, verdict });
        };
        add("path: two slashes", self.two_slashes().await, SLASHES);
        add("query: order, case and encoding", self.query(key).await, QUERIES);
        add("Accept and Vary", self.accept().await, ACCEPT);
        add("freshness ends with the signature", self.freshness(key).await, AGES);
        add("private pictures are in no shared cache", self.unshared(key).await, SHARED);
        add("refused without and with another signature", self.refused(key).await, SHARED);
        add("refusals are kept by nobody", self.refusals(key).await, SHARED);
        let settled = self.settled(key).await;
        add("HEAD", self.head(&settled).await, HEADS);
        add("Range and If-Range", self.ranges(&settled).await, RANGES);
        add("If-None-Match", self.conditions(&settled).await, CONDITIONS);
        add("headers and bytes of pictures", self.headers(&settled).await, HEADERS);
        add("uploads of 8 MB", self.uploads().await, UPLOADS);
        add("address of the client", self.client_address().await, CLIENTS);
        add("refused after its time", self.expired(before, &short, expires.0).await, SHARED);
        findings
    }

    fn signed(&self, path: &str, query: &str, key: &SigningKey) -> String {
        self.signed_for(path, query, LIFE, key)
    }

    fn signed_for(&self, path: &str, query: &str, seconds: u64, key: &SigningKey) -> String {
        sign_target(path, query, Some(self.clock.now().plus(seconds)), key)
    }

    async fn status_is(&self, target: &str, status: u16, change: &'static str) -> Verdict {
        match self.web.get(target).await {
            Ok(answer) => Verdict::unless(unlike(&answer, status), change),
            Err(error) => Verdict::Fail { seen: format!("{error:#}"), change },
        }
    }

    async fn reached(&self) -> Verdict {
        let change = "the URL must lead to the server that --url names, with the name of delivery, and without a redirect";
        match self.web.get(&self.made.public()).await {
            Ok(answer) if (300..400).contains(&answer.status) => {
                let seen = format!("{} to {}", answer.status, answer.header("location"));
                Verdict::Fail { seen, change }
            }
            Ok(answer) if answer.status == 200 && answer.header("x-request-id").is_empty() => {
                Verdict::Fail { seen: "an answer without X-Request-Id".to_owned(), change: HEADERS }
            }
            Ok(answer) => Verdict::unless(unlike(&answer, 200), change),
            Err(error) => Verdict::Fail { seen: format!("{error:#}"), change },
        }
    }

    async fn two_slashes(&self) -> anyhow::Result<Verdict> {
        let answer = self.web.get(&self.made.public_by_two_slashes()).await?;
        let merged = answer.status == 200;
        Ok(Verdict::unless(merged.then(|| "// was passed on as /".to_owned()), SLASHES))
    }

    async fn query(&self, key: &SigningKey) -> anyhow::Result<Verdict> {
        let target = self.signed(&self.made.private(), "b=2&A=%2f/x&a=1&&c=+%20&utm_source=x&d", key);
        Ok(self.status_is(&target, 200, QUERIES).await)
    }

    async fn accept(&self) -> anyhow::Result<Verdict> {
        let path = self.made.public();
        self.await_format(&path).await?;
        // The first again, since the second may have taken its place in a cache.
        for (accept, wanted) in
            [("image/webp", "image/webp"), ("image/jpeg", "image/jpeg"), ("image/webp", "image/webp")]
        {
            let answer = self.web.get_with(&path, &[("Accept", accept)]).await?;
            let kind = answer.header("content-type");
            let varies = answer.headers.get_all("vary").iter().filter_map(|value| value.to_str().ok());
            let varies = varies.collect::<Vec<_>>().join(",").to_ascii_lowercase();
            let wrong = unlike(&answer, 200)
                .or_else(|| (kind != wanted).then(|| format!("Accept: {accept} was answered with {kind:?}")))
                .or_else(|| (!varies.contains("accept")).then(|| format!("Vary is {varies:?}")));
            if wrong.is_some() {
                return Ok(Verdict::unless(wrong, ACCEPT));
            }
        }
        Ok(Verdict::Pass)
    }

    /// Waits until the picture is there in the format to ask for: the first answer may be in another, which caches
    /// may keep for a while. So each look has an address of its own.
    async fn await_format(&self, path: &str) -> anyhow::Result<()> {
        for look in 0..LOOKS {
            let answer =
                self.web.get_with(&format!("{path}?look={look}"), &[("Accept", "image/webp")]).await?;
            if answer.header("content-type") == "image/webp" || is_settled(answer.header("cache-control")) {
                break;
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        Ok(())
    }

    async fn freshness(&self, key: &SigningKey) -> anyhow::Result<Verdict> {
        let life = 30;
        let answer = self.web.get(&self.signed_for(&self.made.private(), "", life, key)).await?;
        let control = answer.header("cache-control");
        let wrong = unlike(&answer, 200)
            .or_else(|| (!is_private(control, life)).then(|| format!("Cache-Control is {control:?}")))
            .or_else(|| {
                let expires = answer.header("expires");
                (!expires.is_empty()).then(|| format!("Expires was added: {expires}"))
            });
        Ok(Verdict::unless(wrong, AGES))
    }

    async fn unshared(&self, key: &SigningKey) -> anyhow::Result<Verdict> {
        let target = self.signed(&self.made.private(), "", key);
        let (first, second) = (self.web.get(&target).await?, self.web.get(&target).await?);
        let wrong = unlike(&second, 200).or_else(|| kept(&first, &second));
        Ok(Verdict::unless(wrong, SHARED))
    }

    async fn refused(&self, key: &SigningKey) -> anyhow::Result<Verdict> {
        let path = self.made.private();
        let good = self.signed(&path, "", key);
        let other = if good.ends_with('0') { '1' } else { '0' };
        let altered = format!("{}{other}", good.get(..good.len() - 1).unwrap_or_default());
        // First what a cache might keep, then what it must not be given for.
        let opened = self.web.get(&good).await?;
        if let Some(seen) = unlike(&opened, 200) {
            return Ok(Verdict::Fail { seen, change: SHARED });
        }
        for (name, target) in [
            ("no signature", path.as_str()),
            ("another signature", altered.as_str()),
            ("no signature", path.as_str()),
        ] {
            let answer = self.web.get(target).await?;
            if let Some(seen) = unlike(&answer, 403) {
                return Ok(Verdict::Fail { seen: format!("with {name}: {seen}"), change: SHARED });
            }
        }
        Ok(Verdict::Pass)
    }

    async fn refusals(&self, key: &SigningKey) -> anyhow::Result<Verdict> {
        let path = self.made.private();
        let (first, second) = (self.web.get(&path).await?, self.web.get(&path).await?);
        let control = second.header("cache-control");
        let wrong = unlike(&second, 403).or_else(|| kept(&first, &second)).or_else(|| {
            (control != "no-store").then(|| format!("Cache-Control of a refusal is {control:?}"))
        });
        if wrong.is_some() {
            return Ok(Verdict::unless(wrong, SHARED));
        }
        Ok(self.status_is(&self.signed(&path, "", key), 200, SHARED).await)
    }

    /// A signed target of the private picture, and its answer once two in a row are the same.
    async fn settled(&self, key: &SigningKey) -> Settled {
        let target = self.signed(&self.made.private(), "", key);
        let mut last = self.web.get(&target).await?;
        for _ in 0..LOOKS {
            tokio::time::sleep(LOOK_PAUSE).await;
            let next = self.web.get(&target).await?;
            if next.header("etag") == last.header("etag") && is_settled(next.header("cache-control")) {
                return Ok((target, next));
            }
            last = next;
        }
        Ok((target, last))
    }

    async fn head(&self, settled: &Settled) -> anyhow::Result<Verdict> {
        let (target, get) = opened(settled)?;
        let head = self.web.ask(Method::HEAD, target, &[], Default::default()).await?;
        let differs = |name: &&str| get.header(name) != head.header(name);
        let wrong = unlike(&head, 200).or_else(|| {
            let name = ["content-type", "content-length", "etag"].into_iter().find(differs)?;
            Some(format!("{name} is {:?} to HEAD and {:?} to GET", head.header(name), get.header(name)))
        });
        Ok(Verdict::unless(wrong, HEADS))
    }

    async fn ranges(&self, settled: &Settled) -> anyhow::Result<Verdict> {
        let (target, whole) = opened(settled)?;
        let tag = whole.header("etag");
        let part = [("Range", "bytes=2-9")];
        let same = [("Range", "bytes=2-9"), ("If-Range", tag)];
        let other = [("Range", "bytes=2-9"), ("If-Range", "\"another\"")];
        for (name, headers, status) in
            [("Range", &part[..], 206), ("If-Range", &same, 206), ("If-Range of another", &other, 200)]
        {
            let answer = self.web.get_with(target, headers).await?;
            let expected = if status == 206 { whole.body.get(2..10) } else { Some(&*whole.body) };
            let wrong = unlike(&answer, status).or_else(|| {
                (expected != Some(&*answer.body)).then(|| format!("{} other bytes", answer.body.len()))
            });
            if let Some(seen) = wrong {
                return Ok(Verdict::Fail { seen: format!("{name}: {seen}"), change: RANGES });
            }
        }
        Ok(Verdict::Pass)
    }

    async fn conditions(&self, settled: &Settled) -> anyhow::Result<Verdict> {
        let (target, whole) = opened(settled)?;
        for (tag, status) in [(whole.header("etag"), 304), ("\"another\"", 200)] {
            let answer = self.web.get_with(target, &[("If-None-Match", tag)]).await?;
            if let Some(seen) = unlike(&answer, status) {
                return Ok(Verdict::Fail {
                    seen: format!("If-None-Match: {tag}: {seen}"),
                    change: CONDITIONS,
                });
            }
        }
        Ok(Verdict::Pass)
    }

    async fn headers(&self, settled: &Settled) -> anyhow::Result<Verdict> {
        let (target, plain) = opened(settled)?;
        let asked = self.web.get_with(target, &[("Accept-Encoding", "gzip, br, zstd")]).await?;
        let wrong = unlike(&asked, 200)
            .or_else(|| {
                let encoding = asked.header("content-encoding");
                (!encoding.is_empty()).then(|| format!("the picture came compressed by {encoding}"))
            })
            .or_else(|| (asked.body != plain.body).then(|| "two answers with other bytes".to_owned()))
            .or_else(|| {
                let tag = asked.header("etag");
                (!tag.starts_with('"')).then(|| format!("ETag is {tag:?}, which is weak or none"))
            })
            .or_else(|| {
                [
                    ("x-content-type-options", "nosniff"),
                    ("content-security-policy", "sandbox"),
                    ("access-control-allow-origin", "*"),
                    ("cross-origin-resource-policy", "cross-origin"),
                ]
                .into_iter()
                .find(|(name, part)| !asked.header(name).contains(part))
                .map(|(name, _)| format!("{name} is {:?}", asked.header(name)))
            });
        Ok(Verdict::unless(wrong, HEADERS))
    }

    async fn uploads(&self) -> anyhow::Result<Verdict> {
        let Some(path) = &self.made.upload_path else {
            return Ok(Verdict::Skip { why: "there is no upload link".to_owned() });
        };
        let form = large_form();
        let answer = self.web.ask(Method::POST, path, &[("Content-Type", FORM)], form).await?;
        let is_ours = !answer.header("x-request-id").is_empty();
        if answer.status == 413 && is_ours {
            return Ok(Verdict::Skip { why: "the server's own max-upload-bytes is below that".to_owned() });
        }
        Ok(Verdict::unless(unlike(&answer, 200), UPLOADS))
    }

    /// By what the server says where the management API is, since only that tells.
    async fn client_address(&self) -> anyhow::Result<Verdict> {
        let text =
            |name: &str| self.made.whoami.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_forwarded = self.made.whoami.get("client_forwarded").and_then(Value::as_bool);
        let seen = text("client_address");
        match is_forwarded.context("the server does not say who asks it")? {
            true => Ok(Verdict::Pass),
            false if self.web.is_at(&self.made.management) => Ok(Verdict::Fail {
                seen: format!("the server takes {seen} for the client, by no X-Forwarded-For"),
                change: CLIENTS,
            }),
            false => {
                let why = "--url does not lead through the proxy; give it the API's name there, and this is looked at";
                Ok(Verdict::Skip { why: why.to_owned() })
            }
        }
    }

    async fn expired(
        &self,
        before: anyhow::Result<Answer>,
        target: &str,
        expires: u64,
    ) -> anyhow::Result<Verdict> {
        if let Some(seen) = unlike(&before?, 200) {
            return Ok(Verdict::Fail { seen: format!("before its time was over: {seen}"), change: SHARED });
        }
        while self.clock.now().0 <= expires {
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        let answer = self.web.get(target).await?;
        let late = |seen| format!("after its time: {seen}; or the server's clock is behind this one");
        Ok(Verdict::unless(unlike(&answer, 403).map(late), SHARED))
    }
}

/// A signed target, and what it is answered with.
type Settled = anyhow::Result<(String, Answer)>;

fn opened(settled: &Settled) -> anyhow::Result<(&str, &Answer)> {
    match settled {
        Ok((target, answer)) => match unlike(answer, 200) {
            None => Ok((target, answer)),
            Some(seen) => bail!("{seen}"),
        },
        Err(error) => bail!("{error:#}"),
    }
}

/// What there was in the place of an answer of this status.
fn unlike(answer: &Answer, status: u16) -> Option<String> {
    if answer.status == status {
        return None;
    }
    let is_text = answer.header("content-type").starts_with("text/plain");
    let text = if is_text { String::from_utf8_lossy(&answer.body) } else { "".into() };
    let text: String = text.chars().take(100).collect();
    Some(format!("{} instead of {status} {text}", answer.status).trim_end().to_owned())
}

/// Whether one answer was given for two requests.
fn kept(first: &Answer, second: &Answer) -> Option<String> {
    let id = second.header("x-request-id");
    if !id.is_empty() && id == first.header("x-request-id") {
        return Some("the second answer has the X-Request-Id of the first".to_owned());
    }
    let age = second.header("age");
    if !age.is_empty() {
        return Some(format!("Age is {age}"));
    }
    let hit = |name: &&str| second.header(name).to_ascii_lowercase().contains("hit");
    let name = ["x-cache", "x-cache-status", "cf-cache-status", "x-proxy-cache"].into_iter().find(hit)?;
    Some(format!("{name} is {}", second.header(name)))
}

/// Whether a value of Cache-Control keeps a picture out of shared caches, and in browsers for no longer than that.
fn is_private(control: &str, seconds: u64) -> bool {
    let mut parts = control.split(',').map(|part| part.trim().to_ascii_lowercase());
    let allowed = |part: &String| match part.split_once('=') {
        Some(("max-age", age)) => age.parse::<u64>().is_ok_and(|age| age <= seconds),
        Some(_) => false,
        None => part == "private",
    };
    control.contains("private") && control.contains("max-age=") && parts.all(|part| allowed(&part))
}

/// Whether a picture is not about to be replaced by a better one: those are kept for a minute at most, and so much
/// is left of the link.
fn is_settled(control: &str) -> bool {
    let age = control.split("max-age=").nth(1).and_then(|rest| rest.split(',').next()?.parse::<u64>().ok());
    age.is_none_or(|age| age > 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn answer(headers: &[(&'static str, &'static str)]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Answer { status: 200, headers: map, body: Bytes::new() }
    }

    #[test]
    fn freshness_is_private_and_ends_in_time() {
        for good in ["private, max-age=30", "private, max-age=0", "max-age=1, private"] {
            assert!(is_private(good, 30), "{good}");
        }
        for bad in [
            "",
            "private",
            "public, max-age=3",
            "private, max-age=31",
            "private, max-age=3, s-maxage=60",
            "max-age=3",
        ] {
            assert!(!is_private(bad, 30), "{bad}");
        }
    }

    #[test]
    fn kept_answers_are_known_by_their_headers() {
        let one = answer(&[("x-request-id", "1")]);
        assert_eq!(kept(&one, &answer(&[("x-request-id", "2"), ("x-cache", "MISS")])), None);
        for headers in [
            [("x-request-id", "1"), ("server", "x")],
            [("x-request-id", "2"), ("age", "0")],
            [("x-request-id", "2"), ("x-cache", "Hit from cloudfront")],
            [("x-request-id", "2"), ("cf-cache-status", "HIT")],
        ] {
            assert!(kept(&one, &answer(&headers)).is_some(), "{headers:?}");
        }
    }

    #[test]
    fn a_picture_that_is_made_better_is_not_settled() {
        assert!(!is_settled("private, max-age=60"));
        assert!(is_settled("private, max-age=299"));
    }
}
