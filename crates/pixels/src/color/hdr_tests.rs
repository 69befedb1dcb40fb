use super::*;
use crate::color::from_cicp;
use crate::decode::WidePicture;

fn hdr(primaries: u16, transfer: u16) -> Hdr {
    let profile = from_cicp(primaries, transfer).expect("a profile");
    let profile = ColorProfile::new_from_slice(&profile).expect("sound");
    Hdr::new(&profile, &ColorProfile::new_srgb()).expect("high range")
}

/// A PQ sample for this light: the inverse of the curve by bisection.
fn signal(light: f64) -> u16 {
    (0..=u16::MAX).collect::<Vec<_>>().partition_point(|&sample| pq(f64::from(sample) / 65_535.0) < light)
        as u16
}

#[test]
fn ordinary_profiles_are_left_alone() {
    let srgb = ColorProfile::new_srgb();
    assert!(Hdr::new(&srgb, &srgb).is_none());
    assert!(Hdr::new(&ColorProfile::new_display_p3(), &srgb).is_none());
}

#[test]
fn the_curves_are_those_of_the_standard() {
    // BT.2408: 203 candela are 58 % of PQ and 75 % of HLG.
    assert!((pq(0.5807) - 203.0).abs() < 0.5);
    assert!((pq(1.0) - 10_000.0).abs() < 0.01 && pq(0.0) == 0.0);
    let reference = hlg(0.75);
    assert!((reference.powf(1.2) * 1000.0 - 203.0).abs() < 1.0);
    assert!((hlg(1.0) - 1.0).abs() < 1e-4 && (hlg(0.5) - 1.0 / 12.0).abs() < 1e-9);
}

#[test]
fn light_below_the_knee_is_kept_and_above_it_never_falls() {
    let hdr = hdr(9, 16);
    // A fifth of white, 40.6 candela, is byte 124 in sRGB.
    let fifth = signal(40.6);
    assert!(hdr.color([fifth; 3]).iter().all(|byte| byte.abs_diff(124) <= 1));
    let mut last = 0;
    for sample in (0..=u16::MAX).step_by(97) {
        let [r, g, b] = hdr.color([sample; 3]);
        assert!(g >= last && r.abs_diff(g) <= 1 && b.abs_diff(g) <= 1, "{sample}: {r} {g} {b}");
        last = g;
    }
    let white = hdr.color([signal(203.0); 3])[1];
    assert!((235..=244).contains(&white) && last >= 254, "{white} {last}");
    assert_eq!(hdr.color([0; 3]), [0; 3]);
}

#[test]
fn hues_stay_when_light_is_brought_down() {
    let [r, g, b] = hdr(9, 16).color([signal(2000.0), signal(1000.0), signal(1000.0)]);
    assert!(r > g && g.abs_diff(b) < 40, "{r} {g} {b}");
    let [r, g, b] = hdr(9, 18).color([49_151; 3]);
    assert!(g > 230 && r.abs_diff(b) <= 1, "{r} {g} {b}");
}

#[test]
fn all_kinds_of_pixels_are_converted() {
    let hdr = hdr(1, 16);
    let fifth = signal(40.6);
    for (channels, samples, expected) in [
        (Channels::Grey, vec![fifth], vec![124]),
        (Channels::Rgb, vec![fifth; 3], vec![124; 3]),
        (Channels::Rgba, vec![fifth, fifth, fifth, 30_000], vec![124, 124, 124, 117]),
    ] {
        let picture = WidePicture { width: 1, height: 1, channels, samples };
        let made = hdr.convert(Pixels::Wide(picture)).expect("converts");
        assert_eq!(made.channels(), channels);
        assert!(made.pixels().iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1), "{:?}", made.pixels());
    }
    let frame = Frame::new(1, 1, Channels::Rgb, vec![(fifth / 257) as u8; 3]).expect("one pixel");
    let made = hdr.convert(Pixels::Frame(frame)).expect("converts");
    assert!(made.pixels().iter().all(|byte| byte.abs_diff(124) <= 2), "{:?}", made.pixels());
}
