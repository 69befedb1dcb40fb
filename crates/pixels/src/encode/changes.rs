//! What differs between two frames of an animation.

use crate::frame::Frame;

/// A part of a picture, in pixels; at least one pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rectangle {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Rectangle {
    /// All of a picture.
    pub(super) fn whole(width: u32, height: u32) -> Rectangle {
        Rectangle { left: 0, top: 0, width, height }
    }

    /// The smallest that holds both.
    pub(super) fn with(self, other: Rectangle) -> Rectangle {
        let (left, top) = (self.left.min(other.left), self.top.min(other.top));
        let right = (self.left + self.width).max(other.left + other.width);
        let bottom = (self.top + self.height).max(other.top + other.height);
        Rectangle { left, top, width: right - left, height: bottom - top }
    }

    /// The same with its left and top at even places: at most a pixel more.
    pub(super) fn even(self) -> Rectangle {
        let (extra_x, extra_y) = (self.left % 2, self.top % 2);
        Rectangle {
            left: self.left - extra_x,
            top: self.top - extra_y,
            width: self.width + extra_x,
            height: self.height + extra_y,
        }
    }

    /// The pixels of a picture of `width` pixels a row in this part of it, `samples` bytes each.
    pub(super) fn cut(self, pixels: &[u8], width: u32, samples: usize) -> Vec<u8> {
        let rows = pixels.chunks_exact(width as usize * samples);
        let span = self.left as usize * samples..(self.left + self.width) as usize * samples;
        let rows = rows.skip(self.top as usize).take(self.height as usize);
        rows.flat_map(|row| row.get(span.clone()).unwrap_or_default()).copied().collect()
    }
}

/// The smallest rectangle outside of which two pictures of one size and kind are the same.
pub(super) fn changed(before: &Frame, after: &Frame) -> Option<Rectangle> {
    let samples = after.channels().count();
    differing(before.pixels(), after.pixels(), after.width(), samples, |a, b| a != b)
}

/// The smallest rectangle that holds every pixel for which `differs` is true.
pub(super) fn differing(
    before: &[u8],
    after: &[u8],
    width: u32,
    samples: usize,
    differs: impl Fn(&[u8], &[u8]) -> bool,
) -> Option<Rectangle> {
    let stride = width as usize * samples;
    let mut found: Option<(usize, usize, usize, usize)> = None;
    let rows = before.chunks_exact(stride).zip(after.chunks_exact(stride));
    for (y, (a, b)) in rows.enumerate().filter(|(_, (a, b))| a != b) {
        let pixel = |x: &usize| {
            let span = x * samples..(x + 1) * samples;
            differs(a.get(span.clone()).unwrap_or_default(), b.get(span).unwrap_or_default())
        };
        let columns = 0..width as usize;
        let (Some(first), Some(last)) = (columns.clone().find(pixel), columns.rev().find(pixel)) else {
            continue;
        };
        found = Some(match found {
            None => (first, y, last, y),
            Some((left, top, right, _)) => (left.min(first), top, right.max(last), y),
        });
    }
    // Sides fit 32 bits.
    found.map(|(left, top, right, bottom)| Rectangle {
        left: left as u32,
        top: top as u32,
        width: (right - left + 1) as u32,
        height: (bottom - top + 1) as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Channels;

    #[test]
    fn the_rectangle_is_the_smallest() {
        let frame = |pixels: Vec<u8>| Frame::new(5, 4, Channels::Rgb, pixels).expect("a size");
        let before = frame(vec![7; 60]);
        assert_eq!(changed(&before, &before), None);
        let mut pixels = vec![7; 60];
        for (x, y) in [(3, 1), (1, 2)] {
            pixels[(y * 5 + x) * 3 + 2] = 8;
        }
        let found = changed(&before, &frame(pixels.clone())).expect("a change");
        assert_eq!(found, Rectangle { left: 1, top: 1, width: 3, height: 2 });
        assert_eq!(found.even(), Rectangle { left: 0, top: 0, width: 4, height: 3 });
        assert_eq!(found.with(Rectangle::whole(2, 1)), Rectangle { left: 0, top: 0, width: 4, height: 3 });
        let cut = found.cut(&pixels, 5, 3);
        assert_eq!(cut.iter().map(|sample| sample - 7).collect::<Vec<u8>>().concat_ones(), [8, 11]);
    }

    trait Ones {
        fn concat_ones(self) -> Vec<usize>;
    }

    impl Ones for Vec<u8> {
        /// Where samples are not 0.
        fn concat_ones(self) -> Vec<usize> {
            self.iter().enumerate().filter(|(_, sample)| **sample != 0).map(|(at, _)| at).collect()
        }
    }
}
