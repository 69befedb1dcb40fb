//! HEIC, by heic-decoder.
//!
//! The container is read by `probe`, and the decoder gets one coded picture at a time: so a grid never
//! holds more than a tile besides the whole, and no threads are started.

use super::heif;
use super::planes::{Planar, Sampling};
use super::{Decoded, corrupt};
use crate::Fault;
use crate::probe::Header;
use crate::probe::boxes::{Part, Reader};
use crate::probe::heif::{Nclx, Shown, open};
use heic_decoder::bitreader::strip_emulation_prevention;
use heic_decoder::hevc::ctu::Plane;
use heic_decoder::hevc::nal::{NAL_SPS, parse_nal_header};
use heic_decoder::hevc::params::{Sps, parse_sps};
use heic_decoder::isobmff::{HevcDecoderConfig, HevcNalArray, ResolvedImage};
use std::borrow::Cow;

/// By how much the coded picture may be larger than the shown one, in pixels a side: blocks are whole.
const PADDING: u32 = 64;

/// The still picture, or the first of a sequence.
pub(super) fn decode(file: &[u8], header: &Header<'_>) -> Result<Decoded, Fault> {
    match open(file)?.shown {
        Shown::Still(still) => heif::decode(&still, &header.info, |tile| {
            let properties = still.items.properties(tile.item)?;
            let config = properties.iter().find(|part: &&Part<'_>| &part.name == b"hvcC");
            let config = config.ok_or_else(|| corrupt("a tile has no configuration"))?;
            picture(config.body, still.items.bytes(tile.item)?, (tile.width, tile.height))
        }),
        Shown::Sequence(track) => {
            let config = track.config.ok_or_else(|| corrupt("its sequence has no configuration"))?;
            let (sample, _) = track.samples().next()?;
            let main = picture(config, Cow::Borrowed(sample), (track.width, track.height))?;
            heif::finish(&main, None, &track.look, &header.info)
        }
    }
}

/// Decodes a coded picture of this size.
fn picture(config: &[u8], data: Cow<'_, [u8]>, (width, height): (u32, u32)) -> Result<Planar, Fault> {
    let hevc_config = configuration(config)?;
    let sps = sequence_parameters(&hevc_config)?;
    // The decoder allocates what these parameters claim.
    let fits = |coded: u32, shown: u32| coded >= shown && coded - shown <= PADDING;
    if !fits(sps.pic_width_in_luma_samples, width) || !fits(sps.pic_height_in_luma_samples, height) {
        return Err(corrupt("its headers contradict each other"));
    }
    let image = ResolvedImage { hevc_config, data: data.into_owned() };
    let (sps, picture) = heic_decoder::decode_one_image(&image).map_err(corrupt)?;
    drop(image);
    let sampling = match sps.chroma_format_idc {
        0 => Sampling::Mono,
        1 => Sampling::Half,
        2 => Sampling::HalfColumns,
        3 => Sampling::Full,
        _ => return Err(corrupt("its colours are of an unknown kind")),
    };
    let [left, right, top, bottom] = sps.conformance_window;
    let shown = (
        sps.pic_width_in_luma_samples.checked_sub(left.saturating_add(right)),
        sps.pic_height_in_luma_samples.checked_sub(top.saturating_add(bottom)),
    );
    if shown != (Some(width), Some(height)) {
        return Err(corrupt("its headers contradict each other"));
    }
    let depth = |bits: u32| u8::try_from(bits).map_err(|_| corrupt("its samples have an unknown depth"));
    let (x, y) = (sps.sub_width_c().max(1), sps.sub_height_c().max(1));
    let luma = (left as usize, top as usize, width as usize, height as usize);
    let chroma = match sampling {
        Sampling::Mono => (0, 0, 0, 0),
        _ => {
            ((left / x) as usize, (top / y) as usize, width.div_ceil(x) as usize, height.div_ceil(y) as usize)
        }
    };
    let planes = [window(picture.y, luma)?, window(picture.cb, chroma)?, window(picture.cr, chroma)?];
    Ok(Planar {
        width: width as usize,
        height: height as usize,
        depth: depth(sps.bit_depth_luma)?,
        chroma_depth: depth(sps.bit_depth_chroma)?,
        sampling,
        planes,
        color: sps.color_info.map(|color| Nclx {
            primaries: color.color_primaries,
            transfer: color.transfer_characteristics,
            matrix: color.matrix_coefficients,
            full_range: color.full_range,
        }),
    })
}

/// The samples of a part of a plane: its place, and its columns and rows.
fn window(plane: Plane, (left, top, columns, rows): (usize, usize, usize, usize)) -> Result<Vec<u16>, Fault> {
    if columns == 0 {
        return Ok(Vec::new());
    }
    let width = plane.width;
    let samples = plane.into_samples();
    let mut out = Vec::with_capacity(columns * rows);
    for row in samples.chunks_exact(width).skip(top).take(rows) {
        let part = row.get(left..left + columns).ok_or_else(|| corrupt("it has too few pixels"))?;
        // Samples are within their depth, at most 16 bits.
        out.extend(part.iter().map(|&sample| u16::try_from(sample).unwrap_or(0)));
    }
    Ok(out)
}

fn sequence_parameters(config: &HevcDecoderConfig) -> Result<Sps, Fault> {
    let unit = config
        .nalus_of_type(NAL_SPS)
        .find(|unit| parse_nal_header(unit).is_ok_and(|(header, _)| header.nuh_layer_id == 0));
    let unit = unit.ok_or_else(|| corrupt("a tile has no configuration"))?;
    let (_, payload) = parse_nal_header(unit).map_err(corrupt)?;
    parse_sps(&strip_emulation_prevention(payload)).map_err(corrupt)
}

/// Reads an `hvcC` box (ISO/IEC 14496-15).
fn configuration(body: &[u8]) -> Result<HevcDecoderConfig, Fault> {
    let mut reader = Reader(body);
    reader.take(21)?;
    let length_size_minus_one = reader.u8()? & 3;
    let mut arrays = Vec::new();
    for _ in 0..reader.u8()? {
        let nal_unit_type = reader.u8()? & 0x3F;
        let mut nalus = Vec::new();
        for _ in 0..reader.u16()? {
            let length = usize::from(reader.u16()?);
            nalus.push(reader.take(length)?.to_vec());
        }
        arrays.push(HevcNalArray { nal_unit_type, nalus });
    }
    // What else the box says is said again, and binding, in the parameters.
    Ok(HevcDecoderConfig { length_size_minus_one, arrays, ..HevcDecoderConfig::default() })
}
