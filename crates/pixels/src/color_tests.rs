use super::*;

fn in_srgb(decoded: Decoded) -> Frame {
    let (frame, profile) = convert(decoded, Gamut::Srgb).expect("converts");
    assert_eq!(profile, None, "sRGB needs no profile");
    frame
}

fn wide(profile: Option<Vec<u8>>, channels: Channels, samples: &[u16]) -> Vec<u8> {
    let picture = WidePicture { width: 1, height: 1, channels, samples: samples.to_vec() };
    in_srgb(Decoded { pixels: Pixels::Wide(picture), profile }).pixels().to_vec()
}

fn converted(profile: Option<Vec<u8>>, channels: Channels, pixels: &[u8]) -> Vec<u8> {
    let frame = Frame::new(1, 1, channels, pixels.to_vec()).expect("one pixel");
    in_srgb(Decoded { pixels: Pixels::Frame(frame), profile }).pixels().to_vec()
}

#[test]
fn a_wider_gamut_is_brought_to_srgb() {
    let p3 = ColorProfile::new_display_p3().encode().ok();
    let [r, g, b] = converted(p3.clone(), Channels::Rgb, &[234, 51, 35]).try_into().expect("3 samples");
    // Display P3 (234, 51, 35) is sRGB red.
    assert!(r >= 253 && g <= 8 && b <= 8, "{r} {g} {b}");
    let grey = converted(p3.clone(), Channels::Rgb, &[120, 120, 120]);
    assert!(grey.iter().all(|sample| sample.abs_diff(120) <= 1), "{grey:?}");
    let alpha = converted(p3, Channels::Rgba, &[234, 51, 35, 77]);
    assert_eq!(alpha[3], 77);
}

#[test]
fn srgb_and_broken_profiles_change_nothing() {
    let srgb = ColorProfile::new_srgb().encode().expect("a profile");
    let broken = srgb[..srgb.len() / 2].to_vec();
    for profile in [None, Some(srgb), Some(broken), Some(vec![7; 300]), Some(Vec::new())] {
        assert_eq!(converted(profile.clone(), Channels::Rgb, &[200, 10, 90]), [200, 10, 90]);
        assert_eq!(converted(profile, Channels::Grey, &[90]), [90]);
    }
}

#[test]
fn a_profile_for_grey_changes_the_curve() {
    let linear = ColorProfile::new_gray_with_gamma(1.0).encode().ok();
    let made = converted(linear, Channels::Grey, &[128]);
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
        let picture = InkPicture::new(1, 1, ink.to_vec()).expect("one pixel");
        let made = in_srgb(Decoded { pixels: Pixels::Ink(picture), profile: None });
        assert_eq!(made.pixels(), expected, "{ink:?}");
    }
}

#[test]
fn sixteen_bits_are_rounded_once_after_the_conversion() {
    assert_eq!(wide(None, Channels::Rgb, &[128, 129, 65_407]), [0, 1, 255]);
    // Linear light, of which 8 bits would have kept no more than 20 steps up to here.
    let mut linear = ColorProfile::new_srgb();
    let straight = moxcms::curve_from_gamma(1.0);
    linear.cicp = None;
    linear.red_trc = Some(straight.clone());
    linear.green_trc = Some(straight.clone());
    linear.blue_trc = Some(straight);
    let linear = linear.encode().ok();
    for (light, expected) in [(0_u16, 0_u8), (150, 8), (400, 18), (2_000, 49), (14_000, 128), (65_535, 255)] {
        let made = wide(linear.clone(), Channels::Rgba, &[light, light, light, 30_000]);
        assert!(made[..3].iter().all(|sample| sample.abs_diff(expected) <= 1), "{light}: {made:?}");
        assert_eq!(made[3], 117);
    }
    let grey = ColorProfile::new_gray_with_gamma(1.0).encode().ok();
    let made = wide(grey, Channels::Grey, &[14_000]);
    assert!(made[0].abs_diff(128) <= 1, "{made:?}");
}

#[test]
fn display_p3_is_kept_where_it_is_asked_for() {
    let decoded = |profile: Option<Vec<u8>>| {
        let frame = Frame::new(1, 1, Channels::Rgb, vec![250, 40, 30]).expect("one pixel");
        Decoded { pixels: Pixels::Frame(frame), profile }
    };
    let p3 = ColorProfile::new_display_p3().encode().ok();
    let (frame, embedded) = convert(decoded(p3.clone()), Gamut::DisplayP3).expect("converts");
    assert_eq!(frame.pixels(), [250, 40, 30]);
    let embedded = ColorProfile::new_from_slice(&embedded.expect("a profile")).expect("sound");
    assert!(is_same(&embedded, &ColorProfile::new_display_p3()));
    let (frame, none) = convert(decoded(p3), Gamut::Srgb).expect("converts");
    assert_eq!((frame.pixels()[0], none), (255, None));
    // What does not go beyond sRGB stays there.
    let srgb = ColorProfile::new_srgb().encode().ok();
    for profile in [None, srgb, from_gamma(0.6, None)] {
        let (_, embedded) = convert(decoded(profile), Gamut::DisplayP3).expect("converts");
        assert_eq!(embedded, None);
    }
    let (frame, embedded) = convert(decoded(from_cicp(9, 13)), Gamut::DisplayP3).expect("converts");
    assert!(embedded.is_some() && frame.pixels()[0] > 250, "{:?}", frame.pixels());
}

#[test]
fn numbers_stand_for_profiles() {
    for (primaries, transfer) in [(1, 13), (1, 1), (1, 6), (2, 2), (1, 14), (300, 13), (1, 255)] {
        assert_eq!(from_cicp(primaries, transfer), None, "{primaries} {transfer}");
    }
    let p3 = convert_one(from_cicp(12, 13), [234, 51, 35]);
    assert!(p3[0] >= 253 && p3[1] <= 8, "{p3:?}");
    // Linear: half the light is byte 188.
    assert!(convert_one(from_cicp(1, 8), [128; 3]).iter().all(|sample| sample.abs_diff(188) <= 1));
}

#[test]
fn gamma_stands_for_a_profile() {
    assert_eq!(from_gamma(0.45455, None), None);
    assert_eq!(from_gamma(0.0, None), None);
    assert_eq!(from_gamma(f32::NAN, None), None);
    let linear = convert_one(from_gamma(1.0, None), [128; 3]);
    assert!(linear.iter().all(|sample| sample.abs_diff(188) <= 1), "{linear:?}");
    let swapped =
        Chromaticities { white: (0.3127, 0.329), red: (0.3, 0.6), green: (0.64, 0.33), blue: (0.15, 0.06) };
    let made = convert_one(from_gamma(0.45455, Some(swapped)), [255, 0, 0]);
    assert!(made[1] > 250 && made[0] < 5, "red and green have changed places: {made:?}");
    let impossible = Chromaticities { blue: (0.1, 0.0), ..swapped };
    assert_eq!(from_gamma(0.45455, Some(impossible)), None);
}

fn convert_one(profile: Option<Vec<u8>>, pixel: [u8; 3]) -> Vec<u8> {
    assert!(profile.is_some(), "there is a profile");
    converted(profile, Channels::Rgb, &pixel)
}

#[test]
fn frames_of_an_animation_become_what_still_pictures_do() {
    let profiles = [
        None,
        Some(vec![7; 300]),
        ColorProfile::new_srgb().encode().ok(),
        ColorProfile::new_display_p3().encode().ok(),
        ColorProfile::new_gray_with_gamma(1.0).encode().ok(),
        from_cicp(9, 16),
    ];
    for (index, profile) in profiles.into_iter().enumerate() {
        let frames = Frames::new(profile.as_deref());
        for pixels in [&[90][..], &[200, 10, 90], &[10, 200, 90, 77], &[0, 90, 255], &[90, 0, 255, 3]] {
            let channels = match pixels.len() {
                1 => Channels::Grey,
                3 => Channels::Rgb,
                _ => Channels::Rgba,
            };
            let frame = Frame::new(1, 1, channels, pixels.to_vec()).expect("one pixel");
            let made = frames.convert(frame).expect("converts").into_pixels();
            assert_eq!(made, converted(profile.clone(), channels, pixels), "{index}");
        }
    }
}
