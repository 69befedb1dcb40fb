//! Memory stays bounded over many pictures. A test program of its own: other tests beside it would
//! take memory too.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used)]

use safelight_mozjpeg::{Chroma, Effort, Layout, Metadata, Order, Settings, encode};

/// Pages of the process that are in memory.
fn resident_pages() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages")
}

/// Encodes small pictures with and without success. Each holds more than 16 kB of coefficients and file.
fn encode_some(count: u32) {
    let mut pixels = vec![0; 64 * 64 * 3];
    let exif = vec![7; 20_000];
    for index in 0..count {
        for (sample, place) in pixels.iter_mut().zip(0_u32..) {
            *sample = (place.wrapping_mul(2_654_435_761).wrapping_add(index) >> 24) as u8;
        }
        let order = if index % 4 == 0 { Order::Baseline } else { Order::Progressive };
        let chroma = if index % 3 == 0 { Chroma::Whole } else { Chroma::Quarter };
        let effort = [Effort::Quick, Effort::Standard, Effort::Thorough][index as usize % 3];
        let settings = Settings { quality: 80, chroma, order, effort };
        let metadata = Metadata { exif: Some(&exif), profile: None };
        encode(&pixels, Layout::Rgb, 64, 64, &settings, &metadata).expect("a file");
        encode(&pixels, Layout::Grey, 64, 64, &settings, &metadata).expect_err("the wrong length");
    }
}

#[test]
fn nothing_is_left_behind() {
    encode_some(200);
    let before = resident_pages();
    encode_some(1_000);
    let grown = resident_pages().saturating_sub(before);
    // 1000 files with their EXIF would be over 5000 pages.
    assert!(grown < 1_000, "{grown} pages more");
}
