//! Work that is done once, however many wait for it.

use super::RemoteError;
use crate::renderer::RenderError;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

type Outcome<V> = Result<V, RemoteError>;

/// What is being done, by its key.
pub(super) struct Shared<K: Hash + Eq, V> {
    flying: Mutex<HashMap<K, watch::Receiver<Option<Outcome<V>>>>>,
}

impl<K, V> Shared<K, V>
where
    K: Clone + Hash + Eq + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new() -> Arc<Shared<K, V>> {
        Arc::new(Shared { flying: Mutex::default() })
    }

    /// Waits for the work under `key`, or begins it. It goes on when the one who began it is gone, for
    /// those who wait with it. What `begin` refuses is not begun.
    pub(super) async fn join<F>(
        self: &Arc<Self>,
        key: K,
        begin: impl FnOnce() -> Result<F, RemoteError>,
    ) -> Outcome<V>
    where
        F: Future<Output = Outcome<V>> + Send + 'static,
    {
        let mut outcome = {
            let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
            match flying.get(&key) {
                Some(outcome) => outcome.clone(),
                None => {
                    let work = begin()?;
                    let (sender, outcome) = watch::channel(None);
                    flying.insert(key.clone(), outcome.clone());
                    let landing = Landing { shared: Arc::clone(self), key };
                    tokio::spawn(async move {
                        let _landing = landing;
                        sender.send_replace(Some(work.await));
                    });
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

/// Takes work off the list when it ends, in whatever way.
struct Landing<K: Hash + Eq, V> {
    shared: Arc<Shared<K, V>>,
    key: K,
}

impl<K: Hash + Eq, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        self.shared.flying.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
