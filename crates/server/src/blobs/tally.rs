//! What is counted of the requests to a store, each attempt for itself.

use http::{Method, Response};
use object_store::client::{HttpError, HttpErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMethod {
    /// Reading and listing.
    Get,
    /// Looking for an object.
    Head,
    /// Writing.
    Put,
    /// Beginning and ending what is written in parts.
    Post,
    /// Deleting.
    Delete,
}

/// Why a request had no good answer. That there is no such object is a good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// A status of 400 or more, but for 404.
    Status,
    /// None in time.
    Timeout,
    /// No connection, or it broke.
    Connection,
}

impl StoreMethod {
    const ALL: [StoreMethod; 5] =
        [StoreMethod::Get, StoreMethod::Head, StoreMethod::Put, StoreMethod::Post, StoreMethod::Delete];

    /// In a label.
    pub fn as_str(self) -> &'static str {
        match self {
            StoreMethod::Get => "get",
            StoreMethod::Head => "head",
            StoreMethod::Put => "put",
            StoreMethod::Post => "post",
            StoreMethod::Delete => "delete",
        }
    }
}

impl StoreFault {
    const ALL: [StoreFault; 3] = [StoreFault::Status, StoreFault::Timeout, StoreFault::Connection];

    /// In a label.
    pub fn as_str(self) -> &'static str {
        match self {
            StoreFault::Status => "status",
            StoreFault::Timeout => "timeout",
            StoreFault::Connection => "connection",
        }
    }
}

/// The counts as they grow.
#[derive(Debug, Default)]
pub(super) struct Tally {
    requests: [AtomicU64; StoreMethod::ALL.len()],
    faults: [AtomicU64; StoreFault::ALL.len()],
}

/// The counts at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreCounts {
    /// By method.
    pub requests: Vec<(StoreMethod, u64)>,
    /// By reason.
    pub faults: Vec<(StoreFault, u64)>,
}

impl Tally {
    pub(super) fn asked(&self, method: &Method) {
        let method = match *method {
            Method::HEAD => StoreMethod::Head,
            Method::PUT => StoreMethod::Put,
            Method::POST => StoreMethod::Post,
            Method::DELETE => StoreMethod::Delete,
            _ => StoreMethod::Get,
        };
        add(&self.requests, method as usize);
    }

    pub(super) fn answered<T>(&self, answer: &Result<Response<T>, HttpError>) {
        let fault = match answer.as_ref().map(|answer| answer.status().as_u16()) {
            Ok(0..400 | 404) => return,
            Ok(_) => StoreFault::Status,
            Err(error) if error.kind() == HttpErrorKind::Timeout => StoreFault::Timeout,
            Err(_) => StoreFault::Connection,
        };
        add(&self.faults, fault as usize);
    }

    pub(super) fn read(&self) -> StoreCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        StoreCounts {
            requests: StoreMethod::ALL.into_iter().zip(self.requests.iter().map(read)).collect(),
            faults: StoreFault::ALL.into_iter().zip(self.faults.iter().map(read)).collect(),
        }
    }
}

fn add(counts: &[AtomicU64], place: usize) {
    if let Some(count) = counts.get(place) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_method_and_failures_by_reason() {
        let tally = Tally::default();
        for method in [Method::GET, Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
            tally.asked(&method);
        }
        for status in [200, 206, 404, 403, 503] {
            let answer = Response::builder().status(status).body(());
            tally.answered(&Ok(answer.expect("an answer")));
        }
        for kind in [HttpErrorKind::Timeout, HttpErrorKind::Connect, HttpErrorKind::Interrupted] {
            let error = HttpError::new(kind, std::io::Error::other("it is gone"));
            tally.answered(&Err::<Response<()>, _>(error));
        }
        let counts = tally.read();
        assert_eq!(counts.requests.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2, 1, 1, 0, 1]);
        assert_eq!(counts.faults.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2, 1, 2]);
    }
}
