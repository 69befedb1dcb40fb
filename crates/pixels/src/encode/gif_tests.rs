use super::*;
use crate::frame::Channels;

fn frame(width: u32, pixels: &[[u8; 4]]) -> Frame {
    let height = pixels.len() as u32 / width;
    Frame::new(width, height, Channels::Rgba, pixels.as_flattened().to_vec()).expect("a size")
}

/// What a viewer shows.
struct Shown {
    canvas: Vec<[u8; 4]>,
    /// Hundredths of a second.
    delay: u16,
    /// Sides of the part that was written.
    part: (u16, u16),
}

fn shown(file: &[u8]) -> Vec<Shown> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(file).expect("a GIF");
    let width = usize::from(decoder.width());
    let mut canvas = vec![[0; 4]; width * usize::from(decoder.height())];
    let mut frames = Vec::new();
    while let Some(frame) = decoder.read_next_frame().expect("a frame") {
        let place = |at: usize| {
            let (x, y) = (at % usize::from(frame.width), at / usize::from(frame.width));
            (usize::from(frame.top) + y) * width + usize::from(frame.left) + x
        };
        let pixels = frame.buffer.as_chunks::<4>().0;
        for (at, pixel) in pixels.iter().enumerate().filter(|(_, pixel)| pixel[3] != 0) {
            canvas[place(at)] = *pixel;
        }
        frames.push(Shown { canvas: canvas.clone(), delay: frame.delay, part: (frame.width, frame.height) });
        if frame.dispose == gif::DisposalMethod::Background {
            (0..pixels.len()).for_each(|at| canvas[place(at)] = [0; 4]);
        }
    }
    frames
}

const RED: [u8; 4] = [255, 0, 0, 255];
const BLUE: [u8; 4] = [0, 0, 255, 255];
const NONE: [u8; 4] = [0; 4];

#[test]
fn every_frame_is_shown_as_it_is() {
    let pictures = [
        [RED, RED, RED, BLUE, BLUE, BLUE],
        [RED, RED, RED, BLUE, RED, BLUE],
        [RED, NONE, RED, BLUE, RED, BLUE],
        [NONE; 6],
        [BLUE, NONE, NONE, NONE, NONE, NONE],
        [NONE, NONE, NONE, NONE, NONE, RED],
    ];
    let mut movie = Movie::new(3, 2, 0).expect("a size");
    for picture in &pictures {
        movie.add(&frame(3, picture), 70).expect("a frame");
    }
    let file = movie.finish().expect("a file");
    let frames = shown(&file);
    assert_eq!(frames.len(), pictures.len());
    for (frame, picture) in frames.iter().zip(&pictures) {
        assert_eq!((frame.canvas.as_slice(), frame.delay), (picture.as_slice(), 7));
    }
    // The second differs in one pixel, and has to clear another one for the third.
    assert_eq!(frames[1].part, (1, 2));
}

#[test]
fn equal_frames_become_one_and_delays_do_not_drift() {
    let mut movie = Movie::new(2, 1, 4).expect("a size");
    for picture in [[RED, BLUE], [RED, BLUE], [BLUE, BLUE], [RED, RED], [BLUE, RED]] {
        movie.add(&frame(2, &picture), 33).expect("a frame");
    }
    let file = movie.finish().expect("a file");
    let delays: Vec<u16> = shown(&file).iter().map(|frame| frame.delay).collect();
    assert_eq!(delays, [7, 3, 3, 4]);
    let decoder = gif::Decoder::new(file.as_slice()).expect("a GIF");
    assert_eq!(decoder.repeat(), gif::Repeat::Finite(3));
}

#[test]
fn many_colours_come_close_and_holes_stay_holes() {
    let pixels: Vec<[u8; 4]> = (0..96 * 96)
        .map(|at: u32| {
            let (x, y) = (at % 96, at / 96);
            let alpha = if x + y < 40 { 100 } else { 200 };
            [(x * 2) as u8, (y * 2) as u8, (x + y) as u8, alpha]
        })
        .collect();
    let file = encode(&frame(96, &pixels)).expect("a file");
    let frames = shown(&file);
    let (mut sum, mut seen) = (0.0, 0.0);
    for (made, wanted) in frames[0].canvas.iter().zip(&pixels) {
        assert_eq!(made[3] == 0, wanted[3] == 100);
        if made[3] != 0 {
            sum += made.iter().zip(wanted).take(3).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>();
            seen += 3.0;
        }
    }
    assert!(sum / seen < 6.0, "{}", sum / seen);
    assert_eq!((frames.len(), frames[0].delay), (1, 0));
}
