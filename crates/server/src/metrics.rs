//! What is measured of every request: in memory, since the start, and by kinds of which there are few. Nothing of
//! an account, an image or a URL is in it. Recording is a handful of atomic additions.

mod histogram;
mod process;
mod text;

pub use histogram::{Histogram, Reading};
pub use process::Process;
pub use text::Text;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a request was for, and how it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A picture that was stored, or that the client had.
    Hit,
    /// A picture that was made for it.
    Render,
    /// A picture that was refused or could not be made.
    Delivery,
    /// A remote image.
    Remote,
    /// An upload, also by link.
    Upload,
    /// The management API.
    Api,
    /// Everything else: dashboard, health checks, this.
    Other,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 7] =
        [Class::Hit, Class::Render, Class::Delivery, Class::Remote, Class::Upload, Class::Api, Class::Other];

    /// In a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Hit => "hit",
            Class::Render => "render",
            Class::Delivery => "delivery",
            Class::Remote => "remote",
            Class::Upload => "upload",
            Class::Api => "api",
            Class::Other => "other",
        }
    }
}

/// What went wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It was not allowed.
    Security,
    /// It made no sense, or named what is not there.
    Request,
    /// What it needs of elsewhere was not to be had.
    Downloading,
    /// The picture is not one that can be made, or killed its worker.
    Processing,
    /// There was no room.
    Queue,
    /// It took too long.
    Timeout,
    /// The catalog could not be reached.
    Catalog,
    /// Our failure.
    Internal,
}

impl Failure {
    /// Every failure.
    pub const ALL: [Failure; 8] = [
        Failure::Security,
        Failure::Request,
        Failure::Downloading,
        Failure::Processing,
        Failure::Queue,
        Failure::Timeout,
        Failure::Catalog,
        Failure::Internal,
    ];

    /// In a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Failure::Security => "security",
            Failure::Request => "request",
            Failure::Downloading => "downloading",
            Failure::Processing => "processing",
            Failure::Queue => "queue",
            Failure::Timeout => "timeout",
            Failure::Catalog => "catalog",
            Failure::Internal => "internal",
        }
    }

    /// Where only the status of the answer is known; none for what is no error.
    pub fn of_status(status: u16) -> Option<Failure> {
        match status {
            0..400 => None,
            401 | 403 => Some(Failure::Security),
            429 | 503 => Some(Failure::Queue),
            400..500 => Some(Failure::Request),
            504 => Some(Failure::Timeout),
            502 | 522..=524 => Some(Failure::Downloading),
            _ => Some(Failure::Internal),
        }
    }
}

/// A part of the time that a picture takes which is made for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Waiting for a worker.
    Queue,
    /// Reading the original out of the store, or a remote image from its origin.
    Downloading,
    /// A worker at it.
    Processing,
}

impl Span {
    /// Every span.
    pub const ALL: [Span; 3] = [Span::Queue, Span::Downloading, Span::Processing];

    /// In a label.
    pub fn as_str(self) -> &'static str {
        match self {
            Span::Queue => "queue",
            Span::Downloading => "downloading",
            Span::Processing => "processing",
        }
    }
}

/// The first status, and how many are told apart.
const FIRST_STATUS: u16 = 100;
const STATUSES: usize = 500;

/// The measurements. Each stands for itself: nothing is concluded from two of them, so nothing is ordered.
pub struct Metrics {
    requests: [[AtomicU64; STATUSES]; Class::ALL.len()],
    durations: [Histogram; Class::ALL.len()],
    failures: [AtomicU64; Failure::ALL.len()],
    spans: [Histogram; Span::ALL.len()],
    in_progress: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics {
            requests: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))),
            durations: Default::default(),
            failures: Default::default(),
            spans: Default::default(),
            in_progress: AtomicU64::new(0),
        }
    }
}

/// A request that is being answered, until this is dropped.
pub struct InProgress<'a>(&'a Metrics);

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.in_progress.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Counts a request as being answered.
    pub fn begin(&self) -> InProgress<'_> {
        self.in_progress.fetch_add(1, Ordering::Relaxed);
        InProgress(self)
    }

    /// Counts an answer.
    pub fn answered(&self, class: Class, status: u16) {
        let column = usize::from(status.saturating_sub(FIRST_STATUS)).min(STATUSES - 1);
        if let Some(count) = self.requests.get(class as usize).and_then(|row| row.get(column)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts the time from a request to its answer.
    pub fn took(&self, class: Class, time: Duration) {
        if let Some(durations) = self.durations.get(class as usize) {
            durations.record(time);
        }
    }

    /// Counts a failure.
    pub fn failed(&self, failure: Failure) {
        if let Some(count) = self.failures.get(failure as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a part of the time of a render that someone waits for.
    pub fn spent(&self, span: Span, time: Duration) {
        if let Some(spans) = self.spans.get(span as usize) {
            spans.record(time);
        }
    }

    /// Answers by class and status, those that there were.
    pub fn requests(&self) -> Vec<(Class, u16, u64)> {
        let statuses = |(class, row): (&Class, &[AtomicU64; STATUSES])| {
            let class = *class;
            let counts = row.iter().map(|count| count.load(Ordering::Relaxed)).zip(FIRST_STATUS..);
            counts
                .filter(|(count, _)| *count > 0)
                .map(move |(count, status)| (class, status, count))
                .collect()
        };
        Class::ALL.iter().zip(&self.requests).flat_map(|row| -> Vec<_> { statuses(row) }).collect()
    }

    /// Times to the answer by class.
    pub fn durations(&self) -> Vec<(Class, Reading)> {
        Class::ALL.into_iter().zip(self.durations.iter().map(Histogram::read)).collect()
    }

    /// Faults by type.
    pub fn failures(&self) -> Vec<(Failure, u64)> {
        Failure::ALL
            .into_iter()
            .zip(self.failures.iter().map(|count| count.load(Ordering::Relaxed)))
            .collect()
    }

    /// Parts of the times of renders.
    pub fn spans(&self) -> Vec<(Span, Reading)> {
        Span::ALL.into_iter().zip(self.spans.iter().map(Histogram::read)).collect()
    }

    /// Requests that are being answered.
    pub fn in_progress(&self) -> u64 {
        self.in_progress.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        let metrics = Metrics::default();
        for (times, class) in (1..).zip(Class::ALL) {
            (0..times).for_each(|_| metrics.answered(class, 200));
            metrics.took(class, Duration::from_secs(times));
        }
        metrics.answered(Class::Hit, 304);
        metrics.answered(Class::Hit, 999);
        let requests = metrics.requests();
        assert_eq!(requests[..3], [(Class::Hit, 200, 1), (Class::Hit, 304, 1), (Class::Hit, 599, 1)]);
        assert_eq!(requests.last(), Some(&(Class::Other, 200, 7)));
        let sums: Vec<f64> = metrics.durations().iter().map(|(_, reading)| reading.seconds).collect();
        assert_eq!(sums, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        for failure in Failure::ALL {
            metrics.failed(failure);
        }
        assert!(metrics.failures().iter().all(|(_, count)| *count == 1));
        for span in Span::ALL {
            metrics.spent(span, Duration::from_millis(1));
        }
        assert!(metrics.spans().iter().all(|(_, reading)| reading.count() == 1));
    }

    #[test]
    fn a_request_is_in_progress_until_it_is_dropped() {
        let metrics = Metrics::default();
        let (first, second) = (metrics.begin(), metrics.begin());
        assert_eq!(metrics.in_progress(), 2);
        drop(first);
        assert_eq!(metrics.in_progress(), 1);
        drop(second);
        assert_eq!(metrics.in_progress(), 0);
    }

    #[test]
    fn what_is_no_error_has_no_fault() {
        for (status, failure) in [
            (200, None),
            (304, None),
            (403, Some(Failure::Security)),
            (404, Some(Failure::Request)),
            (429, Some(Failure::Queue)),
            (500, Some(Failure::Internal)),
            (503, Some(Failure::Queue)),
            (504, Some(Failure::Timeout)),
            (523, Some(Failure::Downloading)),
        ] {
            assert_eq!(Failure::of_status(status), failure, "{status}");
        }
    }
}
