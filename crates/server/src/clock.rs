//! The moment, as an argument: the one place where a clock is read.

use safelight_domain::time::UnixTime;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time. Tests make one that they set.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock::from_millis(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
    }

    /// A clock that answers what `millis` returns: milliseconds since 1970-01-01T00:00:00Z.
    pub fn from_millis(millis: impl Fn() -> i64 + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(millis))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn now_ms(&self) -> i64 {
        (self.0)()
    }

    /// Whole seconds.
    pub fn now(&self) -> UnixTime {
        UnixTime::from_millis(self.now_ms())
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}
