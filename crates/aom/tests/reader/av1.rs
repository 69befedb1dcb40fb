//! AV1 data to samples, by rav1d.

use re_rav1d::include::dav1d::data::Dav1dData;
use re_rav1d::include::dav1d::dav1d::{Dav1dContext, Dav1dSettings};
use re_rav1d::include::dav1d::headers::{
    DAV1D_PIXEL_LAYOUT_I400, DAV1D_PIXEL_LAYOUT_I420, DAV1D_PIXEL_LAYOUT_I444,
};
use re_rav1d::include::dav1d::picture::Dav1dPicture;
use re_rav1d::src::lib as dav1d;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// Decoded samples, without padding, and what the sequence header says of them.
pub(crate) struct Picture {
    pub(crate) size: (u32, u32),
    planes: Vec<Vec<u8>>,
    /// Pixels to a sample of chroma in each direction.
    step: u32,
    /// Primaries, transfer and matrix in the numbers of ITU-T H.273.
    pub(crate) color: [u32; 3],
    pub(crate) full_range: bool,
    profile: u8,
    level: u8,
}

impl Picture {
    pub(crate) fn luma(&self, x: u32, y: u32) -> u8 {
        self.planes[0][(y * self.size.0 + x) as usize]
    }

    /// Blue and red, which are in the middle in a picture without colours.
    pub(crate) fn chroma(&self, x: u32, y: u32) -> [u8; 2] {
        if self.is_grey() {
            return [128; 2];
        }
        let at = (y / self.step * self.size.0.div_ceil(self.step) + x / self.step) as usize;
        [self.planes[1][at], self.planes[2][at]]
    }

    pub(crate) fn is_grey(&self) -> bool {
        self.planes.len() == 1
    }

    pub(crate) fn is_full_chroma(&self) -> bool {
        self.planes.len() == 3 && self.step == 1
    }

    /// What `av1C` has to say of this picture.
    pub(crate) fn coding(&self) -> [u8; 4] {
        let kind = match (self.is_grey(), self.is_full_chroma()) {
            (true, _) => 0b0001_1100,
            (false, true) => 0,
            (false, false) => 0b0000_1100,
        };
        [0x81, self.profile << 5 | self.level, kind, 0]
    }
}

/// Decodes the only picture of the data.
pub(crate) fn decode(data: &[u8]) -> Picture {
    let mut settings = MaybeUninit::<Dav1dSettings>::uninit();
    // SAFETY: the pointer is to memory of the right size, which the call fills.
    unsafe { dav1d::dav1d_default_settings(NonNull::from(&mut settings).cast()) };
    // SAFETY: the call above has written it.
    let mut settings = unsafe { settings.assume_init() };
    (settings.n_threads, settings.max_frame_delay) = (1, 1);
    let mut context: Option<Dav1dContext> = None;
    // SAFETY: both pointers are to live values of their types.
    let opened =
        unsafe { dav1d::dav1d_open(Some(NonNull::from(&mut context)), Some(NonNull::from(&mut settings))) };
    assert_eq!(opened.0, 0, "a decoder");
    let mut unit = Dav1dData::default();
    // SAFETY: the pointer is to a live value that owns nothing yet.
    let start = unsafe { dav1d::dav1d_data_create(Some(NonNull::from(&mut unit)), data.len()) };
    assert!(!start.is_null(), "memory");
    // SAFETY: the call has allocated that many bytes.
    unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), start, data.len()) };
    // SAFETY: the context is open, and the data is rav1d's own.
    let sent = unsafe { dav1d::dav1d_send_data(context, Some(NonNull::from(&mut unit))) };
    assert_eq!((sent.0, unit.sz), (0, 0), "the data are taken");
    let mut shown = Dav1dPicture::default();
    // SAFETY: the context is open, and the picture is a live value that owns nothing yet.
    let got = unsafe { dav1d::dav1d_get_picture(context, Some(NonNull::from(&mut shown))) };
    assert_eq!(got.0, 0, "a picture");
    let picture = copy(&shown);
    // SAFETY: the picture is rav1d's own, and nothing of it is borrowed any more.
    unsafe { dav1d::dav1d_picture_unref(Some(NonNull::from(&mut shown))) };
    // SAFETY: the context is open, and is not used again.
    unsafe { dav1d::dav1d_close(Some(NonNull::from(&mut context))) };
    picture
}

fn copy(shown: &Dav1dPicture) -> Picture {
    // SAFETY: the picture keeps its header alive, and nobody writes to it.
    let header = unsafe { shown.seq_hdr.expect("a header").as_ref() };
    assert_eq!((header.still_picture, header.reduced_still_picture_header, shown.p.bpc), (1, 1, 8));
    let (columns, rows) = (shown.p.w as u32, shown.p.h as u32);
    let (count, step) = match shown.p.layout {
        DAV1D_PIXEL_LAYOUT_I400 => (1, 1),
        DAV1D_PIXEL_LAYOUT_I420 => (3, 2),
        DAV1D_PIXEL_LAYOUT_I444 => (3, 1),
        other => panic!("layout {other}"),
    };
    let plane = |index: usize| {
        let step = if index == 0 { 1 } else { step };
        let start = shown.data[index].expect("a plane").cast::<u8>();
        let stride = shown.stride[usize::from(index > 0)];
        let row = |row: u32| {
            // SAFETY: the plane has this row, `stride` bytes after the one before.
            let row = unsafe { start.byte_offset(row as isize * stride) };
            // SAFETY: the row has a byte for each column at a depth of 8 bits.
            unsafe { NonNull::slice_from_raw_parts(row, columns.div_ceil(step) as usize).as_ref() }
        };
        (0..rows.div_ceil(step)).flat_map(row).copied().collect()
    };
    let point = header.operating_points[0];
    Picture {
        size: (columns, rows),
        planes: (0..count).map(plane).collect(),
        step,
        color: [header.pri, header.trc, header.mtrx],
        full_range: header.color_range != 0,
        profile: header.profile,
        // With a short header rav1d gives the two parts of the level as they stand.
        level: point.major_level * 4 + point.minor_level,
    }
}
