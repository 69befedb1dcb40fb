//! The canvas that the frames of an animation are put on.

use super::{TimedFrame, corrupt};
use crate::Fault;
use crate::frame::{Channels, Frame, byte_count};
use safelight_domain::image::SourceInfo;

/// A part of the canvas, in pixels; it may hang over.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Area {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// How a frame meets what is below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blend {
    /// It takes its place.
    Replace,
    /// It lies over it.
    Over,
}

/// What becomes of a frame before the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disposal {
    /// It stays.
    Keep,
    /// Its area becomes transparent, as browsers have it: they ignore the colour for the background
    /// that GIF and WebP name.
    Clear,
    /// What was below comes back.
    Restore,
}

/// RGBA, transparent at the start.
#[derive(Debug)]
pub(super) struct Canvas {
    width: u32,
    height: u32,
    channels: Channels,
    pixels: Vec<u8>,
    saved: Vec<u8>,
    last: Area,
    disposal: Disposal,
}

impl Canvas {
    /// A canvas of the source's size.
    pub(super) fn new(info: &SourceInfo) -> Canvas {
        Canvas {
            width: info.width,
            height: info.height,
            channels: if info.has_alpha { Channels::Rgba } else { Channels::Rgb },
            pixels: vec![0; byte_count(info.width, info.height, 4)],
            saved: Vec::new(),
            last: Area::default(),
            disposal: Disposal::Keep,
        }
    }

    /// Puts the next frame on, from its rows of RGBA.
    pub(super) fn draw<Row: AsRef<[u8]>>(
        &mut self,
        area: Area,
        rows: impl Iterator<Item = Row>,
        blend: Blend,
        disposal: Disposal,
    ) {
        match self.disposal {
            Disposal::Keep => {}
            Disposal::Clear => {
                let last = self.last;
                self.rows(last).for_each(|row| row.fill(0));
            }
            Disposal::Restore => self.pixels.clone_from(&self.saved),
        }
        if disposal == Disposal::Restore {
            self.saved.clone_from(&self.pixels);
        }
        for (row, source) in self.rows(area).zip(rows) {
            let source = source.as_ref();
            let pairs = row.as_chunks_mut::<4>().0.iter_mut().zip(source.as_chunks::<4>().0);
            match blend {
                Blend::Replace => pairs.for_each(|(below, pixel)| *below = *pixel),
                Blend::Over => pairs.for_each(|(below, pixel)| *below = over(*below, *pixel)),
            }
        }
        self.last = area;
        self.disposal = disposal;
    }

    /// The rows of the area, as far as they are on the canvas.
    fn rows(&mut self, area: Area) -> impl Iterator<Item = &mut [u8]> {
        // Sides have passed the limits, and frames have at most 32 bits; usize has 64 or they are small.
        let (left, right) = (area.left as usize, area.left as usize + area.width as usize);
        let width = self.width as usize;
        let span = left.min(width) * 4..right.min(width) * 4;
        let rows = self.pixels.chunks_exact_mut(width * 4);
        rows.skip(area.top as usize)
            .take(area.height as usize)
            .filter_map(move |row| row.get_mut(span.clone()))
    }

    /// What is shown now.
    pub(super) fn shown(&self, delay_ms: u32) -> Result<TimedFrame, Fault> {
        let pixels = match self.channels {
            Channels::Rgba => self.pixels.clone(),
            _ => self.pixels.as_chunks::<4>().0.iter().flat_map(opaque).collect(),
        };
        Ok(TimedFrame { frame: self.frame(pixels)?, delay_ms })
    }

    /// The same for the last time, without a second canvas in memory.
    pub(super) fn into_shown(mut self) -> Result<Frame, Fault> {
        let mut pixels = std::mem::take(&mut self.pixels);
        if self.channels != Channels::Rgba {
            for at in 0..pixels.len() / 4 {
                // Bytes move towards the start only, to where those before them are done with.
                pixels.copy_within(at * 4..at * 4 + 3, at * 3);
            }
            pixels.truncate(pixels.len() / 4 * 3);
        }
        self.frame(pixels)
    }

    fn frame(&self, pixels: Vec<u8>) -> Result<Frame, Fault> {
        let frame = Frame::new(self.width, self.height, self.channels, pixels);
        frame.ok_or_else(|| corrupt("it has too few pixels"))
    }
}

/// A pixel without its opacity.
fn opaque(&[red, green, blue, _]: &[u8; 4]) -> [u8; 3] {
    [red, green, blue]
}

/// One pixel over another, neither premultiplied, each sample rounded to nearest.
fn over(below: [u8; 4], pixel: [u8; 4]) -> [u8; 4] {
    let ([r, g, b, a], [below_r, below_g, below_b, below_a]) = (pixel.map(u32::from), below.map(u32::from));
    match pixel[3] {
        255 => pixel,
        0 => below,
        _ => {
            // 255 times the alpha of the result, which is at least that of the pixel.
            let total = a * 255 + below_a * (255 - a);
            let mix = |above: u32, below: u32| {
                ((above * a * 255 + below * below_a * (255 - a) + total / 2) / total) as u8
            };
            [mix(r, below_r), mix(g, below_g), mix(b, below_b), ((total + 127) / 255) as u8]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safelight_domain::image::{SourceFormat, Turn};

    #[test]
    fn pixels_are_mixed_by_their_opacity() {
        assert_eq!(over([10, 20, 30, 255], [200, 100, 0, 255]), [200, 100, 0, 255]);
        assert_eq!(over([10, 20, 30, 40], [200, 100, 0, 0]), [10, 20, 30, 40]);
        assert_eq!(over([0, 0, 0, 0], [200, 100, 0, 7]), [200, 100, 0, 7]);
        assert_eq!(over([0, 0, 255, 255], [255, 0, 0, 128]), [128, 0, 127, 255]);
        assert_eq!(over([0, 255, 0, 128], [255, 0, 0, 128]), [170, 85, 0, 192]);
    }

    fn area(left: u32, top: u32, width: u32, height: u32) -> Area {
        Area { left, top, width, height }
    }

    #[test]
    fn each_disposal_leaves_what_it_says() {
        let info = SourceInfo {
            format: SourceFormat::Gif,
            width: 3,
            height: 1,
            has_alpha: true,
            frames: 1,
            turn: Turn::Upright,
        };
        let (red, blue) = ([255, 0, 0, 255], [0, 0, 255, 255]);
        for (disposal, expected) in [
            (Disposal::Keep, [red, red, blue]),
            (Disposal::Clear, [red, [0; 4], blue]),
            (Disposal::Restore, [red, [0, 255, 0, 255], blue]),
        ] {
            let mut canvas = Canvas::new(&info);
            let start = [red, [0, 255, 0, 255], red].concat();
            canvas.draw(area(0, 0, 3, 1), [&start].into_iter(), Blend::Over, Disposal::Keep);
            canvas.draw(area(1, 0, 1, 1), [red].into_iter(), Blend::Over, disposal);
            // It hangs over on the right and below.
            let rows = [[blue; 9].concat(), [blue; 9].concat()];
            canvas.draw(area(2, 0, 9, 9), rows.iter(), Blend::Replace, Disposal::Keep);
            assert_eq!(canvas.pixels, expected.concat(), "{disposal:?}");
        }
    }

    #[test]
    fn frames_outside_of_the_canvas_change_nothing() {
        let info = SourceInfo {
            format: SourceFormat::Gif,
            width: 2,
            height: 2,
            has_alpha: true,
            frames: 1,
            turn: Turn::Upright,
        };
        let mut canvas = Canvas::new(&info);
        for (left, top) in [(2, 0), (0, 2), (u32::MAX, u32::MAX)] {
            canvas.draw(area(left, top, 1, 1), [[255; 4]].into_iter(), Blend::Replace, Disposal::Clear);
            assert_eq!(canvas.pixels, [0; 16]);
        }
    }

    #[test]
    fn what_is_shown_last_is_what_is_shown() {
        for has_alpha in [true, false] {
            let info = SourceInfo {
                format: SourceFormat::Gif,
                width: 5,
                height: 3,
                has_alpha,
                frames: 1,
                turn: Turn::Upright,
            };
            let mut canvas = Canvas::new(&info);
            let rows: Vec<Vec<u8>> = (0..3_u8).map(|y| (y * 20..(y + 1) * 20).collect()).collect();
            canvas.draw(area(0, 0, 5, 3), rows.iter(), Blend::Replace, Disposal::Keep);
            let shown = canvas.shown(0).expect("a frame").frame;
            let last = canvas.into_shown().expect("a frame");
            assert_eq!(last.pixels(), shown.pixels(), "{has_alpha}");
            assert_eq!(last.pixels().len(), if has_alpha { 60 } else { 45 });
        }
    }
}
