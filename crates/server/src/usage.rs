//! What is counted of delivery: in memory while it happens, and every ten seconds into the catalog. A crash
//! loses what is not there yet; nothing is counted twice.

mod points;

pub use points::{Latency, Series, Span, SpanError, Width, series};

use crate::app::App;
use crate::catalog::{CatalogError, KEY_MEASURE};
use crate::clock::Clock;
use safelight_domain::account::AccountId;
use safelight_domain::signature::KeyName;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// Between two writes to the catalog.
const FLUSH: Duration = Duration::from_secs(10);

/// Upper bounds of the classes of latency, in milliseconds; the last class has none.
pub const LATENCY_BOUNDS: [u64; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/// What is counted beside latency and keys, in the order of [`Counts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Every request for a picture of the account.
    Requests,
    /// Answered with a stored rendition.
    Hits,
    /// Answered with one that was made for it.
    Renders,
    /// The client had the picture.
    NotModified,
    /// Bytes of the pictures in answers; a part of one counts as the whole.
    Bytes,
    /// Refused without a token.
    RefusedNoToken,
    /// Refused, expired.
    RefusedExpired,
    /// Refused, signed by no key.
    RefusedSignature,
    /// Refused, not readable as a token.
    RefusedMalformed,
    /// Refused for something else: no such image or variant, bad options.
    RefusedOther,
    /// Not answered for a fault of the file or of this server.
    Failed,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Measure; 11] = [
        Measure::Requests,
        Measure::Hits,
        Measure::Renders,
        Measure::NotModified,
        Measure::Bytes,
        Measure::RefusedNoToken,
        Measure::RefusedExpired,
        Measure::RefusedSignature,
        Measure::RefusedMalformed,
        Measure::RefusedOther,
        Measure::Failed,
    ];

    /// In the API and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Measure::Requests => "requests",
            Measure::Hits => "hits",
            Measure::Renders => "renders",
            Measure::NotModified => "not_modified",
            Measure::Bytes => "bytes",
            Measure::RefusedNoToken => "refused_no_token",
            Measure::RefusedExpired => "refused_expired",
            Measure::RefusedSignature => "refused_signature",
            Measure::RefusedMalformed => "refused_malformed",
            Measure::RefusedOther => "refused_other",
            Measure::Failed => "failed",
        }
    }
}

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// One of those that are no sums.
    pub outcome: Measure,
    /// Of the picture in the answer.
    pub bytes: u64,
    /// From the first look at the request to the answer.
    pub took: Duration,
}

/// Counts that are not in the catalog yet, by account.
#[derive(Default)]
pub struct Usage {
    accounts: RwLock<HashMap<AccountId, Arc<Counts>>>,
}

/// The counts of an account since they were last taken.
#[derive(Default)]
struct Counts {
    measures: [AtomicU64; Measure::ALL.len()],
    latency: [AtomicU64; LATENCY_BOUNDS.len() + 1],
    /// As many as an account may have.
    keys: Mutex<BTreeMap<KeyName, u64>>,
}

impl Usage {
    /// Counts a request for a picture of an account; `signer` is the key of a valid signature.
    pub fn record(&self, account: &AccountId, signer: Option<&KeyName>, event: Event) {
        let counts = self.of(account);
        counts.add(Measure::Requests, 1);
        counts.add(event.outcome, 1);
        counts.add(Measure::Bytes, event.bytes);
        let milliseconds = u64::try_from(event.took.as_millis()).unwrap_or(u64::MAX);
        let class = LATENCY_BOUNDS.iter().position(|bound| milliseconds < *bound);
        if let Some(count) = counts.latency.get(class.unwrap_or(LATENCY_BOUNDS.len())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(key) = signer {
            let mut keys = counts.keys.lock().unwrap_or_else(PoisonError::into_inner);
            match keys.get_mut(key) {
                Some(count) => *count += 1,
                None => drop(keys.insert(key.clone(), 1)),
            }
        }
    }

    fn of(&self, account: &AccountId) -> Arc<Counts> {
        let known = self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(account).cloned();
        known.unwrap_or_else(|| {
            let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(accounts.entry(account.clone()).or_default())
        })
    }

    /// Takes what was counted, by the names of the table.
    fn take(&self) -> Vec<(AccountId, Vec<(String, u64)>)> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        let taken = accounts.iter().map(|(account, counts)| (account.clone(), counts.take()));
        taken.filter(|(_, counts)| !counts.is_empty()).collect()
    }

    /// Writes what was counted into the catalog.
    ///
    /// # Errors
    /// When the catalog fails; what was to be written is lost then.
    pub async fn flush(&self, app: &App) -> Result<(), CatalogError> {
        for (account, counts) in self.take() {
            app.catalog.add_usage(&account, counts, app.clock.now_ms()).await?;
        }
        Ok(())
    }
}

impl Counts {
    fn add(&self, measure: Measure, count: u64) {
        if let Some(counter) = self.measures.get(measure as usize) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    fn take(&self) -> Vec<(String, u64)> {
        let taken = |count: &AtomicU64| Some(count.swap(0, Ordering::Relaxed)).filter(|count| *count > 0);
        let mut all = Vec::new();
        for (measure, count) in Measure::ALL.iter().zip(&self.measures) {
            all.extend(taken(count).map(|count| (measure.as_str().to_owned(), count)));
        }
        for (class, count) in self.latency.iter().enumerate() {
            all.extend(taken(count).map(|count| (latency_name(class), count)));
        }
        let keys = std::mem::take(&mut *self.keys.lock().unwrap_or_else(PoisonError::into_inner));
        all.extend(keys.into_iter().map(|(key, count)| (key_measure(&key), count)));
        all
    }
}

/// The measure of a class of latency: `latency_0` and on.
fn latency_name(class: usize) -> String {
    format!("latency_{class}")
}

/// The measure of the requests that a key signed.
fn key_measure(key: &KeyName) -> String {
    format!("{KEY_MEASURE}{}", key.as_str())
}

/// Writes every ten seconds, and once more when `shutdown` completes.
pub async fn run(app: Arc<App>, shutdown: impl Future<Output = ()> + Send) {
    tokio::pin!(shutdown);
    loop {
        let ended = tokio::select! {
            () = &mut shutdown => true,
            () = tokio::time::sleep(FLUSH) => false,
        };
        if let Err(error) = app.usage.flush(&app).await {
            tracing::warn!(error = error.to_string(), "counts of delivery were lost");
        }
        if ended {
            return;
        }
    }
}

/// The second that a clock shows.
fn second(clock: &Clock) -> i64 {
    clock.now_ms().div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_counted_once() {
        let usage = Usage::default();
        let account = AccountId::from_random([1; 16]);
        let key = KeyName::parse("default").expect("a name");
        for (outcome, milliseconds) in
            [(Measure::Hits, 0), (Measure::Hits, 7), (Measure::RefusedExpired, 90_000)]
        {
            let took = Duration::from_millis(milliseconds);
            usage.record(&account, Some(&key), Event { outcome, bytes: 10, took });
        }
        let (owner, mut counts) = usage.take().pop().expect("an account");
        counts.sort();
        let expected = [
            ("bytes", 30),
            ("hits", 2),
            ("key:default", 3),
            ("latency_0", 1),
            ("latency_12", 1),
            ("latency_3", 1),
            ("refused_expired", 1),
            ("requests", 3),
        ];
        assert_eq!(owner, account);
        assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)));
        assert!(usage.take().is_empty());
    }
}
