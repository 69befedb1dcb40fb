//! What the signature of a delivery costs: `cargo run --release --example signature_cost`.
//!
//! Prints nanoseconds for each check of one usual target: the best and the median of many rounds, signed by
//! the first key and by the last of four.

#![allow(clippy::expect_used, reason = "a measurement ends where its ground gives way")]

use safelight_domain::signature::{KeyName, SigningKey, Token, sign_target, verify};
use safelight_domain::time::UnixTime;
use std::hint::black_box;
use std::time::Instant;

const PATH: &str = "/cheeW4oKsx5ljh8e8BoL2A/083eb7b2-5392-4565-b69e-aff66acddd00/public";
const ROUNDS: usize = 101;
const CHECKS: u32 = 10_000;

fn main() {
    let keys: Vec<SigningKey> = (1..=4)
        .map(|number| {
            let name = KeyName::parse(&format!("key{number}")).expect("a name");
            SigningKey::new(name, format!("a secret of key number {number}")).expect("a key")
        })
        .collect();
    for signer in [0, 3] {
        let target = sign_target(PATH, "", Some(UnixTime(4_000_000_000)), &keys[signer]);
        let mut rounds: Vec<u128> = (0..ROUNDS)
            .map(|_| {
                let begin = Instant::now();
                for _ in 0..CHECKS {
                    let token = verify(black_box(&target), black_box(&keys), UnixTime(1_700_000_000));
                    assert!(matches!(token, Token::Valid { .. }));
                }
                begin.elapsed().as_nanos() / u128::from(CHECKS)
            })
            .collect();
        rounds.sort_unstable();
        println!(
            "key {} of 4: {} ns at best, {} ns in the median",
            signer + 1,
            rounds[0],
            rounds[ROUNDS / 2]
        );
    }
}
