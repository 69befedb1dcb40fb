//! GIF.

use super::canvas::{Area, Blend, Canvas, Disposal};
use super::{Animation, Decoded, Pixels, TimedFrame, check_size, corrupt};
use crate::Fault;
use crate::limits::PROFILE_BYTES;
use safelight_domain::image::SourceInfo;
use std::num::NonZeroU64;

/// The first frame on its canvas; what it leaves uncovered is transparent. A frame that hangs over
/// the canvas is cut.
pub(super) fn decode(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let mut frames = Frames::new(file, info)?;
    frames.draw_next()?.ok_or_else(|| corrupt("it has no frame"))?;
    let Frames { decoder, canvas, .. } = frames;
    // It holds the frame's indices, a byte a pixel.
    drop(decoder);
    Ok(Decoded { pixels: Pixels::Frame(canvas.into_shown()?), profile: None })
}

/// The frames. A count in the file is of repetitions, so that there is one play more.
pub(super) fn animation<'a>(file: &'a [u8], info: &SourceInfo) -> Result<Animation<'a>, Fault> {
    let frames = Frames::new(file, info)?;
    let plays = match frames.decoder.repeat() {
        gif::Repeat::Infinite => 0,
        gif::Repeat::Finite(repetitions) => u32::from(repetitions) + 1,
    };
    Ok(Animation { plays, frames: Box::new(frames), profile: None })
}

struct Frames<'a> {
    decoder: gif::Decoder<&'a [u8]>,
    canvas: Canvas,
    left: u32,
}

impl<'a> Frames<'a> {
    fn new(file: &'a [u8], info: &SourceInfo) -> Result<Frames<'a>, Fault> {
        let area = u64::from(info.width) * u64::from(info.height);
        let bytes = NonZeroU64::new(area.max(PROFILE_BYTES as u64)).unwrap_or(NonZeroU64::MIN);
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::Indexed);
        options.set_memory_limit(gif::MemoryLimit::Bytes(bytes));
        let decoder = options.read_info(file).map_err(corrupt)?;
        check_size((u32::from(decoder.width()), u32::from(decoder.height())), info)?;
        Ok(Frames { decoder, canvas: Canvas::new(info), left: info.frames })
    }

    /// Draws the next frame; `None` after the last. Returns its delay in milliseconds.
    fn draw_next(&mut self) -> Result<Option<u32>, Fault> {
        let global = self.decoder.global_palette().map(<[u8]>::to_vec);
        // The decoder refuses a frame of more bytes than its limit before it allocates it.
        let Some(frame) = self.decoder.read_next_frame().map_err(corrupt)? else { return Ok(None) };
        let palette =
            frame.palette.as_deref().or(global.as_deref()).ok_or_else(|| corrupt("it has no palette"))?;
        let mut colors = [[0, 0, 0, 255]; 256];
        // An index beyond the palette stays black, as browsers have it.
        for (color, [red, green, blue]) in colors.iter_mut().zip(palette.as_chunks::<3>().0) {
            *color = [*red, *green, *blue, 255];
        }
        if let Some(index) = frame.transparent {
            // There are 256, so every byte is an index.
            colors[usize::from(index)] = [0; 4];
        }
        let area = Area {
            left: u32::from(frame.left),
            top: u32::from(frame.top),
            width: u32::from(frame.width),
            height: u32::from(frame.height),
        };
        let disposal = match frame.dispose {
            gif::DisposalMethod::Any | gif::DisposalMethod::Keep => Disposal::Keep,
            gif::DisposalMethod::Background => Disposal::Clear,
            gif::DisposalMethod::Previous => Disposal::Restore,
        };
        let delay_ms = u32::from(frame.delay) * 10;
        let rows = frame.buffer.chunks(usize::from(frame.width).max(1));
        let rows =
            rows.map(|row| row.iter().flat_map(|&index| colors[usize::from(index)]).collect::<Vec<u8>>());
        self.canvas.draw(area, rows, Blend::Over, disposal);
        Ok(Some(delay_ms))
    }
}

impl Iterator for Frames<'_> {
    type Item = Result<TimedFrame, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let delay_ms = self.draw_next().transpose();
        let frame = delay_ms.map(|delay_ms| self.canvas.shown(delay_ms?));
        if !matches!(frame, Some(Ok(_))) {
            self.left = 0;
        }
        frame
    }
}
