use super::*;

const RED: Color = Color { red: 255, green: 0, blue: 0, alpha: 255 };

fn rgba(pixels: &[u8]) -> Frame {
    Frame::new(pixels.len() as u32 / 4, 1, Channels::Rgba, pixels.to_vec()).expect("4 samples a pixel")
}

#[test]
fn transparency_becomes_the_colour() {
    let frame = rgba(&[9, 9, 9, 0, 0, 0, 0, 128, 1, 2, 3, 255]);
    let flat = flatten(frame.clone(), Color::WHITE).expect("3 pixels");
    assert_eq!(flat.channels(), Channels::Rgb);
    assert_eq!(flat.pixels(), [255, 255, 255, 127, 127, 127, 1, 2, 3]);
    let flat = flatten(frame, RED).expect("3 pixels");
    assert_eq!(flat.pixels(), [255, 0, 0, 127, 0, 0, 1, 2, 3]);
}

#[test]
fn a_translucent_colour_adds_up() {
    // Half of black over a quarter of red: 0.5 + 0.25 * 0.5 = 0.625 of cover, a fifth of it red.
    let frame = rgba(&[0, 0, 0, 128, 7, 7, 7, 0, 5, 6, 7, 255]);
    let both = flatten(frame, Color { alpha: 64, ..RED }).expect("3 pixels");
    assert_eq!(both.pixels(), [51, 0, 0, 160, 255, 0, 0, 64, 5, 6, 7, 255]);
    let clear = rgba(&[7, 7, 7, 0]);
    assert_eq!(flatten(clear.clone(), Color { alpha: 0, ..RED }), Some(clear));
}

#[test]
fn padding_has_the_colour_and_its_channels() {
    let grey = Frame::new(1, 1, Channels::Grey, vec![9]).expect("a pixel");
    let plan = |backdrop| Plan {
        backdrop,
        output: Size { width: 3, height: 1 },
        placement: crate::plan::Placement { left: 1, top: 0 },
        ..crate::plan::tests::as_is(1, 1)
    };
    let padded = |color| pad(grey.clone(), &plan(Backdrop::Around(color))).expect("3 pixels");
    assert_eq!(padded(Color::WHITE).pixels(), [255, 9, 255]);
    assert_eq!(padded(RED).pixels(), [255, 0, 0, 9, 9, 9, 255, 0, 0]);
    let translucent = padded(Color { alpha: 10, ..RED });
    assert_eq!(translucent.pixels(), [255, 0, 0, 10, 9, 9, 9, 255, 255, 0, 0, 10]);
    assert_eq!(pad(grey.clone(), &plan(Backdrop::None)), Ok(grey.clone()));
}
