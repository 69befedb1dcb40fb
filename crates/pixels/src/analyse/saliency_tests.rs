use super::*;
use crate::frame::Channels;

/// A picture of one colour with a square of another.
fn spot(width: u32, height: u32, spot: Rect) -> Frame {
    let pixels = (0..width * height).flat_map(|i| {
        let (x, y) = (i % width, i / width);
        let inside = (spot.left..spot.left + spot.width).contains(&x)
            && (spot.top..spot.top + spot.height).contains(&y);
        if inside { [230, 40, 30] } else { [90, 120, 90] }
    });
    Frame::new(width, height, Channels::Rgb, pixels.collect()).expect("its size")
}

fn whole(frame: &Frame) -> Rect {
    Rect { left: 0, top: 0, width: frame.width(), height: frame.height() }
}

#[test]
fn the_window_goes_where_the_spot_is() {
    for (left, low, high) in [(20, 0.0, 0.01), (700, 0.99, 1.0), (300, 0.2, 0.45), (380, 0.42, 0.58)] {
        let frame = spot(800, 200, Rect { left, top: 80, width: 40, height: 40 });
        let (x, y) = salient_window(&frame, whole(&frame), (200.0, 200.0));
        assert!((low..=high).contains(&x), "spot at {left}: {x}");
        assert_eq!(y, 0.5);
        // The spot is in the window.
        let start = x * 600.0;
        assert!(start <= f64::from(left) && f64::from(left) + 40.0 <= start + 200.0, "{left} {start}");
    }
    let tall = spot(100, 900, Rect { left: 30, top: 850, width: 40, height: 40 });
    assert_eq!(salient_window(&tall, whole(&tall), (100.0, 100.0)).1, 1.0);
}

#[test]
fn a_flat_picture_keeps_its_centre() {
    let flat = Frame::new(500, 90, Channels::Grey, vec![77; 45_000]).expect("500x90");
    assert_eq!(salient_window(&flat, whole(&flat), (90.0, 90.0)), (0.5, 0.5));
    let dot = Frame::new(1, 1, Channels::Grey, vec![77]).expect("a pixel");
    assert_eq!(salient_window(&dot, whole(&dot), (1.0, 1.0)), (0.5, 0.5));
}

#[test]
fn only_the_trimmed_part_counts() {
    let frame = spot(800, 200, Rect { left: 20, top: 80, width: 40, height: 40 });
    let area = Rect { left: 100, ..Rect { width: 700, ..whole(&frame) } };
    assert_eq!(salient_window(&frame, area, (200.0, 200.0)).0, 0.5);
}

#[test]
fn transparent_pixels_do_not_stand_out() {
    let frame = spot(400, 100, Rect { left: 10, top: 30, width: 40, height: 40 });
    let with = |alpha: u8| {
        let rgba = frame.pixels().chunks(3).flat_map(|p| {
            let alpha = if p[0] == 230 { alpha } else { 255 };
            [p[0], p[1], p[2], alpha]
        });
        Frame::new(400, 100, Channels::Rgba, rgba.collect()).expect("400x100")
    };
    let share = |frame: &Frame| salient_window(frame, whole(frame), (100.0, 100.0)).0;
    assert!(share(&with(255)) < 0.01);
    assert_eq!(share(&with(0)), 0.5);
}

#[test]
fn known_colours_have_their_lab_values() {
    for (light, expected) in [
        ([1.0, 1.0, 1.0], [100.0, 0.0, 0.0]),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ([1.0, 0.0, 0.0], [53.24, 80.09, 67.20]),
        ([0.0, 0.0, 1.0], [32.30, 79.19, -107.86]),
    ] {
        for (got, want) in from_light(light).iter().zip(expected) {
            assert!((got - want).abs() < 0.1, "{light:?}: {got} {want}");
        }
    }
}

#[test]
fn means_of_windows_are_exact() {
    let colors: Vec<Lab> = (0..12).map(|i| [i as f32, 0.0, -(i as f32)]).collect();
    let sums = Sums::new(&colors, 4);
    assert_eq!(sums.mean((0, 0), (4, 3)), [5.5, 0.0, -5.5]);
    assert_eq!(sums.mean((1, 1), (3, 2)), [5.5, 0.0, -5.5]);
    assert_eq!(sums.mean((3, 2), (4, 3)), [11.0, 0.0, -11.0]);
}
