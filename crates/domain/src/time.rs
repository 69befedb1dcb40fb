//! A moment, as whole seconds.

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted (the unit of `exp`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// From this moment on, the year 33658, a number is more likely one of milliseconds.
    pub const LIKELY_MILLISECONDS: UnixTime = UnixTime(1_000_000_000_000);

    /// The second that a number of milliseconds lies in; 0 for what is before 1970.
    pub fn from_millis(millis: i64) -> UnixTime {
        UnixTime(u64::try_from(millis / 1000).unwrap_or(0))
    }

    /// Whole seconds from `self` until `later`; 0 when `later` is not after `self`.
    pub fn seconds_until(self, later: UnixTime) -> u64 {
        later.0.saturating_sub(self.0)
    }

    /// `self` moved `seconds` into the future; the last representable moment when that overflows.
    pub fn plus(self, seconds: u64) -> UnixTime {
        UnixTime(self.0.saturating_add(seconds))
    }
}
