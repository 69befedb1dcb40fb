//! What is counted of delivery: in memory while it happens, and every ten seconds into the catalog, at the
//! point of that moment. A crash, or a failure of the catalog, loses what is not there yet; nothing is
//! counted twice.

mod points;

pub use points::{Latency, Series, Span, SpanError, Width, series};

use crate::app::App;
use crate::catalog::{CatalogError, KEY_MEASURE, UsageCounts};
use crate::clock::Clock;
use safelight_domain::account::AccountId;
use safelight_domain::signature::KeyName;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// Between two writes to the catalog.
const FLUSH: Duration = Duration::from_secs(10);

/// Most accounts whose counts are written in one transaction, so that other changes get between.
const ACCOUNTS_AT_ONCE: usize = 200;

/// Upper bounds of the classes of latency, in microseconds; the last class has none. A stored picture takes
/// some 20, a render up to the limit on its time.
pub const LATENCY_BOUNDS: [u64; 18] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000, 30_000_000,
];

/// What is counted beside latency and keys, in the order of the counts.
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

/// Counts that are not in the catalog yet, by account, and those of all accounts since the start. Clones
/// share them.
#[derive(Clone, Default)]
pub struct Usage(Arc<Inner>);

#[derive(Default)]
struct Inner {
    accounts: RwLock<HashMap<AccountId, Arc<Counts>>>,
    totals: Measures,
}

/// In the order of [`Measure::ALL`].
#[derive(Default)]
struct Measures([AtomicU64; Measure::ALL.len()]);

/// The counts of an account since they were last taken.
#[derive(Default)]
struct Counts {
    measures: Measures,
    latency: [AtomicU64; LATENCY_BOUNDS.len() + 1],
    /// As many as an account may have.
    keys: Mutex<BTreeMap<KeyName, u64>>,
}

impl Usage {
    /// Counts a request for a picture of an account; `signer` is the key of a valid signature.
    pub fn record(&self, account: &AccountId, signer: Option<&KeyName>, event: Event) {
        let counts = self.of(account);
        for measures in [&counts.measures, &self.0.totals] {
            measures.add(Measure::Requests, 1);
            measures.add(event.outcome, 1);
            measures.add(Measure::Bytes, event.bytes);
        }
        let microseconds = u64::try_from(event.took.as_micros()).unwrap_or(u64::MAX);
        let class = LATENCY_BOUNDS.iter().position(|bound| microseconds <= *bound);
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
        let known = self.0.accounts.read().unwrap_or_else(PoisonError::into_inner).get(account).cloned();
        known.unwrap_or_else(|| {
            let mut accounts = self.0.accounts.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(accounts.entry(account.clone()).or_default())
        })
    }

    /// Takes what was counted of these accounts, by the names of the table.
    fn take(&self, accounts: Vec<AccountId>) -> Vec<UsageCounts> {
        let taken = accounts.into_iter().map(|account| {
            let counts = self.of(&account).take();
            (account, counts)
        });
        taken.filter(|(_, counts)| !counts.is_empty()).collect()
    }

    /// What was counted of all accounts since the start.
    pub fn totals(&self) -> Vec<(Measure, u64)> {
        let totals = Measure::ALL.iter().zip(&self.0.totals.0);
        totals.map(|(measure, count)| (*measure, count.load(Ordering::Relaxed))).collect()
    }

    /// Writes what was counted of every account into the catalog.
    ///
    /// # Errors
    /// When the catalog fails; what was to be written is lost then.
    pub async fn flush(&self, app: &App) -> Result<(), CatalogError> {
        let accounts: Vec<AccountId> =
            self.0.accounts.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for some in accounts.chunks(ACCOUNTS_AT_ONCE) {
            self.flush_some(app, some.to_vec()).await?;
        }
        Ok(())
    }

    /// The same for one account. What was counted before is in the catalog when this returns, whoever took it.
    ///
    /// # Errors
    /// As [`Usage::flush`].
    pub async fn flush_account(&self, app: &App, account: &AccountId) -> Result<(), CatalogError> {
        self.flush_some(app, vec![account.clone()]).await
    }

    async fn flush_some(&self, app: &App, accounts: Vec<AccountId>) -> Result<(), CatalogError> {
        let usage = self.clone();
        // Taken by the writer, so that nothing is lost when the caller stops waiting, and that nothing is
        // on its way when another change comes after this one.
        app.catalog.add_usage(move || usage.take(accounts), app.clock.now_ms()).await
    }
}

impl Measures {
    fn add(&self, measure: Measure, count: u64) {
        if let Some(counter) = self.0.get(measure as usize) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }
}

impl Counts {
    fn take(&self) -> Vec<(String, u64)> {
        let taken = |count: &AtomicU64| Some(count.swap(0, Ordering::Relaxed)).filter(|count| *count > 0);
        let mut all = Vec::new();
        for (measure, count) in Measure::ALL.iter().zip(&self.measures.0) {
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

/// The measure of a class of latency: `latency_le_50` by its bound in microseconds, `latency_more` for the last.
fn latency_name(class: usize) -> String {
    LATENCY_BOUNDS.get(class).map_or("latency_more".to_owned(), |bound| format!("latency_le_{bound}"))
}

/// The measure of the requests that a key signed.
fn key_measure(key: &KeyName) -> String {
    format!("{KEY_MEASURE}{}", key.as_str())
}

/// Writes every ten seconds until `shutdown` completes. What requests in flight are counted as is left for
/// [`finish`].
pub async fn run(app: Arc<App>, shutdown: impl Future<Output = ()> + Send) {
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            () = tokio::time::sleep(FLUSH) => finish(&app).await,
        }
    }
}

/// Writes what is there; a failure is logged.
pub async fn finish(app: &App) {
    if let Err(error) = app.usage.flush(app).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "counts of delivery were lost");
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
        for (outcome, microseconds) in
            [(Measure::Hits, 50), (Measure::Hits, 51), (Measure::RefusedExpired, 90_000_000)]
        {
            let took = Duration::from_micros(microseconds);
            usage.record(&account, Some(&key), Event { outcome, bytes: 10, took });
        }
        let (owner, mut counts) = usage.take(vec![account.clone()]).pop().expect("an account");
        counts.sort();
        let expected = [
            ("bytes", 30),
            ("hits", 2),
            ("key:default", 3),
            ("latency_le_100", 1),
            ("latency_le_50", 1),
            ("latency_more", 1),
            ("refused_expired", 1),
            ("requests", 3),
        ];
        assert_eq!(owner, account);
        assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)));
        assert!(usage.take(vec![account.clone()]).is_empty());
        usage.record(&account, None, Event { outcome: Measure::Hits, bytes: 1, took: Duration::ZERO });
        let totals: Vec<_> = usage.totals().into_iter().filter(|(_, count)| *count > 0).collect();
        let since_the_start =
            [(Measure::Requests, 4), (Measure::Hits, 3), (Measure::Bytes, 31), (Measure::RefusedExpired, 1)];
        assert_eq!(totals, since_the_start);
    }
}
