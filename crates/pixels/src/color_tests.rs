use super::*;

fn convert(profile: Option<Vec<u8>>, channels: Channels, pixels: &[u8]) -> Vec<u8> {
    let frame = Frame::new(1, 1, channels, pixels.to_vec()).expect("one pixel");
    to_srgb(Decoded { pixels: Pixels::Frame(frame), profile }).expect("converts").pixels().to_vec()
}

#[test]
fn a_wider_gamut_is_brought_to_srgb() {
    let p3 = ColorProfile::new_display_p3().encode().ok();
    let [r, g, b] = convert(p3.clone(), Channels::Rgb, &[234, 51, 35]).try_into().expect("3 samples");
    // Display P3 (234, 51, 35) is sRGB red.
    assert!(r >= 253 && g <= 8 && b <= 8, "{r} {g} {b}");
    let grey = convert(p3.clone(), Channels::Rgb, &[120, 120, 120]);
    assert!(grey.iter().all(|sample| sample.abs_diff(120) <= 1), "{grey:?}");
    let alpha = convert(p3, Channels::Rgba, &[234, 51, 35, 77]);
    assert_eq!(alpha[3], 77);
}

#[test]
fn srgb_and_broken_profiles_change_nothing() {
    let srgb = ColorProfile::new_srgb().encode().expect("a profile");
    let broken = srgb[..srgb.len() / 2].to_vec();
    for profile in [None, Some(srgb), Some(broken), Some(vec![7; 300]), Some(Vec::new())] {
        assert_eq!(convert(profile.clone(), Channels::Rgb, &[200, 10, 90]), [200, 10, 90]);
        assert_eq!(convert(profile, Channels::Grey, &[90]), [90]);
    }
}

#[test]
fn a_profile_for_grey_changes_the_curve() {
    let linear = ColorProfile::new_gray_with_gamma(1.0).encode().ok();
    let made = convert(linear, Channels::Grey, &[128]);
    assert!(made[0].abs_diff(188) <= 2, "half the light is byte 188, not {made:?}");
}

#[test]
fn ink_without_a_profile_is_ideal() {
    for (ink, expected) in [
        ([0, 0, 0, 0], [255, 255, 255]),
        ([255, 0, 0, 0], [0, 255, 255]),
        ([0, 0, 0, 255], [0, 0, 0]),
        ([0, 128, 255, 128], [127, 63, 0]),
    ] {
        let picture = InkPicture { width: 1, height: 1, samples: ink.to_vec() };
        let made = to_srgb(Decoded { pixels: Pixels::Ink(picture), profile: None }).expect("converts");
        assert_eq!(made.pixels(), expected, "{ink:?}");
    }
}
