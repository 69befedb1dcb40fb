use super::*;
use std::io::Cursor;

const SETTINGS: Settings = Settings { quality: 90.0, method: 2, alpha_quality: 100 };

/// Size, whether there is an alpha channel, and pixels of a file.
fn decoded(file: &[u8]) -> ((u32, u32), bool, Vec<u8>) {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(file)).unwrap();
    let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
    decoder.read_image(&mut pixels).unwrap();
    (decoder.dimensions(), decoder.has_alpha(), pixels)
}

fn gradient(width: u32, height: u32, channels: usize) -> Vec<u8> {
    let pixel =
        |x: u32, y: u32| [(x * 255 / width) as u8, (y * 255 / height) as u8, 128, (x * 255 / width) as u8];
    (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y)[..channels].to_vec())).collect()
}

#[test]
fn pixels_come_back_nearly_the_same() {
    for (layout, channels) in [(Layout::Rgb, 3), (Layout::Rgba, 4)] {
        let pixels = gradient(64, 48, channels);
        let (_, alpha, back) = decoded(&encode(&pixels, layout, 64, 48, SETTINGS).unwrap());
        assert_eq!(alpha, channels == 4);
        // Colours under full transparency are free, so only what is seen is compared.
        let seen = |at: &usize| channels == 3 || pixels[at * channels + 3] > 32;
        let colours = (0..64 * 48).filter(seen).flat_map(|at| at * channels..at * channels + 3);
        let differences: Vec<u32> = colours.map(|i| u32::from(pixels[i].abs_diff(back[i]))).collect();
        let mean = f64::from(differences.iter().sum::<u32>()) / differences.len() as f64;
        assert!(mean < 4.0, "{layout:?}: {mean}");
    }
}

#[test]
fn the_smallest_and_the_longest() {
    for (width, height) in [(1, 1), (1, 2), (3, 2), (MAX_SIDE, 1), (1, MAX_SIDE)] {
        for (layout, channels) in [(Layout::Rgb, 3), (Layout::Rgba, 4)] {
            let file = encode(&gradient(width, height, channels), layout, width, height, SETTINGS).unwrap();
            assert_eq!(decoded(&file).0, (width, height));
        }
    }
}

#[test]
fn transparency_is_exact() {
    let pixels = gradient(64, 48, 4);
    let (_, alpha, back) = decoded(&encode(&pixels, Layout::Rgba, 64, 48, SETTINGS).unwrap());
    assert!(alpha);
    assert!(pixels.iter().zip(&back).skip(3).step_by(4).all(|(before, after)| before == after));
    let (_, alpha, back) = decoded(&encode(&[9, 9, 9, 0].repeat(16), Layout::Rgba, 4, 4, SETTINGS).unwrap());
    assert!(alpha && back.iter().skip(3).step_by(4).all(|&alpha| alpha == 0));
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |length: usize, width, height, settings| {
        encode(&vec![0; length], Layout::Rgb, width, height, settings).unwrap_err()
    };
    for (width, height) in [(0, 1), (1, 0), (MAX_SIDE + 1, 1), (1, MAX_SIDE + 1), (u32::MAX, u32::MAX)] {
        assert_eq!(refused(3, width, height, SETTINGS), EncodeError::Side);
    }
    for length in [0, 11, 13, 16] {
        assert_eq!(refused(length, 2, 2, SETTINGS), EncodeError::Length);
    }
    for settings in [
        Settings { quality: 101.0, ..SETTINGS },
        Settings { quality: -1.0, ..SETTINGS },
        Settings { method: 7, ..SETTINGS },
        Settings { alpha_quality: 101, ..SETTINGS },
    ] {
        assert_eq!(refused(12, 2, 2, settings), EncodeError::Settings);
    }
}
