//! Animations: frames that libwebp encodes as pictures of their own, in the container of the format.
//!
//! libwebp has an encoder of animations too, which reads back what it wrote; it would link the
//! decoders. The container is small, and here it is safe code.

use crate::{EncodeError, Layout, MAX_SIDE, Settings, encode};

/// Longest time that a frame can be shown, in milliseconds: about four hours and a half.
pub const MAX_DELAY_MS: u32 = (1 << 24) - 1;

/// Where a frame lies on the canvas, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// An even number, as the format has half of it.
    pub left: u32,
    /// An even number.
    pub top: u32,
    /// At least 1.
    pub width: u32,
    /// At least 1.
    pub height: u32,
}

/// An animation in the making. It grows by a frame's encoded bytes at a time; pixels are not kept.
#[derive(Debug)]
pub struct Animation {
    width: u32,
    height: u32,
    plays: u16,
    transparency: Transparency,
    frames: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transparency {
    None,
    Some,
}

impl Animation {
    /// An animation without a frame yet. A side is 1 to [`MAX_SIDE`] pixels; 0 plays are for ever.
    pub fn new(width: u32, height: u32, plays: u16) -> Result<Animation, EncodeError> {
        let allowed = 1..=MAX_SIDE;
        if !allowed.contains(&width) || !allowed.contains(&height) {
            return Err(EncodeError::Size { width, height });
        }
        Ok(Animation { width, height, plays, transparency: Transparency::None, frames: Vec::new() })
    }

    /// Adds a frame, which takes the place of what is below it and stays, shown for `delay_ms`
    /// milliseconds, at most [`MAX_DELAY_MS`]. `pixels` are as for [`encode`].
    pub fn push(
        &mut self,
        pixels: &[u8],
        layout: Layout,
        place: Place,
        delay_ms: u32,
        settings: &Settings,
    ) -> Result<(), EncodeError> {
        let inside = |start: u32, side: u32, end: u32| {
            start.is_multiple_of(2) && start.checked_add(side).is_some_and(|stop| stop <= end)
        };
        if !inside(place.left, place.width, self.width) || !inside(place.top, place.height, self.height) {
            return Err(EncodeError::Place);
        }
        let file = encode(pixels, layout, place.width, place.height, settings)?;
        let chunks = picture(&file).ok_or(EncodeError::Failed(None))?;
        if chunks.starts_with(b"ALPH") || (chunks.starts_with(b"VP8L") && lossless_alpha(chunks)) {
            self.transparency = Transparency::Some;
        }
        let length = u32::try_from(16 + chunks.len()).map_err(|_| EncodeError::Animation)?;
        self.frames.extend_from_slice(b"ANMF");
        self.frames.extend_from_slice(&length.to_le_bytes());
        for number in
            [place.left / 2, place.top / 2, place.width - 1, place.height - 1, delay_ms.min(MAX_DELAY_MS)]
        {
            self.frames.extend_from_slice(&u24(number));
        }
        // Do not blend, do not clear.
        self.frames.push(2);
        self.frames.extend_from_slice(chunks);
        Ok(())
    }

    /// The file.
    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        let length =
            u32::try_from(self.frames.len().saturating_add(36)).map_err(|_| EncodeError::Animation)?;
        if self.frames.is_empty() {
            return Err(EncodeError::Animation);
        }
        let flags = if self.transparency == Transparency::Some { 0x12 } else { 0x02 };
        let mut file = Vec::with_capacity(self.frames.len() + 44);
        file.extend_from_slice(b"RIFF");
        file.extend_from_slice(&length.to_le_bytes());
        file.extend_from_slice(b"WEBPVP8X\x0A\0\0\0");
        file.extend_from_slice(&[flags, 0, 0, 0]);
        file.extend_from_slice(&u24(self.width - 1));
        file.extend_from_slice(&u24(self.height - 1));
        // The background is transparent, in viewers that look at it.
        file.extend_from_slice(b"ANIM\x06\0\0\0\0\0\0\0");
        file.extend_from_slice(&self.plays.to_le_bytes());
        file.extend_from_slice(&self.frames);
        Ok(file)
    }
}

/// The chunks of a still file that hold its picture: all but the header of an extended one.
fn picture(file: &[u8]) -> Option<&[u8]> {
    let chunks = file.get(12..)?;
    if chunks.starts_with(b"VP8X") { chunks.get(18..) } else { Some(chunks) }
}

/// Whether the header of a lossless chunk says that there is transparency.
fn lossless_alpha(chunk: &[u8]) -> bool {
    chunk.get(12).is_some_and(|byte| byte & 0x10 != 0)
}

fn u24(number: u32) -> [u8; 3] {
    let [a, b, c, _] = number.to_le_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chroma, Compression};

    const LOSSLESS: Settings = Settings { compression: Compression::Lossless, method: 1 };

    fn place(left: u32, top: u32, width: u32, height: u32) -> Place {
        Place { left, top, width, height }
    }

    #[test]
    fn another_decoder_reads_every_frame() {
        let (red, half) = ([200, 10, 20, 255], [20, 40, 250, 100]);
        let mut animation = Animation::new(9, 7, 3).expect("a size");
        animation.push(&red.repeat(63), Layout::Rgba, place(0, 0, 9, 7), 40, &LOSSLESS).expect("a frame");
        animation.push(&half.repeat(15), Layout::Rgba, place(4, 2, 5, 3), 70, &LOSSLESS).expect("a frame");
        let file = animation.finish().expect("a file");
        let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(&file)).expect("a WebP");
        assert_eq!((decoder.dimensions(), decoder.num_frames(), decoder.has_alpha()), ((9, 7), 2, true));
        let plays = std::num::NonZeroU16::new(3).expect("not 0");
        assert_eq!(decoder.loop_count(), image_webp::LoopCount::Times(plays));
        let mut canvas = vec![0; 9 * 7 * 4];
        assert_eq!(decoder.read_frame(&mut canvas).expect("a frame"), 40);
        assert_eq!(canvas, red.repeat(63));
        assert_eq!(decoder.read_frame(&mut canvas).expect("a frame"), 70);
        for (at, pixel) in canvas.chunks(4).enumerate() {
            let inside = at % 9 >= 4 && (2..5).contains(&(at / 9));
            assert_eq!(pixel, if inside { half } else { red }, "pixel {at}");
        }
        assert!(decoder.read_frame(&mut canvas).is_err());
    }

    #[test]
    fn lossy_frames_and_opaque_ones_are_read_too() {
        let lossy = Compression::Lossy { quality: 80.0, alpha_quality: 100, chroma: Chroma::Mean };
        for (layout, pixel, alpha) in
            [(Layout::Rgb, &[90, 120, 30][..], false), (Layout::Rgba, &[90, 120, 30, 9], true)]
        {
            let mut animation = Animation::new(16, 16, 0).expect("a size");
            let settings = Settings { compression: lossy, method: 1 };
            for delay in [0, MAX_DELAY_MS + 1] {
                animation
                    .push(&pixel.repeat(256), layout, place(0, 0, 16, 16), delay, &settings)
                    .expect("a frame");
            }
            let file = animation.finish().expect("a file");
            let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(&file)).expect("a WebP");
            assert_eq!((decoder.has_alpha(), decoder.num_frames()), (alpha, 2));
            assert_eq!(decoder.loop_count(), image_webp::LoopCount::Forever);
            let mut canvas = vec![0; decoder.output_buffer_size().expect("a size")];
            assert_eq!(decoder.read_frame(&mut canvas).expect("a frame"), 0);
            assert_eq!(decoder.read_frame(&mut canvas).expect("a frame"), MAX_DELAY_MS);
            assert!(canvas.iter().zip(pixel.iter().cycle()).all(|(a, b)| a.abs_diff(*b) < 6), "{canvas:?}");
        }
    }

    #[test]
    fn frames_have_to_fit() {
        assert!(matches!(Animation::new(0, 1, 0), Err(EncodeError::Size { .. })));
        assert!(matches!(Animation::new(1, MAX_SIDE + 1, 0), Err(EncodeError::Size { .. })));
        let mut animation = Animation::new(8, 8, 0).expect("a size");
        for bad in [place(1, 0, 2, 2), place(0, 3, 2, 2), place(8, 0, 1, 1), place(0, 0, 8, 9)] {
            let pixels = vec![0; bad.width as usize * bad.height as usize * 3];
            assert_eq!(animation.push(&pixels, Layout::Rgb, bad, 1, &LOSSLESS), Err(EncodeError::Place));
        }
        let few = animation.push(&[0; 3], Layout::Rgb, place(0, 0, 2, 2), 1, &LOSSLESS);
        assert_eq!(few, Err(EncodeError::Length { found: 3, expected: 12 }));
        assert_eq!(animation.finish(), Err(EncodeError::Animation));
    }
}
