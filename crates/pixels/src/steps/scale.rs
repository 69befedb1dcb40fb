//! Cropping and scaling, in linear light with premultiplied alpha.
//!
//! What shrinks goes through Lanczos, what grows in both sides through the cubic filter of Catmull and
//! Rom: Lanczos rings twice beside every edge, which shows once pixels are enlarged. Cloudflare has a
//! bicubic filter there too.
//!
//! A picture that shrinks a lot is first averaged in whole boxes, which is cheap, and at least
//! [`LEFT_FOR_LANCZOS`] times the target is left for Lanczos. Work goes through in strips of rows, so
//! that no 16-bit picture of the whole size exists.

use crate::Fault;
use crate::frame::{Channels, Frame, byte_count};
use crate::linear;
use crate::plan::{Plan, Rect, Region, Scaling, Size};
use crate::steps::trim;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{InnerPixel, U16, U16x3, U16x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

/// How many times larger than the target the averaged picture stays at least. Against Lanczos over
/// the full picture in floating point, photographs reach 44 to 59 dB with 2 and 48 to 60 with 3,
/// which takes twice the time where it leaves out the averaging. Without linear light it is 32 to 52.
const LEFT_FOR_LANCZOS: f64 = 2.0;

/// Longest side of an averaged box; sums of its 16-bit samples fit 32 bits.
const MAX_BOX: usize = 128;

/// Rows of output that are made at once.
const STRIP: u32 = 64;

/// What an opaque pixel has for alpha on its way through Lanczos, which overshoots beside edges. An
/// alpha that were cut off there would leave its colours too bright. The rest of 16 bits is a third.
const OPAQUE: u16 = 192 * 255;

/// Reach of Lanczos in source pixels at scale 1.
const REACH: f64 = 3.0;

/// Cuts out the plan's region and brings it to the scaled size.
pub(super) fn scale(frame: Frame, plan: &Plan) -> Result<Frame, Fault> {
    match plan.scaling {
        // Regions that are copied have whole numbers within the picture.
        Scaling::Copy => {
            let (left, top) = (plan.region.left as u32, plan.region.top as u32);
            let (width, height) = (plan.scaled.width, plan.scaled.height);
            trim::cut(frame, Rect { left, top, width, height })
        }
        Scaling::Resample => resample(&frame, plan.region, plan.scaled),
    }
    .ok_or_else(|| Fault::CannotEncode("it could not be scaled".to_owned()))
}

/// Brings a region of a picture to a size.
pub(crate) fn resample(frame: &Frame, region: Region, size: Size) -> Option<Frame> {
    let scaler = Scaler::new(frame, region, size);
    let pixels = match frame.channels() {
        Channels::Grey => scaler.run::<U16>(&Lighting::GREY),
        Channels::Rgb => scaler.run::<U16x3>(&Lighting::RGB),
        Channels::Rgba => scaler.run::<U16x4>(&Lighting::RGBA),
    };
    Frame::new(size.width, size.height, frame.channels(), pixels?)
}

/// How light comes out of pixels of some number of samples.
struct Lighting {
    /// The light of each pixel of a row.
    each: fn(row: &[u8], table: &[u16; 256], out: &mut [u16]),
    /// Adds the light of a row of pixels, of which `side` fall into each box, to the sums of the boxes.
    sums: fn(row: &[u8], side: usize, table: &[u16; 256], sums: &mut [u32]),
}

impl Lighting {
    const GREY: Lighting = Lighting { each, sums: average::<1> };
    const RGB: Lighting = Lighting { each, sums: average::<3> };
    const RGBA: Lighting = Lighting { each: each_premultiplied, sums: average_premultiplied };
}

fn each(row: &[u8], table: &[u16; 256], out: &mut [u16]) {
    for (light, &byte) in out.iter_mut().zip(row) {
        *light = table[usize::from(byte)]; // 256 entries, so every byte is an index.
    }
}

fn each_premultiplied(row: &[u8], table: &[u16; 256], out: &mut [u16]) {
    for (light, &[r, g, b, a]) in out.as_chunks_mut::<4>().0.iter_mut().zip(row.as_chunks::<4>().0) {
        // 256 entries, so every byte is an index.
        let of = |byte: u8| linear::premultiply(table[usize::from(byte)], a);
        *light = [of(r), of(g), of(b), u16::from(a) * (OPAQUE / 255)];
    }
}

fn average<const N: usize>(row: &[u8], side: usize, table: &[u16; 256], sums: &mut [u32]) {
    let boxes = row.chunks(side * N).zip(sums.as_chunks_mut::<N>().0);
    for (pixels, sums) in boxes {
        for pixel in pixels.as_chunks::<N>().0 {
            for (sum, &byte) in sums.iter_mut().zip(pixel) {
                *sum += u32::from(table[usize::from(byte)]); // 256 entries, so every byte is an index.
            }
        }
    }
}

fn average_premultiplied(row: &[u8], side: usize, table: &[u16; 256], sums: &mut [u32]) {
    let boxes = row.chunks(side * 4).zip(sums.as_chunks_mut::<4>().0);
    for (pixels, [red, green, blue, alpha]) in boxes {
        for &[r, g, b, a] in pixels.as_chunks::<4>().0 {
            // 256 entries, so every byte is an index.
            let light = |byte: u8| u32::from(linear::premultiply(table[usize::from(byte)], a));
            *red += light(r);
            *green += light(g);
            *blue += light(b);
            *alpha += u32::from(a) * u32::from(OPAQUE / 255);
        }
    }
}

/// The columns or rows of boxes that a span needs.
#[derive(Clone, Copy, Debug)]
struct Window {
    start: usize,
    end: usize,
}

impl Window {
    /// All boxes that Lanczos touches for the span from `from` to `to` at `scale` boxes an output
    /// pixel, within `count`.
    fn around(from: f64, to: f64, scale: f64, count: usize) -> Window {
        let reach = REACH * scale.max(1.0) + 1.0;
        // Negative numbers become 0.
        Window { start: (from - reach).floor() as usize, end: ((to + reach).ceil() as usize).min(count) }
    }

    fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

struct Scaler<'a> {
    frame: &'a Frame,
    /// The region, in boxes.
    region: Region,
    /// Side of a box in pixels.
    side: usize,
    width: u32,
    height: u32,
    filter: FilterType,
}

impl<'a> Scaler<'a> {
    fn new(frame: &'a Frame, region: Region, size: Size) -> Scaler<'a> {
        let (width, height) = (size.width, size.height);
        let (columns, rows) = (region.width / f64::from(width), region.height / f64::from(height));
        let side = ((columns.min(rows) / LEFT_FOR_LANCZOS) as usize).clamp(1, MAX_BOX);
        let boxes = side as f64;
        let filter =
            if columns <= 1.0 && rows <= 1.0 { FilterType::CatmullRom } else { FilterType::Lanczos3 };
        let region = Region {
            left: region.left / boxes,
            top: region.top / boxes,
            width: region.width / boxes,
            height: region.height / boxes,
        };
        Scaler { frame, region, side, width, height, filter }
    }

    fn run<P: PixelTrait + InnerPixel<Component = u16>>(&self, lighting: &Lighting) -> Option<Vec<u8>> {
        let samples = self.frame.channels().count();
        let full = if samples == 4 { OPAQUE } else { u16::MAX };
        let part = |light: u16| (u32::from(light) * u32::from(full) / u32::from(u16::MAX)) as u16;
        let (forth, back) = (linear::from_srgb().map(part), linear::to_srgb());
        let scale_y = self.region.height / f64::from(self.height);
        let columns = Window::around(
            self.region.left,
            self.region.left + self.region.width,
            self.region.width / f64::from(self.width),
            (self.frame.width() as usize).div_ceil(self.side),
        );
        let row_count = (self.frame.height() as usize).div_ceil(self.side);
        let mut out = vec![0; byte_count(self.width, self.height, samples)];
        let mut target = vec![P::default(); self.width as usize * STRIP.min(self.height) as usize];
        let mut source: Vec<P> = Vec::new();
        let mut resizer = Resizer::new();
        let strip_bytes = self.width as usize * STRIP as usize * samples;
        for (index, bytes) in out.chunks_mut(strip_bytes).enumerate() {
            let first = index as u32 * STRIP;
            let count = STRIP.min(self.height - first);
            let top = self.region.top + scale_y * f64::from(first);
            let height = scale_y * f64::from(count);
            let rows = Window::around(top, top + height, scale_y, row_count);
            source.resize(columns.len() * rows.len(), P::default());
            self.reduce(columns, rows, lighting, &forth, P::components_mut(&mut source));
            let view = TypedImageRef::new(columns.len() as u32, rows.len() as u32, &source).ok()?;
            let mut strip = TypedImage::from_pixels_slice(self.width, count, &mut target).ok()?;
            // Rounding may put the far ends a little outside of the window.
            let (left, top) = (self.region.left - columns.start as f64, top - rows.start as f64);
            let width = self.region.width.min(columns.len() as f64 - left);
            let height = height.min(rows.len() as f64 - top);
            let options = ResizeOptions::new()
                .resize_alg(ResizeAlg::Convolution(self.filter))
                .use_alpha(false)
                .crop(left, top, width, height);
            resizer.resize_typed(&view, &mut strip, &options).ok()?;
            let made = P::components(&target).get(..bytes.len())?;
            linear::write_srgb(made, samples, full, &back, bytes);
        }
        Some(out)
    }

    /// Fills `out` with the mean light of the boxes in the window.
    fn reduce(
        &self,
        columns: Window,
        rows: Window,
        lighting: &Lighting,
        table: &[u16; 256],
        out: &mut [u16],
    ) {
        let (samples, side) = (self.frame.channels().count(), self.side);
        let left = columns.start * side * samples;
        let right = (columns.end * side * samples).min(self.frame.stride());
        let all = self.frame.pixels().chunks_exact(self.frame.stride()).skip(rows.start * side);
        let mut lines = all.map(|row| row.get(left..right).unwrap_or_default());
        let made = out.chunks_exact_mut(columns.len() * samples);
        if side == 1 {
            made.zip(lines).for_each(|(made, row)| (lighting.each)(row, table, made));
            return;
        }
        let mut sums = vec![0_u32; columns.len() * samples];
        let last_width = (self.frame.width() as usize).min(columns.end * side) - (columns.end - 1) * side;
        for made in made {
            sums.fill(0);
            let mut height = 0;
            for row in lines.by_ref().take(side) {
                (lighting.sums)(row, side, table, &mut sums);
                height += 1;
            }
            let (mean, last_mean) = (Mean::of(side * height), Mean::of(last_width * height));
            let inner = made.len() - samples;
            let (made, last_made) = made.split_at_mut(inner);
            let (sums, last_sums) = sums.split_at(inner);
            made.iter_mut().zip(sums).for_each(|(made, &sum)| *made = mean.round(sum));
            last_made.iter_mut().zip(last_sums).for_each(|(made, &sum)| *made = last_mean.round(sum));
        }
    }
}

/// Division of sums of so many 16-bit samples by their number, rounded to nearest, as a multiplication: a tenth of
/// the time, and exact as long as a box has at most [`MAX_BOX`] squared of them.
#[derive(Clone, Copy)]
struct Mean {
    half: u64,
    factor: u64,
}

impl Mean {
    /// With this shift the factor is off by less than one in 2^45, and sums have 30 bits.
    const SHIFT: u32 = 45;

    fn of(number: usize) -> Mean {
        let number = number.max(1) as u64;
        Mean { half: number / 2, factor: (1 << Mean::SHIFT) / number + 1 }
    }

    fn round(self, sum: u32) -> u16 {
        // At most 65,535 times the number, and half of it: the product has 62 bits.
        (((u64::from(sum) + self.half) * self.factor) >> Mean::SHIFT) as u16
    }
}

#[cfg(test)]
#[path = "scale_tests.rs"]
mod tests;
