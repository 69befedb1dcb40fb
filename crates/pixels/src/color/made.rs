//! Profiles made of the numbers that formats give instead of one.

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, MatrixCoefficients,
    TransferCharacteristics, curve_from_gamma,
};

/// Places in the CIE chromaticity diagram, x and y.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chromaticities {
    pub(crate) white: (f32, f32),
    pub(crate) red: (f32, f32),
    pub(crate) green: (f32, f32),
    pub(crate) blue: (f32, f32),
}

/// What PNG files mean that have the curve alone.
const SRGB: Chromaticities =
    Chromaticities { white: (0.3127, 0.329), red: (0.64, 0.33), green: (0.3, 0.6), blue: (0.15, 0.06) };

/// Transfer characteristics of ITU-T H.273 that the curve of sRGB stands for: those of BT.709,
/// BT.601 and BT.2020 describe cameras, and browsers show them like sRGB.
const LIKE_SRGB: [u8; 5] = [1, 2, 6, 14, 15];
const SRGB_CURVE: u8 = 13;

/// A profile for primaries and a transfer function in the numbers of ITU-T H.273; `None` stands for
/// sRGB, and for numbers that say nothing.
pub(crate) fn from_cicp(primaries: u16, transfer: u16) -> Option<Vec<u8>> {
    let (primaries, transfer) = (u8::try_from(primaries).ok()?, u8::try_from(transfer).ok()?);
    let transfer = if LIKE_SRGB.contains(&transfer) { SRGB_CURVE } else { transfer };
    // Unspecified primaries are those of sRGB.
    let primaries = if primaries == 2 { 1 } else { primaries };
    if primaries == 1 && transfer == SRGB_CURVE {
        return None;
    }
    let numbers = CicpProfile {
        color_primaries: CicpColorPrimaries::try_from(primaries).ok()?,
        transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    };
    let mut profile = ColorProfile::new_from_cicp(numbers);
    if profile.cicp.is_none() || profile.red_trc.is_none() {
        return None;
    }
    profile.cicp = Some(numbers);
    profile.encode().ok()
}

/// A profile for a file gamma, which is the exponent from light to samples, and primaries; `None`
/// stands for sRGB. Without primaries they are those of sRGB.
pub(crate) fn from_gamma(gamma: f32, places: Option<Chromaticities>) -> Option<Vec<u8>> {
    let places = places.unwrap_or(SRGB);
    let near =
        |(ax, ay): (f32, f32), (bx, by): (f32, f32)| (ax - bx).abs() < 0.002 && (ay - by).abs() < 0.002;
    let same = near(places.white, SRGB.white)
        && near(places.red, SRGB.red)
        && near(places.green, SRGB.green)
        && near(places.blue, SRGB.blue);
    // 1/2.2 is how PNG writes sRGB, whose curve is near.
    if !(0.01..=100.0).contains(&gamma) || same && (gamma - 1.0 / 2.2).abs() < 0.005 {
        return None;
    }
    let place = |(x, y): (f32, f32)| Chromaticity { x, y };
    let valid = |(x, y): (f32, f32)| x >= 0.0 && y > 0.0 && x <= 1.0 && y <= 1.0;
    if ![places.white, places.red, places.green, places.blue].into_iter().all(valid) {
        return None;
    }
    let mut profile = ColorProfile::new_srgb();
    let primaries =
        ColorPrimaries { red: place(places.red), green: place(places.green), blue: place(places.blue) };
    profile.update_rgb_colorimetry(place(places.white).to_xyyb(), primaries);
    let curve = curve_from_gamma(1.0 / gamma);
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
    profile.encode().ok()
}
