//! Saturation, brightness, contrast and gamma, in this order and by tables. Alpha stays.
//!
//! - saturation `s`, on linear light: `c' = Y + s (c - Y)`, where `Y` is the light of the pixel. So 0
//!   gives the grey that is as light as the colour was.
//! - brightness `b`, on linear light: `c' = b c`.
//! - contrast `k`, on sRGB values from 0 to 1: `v' = 0.5 + k (v - 0.5)`.
//! - gamma `g`, on the same: `v' = v ^ (1 / g)`; below 1 is darker.
//!
//! After each one values are cut off to their range.

use crate::Fault;
use crate::frame::{Channels, Frame};
use crate::linear;
use crate::plan::{Plan, Tone};

/// Shares of red, green and blue in the light of a pixel, in 65536ths, after sRGB's primaries.
const LIGHT: [i64; 3] = [13_933, 46_871, 4_732];

/// Changes the colours if the plan says so.
pub(super) fn tone(mut frame: Frame, plan: &Plan) -> Result<Frame, Fault> {
    let tone = plan.tone;
    if tone == Tone::NONE {
        return Ok(frame);
    }
    match frame.channels() {
        Channels::Grey => curve(frame.pixels_mut(), &tone),
        Channels::Rgb if tone.saturation == 1.0 => curve(frame.pixels_mut(), &tone),
        Channels::Rgb => {
            let saturation = Saturation::new(&tone);
            frame.pixels_mut().as_chunks_mut::<3>().0.iter_mut().for_each(|rgb| saturation.change(rgb));
        }
        Channels::Rgba => {
            let saturation = Saturation::new(&tone);
            for [r, g, b, _] in frame.pixels_mut().as_chunks_mut::<4>().0 {
                let mut rgb = [*r, *g, *b];
                saturation.change(&mut rgb);
                [*r, *g, *b] = rgb;
            }
        }
    }
    Ok(frame)
}

/// Everything but the saturation, for light in 16 bits.
fn toned(light: f64, tone: &Tone) -> u8 {
    let value = linear::coded(light * tone.brightness);
    let value = ((value - 0.5) * tone.contrast + 0.5).clamp(0.0, 1.0);
    // The grammar lets no gamma of 0 in; the smallest step stands for it.
    let value = value.powf(1.0 / tone.gamma.max(0.01));
    (value * 255.0).round() as u8
}

fn curve(samples: &mut [u8], tone: &Tone) {
    let table = linear::from_srgb().map(|light| toned(f64::from(light), tone));
    for sample in samples {
        *sample = table[usize::from(*sample)]; // 256 entries, so every byte is an index.
    }
}

struct Saturation {
    forth: [u16; 256],
    /// For all light in 16 bits.
    back: Vec<u8>,
    /// In 256ths.
    factor: i64,
}

impl Saturation {
    fn new(tone: &Tone) -> Saturation {
        Saturation {
            forth: linear::from_srgb(),
            back: (0..=u16::MAX).map(|light| toned(f64::from(light), tone)).collect(),
            factor: (tone.saturation * 256.0).round() as i64,
        }
    }

    fn change(&self, rgb: &mut [u8; 3]) {
        let light = rgb.map(|byte| i64::from(self.forth[usize::from(byte)])); // 256 entries.
        let grey = (light.iter().zip(LIGHT).map(|(light, share)| light * share).sum::<i64>() + 32_768) >> 16;
        for (byte, light) in rgb.iter_mut().zip(light) {
            let changed = grey + (((light - grey) * self.factor + 128) >> 8);
            let index = changed.clamp(0, 65_535) as usize;
            *byte = self.back.get(index).copied().unwrap_or(255);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::as_is;

    fn made(tone: Tone, channels: Channels, pixels: &[u8]) -> Vec<u8> {
        let width = (pixels.len() / channels.count()) as u32;
        let frame = Frame::new(width, 1, channels, pixels.to_vec()).expect("whole pixels");
        super::tone(frame, &Plan { tone, ..as_is(width, 1) }).expect("a picture").into_pixels()
    }

    #[test]
    fn factors_of_one_change_nothing() {
        let all: Vec<u8> = (0..=254).collect();
        assert_eq!(made(Tone::NONE, Channels::Rgb, &all), all);
        for byte in 0..=255_u8 {
            let light = f64::from(linear::from_srgb()[usize::from(byte)]);
            assert_eq!(toned(light, &Tone::NONE), byte);
        }
        // Nearly none, so that the tables are used.
        assert_eq!(made(Tone { saturation: 1.000_1, ..Tone::NONE }, Channels::Rgb, &all), all);
    }

    #[test]
    fn no_saturation_is_the_grey_of_the_same_light() {
        // Red has 0.2126 of the light, which is 0.4984 in sRGB; green 0.7152 and 0.8625.
        let grey = Tone { saturation: 0.0, ..Tone::NONE };
        assert_eq!(made(grey, Channels::Rgb, &[255, 0, 0, 0, 255, 0]), [127, 127, 127, 220, 220, 220]);
        assert_eq!(made(grey, Channels::Rgba, &[0, 0, 255, 7]), [76, 76, 76, 7]);
        assert_eq!(made(grey, Channels::Grey, &[99]), [99]);
        let vivid = Tone { saturation: 2.0, ..Tone::NONE };
        let made = made(vivid, Channels::Rgb, &[150, 100, 100]);
        assert!(made[0] > 150 && made[1] < 100 && made[1] == made[2], "{made:?}");
    }

    #[test]
    fn brightness_multiplies_light() {
        let twice = Tone { brightness: 2.0, ..Tone::NONE };
        // Byte 188 has 0.5029 of the light; 100 has 0.1274, and 0.2549 is byte 138.
        assert_eq!(made(twice, Channels::Grey, &[0, 100, 188, 255]), [0, 138, 255, 255]);
        let half = Tone { brightness: 0.5, ..Tone::NONE };
        assert_eq!(made(half, Channels::Rgba, &[255, 138, 0, 99]), [188, 100, 0, 99]);
    }

    #[test]
    fn contrast_spreads_around_the_middle() {
        // Three times the distance from 127.5.
        let more = Tone { contrast: 3.0, ..Tone::NONE };
        assert_eq!(made(more, Channels::Grey, &[0, 64, 100, 128, 150, 255]), [0, 0, 45, 129, 195, 255]);
        let flat = Tone { contrast: 0.0, ..Tone::NONE };
        assert_eq!(made(flat, Channels::Grey, &[0, 255]), [128, 128]);
    }

    #[test]
    fn gamma_below_one_is_darker() {
        // (64/255)^2 = 0.0630, and the square root of 64/255 is 0.5010.
        assert_eq!(made(Tone { gamma: 0.5, ..Tone::NONE }, Channels::Grey, &[0, 64, 255]), [0, 16, 255]);
        assert_eq!(made(Tone { gamma: 2.0, ..Tone::NONE }, Channels::Grey, &[0, 64, 255]), [0, 128, 255]);
        assert_eq!(made(Tone { gamma: 0.0, ..Tone::NONE }, Channels::Grey, &[0, 64, 255]), [0, 0, 255]);
    }

    #[test]
    fn the_order_is_saturation_brightness_contrast_gamma() {
        let all = Tone { saturation: 0.0, brightness: 2.0, contrast: 0.5, gamma: 0.5 };
        let parts = [
            Tone { saturation: 0.0, ..Tone::NONE },
            Tone { brightness: 2.0, ..Tone::NONE },
            Tone { contrast: 0.5, ..Tone::NONE },
            Tone { gamma: 0.5, ..Tone::NONE },
        ];
        let pixels = [200, 10, 60, 5, 90, 30, 120, 120, 120];
        let one_by_one =
            parts.into_iter().fold(pixels.to_vec(), |pixels, tone| made(tone, Channels::Rgb, &pixels));
        for (at_once, one) in made(all, Channels::Rgb, &pixels).iter().zip(one_by_one) {
            assert!(at_once.abs_diff(one) <= 1, "{at_once} {one}");
        }
    }
}
