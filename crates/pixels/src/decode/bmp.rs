//! BMP, read here: the format is small, and no decoder of it in Rust is both fuzzed and light.

use super::{Decoded, Pixels, check_size, corrupt, frame};
use crate::Fault;
use crate::frame::{Channels, byte_count};
use crate::limits::PROFILE_BYTES;
use crate::probe::bmp::{Coding, Layout, Rows, layout};
use safelight_domain::image::SourceInfo;

/// The picture. Transparency counts unless every pixel has none of its colour, which programs write
/// that know no alpha.
pub(super) fn decode(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let layout = layout(file)?;
    check_size((layout.width, layout.height), info)?;
    let profile = layout.profile.filter(|profile| profile.len() <= PROFILE_BYTES).map(<[u8]>::to_vec);
    let mut pixels = match layout.coding {
        Coding::Plain => plain(&layout)?,
        Coding::Runs => colored(&runs(&layout), &layout),
    };
    if layout.rows == Rows::FromBottom {
        let samples = if info.has_alpha { 4 } else { 3 };
        pixels = pixels.chunks_exact(info.width as usize * samples).rev().flatten().copied().collect();
    }
    let channels = if info.has_alpha { Channels::Rgba } else { Channels::Rgb };
    if info.has_alpha && pixels.iter().skip(3).step_by(4).all(|&alpha| alpha == 0) {
        pixels.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 255);
    }
    Ok(Decoded { pixels: Pixels::Frame(frame(info, channels, pixels)?), profile })
}

/// Rows of samples, in the order of the file. Rows are padded to four bytes; the last need not be.
fn plain(layout: &Layout<'_>) -> Result<Vec<u8>, Fault> {
    let (width, height, bits) = (layout.width as usize, layout.height as usize, layout.bits as usize);
    let used = (width * bits).div_ceil(8);
    let stride = used.next_multiple_of(4);
    if layout.pixels.len() < stride * (height - 1) + used {
        return Err(corrupt("it ends within its pixels"));
    }
    let rows = layout.pixels.chunks(stride).take(height).map(|row| row.get(..used).unwrap_or(row));
    let mut pixels = Vec::with_capacity(byte_count(layout.width, layout.height, 4));
    match bits {
        24 => {
            rows.for_each(|row| pixels.extend(row.as_chunks::<3>().0.iter().flat_map(|&[b, g, r]| [r, g, b])))
        }
        16 => rows.for_each(|row| {
            let words = row.as_chunks::<2>().0.iter().map(|&pair| u32::from(u16::from_le_bytes(pair)));
            words.for_each(|word| masked(word, layout, &mut pixels));
        }),
        32 => rows.for_each(|row| {
            let words = row.as_chunks::<4>().0.iter().map(|&four| u32::from_le_bytes(four));
            words.for_each(|word| masked(word, layout, &mut pixels));
        }),
        _ => {
            let most = ((1_u16 << bits) - 1) as u8;
            let index = |row: &[u8], x: usize| {
                row.get(x * bits / 8).map_or(0, |byte| (byte >> (8 - bits - x * bits % 8)) & most)
            };
            let indices: Vec<u8> = rows.flat_map(|row| (0..width).map(move |x| index(row, x))).collect();
            pixels = colored(&indices, layout);
        }
    }
    Ok(pixels)
}

/// Takes a pixel apart. Each sample is brought to 8 bits, rounded to nearest.
fn masked(word: u32, layout: &Layout<'_>, pixels: &mut Vec<u8>) {
    let samples = if layout.masks[3] == 0 { 3 } else { 4 };
    pixels.extend(layout.masks.iter().take(samples).map(|&mask| {
        if mask == 0 {
            return 0;
        }
        let shift = mask.trailing_zeros();
        let (value, most) = (u64::from((word & mask) >> shift), u64::from(mask >> shift));
        // At most 255.
        ((value * 255 + most / 2) / most) as u8
    }));
}

/// Places in the palette as colours; black beyond its end.
fn colored(indices: &[u8], layout: &Layout<'_>) -> Vec<u8> {
    let mut colors = [[0; 3]; 256];
    for (color, entry) in colors.iter_mut().zip(layout.palette.chunks_exact(layout.color_bytes)) {
        if let [blue, green, red, ..] = *entry {
            *color = [red, green, blue];
        }
    }
    // There are 256, so every byte is an index.
    indices.iter().flat_map(|&index| colors[usize::from(index)]).collect()
}

/// Places in the palette from runs, as many as there are pixels. What no run reaches has the first
/// colour; what a run has beyond the end of its row is lost. A file that breaks off ends there.
fn runs(layout: &Layout<'_>) -> Vec<u8> {
    let (width, height) = (layout.width as usize, layout.height as usize);
    let mut indices = vec![0; byte_count(layout.width, layout.height, 1)];
    let (mut x, mut y) = (0, 0);
    let mut rest = layout.pixels;
    while let [count, value, after @ ..] = rest {
        rest = after;
        if y >= height {
            break;
        }
        let row = indices.get_mut(y * width..(y + 1) * width).unwrap_or_default();
        match (count, value) {
            (0, 0) => (x, y) = (0, y + 1),
            (0, 1) => break,
            (0, 2) => {
                let [right, up, after @ ..] = rest else { break };
                (x, y) = (x + usize::from(*right), y + usize::from(*up));
                rest = after;
            }
            (0, &count) => {
                let count = usize::from(count);
                let bytes = if layout.bits == 8 { count } else { count.div_ceil(2) };
                let place = row.iter_mut().skip(x).take(count).enumerate();
                place.for_each(|(at, index)| *index = literal(rest, at, layout.bits));
                x += count;
                rest = rest.get(bytes.next_multiple_of(2)..).unwrap_or_default();
            }
            (&count, &value) => {
                let pair = if layout.bits == 8 { [value; 2] } else { [value >> 4, value & 15] };
                let place = row.iter_mut().skip(x).take(usize::from(count));
                place.zip(pair.iter().cycle()).for_each(|(index, value)| *index = *value);
                x += usize::from(count);
            }
        }
    }
    indices
}

fn literal(bytes: &[u8], at: usize, bits: u32) -> u8 {
    if bits == 8 {
        return bytes.get(at).copied().unwrap_or(0);
    }
    let byte = bytes.get(at / 2).copied().unwrap_or(0);
    if at.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
}
