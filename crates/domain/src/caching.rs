//! What an answer tells caches.

use crate::access::Exposure;
use crate::time::UnixTime;
use crate::variant::BrowserTtl;

/// Whether a rendition is as good as it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Settled,
    /// A better one is being made, in this format or in one that suits better.
    Provisional,
}

/// Longest time that a provisional rendition is kept for, in seconds: better ones take a few.
const PROVISIONAL_SECONDS: u64 = 60;

/// The `Cache-Control` value of a delivery answer sent at `now`.
///
/// Public answers may be kept for the browser TTL by anyone, and used stale for two hours more
/// while they are fetched anew (Cloudflare's default). Private answers may be kept by the browser
/// alone, and never beyond the expiry of the URL that opened them; the answer to an expired grant
/// may not be kept at all. Whatever is provisional is kept for a minute at most.
pub fn cache_control(
    exposure: Exposure,
    browser_ttl: BrowserTtl,
    standing: Standing,
    now: UnixTime,
) -> String {
    let ttl = match standing {
        Standing::Settled => u64::from(browser_ttl.seconds()),
        Standing::Provisional => u64::from(browser_ttl.seconds()).min(PROVISIONAL_SECONDS),
    };
    match exposure {
        Exposure::Public if standing == Standing::Provisional => format!("public, max-age={ttl}"),
        Exposure::Public => format!("public, max-age={ttl}, stale-while-revalidate=7200"),
        Exposure::Private { until: None } => format!("private, max-age={ttl}"),
        Exposure::Private { until: Some(until) } => match now.seconds_until(until) {
            0 => NO_STORE.to_owned(),
            left => format!("private, max-age={}", ttl.min(left)),
        },
    }
}

/// The `Cache-Control` value of a picture that its owner sees: the browser may keep it, and asks each time
/// whether it may be seen still.
pub const OWNER: &str = "private, no-cache";

/// The `Cache-Control` value of errors and of the management API.
pub const NO_STORE: &str = "no-store";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_answers_follow_the_browser_ttl() {
        assert_eq!(
            cache_control(Exposure::Public, BrowserTtl::DEFAULT, Standing::Settled, UnixTime(5)),
            "public, max-age=172800, stale-while-revalidate=7200"
        );
    }

    #[test]
    fn provisional_answers_are_kept_for_a_minute() {
        let until = |exp| Exposure::Private { until: exp };
        for (exposure, expected) in [
            (Exposure::Public, "public, max-age=60"),
            (until(None), "private, max-age=60"),
            (until(Some(UnixTime(1_000))), "private, max-age=60"),
            (until(Some(UnixTime(6))), "private, max-age=1"),
            (until(Some(UnixTime(5))), "no-store"),
        ] {
            let found = cache_control(exposure, BrowserTtl::DEFAULT, Standing::Provisional, UnixTime(5));
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn private_answers_end_with_the_url() {
        let until = |exp: u64| Exposure::Private { until: Some(UnixTime(exp)) };
        for (exposure, now, expected) in [
            (until(1_000), 0, "private, max-age=1000"),
            (until(1_000), 999, "private, max-age=1"),
            (until(1_000), 1_000, "no-store"),
            (until(1_000), 1_001, "no-store"),
            (until(10_000_000), 0, "private, max-age=172800"),
            (Exposure::Private { until: None }, 0, "private, max-age=172800"),
        ] {
            let found = cache_control(exposure, BrowserTtl::DEFAULT, Standing::Settled, UnixTime(now));
            assert_eq!(found, expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_private_answer_is_shared_or_outlives_its_url(
            exp in 1u64..10_000_000_000, now in 0u64..10_000_000_000, ttl in 3_600u64..=31_536_000,
        ) {
            let ttl = BrowserTtl::parse(ttl).expect("in range");
            let exposure = Exposure::Private { until: Some(UnixTime(exp)) };
            let header = cache_control(exposure, ttl, Standing::Settled, UnixTime(now));
            if let Some(age) = header.strip_prefix("private, max-age=") {
                let age: u64 = age.parse().expect("digits and nothing after them");
                assert!(age >= 1 && now + age <= exp && age <= u64::from(ttl.seconds()));
            } else {
                assert_eq!(header, "no-store");
                assert!(now >= exp);
            }
        }
    }
}
