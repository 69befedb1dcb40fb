//! Embedded colour profiles to sRGB.
//!
//! The conversion comes first, on the full picture, since scaling is right in linear light alone and
//! knows no curve but that of sRGB. A profile that is broken, or of another kind than the pixels, is
//! ignored, as browsers do.

use crate::Fault;
use crate::decode::{Decoded, InkPicture, Pixels};
use crate::frame::{Channels, Frame, byte_count};
use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};
use std::sync::Arc;

/// Largest difference, in 8-bit steps, up to which a profile counts as sRGB.
const SAME: u8 = 1;

/// Converts decoded pixels to sRGB.
pub(crate) fn to_srgb(decoded: Decoded) -> Result<Frame, Fault> {
    let profile = decoded.profile.and_then(|bytes| ColorProfile::new_from_slice(&bytes).ok());
    match decoded.pixels {
        Pixels::Ink(picture) => from_ink(picture, profile.as_ref()),
        Pixels::Frame(mut frame) => {
            if let Some(profile) = profile {
                match frame.channels() {
                    Channels::Grey => convert_grey(&mut frame, &profile),
                    Channels::Rgb => convert_rgb(&mut frame, &profile, Layout::Rgb),
                    Channels::Rgba => convert_rgb(&mut frame, &profile, Layout::Rgba),
                }
            }
            Ok(frame)
        }
    }
}

fn transform(from: &ColorProfile, layout: Layout, to: Layout) -> Option<Arc<Transform8BitExecutor>> {
    from.create_transform_8bit(layout, &ColorProfile::new_srgb(), to, TransformOptions::default()).ok()
}

/// A profile for grey changes the curve alone, so that a table of 256 entries does.
fn convert_grey(frame: &mut Frame, profile: &ColorProfile) {
    if profile.color_space != DataColorSpace::Gray {
        return;
    }
    let ramp: Vec<u8> = (0..=255).collect();
    let mut converted = vec![0; 3 * 256];
    let done = transform(profile, Layout::Gray, Layout::Rgb)
        .is_some_and(|transform| transform.transform(&ramp, &mut converted).is_ok());
    if done {
        let table = converted.as_chunks::<3>().0;
        for sample in frame.pixels_mut() {
            // 256 entries, so every byte is an index; green carries most of the light.
            *sample = table[usize::from(*sample)][1];
        }
    }
}

fn convert_rgb(frame: &mut Frame, profile: &ColorProfile, layout: Layout) {
    if profile.color_space != DataColorSpace::Rgb || is_srgb(profile) {
        return;
    }
    let Some(transform) = transform(profile, layout, layout) else { return };
    let stride = frame.stride();
    let mut source = vec![0; stride];
    for row in frame.pixels_mut().chunks_exact_mut(stride) {
        source.copy_from_slice(row);
        // Lengths fit, the only thing that a prepared transform complains of.
        if transform.transform(&source, row).is_err() {
            return;
        }
    }
}

/// Whether the profile leaves a lattice of colours as they are.
fn is_srgb(profile: &ColorProfile) -> bool {
    const LEVELS: [u8; 7] = [0, 20, 60, 110, 160, 210, 255];
    let lattice: Vec<u8> = LEVELS
        .iter()
        .flat_map(|&r| LEVELS.iter().flat_map(move |&g| LEVELS.iter().flat_map(move |&b| [r, g, b])))
        .collect();
    let mut converted = vec![0; lattice.len()];
    transform(profile, Layout::Rgb, Layout::Rgb).is_some_and(|transform| {
        transform.transform(&lattice, &mut converted).is_ok()
            && lattice.iter().zip(&converted).all(|(a, b)| a.abs_diff(*b) <= SAME)
    })
}

/// Ink without a profile that can be used is taken as ideal: each ink swallows its own third.
fn from_ink(picture: InkPicture, profile: Option<&ColorProfile>) -> Result<Frame, Fault> {
    let mut pixels = vec![0; byte_count(picture.width, picture.height, 3)];
    let transform = profile
        .filter(|profile| profile.color_space == DataColorSpace::Cmyk)
        .and_then(|profile| transform(profile, Layout::Rgba, Layout::Rgb));
    let width = picture.width as usize;
    let rows = pixels.chunks_exact_mut(width * 3).zip(picture.samples.chunks_exact(width * 4));
    for (out, ink) in rows {
        let converted = transform.as_ref().is_some_and(|transform| transform.transform(ink, out).is_ok());
        if !converted {
            for (out, [c, m, y, k]) in out.as_chunks_mut::<3>().0.iter_mut().zip(ink.as_chunks::<4>().0) {
                let light = |ink: u8| {
                    let product = (255 - u32::from(ink)) * (255 - u32::from(*k));
                    ((product + 127) / 255) as u8
                };
                *out = [light(*c), light(*m), light(*y)];
            }
        }
    }
    Frame::new(picture.width, picture.height, Channels::Rgb, pixels)
        .ok_or_else(|| Fault::Corrupt("it has too few pixels".to_owned()))
}

#[cfg(test)]
#[path = "color_tests.rs"]
mod tests;
