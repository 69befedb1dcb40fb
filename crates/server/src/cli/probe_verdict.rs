//! What a check found.

/// A check and its outcome.
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Pass,
    /// It could not be looked at.
    Skip { why: String },
    /// Otherwise, and what would mend it.
    Fail { seen: String, change: &'static str },
}

impl Verdict {
    /// Passes where nothing wrong was seen.
    pub(super) fn unless(wrong: Option<String>, change: &'static str) -> Verdict {
        wrong.map_or(Verdict::Pass, |seen| Verdict::Fail { seen, change })
    }
}
