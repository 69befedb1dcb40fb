//! Counts as they are asked for: as many numbers as there are points in a span of time.

use super::{LATENCY_BOUNDS, Measure, latency_name, second};
use crate::app::App;
use crate::catalog::{CatalogError, KEY_MEASURE, USAGE_WIDTHS, UsagePoints};
use safelight_domain::account::AccountId;
use std::collections::BTreeMap;
use thiserror::Error;

/// Most points of an answer.
const MAX_POINTS: i64 = 1_000;

/// Seconds between two points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 300; kept for eight days.
    FiveMinutes,
    /// 3,600; kept for 400 days.
    Hour,
    /// 86,400, by days of UTC; the same.
    Day,
}

impl Width {
    /// The width of so many seconds.
    pub fn of_seconds(seconds: i64) -> Option<Width> {
        [Width::FiveMinutes, Width::Hour, Width::Day].into_iter().find(|width| width.seconds() == seconds)
    }

    /// In seconds.
    pub fn seconds(self) -> i64 {
        match self {
            Width::FiveMinutes => 300,
            Width::Hour => 3_600,
            Width::Day => 86_400,
        }
    }

    /// Of the stored points that its own are summed from.
    fn stored(self) -> i64 {
        self.seconds().min(USAGE_WIDTHS[1])
    }
}

/// A span of whole points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    from: i64,
    points: i64,
    width: Width,
}

/// Why a span cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SpanError {
    /// It has no length.
    #[error("from must lie before to")]
    Empty,
    /// It is too long for the width.
    #[error("there may be at most {MAX_POINTS} points: ask for a shorter time or a larger width")]
    Long,
}

impl Span {
    /// The points that have any second from `from` to before `to`, both seconds since 1970.
    pub fn new(from: i64, to: i64, width: Width) -> Result<Span, SpanError> {
        if from >= to {
            return Err(SpanError::Empty);
        }
        let seconds = width.seconds();
        let first = from.div_euclid(seconds);
        let points = (to - 1).div_euclid(seconds) - first + 1;
        if points > MAX_POINTS {
            return Err(SpanError::Long);
        }
        Ok(Span { from: first * seconds, points, width })
    }

    /// The last day of a clock.
    pub fn last_day(app: &App, width: Width) -> (i64, i64) {
        let now = second(&app.clock) + 1;
        (now - 86_400.max(width.seconds()), now)
    }

    /// Its first second.
    pub fn from(&self) -> i64 {
        self.from
    }

    /// The second after its last.
    pub fn to(&self) -> i64 {
        self.from + self.points * self.width.seconds()
    }

    /// Between two points.
    pub fn width(&self) -> Width {
        self.width
    }

    fn empty(&self) -> Vec<u64> {
        vec![0; usize::try_from(self.points).unwrap_or(0)]
    }
}

/// One number for each point, oldest first.
#[derive(Debug)]
pub struct Series {
    /// By measure.
    pub measures: BTreeMap<&'static str, Vec<u64>>,
    /// Of requests with a valid signature, by the name of the key.
    pub keys: BTreeMap<String, Vec<u64>>,
    /// Milliseconds.
    pub latency: Latency,
}

/// Quantiles of latency in milliseconds; `None` where nothing was asked for.
#[derive(Debug, Default)]
pub struct Latency {
    /// The median.
    pub p50: Vec<Option<f64>>,
    /// Of twenty requests one takes longer.
    pub p95: Vec<Option<f64>>,
    /// Of a hundred.
    pub p99: Vec<Option<f64>>,
}

/// The counts of an account in a span, those in memory among them.
///
/// # Errors
/// When the catalog fails.
pub async fn series(app: &App, account: &AccountId, span: Span) -> Result<Series, CatalogError> {
    app.usage.flush_account(app, account).await?;
    let points = UsagePoints {
        stored: span.width.stored(),
        width: span.width.seconds(),
        from: span.from,
        to: span.to(),
    };
    let rows = app.catalog.usage(account, points).await?;
    let mut measures: BTreeMap<_, _> =
        Measure::ALL.iter().map(|measure| (measure.as_str(), span.empty())).collect();
    let mut keys: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut classes = vec![span.empty(); LATENCY_BOUNDS.len() + 1];
    let class_names: Vec<String> = (0..classes.len()).map(latency_name).collect();
    for (begin, measure, value) in rows {
        let point = usize::try_from((begin - span.from) / span.width.seconds()).unwrap_or(usize::MAX);
        let line = match measure.strip_prefix(KEY_MEASURE) {
            Some(key) => Some(keys.entry(key.to_owned()).or_insert_with(|| span.empty())),
            None => match class_names.iter().position(|name| *name == measure) {
                Some(class) => classes.get_mut(class),
                None => measures.get_mut(measure.as_str()),
            },
        };
        if let Some(number) = line.and_then(|line| line.get_mut(point)) {
            *number = number.saturating_add(value);
        }
    }
    Ok(Series { measures, keys, latency: latency(&classes, span.empty().len()) })
}

fn latency(classes: &[Vec<u64>], points: usize) -> Latency {
    let mut latency = Latency::default();
    for point in 0..points {
        let counts: Vec<u64> = classes.iter().map(|class| class.get(point).copied().unwrap_or(0)).collect();
        latency.p50.push(quantile(&counts, 0.5));
        latency.p95.push(quantile(&counts, 0.95));
        latency.p99.push(quantile(&counts, 0.99));
    }
    latency
}

/// The quantile of counts in the classes of [`LATENCY_BOUNDS`], as if those of a class were spread evenly over
/// it. What lies beyond the last bound counts as the bound.
fn quantile(counts: &[u64], share: f64) -> Option<f64> {
    let all: u64 = counts.iter().sum();
    if all == 0 {
        return None;
    }
    let wanted = share * all as f64;
    let (mut before, mut low) = (0.0, 0.0);
    for (count, bound) in counts.iter().zip(LATENCY_BOUNDS) {
        let (count, high) = (*count as f64, bound as f64 / 1000.0);
        if count > 0.0 && before + count >= wanted {
            return Some(low + (high - low) * (wanted - before) / count);
        }
        before += count;
        low = high;
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_whole_points() {
        let span = Span::new(301, 899, Width::FiveMinutes).expect("short");
        assert_eq!((span.from(), span.to(), span.empty().len()), (300, 900, 2));
        let one = Span::new(600, 601, Width::FiveMinutes).expect("short");
        assert_eq!((one.from(), one.to()), (600, 900));
        let day = Span::new(86_399, 86_401, Width::Day).expect("short");
        assert_eq!((day.from(), day.to()), (0, 172_800));
        assert_eq!(Span::new(5, 5, Width::Hour), Err(SpanError::Empty));
        assert_eq!(Span::new(0, 300 * 1_000 + 1, Width::FiveMinutes), Err(SpanError::Long));
        assert!(Span::new(0, 300 * 1_000, Width::FiveMinutes).is_ok());
    }

    #[test]
    fn quantiles_lie_within_their_class() {
        let mut counts = vec![0; LATENCY_BOUNDS.len() + 1];
        assert_eq!(quantile(&counts, 0.5), None);
        // Above 5 ms, up to 10.
        counts[7] = 100;
        assert_eq!(quantile(&counts, 0.5), Some(7.5));
        assert_eq!(quantile(&counts, 0.99), Some(9.95));
        // Pictures from memory take less than the first bound, and are told so.
        counts[0] = 900;
        assert!(quantile(&counts, 0.5).is_some_and(|median| median < 0.05));
        counts[LATENCY_BOUNDS.len()] = 9_000;
        assert_eq!(quantile(&counts, 0.5), Some(30_000.0));
    }
}
