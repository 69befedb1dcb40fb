//! The calls into rav1d, and the owners of what it hands out.

use crate::{Color, DecodeError, Layout, Picture, Settings};
use re_rav1d::Dav1dResult;
use re_rav1d::include::dav1d::data::Dav1dData;
use re_rav1d::include::dav1d::dav1d::{Dav1dContext, Dav1dLogger, Dav1dSettings};
use re_rav1d::include::dav1d::headers::{
    DAV1D_PIXEL_LAYOUT_I400, DAV1D_PIXEL_LAYOUT_I420, DAV1D_PIXEL_LAYOUT_I422, DAV1D_PIXEL_LAYOUT_I444,
};
use re_rav1d::include::dav1d::picture::Dav1dPicture;
use re_rav1d::src::lib as dav1d;
use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// Error numbers of C, which rav1d gives with a minus; the same on all systems that are built for.
const EAGAIN: c_int = 11;
const ENOMEM: c_int = 12;
const ERANGE: c_int = 34;

/// An open decoder.
pub(crate) struct Context(Option<Dav1dContext>);

impl Context {
    pub(crate) fn open(settings: &Settings) -> Result<Self, DecodeError> {
        let mut chosen = MaybeUninit::<Dav1dSettings>::uninit();
        // SAFETY: the pointer is to memory of the right size and alignment, which the call fills
        // without reading it.
        unsafe { dav1d::dav1d_default_settings(NonNull::from(&mut chosen).cast()) };
        // SAFETY: the call above has written the whole structure.
        let mut chosen = unsafe { chosen.assume_init() };
        chosen.n_threads = 1;
        chosen.max_frame_delay = 1;
        chosen.apply_grain = 1;
        chosen.operating_point = c_int::from(settings.operating_point);
        chosen.all_layers = 0;
        chosen.frame_size_limit = settings.max_pixels;
        // SAFETY: without a callback there is none to call.
        chosen.logger = unsafe { Dav1dLogger::new(None, None) };
        let mut context = Self(None);
        // SAFETY: both pointers are to live values of their types. The settings are read by value;
        // what they own are function pointers of rav1d itself, and null.
        let opened = unsafe {
            dav1d::dav1d_open(Some(NonNull::from(&mut context.0)), Some(NonNull::from(&mut chosen)))
        };
        outcome(opened)?;
        Ok(context)
    }

    /// Decodes a unit and gives its last picture.
    pub(crate) fn decode(&mut self, unit: &[u8]) -> Result<Option<Picture>, DecodeError> {
        let mut data = Data::copy(unit)?;
        let mut last = None;
        loop {
            let sent = self.send(&mut data)?;
            let shown = self.picture()?;
            // Pictures are copied when there is no later one, as each copy costs as much as some do.
            let done = sent && shown.is_none();
            if let Some(picture) = shown {
                last = Some(picture);
            } else if done {
                return last.as_ref().map(Shown::copy).transpose();
            } else {
                // Nothing was taken and nothing came: the decoder would stay like this.
                return Err(DecodeError::Broken);
            }
        }
    }

    /// Hands over what is left of the data. Returns whether nothing is left.
    fn send(&mut self, data: &mut Data) -> Result<bool, DecodeError> {
        if data.0.sz == 0 {
            return Ok(true);
        }
        // SAFETY: the context is from `dav1d_open` and is closed in `drop` alone. The data is a live
        // value that rav1d made; the call reads it and writes back what it did not take.
        let sent = unsafe { dav1d::dav1d_send_data(self.0, Some(NonNull::from(&mut data.0))) };
        match sent.0 {
            code if code == -EAGAIN => Ok(false),
            _ => outcome(sent).map(|()| true),
        }
    }

    /// The next picture that is ready.
    fn picture(&mut self) -> Result<Option<Shown>, DecodeError> {
        let mut shown = Shown(Dav1dPicture::default());
        // SAFETY: the context is as above. The picture is a live value that owns nothing yet; the call
        // overwrites it without reading it.
        let got = unsafe { dav1d::dav1d_get_picture(self.0, Some(NonNull::from(&mut shown.0))) };
        match got.0 {
            code if code == -EAGAIN => Ok(None),
            _ => outcome(got).map(|()| Some(shown)),
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if self.0.is_some() {
            // SAFETY: the context is from `dav1d_open`, and this is the only place that closes it; the
            // call leaves `None` behind.
            unsafe { dav1d::dav1d_close(Some(NonNull::from(&mut self.0))) };
        }
    }
}

/// A unit in memory of rav1d's own.
struct Data(Dav1dData);

impl Data {
    fn copy(unit: &[u8]) -> Result<Self, DecodeError> {
        let mut data = Self(Dav1dData::default());
        // SAFETY: the pointer is to a live value that owns nothing yet, which the call overwrites.
        let start = unsafe { dav1d::dav1d_data_create(Some(NonNull::from(&mut data.0)), unit.len()) };
        if start.is_null() {
            return Err(DecodeError::Memory);
        }
        // SAFETY: the call has allocated as many bytes as the unit has, nobody else knows of them yet,
        // and they do not overlap with the unit.
        unsafe { std::ptr::copy_nonoverlapping(unit.as_ptr(), start, unit.len()) };
        Ok(data)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        // SAFETY: the data is rav1d's own or empty; the call releases it and leaves it empty.
        unsafe { dav1d::dav1d_data_unref(Some(NonNull::from(&mut self.0))) };
    }
}

/// A reference to a picture of the decoder.
struct Shown(Dav1dPicture);

impl Shown {
    /// Copies the picture out, so that nothing of the decoder is borrowed.
    fn copy(&self) -> Result<Picture, DecodeError> {
        let parameters = &self.0.p;
        let (Ok(width), Ok(height)) = (u32::try_from(parameters.w), u32::try_from(parameters.h)) else {
            return Err(DecodeError::Broken);
        };
        let (Ok(depth), Some(header)) = (u8::try_from(parameters.bpc), self.0.seq_hdr) else {
            return Err(DecodeError::Broken);
        };
        let layout = match parameters.layout {
            DAV1D_PIXEL_LAYOUT_I400 => Layout::Mono,
            DAV1D_PIXEL_LAYOUT_I420 => Layout::Yuv420,
            DAV1D_PIXEL_LAYOUT_I422 => Layout::Yuv422,
            DAV1D_PIXEL_LAYOUT_I444 => Layout::Yuv444,
            _ => return Err(DecodeError::Broken),
        };
        // SAFETY: the pointer is to the header that the picture keeps alive by a count of its own, and
        // nobody writes to it.
        let header = unsafe { header.as_ref() };
        let color = Color {
            // Each is read from 8 bits, so nothing is cut off.
            primaries: header.pri as u8,
            transfer: header.trc as u8,
            matrix: header.mtrx as u8,
            full_range: header.color_range != 0,
        };
        let mut planes = [Vec::new(), Vec::new(), Vec::new()];
        for (index, plane) in planes.iter_mut().enumerate() {
            let size = layout.plane_size(index, width, height);
            *plane = self.plane(index, size, depth)?;
        }
        Ok(Picture { width, height, depth, layout, color, planes })
    }

    /// The samples of a plane of `columns` and `rows`.
    fn plane(&self, index: usize, (columns, rows): (u32, u32), depth: u8) -> Result<Vec<u16>, DecodeError> {
        let mut samples = Vec::new();
        if columns == 0 || rows == 0 {
            return Ok(samples);
        }
        let start = self.0.data.get(index).copied().flatten().ok_or(DecodeError::Broken)?;
        let stride = self.0.stride.get(usize::from(index > 0)).copied().unwrap_or_default();
        // As many as were allocated by rav1d a moment ago, so the product fits.
        let (columns, rows) = (columns as usize, rows as usize);
        samples.try_reserve_exact(columns * rows).map_err(|_| DecodeError::Memory)?;
        for row in 0..rows {
            let offset = isize::try_from(row).map_err(|_| DecodeError::Broken)?;
            // SAFETY: a plane of rav1d has at least `rows` rows, `stride` bytes from one to the next,
            // and `row` is below `rows`; the offset in bytes fits as the plane is in memory.
            let row = unsafe { start.byte_offset(offset * stride) };
            if depth == 8 {
                let row: NonNull<u8> = row.cast();
                // SAFETY: a row has at least `columns` samples, of a byte each at this depth, all of
                // which rav1d has initialised; the reference in `self` keeps them alive, and a picture
                // that was handed out is not written to: the decoder only reads it from then on.
                let row = unsafe { NonNull::slice_from_raw_parts(row, columns).as_ref() };
                samples.extend(row.iter().map(|&sample| u16::from(sample)));
            } else {
                let row: NonNull<u16> = row.cast();
                // SAFETY: as above with two bytes a sample; planes are aligned to 64 bytes and strides
                // are even at this depth.
                let row = unsafe { NonNull::slice_from_raw_parts(row, columns).as_ref() };
                samples.extend_from_slice(row);
            }
        }
        Ok(samples)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        // SAFETY: the picture is rav1d's own or empty; the call releases it and leaves it empty.
        unsafe { dav1d::dav1d_picture_unref(Some(NonNull::from(&mut self.0))) };
    }
}

/// What a call came to.
fn outcome(result: Dav1dResult) -> Result<(), DecodeError> {
    match -result.0 {
        0 => Ok(()),
        ENOMEM => Err(DecodeError::Memory),
        ERANGE => Err(DecodeError::TooLarge),
        _ => Err(DecodeError::Broken),
    }
}
