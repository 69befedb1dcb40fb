//! Sources of remote images: fetched once for all sizes, and for how long they hold.

use super::{RemoteError, VIA, internal};
use crate::app::App;
use crate::fetch::{Download, DownloadError, FetchError, Target};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use safelight_domain::origin::Lifetime;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Longest tag of an origin that is sent back to it, in bytes.
const MAX_TAG_BYTES: usize = 1024;

/// A source, and when its origin was asked last.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) file: Arc<File>,
    /// The origin's tag for the file.
    pub(super) tag: Option<HeaderValue>,
    /// Whether the origin says that it is an image.
    pub(super) claims_image: bool,
    pub(super) age: Age,
}

/// A file in memory, with the room that it takes there.
pub(super) struct File {
    pub(super) bytes: Bytes,
    pub(super) sha256: [u8; 32],
    _room: OwnedSemaphorePermit,
}

/// How long something of an origin holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Age {
    pub(super) lifetime: Lifetime,
    /// When the origin was asked last, in milliseconds since 1970.
    pub(super) from_ms: i64,
}

impl Age {
    /// Seconds for which it may yet be used without asking the origin.
    pub(super) fn seconds_left(self, now_ms: i64) -> u64 {
        let passed = u64::try_from(now_ms.saturating_sub(self.from_ms)).unwrap_or(0);
        self.lifetime.seconds().saturating_sub(passed.div_ceil(1000))
    }

    pub(super) fn holds(self, now_ms: i64) -> bool {
        self.seconds_left(now_ms) > 0
    }
}

/// Fetches a source, or finds what is kept of it to be current still. Nothing of a viewer is sent.
pub(super) async fn fetch(
    app: &App,
    target: Target,
    stale: Option<Arc<Source>>,
    memory: Arc<Semaphore>,
) -> Result<Source, RemoteError> {
    let mut headers = HeaderMap::new();
    if let Ok(via) = HeaderValue::from_str(&format!("1.1 {VIA}")) {
        headers.insert(header::VIA, via);
    }
    if let Some(tag) = stale.as_ref().and_then(|stale| stale.tag.clone()) {
        headers.insert(header::IF_NONE_MATCH, tag);
    }
    let limit = app.config.remote.max_bytes;
    let download = app.fetch.download(&app.staging, target, headers, limit).await?;
    let from_ms = app.clock.now_ms();
    let (staged, headers) = match (download, stale) {
        (Download::Whole { staged, headers }, _) => (staged, headers),
        (Download::Unchanged { headers }, Some(stale)) => {
            let told = headers.contains_key(header::CACHE_CONTROL);
            let lifetime = if told { lifetime(&headers) } else { stale.age.lifetime };
            return Ok(Source { age: Age { lifetime, from_ms }, ..Source::clone(&stale) });
        }
        // An answer to a question that was not asked.
        (Download::Unchanged { .. }, None) => return Err(DownloadError::from(FetchError::Broken).into()),
    };
    let room = memory.acquire_many_owned(kibibytes(staged.bytes())).await.map_err(internal)?;
    let bytes = Bytes::from(tokio::fs::read(staged.path()).await.map_err(internal)?);
    let sha256 = Sha256::digest(&bytes).into();
    let tag = headers.get(header::ETAG).filter(|tag| tag.len() <= MAX_TAG_BYTES).cloned();
    Ok(Source {
        file: Arc::new(File { bytes, sha256, _room: room }),
        tag,
        claims_image: claims_image(&headers),
        age: Age { lifetime: lifetime(&headers), from_ms },
    })
}

/// The unit in which memory for sources is counted.
pub(super) fn kibibytes(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

fn lifetime(headers: &HeaderMap) -> Lifetime {
    let joined = |name: HeaderName| {
        let values: Vec<&str> =
            headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| values.join(","))
    };
    let (control, vary) = (joined(header::CACHE_CONTROL), joined(header::VARY));
    Lifetime::of(control.as_deref(), vary.as_deref(), joined(header::AGE).as_deref())
}

fn claims_image(headers: &HeaderMap) -> bool {
    let claimed = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    claimed.is_some_and(|claimed| claimed.trim().to_ascii_lowercase().starts_with("image/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_that_are_left() {
        let age = Age { lifetime: Lifetime::Origin(60), from_ms: 1_000 };
        for (now_ms, left) in
            [(0, 60), (1_000, 60), (1_001, 59), (2_000, 59), (60_999, 0), (61_000, 0), (i64::MAX, 0)]
        {
            assert_eq!(age.seconds_left(now_ms), left, "{now_ms}");
        }
    }
}
