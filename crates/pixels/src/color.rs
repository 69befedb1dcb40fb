//! Colours of files to those that renditions have: sRGB, or Display P3 where that is asked for.
//!
//! The conversion comes first, on the full picture, since scaling is right in linear light alone and
//! knows no curve but that of sRGB, which Display P3 shares. A profile that is broken, or of another
//! kind than the pixels, is ignored, as browsers do. Samples of 16 bits are converted row by row and
//! rounded to 8 at the end.

mod hdr;
mod made;

pub(crate) use made::{Chromaticities, from_cicp, from_gamma};

use crate::Fault;
use crate::decode::{Decoded, InkPicture, Pixels, WidePicture, round_to_byte};
use crate::frame::{Channels, Frame, byte_count};
use hdr::Hdr;
use moxcms::{
    ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, Transform16BitExecutor, TransformOptions,
};
use safelight_domain::transform::Gamut;
use std::cell::OnceCell;
use std::sync::Arc;

/// Largest difference, in 8-bit steps, up to which two profiles count as the same.
const SAME: u8 = 1;

/// The least difference, in 8-bit steps, by which a colour counts as outside of sRGB.
const BEYOND: u8 = 4;

/// Converts decoded pixels to sRGB, or to Display P3 if that is asked for and the source goes beyond
/// sRGB. Gives the profile that the pixels need then.
pub(crate) fn convert(decoded: Decoded, gamut: Gamut) -> Result<(Frame, Option<Vec<u8>>), Fault> {
    let profile = decoded.profile.and_then(|bytes| ColorProfile::new_from_slice(&bytes).ok());
    let p3 = ColorProfile::new_display_p3();
    let wide = gamut == Gamut::DisplayP3
        && matches!(&profile, Some(profile) if goes_beyond(profile, &decoded.pixels, &p3));
    // Both as their curves and primaries, without the numbers that stand for them.
    let mut target = if wide { p3 } else { ColorProfile::new_srgb() };
    target.cicp = None;
    let frame = to_target(decoded.pixels, profile.as_ref(), &target)?;
    let embedded = if wide { target.encode().ok() } else { None };
    Ok((frame, embedded))
}

fn to_target(pixels: Pixels, profile: Option<&ColorProfile>, target: &ColorProfile) -> Result<Frame, Fault> {
    if let Some(hdr) = profile.and_then(|profile| Hdr::new(profile, target)) {
        return hdr.convert(pixels);
    }
    match pixels {
        Pixels::Ink(picture) => from_ink(&picture, profile, target),
        Pixels::Wide(picture) => from_wide(picture, profile, target),
        Pixels::Frame(mut frame) => {
            if let Some(profile) = profile {
                match frame.channels() {
                    Channels::Grey => convert_grey(&mut frame, profile, target),
                    Channels::Rgb => convert_rgb(&mut frame, profile, target, Layout::Rgb),
                    Channels::Rgba => convert_rgb(&mut frame, profile, target, Layout::Rgba),
                }
            }
            Ok(frame)
        }
    }
}

fn transform(
    from: &ColorProfile,
    layout: Layout,
    target: &ColorProfile,
    to: Layout,
) -> Option<Arc<Transform8BitExecutor>> {
    from.create_transform_8bit(layout, target, to, TransformOptions::default()).ok()
}

/// Floating point, as there are more steps than fixed point has.
fn wide_transform(
    from: &ColorProfile,
    layout: Layout,
    target: &ColorProfile,
    to: Layout,
) -> Option<Arc<Transform16BitExecutor>> {
    let options = TransformOptions { prefer_fixed_point: false, ..TransformOptions::default() };
    from.create_transform_16bit(layout, target, to, options).ok()
}

/// A profile for grey changes the curve alone, so that a table of 256 entries does. So does one for
/// colours that was made from numbers, which are the same for grey.
fn convert_grey(frame: &mut Frame, profile: &ColorProfile, target: &ColorProfile) {
    let ramp: Vec<u8> = (0..=255).collect();
    let triple: Vec<u8> = ramp.iter().flat_map(|&level| [level; 3]).collect();
    let (layout, source) = match (profile.color_space, profile.cicp) {
        (DataColorSpace::Gray, _) => (Layout::Gray, &ramp),
        (DataColorSpace::Rgb, Some(_)) => (Layout::Rgb, &triple),
        _ => return,
    };
    let mut converted = vec![0; 3 * 256];
    let done = transform(profile, layout, target, Layout::Rgb)
        .is_some_and(|transform| transform.transform(source, &mut converted).is_ok());
    if done {
        let table = converted.as_chunks::<3>().0;
        for sample in frame.pixels_mut() {
            // 256 entries, so every byte is an index; green carries most of the light.
            *sample = table[usize::from(*sample)][1];
        }
    }
}

fn convert_rgb(frame: &mut Frame, profile: &ColorProfile, target: &ColorProfile, layout: Layout) {
    if let Some(transform) = rgb_transform(profile, target, layout) {
        run_rows(frame, &*transform);
    }
}

/// `None` where nothing changes, or the profile is one of another kind.
fn rgb_transform(
    profile: &ColorProfile,
    target: &ColorProfile,
    layout: Layout,
) -> Option<Arc<Transform8BitExecutor>> {
    if profile.color_space != DataColorSpace::Rgb || is_same(profile, target) {
        return None;
    }
    transform(profile, layout, target, layout)
}

fn run_rows(frame: &mut Frame, transform: &Transform8BitExecutor) {
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

/// The conversion of an animation's frames to sRGB. They share a profile, whose tables are made when the
/// first frame needs them and kept: made for each frame they would take longer than all else.
pub(crate) struct Frames {
    profile: Option<ColorProfile>,
    target: ColorProfile,
    hdr: Option<Hdr>,
    rgb: OnceCell<Option<Arc<Transform8BitExecutor>>>,
    rgba: OnceCell<Option<Arc<Transform8BitExecutor>>>,
}

impl Frames {
    /// For the embedded profile, unchecked: one that is broken is ignored.
    pub(crate) fn new(profile: Option<&[u8]>) -> Frames {
        let profile = profile.and_then(|bytes| ColorProfile::new_from_slice(bytes).ok());
        let mut target = ColorProfile::new_srgb();
        target.cicp = None;
        let hdr = profile.as_ref().and_then(|profile| Hdr::new(profile, &target));
        Frames { profile, target, hdr, rgb: OnceCell::new(), rgba: OnceCell::new() }
    }

    /// Does what [`convert`] does.
    pub(crate) fn convert(&self, mut frame: Frame) -> Result<Frame, Fault> {
        if let Some(hdr) = &self.hdr {
            return hdr.convert(Pixels::Frame(frame));
        }
        let Some(profile) = &self.profile else { return Ok(frame) };
        let (kept, layout) = match frame.channels() {
            Channels::Grey => {
                convert_grey(&mut frame, profile, &self.target);
                return Ok(frame);
            }
            Channels::Rgb => (&self.rgb, Layout::Rgb),
            Channels::Rgba => (&self.rgba, Layout::Rgba),
        };
        if let Some(transform) = kept.get_or_init(|| rgb_transform(profile, &self.target, layout)) {
            run_rows(&mut frame, &**transform);
        }
        Ok(frame)
    }
}

/// A lattice of colours: every combination of seven levels.
fn lattice() -> Vec<u8> {
    const LEVELS: [u8; 7] = [0, 20, 60, 110, 160, 210, 255];
    LEVELS
        .iter()
        .flat_map(|&r| LEVELS.iter().flat_map(move |&g| LEVELS.iter().flat_map(move |&b| [r, g, b])))
        .collect()
}

/// Whether the profile leaves the lattice as it is.
fn is_same(profile: &ColorProfile, target: &ColorProfile) -> bool {
    let lattice = lattice();
    let mut converted = vec![0; lattice.len()];
    transform(profile, Layout::Rgb, target, Layout::Rgb).is_some_and(|transform| {
        transform.transform(&lattice, &mut converted).is_ok()
            && lattice.iter().zip(&converted).all(|(a, b)| a.abs_diff(*b) <= SAME)
    })
}

/// Whether colours of the profile are in Display P3 but not in sRGB: going there by way of sRGB
/// changes them.
fn goes_beyond(profile: &ColorProfile, pixels: &Pixels, p3: &ColorProfile) -> bool {
    let (space, layout, source) = match pixels {
        Pixels::Ink(_) => {
            let ink = lattice().as_chunks::<3>().0.iter().flat_map(|&[c, m, y]| [c, m, y, 0]).collect();
            (DataColorSpace::Cmyk, Layout::Rgba, ink)
        }
        _ => (DataColorSpace::Rgb, Layout::Rgb, lattice()),
    };
    if profile.color_space != space {
        return false;
    }
    let srgb = ColorProfile::new_srgb();
    let run = |from: &ColorProfile, layout, to: &ColorProfile, source: &[u8]| {
        let mut converted = vec![0; lattice().len()];
        let transform = transform(from, layout, to, Layout::Rgb)?;
        transform.transform(source, &mut converted).ok().map(|()| converted)
    };
    let Some(straight) = run(profile, layout, p3, &source) else { return false };
    let round = run(profile, layout, &srgb, &source);
    let Some(round) = round.and_then(|colors| run(&srgb, Layout::Rgb, p3, &colors)) else { return false };
    straight.iter().zip(&round).any(|(a, b)| a.abs_diff(*b) >= BEYOND)
}

/// Ink without a profile that can be used is taken as ideal: each ink swallows its own third.
fn from_ink(
    picture: &InkPicture,
    profile: Option<&ColorProfile>,
    target: &ColorProfile,
) -> Result<Frame, Fault> {
    let mut pixels = vec![0; byte_count(picture.width(), picture.height(), 3)];
    let transform = profile
        .filter(|profile| profile.color_space == DataColorSpace::Cmyk)
        .and_then(|profile| transform(profile, Layout::Rgba, target, Layout::Rgb));
    let width = picture.width() as usize;
    let rows = pixels.chunks_exact_mut(width * 3).zip(picture.samples().chunks_exact(width * 4));
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
    framed(picture.width(), picture.height(), Channels::Rgb, pixels)
}

fn from_wide(
    picture: WidePicture,
    profile: Option<&ColorProfile>,
    target: &ColorProfile,
) -> Result<Frame, Fault> {
    let WidePicture { width, height, channels, samples } = picture;
    // What is not converted is rounded.
    let mut pixels = vec![0; samples.len()];
    let transform = profile.and_then(|profile| match (channels, profile.color_space, profile.cicp) {
        (Channels::Grey, DataColorSpace::Gray, _) => {
            Some((wide_transform(profile, Layout::Gray, target, Layout::Rgb)?, 1))
        }
        (Channels::Grey, DataColorSpace::Rgb, Some(_)) => {
            Some((wide_transform(profile, Layout::Rgb, target, Layout::Rgb)?, 3))
        }
        (Channels::Rgb, DataColorSpace::Rgb, _) if !is_same(profile, target) => {
            Some((wide_transform(profile, Layout::Rgb, target, Layout::Rgb)?, 3))
        }
        (Channels::Rgba, DataColorSpace::Rgb, _) if !is_same(profile, target) => {
            Some((wide_transform(profile, Layout::Rgba, target, Layout::Rgba)?, 4))
        }
        _ => None,
    });
    let stride = width as usize * channels.count();
    let mut spread = Vec::new();
    let mut converted = vec![0; width as usize * channels.count().max(3)];
    for (out, row) in pixels.chunks_exact_mut(stride).zip(samples.chunks_exact(stride)) {
        let source = match (&transform, channels) {
            (Some((_, 3)), Channels::Grey) => {
                spread.clear();
                spread.extend(row.iter().flat_map(|&level| [level; 3]));
                &spread
            }
            _ => row,
        };
        let done = transform
            .as_ref()
            .is_some_and(|(transform, _)| transform.transform(source, &mut converted).is_ok());
        if done && channels == Channels::Grey {
            // Green stands for grey.
            for (byte, [_, green, _]) in out.iter_mut().zip(converted.as_chunks::<3>().0) {
                *byte = round_to_byte(*green);
            }
            continue;
        }
        let result = if done { &converted } else { row };
        for (byte, &sample) in out.iter_mut().zip(result) {
            *byte = round_to_byte(sample);
        }
    }
    framed(width, height, channels, pixels)
}

fn framed(width: u32, height: u32, channels: Channels, pixels: Vec<u8>) -> Result<Frame, Fault> {
    Frame::new(width, height, channels, pixels)
        .ok_or_else(|| Fault::Corrupt("it has too few pixels".to_owned()))
}

#[cfg(test)]
#[path = "color_tests.rs"]
mod tests;
