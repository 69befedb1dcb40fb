//! Between sRGB bytes and linear light in 16 bits, where averages are right.

/// Linear light for every sRGB byte: 0 to 65535.
pub(crate) fn from_srgb() -> [u16; 256] {
    // The index is below 256.
    std::array::from_fn(|byte| to_linear(byte as f64).round() as u16)
}

/// Values of light in 16 bits.
pub(crate) const LIGHTS: usize = 1 << 16;

/// The nearest sRGB byte for every value of light.
pub(crate) fn to_srgb() -> Box<[u8; LIGHTS]> {
    let mut table = Box::new([0; LIGHTS]);
    let mut rest = table.iter_mut();
    let mut before = 0;
    for byte in 0..=255_u8 {
        let end = match byte {
            255 => LIGHTS,
            below => to_linear(f64::from(below) + 0.5).ceil() as usize,
        };
        rest.by_ref().take(end - before).for_each(|entry| *entry = byte);
        before = end;
    }
    table
}

/// An sRGB byte with its light multiplied, at most full.
pub(crate) fn brighten(byte: u8, factor: f64) -> u8 {
    (coded(to_linear(f64::from(byte)) * factor) * 255.0).round() as u8
}

/// The sRGB value of light in 16 bits: 0.0 to 1.0. Light beyond full is full.
pub(crate) fn coded(light: f64) -> f64 {
    let light = (light / 65_535.0).clamp(0.0, 1.0);
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// The sRGB curve of IEC 61966-2-1 from a byte's scale to 16 bits.
fn to_linear(byte: f64) -> f64 {
    let c = byte / 255.0;
    let linear = if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    linear * 65_535.0
}

/// Multiplies a 16-bit sample by an alpha byte, rounding to nearest.
pub(crate) fn premultiply(sample: u16, alpha: u8) -> u16 {
    ((u32::from(sample) * u32::from(alpha) + 127) / 255) as u16
}

/// Writes linear samples, premultiplied where there is an alpha, as sRGB bytes. `channels` is 1, 3
/// or 4. `table` is that of [`to_srgb`].
pub(crate) fn write_srgb(linear: &[u16], channels: usize, table: &[u8; LIGHTS], bytes: &mut [u8]) {
    // Every sample is an index.
    let lookup = |sample: u16| table[usize::from(sample)];
    if channels != 4 {
        for (byte, &sample) in bytes.iter_mut().zip(linear) {
            *byte = lookup(sample);
        }
        return;
    }
    for (out, pixel) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(linear.as_chunks::<4>().0) {
        let [r, g, b, a] = *pixel;
        // Rounding may leave a colour above its alpha; it means full intensity.
        let plain = |sample: u16| (u32::from(sample) * 65_535 / u32::from(a)).min(65_535) as u16;
        // At most 255.
        let alpha = ((u32::from(a) + 128) / 257) as u8;
        *out = match (alpha, a) {
            (0, _) => [0; 4],
            (_, u16::MAX) => [lookup(r), lookup(g), lookup(b), alpha],
            _ => [lookup(plain(r)), lookup(plain(g)), lookup(plain(b)), alpha],
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_round_trip() {
        let (forth, back) = (from_srgb(), to_srgb());
        for byte in 0..=255_u8 {
            assert_eq!(back[usize::from(forth[usize::from(byte)])], byte);
        }
        assert_eq!((forth[0], forth[255]), (0, 65_535));
        assert!(forth[187] < 32_768 && forth[188] > 32_768, "half the light is between bytes 187 and 188");
    }

    #[test]
    fn alpha_is_divided_out_again() {
        let (forth, back) = (from_srgb(), to_srgb());
        for alpha in [8_u8, 60, 128, 254, 255] {
            let linear = |byte: u8| premultiply(forth[usize::from(byte)], alpha);
            let samples = [linear(250), linear(100), linear(30), u16::from(alpha) * 257];
            let mut out = [0; 4];
            write_srgb(&samples, 4, &back, &mut out);
            for (got, want) in out.iter().zip([250, 100, 30, alpha]) {
                assert!(got.abs_diff(want) <= 1, "{out:?} at alpha {alpha}");
            }
        }
    }
}
