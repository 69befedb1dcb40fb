use super::*;

const FULL_601: Nclx = Nclx { primaries: 1, transfer: 13, matrix: 6, full_range: true };
const PLAIN: Look = Look { color: FULL_601, crop: None, premultiplied: false };

/// A picture with the same samples everywhere.
fn even(depth: u8, [y, u, v]: [u16; 3]) -> Planar {
    let planes = [vec![y; 4], vec![u; 4], vec![v; 4]];
    Planar { width: 2, height: 2, depth, chroma_depth: depth, sampling: Sampling::Full, planes, color: None }
}

fn bytes(planar: &Planar, alpha: Option<&Planar>, look: &Look) -> Vec<u8> {
    match pixels(planar, alpha, look).expect("pixels") {
        Pixels::Frame(frame) => frame.pixels().to_vec(),
        other => panic!("{other:?} is not of 8 bits"),
    }
}

fn first(samples: [u16; 3], matrix: u16, full_range: bool) -> [u8; 3] {
    let look = Look { color: Nclx { matrix, full_range, ..FULL_601 }, ..PLAIN };
    bytes(&even(8, samples), None, &look)[..3].try_into().expect("a pixel")
}

#[test]
fn matrices_give_the_colours_of_the_standard() {
    for (samples, matrix, full, expected) in [
        ([76, 85, 255], 6, true, [254, 0, 0]),
        ([76, 85, 255], 2, true, [254, 0, 0]),
        ([54, 99, 255], 1, true, [254, 0, 0]),
        ([67, 92, 255], 9, true, [254, 0, 0]),
        ([235, 128, 128], 6, false, [255, 255, 255]),
        ([16, 128, 128], 6, false, [0, 0, 0]),
        ([81, 90, 240], 5, false, [254, 0, 0]),
        ([63, 102, 240], 1, false, [255, 1, 0]),
        ([10, 20, 30], 0, true, [30, 10, 20]),
        ([128, 138, 148], 8, true, [138, 138, 98]),
    ] {
        let found = first(samples, matrix, full);
        assert!(
            found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1),
            "{samples:?} by matrix {matrix}: {found:?} instead of {expected:?}"
        );
    }
    let odd = Look { color: Nclx { matrix: 14, ..FULL_601 }, ..PLAIN };
    assert!(matches!(pixels(&even(8, [1, 2, 3]), None, &odd), Err(Fault::Corrupt(_))));
}

#[test]
fn deep_samples_stay_deep() {
    for (depth, top) in [(10, 1023), (12, 4095), (16, 65_535)] {
        let half = u32::from(top).div_ceil(2);
        let grey = even(depth, [top, half as u16, half as u16]);
        let Pixels::Wide(picture) = pixels(&grey, None, &PLAIN).expect("pixels") else {
            panic!("{depth} bits are wide");
        };
        assert!(picture.samples.iter().all(|&sample| sample == 65_535));
    }
}

#[test]
fn chroma_is_interpolated_between_its_places() {
    let row = |samples: [u16; 2], sampling, width| Planar {
        width,
        height: 1,
        depth: 8,
        chroma_depth: 8,
        sampling,
        planes: [vec![128; width], samples.to_vec(), vec![128; 2]],
        color: None,
    };
    for sampling in [Sampling::Half, Sampling::HalfColumns] {
        for width in [4, 3] {
            let planar = row([128, 168], sampling, width);
            let blue: Vec<u8> = bytes(&planar, None, &PLAIN).iter().skip(2).step_by(3).copied().collect();
            // 1.772 for every step of chroma: at 0, 10, 30 and 40 of them.
            let expected = [128, 146, 181, 199];
            assert_eq!(blue, expected[..width], "{sampling:?}");
        }
    }
}

#[test]
fn alpha_is_divided_out_once() {
    let alpha = even(8, [51, 7, 9]).into_luma();
    let colors = even(8, [40, 128, 128]);
    assert_eq!(bytes(&colors, Some(&alpha), &PLAIN)[..4], [40, 40, 40, 51]);
    let look = Look { premultiplied: true, ..PLAIN };
    assert_eq!(bytes(&colors, Some(&alpha), &look)[..4], [200, 200, 200, 51]);
}

#[test]
fn tiles_are_placed_and_cut() {
    let mut canvas = even(8, [0; 3]).canvas(3, 3);
    for (index, (left, top)) in [(0, 0), (2, 0), (0, 2), (2, 2)].into_iter().enumerate() {
        let tile = even(8, [10 + index as u16; 3]);
        canvas.place(&tile, left, top).expect("fits");
    }
    assert_eq!(canvas.planes[0], [10, 10, 11, 10, 10, 11, 12, 12, 13]);
    assert_eq!(canvas.planes[0], canvas.planes[2]);
    assert!(canvas.place(&even(10, [0; 3]), 0, 0).is_err(), "another depth");
    let short = Planar { planes: [vec![0; 3], vec![0; 4], vec![0; 4]], ..even(8, [0; 3]) };
    assert!(pixels(&short, None, &PLAIN).is_err(), "too few samples");
}

#[test]
fn a_crop_leaves_what_it_should() {
    let mut planar = even(8, [0, 128, 128]);
    planar.planes[0] = vec![1, 2, 3, 4];
    let look = Look { crop: Some(Crop { left: 1, top: 0, width: 1, height: 2 }), ..PLAIN };
    assert_eq!(bytes(&planar, None, &look), [2, 2, 2, 4, 4, 4]);
}
