use super::*;
use crate::frame::Channels;
use crate::plan::tests::as_is;
use safelight_domain::transform::{Fit, Ratio};

/// A PNG of one colour.
fn png(width: u32, height: u32, color: [u8; 4]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgba);
    let pixels: Vec<u8> = (0..width * height).flat_map(|_| color).collect();
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels)).expect("a PNG");
    file
}

fn overlay() -> Overlay {
    Overlay {
        image: safelight_domain::image::ImageId::named("logo"),
        width: None,
        height: None,
        fit: Fit::ScaleDown,
        gravity: safelight_domain::transform::Gravity::CENTER,
        opacity: Ratio::ONE,
        repeat: Repeat::None,
        x: Anchor::Center,
        y: Anchor::Center,
        rotate: safelight_domain::transform::Rotate::None,
        blur: safelight_domain::transform::Blur::NONE,
        background: None,
        composite: Composite::Over,
    }
}

fn drawn(
    base: (u32, u32),
    files: &[&[u8]],
    draw: Vec<Overlay>,
    limits: &SourceLimits,
) -> Result<Frame, Fault> {
    let frame =
        Frame::new(base.0, base.1, Channels::Grey, vec![0; (base.0 * base.1) as usize]).expect("sized");
    let transform = Transform { draw, ..Transform::default() };
    Layers::new(files, &transform, &as_is(base.0, base.1), limits)?.draw(frame)
}

/// The box of red pixels: left, top, width, height.
fn red_box(frame: &Frame) -> Option<(usize, usize, usize, usize)> {
    let samples = frame.channels().count();
    let width = frame.width() as usize;
    let red: Vec<(usize, usize)> = frame
        .pixels()
        .chunks(samples)
        .enumerate()
        .filter(|(_, pixel)| pixel[0] == 255 && pixel[1] == 0)
        .map(|(i, _)| (i % width, i / width))
        .collect();
    let left = red.iter().map(|at| at.0).min()?;
    let top = red.iter().map(|at| at.1).min()?;
    let (right, bottom) = (red.iter().map(|at| at.0).max()?, red.iter().map(|at| at.1).max()?);
    Some((left, top, right - left + 1, bottom - top + 1))
}

const RED: [u8; 4] = [255, 0, 0, 255];
const LIMITS: SourceLimits = SourceLimits::CLOUDFLARE;

#[test]
fn sizes_and_places_are_as_asked() {
    let file = png(20, 10, RED);
    let pixels = |pixels| Side::parse(pixels).ok().map(Length::Pixels);
    let share = |value| Ratio::parse("width", value).ok().map(Length::Fraction);
    for (wanted, expected) in [
        (overlay(), (40, 20, 20, 10)),
        (Overlay { x: Anchor::Start(3), y: Anchor::Start(4), ..overlay() }, (3, 4, 20, 10)),
        (Overlay { x: Anchor::End(3), y: Anchor::End(4), ..overlay() }, (77, 36, 20, 10)),
        (Overlay { x: Anchor::End(0), ..overlay() }, (80, 20, 20, 10)),
        (Overlay { x: Anchor::Start(95), y: Anchor::Start(45), ..overlay() }, (95, 45, 5, 5)),
        (Overlay { x: Anchor::End(95), ..overlay() }, (0, 20, 5, 10)),
        (Overlay { width: pixels(10), ..overlay() }, (45, 22, 10, 5)),
        (Overlay { width: share(0.5), fit: Fit::Contain, ..overlay() }, (25, 12, 50, 25)),
        (Overlay { height: share(0.1), ..overlay() }, (45, 22, 10, 5)),
        (Overlay { width: share(0.0), ..overlay() }, (49, 24, 1, 1)),
        (Overlay { width: pixels(300), fit: Fit::Contain, ..overlay() }, (0, 0, 100, 50)),
        (Overlay { rotate: safelight_domain::transform::Rotate::By90, ..overlay() }, (45, 15, 10, 20)),
        (Overlay { repeat: Repeat::X, ..overlay() }, (0, 20, 100, 10)),
        (Overlay { repeat: Repeat::Y, ..overlay() }, (40, 0, 20, 50)),
        (Overlay { repeat: Repeat::Both, ..overlay() }, (0, 0, 100, 50)),
    ] {
        let made = drawn((100, 50), &[&file], vec![wanted.clone()], &LIMITS).expect("drawn");
        assert_eq!((made.width(), made.height()), (100, 50));
        assert_eq!(red_box(&made), Some(expected), "{wanted:?}");
    }
}

#[test]
fn what_lies_outside_is_not_there() {
    let file = png(20, 10, RED);
    for wanted in [
        Overlay { x: Anchor::Start(100), ..overlay() },
        Overlay { y: Anchor::End(u32::MAX), ..overlay() },
        Overlay { opacity: Ratio::ZERO, ..overlay() },
    ] {
        let made = drawn((100, 50), &[&file], vec![wanted], &LIMITS).expect("drawn");
        assert_eq!(red_box(&made), None);
    }
}

#[test]
fn the_last_is_on_top_and_backgrounds_fill_the_box() {
    let (red, clear) = (png(20, 10, RED), png(10, 10, [0; 4]));
    let blue = Color { red: 0, green: 0, blue: 255, alpha: 255 };
    let box_of_blue = Overlay { background: Some(blue), x: Anchor::Start(40), ..overlay() };
    let made =
        drawn((100, 50), &[&red, &clear], vec![overlay(), box_of_blue.clone()], &LIMITS).expect("drawn");
    assert_eq!(red_box(&made), Some((50, 20, 10, 10)));
    let made = drawn((100, 50), &[&clear, &red], vec![box_of_blue, overlay()], &LIMITS).expect("drawn");
    assert_eq!(red_box(&made), Some((40, 20, 20, 10)));
}

#[test]
fn faults_name_the_overlay() {
    let file = png(20, 10, RED);
    let small = SourceLimits { side: 15, area: 1_000 };
    let missing = drawn((10, 10), &[], vec![overlay()], &LIMITS);
    assert!(matches!(missing, Err(Fault::CannotEncode(text)) if text.contains("missing")));
    let large = drawn((10, 10), &[&file], vec![overlay()], &small);
    assert_eq!(large, Err(Fault::TooLarge { width: 20, height: 10, side: 15, area: 1_000 }));
    assert_eq!(drawn((10, 10), &[b"no image"], vec![overlay()], &LIMITS), Err(Fault::Unsupported));
    let broken = drawn((10, 10), &[&file[..60]], vec![overlay()], &LIMITS);
    assert!(matches!(broken, Err(Fault::Corrupt(text)) if text.contains("drawn on it")));
    let wide =
        Overlay { width: Side::parse(12_000).ok().map(Length::Pixels), fit: Fit::Contain, ..overlay() };
    let grown = drawn((10, 10), &[&png(1, 2, RED)], vec![wide], &LIMITS);
    assert!(matches!(grown, Err(Fault::OutputTooLarge { width: 12_000, height: 24_000, .. })));
}

#[test]
fn tiles_have_a_bound_together() {
    let limits = SourceLimits { side: 100, area: 500 };
    let file = png(20, 15, RED);
    let tile = Overlay { repeat: Repeat::Both, ..overlay() };
    assert!(drawn((10, 10), &[&file], vec![tile.clone()], &limits).is_ok());
    let two = drawn((10, 10), &[&file, &file], vec![tile.clone(), tile], &limits);
    assert_eq!(two, Err(Fault::OverlaysTooLarge { area: 500 }));
    // Pictures that are drawn once count with what lies on the output.
    let two = drawn((10, 10), &[&file, &file], vec![overlay(), overlay()], &limits);
    assert!(two.is_ok());
}

#[test]
fn holes_are_closed_where_the_format_has_none() {
    let file = png(4, 4, [0; 4]);
    let transform =
        Transform { draw: vec![Overlay { composite: Composite::In, ..overlay() }], ..Transform::default() };
    let white = Plan { opaque: Some(Color::WHITE), ..as_is(6, 4) };
    let frame = Frame::new(6, 4, Channels::Grey, vec![0; 24]).expect("6x4");
    let holes = |plan: &Plan| {
        let layers = Layers::new(&[&file], &transform, plan, &LIMITS).expect("drawn");
        layers.draw(frame.clone()).expect("drawn")
    };
    let made = holes(&white);
    assert_eq!(made.channels(), Channels::Rgb);
    assert_eq!(made.pixels()[..6], [0, 0, 0, 255, 255, 255]);
    assert_eq!(holes(&as_is(6, 4)).pixels()[4..8], [0, 0, 0, 0]);
}
