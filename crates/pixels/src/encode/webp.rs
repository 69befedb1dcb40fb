//! WebP, by libwebp.

use super::changes::{Rectangle, changed};
use super::{Encoding, LOSSLESS, cannot};
use crate::Fault;
use crate::frame::{Channels, Frame};
use safelight_domain::transform;
use safelight_webp::{Animation, Compression, Layout, MAX_DELAY_MS, Place, Settings};
use std::borrow::Cow;

/// How good lossy WebPs are. The scale differs from that of JPEG: 82 looks about like a JPEG of 85. The
/// alpha channel is lossless, since edges need it.
const LOSSY: Compression = Compression::Lossy { quality: 82.0, alpha_quality: 100 };

/// Method 4 takes more than twice the time of 2 for a tenth less bytes.
const METHOD: u8 = 2;

/// Quality 100 loses nothing.
fn settings(encoding: &Encoding<'_>) -> Settings {
    let compression = if encoding.quality == Some(LOSSLESS) { Compression::Lossless } else { LOSSY };
    let method = if encoding.compression == transform::Compression::Fast { 0 } else { METHOD };
    Settings { compression, method }
}

/// Transparency that no pixel uses is left out by the encoder.
pub(super) fn encode(frame: &Frame, encoding: &Encoding<'_>) -> Result<Vec<u8>, Fault> {
    let (pixels, layout) = samples(frame);
    safelight_webp::encode(&pixels, layout, frame.width(), frame.height(), &settings(encoding))
        .map_err(cannot)
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
        Ok(Movie { animation, settings: settings(encoding), waiting: None })
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
