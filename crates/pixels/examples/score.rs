//! Says how alike pictures look, by SSIMULACRA2: `cargo run -p safelight-pixels --example score`. Each
//! line of the standard input names two PNGs of 8 bits, with a tab between; each line of the output is
//! a score, of which 100 is the same, or two sizes that differ. Transparency counts as magenta, so
//! that differences of alpha show.
#![allow(clippy::disallowed_methods, reason = "a program by hand reads files")]

use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};
use std::error::Error;
use std::io::BufRead;

/// Smallest side that the score is defined for; smaller pictures are repeated to it.
const LEAST: usize = 16;

struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<[f32; 3]>,
}

fn main() -> Result<(), Box<dyn Error>> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (one, other) = line.split_once('\t').ok_or("two files, with a tab between")?;
        let (one, other) = (read(one)?, read(other)?);
        if (one.width, one.height) != (other.width, other.height) {
            println!("{}x{} and {}x{}", one.width, one.height, other.width, other.height);
            continue;
        }
        println!("{:.2}", compute_frame_ssimulacra2(rgb(&one)?, rgb(&other)?)?);
    }
    Ok(())
}

fn read(path: &str) -> Result<Picture, Box<dyn Error>> {
    let mut decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path)?));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info()?;
    let mut samples = vec![0; reader.output_buffer_size().ok_or("too large")?];
    let info = reader.next_frame(&mut samples)?;
    let pixel = |pixel: &[u8]| {
        let (rgb, alpha) = match *pixel {
            [l] => ([l; 3], 255),
            [l, a] => ([l; 3], a),
            [r, g, b] => ([r, g, b], 255),
            [r, g, b, a] => ([r, g, b], a),
            _ => ([0; 3], 0),
        };
        let behind = [255.0, 0.0, 255.0];
        let alpha = f32::from(alpha) / 255.0;
        let mut out = [0.0; 3];
        for ((out, sample), behind) in out.iter_mut().zip(rgb).zip(behind) {
            *out = (f32::from(sample) * alpha + behind * (1.0 - alpha)) / 255.0;
        }
        out
    };
    let used = samples.get(..info.buffer_size()).ok_or("too few samples")?;
    let pixels = used.chunks(info.color_type.samples()).map(pixel).collect();
    Ok(Picture { width: info.width as usize, height: info.height as usize, pixels })
}

fn rgb(picture: &Picture) -> Result<Rgb, Box<dyn Error>> {
    let (width, height) = (picture.width.max(LEAST), picture.height.max(LEAST));
    let at = |i: usize| {
        let (x, y) = (i % width % picture.width, i / width % picture.height);
        picture.pixels.get(y * picture.width + x).copied().unwrap_or_default()
    };
    let pixels = (0..width * height).map(at).collect();
    let (transfer, primaries) = (TransferCharacteristic::SRGB, ColorPrimaries::BT709);
    Ok(Rgb::new(pixels, width, height, transfer, primaries)?)
}
