//! How many renditions viewers have made of each account's images.

use safelight_domain::account::AccountId;
use safelight_domain::quota::Bound;
use safelight_domain::rate_limit::{RateLimit, Wait};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The counts of the last minute, in memory and of this node alone.
#[derive(Debug, Default)]
pub struct Renders(Mutex<RateLimit<AccountId>>);

impl Renders {
    /// Counts one that is about to be made, where there may be one more.
    pub(super) fn begin(&self, account: &AccountId, bound: Bound, now_ms: i64) -> Result<(), Wait> {
        match bound {
            Bound::Off => Ok(()),
            Bound::At(most) => self.limit().begin(account.clone(), most, now_ms),
        }
    }

    /// Takes back one that was not made, as there was no room.
    pub(super) fn take_back(&self, account: &AccountId, bound: Bound) {
        if bound != Bound::Off {
            self.limit().take_back(account);
        }
    }

    fn limit(&self) -> MutexGuard<'_, RateLimit<AccountId>> {
        // The counts are whole between any two of their changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
