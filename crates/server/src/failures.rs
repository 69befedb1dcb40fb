//! How often those have failed who need nothing to try: with tokens that are not known, and with forged signatures.

use safelight_domain::quota::Bound;
use safelight_domain::rate_limit::{Client, RateLimit, Wait};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Failures of everyone in a minute, in memory alone: a restart forgives.
#[derive(Debug)]
pub struct Failures {
    counts: Mutex<RateLimit<Client>>,
    /// Of one client.
    bound: Bound,
}

impl Failures {
    /// None yet, and at most so many of each client.
    pub fn new(bound: Bound) -> Failures {
        Failures { counts: Mutex::default(), bound }
    }

    /// Counts an attempt as a failure until it is taken back, or says how long to wait.
    ///
    /// # Errors
    /// How long to wait.
    pub fn begin(&self, client: Client, now_ms: i64) -> Result<(), Wait> {
        match self.bound {
            Bound::Off => Ok(()),
            Bound::At(most) => self.counts().begin(client, most, now_ms),
        }
    }

    /// Takes back the attempt that `client` began, since it was none.
    pub fn take_back(&self, client: Client) {
        if self.bound != Bound::Off {
            self.counts().take_back(&client);
        }
    }

    fn counts(&self) -> MutexGuard<'_, RateLimit<Client>> {
        // The counts are whole between any two of their changes.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
