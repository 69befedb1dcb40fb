//! AVIF, by rav1d.

use super::heif::{self, Tile};
use super::planes::{Planar, Sampling};
use super::{Animation, Decoded, TimedFrame, corrupt};
use crate::Fault;
use crate::color;
use crate::probe::Header;
use crate::probe::boxes::Part;
use crate::probe::heif::{Nclx, Shown, Still, open};
use crate::probe::track::{Samples, Track};
use safelight_domain::image::SourceInfo;
use safelight_rav1d::{Decoder, Layout, Picture, Settings};

/// The still picture, or the first of a sequence.
pub(super) fn decode(file: &[u8], header: &Header<'_>) -> Result<Decoded, Fault> {
    match open(file)?.shown {
        Shown::Still(still) => heif::decode(&still, &header.info, |tile| decode_tile(&still, tile)),
        Shown::Sequence(track) => Sequence::new(&track, header.info)?.next().map(|(decoded, _)| decoded),
    }
}

/// All pictures of a sequence, with 8 bits a sample.
pub(super) fn animation<'a>(file: &'a [u8], header: &Header<'a>) -> Result<Animation<'a>, Fault> {
    let Shown::Sequence(track) = open(file)?.shown else {
        return Err(corrupt("it is not animated"));
    };
    let profile = match (track.look.icc, track.look.nclx) {
        (Some(icc), _) => Some(icc.to_vec()),
        (None, Some(nclx)) => color::from_cicp(nclx.primaries, nclx.transfer),
        (None, None) => None,
    };
    let mut sequence = Sequence::new(&track, header.info)?;
    let frames = (0..header.info.frames).map(move |_| {
        let (decoded, delay_ms) = sequence.next()?;
        Ok(TimedFrame { frame: decoded.pixels.into_frame()?, delay_ms })
    });
    Ok(Animation { plays: track.plays, frames: Box::new(frames), profile })
}

fn decode_tile(still: &Still<'_>, tile: &Tile) -> Result<Planar, Fault> {
    let bytes = still.items.bytes(tile.item)?;
    let properties = still.items.properties(tile.item)?;
    let point = properties.iter().find(|part| &part.name == b"a1op").and_then(|part| part.body.first());
    let mut decoder = open_decoder((tile.width, tile.height), point.copied().unwrap_or(0))?;
    // A chosen layer comes last when those above it are left out.
    let bytes = match selected_layers(&properties, bytes.len()) {
        Some(end) => bytes.get(..end).unwrap_or_default(),
        None => &bytes,
    };
    let shown = decoder.decode(bytes).map_err(corrupt)?;
    planar(shown.ok_or_else(|| corrupt("it shows no picture"))?)
}

/// Where the chosen layer of a picture in layers ends, if one is chosen and the layers are told.
fn selected_layers(properties: &[Part<'_>], length: usize) -> Option<usize> {
    let body = |name: &[u8; 4]| properties.iter().find(|part| &part.name == name).map(|part| part.body);
    let layer = usize::from(u16::from_be_bytes(body(b"lsel")?.try_into().ok()?));
    let sizes = body(b"a1lx")?;
    let wide = sizes.first()? & 1 == 1;
    let each = if wide { 4 } else { 2 };
    let sizes = sizes.get(1..)?.chunks_exact(each).take(3);
    let sizes = sizes.map(|size| size.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)));
    // Three sizes are given; the last layer is the rest. A size of 0 means that there are no more.
    let end = sizes.take(layer + 1).try_fold((0_usize, 0_usize), |(count, end), size| {
        (size > 0).then(|| (count + 1, end.saturating_add(size)))
    });
    end.filter(|(count, end)| *count == layer + 1 && *end <= length).map(|(_, end)| end)
}

fn open_decoder((width, height): (u32, u32), operating_point: u8) -> Result<Decoder, Fault> {
    let max_pixels = u32::try_from(u64::from(width) * u64::from(height)).unwrap_or(u32::MAX);
    Decoder::new(&Settings { max_pixels, operating_point }).map_err(corrupt)
}

fn planar(picture: Picture) -> Result<Planar, Fault> {
    let color = picture.color;
    let sampling = match picture.layout {
        Layout::Mono => Sampling::Mono,
        Layout::Yuv420 => Sampling::Half,
        Layout::Yuv422 => Sampling::HalfColumns,
        Layout::Yuv444 => Sampling::Full,
    };
    Ok(Planar {
        width: picture.width as usize,
        height: picture.height as usize,
        depth: picture.depth,
        chroma_depth: picture.depth,
        sampling,
        planes: picture.planes,
        color: Some(Nclx {
            primaries: u16::from(color.primaries),
            transfer: u16::from(color.transfer),
            matrix: u16::from(color.matrix),
            full_range: color.full_range,
        }),
    })
}

/// A sequence that is being decoded, with its transparency.
struct Sequence<'a> {
    track: Track<'a>,
    info: SourceInfo,
    decoder: Decoder,
    samples: Samples<'a>,
    alpha: Option<(Decoder, Samples<'a>)>,
}

impl<'a> Sequence<'a> {
    fn new(track: &Track<'a>, info: SourceInfo) -> Result<Self, Fault> {
        let size = (track.width, track.height);
        let alpha = match track.alpha {
            Some(tables) => Some((open_decoder(size, 0)?, Samples::new(tables))),
            None => None,
        };
        let (decoder, samples) = (open_decoder(size, 0)?, track.samples());
        Ok(Sequence { track: track.clone(), info, decoder, samples, alpha })
    }

    /// The next picture, and how long it is shown.
    fn next(&mut self) -> Result<(Decoded, u32), Fault> {
        let decode = |decoder: &mut Decoder, sample: &[u8]| {
            let shown = decoder.decode(sample).map_err(corrupt)?;
            planar(shown.ok_or_else(|| corrupt("a picture of its sequence is missing"))?)
        };
        let (sample, ticks) = self.samples.next()?;
        let main = decode(&mut self.decoder, sample)?;
        let alpha = match &mut self.alpha {
            Some((decoder, samples)) => Some(decode(decoder, samples.next()?.0)?),
            None => None,
        };
        let decoded = heif::finish(&main, alpha.as_ref(), &self.track.look, &self.info)?;
        Ok((decoded, self.track.milliseconds(ticks)))
    }
}
