use super::*;
use crate::probe;
use safelight_domain::image::SourceLimits;

/// An uncompressed TIFF of 2x2 pixels of 8 or 16 bits.
fn tiff(photometric: u16, extra: &[u16], pixels: &[Vec<u16>; 4], bits: u16) -> Vec<u8> {
    let samples = pixels[0].len() as u16;
    let data: Vec<u8> = pixels
        .concat()
        .iter()
        .flat_map(|&value| if bits == 8 { vec![value as u8] } else { (value * 257).to_le_bytes().to_vec() })
        .collect();
    let data_at = 8;
    let depths_at = data_at + data.len();
    let depths: Vec<u8> = (0..samples).flat_map(|_| bits.to_le_bytes()).collect();
    let extra_at = depths_at + depths.len();
    let list: Vec<u8> = extra.iter().flat_map(|value| value.to_le_bytes()).collect();
    let directory_at = (extra_at + list.len()) as u32;
    let inline = |list: &[u8], at: usize| {
        let mut four = [0; 4];
        four[..list.len().min(4)].copy_from_slice(&list[..list.len().min(4)]);
        if list.len() > 4 { at as u32 } else { u32::from_le_bytes(four) }
    };
    let mut entries = vec![
        (0x100, 3, 1, 2),
        (0x101, 3, 1, 2),
        (0x102, 3, u32::from(samples), inline(&depths, depths_at)),
        (0x103, 3, 1, 1),
        (0x106, 3, 1, u32::from(photometric)),
        (0x111, 4, 1, data_at as u32),
        (0x115, 3, 1, u32::from(samples)),
        (0x116, 3, 1, 2),
        (0x117, 4, 1, data.len() as u32),
    ];
    if !extra.is_empty() {
        entries.push((0x152, 3, extra.len() as u32, inline(&list, extra_at)));
    }
    let mut file = [b"II*\0".as_slice(), &directory_at.to_le_bytes(), &data, &depths, &list].concat();
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend([tag, kind].map(u16::to_le_bytes).concat());
        file.extend([count, value].map(u32::to_le_bytes).concat());
    }
    file.extend([0; 4]);
    file
}

fn decoded(file: &[u8]) -> Result<Vec<u8>, Fault> {
    let header = probe::header(file, &SourceLimits::CLOUDFLARE)?;
    Ok(match super::decode(file, &header.info)?.pixels {
        Pixels::Frame(frame) => frame.into_pixels(),
        Pixels::Ink(picture) => picture.samples().to_vec(),
        Pixels::Wide(_) => panic!("samples are rounded"),
    })
}

#[test]
fn samples_that_mean_nothing_are_left_out() {
    // The samples of a pixel are told apart by their tens, the pixels by their units.
    let pixels = |samples: u16| [0, 1, 2, 3].map(|n| (1..=samples).map(|s| s * 10 + n).collect::<Vec<_>>());
    let kept = |wanted: u16| pixels(wanted).concat().into_iter().map(|v| v as u8).collect::<Vec<_>>();
    for bits in [8, 16] {
        for (photometric, colors, extra, expected) in [
            (1, 1, &[][..], kept(1)),
            (1, 1, &[0], kept(1)),
            (1, 1, &[0, 0], kept(1)),
            (2, 3, &[], kept(3)),
            (2, 3, &[0], kept(3)),
            (2, 3, &[2], kept(4)),
            (2, 3, &[2, 0], kept(4)),
            (2, 3, &[0, 0], kept(3)),
            (2, 3, &[0, 2], kept(3)),
            (5, 4, &[], kept(4)),
            (5, 4, &[0], kept(4)),
            (5, 4, &[2], kept(4)),
            (5, 4, &[0, 0], kept(4)),
        ] {
            let file = tiff(photometric, extra, &pixels(colors + extra.len() as u16), bits);
            assert_eq!(decoded(&file), Ok(expected), "{photometric} with {extra:?} of {bits} bits");
        }
    }
}

#[test]
fn more_than_two_samples_beyond_the_colors_are_refused_by_the_head() {
    for (photometric, colors) in [(1, 1), (2, 3), (5, 4)] {
        for (extra, fine) in [(2, true), (3, false), (12, false)] {
            let pixels = [0, 1, 2, 3].map(|n| vec![n; colors + extra]);
            let file = tiff(photometric, &vec![0; extra], &pixels, 16);
            let found = probe::header(&file, &SourceLimits::CLOUDFLARE);
            assert_eq!(found.is_ok(), fine, "{photometric} with {extra}: {:?}", found.err());
        }
    }
}
