use super::*;
use crate::linear;
use crate::metadata::Orientation;
use crate::plan::tests::plan;
use safelight_domain::transform::{Fit, Side, Transform};

fn scaled(frame: &Frame, fit: Fit, width: u64, height: u64) -> Frame {
    let wanted = Transform {
        fit,
        width: Side::parse(width).ok(),
        height: Side::parse(height).ok(),
        ..Transform::default()
    };
    let plan = plan((frame.width(), frame.height()), Orientation::AsStored, &wanted);
    scale(frame.clone(), &plan).expect("scales")
}

/// Bytes that look random and are the same each time.
fn noise(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
}

fn picture(width: u32, height: u32, channels: Channels, seed: u64) -> Frame {
    let count = byte_count(width, height, channels.count());
    Frame::new(width, height, channels, noise(seed).take(count).collect()).expect("the right count")
}

fn mean_light(frame: &Frame) -> f64 {
    let table = linear::from_srgb();
    let sum: f64 = frame.pixels().iter().map(|&byte| f64::from(table[usize::from(byte)])).sum();
    sum / frame.pixels().len() as f64
}

#[test]
fn the_mean_light_stays_whatever_the_size() {
    for seed in 0..12_u64 {
        let channels = if seed % 2 == 0 { Channels::Grey } else { Channels::Rgb };
        let (width, height) = (60 + 37 * seed as u32, 50 + 23 * seed as u32);
        let mut source = picture(width, height, channels, seed);
        // Full contrast would be cut off where Lanczos overshoots.
        source.pixels_mut().iter_mut().for_each(|byte| *byte = 100 + *byte / 4);
        for target in [20, 31, 47] {
            let made = scaled(&source, Fit::Contain, target, 0);
            let (before, after) = (mean_light(&source), mean_light(&made));
            assert!((before - after).abs() / before < 0.02, "{width}x{height} to {target}: {before} {after}");
        }
    }
}

#[test]
fn black_and_white_mix_to_the_grey_of_half_the_light() {
    let board = (0..64 * 64).map(|i| if (i % 64 + i / 64) % 2 == 0 { 255 } else { 0 }).collect();
    let frame = Frame::new(64, 64, Channels::Grey, board).expect("64x64");
    let made = scaled(&frame, Fit::Contain, 8, 8);
    let inner = &made.pixels()[8 * 3 + 3];
    assert!(inner.abs_diff(188) <= 1, "{inner}");
}

#[test]
fn colours_of_transparent_pixels_do_not_bleed() {
    for (from, to) in [(64, 16), (64, 24), (300, 20), (16, 40)] {
        let pixels = (0..from * from)
            .flat_map(|i| if i % from < from / 2 { [255, 0, 0, 255] } else { [0, 255, 0, 0] })
            .collect();
        let frame = Frame::new(from, from, Channels::Rgba, pixels).expect("square");
        let made = scaled(&frame, Fit::Contain, to, to);
        for [r, g, b, a] in made.pixels().as_chunks::<4>().0 {
            assert!(*a == 0 || (*r >= 253 && *g <= 1 && *b <= 1), "{from} to {to}: {r} {g} {b} {a}");
        }
        assert_eq!(made.pixels()[3], 255);
        assert_eq!(made.pixels()[made.pixels().len() - 1], 0);
    }
}

#[test]
fn opaque_pixels_beside_transparent_ones_keep_their_colour() {
    let row = (0..64).flat_map(|x| if x % 20 < 12 { [90, 120, 90, 255] } else { [0; 4] });
    let pixels: Vec<u8> = row.collect::<Vec<u8>>().repeat(64);
    let frame = Frame::new(64, 64, Channels::Rgba, pixels).expect("64x64");
    for to in [23, 40, 100] {
        for pixel in scaled(&frame, Fit::Contain, to, to).pixels().as_chunks::<4>().0 {
            let [r, g, b, a] = *pixel;
            let near = |value: u8, want: u8| value.abs_diff(want) <= 1;
            assert!(a < 16 || near(r, 90) && near(g, 120) && near(b, 90), "{to}: {pixel:?}");
        }
    }
}

#[test]
fn strips_and_windows_leave_no_seams() {
    // A slope stays a slope, and every row and column of it is where it should be.
    let (width, height) = (700_u32, 900_u32);
    let slope = (0..width * height).flat_map(|i| {
        let (x, y) = (i % width, i / width);
        [(60 + x / 7) as u8, (60 + y / 9) as u8, 128]
    });
    let frame = Frame::new(width, height, Channels::Rgb, slope.collect()).expect("700x900");
    for (fit, to_w, to_h) in [(Fit::Cover, 150, 400), (Fit::Contain, 140, 180), (Fit::Cover, 900, 200)] {
        let made = scaled(&frame, fit, to_w, to_h);
        let scale = (to_w as f64 / 700.0).max(to_h as f64 / 900.0);
        let (left, top) = (350.0 - to_w as f64 / scale / 2.0, 450.0 - to_h as f64 / scale / 2.0);
        for (i, [r, g, b]) in made.pixels().as_chunks::<3>().0.iter().enumerate() {
            let x = (i as u64 % to_w) as f64 + 0.5;
            let y = (i as u64 / to_w) as f64 + 0.5;
            let (want_r, want_g) =
                (60.0 + (left + x / scale) / 7.0 - 0.5, 60.0 + (top + y / scale) / 9.0 - 0.5);
            assert!((f64::from(*r) - want_r).abs() < 1.6, "{fit:?} {to_w}x{to_h} at {x} {y}: {r} {want_r}");
            assert!((f64::from(*g) - want_g).abs() < 1.6, "{fit:?} {to_w}x{to_h} at {x} {y}: {g} {want_g}");
            assert!(b.abs_diff(128) <= 1);
        }
    }
}

/// Lanczos in double precision over every pixel of the full picture, one axis.
fn lanczos(line: &[f64], to: usize) -> Vec<f64> {
    let scale = line.len() as f64 / to as f64;
    let sinc =
        |x: f64| if x == 0.0 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
    (0..to)
        .map(|out| {
            let centre = (out as f64 + 0.5) * scale;
            let weights = line.iter().enumerate().map(|(i, &value)| {
                let x = (i as f64 + 0.5 - centre) / scale.max(1.0);
                let weight = if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 };
                (weight, weight * value)
            });
            let (total, sum) = weights.fold((0.0, 0.0), |(t, s), (w, v)| (t + w, s + v));
            sum / total
        })
        .collect()
}

#[test]
fn averaging_first_stays_close_to_lanczos_over_the_full_picture() {
    // Detail of every size, as photographs have: noise over octaves, each as strong as it is coarse.
    let side = 640_usize;
    let mut light = vec![0.0; side * side];
    for octave in 1..=8_u64 {
        let cell = 1 << octave;
        let values: Vec<u8> = noise(octave).take((side / cell + 2).pow(2)).collect();
        for (i, sample) in light.iter_mut().enumerate() {
            let (x, y) = (i % side / cell, i / side / cell);
            *sample += f64::from(values[y * (side / cell + 2) + x]) * cell as f64 / 510.0;
        }
    }
    let bytes: Vec<u8> = light.iter().map(|v| v.min(255.0) as u8).collect();
    let frame = Frame::new(640, 640, Channels::Grey, bytes.clone()).expect("640x640");
    let table = linear::from_srgb();
    let back = linear::to_srgb();
    for to in [64_usize, 127, 200, 300] {
        let made = scaled(&frame, Fit::Contain, to as u64, to as u64);
        let linear: Vec<f64> = bytes.iter().map(|&b| f64::from(table[usize::from(b)])).collect();
        let rows: Vec<Vec<f64>> = linear.chunks(side).map(|row| lanczos(row, to)).collect();
        let mut error = 0.0;
        for x in 0..to {
            let column: Vec<f64> = rows.iter().map(|row| row[x]).collect();
            for (y, value) in lanczos(&column, to).into_iter().enumerate() {
                let want = back[value.round().clamp(0.0, 65_535.0) as usize];
                error += (f64::from(want) - f64::from(made.pixels()[y * to + x])).powi(2);
            }
        }
        let psnr = 10.0 * (255.0 * 255.0 / (error / (to * to) as f64)).log10();
        println!("640 to {to}: {psnr:.1} dB");
        assert!(psnr > 38.0, "640 to {to}: {psnr:.1} dB");
    }
}

/// Lanczos of a picture with an alpha in double precision: light, premultiplied, over both axes.
fn exact(frame: &Frame, to: (usize, usize)) -> Vec<[f64; 4]> {
    let table = linear::from_srgb();
    let plane = |at: usize| -> Vec<f64> {
        let pixels = frame.pixels().as_chunks::<4>().0.iter();
        let light = |pixel: &[u8; 4]| match at {
            3 => f64::from(pixel[3]) * 257.0,
            _ => f64::from(table[usize::from(pixel[at])]) * f64::from(pixel[3]) / 255.0,
        };
        let rows: Vec<Vec<f64>> = pixels
            .map(light)
            .collect::<Vec<_>>()
            .chunks(frame.width() as usize)
            .map(|row| lanczos(row, to.0))
            .collect();
        let columns = (0..to.0).map(|x| lanczos(&rows.iter().map(|row| row[x]).collect::<Vec<_>>(), to.1));
        let columns: Vec<Vec<f64>> = columns.collect();
        (0..to.0 * to.1).map(|i| columns[i % to.0][i / to.0]).collect()
    };
    let planes = [0, 1, 2, 3].map(plane);
    (0..to.0 * to.1).map(|i| [0, 1, 2, 3].map(|at| planes[at][i])).collect()
}

#[test]
fn every_sample_is_what_double_precision_gives() {
    let back = linear::to_srgb();
    for (from, to) in [((61, 47), (40, 31)), ((50, 90), (49, 61)), ((64, 9), (37, 7))] {
        let mut frame = picture(from.0, from.1, Channels::Rgba, 5);
        // A quarter is opaque and a quarter transparent.
        for (i, pixel) in frame.pixels_mut().as_chunks_mut::<4>().0.iter_mut().enumerate() {
            pixel[3] = match i / 5 % 4 {
                0 => 255,
                1 => 0,
                _ => pixel[3],
            };
        }
        let made = scaled(&frame, Fit::Squeeze, to.0, to.1);
        let exact = exact(&frame, (to.0 as usize, to.1 as usize));
        for (i, (got, want)) in made.pixels().as_chunks::<4>().0.iter().zip(exact).enumerate() {
            let alpha = (want[3] / 257.0).clamp(0.0, 255.0);
            assert!((f64::from(got[3]) - alpha).abs() <= 0.51, "{from:?} {i}: {got:?} {want:?}");
            for at in 0..3 {
                let plain = (want[at] / want[3] * 65_535.0).clamp(0.0, 65_535.0);
                let wanted = back[plain.round() as usize];
                // Where next to nothing is left of the alpha its last bits decide.
                assert!(want[3] < 300.0 || got[at].abs_diff(wanted) <= 1, "{from:?} {i}: {got:?} {want:?}");
            }
        }
    }
}

#[test]
fn wider_registers_make_no_difference() {
    for channels in [Channels::Grey, Channels::Rgb, Channels::Rgba] {
        let frame = picture(91, 67, channels, 7);
        for (width, height) in [(60, 41), (20, 15), (7, 5), (120, 99)] {
            let region = Rect::whole(Size { width: 91, height: 67 }).region();
            let scaler = Scaler::new(&frame, region, Size { width, height });
            let (wide, narrow) = match channels {
                Channels::Grey => (scaler.run::<1>(), scaler.run_here::<1>()),
                Channels::Rgb => (scaler.run::<3>(), scaler.run_here::<3>()),
                Channels::Rgba => (scaler.run::<4>(), scaler.run_here::<4>()),
            };
            assert_eq!(wide, narrow, "{channels:?} to {width}x{height}");
        }
    }
}
