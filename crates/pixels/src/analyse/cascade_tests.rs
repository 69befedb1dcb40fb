use super::*;

/// Pixels that look random and are the same each time.
fn noise(width: usize, height: usize, seed: u64) -> Grey {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let pixels = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    Grey { width, height, pixels: pixels.take(width * height).collect() }
}

/// A face as children draw one: an oval with brows, eyes, a nose and a mouth, in soft tones.
pub(in crate::analyse) fn drawn_face(size: usize) -> Grey {
    let pixel = |x: usize, y: usize| {
        let (u, v) = (x as f64 / size as f64 * 2.0 - 1.0, y as f64 / size as f64 * 2.0 - 1.0);
        let blob =
            |cx: f64, cy: f64, rx: f64, ry: f64| (-((u - cx) / rx).powi(2) - ((v - cy) / ry).powi(2)).exp();
        let skin = 1.0 / (1.0 + ((u / 0.72).powi(2) + (v / 0.95).powi(2) - 1.0).mul_add(14.0, 0.0).exp());
        let mut light = 60.0 + 130.0 * skin;
        for side in [-1.0, 1.0] {
            light -= 90.0 * blob(0.32 * side, -0.18, 0.16, 0.09) * skin;
            light -= 60.0 * blob(0.32 * side, -0.40, 0.24, 0.07) * skin;
            light += 25.0 * blob(0.42 * side, 0.18, 0.22, 0.22) * skin;
            light -= 30.0 * blob(0.12 * side, 0.24, 0.07, 0.06) * skin;
        }
        light += 20.0 * blob(0.0, 0.05, 0.08, 0.25) * skin;
        light -= 80.0 * blob(0.0, 0.52, 0.30, 0.09) * skin;
        light.clamp(0.0, 255.0) as u8
    };
    let pixels = (0..size * size).map(|i| pixel(i % size, i / size)).collect();
    Grey { width: size, height: size, pixels }
}

/// Puts a picture on another.
pub(in crate::analyse) fn pasted(mut on: Grey, what: &Grey, left: usize, top: usize) -> Grey {
    for (y, row) in what.pixels.chunks(what.width).enumerate() {
        let start = (top + y) * on.width + left;
        on.pixels[start..start + what.width].copy_from_slice(row);
    }
    on
}

fn grey(width: usize, height: usize, value: u8) -> Grey {
    Grey { width, height, pixels: vec![value; width * height] }
}

fn model() -> Model {
    Model::built_in().expect("it is built in")
}

#[test]
fn the_model_has_the_expected_shape() {
    let model = model();
    let stages: Vec<Vec<usize>> =
        model.levels.iter().map(|level| level.iter().map(|branch| branch.stages.len()).collect()).collect();
    assert_eq!(stages, [vec![1, 1, 1], vec![2], vec![1]]);
}

/// The other detector with the same settings.
fn reference(picture: &Grey) -> Vec<(i64, i64, i64, f64)> {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/faces.bin"));
    let model = rustface::read_model(&bytes[..]).expect("a model");
    let mut detector = rustface::create_detector_with_model(model);
    detector.set_min_face_size(20);
    detector.set_score_thresh(LEAST_SCORE);
    detector.set_pyramid_scale_factor(SCALE);
    detector.set_slide_window_step(STEP as u32, STEP as u32);
    let image = rustface::ImageData::new(&picture.pixels, picture.width as u32, picture.height as u32);
    let faces = detector.detect(&image);
    let all = faces.iter().map(|face| {
        let part = face.bbox();
        (i64::from(part.x()), i64::from(part.y()), i64::from(part.width()), face.score())
    });
    all.collect()
}

/// That both detectors find the same, and how much.
fn same_as_reference(picture: &Grey) -> usize {
    let ours = detect(picture, &model());
    let theirs = reference(picture);
    assert_eq!(ours.len(), theirs.len(), "{ours:?}\n{theirs:?}");
    for (face, (x, y, side, score)) in ours.iter().zip(theirs) {
        let part = face.part;
        for (got, want) in [(part.x, x), (part.y, y), (part.width, side)] {
            assert!((got - want).abs() <= 1, "{face:?} {x} {y} {side}");
        }
        assert!((face.score - score).abs() < 0.01 * score, "{face:?} {score}");
    }
    ours.len()
}

#[test]
fn drawn_faces_are_found_as_the_reference_finds_them() {
    let one = pasted(grey(300, 200, 80), &drawn_face(90), 150, 60);
    let found = detect(&one, &model());
    assert_eq!(found.len(), 1, "{found:?}");
    let part = found[0].part;
    let (x, y) = (part.x + part.width / 2, part.y + part.height / 2);
    assert!((x - 195).abs() < 15 && (y - 105).abs() < 20, "{part:?}");
    assert_eq!(same_as_reference(&one), 1);
    let two = pasted(one, &drawn_face(60), 20, 100);
    assert_eq!(same_as_reference(&two), 2);
}

#[test]
fn without_a_face_nothing_is_found() {
    for picture in [grey(200, 100, 0), grey(39, 500, 9), noise(160, 120, 1), grey(1, 1, 7)] {
        assert!(detect(&picture, &model()).is_empty());
    }
    assert_eq!(same_as_reference(&noise(120, 90, 2)), 0);
}

#[test]
fn every_size_is_safe() {
    let model = model();
    for (width, height) in [(40, 40), (41, 300), (300, 41), (79, 50), (480, 40)] {
        for seed in 0..3 {
            detect(&noise(width, height, seed), &model);
            detect(&drawn_face(width.min(height)), &model);
        }
    }
}

#[test]
fn windows_over_the_edge_are_black_there() {
    let picture = grey(10, 10, 200);
    let part = Part { x: -5, y: 8, width: 8, height: 8 };
    let scaled = picture.scaled(part, 8, 8);
    let row = |y: usize| scaled.pixels[y * 8..(y + 1) * 8].to_vec();
    assert_eq!(row(0), [0, 0, 0, 0, 0, 200, 200, 200]);
    assert_eq!(row(1), row(0));
    assert_eq!(row(2), [0; 8]);
}

#[test]
fn windows_that_overlap_are_merged() {
    let face = |x, score| Face { part: Part { x, y: 0, width: 40, height: 40 }, score };
    let made = merged(vec![face(0, 1.0), face(100, 5.0), face(2, 3.0)], 0.8);
    let told: Vec<(i64, f64)> = made.iter().map(|face| (face.part.x, face.score)).collect();
    assert_eq!(told, [(100, 5.0), (2, 4.0)]);
    assert_eq!(merged(vec![face(0, 1.0); 2 * MOST], 0.8).len(), 1);
}
