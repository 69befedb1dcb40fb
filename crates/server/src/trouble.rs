//! Trouble that lasts: work that is tried again and again says so once when it begins to fail and once when it works
//! again, and not at every attempt.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether some work has failed when it was last tried.
#[derive(Debug, Default)]
pub(crate) struct Trouble(AtomicBool);

impl Trouble {
    /// Notes a failure; whether it is the first one.
    pub(crate) fn begins(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    /// Notes a success; whether it is the first one after failures.
    pub(crate) fn ends(&self) -> bool {
        // Almost always there was none, and then nothing is written.
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::Trouble;

    #[test]
    fn it_is_told_when_it_begins_and_when_it_ends() {
        let trouble = Trouble::default();
        assert!(!trouble.ends(), "there was none");
        for _ in 0..2 {
            assert!(trouble.begins());
            assert!(!trouble.begins() && !trouble.begins());
            assert!(trouble.ends());
            assert!(!trouble.ends());
        }
    }
}
