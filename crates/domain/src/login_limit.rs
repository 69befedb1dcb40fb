//! How often a client may try to log in with a wrong token.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Failures of one client within [`WINDOW_MS`], after which it waits. Somebody who mistypes has enough
/// of them; somebody who guesses has not.
pub const MAX_FAILURES: u32 = 10;

/// How long failures count, from the first on, in milliseconds.
pub const WINDOW_MS: i64 = 60 * 1000;

/// Most clients that are told apart: some 1 MB. Further ones share one count.
pub const MAX_CLIENTS: usize = 10_000;

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

/// Counts failures. Attempts count as failures from their start, so that many at once are no way around
/// the limit, and those that succeed are taken back.
#[derive(Debug, Default)]
pub struct LoginLimit {
    clients: BTreeMap<Client, Failures>,
    /// Of everyone for whom there was no room.
    others: Failures,
}

#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    count: u32,
    first_ms: i64,
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

impl LoginLimit {
    /// Begins an attempt at `now_ms`, milliseconds since 1970-01-01T00:00:00Z, or says how long to wait.
    /// A right token is no exception: it is not even looked at.
    pub fn begin(&mut self, client: Client, now_ms: i64) -> Result<(), Wait> {
        if !self.clients.contains_key(&client) && self.clients.len() >= MAX_CLIENTS {
            self.clients.retain(|_, failures| failures.count_at(now_ms) > 0);
        }
        let failures = if self.clients.contains_key(&client) || self.clients.len() < MAX_CLIENTS {
            self.clients.entry(client).or_default()
        } else {
            &mut self.others
        };
        failures.begin(now_ms)
    }

    /// Takes back the attempt that `client` began, since it succeeded.
    pub fn succeed(&mut self, client: Client) {
        match self.clients.get_mut(&client) {
            None => self.others.take_back(),
            Some(failures) => {
                failures.take_back();
                if failures.count == 0 {
                    self.clients.remove(&client);
                }
            }
        }
    }
}

impl Failures {
    /// Those that still count. A clock that was set back ends the window too.
    fn count_at(self, now_ms: i64) -> u32 {
        let counts = (0..WINDOW_MS).contains(&now_ms.saturating_sub(self.first_ms));
        if counts { self.count } else { 0 }
    }

    fn begin(&mut self, now_ms: i64) -> Result<(), Wait> {
        match self.count_at(now_ms) {
            0 => *self = Failures { count: 1, first_ms: now_ms },
            MAX_FAILURES.. => {
                let left_ms = WINDOW_MS - now_ms.saturating_sub(self.first_ms);
                return Err(Wait(left_ms.unsigned_abs().div_ceil(1000)));
            }
            count => self.count = count + 1,
        }
        Ok(())
    }

    fn take_back(&mut self) {
        self.count = self.count.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Client {
        Client::from(Some(address.parse::<IpAddr>().expect("an address")))
    }

    #[test]
    fn after_ten_failures_a_client_waits_until_the_first_is_a_minute_ago() {
        let mut limit = LoginLimit::default();
        let (one, other) = (client("192.0.2.1"), client("192.0.2.2"));
        for second in 0..10 {
            assert_eq!(limit.begin(one, 5_000 + second * 1000), Ok(()));
        }
        assert_eq!(limit.begin(one, 14_000), Err(Wait(51)));
        assert_eq!(limit.begin(one, 64_999), Err(Wait(1)));
        assert_eq!(limit.begin(other, 14_000), Ok(()));
        for _ in 0..10 {
            assert_eq!(limit.begin(one, 65_000), Ok(()));
        }
        assert_eq!(limit.begin(one, 65_000), Err(Wait(60)));
        // Nobody is locked out by a clock that goes back.
        assert_eq!(limit.begin(one, 64_999), Ok(()));
    }

    #[test]
    fn success_does_not_count() {
        let mut limit = LoginLimit::default();
        let one = client("192.0.2.1");
        for _ in 0..100 {
            assert_eq!(limit.begin(one, 0), Ok(()));
            limit.succeed(one);
        }
        assert!(limit.clients.is_empty());
        for _ in 0..9 {
            assert_eq!(limit.begin(one, 0), Ok(()));
        }
        // Nor does it wipe out failures.
        assert_eq!(limit.begin(one, 0), Ok(()));
        limit.succeed(one);
        assert_eq!(limit.begin(one, 0), Ok(()));
        assert_eq!(limit.begin(one, 0), Err(Wait(60)));
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
    fn a_full_table_leaves_one_count_for_all_others_until_there_is_room() {
        let mut limit = LoginLimit::default();
        let number = |n: usize| Client::V4(Ipv4Addr::from_bits(n as u32));
        for n in 0..MAX_CLIENTS {
            assert_eq!(limit.begin(number(n), 1_000), Ok(()));
        }
        for n in 0..MAX_FAILURES as usize {
            assert_eq!(limit.begin(number(MAX_CLIENTS + n), 2_000), Ok(()));
        }
        assert_eq!(limit.begin(number(MAX_CLIENTS * 2), 2_000), Err(Wait(60)));
        assert_eq!(limit.clients.len(), MAX_CLIENTS);
        // Whoever has a count of his own goes on by it.
        assert_eq!(limit.begin(number(0), 2_000), Ok(()));
        assert_eq!(limit.begin(number(MAX_CLIENTS * 2), 1_000 + WINDOW_MS), Ok(()));
        assert_eq!(limit.clients.len(), 1);
    }
}
