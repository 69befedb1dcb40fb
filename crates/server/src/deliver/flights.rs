//! Each rendition is made once, however many ask for it, and only so many at a time.

use super::decision::{Decision, Wanted};
use super::{DeliverError, Made, make, store};
use crate::app::App;
use crate::catalog::RenditionKey;
use crate::refusals::Cause;
use crate::renderer::RenderError;
use safelight_domain::access::Granted;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Renditions being made, and the bound on what is held of originals in memory for it.
pub struct Flights {
    flying: Mutex<HashMap<RenditionKey, watch::Receiver<Option<Outcome>>>>,
    permits: Arc<Semaphore>,
    bytes: u32,
}

/// Leave to hold originals in memory.
pub struct Admission(#[allow(dead_code)] OwnedSemaphorePermit); // Held, never read.

/// As many bytes of originals as allowed are in memory.
#[derive(Debug, Error)]
#[error("busy")]
pub struct Busy;

type Outcome = Result<Made, DeliverError>;

impl Flights {
    /// At most so many bytes of originals are in memory at once, waiting or being processed.
    pub fn new(bytes: u32) -> Flights {
        let permits = Arc::new(Semaphore::new(bytes as usize));
        Flights { flying: Mutex::default(), permits, bytes }
    }

    /// Leave to read so many bytes of originals into memory, if there is room. All the room there is will do
    /// for more than that, or they would never be read.
    pub fn admit(&self, bytes: u64) -> Result<Admission, Busy> {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.bytes);
        Arc::clone(&self.permits).try_acquire_many_owned(permits).map(Admission).map_err(|_| Busy)
    }

    /// Makes a rendition, or waits for the one that makes it. The work goes on when the one who
    /// asked is gone, for those who wait with it.
    pub(super) async fn make(
        &self,
        app: &Arc<App>,
        decision: &Decision,
        wanted: &Wanted,
    ) -> Result<Made, DeliverError> {
        let mut outcome = {
            let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
            match flying.get(&wanted.key) {
                Some(outcome) => outcome.clone(),
                None => {
                    let admission = self.admit_counted(app, decision, wanted)?;
                    let (sender, outcome) = watch::channel(None);
                    flying.insert(wanted.key.clone(), outcome.clone());
                    let granted = decision.granted.clone();
                    tokio::spawn(fly(Arc::clone(app), granted, wanted.clone(), admission, sender));
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

    /// Leave to make a rendition for a viewer, within the account's quota.
    fn admit_counted(
        &self,
        app: &App,
        decision: &Decision,
        wanted: &Wanted,
    ) -> Result<Admission, DeliverError> {
        let (account, bound) = decision.renders(app);
        app.renders.begin(account, bound, app.clock.now_ms()).map_err(|wait| {
            app.refusals.count(Cause::Renders);
            DeliverError::Quota(wait)
        })?;
        self.admit(wanted.lengths.iter().sum()).map_err(|Busy| {
            app.renders.take_back(account, bound);
            app.renderer.busy().into()
        })
    }
}

async fn fly(
    app: Arc<App>,
    granted: Granted,
    wanted: Wanted,
    admission: Admission,
    sender: watch::Sender<Option<Outcome>>,
) {
    let _landing = Landing { app: &app, key: &wanted.key };
    let outcome = make(&app, &granted, &wanted, app.config.refine.effort()).await;
    drop(admission);
    sender.send_replace(Some(outcome.clone()));
    // Only after those who wait have it, and still listed, so that nobody makes it again meanwhile.
    if let Ok(made) = outcome
        && let Err(error) = store(&app, &granted, &wanted.key, &made).await
    {
        tracing::warn!(error = error.to_string(), "a rendition could not be stored");
    }
}

/// Takes a flight off the list when it ends, in whatever way.
struct Landing<'a> {
    app: &'a App,
    key: &'a RenditionKey,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.app.flights.flying.lock().unwrap_or_else(PoisonError::into_inner).remove(self.key);
    }
}
