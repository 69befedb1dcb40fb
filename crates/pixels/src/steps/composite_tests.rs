use super::*;

const RED: [u8; 4] = [255, 0, 0, 255];
const HALF_RED: [u8; 4] = [255, 0, 0, 128];
const BLUE: [u8; 4] = [0, 0, 255, 255];
const HALF_BLUE: [u8; 4] = [0, 0, 255, 128];
const CLEAR: [u8; 4] = [9, 9, 9, 0];
const NOTHING: [u8; 4] = [0; 4];

#[test]
fn operators_follow_porter_and_duff() {
    // With alpha a = 128/255 = 0.502: 1 - (1-a)^2 = 0.752 is 192, a^2 = 0.252 is 64, a (1-a) = 0.25 is 64.
    for (composite, front, back, expected) in [
        (Composite::Over, RED, BLUE, RED),
        (Composite::Over, HALF_RED, BLUE, [128, 0, 127, 255]),
        (Composite::Over, HALF_RED, HALF_BLUE, [170, 0, 85, 192]),
        (Composite::Over, CLEAR, HALF_BLUE, HALF_BLUE),
        (Composite::Over, HALF_RED, CLEAR, HALF_RED),
        (Composite::In, RED, BLUE, RED),
        (Composite::In, RED, HALF_BLUE, HALF_RED),
        (Composite::In, RED, CLEAR, NOTHING),
        (Composite::In, CLEAR, BLUE, NOTHING),
        (Composite::In, HALF_RED, HALF_BLUE, [255, 0, 0, 64]),
        (Composite::Atop, HALF_RED, BLUE, [128, 0, 127, 255]),
        (Composite::Atop, RED, HALF_BLUE, HALF_RED),
        (Composite::Atop, RED, CLEAR, NOTHING),
        (Composite::Out, RED, BLUE, NOTHING),
        (Composite::Out, RED, CLEAR, RED),
        (Composite::Out, HALF_RED, HALF_BLUE, [255, 0, 0, 64]),
        (Composite::Xor, RED, BLUE, NOTHING),
        (Composite::Xor, RED, CLEAR, RED),
        (Composite::Xor, CLEAR, BLUE, BLUE),
        (Composite::Xor, HALF_RED, HALF_BLUE, [128, 0, 128, 128]),
        (Composite::Lighter, RED, BLUE, [255, 0, 255, 255]),
        (Composite::Lighter, [200, 10, 0, 255], [100, 20, 0, 255], [255, 30, 0, 255]),
        (Composite::Lighter, HALF_RED, CLEAR, HALF_RED),
    ] {
        let made = mixed(front, back, composite);
        for (got, want) in made.iter().zip(expected) {
            assert!(got.abs_diff(want) <= 1, "{composite:?} {front:?} on {back:?}: {made:?}");
        }
    }
}

fn grey(width: u32, height: u32) -> Frame {
    Frame::new(width, height, Channels::Grey, vec![0; (width * height) as usize]).expect("its size")
}

/// Opaque pixels that are told apart by their red: 1, 2, 3, …
fn counted(width: u32, height: u32) -> Frame {
    let pixels = (1..=width * height).flat_map(|i| [i as u8, 0, 0, 255]).collect();
    Frame::new(width, height, Channels::Rgba, pixels).expect("its size")
}

fn reds(base: &Frame, top: &Frame, left: i64, up: i64, repeat: Repeat) -> String {
    let made = blend(base, top, Place { left, top: up, repeat }, Composite::Over).expect("drawn");
    assert_eq!(made.channels(), Channels::Rgb);
    let reds: Vec<u8> = made.pixels().chunks(3).map(|pixel| pixel[0]).collect();
    let rows = reds.chunks(base.width() as usize);
    rows.map(|row| row.iter().map(u8::to_string).collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[test]
fn pictures_lie_where_they_should_and_hang_over() {
    let (base, top) = (grey(4, 3), counted(2, 2));
    for (left, up, expected) in [
        (0, 0, "1200 3400 0000"),
        (1, 1, "0000 0120 0340"),
        (-1, -1, "4000 0000 0000"),
        (3, 2, "0000 0000 0001"),
        (4, 0, "0000 0000 0000"),
        (-2, 0, "0000 0000 0000"),
    ] {
        assert_eq!(reds(&base, &top, left, up, Repeat::None), expected, "{left} {up}");
    }
}

#[test]
fn tiles_repeat_from_where_they_lie() {
    let (base, top) = (grey(5, 3), counted(2, 2));
    assert_eq!(reds(&base, &top, 1, 1, Repeat::X), "00000 21212 43434");
    assert_eq!(reds(&base, &top, 1, 1, Repeat::Y), "03400 01200 03400");
    assert_eq!(reds(&base, &top, 1, 1, Repeat::Both), "43434 21212 43434");
    assert_eq!(reds(&base, &top, 5, -2, Repeat::Both), "21212 43434 21212");
    assert_eq!(reds(&base, &counted(9, 1), -8, 2, Repeat::X), "00000 00000 91234");
}

#[test]
fn operators_work_in_the_box_alone() {
    let base = Frame::new(3, 1, Channels::Rgb, vec![7; 9]).expect("3 pixels");
    let top = Frame::new(1, 1, Channels::Rgba, CLEAR.to_vec()).expect("a pixel");
    let place = Place { left: 1, top: 0, repeat: Repeat::None };
    let made = blend(&base, &top, place, Composite::In).expect("drawn");
    assert_eq!(made.pixels(), [7, 7, 7, 255, 0, 0, 0, 0, 7, 7, 7, 255]);
}

#[test]
fn opacity_multiplies_alpha() {
    let frame = Frame::new(2, 1, Channels::Rgba, [RED, HALF_BLUE].concat()).expect("2 pixels");
    let faint = with_opacity(&frame, Ratio::parse("opacity", 0.25).expect("in range")).expect("2 pixels");
    assert_eq!(faint.pixels(), [255, 0, 0, 64, 0, 0, 255, 32]);
    assert_eq!(with_opacity(&grey(1, 1), Ratio::ONE).expect("a pixel").pixels(), [0, 0, 0, 255]);
}
