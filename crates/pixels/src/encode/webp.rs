//! WebP, by libwebp.

use super::changes::{Rectangle, changed};
use super::{Encoding, LOSSLESS, cannot, quality};
use crate::Fault;
use crate::frame::{Channels, Frame};
use safelight_domain::transform::{self, Effort};
use safelight_webp::{Animation, Chroma, Compression, Layout, MAX_DELAY_MS, Place, Settings};
use std::borrow::Cow;

/// At an equal score of SSIMULACRA2 method 4 takes 5 % fewer bytes than 2, method 5 takes 7 % and method 6
/// 8 %, in four times the time of method 2, and method 1 takes 5 % more. Animations and large pictures have more to do, and would run into the
/// time limit of a render.
fn method(effort: Effort, chroma: Chroma) -> u8 {
    match effort {
        Effort::Quick => 1,
        Effort::Standard => 2,
        Effort::Thorough if chroma == Chroma::Mean => 4,
        Effort::Thorough => 6,
    }
}

/// Most pixels that get sharp chroma, which takes time and 12 bytes a pixel: larger pictures are seen
/// reduced.
const SHARP_PIXELS: u64 = 16_000_000;

/// Quality 100 loses nothing. The alpha channel never does, since edges need it.
fn settings(encoding: &Encoding<'_>, chroma: Chroma) -> Settings {
    let fast = encoding.compression == transform::Compression::Fast;
    let (method, chroma) = if fast { (0, Chroma::Mean) } else { (method(encoding.effort, chroma), chroma) };
    let compression = match encoding.quality {
        Some(LOSSLESS) => Compression::Lossless,
        other => Compression::Lossy {
            quality: quality::webp(other, chroma, encoding.effort),
            alpha_quality: 100,
            chroma,
        },
    };
    Settings { compression, method }
}

/// Transparency that no pixel uses is left out by the encoder.
pub(super) fn encode(frame: &Frame, encoding: &Encoding<'_>) -> Result<Vec<u8>, Fault> {
    let (pixels, layout) = samples(frame);
    let (width, height) = (frame.width(), frame.height());
    let area = u64::from(width) * u64::from(height);
    let plain = encoding.effort == Effort::Quick && quality::mean_chroma_will_do(encoding.quality);
    let grey = frame.channels() == Channels::Grey;
    let chroma = if area > SHARP_PIXELS || grey || plain { Chroma::Mean } else { Chroma::Sharp };
    safelight_webp::encode(&pixels, layout, width, height, &settings(encoding, chroma)).map_err(cannot)
}

fn samples(frame: &Frame) -> (Cow<'_, [u8]>, Layout) {
    match frame.channels() {
        Channels::Grey => {
            (Cow::Owned(frame.pixels().iter().flat_map(|&luma| [luma; 3]).collect()), Layout::Rgb)
        }
        Channels::Rgb => (Cow::Borrowed(frame.pixels()), Layout::Rgb),
        Channels::Rgba => (Cow::Borrowed(frame.pixels()), Layout::Rgba),
    }
}

/// An animation in the making. Of each frame the part that differs from the last is written; frames
/// that are the same become one.
pub(super) struct Movie {
    animation: Animation,
    settings: Settings,
    /// The frame that waits, the part of it that is written, and its delay.
    waiting: Option<(Frame, Rectangle, u32)>,
}

impl Movie {
    /// `plays` of 0 are for ever.
    pub(super) fn new(width: u32, height: u32, plays: u32, encoding: &Encoding<'_>) -> Result<Movie, Fault> {
        let plays = u16::try_from(plays).unwrap_or(u16::MAX);
        let animation = Animation::new(width, height, plays).map_err(cannot)?;
        Ok(Movie { animation, settings: settings(encoding, Chroma::Mean), waiting: None })
    }

    pub(super) fn add(&mut self, frame: Frame, delay_ms: u32) -> Result<(), Fault> {
        let area = match &mut self.waiting {
            None => Rectangle::whole(frame.width(), frame.height()),
            Some((last, _, delay)) => match changed(last, &frame) {
                Some(area) => area.even(),
                None if delay.saturating_add(delay_ms) <= MAX_DELAY_MS => {
                    *delay += delay_ms;
                    return Ok(());
                }
                None => Rectangle::whole(1, 1),
            },
        };
        self.write()?;
        self.waiting = Some((frame, area, delay_ms));
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, Fault> {
        self.write()?;
        self.animation.finish().map_err(cannot)
    }

    fn write(&mut self) -> Result<(), Fault> {
        let Some((frame, area, delay_ms)) = self.waiting.take() else { return Ok(()) };
        let (pixels, layout) = samples(&frame);
        let part = area.cut(&pixels, frame.width(), layout.bytes());
        let Rectangle { left, top, width, height } = area;
        let place = Place { left, top, width, height };
        self.animation.push(&part, layout, place, delay_ms, &self.settings).map_err(cannot)
    }
}
