//! BMP, by zune-bmp.

use super::{Decoded, Pixels, check_size, corrupt, frame};
use crate::Fault;
use crate::frame::{Channels, byte_count};
use safelight_domain::image::SourceInfo;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

/// An alpha channel that is nowhere set was not meant as one: most 32-bit files are like that.
pub(super) fn decode(file: &[u8], info: &SourceInfo) -> Result<Decoded, Fault> {
    let options =
        DecoderOptions::default().set_max_width(info.width as usize).set_max_height(info.height as usize);
    let mut decoder = zune_bmp::BmpDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(|_| broken())?;
    let (width, height) = decoder.dimensions().ok_or_else(broken)?;
    check_size((u32::try_from(width).unwrap_or(0), u32::try_from(height).unwrap_or(0)), info)?;
    let channels = match decoder.colorspace() {
        Some(ColorSpace::Luma) => Channels::Grey,
        Some(ColorSpace::RGB) => Channels::Rgb,
        Some(ColorSpace::RGBA) => Channels::Rgba,
        _ => return Err(corrupt("its colours are of an unknown kind")),
    };
    let mut pixels = vec![0; byte_count(info.width, info.height, channels.count())];
    if decoder.output_buf_size() != Some(pixels.len()) {
        return Err(broken());
    }
    decoder.decode_into(&mut pixels).map_err(|_| broken())?;
    if channels == Channels::Rgba {
        let (places, _) = pixels.as_chunks_mut::<4>();
        if places.iter().all(|pixel| pixel[3] == 0) {
            places.iter_mut().for_each(|pixel| pixel[3] = 255);
        }
    }
    Ok(Decoded { pixels: Pixels::Frame(frame(info, channels, pixels)?), profile: None })
}

/// The decoder's own texts are not fit to be read.
fn broken() -> Fault {
    corrupt("the BMP is broken, cut short, or compressed in a way that is not read")
}
