//! What is being fetched and rendered, once for all who ask and only so much at a time, and what is kept.

use super::cache::Cache;
use super::shared::Shared;
use super::source::{self, Age, Source, kibibytes};
use super::{Kept, Key, RemoteError, Wanted, render};
use crate::app::App;
use crate::config::Config;
use crate::deliver::Origin;
use crate::fetch::{DownloadError, FetchError, Target};
use crate::metrics::Span;
use safelight_domain::origin::Lifetime;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

/// Memory for sources that are being rendered, unless one alone may be larger.
const SOURCE_MEMORY_BYTES: u64 = 256 << 20;

/// Remote images being made, and what is kept of those that were.
pub struct Flights {
    renditions: Arc<Shared<Key, (Arc<Kept>, Origin)>>,
    sources: Arc<Shared<String, Arc<Source>>>,
    kept: Cache<Key, Kept>,
    kept_sources: Cache<String, Source>,
    permits: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

impl Flights {
    /// As many at once as may be fetched at once; each waits on disk for room in memory. Half of what is
    /// kept are sources.
    pub fn new(config: &Config) -> Flights {
        let half = config.remote.cache_bytes / 2;
        // Sources that are kept never take the room of those that are being rendered: small ones count
        // as a kibibyte there, and as half of one where they are kept.
        let being_rendered = SOURCE_MEMORY_BYTES.max(config.remote.max_bytes);
        let memory = being_rendered.saturating_add(config.remote.cache_bytes as u64);
        Flights {
            renditions: Shared::new(),
            sources: Shared::new(),
            kept: Cache::new(half),
            kept_sources: Cache::new(half),
            permits: Arc::new(Semaphore::new(config.fetch.concurrent)),
            // Any u32 fits in a usize.
            memory: Arc::new(Semaphore::new(kibibytes(memory) as usize)),
        }
    }

    /// What is kept, perhaps no longer holding.
    pub(super) fn kept(&self, key: &Key) -> Option<Arc<Kept>> {
        self.kept.get(key)
    }

    /// Makes a rendition, or finds that `stale` is still right.
    pub(super) async fn make(
        &self,
        app: &Arc<App>,
        wanted: &Wanted,
        stale: Option<Arc<Kept>>,
    ) -> Result<(Arc<Kept>, Origin), RemoteError> {
        let begin = || {
            let permit = Arc::clone(&self.permits).try_acquire_owned();
            let permit = permit.map_err(|_| DownloadError::from(FetchError::Busy))?;
            let (app, wanted) = (Arc::clone(app), wanted.clone());
            Ok(async move {
                let _permit = permit;
                let source = app.remote.source(&app, &wanted.target).await?;
                let current = stale.filter(|stale| stale.source_sha256 == source.file.sha256);
                let (kept, work) = match current {
                    Some(stale) => (Kept { age: source.age, ..Kept::clone(&stale) }, Origin::Stored),
                    None => (render(&app, &wanted, &source).await?, Origin::Rendered),
                };
                let (key, kept) = (wanted.key, Arc::new(kept));
                let bytes = kept.bytes.len() + key.url.len() + key.transform.len();
                keep(&app.remote.kept, key, &kept, kept.age, bytes);
                Ok((kept, work))
            })
        };
        self.renditions.join(wanted.key.clone(), begin).await
    }

    /// The source, from memory as long as it holds there.
    async fn source(&self, app: &Arc<App>, target: &Target) -> Result<Arc<Source>, RemoteError> {
        let url = target.url().as_str().to_owned();
        let stale = match self.kept_sources.get(&url) {
            Some(source) if source.age.holds(app.clock.now_ms()) => return Ok(source),
            other => other,
        };
        let begin = || {
            let (app, target, url) = (Arc::clone(app), target.clone(), url.clone());
            Ok(async move {
                let memory = Arc::clone(&app.remote.memory);
                let began = Instant::now();
                let source = Arc::new(source::fetch(&app, target, stale, memory).await?);
                app.metrics.spent(Span::Downloading, began.elapsed());
                let bytes = source.file.bytes.len() + url.len();
                keep(&app.remote.kept_sources, url, &source, source.age, bytes);
                Ok(source)
            })
        };
        self.sources.join(url.clone(), begin).await
    }
}

/// Keeps what may be kept; of what may not, nothing older either.
fn keep<K: std::hash::Hash + Eq, V>(cache: &Cache<K, V>, key: K, value: &Arc<V>, age: Age, bytes: usize) {
    match age.lifetime {
        Lifetime::Never => cache.forget(&key),
        _ => cache.put(key, Arc::clone(value), bytes),
    }
}
