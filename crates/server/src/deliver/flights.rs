//! Each rendition is made once, however many ask for it, and only so many at a time.

use super::decision::Wanted;
use super::{DeliverError, Made, make, store};
use crate::app::App;
use crate::catalog::RenditionKey;
use crate::renderer::RenderError;
use safelight_domain::access::Granted;
use safelight_domain::transform::Effort;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Renditions being made, and the bound on how many originals are held in memory for it.
pub struct Flights {
    flying: Mutex<HashMap<RenditionKey, watch::Receiver<Option<Outcome>>>>,
    permits: Arc<Semaphore>,
    originals: usize,
}

/// Leave to hold one original in memory, or several.
pub struct Admission(#[allow(dead_code)] OwnedSemaphorePermit); // Held, never read.

/// As many originals as allowed are in memory.
#[derive(Debug, Error)]
#[error("busy")]
pub struct Busy;

type Outcome = Result<Made, DeliverError>;

impl Flights {
    /// At most `originals` files are held in memory at once, waiting or being processed; or those of one
    /// rendition, where it alone draws on more.
    pub fn new(originals: usize) -> Flights {
        Flights { flying: Mutex::default(), permits: Arc::new(Semaphore::new(originals)), originals }
    }

    /// Leave to read one original into memory, if there is room.
    pub fn admit(&self) -> Result<Admission, Busy> {
        self.admit_all(1)
    }

    /// Leave to read so many originals at once. All the room there is will do for more than that, or
    /// they would never be read.
    pub(super) fn admit_all(&self, originals: usize) -> Result<Admission, Busy> {
        let permits = u32::try_from(originals.min(self.originals)).map_err(|_| Busy)?;
        Arc::clone(&self.permits).try_acquire_many_owned(permits).map(Admission).map_err(|_| Busy)
    }

    /// Makes a rendition, or waits for the one that makes it. The work goes on when the one who
    /// asked is gone, for those who wait with it.
    pub(super) async fn make(
        &self,
        app: &Arc<App>,
        granted: &Granted,
        wanted: &Wanted,
    ) -> Result<Made, DeliverError> {
        let mut outcome = {
            let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
            match flying.get(&wanted.key) {
                Some(outcome) => outcome.clone(),
                None => {
                    let originals = 1 + wanted.overlays.len();
                    let admission = self.admit_all(originals).map_err(|Busy| RenderError::Busy)?;
                    let (sender, outcome) = watch::channel(None);
                    flying.insert(wanted.key.clone(), outcome.clone());
                    tokio::spawn(fly(Arc::clone(app), granted.clone(), wanted.clone(), admission, sender));
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
    granted: Granted,
    wanted: Wanted,
    admission: Admission,
    sender: watch::Sender<Option<Outcome>>,
) {
    let _landing = Landing { app: &app, key: &wanted.key };
    let outcome = make(&app, &granted, &wanted, Effort::Quick).await;
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
