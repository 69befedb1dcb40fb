use super::*;
use crate::frame::Channels;

/// A picture of letters: each is a colour of its own, '.' is transparent with a hidden colour.
fn picture(rows: &[&str], channels: Channels) -> Frame {
    let color = |letter: u8| match letter {
        b'w' => [255, 255, 255, 255],
        b'v' => [250, 251, 255, 255],
        b'k' => [0, 0, 0, 255],
        b'r' => [255, 0, 0, 255],
        b'.' => [9, 200, 3, 0],
        b',' => [1, 2, 200, 0],
        other => panic!("{other}"),
    };
    let pixels = rows.iter().flat_map(|row| row.bytes());
    let samples = pixels.flat_map(|letter| color(letter)[..channels.count()].to_vec()).collect();
    Frame::new(rows[0].len() as u32, rows.len() as u32, channels, samples).expect("rows of one length")
}

fn found(rows: &[&str], color: Option<Color>, tolerance: u8, keep: u32) -> Option<(u32, u32, u32, u32)> {
    let frame = picture(rows, Channels::Rgba);
    border(&frame, Orientation::AsStored, color, tolerance, keep)
        .map(|rect| (rect.left, rect.top, rect.width, rect.height))
}

#[test]
fn a_border_is_found_on_every_side() {
    let rows = ["wwwwww", "wwkwww", "wwwrww", "wwwwww", "wwwwww"];
    assert_eq!(found(&rows, None, 0, 0), Some((2, 1, 2, 2)));
    assert_eq!(found(&rows, Some(Color::WHITE), 0, 0), Some((2, 1, 2, 2)));
    assert_eq!(found(&rows, None, 0, 1), Some((1, 0, 4, 4)));
    assert_eq!(found(&rows, None, 0, 2), None, "all of it is no trim");
    assert_eq!(found(&rows, None, 0, u32::MAX), None);
    assert_eq!(found(&["wwkw", "kwww"], None, 0, 0), Some((0, 0, 3, 2)));
    assert_eq!(found(&["kww"], None, 0, 0), Some((1, 0, 2, 1)), "black is the first of two");
}

#[test]
fn every_channel_count_gives_the_same() {
    let rows = ["wwww", "wkww", "wwww"];
    for channels in [Channels::Grey, Channels::Rgb, Channels::Rgba] {
        let rect = border(&picture(&rows, channels), Orientation::AsStored, None, 0, 0);
        assert_eq!(rect, Some(Rect { left: 1, top: 1, width: 1, height: 1 }), "{channels:?}");
    }
}

#[test]
fn nothing_but_border_is_left_alone() {
    assert_eq!(found(&["www", "www"], None, 0, 0), None);
    assert_eq!(found(&["kwk", "www"], Some(Color::WHITE), 255, 0), None);
    let red = Color { red: 255, green: 0, blue: 0, alpha: 255 };
    assert_eq!(found(&["www", "wkw"], Some(red), 10, 0), None, "another colour is no border");
}

#[test]
fn tolerance_is_the_difference_that_still_counts() {
    let rows = ["vwvwv", "wwkwv", "vvwww"];
    assert_eq!(found(&rows, Some(Color::WHITE), 5, 0), Some((2, 1, 1, 1)));
    assert_eq!(found(&rows, Some(Color::WHITE), 4, 0), None);
}

#[test]
fn hidden_colours_do_not_count() {
    assert_eq!(found(&[".,.,", ",r.,", ".,.,"], None, 0, 0), Some((1, 1, 1, 1)));
    assert_eq!(
        found(&[".,.", ",w,", "..."], Some(Color { alpha: 0, ..Color::WHITE }), 0, 0),
        Some((1, 1, 1, 1))
    );
}

#[test]
fn most_corners_decide_and_then_the_first_as_shown() {
    assert_eq!(found(&["kwww", "wwww", "wwrw", "wwww"], None, 0, 0), Some((0, 0, 3, 3)));
    // Two corners of each colour: as stored white is first, mirrored black is.
    let halves = picture(&["wwkk", "wwkk"], Channels::Rgb);
    let left = |orientation| border(&halves, orientation, None, 0, 0).map(|rect| rect.left);
    assert_eq!(left(Orientation::AsStored), Some(2));
    assert_eq!(left(Orientation::FlipHorizontal), Some(0));
    // A quarter turn shows the lower left corner first, which is white, and the upper left second.
    assert_eq!(left(Orientation::Rotate90), Some(2));
    assert_eq!(left(Orientation::Rotate270), Some(0));
}
