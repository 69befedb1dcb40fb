//! Pictures of high dynamic range (PQ and HLG of ITU-R BT.2100) to the range of ordinary screens.
//!
//! The rule: 203 candela a square metre, the reference white of ITU-R BT.2408, is white. The brightest
//! of the three colours of a pixel decides: up to [`KNEE`] nothing changes, above it light comes ever
//! closer to full and never reaches it, and all three are scaled alike, so that hues stay. HLG is taken
//! as on its reference screen of 1000 candela.

use crate::Fault;
use crate::decode::{Pixels, round_to_byte};
use crate::frame::{Channels, Frame, byte_count};
use crate::linear;
use moxcms::{ColorProfile, DataColorSpace, TransferCharacteristics};

/// Candela a square metre of white.
const WHITE: f64 = 203.0;

/// Candela a square metre of the reference screen of HLG.
const HLG_SCREEN: f64 = 1000.0;

/// The part of white up to which light is kept.
const KNEE: f32 = 0.75;

/// The weights of BT.2020 in luminance, which HLG's curve for the screen is defined by.
const LUMINANCE: [f32; 3] = [0.2627, 0.6780, 0.0593];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Curve {
    Pq,
    Hlg,
}

/// A conversion from one profile to a target.
pub(super) struct Hdr {
    curve: Curve,
    /// Light for every 16-bit sample, of which 1 is white; of HLG, before the curve for the screen.
    light: Vec<f32>,
    /// To linear light in the primaries of the target.
    matrix: [[f32; 3]; 3],
    /// Samples of the target for light.
    bytes: Box<[u8; linear::LIGHTS]>,
}

impl Hdr {
    /// `None` if the profile is not one of high dynamic range.
    pub(super) fn new(profile: &ColorProfile, target: &ColorProfile) -> Option<Hdr> {
        let numbers = profile.cicp.filter(|_| profile.color_space == DataColorSpace::Rgb)?;
        let curve = match numbers.transfer_characteristics {
            TransferCharacteristics::Smpte2084 => Curve::Pq,
            TransferCharacteristics::Hlg => Curve::Hlg,
            _ => return None,
        };
        let light = (0..=u16::MAX).map(|sample| {
            let level = f64::from(sample) / 65_535.0;
            match curve {
                Curve::Pq => (pq(level) / WHITE) as f32,
                Curve::Hlg => hlg(level) as f32,
            }
        });
        let matrix = profile.transform_matrix(target).v;
        Some(Hdr {
            curve,
            light: light.collect(),
            matrix: matrix.map(|row| row.map(|weight| weight as f32)),
            bytes: linear::to_srgb(),
        })
    }

    /// Converts a picture. Ink has no high range: it is refused.
    pub(super) fn convert(&self, pixels: Pixels) -> Result<Frame, Fault> {
        let corrupt = || Fault::Corrupt("its profile does not fit its pixels".to_owned());
        let (width, height, channels, wide, narrow) = match pixels {
            Pixels::Frame(frame) => {
                (frame.width(), frame.height(), frame.channels(), Vec::new(), frame.pixels().to_vec())
            }
            Pixels::Wide(picture) => {
                (picture.width, picture.height, picture.channels, picture.samples, Vec::new())
            }
            Pixels::Ink(_) => return Err(corrupt()),
        };
        let count = channels.count();
        let mut out = vec![0; byte_count(width, height, count)];
        for (pixel, samples) in out.chunks_exact_mut(count).zip(wide.chunks_exact(count)) {
            self.pixel(pixel, samples, channels);
        }
        for (pixel, samples) in out.chunks_exact_mut(count).zip(narrow.chunks_exact(count)) {
            let mut spread = [0; 4];
            spread.iter_mut().zip(samples).for_each(|(to, &from)| *to = u16::from(from) * 257);
            self.pixel(pixel, &spread, channels);
        }
        Frame::new(width, height, channels, out).ok_or_else(corrupt)
    }

    fn pixel(&self, out: &mut [u8], samples: &[u16], channels: Channels) {
        let (colors, alpha) = match (channels, samples) {
            (Channels::Grey, [grey, ..]) => ([*grey; 3], None),
            (Channels::Rgb, [r, g, b, ..]) => ([*r, *g, *b], None),
            (Channels::Rgba, [r, g, b, a, ..]) => ([*r, *g, *b], Some(*a)),
            _ => return,
        };
        // Green stands for grey.
        let [r, g, b] = self.color(colors);
        let made = if channels == Channels::Grey { [g, g, b, 255] } else { [r, g, b, 255] };
        out.iter_mut().zip(made).for_each(|(to, from)| *to = from);
        if let (Some(alpha), Some(last)) = (alpha, out.last_mut()) {
            *last = round_to_byte(alpha);
        }
    }

    fn color(&self, samples: [u16; 3]) -> [u8; 3] {
        let mut light = samples.map(|sample| self.light.get(usize::from(sample)).copied().unwrap_or(0.0));
        if self.curve == Curve::Hlg {
            let luminance: f32 = light.iter().zip(LUMINANCE).map(|(light, weight)| light * weight).sum();
            let screen = luminance.max(0.0).powf(0.2) * (HLG_SCREEN / WHITE) as f32;
            light = light.map(|light| light * screen);
        }
        let mixed = self
            .matrix
            .map(|row| row.iter().zip(light).map(|(weight, light)| weight * light).sum::<f32>().max(0.0));
        let brightest = mixed.iter().copied().fold(0.0, f32::max);
        let scale = if brightest > KNEE { shoulder(brightest) / brightest } else { 1.0 };
        mixed.map(|light| {
            // A cast ends at the bounds, and the table has all 65536 entries.
            let index = (light * scale * 65_535.0 + 0.5) as u16;
            self.bytes.get(usize::from(index)).copied().unwrap_or(255)
        })
    }
}

/// Light above the knee: as steep as below at its start, and never beyond 1.
fn shoulder(light: f32) -> f32 {
    let room = 1.0 - KNEE;
    let beyond = (light - KNEE) / room;
    KNEE + room * beyond / (1.0 + beyond)
}

/// Candela a square metre of a PQ signal from 0 to 1.
fn pq(signal: f64) -> f64 {
    const M1: f64 = 2610.0 / 16_384.0;
    const M2: f64 = 2523.0 / 32.0;
    const C1: f64 = 3424.0 / 4096.0;
    const C2: f64 = 2413.0 / 128.0;
    const C3: f64 = 2392.0 / 128.0;
    let power = signal.powf(1.0 / M2);
    10_000.0 * ((power - C1).max(0.0) / (C2 - C3 * power)).powf(1.0 / M1)
}

/// Light of the scene of an HLG signal, both from 0 to 1.
fn hlg(signal: f64) -> f64 {
    const A: f64 = 0.178_832_77;
    const B: f64 = 1.0 - 4.0 * A;
    let c = 0.5 - A * (4.0 * A).ln();
    if signal <= 0.5 { signal * signal / 3.0 } else { (((signal - c) / A).exp() + B) / 12.0 }
}

#[cfg(test)]
#[path = "hdr_tests.rs"]
mod tests;
