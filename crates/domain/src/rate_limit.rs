//! How often someone may do a thing in a minute.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How long attempts count, from the first on, in milliseconds.
pub const WINDOW_MS: i64 = 60 * 1000;

/// Most who are told apart: some 1 MB of clients. Further ones share one count.
pub const MOST_COUNTED: usize = 10_000;

/// Between two looks through all counts for room.
const SWEEP_MS: i64 = 1000;

/// Who tries. An IPv6 network of 64 bits counts as one, since one customer has all of its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// By an IPv4 address, also where it is written as an IPv6 one.
    V4(Ipv4Addr),
    /// By the first half of an IPv6 address.
    V6([u16; 4]),
    /// By no address.
    Unknown,
}

/// How long to wait, in whole seconds from 1 to 60.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub u64);

/// Counts attempts from their start, so that many at once are no way around the limit. Where failures alone are
/// limited, those that succeed are taken back.
#[derive(Debug)]
pub struct RateLimit<K> {
    counts: BTreeMap<K, Count>,
    /// Of everyone for whom there was no room.
    others: Count,
    /// When room was last made.
    swept_ms: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    attempts: u64,
    first_ms: i64,
}

impl<K> Default for RateLimit<K> {
    fn default() -> RateLimit<K> {
        RateLimit { counts: BTreeMap::new(), others: Count::default(), swept_ms: i64::MIN }
    }
}

impl From<Option<IpAddr>> for Client {
    fn from(address: Option<IpAddr>) -> Client {
        let network = |address: Ipv6Addr| {
            let [a, b, c, d, ..] = address.segments();
            Client::V6([a, b, c, d])
        };
        match address.map(|address| address.to_canonical()) {
            None => Client::Unknown,
            Some(IpAddr::V4(address)) => Client::V4(address),
            Some(IpAddr::V6(address)) => network(address),
        }
    }
}

impl<K: Ord> RateLimit<K> {
    /// Begins an attempt at `now_ms`, milliseconds since 1970-01-01T00:00:00Z, where there may be `most` within
    /// [`WINDOW_MS`], or says how long to wait.
    ///
    /// # Errors
    /// How long to wait.
    pub fn begin(&mut self, who: K, most: u64, now_ms: i64) -> Result<(), Wait> {
        if !self.counts.contains_key(&who) && self.counts.len() >= MOST_COUNTED {
            self.make_room(now_ms);
        }
        let count = if self.counts.contains_key(&who) || self.counts.len() < MOST_COUNTED {
            self.counts.entry(who).or_default()
        } else {
            &mut self.others
        };
        count.begin(most, now_ms)
    }

    /// Forgets those whose minute is over, once a second at most: many strangers must not make each other dear.
    fn make_room(&mut self, now_ms: i64) {
        if !(0..SWEEP_MS).contains(&now_ms.saturating_sub(self.swept_ms)) {
            self.swept_ms = now_ms;
            self.counts.retain(|_, count| count.at(now_ms) > 0);
        }
    }

    /// Takes back the attempt that `who` began, since it does not count.
    pub fn take_back(&mut self, who: &K) {
        match self.counts.get_mut(who) {
            None => self.others.take_back(),
            Some(count) => {
                count.take_back();
                if count.attempts == 0 {
                    self.counts.remove(who);
                }
            }
        }
    }
}

impl Count {
    /// Those that still count. A clock that was set back ends the window too.
    fn at(self, now_ms: i64) -> u64 {
        let counts = (0..WINDOW_MS).contains(&now_ms.saturating_sub(self.first_ms));
        if counts { self.attempts } else { 0 }
    }

    fn begin(&mut self, most: u64, now_ms: i64) -> Result<(), Wait> {
        match self.at(now_ms) {
            // Where none is allowed there is no first one to wait for.
            0 if most == 0 => return Err(Wait(WINDOW_MS.unsigned_abs() / 1000)),
            count if count >= most => {
                let left_ms = WINDOW_MS - now_ms.saturating_sub(self.first_ms);
                return Err(Wait(left_ms.unsigned_abs().div_ceil(1000)));
            }
            0 => *self = Count { attempts: 1, first_ms: now_ms },
            count => self.attempts = count + 1,
        }
        Ok(())
    }

    fn take_back(&mut self) {
        self.attempts = self.attempts.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: u64 = 10;

    fn client(address: &str) -> Client {
        Client::from(Some(address.parse::<IpAddr>().expect("an address")))
    }

    #[test]
    fn after_ten_failures_a_client_waits_until_the_first_is_a_minute_ago() {
        let mut limit = RateLimit::default();
        let (one, other) = (client("192.0.2.1"), client("192.0.2.2"));
        for second in 0..10 {
            assert_eq!(limit.begin(one, TEN, 5_000 + second * 1000), Ok(()));
        }
        assert_eq!(limit.begin(one, TEN, 14_000), Err(Wait(51)));
        assert_eq!(limit.begin(one, TEN, 64_999), Err(Wait(1)));
        assert_eq!(limit.begin(other, TEN, 14_000), Ok(()));
        for _ in 0..10 {
            assert_eq!(limit.begin(one, TEN, 65_000), Ok(()));
        }
        assert_eq!(limit.begin(one, TEN, 65_000), Err(Wait(60)));
        // Nobody is locked out by a clock that goes back.
        assert_eq!(limit.begin(one, TEN, 64_999), Ok(()));
    }

    #[test]
    fn success_does_not_count() {
        let mut limit = RateLimit::default();
        let one = client("192.0.2.1");
        for _ in 0..100 {
            assert_eq!(limit.begin(one, TEN, 0), Ok(()));
            limit.take_back(&one);
        }
        assert!(limit.counts.is_empty());
        for _ in 0..9 {
            assert_eq!(limit.begin(one, TEN, 0), Ok(()));
        }
        // Nor does it wipe out failures.
        assert_eq!(limit.begin(one, TEN, 0), Ok(()));
        limit.take_back(&one);
        assert_eq!(limit.begin(one, TEN, 0), Ok(()));
        assert_eq!(limit.begin(one, TEN, 0), Err(Wait(60)));
    }

    #[test]
    fn who_counts_as_one() {
        for (a, b, same) in [
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:2", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            assert_eq!(client(a) == client(b), same, "{a} {b}");
        }
        assert_eq!(Client::from(None), Client::Unknown);
    }

    #[test]
    fn where_none_is_allowed_everyone_waits() {
        let mut limit = RateLimit::default();
        assert_eq!(limit.begin(1, 0, 5_000), Err(Wait(60)));
        assert_eq!(limit.begin(1, 0, 90_000), Err(Wait(60)));
        assert_eq!(limit.begin(1, 1, 90_000), Ok(()));
    }

    #[test]
    fn a_full_table_leaves_one_count_for_all_others_until_there_is_room() {
        let mut limit = RateLimit::default();
        let number = |n: usize| Client::V4(Ipv4Addr::from_bits(n as u32));
        for n in 0..MOST_COUNTED {
            assert_eq!(limit.begin(number(n), TEN, 1_000), Ok(()));
        }
        for n in 0..TEN as usize {
            assert_eq!(limit.begin(number(MOST_COUNTED + n), TEN, 2_000), Ok(()));
        }
        assert_eq!(limit.begin(number(MOST_COUNTED * 2), TEN, 2_000), Err(Wait(60)));
        assert_eq!(limit.counts.len(), MOST_COUNTED);
        // Whoever has a count of his own goes on by it.
        assert_eq!(limit.begin(number(0), TEN, 2_000), Ok(()));
        assert_eq!(limit.begin(number(MOST_COUNTED * 2), TEN, 1_000 + WINDOW_MS), Ok(()));
        assert_eq!(limit.counts.len(), 1);
    }

    #[test]
    fn room_is_looked_for_once_a_second() {
        let mut limit = RateLimit::default();
        for n in 0..MOST_COUNTED {
            assert_eq!(limit.begin(n, TEN, 0), Ok(()));
        }
        for (now_ms, counted) in
            [(WINDOW_MS - 1, MOST_COUNTED), (WINDOW_MS, MOST_COUNTED), (WINDOW_MS - 1 + SWEEP_MS, 1)]
        {
            assert_eq!(limit.begin(MOST_COUNTED, TEN, now_ms), Ok(()));
            assert_eq!(limit.counts.len(), counted, "{now_ms}");
        }
    }
}
