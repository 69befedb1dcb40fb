//! What a file is, from its first bytes. Everything here reads slices and allocates nothing.
//!
//! The headers are read here and not by the decoders, so that no decoder sees a file before its
//! size has passed the limits; a decoder that then finds another size makes the file corrupt.

pub(crate) mod bmp;
pub(crate) mod boxes;
mod gif;
pub(crate) mod heif;
pub(crate) mod items;
mod jpeg;
pub(crate) mod jxl;
mod png;
mod svg;
pub(crate) mod tiff;
pub(crate) mod track;
pub(crate) mod webp;

use crate::metadata::{Exif, Orientation};
use crate::{Fault, decode, limits};
use safelight_domain::image::{SourceFormat, SourceInfo, SourceLimits, Turn};

/// Whether four-channel JPEG samples count ink or the lack of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// 255 is full ink.
    Plain,
    /// 255 is no ink: what Adobe's programs write, and mark with an Adobe segment.
    Inverted,
}

/// What the header of a file says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    /// See [`SourceInfo`].
    pub(crate) info: SourceInfo,
    /// The EXIF block, unchecked.
    pub(crate) exif: Option<&'a [u8]>,
    /// Matters for four-channel JPEGs alone.
    pub(crate) ink: Ink,
    /// How the picture is turned to be shown, where the container says so; `None` leaves it to EXIF.
    pub(crate) orientation: Option<Orientation>,
}

impl Header<'_> {
    /// How the picture is turned to be shown, from the one place that counts.
    pub(crate) fn orientation(&self) -> Orientation {
        let exif = || self.exif.and_then(Exif::parse).map(|exif| exif.orientation());
        self.orientation.or_else(exif).unwrap_or(Orientation::AsStored)
    }
}

/// What a file is, where its beginning alone tells: a JPEG up to its first scan, and a WebP that is one plain picture.
/// Nothing that follows changes what their headers say. `None` leaves it to [`header`].
pub(crate) fn beginning(file: &[u8], limits: &SourceLimits) -> Option<SourceInfo> {
    use SourceFormat::{Jpeg, WebP};
    let format = format(file)?;
    let plain = format == Jpeg || format == WebP && webp::is_plain(file);
    plain.then(|| header(file, limits).ok()).flatten().map(|header| header.info)
}

/// The format of a raster image that every browser shows, by its first bytes.
pub(crate) fn raster(file: &[u8]) -> Option<SourceFormat> {
    use SourceFormat::{Gif, Jpeg, Png, WebP};
    format(file).filter(|format| matches!(format, Jpeg | Png | WebP | Gif))
}

/// Reads the header of a file and checks its size.
pub(crate) fn header<'a>(file: &'a [u8], limits: &SourceLimits) -> Result<Header<'a>, Fault> {
    if file.starts_with(&[0x1F, 0x8B]) {
        return Err(Fault::Corrupt("it is compressed as a whole; an SVG has to come as it is".to_owned()));
    }
    let mut header = match format(file).ok_or(Fault::Unsupported)? {
        SourceFormat::Jpeg => jpeg::header(file)?,
        SourceFormat::Png => png::header(file)?,
        SourceFormat::WebP => webp::header(file)?,
        SourceFormat::Gif => gif::header(file)?,
        SourceFormat::Tiff => tiff::header(file)?,
        SourceFormat::Bmp => bmp::header(file)?,
        SourceFormat::Svg => svg::header(file)?,
        SourceFormat::Avif | SourceFormat::Heic => heif::header(file, limits)?,
        SourceFormat::Jxl => jxl::header(file)?,
    };
    limits::check_source(header.info.width, header.info.height, limits)?;
    if header.info.format == SourceFormat::Jxl && header.info.frames > 1 {
        header.info.frames = decode::jxl_frames(file, &header.info)?;
    }
    if header.orientation().swaps_sides() {
        header.info.turn = Turn::Sideways;
    }
    let SourceInfo { width, height, frames, .. } = header.info;
    limits::check_frames(width, height, frames, limits)?;
    Ok(header)
}

fn format(file: &[u8]) -> Option<SourceFormat> {
    if file.starts_with(&[0xFF, 0xD8, 0xFF]) {
        Some(SourceFormat::Jpeg)
    } else if file.starts_with(png::SIGNATURE) {
        Some(SourceFormat::Png)
    } else if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP") {
        Some(SourceFormat::WebP)
    } else if file.starts_with(b"GIF87a") || file.starts_with(b"GIF89a") {
        Some(SourceFormat::Gif)
    } else if tiff::is_tiff(file) {
        Some(SourceFormat::Tiff)
    } else if file.starts_with(b"BM") && file.len() > 26 {
        Some(SourceFormat::Bmp)
    } else if jxl::is_jxl(file) {
        Some(SourceFormat::Jxl)
    } else if heif::is_heif(file) {
        // Or HEIC, which the header tells.
        Some(SourceFormat::Avif)
    } else {
        svg::is_svg(file).then_some(SourceFormat::Svg)
    }
}

/// The `N` bytes at `at`; a file that ends before them is corrupt.
fn bytes<const N: usize>(file: &[u8], at: usize) -> Result<[u8; N], Fault> {
    at.checked_add(N)
        .and_then(|end| file.get(at..end))
        .and_then(|slice| slice.try_into().ok())
        .ok_or_else(|| Fault::Corrupt("it ends within its header".to_owned()))
}

#[cfg(test)]
#[path = "probe_tests.rs"]
mod tests;
