//! The calls into libaom, and the owner of what it allocates.

use crate::planes::{Plane, Planes};
use crate::{Chroma, Color, EncodeError};
use libaom_sys as aom;
use std::ffi::{CStr, c_int, c_uint};
use std::mem::MaybeUninit;
use std::ptr;

/// The speed from which on downwards matrices of quantization have their wide range.
const WIDE_SPEED: c_int = 6;

/// Encodes planes in this thread: the data of one still picture. Without a colour they are opacity.
/// `quantizer` is 1 to 63 and `speed` 5 to 9.
pub(crate) fn encode(
    planes: &Planes,
    color: Option<Color>,
    speed: c_int,
    quantizer: c_int,
) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder::new(&config(planes)?)?;
    encoder.set(aom::AOME_SET_CPUUSED, speed)?;
    encoder.set(aom::AOME_SET_CQ_LEVEL, quantizer)?;
    encoder.set(aom::AV1E_SET_COLOR_RANGE, aom::AOM_CR_FULL_RANGE as c_int)?;
    if let Some(color) = color {
        let primaries = match color {
            Color::Srgb => aom::AOM_CICP_CP_BT_709,
            Color::DisplayP3 => aom::AOM_CICP_CP_SMPTE_432,
        };
        encoder.set(aom::AV1E_SET_COLOR_PRIMARIES, primaries as c_int)?;
        encoder.set(aom::AV1E_SET_TRANSFER_CHARACTERISTICS, aom::AOM_CICP_TC_SRGB as c_int)?;
        encoder.set(aom::AV1E_SET_MATRIX_COEFFICIENTS, aom::AOM_CICP_MC_BT_601 as c_int)?;
        encoder.tune(speed)?;
    }
    encoder.picture(planes)?;
    let mut data = Vec::new();
    encoder.collect(&mut data)?;
    encoder.finish()?;
    encoder.collect(&mut data)?;
    Ok(data)
}

/// libaom's defaults for pictures, which are one thread and the quality that is set, with the size.
fn config(planes: &Planes) -> Result<aom::aom_codec_enc_cfg, EncodeError> {
    let mut config = MaybeUninit::<aom::aom_codec_enc_cfg>::zeroed();
    // SAFETY: the encoder's interface is a constant of libaom, and the pointer is to memory of a
    // configuration's size, which the call fills.
    let code = unsafe {
        aom::aom_codec_enc_config_default(interface(), config.as_mut_ptr(), aom::AOM_USAGE_ALL_INTRA)
    };
    outcome(code)?;
    // SAFETY: every field is a number, an array of them or a raw pointer, for which zero is sound, and
    // the call has set them.
    let mut config = unsafe { config.assume_init() };
    config.g_w = planes.luma().columns() as c_uint;
    config.g_h = planes.luma().rows() as c_uint;
    // One picture: the header is that of a still one, and the file can say so.
    config.g_limit = 1;
    config.g_threads = 1;
    (config.g_profile, config.monochrome) = match planes.chroma() {
        Some((Chroma::Yuv444, ..)) => (1, 0),
        Some((Chroma::Yuv420, ..)) => (0, 0),
        None => (0, 1),
    };
    config.rc_end_usage = aom::AOM_Q;
    Ok(config)
}

fn interface() -> *const aom::aom_codec_iface_t {
    // SAFETY: the call takes nothing and returns the address of a constant.
    unsafe { aom::aom_codec_av1_cx() }
}

/// A code of libaom as a result.
fn outcome(code: aom::aom_codec_err_t) -> Result<(), EncodeError> {
    match code {
        aom::AOM_CODEC_OK => Ok(()),
        aom::AOM_CODEC_MEM_ERROR => Err(EncodeError::Memory),
        other => Err(EncodeError::Failed(other)),
    }
}

/// An initialised encoder of libaom.
struct Encoder(aom::aom_codec_ctx_t);

impl Encoder {
    fn new(config: &aom::aom_codec_enc_cfg) -> Result<Self, EncodeError> {
        let mut context = MaybeUninit::<aom::aom_codec_ctx_t>::zeroed();
        let version = aom::AOM_ENCODER_ABI_VERSION as c_int;
        // SAFETY: the pointers are to memory of a context's size and to a whole configuration, which
        // libaom copies. On failure libaom has freed what it had allocated, and nothing owns it here.
        // Its tables of functions are filled behind `pthread_once`, so threads may start together.
        let code =
            unsafe { aom::aom_codec_enc_init_ver(context.as_mut_ptr(), interface(), config, 0, version) };
        outcome(code)?;
        // SAFETY: every field is a number, a raw pointer or a union of them, for which zero is sound,
        // and the call has set them. libaom holds no pointer to the context, so that it may move.
        Ok(Self(unsafe { context.assume_init() }))
    }

    /// Sets one of the controls whose value is a number of the size of an `int`: no other is named in
    /// this file.
    fn set(&mut self, control: aom::aome_enc_control_id, value: c_int) -> Result<(), EncodeError> {
        // SAFETY: the context is initialised. libaom reads one further argument, an `int` or an
        // `unsigned int` for each control that this file names; the values are not negative, so that
        // C lets one be read as the other. libaom checks their range.
        outcome(unsafe { aom::aom_codec_control(&raw mut self.0, control as c_int, value) })
    }

    /// Spends bits where they are seen: chosen by bytes at an equal score of SSIMULACRA2, on photographs.
    fn tune(&mut self, speed: c_int) -> Result<(), EncodeError> {
        self.set(aom::AOME_SET_TUNING, aom::AOM_TUNE_SSIM as c_int)?;
        // Matrices of quantization save a tenth of the bytes, if errors are weighed by them as well.
        self.set(aom::AV1E_SET_ENABLE_QM, 1)?;
        self.option(c"dist-metric", c"qm-psnr")?;
        // A wider range of them saves another hundredth; measured where time is left for it.
        if speed <= WIDE_SPEED {
            self.set(aom::AV1E_SET_QM_MIN, 2)?;
            self.set(aom::AV1E_SET_QM_MAX, 10)?;
        }
        // Tools for pictures of screens, for which libaom takes photographs with even skies too, and
        // then needs twice the bytes. Screens need half as many more without them.
        self.set(aom::AV1E_SET_ENABLE_PALETTE, 0)?;
        self.set(aom::AV1E_SET_ENABLE_INTRABC, 0)
    }

    /// Sets what has a name only.
    fn option(&mut self, name: &CStr, value: &CStr) -> Result<(), EncodeError> {
        // SAFETY: the context is initialised. libaom reads both strings to their end, and keeps none of
        // them: the only option here is one of numbers, which it looks up by name.
        outcome(unsafe { aom::aom_codec_set_option(&raw mut self.0, name.as_ptr(), value.as_ptr()) })
    }

    /// Encodes the one picture.
    fn picture(&mut self, planes: &Planes) -> Result<(), EncodeError> {
        let image = image(planes);
        // SAFETY: the context is initialised and has the image's size and format. libaom reads of each
        // plane the rows and columns that belong to this size: those of luma, and of chroma as many
        // or the half of them, rounded up. That many samples are in each plane of `Planes`; of
        // monochrome pictures libaom reads no chroma. It writes to no plane, since no noise is to be
        // removed, and keeps no pointer to one after the call, which ends with the picture encoded
        // as nothing waits for a later one. Its output has the room that libaom finds enough for a
        // picture, twice the size of the samples; the tests have one that needs most, at the
        // finest quantizer. No callback is Rust, so that nothing unwinds through C, and its own long
        // jumps end in the call.
        outcome(unsafe { aom::aom_codec_encode(&raw mut self.0, &raw const image, 0, 1, 0) })
    }

    /// Says that there are no further pictures.
    fn finish(&mut self) -> Result<(), EncodeError> {
        // SAFETY: the context is initialised, and no picture is the sign of the end.
        outcome(unsafe { aom::aom_codec_encode(&raw mut self.0, ptr::null(), 0, 0, 0) })
    }

    /// Appends the data that are ready.
    fn collect(&mut self, data: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut place: aom::aom_codec_iter_t = ptr::null();
        loop {
            // SAFETY: the context is initialised, and the place is null at first and then libaom's.
            let packet = unsafe { aom::aom_codec_get_cx_data(&raw mut self.0, &raw mut place) };
            // SAFETY: a packet is null or lives until the next call with this context, which is in the
            // next round, when it is no longer used.
            let Some(packet) = (unsafe { packet.as_ref() }) else {
                return Ok(());
            };
            if packet.kind != aom::AOM_CODEC_CX_FRAME_PKT {
                continue;
            }
            // SAFETY: this kind of packet has this field of the union.
            let frame = unsafe { packet.data.frame };
            if frame.buf.is_null() {
                return Err(EncodeError::Unexpected);
            }
            // SAFETY: `buf` is not null and is libaom's own, with `sz` bytes written; it lives as long
            // as the packet, and nobody writes to it meanwhile.
            data.extend_from_slice(unsafe { std::slice::from_raw_parts(frame.buf.cast::<u8>(), frame.sz) });
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: the context was initialised in `new`, and this is the only place that destroys it.
        // The code can only say that it was not initialised.
        unsafe { aom::aom_codec_destroy(&raw mut self.0) };
    }
}

/// The planes in libaom's terms; it holds pointers to them, and must not outlive them.
fn image(planes: &Planes) -> aom::aom_image_t {
    // SAFETY: every field is a number or a raw pointer, for which zero is sound.
    let mut image: aom::aom_image_t = unsafe { MaybeUninit::zeroed().assume_init() };
    let chroma = planes.chroma();
    let (format, bits, shift) = match chroma {
        Some((Chroma::Yuv444, ..)) => (aom::AOM_IMG_FMT_I444, 24, 0),
        // Monochrome pictures have a format with chroma too, and null for it.
        Some((Chroma::Yuv420, ..)) | None => (aom::AOM_IMG_FMT_I420, 12, 1),
    };
    image.fmt = format;
    image.bps = bits;
    image.x_chroma_shift = shift;
    image.y_chroma_shift = shift;
    image.bit_depth = 8;
    image.range = aom::AOM_CR_FULL_RANGE;
    image.w = planes.luma().columns() as c_uint;
    image.h = planes.luma().rows() as c_uint;
    image.d_w = image.w;
    image.d_h = image.h;
    let mut plane = |index: usize, plane: &Plane| {
        image.planes[index] = plane.samples().as_ptr().cast_mut();
        // At most `MAX_SIDE`.
        image.stride[index] = plane.columns() as c_int;
    };
    plane(0, planes.luma());
    match chroma {
        Some((_, blue, red)) => {
            plane(1, blue);
            plane(2, red);
        }
        None => image.monochrome = 1,
    }
    image
}
