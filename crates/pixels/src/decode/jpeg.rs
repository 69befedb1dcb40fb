//! JPEG, by zune-jpeg.

use super::{Decoded, Pixels, check_size, corrupt, frame, ink};
use crate::Fault;
use crate::frame::{Channels, byte_count};
use crate::limits::JPEG_SCANS;
use crate::probe::{Header, Ink};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

/// A broken entropy-coded part leaves the rest of the picture grey, as browsers show it.
pub(super) fn decode(file: &[u8], header: &Header<'_>) -> Result<Decoded, Fault> {
    let info = &header.info;
    let options = DecoderOptions::default()
        .set_max_width(info.width as usize)
        .set_max_height(info.height as usize)
        .jpeg_set_max_scans(JPEG_SCANS);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(corrupt)?;
    let (width, height) = decoder.dimensions().ok_or_else(|| corrupt("it has no size"))?;
    check_size((u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0)), info)?;
    let (space, samples) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
        Some(ColorSpace::YCbCr | ColorSpace::RGB) => (ColorSpace::RGB, 3),
        Some(ColorSpace::CMYK | ColorSpace::YCCK) => (ColorSpace::CMYK, 4),
        _ => return Err(corrupt("its colours are of an unknown kind")),
    };
    let chosen = decoder.options().jpeg_set_out_colorspace(space);
    decoder.set_options(chosen);
    let profile = decoder.icc_profile();
    let mut pixels = vec![0; byte_count(info.width, info.height, samples)];
    decoder.decode_into(&mut pixels).map_err(corrupt)?;
    drop(decoder);
    let pixels = match samples {
        1 => Pixels::Frame(frame(info, Channels::Grey, pixels)?),
        3 => Pixels::Frame(frame(info, Channels::Rgb, pixels)?),
        _ => {
            if header.ink == Ink::Inverted {
                pixels.iter_mut().for_each(|sample| *sample = 255 - *sample);
            }
            Pixels::Ink(ink(info, pixels)?)
        }
    };
    Ok(Decoded { pixels, profile })
}
