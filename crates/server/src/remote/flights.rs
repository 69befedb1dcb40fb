//! Each rendition of a remote image is made once, however many ask for it, and only so many at a time.

use super::cache::{Cache, Kept, Key};
use super::{RemoteError, Wanted, Work, kibibytes, make};
use crate::app::App;
use crate::config::Config;
use crate::fetch::{DownloadError, FetchError};
use crate::renderer::RenderError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Memory for sources that are being rendered, unless one alone may be larger.
const SOURCE_MEMORY_BYTES: u64 = 256 << 20;

/// Remote images being made, and what is kept of those that were.
pub struct Flights {
    flying: Mutex<HashMap<Key, watch::Receiver<Option<Outcome>>>>,
    cache: Cache,
    permits: Arc<Semaphore>,
    memory: Semaphore,
}

type Outcome = Result<(Arc<Kept>, Work), RemoteError>;

impl Flights {
    /// As many at once as may be fetched at once; each waits on disk for room in memory.
    pub fn new(config: &Config) -> Flights {
        let memory = SOURCE_MEMORY_BYTES.max(config.remote.max_bytes);
        Flights {
            flying: Mutex::default(),
            cache: Cache::new(config.remote.cache_bytes),
            permits: Arc::new(Semaphore::new(config.fetch.concurrent)),
            // Any u32 fits in a usize.
            memory: Semaphore::new(kibibytes(memory) as usize),
        }
    }

    /// What is kept, perhaps no longer holding.
    pub(super) fn kept(&self, key: &Key) -> Option<Arc<Kept>> {
        self.cache.get(key)
    }

    /// Makes a rendition, or waits for the one that makes it. The work goes on when the one who asked
    /// is gone, for those who wait with it.
    pub(super) async fn make(&self, app: &Arc<App>, wanted: &Wanted, stale: Option<Arc<Kept>>) -> Outcome {
        let mut outcome = {
            let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
            match flying.get(&wanted.key) {
                Some(outcome) => outcome.clone(),
                None => {
                    let permit = Arc::clone(&self.permits).try_acquire_owned();
                    let permit = permit.map_err(|_| DownloadError::from(FetchError::Busy))?;
                    let (sender, outcome) = watch::channel(None);
                    flying.insert(wanted.key.clone(), outcome.clone());
                    tokio::spawn(fly(Arc::clone(app), wanted.clone(), stale, permit, sender));
                    outcome
                }
            }
        };
        match outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone()) {
            Ok(Some(outcome)) => outcome,
            // The task ended without an outcome, so it panicked.
            Ok(None) | Err(_) => Err(RenderError::WorkerDied.into()),
        }
    }
}

async fn fly(
    app: Arc<App>,
    wanted: Wanted,
    stale: Option<Arc<Kept>>,
    _permit: OwnedSemaphorePermit,
    sender: watch::Sender<Option<Outcome>>,
) {
    let _landing = Landing { app: &app, key: &wanted.key };
    let made = make(&app, &wanted, stale, &app.remote.memory).await;
    let outcome = made.map(|(kept, work)| (Arc::new(kept), work));
    // Before it lands, so that whoever comes next finds it.
    if let Ok((kept, _)) = &outcome {
        app.remote.cache.put(wanted.key.clone(), Arc::clone(kept));
    }
    sender.send_replace(Some(outcome));
}

/// Takes a flight off the list when it ends, in whatever way.
struct Landing<'a> {
    app: &'a App,
    key: &'a Key,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.app.remote.flying.lock().unwrap_or_else(PoisonError::into_inner).remove(self.key);
    }
}
