//! GIF, still and animated.
//!
//! A GIF has 256 colours a frame, one of which can be transparent. A picture that has no more is kept
//! exactly; of others the colours are chosen for each frame, and the error is spread. What is less
//! than half opaque is transparent.

use super::changes::{Rectangle, differing};
use super::palette::{self, Indexed};
use super::{cannot, rgba};
use crate::Fault;
use crate::frame::Frame;
use std::borrow::Cow;

/// An animation in the making. Three canvases of four bytes a pixel are in memory.
pub(super) struct Movie {
    width: u16,
    height: u16,
    plays: u32,
    writer: Option<gif::Encoder<Vec<u8>>>,
    /// The colours of the first frame, which others use too if they have enough in them.
    global: Vec<[u8; 4]>,
    /// What is on the canvas before the frame that waits.
    shown: Vec<u8>,
    /// The frame that waits for the next, which decides how this one is disposed of.
    waiting: Option<(Vec<u8>, u32)>,
    /// Milliseconds of the frames that are written.
    elapsed: u64,
}

/// A still picture.
pub(super) fn encode(frame: &Frame) -> Result<Vec<u8>, Fault> {
    let mut movie = Movie::new(frame.width(), frame.height(), 1)?;
    movie.add(frame, 0)?;
    movie.finish()
}

impl Movie {
    /// `plays` of 0 are for ever.
    pub(super) fn new(width: u32, height: u32, plays: u32) -> Result<Movie, Fault> {
        Ok(Movie {
            width: u16::try_from(width).map_err(cannot)?,
            height: u16::try_from(height).map_err(cannot)?,
            plays,
            writer: None,
            global: Vec::new(),
            shown: Vec::new(),
            waiting: None,
            elapsed: 0,
        })
    }

    pub(super) fn add(&mut self, frame: &Frame, delay_ms: u32) -> Result<(), Fault> {
        let mut next = rgba(frame).into_owned();
        for pixel in next.as_chunks_mut::<4>().0 {
            *pixel = if pixel[3] < 128 { [0; 4] } else { [pixel[0], pixel[1], pixel[2], 255] };
        }
        match self.waiting.take() {
            Some((last, delay)) if last == next => {
                self.waiting = Some((last, delay.saturating_add(delay_ms)));
                return Ok(());
            }
            Some((last, delay)) => self.write(last, delay, Some(&next))?,
            None => self.shown = vec![0; next.len()],
        }
        self.waiting = Some((next, delay_ms));
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, Fault> {
        let (last, delay) = self.waiting.take().ok_or_else(|| cannot("an animation without frames"))?;
        self.write(last, delay, None)?;
        let writer = self.writer.take().ok_or_else(|| cannot("an animation without frames"))?;
        writer.into_inner().map_err(cannot)
    }

    /// Writes the part of a frame that differs from what is shown. Where the next frame is transparent
    /// and this one is not, this one's area is cleared afterwards.
    fn write(&mut self, frame: Vec<u8>, delay_ms: u32, next: Option<&Vec<u8>>) -> Result<(), Fault> {
        let width = u32::from(self.width);
        let cleared = next.and_then(|next| {
            differing(&frame, next, width, 4, |a, b| a.get(3) != Some(&0) && b.get(3) == Some(&0))
        });
        let changed = match self.writer {
            None => Some(Rectangle::whole(width, u32::from(self.height))),
            Some(_) => differing(&self.shown, &frame, width, 4, |a, b| a != b),
        };
        let area = match (changed, cleared) {
            (Some(changed), Some(cleared)) => changed.with(cleared),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => Rectangle::whole(1, 1),
        };
        let above = area.cut(&frame, width, 4);
        let below = area.cut(&self.shown, width, 4);
        let pairs = above.as_chunks::<4>().0.iter().zip(below.as_chunks::<4>().0);
        let pixels: Vec<[u8; 4]> =
            pairs.map(|(above, below)| if above == below { [0; 4] } else { *above }).collect();
        let dispose =
            if cleared.is_some() { gif::DisposalMethod::Background } else { gif::DisposalMethod::Keep };
        self.write_part(area, pixels, delay_ms, dispose)?;
        self.shown = frame;
        if cleared.is_some() {
            let rows = self.shown.chunks_exact_mut(width as usize * 4);
            let span = area.left as usize * 4..(area.left + area.width) as usize * 4;
            for row in rows.skip(area.top as usize).take(area.height as usize) {
                row.get_mut(span.clone()).unwrap_or_default().fill(0);
            }
        }
        Ok(())
    }

    fn write_part(
        &mut self,
        area: Rectangle,
        pixels: Vec<[u8; 4]>,
        delay_ms: u32,
        dispose: gif::DisposalMethod,
    ) -> Result<(), Fault> {
        let made = indexed(pixels, area, &self.global)?;
        if self.writer.is_none() {
            self.global.clone_from(&made.palette);
            let mut writer = gif::Encoder::new(Vec::new(), self.width, self.height, &colors(&made.palette))
                .map_err(cannot)?;
            let repeat = match self.plays {
                0 => gif::Repeat::Infinite,
                plays => gif::Repeat::Finite(u16::try_from(plays - 1).unwrap_or(u16::MAX)),
            };
            writer.set_repeat(repeat).map_err(cannot)?;
            self.writer = Some(writer);
        }
        // At most 255, since there are at most 256.
        let transparent = made.palette.iter().position(|color| color[3] == 0).map(|index| index as u8);
        let frame = gif::Frame {
            delay: self.hundredths(delay_ms),
            dispose,
            transparent,
            left: area.left as u16,
            top: area.top as u16,
            // Within the canvas, whose sides fit.
            width: area.width as u16,
            height: area.height as u16,
            palette: (made.palette != self.global).then(|| colors(&made.palette)),
            buffer: Cow::Owned(made.indices),
            ..gif::Frame::default()
        };
        let writer = self.writer.as_mut().ok_or_else(|| cannot("an animation without frames"))?;
        writer.write_frame(&frame).map_err(cannot)
    }

    /// The delay in hundredths of a second, rounded so that errors do not add up; never 0 for an
    /// animation, which programs read as they like.
    fn hundredths(&mut self, delay_ms: u32) -> u16 {
        if delay_ms == 0 {
            return 0;
        }
        let start = (self.elapsed + 5) / 10;
        self.elapsed += u64::from(delay_ms);
        let hundredths = ((self.elapsed + 5) / 10 - start).max(1);
        u16::try_from(hundredths).unwrap_or(u16::MAX)
    }
}

/// The picture in at most 256 colours, with the known ones in front if all fit.
fn indexed(mut pixels: Vec<[u8; 4]>, area: Rectangle, known: &[[u8; 4]]) -> Result<Indexed, Fault> {
    for start in [known, &[]] {
        if let Some(made) = palette::exact(pixels.iter().copied(), 256, start) {
            return Ok(made);
        }
    }
    let clear: Vec<bool> = pixels.iter().map(|pixel| pixel[3] == 0).collect();
    // Transparent pixels take the colour of a neighbour, so that none is chosen for them.
    let mut last = pixels.iter().copied().find(|pixel| pixel[3] != 0).unwrap_or([0, 0, 0, 255]);
    for pixel in &mut pixels {
        if pixel[3] == 0 {
            *pixel = last;
        }
        last = *pixel;
    }
    let most = if clear.contains(&true) { 255 } else { 256 };
    let flat = pixels.as_flattened();
    let mut made = palette::reduce(flat, area.width, area.height, most)?.dithered()?;
    if most == 255 {
        let transparent = made.palette.len() as u8;
        made.palette.push([0; 4]);
        for (index, _) in made.indices.iter_mut().zip(&clear).filter(|(_, clear)| **clear) {
            *index = transparent;
        }
    }
    Ok(made)
}

fn colors(palette: &[[u8; 4]]) -> Vec<u8> {
    palette.iter().flat_map(|&[red, green, blue, _]| [red, green, blue]).collect()
}

#[cfg(test)]
#[path = "gif_tests.rs"]
mod tests;
