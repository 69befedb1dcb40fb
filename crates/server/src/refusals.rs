//! What was refused to keep within a limit, counted since the start.

use std::sync::atomic::{AtomicU64, Ordering};

/// Which limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// `failed-logins-per-minute`.
    Logins,
    /// `failed-signatures-per-minute`.
    Signatures,
    /// An account's quota of images or bytes.
    Quota,
    /// An account's quota of renders.
    Renders,
    /// `min-free-bytes`, or a disk that is full.
    Disk,
}

/// A count for each cause.
#[derive(Debug, Default)]
pub struct Refusals([AtomicU64; Cause::ALL.len()]);

impl Cause {
    /// Each of them.
    pub const ALL: [Cause; 5] = [Cause::Logins, Cause::Signatures, Cause::Quota, Cause::Renders, Cause::Disk];

    /// In the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Logins => "logins",
            Cause::Signatures => "signatures",
            Cause::Quota => "quota",
            Cause::Renders => "renders",
            Cause::Disk => "disk",
        }
    }
}

impl Refusals {
    /// Counts one.
    pub fn count(&self, cause: Cause) {
        for (known, count) in Cause::ALL.iter().zip(&self.0) {
            if *known == cause {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Those so far.
    pub fn totals(&self) -> [(Cause, u64); Cause::ALL.len()] {
        let mut counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Cause::ALL.map(|cause| (cause, counts.next().unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_counted_apart() {
        let refusals = Refusals::default();
        refusals.count(Cause::Quota);
        refusals.count(Cause::Disk);
        refusals.count(Cause::Disk);
        let counted: Vec<u64> = refusals.totals().map(|(_, count)| count).to_vec();
        assert_eq!(counted, [0, 0, 1, 0, 2]);
    }
}
