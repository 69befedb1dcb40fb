//! Times by classes, as Prometheus has them.

use crate::usage::LATENCY_BOUNDS;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Times that are counted by the classes of [`LATENCY_BOUNDS`].
#[derive(Default)]
pub struct Histogram {
    classes: [AtomicU64; LATENCY_BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// What a histogram held at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// By class; the last has no upper bound.
    pub classes: [u64; LATENCY_BOUNDS.len() + 1],
    /// Their sum.
    pub seconds: f64,
}

impl Histogram {
    /// Counts a time.
    pub fn record(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let class = LATENCY_BOUNDS.iter().position(|bound| nanoseconds <= bound.saturating_mul(1000));
        if let Some(count) = self.classes.get(class.unwrap_or(LATENCY_BOUNDS.len())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// What it holds.
    pub fn read(&self) -> Reading {
        Reading {
            classes: self.classes.each_ref().map(|count| count.load(Ordering::Relaxed)),
            seconds: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)).as_secs_f64(),
        }
    }
}

impl Reading {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// How many took no longer than each bound, in seconds.
    pub fn up_to(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut sum = 0;
        LATENCY_BOUNDS.iter().zip(&self.classes).map(move |(bound, count)| {
            sum += count;
            (*bound as f64 / 1e6, sum)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_class_that_it_does_not_exceed() {
        let histogram = Histogram::default();
        for time in [Duration::ZERO, Duration::from_micros(50), Duration::from_nanos(50_001)] {
            histogram.record(time);
        }
        histogram.record(Duration::from_secs(31));
        let reading = histogram.read();
        let up_to: Vec<(f64, u64)> = reading.up_to().collect();
        assert_eq!(up_to[..3], [(0.000_05, 2), (0.000_1, 3), (0.000_2, 3)]);
        assert_eq!(up_to.last(), Some(&(30.0, 3)));
        assert_eq!(reading.count(), 4);
        assert!((reading.seconds - 31.000_100_001).abs() < 1e-9, "{}", reading.seconds);
    }
}
