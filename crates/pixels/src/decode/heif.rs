//! Stills of HEIF files, whatever the codec: tiles to pictures, and pictures to pixels.

use super::planes::{self, Planar};
use super::{Decoded, check_size, corrupt};
use crate::Fault;
use crate::color;
use crate::probe::heif::{Coded, Look, Nclx, Still};
use safelight_domain::image::SourceInfo;

/// What is taken for granted where neither the container nor the bitstream says anything, which HEVC's
/// may do: sRGB by BT.601, in the range that HEVC has then.
const UNSAID: Nclx = Nclx { primaries: 1, transfer: 13, matrix: 6, full_range: false };

/// A tile that is decoded: its item, and the width and height that it should have.
pub(super) struct Tile {
    pub(super) item: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// Decodes a still picture, tile by tile.
pub(super) fn decode(
    still: &Still<'_>,
    info: &SourceInfo,
    mut tile: impl FnMut(&Tile) -> Result<Planar, Fault>,
) -> Result<Decoded, Fault> {
    let main = picture(&still.main, &mut tile)?;
    let mut luma = |wanted: &Tile| tile(wanted).map(Planar::into_luma);
    let alpha = still.alpha.as_ref().map(|alpha| picture(alpha, &mut luma)).transpose()?;
    finish(&main, alpha.as_ref(), &still.look, info)
}

/// Makes pixels of a decoded picture, and tells their colours.
pub(super) fn finish(
    main: &Planar,
    alpha: Option<&Planar>,
    look: &Look<'_>,
    info: &SourceInfo,
) -> Result<Decoded, Fault> {
    let color = look.nclx.or(main.color).unwrap_or(UNSAID);
    let look_of_planes = planes::Look { color, crop: look.crop, premultiplied: look.premultiplied };
    let pixels = planes::pixels(main, alpha, &look_of_planes)?;
    check_size(pixels.size(), info)?;
    let profile = match look.icc {
        Some(icc) => Some(icc.to_vec()),
        None => color::from_cicp(color.primaries, color.transfer),
    };
    Ok(Decoded { pixels, profile })
}

fn picture(coded: &Coded, tile: &mut impl FnMut(&Tile) -> Result<Planar, Fault>) -> Result<Planar, Fault> {
    let mut canvas: Option<Planar> = None;
    let (width, height) = (coded.tile_width, coded.tile_height);
    for (index, &item) in coded.tiles.iter().enumerate() {
        let part = tile(&Tile { item, width, height })?;
        if (part.width, part.height) != (width as usize, height as usize) || !part.is_whole() {
            return Err(corrupt("its headers contradict each other"));
        }
        if coded.tiles.len() == 1 && (coded.width, coded.height) == (width, height) {
            return Ok(part);
        }
        let columns = coded.columns as usize;
        let (left, top) = (index % columns * width as usize, index / columns * height as usize);
        canvas
            .get_or_insert_with(|| part.canvas(coded.width as usize, coded.height as usize))
            .place(&part, left, top)?;
    }
    canvas.ok_or_else(|| corrupt("it has no picture"))
}
