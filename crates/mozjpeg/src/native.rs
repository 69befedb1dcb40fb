//! The calls into MozJPEG, and the owner of what it allocates.
//!
//! libjpeg's errors do not come back as codes: it calls a function that must not return. That function
//! unwinds, as a panic does but without its message, and [`caught`] ends the unwinding before it leaves this
//! file. The C library is compiled with tables for that (`-fexceptions`, by the feature `unwinding`) and its
//! functions are declared as `C-unwind`, so that this is defined; none of its frames has anything to clean up.

use crate::{Chroma, Effort, EncodeError, Layout, Metadata, Order, PROFILE_PART, Settings, Source};
use mozjpeg_sys as jpeg;
use std::collections::TryReserveError;
use std::ffi::{c_int, c_uint};
use std::mem::{self, MaybeUninit, size_of};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};

/// What a segment with EXIF begins with.
pub(crate) const EXIF: &[u8] = b"Exif\0\0";

/// What a segment with a part of a profile begins with.
pub(crate) const PROFILE: &[u8] = b"ICC_PROFILE\0";

/// Bytes that are made ready for the file before it begins.
const FIRST_BUFFER: usize = 1 << 16;

/// The tables of quantization that the quality scales, MozJPEG's third: of nine those that take fewest bytes at
/// an equal score of SSIMULACRA2, on photographs.
const TABLES: c_int = 2;

/// How dear bits are to trellis quantization, as a logarithm to 2 of what errors are multiplied by. Chosen in the
/// same way; MozJPEG's own is 14.75.
const WORTH_OF_ERRORS: f32 = 15.5;

const OUT_OF_MEMORY: c_int = jpeg::JERR_OUT_OF_MEMORY as c_int;

const APP1: c_int = 0xE1;
const APP2: c_int = 0xE2;

/// The scans of a quick file of luma alone: coarse colours first, then all detail.
static GREY_SCANS: [jpeg::jpeg_scan_info; 2] = [scan(1, 0, 0, 0), scan(1, 0, 1, 63)];

/// The same with chroma.
static COLOR_SCANS: [jpeg::jpeg_scan_info; 4] =
    [scan(3, 0, 0, 0), scan(1, 0, 1, 63), scan(1, 1, 1, 63), scan(1, 2, 1, 63)];

/// A scan of so many components, beginning with one, that has all bits of some coefficients. Those of libjpeg's own
/// division come in several parts, and take three times as long.
const fn scan(components: c_int, component: c_int, first: c_int, last: c_int) -> jpeg::jpeg_scan_info {
    let component_index = [component, component + 1, component + 2, 0];
    jpeg::jpeg_scan_info { comps_in_scan: components, component_index, Ss: first, Se: last, Ah: 0, Al: 0 }
}

/// Encodes checked pixels with checked settings and metadata.
pub(crate) fn encode(
    source: &Source<'_>,
    settings: &Settings,
    metadata: &Metadata<'_>,
) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder::new()?;
    encoder.configure(source, settings)?;
    encoder.start()?;
    if let Some(exif) = metadata.exif {
        encoder.segment(APP1, &[EXIF, exif].concat())?;
    }
    if let Some(profile) = metadata.profile {
        let parts = profile.chunks(PROFILE_PART);
        // At most 255.
        let count = parts.len() as u8;
        for (part, number) in parts.zip(1..=u8::MAX) {
            encoder.segment(APP2, &[PROFILE, &[number, count], part].concat())?;
        }
    }
    for row in source.pixels.chunks_exact(source.stride) {
        encoder.row(row)?;
    }
    encoder.finish()
}

/// What unwinds out of C when it gives up; the error manager has the reason.
struct GaveUp;

/// All that an encoder of libjpeg points to, so that it must not move.
struct State {
    compress: jpeg::jpeg_compress_struct,
    errors: jpeg::jpeg_error_mgr,
    output: Output,
}

/// An encoder. The state is its own, from a box, and no reference to all of it is ever made, since C has
/// pointers into it.
struct Encoder(NonNull<State>);

impl Encoder {
    fn new() -> Result<Self, EncodeError> {
        // SAFETY: every field is a number, an enum that has a variant of 0, or a raw pointer.
        let compress = unsafe { MaybeUninit::<jpeg::jpeg_compress_struct>::zeroed().assume_init() };
        // SAFETY: every field is a number, a raw pointer, or a function that may be missing.
        let mut errors = unsafe { MaybeUninit::<jpeg::jpeg_error_mgr>::zeroed().assume_init() };
        // SAFETY: the call sets fields of what it is given, and keeps no pointer to it.
        unsafe { jpeg::jpeg_std_error(&mut errors) };
        errors.error_exit = Some(give_up);
        errors.output_message = Some(say_nothing);
        let state = NonNull::from(Box::leak(Box::new(State { compress, errors, output: Output::new() })));
        let mut encoder = Self(state);
        // SAFETY: the state is alive; only the place of a field is asked for.
        let errors = unsafe { &raw mut (*state.as_ptr()).errors };
        // SAFETY: as above. The file's owner begins with libjpeg's own structure.
        let output = unsafe { &raw mut (*state.as_ptr()).output };
        encoder.call(|compress| {
            compress.common.err = errors;
            let size = size_of::<jpeg::jpeg_compress_struct>();
            // SAFETY: the structure has its size and the library's version; the call fills it but for the
            // error manager, which is whole and lives as long.
            unsafe { jpeg::jpeg_CreateCompress(compress, jpeg::JPEG_LIB_VERSION, size) };
            compress.dest = output.cast();
        })?;
        Ok(encoder)
    }

    /// Calls into C, and makes an error of what unwinds out of it. After one the encoder can only be dropped.
    fn call<T>(&mut self, job: impl FnOnce(&mut jpeg::jpeg_compress_struct) -> T) -> Result<T, EncodeError> {
        // SAFETY: the state is alive and this encoder's own, and nobody else has a reference to this field.
        // C gets this one, and reaches the other fields by pointers.
        let compress = unsafe { &mut (*self.0.as_ptr()).compress };
        catch_unwind(AssertUnwindSafe(|| job(compress))).map_err(|payload| {
            if !payload.is::<GaveUp>() {
                resume_unwind(payload);
            }
            // SAFETY: as above, and C no longer runs.
            match unsafe { (*self.0.as_ptr()).errors.msg_code } {
                OUT_OF_MEMORY => EncodeError::Memory,
                code => EncodeError::Failed(code),
            }
        })
    }

    /// Sets everything that must be known before the first pixel.
    fn configure(&mut self, source: &Source<'_>, settings: &Settings) -> Result<(), EncodeError> {
        self.call(|compress| {
            compress.image_width = source.width;
            compress.image_height = source.height;
            (compress.input_components, compress.in_color_space) = match source.layout {
                Layout::Grey => (1, jpeg::JCS_GRAYSCALE),
                Layout::Rgb => (3, jpeg::JCS_RGB),
            };
            let profile = match settings.effort {
                Effort::Quick | Effort::Standard => jpeg::JCP_FASTEST,
                Effort::Thorough => jpeg::JCP_MAX_COMPRESSION,
            };
            // SAFETY: the encoder was created, and has this parameter with this value.
            unsafe { jpeg::jpeg_c_set_int_param(compress, jpeg::JINT_COMPRESS_PROFILE, profile as c_int) };
            // SAFETY: the encoder was created and has its profile and its kind of pixels.
            unsafe { jpeg::jpeg_set_defaults(compress) };
            // SAFETY: the encoder has its defaults, and a table of this number exists.
            unsafe { jpeg::jpeg_c_set_int_param(compress, jpeg::JINT_BASE_QUANT_TBL_IDX, TABLES) };
            // SAFETY: the encoder has its defaults, and the parameter is one of its own.
            unsafe {
                jpeg::jpeg_c_set_float_param(compress, jpeg::JFLOAT_LAMBDA_LOG_SCALE1, WORTH_OF_ERRORS)
            };
            // SAFETY: the encoder has its defaults; the call makes tables of at most 255.
            unsafe { jpeg::jpeg_set_quality(compress, settings.quality.into(), 1) };
            if settings.chroma == Chroma::Whole {
                coarsen_chroma(compress);
            }
            compress.optimize_coding = 1;
            match (settings.order, settings.effort) {
                (Order::Progressive, Effort::Quick) => {
                    let scans: &'static [jpeg::jpeg_scan_info] = match source.layout {
                        Layout::Grey => &GREY_SCANS,
                        Layout::Rgb => &COLOR_SCANS,
                    };
                    compress.scan_info = scans.as_ptr();
                    compress.num_scans = scans.len() as c_int;
                }
                // SAFETY: the encoder has its defaults, and with them its components.
                (Order::Progressive, Effort::Standard) => unsafe { jpeg::jpeg_simple_progression(compress) },
                // It is the default of its profile.
                (Order::Progressive, Effort::Thorough) => {}
                (Order::Baseline, _) => {
                    compress.num_scans = 0;
                    compress.scan_info = ptr::null();
                    // SAFETY: the encoder has its defaults, and the parameter is one of its own.
                    unsafe { jpeg::jpeg_c_set_bool_param(compress, jpeg::JBOOLEAN_OPTIMIZE_SCANS, 0) };
                }
            }
            let side = match settings.chroma {
                Chroma::Quarter if source.layout == Layout::Rgb => 2,
                Chroma::Quarter | Chroma::Whole => 1,
            };
            // SAFETY: the defaults have made at least one component, that of luma; those of chroma have
            // factors of 1 by themselves.
            let luma = unsafe { &mut *compress.comp_info };
            (luma.h_samp_factor, luma.v_samp_factor) = (side, side);
        })
    }

    /// Starts the file.
    fn start(&mut self) -> Result<(), EncodeError> {
        // SAFETY: the encoder is configured and has its destination, which lives as long.
        self.call(|compress| unsafe { jpeg::jpeg_start_compress(compress, 1) })
    }

    /// Writes a segment, of at most 65,533 bytes, between the start and the first row.
    fn segment(&mut self, marker: c_int, bytes: &[u8]) -> Result<(), EncodeError> {
        let length = bytes.len() as c_uint;
        // SAFETY: the encoder has started. C reads as many bytes as there are, and keeps no pointer to them.
        self.call(|compress| unsafe { jpeg::jpeg_write_marker(compress, marker, bytes.as_ptr(), length) })
    }

    /// Adds a row of pixels.
    fn row(&mut self, row: &[u8]) -> Result<(), EncodeError> {
        let rows = [row.as_ptr()];
        // SAFETY: the encoder has started. C reads one pointer to a row, and of the row as many samples as
        // `Source` has counted, and keeps neither.
        self.call(|compress| unsafe { jpeg::jpeg_write_scanlines(compress, rows.as_ptr(), 1) })?;
        Ok(())
    }

    /// Ends the file, after all of its rows: it is encoded here.
    fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        // SAFETY: the encoder has started; if it had not got all rows, it would give up.
        self.call(|compress| unsafe { jpeg::jpeg_finish_compress(compress) })?;
        // SAFETY: the state is alive and this encoder's own, and C no longer writes to the file.
        let output = unsafe { &mut (*self.0.as_ptr()).output };
        let mut bytes = mem::take(&mut output.bytes);
        bytes.truncate(bytes.len().saturating_sub(output.manager.free_in_buffer));
        Ok(bytes)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // What the call could find wrong it would have found when it allocated.
        // SAFETY: the structure was all zero, or created, and this is the only place that destroys it. It
        // does not unwind: it frees, and has no errors.
        let _ = self.call(|compress| unsafe { jpeg::jpeg_destroy_compress(compress) });
        // SAFETY: the state came from a box, and nothing points into it any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// Where libjpeg has the table of chroma.
const CHROMA_TABLE: usize = 1;

/// Makes the steps of chroma half as large again, at most 255, for an encoder that has its tables. Where all of the
/// chroma is kept, files take 8 % fewer bytes at an equal score of SSIMULACRA2 for that.
fn coarsen_chroma(compress: &mut jpeg::jpeg_compress_struct) {
    // SAFETY: the table was made by the encoder that it belongs to, or is missing; nobody else has a reference to it.
    let table = compress.quant_tbl_ptrs.get(CHROMA_TABLE).and_then(|table| unsafe { table.as_mut() });
    for step in table.into_iter().flat_map(|table| &mut table.quantval) {
        *step = (*step * 3 / 2).min(255);
    }
}

/// The file, and what C knows of it, which comes first.
#[repr(C)]
struct Output {
    manager: jpeg::jpeg_destination_mgr,
    bytes: Vec<u8>,
}

impl Output {
    fn new() -> Self {
        let manager = jpeg::jpeg_destination_mgr {
            next_output_byte: ptr::null_mut(),
            free_in_buffer: 0,
            init_destination: Some(begin),
            empty_output_buffer: Some(more),
            term_destination: Some(end),
        };
        Self { manager, bytes: Vec::new() }
    }

    /// Makes room for more, when all bytes are used.
    fn lengthen(&mut self) -> Result<(), TryReserveError> {
        let used = self.bytes.len();
        let more = used.max(FIRST_BUFFER);
        self.bytes.try_reserve_exact(more)?;
        self.bytes.resize(used + more, 0);
        let free = self.bytes.get_mut(used..).unwrap_or_default();
        self.manager.free_in_buffer = free.len();
        self.manager.next_output_byte = free.as_mut_ptr();
        Ok(())
    }
}

/// Called by C before the file begins.
unsafe extern "C-unwind" fn begin(compress: &mut jpeg::jpeg_compress_struct) {
    // SAFETY: C calls it for the destination that it was given, which is the first field of an `Output`; the
    // pointer is to all of it, and C uses it no further until this returns.
    let output = unsafe { &mut *compress.dest.cast::<Output>() };
    if output.lengthen().is_err() {
        // SAFETY: the error manager is set before anything else, and lives as long.
        unsafe { (*compress.common.err).msg_code = OUT_OF_MEMORY };
        resume_unwind(Box::new(GaveUp));
    }
}

/// Called by C when all room is used.
unsafe extern "C-unwind" fn more(compress: &mut jpeg::jpeg_compress_struct) -> jpeg::boolean {
    // SAFETY: the same conditions.
    unsafe { begin(compress) };
    1
}

/// Called by C after the file.
unsafe extern "C-unwind" fn end(_: &mut jpeg::jpeg_compress_struct) {}

/// Called by C instead of going on; it must not return.
unsafe extern "C-unwind" fn give_up(_: &mut jpeg::jpeg_common_struct) {
    resume_unwind(Box::new(GaveUp));
}

/// Called by C with texts for people.
unsafe extern "C-unwind" fn say_nothing(_: &mut jpeg::jpeg_common_struct) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_library_come_back() {
        let source = Source::new(&[0; 48], Layout::Rgb, 4, 4).expect("a size");
        let (chroma, order) = (Chroma::Quarter, Order::Progressive);
        let settings = Settings { quality: 80, chroma, order, effort: Effort::Thorough };
        for rows in 0..4 {
            let mut encoder = Encoder::new().expect("an encoder");
            encoder.configure(&source, &settings).expect("a configuration");
            encoder.start().expect("a start");
            for row in source.pixels.chunks_exact(source.stride).take(rows) {
                encoder.row(row).expect("a row");
            }
            let refused = encoder.finish();
            assert_eq!(refused, Err(EncodeError::Failed(jpeg::JERR_TOO_LITTLE_DATA as c_int)), "{rows} rows");
        }
    }

    #[test]
    fn other_panics_go_on() {
        let mut encoder = Encoder::new().expect("an encoder");
        let panicked = catch_unwind(AssertUnwindSafe(|| encoder.call(|_| resume_unwind(Box::new(7)))));
        assert_eq!(panicked.expect_err("a panic").downcast_ref(), Some(&7));
    }
}
