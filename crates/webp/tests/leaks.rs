//! Memory stays bounded over many pictures. A test program of its own: other tests beside it would
//! take memory too.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used)]

use safelight_webp::{Chroma, Compression, Layout, Settings, encode};

/// Pages of the process that are in memory.
fn resident_pages() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages")
}

/// Encodes small pictures with and without success. Each holds more than 16 kB of planes and file.
fn encode_some(count: u32) {
    let mut pixels = vec![0; 64 * 64 * 4];
    for index in 0..count {
        for (sample, place) in pixels.iter_mut().zip(0_u32..) {
            *sample = (place.wrapping_mul(2_654_435_761).wrapping_add(index) >> 24) as u8;
        }
        let lossy = Compression::Lossy { quality: 80.0, alpha_quality: 100, chroma: Chroma::Mean };
        let compression = if index % 4 == 0 { Compression::Lossless } else { lossy };
        let settings = Settings { compression, method: 2 };
        encode(&pixels, Layout::Rgba, 64, 64, &settings).expect("a file");
        encode(&pixels, Layout::Rgb, 64, 64, &settings).expect_err("the wrong length");
    }
}

#[test]
fn nothing_is_left_behind() {
    encode_some(200);
    let before = resident_pages();
    encode_some(2_000);
    let grown = resident_pages().saturating_sub(before);
    // 2000 files of 8 kB and more would be over 4000 pages.
    assert!(grown < 1_000, "{grown} pages more");
}
