//! Imports: what states they have, and how long their sources are asked again.

/// What an import brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    /// Images behind URLs.
    Urls,
    /// The images of an account of Cloudflare Images, or of another server that speaks its API.
    Cloudflare,
}

impl ImportKind {
    /// The word in API, CLI and table.
    pub fn as_str(self) -> &'static str {
        match self {
            ImportKind::Urls => "urls",
            ImportKind::Cloudflare => "cloudflare",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Option<ImportKind> {
        [ImportKind::Urls, ImportKind::Cloudflare].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// It goes on, also after a restart.
    Running,
    /// Every image was imported, skipped or has failed.
    Done,
    /// Its account stopped it.
    Stopped,
    /// Its source cannot be read any further.
    Failed,
}

impl ImportState {
    /// The word in API, CLI and table.
    pub fn as_str(self) -> &'static str {
        match self {
            ImportState::Running => "running",
            ImportState::Done => "done",
            ImportState::Stopped => "stopped",
            ImportState::Failed => "failed",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Option<ImportState> {
        let states = [ImportState::Running, ImportState::Done, ImportState::Stopped, ImportState::Failed];
        states.into_iter().find(|state| state.as_str() == text)
    }
}

/// Why one request to a source had no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setback {
    /// The source, or this server, asks for patience.
    Busy {
        /// Seconds that the source named.
        retry_after: Option<u64>,
    },
    /// It may be over in a moment.
    Passing,
    /// It would be the same again.
    Final,
}

impl Setback {
    /// What a status stands for. `retry_after` is the value of that header.
    pub fn of_status(status: u16, retry_after: Option<&str>) -> Setback {
        let retry_after = retry_after.and_then(|text| text.trim().parse().ok());
        match status {
            429 => Setback::Busy { retry_after },
            503 if retry_after.is_some() => Setback::Busy { retry_after },
            408 | 500..=599 => Setback::Passing,
            _ => Setback::Final,
        }
    }
}

/// How often a source is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Repetitions after a [`Setback::Passing`].
    pub repetitions: u32,
    /// Milliseconds before the first repetition; they double with each further one.
    pub first_wait_ms: u64,
}

/// Repetitions after a [`Setback::Busy`]: a source that answers 429 works, and most wait for minutes.
const BUSY_REPETITIONS: u32 = 20;

/// Longest wait in milliseconds, whatever a source asks for. Cloudflare counts requests over five minutes.
const LONGEST_WAIT_MS: u64 = 300_000;

impl Patience {
    /// Milliseconds to wait before a request is repeated that was set back `setbacks` times in a row, this
    /// time included; `None` to give up.
    pub fn wait_ms(self, setback: Setback, setbacks: u32) -> Option<u64> {
        let doublings = setbacks.saturating_sub(1).min(30);
        let doubled = self.first_wait_ms.saturating_mul(1 << doublings).min(LONGEST_WAIT_MS);
        match setback {
            Setback::Busy { retry_after } if setbacks <= BUSY_REPETITIONS => {
                let named = retry_after.map(|seconds| seconds.saturating_mul(1_000).min(LONGEST_WAIT_MS));
                // Never less than without its word, so that `Retry-After: 0` makes no hot loop.
                Some(named.unwrap_or(0).max(doubled))
            }
            Setback::Passing if setbacks <= self.repetitions => Some(doubled),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { repetitions: 3, first_wait_ms: 500 };

    #[test]
    fn statuses() {
        for (status, retry_after, setback) in [
            (429, None, Setback::Busy { retry_after: None }),
            (429, Some(" 7 "), Setback::Busy { retry_after: Some(7) }),
            (429, Some("Fri, 31 Dec 1999 23:59:59 GMT"), Setback::Busy { retry_after: None }),
            (503, Some("1"), Setback::Busy { retry_after: Some(1) }),
            (503, None, Setback::Passing),
            (500, Some("1"), Setback::Passing),
            (408, None, Setback::Passing),
            (404, Some("1"), Setback::Final),
            (403, None, Setback::Final),
            (304, None, Setback::Final),
        ] {
            assert_eq!(Setback::of_status(status, retry_after), setback, "{status} {retry_after:?}");
        }
    }

    #[test]
    fn what_passes_is_repeated_three_times() {
        let waits: Vec<_> = (1..=4).map(|n| PATIENCE.wait_ms(Setback::Passing, n)).collect();
        assert_eq!(waits, [Some(500), Some(1_000), Some(2_000), None]);
        assert_eq!(PATIENCE.wait_ms(Setback::Final, 1), None);
    }

    #[test]
    fn a_busy_source_is_believed_within_bounds() {
        for (retry_after, setbacks, wait) in [
            (None, 1, Some(500)),
            (Some(0), 3, Some(2_000)),
            (Some(7), 1, Some(7_000)),
            (Some(u64::MAX), 1, Some(LONGEST_WAIT_MS)),
            (None, 20, Some(LONGEST_WAIT_MS)),
            (Some(1), 21, None),
            (None, u32::MAX, None),
        ] {
            assert_eq!(PATIENCE.wait_ms(Setback::Busy { retry_after }, setbacks), wait, "{retry_after:?}");
        }
    }

    #[test]
    fn words() {
        for state in [ImportState::Running, ImportState::Done, ImportState::Stopped, ImportState::Failed] {
            assert_eq!(ImportState::parse(state.as_str()), Some(state));
        }
        for kind in [ImportKind::Urls, ImportKind::Cloudflare] {
            assert_eq!(ImportKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!((ImportState::parse("x"), ImportKind::parse("x")), (None, None));
    }
}
