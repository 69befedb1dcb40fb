use super::*;
use crate::analyse::cascade::tests::{drawn_face, pasted};

fn picture(width: usize, height: usize, at: (usize, usize), size: usize) -> Frame {
    let plain = Grey { width, height, pixels: vec![80; width * height] };
    let made = pasted(plain, &drawn_face(size), at.0, at.1);
    Frame::new(width as u32, height as u32, Channels::Grey, made.pixels).expect("its size")
}

fn whole(frame: &Frame) -> Rect {
    Rect { left: 0, top: 0, width: frame.width(), height: frame.height() }
}

fn centre(region: Region) -> (f64, f64) {
    (region.left + region.width / 2.0, region.top + region.height / 2.0)
}

#[test]
fn the_box_is_in_pixels_of_the_picture() {
    let frame = picture(1200, 800, (700, 300), 300);
    let found = faces(&frame, whole(&frame), Orientation::AsStored).expect("a face");
    let (x, y) = centre(found);
    assert!((x - 850.0).abs() < 40.0 && (y - 450.0).abs() < 50.0, "{found:?}");
    assert!(found.width > 200.0 && found.width < 500.0, "{found:?}");
    let part = Rect { left: 600, top: 200, width: 600, height: 600 };
    let (x, y) = centre(faces(&frame, part, Orientation::AsStored).expect("a face"));
    assert!((x - 250.0).abs() < 40.0 && (y - 250.0).abs() < 50.0, "{x} {y}");
    assert_eq!(faces(&frame, Rect { width: 500, ..whole(&frame) }, Orientation::AsStored), None);
}

#[test]
fn faces_are_looked_for_as_they_are_shown() {
    let upright = picture(400, 300, (250, 60), 120);
    let shown = faces(&upright, whole(&upright), Orientation::AsStored).expect("a face");
    // What turns the picture, and what shows it upright again.
    for (turn, back) in [
        (Orientation::Rotate90, Orientation::Rotate270),
        (Orientation::Rotate180, Orientation::Rotate180),
        (Orientation::Rotate270, Orientation::Rotate90),
        (Orientation::Transpose, Orientation::Transpose),
        (Orientation::FlipVertical, Orientation::FlipVertical),
    ] {
        let stored = steps::turned(upright.clone(), turn).expect("a picture");
        let found = faces(&stored, whole(&stored), back).expect("a face");
        let (x, y) = centre(shown);
        let (w, h) = (f64::from(stored.width()), f64::from(stored.height()));
        let expected = match turn {
            Orientation::Rotate90 => (w - y, x),
            Orientation::Rotate180 => (w - x, h - y),
            Orientation::Rotate270 => (y, h - x),
            Orientation::Transpose => (y, x),
            _ => (x, h - y),
        };
        let made = centre(found);
        assert!((made.0 - expected.0).abs() < 3.0 && (made.1 - expected.1).abs() < 3.0, "{turn:?} {found:?}");
    }
}

#[test]
fn transparency_and_colour_do_not_matter() {
    let grey = picture(300, 200, (100, 50), 90);
    let found = faces(&grey, whole(&grey), Orientation::AsStored);
    assert!(found.is_some());
    let rgb = grey.pixels().iter().flat_map(|&l| [l; 3]).collect();
    let rgb = Frame::new(300, 200, Channels::Rgb, rgb).expect("its size");
    assert_eq!(faces(&rgb, whole(&rgb), Orientation::AsStored), found);
    let clear = grey.pixels().iter().flat_map(|&l| [l, l, l, 0]).collect();
    let clear = Frame::new(300, 200, Channels::Rgba, clear).expect("its size");
    assert_eq!(faces(&clear, whole(&clear), Orientation::AsStored), None);
}
