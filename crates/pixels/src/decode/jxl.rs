//! JPEG XL, by jxl-oxide.
//!
//! The decoder gets the codestream alone: of a container it would unpack boxes that nobody asks for.

use super::{Animation, Decoded, InkPicture, Pixels, TimedFrame, WidePicture, check_size, corrupt};
use crate::Fault;
use crate::color;
use crate::frame::{Channels, Frame, byte_count};
use crate::limits::{JXL_BYTES, JXL_BYTES_PER_PIXEL, JXL_FRAMES};
use crate::probe::Header;
use crate::probe::jxl::codestream;
use jxl_oxide::image::BitDepth;
use jxl_oxide::{
    AllocTracker, ExtraChannelType, FrameBufferSample, InitializeResult, JxlImage, JxlThreadPool,
    PixelFormat, Render,
};
use safelight_domain::image::SourceInfo;

/// The picture, of an animation the first frame, turned as it is shown.
pub(super) fn decode(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let image = open(file, info)?;
    let pixels = pixels(&image, 0, info)?;
    Ok(Decoded { pixels, profile: profile(&image) })
}

/// All frames, with 8 bits a sample.
pub(super) fn animation<'a>(file: &'a [u8], header: &Header<'a>) -> Result<Animation<'a>, Fault> {
    let info = header.info;
    let image = open(file, &info)?;
    let Some(timing) = &image.image_header().metadata.animation else {
        return Err(corrupt("it is not animated"));
    };
    let plays = timing.num_loops;
    // Ticks a second, as a fraction.
    let (numerator, denominator) = (u64::from(timing.tps_numerator), u64::from(timing.tps_denominator));
    let profile = profile(&image);
    let frames = (0..image.num_loaded_keyframes()).map(move |index| {
        let ticks = image.frame_header(index).map_or(0, |header| u64::from(header.duration));
        let delay = (ticks * 1000 * denominator).checked_div(numerator).unwrap_or(0);
        let frame = pixels(&image, index, &info)?.into_frame()?;
        Ok(TimedFrame { frame, delay_ms: u32::try_from(delay).unwrap_or(u32::MAX) })
    });
    Ok(Animation { plays, frames: Box::new(frames), profile })
}

/// Counts the frames that are shown.
pub(super) fn frames(file: &[u8], info: &SourceInfo) -> Result<u32, Fault> {
    let frames = open(file, info)?.num_loaded_keyframes();
    Ok(u32::try_from(frames).unwrap_or(u32::MAX).max(1))
}

/// Reads the headers of the file and of its frames.
fn open(file: &[u8], info: &SourceInfo) -> Result<JxlImage, Fault> {
    let area = byte_count(info.width, info.height, 1);
    let limit = area.saturating_mul(JXL_BYTES_PER_PIXEL).saturating_add(JXL_BYTES);
    let builder = JxlImage::builder().pool(JxlThreadPool::none());
    let mut image = builder.alloc_tracker(AllocTracker::with_limit(limit)).build_uninit();
    let stream = codestream(file, usize::MAX);
    // All at once: the headers would be read again for every piece.
    image.feed_bytes(&stream).map_err(corrupt)?;
    match image.try_init().map_err(corrupt)? {
        InitializeResult::NeedMoreData(_) => Err(corrupt("it ends within its header")),
        InitializeResult::Initialized(image) if image.num_loaded_frames() > JXL_FRAMES => {
            Err(corrupt("it has too many frames"))
        }
        InitializeResult::Initialized(image) => {
            check_size((image.width(), image.height()), info)?;
            Ok(image)
        }
    }
}

/// The colours that frames are rendered in.
fn profile(image: &JxlImage) -> Option<Vec<u8>> {
    match image.rendered_cicp() {
        Some([primaries, transfer, ..]) => color::from_cicp(u16::from(primaries), u16::from(transfer)),
        None => Some(image.rendered_icc()),
    }
}

fn pixels(image: &JxlImage, index: usize, info: &SourceInfo) -> Result<Pixels, Fault> {
    if index >= image.num_loaded_keyframes() {
        return Err(corrupt("it ends before its picture does"));
    }
    let render = image.render_frame(index).map_err(corrupt)?;
    let metadata = &image.image_header().metadata;
    let depth = match metadata.bit_depth {
        BitDepth::IntegerSample { bits_per_sample } => bits_per_sample,
        BitDepth::FloatSample { .. } => 16,
    };
    let format = image.pixel_format();
    let premultiplied = metadata
        .ec_info
        .iter()
        .any(|channel| matches!(channel.ty, ExtraChannelType::Alpha { alpha_associated: true }));
    let (width, height) = (info.width, info.height);
    let channels = match format {
        PixelFormat::Gray => Channels::Grey,
        PixelFormat::Rgb => Channels::Rgb,
        PixelFormat::Graya | PixelFormat::Rgba => Channels::Rgba,
        PixelFormat::Cmyk | PixelFormat::Cmyka => {
            // No sample is full ink here, and transparency on paper is left out.
            let samples = rows::<u8>(&render, format, info, |_| {})?;
            let samples = samples.into_iter().map(|sample| 255 - sample).collect();
            let picture = InkPicture::new(width, height, samples);
            return picture.map(Pixels::Ink).ok_or_else(|| corrupt("it has too few pixels"));
        }
    };
    if depth > 8 {
        let samples = rows::<u16>(&render, format, info, |row| {
            if premultiplied {
                divide(row);
            }
        })?;
        return Ok(Pixels::Wide(WidePicture { width, height, channels, samples }));
    }
    let samples = rows::<u8>(&render, format, info, |row| {
        if premultiplied {
            divide(row);
        }
    })?;
    let frame = Frame::new(width, height, channels, samples);
    frame.map(Pixels::Frame).ok_or_else(|| corrupt("it has too few pixels"))
}

/// The samples of a frame, grey with transparency as RGBA, ink without it.
fn rows<T: FrameBufferSample + Copy + Default>(
    render: &Render,
    format: PixelFormat,
    info: &SourceInfo,
    finish: impl Fn(&mut [T]),
) -> Result<Vec<T>, Fault> {
    let mut stream = match format {
        PixelFormat::Cmyka => render.stream_no_alpha(),
        _ => render.stream(),
    };
    let (from, to) = match format {
        PixelFormat::Gray => (1, 1),
        PixelFormat::Graya => (2, 4),
        PixelFormat::Rgb => (3, 3),
        PixelFormat::Rgba | PixelFormat::Cmyk | PixelFormat::Cmyka => (4, 4),
    };
    let fits = (stream.width(), stream.height()) == (info.width, info.height);
    if !fits || stream.channels() != from {
        return Err(corrupt("its headers contradict each other"));
    }
    let width = info.width as usize;
    let mut out = vec![T::default(); byte_count(info.width, info.height, to)];
    let mut narrow = vec![T::default(); width * 2];
    for row in out.chunks_exact_mut(width * to) {
        if from == 2 {
            stream.write_to_buffer(&mut narrow);
            for (pixel, [grey, alpha]) in row.as_chunks_mut::<4>().0.iter_mut().zip(narrow.as_chunks::<2>().0)
            {
                *pixel = [*grey, *grey, *grey, *alpha];
            }
        } else {
            stream.write_to_buffer(row);
        }
        finish(row);
    }
    Ok(out)
}

/// A sample of 8 or 16 bits.
trait Level: Copy {
    const FULL: u64;
    fn level(self) -> u64;
    fn of(level: u64) -> Self;
}

impl Level for u8 {
    const FULL: u64 = 255;
    fn level(self) -> u64 {
        u64::from(self)
    }
    fn of(level: u64) -> u8 {
        level.min(Self::FULL) as u8
    }
}

impl Level for u16 {
    const FULL: u64 = 65_535;
    fn level(self) -> u64 {
        u64::from(self)
    }
    fn of(level: u64) -> u16 {
        level.min(Self::FULL) as u16
    }
}

/// Divides the colours of RGBA pixels by their alpha.
fn divide<T: Level>(row: &mut [T]) {
    for [r, g, b, a] in row.as_chunks_mut::<4>().0 {
        let alpha = a.level();
        for sample in [r, g, b] {
            let level = sample.level() * T::FULL + alpha / 2;
            *sample = T::of(level.checked_div(alpha).unwrap_or(0));
        }
    }
}
