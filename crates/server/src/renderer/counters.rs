//! What the pool counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// How the pool has fared since it was started, and how it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Jobs that a worker has answered, also with a refusal.
    pub jobs: u64,
    /// Jobs that were refused because the queue was full.
    pub busy: u64,
    /// Worker processes started, the first ones and those in their place.
    pub starts: u64,
    /// Workers replaced after their share of jobs.
    pub retired: u64,
    /// Workers killed because a job took too long.
    pub timeouts: u64,
    /// Workers ended by a signal that was not the pool's.
    pub signals: u64,
    /// Workers that ended by themselves or were given up for an answer that made no sense.
    pub failures: u64,
    /// Jobs that wait now.
    pub waiting: u64,
    /// Worker processes that are running now.
    pub workers: u64,
    /// Jobs that a worker is at now.
    pub working: u64,
    /// Most jobs that workers are at.
    pub places: u64,
}

/// The counts as they grow.
#[derive(Default)]
pub(super) struct Tally {
    jobs: AtomicU64,
    busy: AtomicU64,
    starts: AtomicU64,
    retired: AtomicU64,
    timeouts: AtomicU64,
    signals: AtomicU64,
    failures: AtomicU64,
}

/// Something that is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// See [`Counters::jobs`].
    Job,
    /// See [`Counters::busy`].
    Busy,
    /// See [`Counters::starts`].
    Start,
    /// See [`Counters::retired`].
    Retired,
    /// See [`Counters::timeouts`].
    Timeout,
    /// See [`Counters::signals`].
    Signal,
    /// See [`Counters::failures`].
    Failure,
}

impl Tally {
    /// One more.
    pub(super) fn count(&self, event: Event) {
        let counter = match event {
            Event::Job => &self.jobs,
            Event::Busy => &self.busy,
            Event::Start => &self.starts,
            Event::Retired => &self.retired,
            Event::Timeout => &self.timeouts,
            Event::Signal => &self.signals,
            Event::Failure => &self.failures,
        };
        // Each stands for itself: nothing is concluded from two of them.
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts now, beside how the pool stands.
    pub(super) fn read(&self, waiting: usize, workers: usize, working: usize, places: usize) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            jobs: read(&self.jobs),
            busy: read(&self.busy),
            starts: read(&self.starts),
            retired: read(&self.retired),
            timeouts: read(&self.timeouts),
            signals: read(&self.signals),
            failures: read(&self.failures),
            waiting: waiting as u64,
            workers: workers as u64,
            working: working as u64,
            places: places as u64,
        }
    }
}
