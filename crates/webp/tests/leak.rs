//! What libwebp was given to hold is given back, after success and after refusal. In a process of its
//! own, since it reads the memory of all of it.

#![allow(clippy::expect_used, reason = "tests may panic")]

use safelight_webp::{Layout, Settings, encode};

#[test]
fn nothing_is_left_behind() {
    let settings = Settings { quality: 90.0, method: 2, alpha_quality: 100 };
    let pixels = vec![130; 64 * 64 * 4];
    let encode_many = |times| {
        for _ in 0..times {
            encode(&pixels, Layout::Rgba, 64, 64, settings).expect("a file");
            let refused = Settings { method: 7, ..settings };
            encode(&pixels, Layout::Rgba, 64, 64, refused).expect_err("no such method");
        }
    };
    encode_many(50);
    let before = resident();
    encode_many(1_000);
    // A picture of this size takes more than 20 KB inside libwebp: leaked, it would be over 20 MB.
    let after = resident();
    assert!(after < before + 10_000_000, "{before} bytes before, {after} after");
}

fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}
