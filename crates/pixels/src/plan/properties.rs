//! What holds for every plan, over many sizes.

use super::tests::plan;
use super::*;
use crate::frame::{Channels, Frame};
use crate::steps;
use safelight_domain::transform::{Flip, Gravity, Ratio, Rotate, Side, TrimEnd};

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    fn side(&mut self) -> u32 {
        let end = self.one_of(&[3, 20, 300, 5_000]);
        self.below(end) as u32 + 1
    }

    fn ratio(&mut self) -> Ratio {
        Ratio::parse("gravity", self.below(101) as f64 / 100.0).expect("in range")
    }

    fn transform(&mut self) -> Transform {
        let side = |numbers: &mut Numbers| match numbers.below(4) {
            0 => None,
            _ => Side::parse(u64::from(numbers.side())).ok(),
        };
        Transform {
            fit: self.one_of(&Fit::ALL),
            width: side(self),
            height: side(self),
            gravity: Gravity::Point(self.ratio(), self.ratio()),
            flip: self.one_of(&[Flip::None, Flip::Horizontal, Flip::Vertical, Flip::Both]),
            rotate: self.one_of(&[Rotate::None, Rotate::By90, Rotate::By180, Rotate::By270]),
            ..Transform::default()
        }
    }
}

const ORIENTATIONS: [Orientation; 8] = [
    Orientation::AsStored,
    Orientation::FlipHorizontal,
    Orientation::Rotate180,
    Orientation::FlipVertical,
    Orientation::Transpose,
    Orientation::Rotate90,
    Orientation::Transverse,
    Orientation::Rotate270,
];

/// A plan, unless the output is too large.
fn planned(size: (u32, u32), orientation: Orientation, transform: &Transform) -> Option<Plan> {
    let source = SourceInfo {
        format: safelight_domain::image::SourceFormat::Png,
        width: size.0,
        height: size.1,
        has_alpha: true,
        frames: 1,
        turn: safelight_domain::image::Turn::Upright,
    };
    let limits = SourceLimits::CLOUDFLARE;
    let draft = Draft::new(&source, orientation, transform, OutputFormat::Png, &limits).ok()?;
    draft.resolve(None).ok()
}

#[test]
fn sizes_keep_to_the_fit_and_regions_to_the_picture() {
    let mut numbers = Numbers(1);
    let mut seen = 0;
    for _ in 0..20_000 {
        let size = (numbers.side(), numbers.side());
        let (orientation, transform) = (numbers.one_of(&ORIENTATIONS), numbers.transform());
        let Some(plan) = planned(size, orientation, &transform) else { continue };
        seen += 1;
        let told = format!("{size:?} {orientation:?} {transform:?}\n{plan:?}");
        let shown = Size { width: size.0, height: size.1 }.turned(plan.orientation);
        let output = plan.output;
        let picture = plan.scaled.turned(plan.orientation);
        assert!(output.width > 0 && output.height > 0 && picture.width > 0 && picture.height > 0, "{told}");
        let (left, top) = (plan.placement.left + picture.width, plan.placement.top + picture.height);
        assert!(left <= output.width && top <= output.height, "{told}");
        let Region { left, top, width, height } = plan.region;
        assert!(left >= 0.0 && top >= 0.0 && width > 0.0 && height > 0.0, "{told}");
        assert!(left + width <= f64::from(size.0) + 1e-6, "{told}");
        assert!(top + height <= f64::from(size.1) + 1e-6, "{told}");
        let within = |side: Option<Side>, length: u32| side.is_none_or(|side| length <= side.pixels());
        let inside = within(transform.width, output.width) && within(transform.height, output.height);
        let grown = output.width > shown.width || output.height > shown.height;
        let both = transform.width.is_some() && transform.height.is_some();
        let exact = transform.width.is_none_or(|side| side.pixels() == output.width)
            && transform.height.is_none_or(|side| side.pixels() == output.height);
        match transform.fit {
            Fit::ScaleDown | Fit::Crop | Fit::AspectCrop => assert!(inside && !grown, "{told}"),
            Fit::Contain => assert!(inside, "{told}"),
            Fit::Cover | Fit::Pad | Fit::Squeeze if both => assert!(exact, "{told}"),
            Fit::Cover | Fit::Pad | Fit::Squeeze => assert!(inside, "{told}"),
            Fit::ScaleUp => {
                assert!(output.width >= shown.width && output.height >= shown.height, "{told}");
            }
        }
        if plan.scaling == Scaling::Copy {
            assert_eq!((width, height), (f64::from(plan.scaled.width), f64::from(plan.scaled.height)));
            assert_eq!((left.fract(), top.fract()), (0.0, 0.0), "{told}");
        } else if transform.fit != Fit::Squeeze {
            // No side is stretched against the other by more than the rounding of a size.
            let (x, y) = (f64::from(plan.scaled.width) / width, f64::from(plan.scaled.height) / height);
            let slack = 1.0 / width.min(height) + 1e-9;
            assert!((x - y).abs() <= slack * x.max(y).max(1.0), "{told}");
        }
    }
    assert!(seen > 15_000, "{seen} plans");
}

#[test]
fn trims_leave_the_rectangle_that_was_asked_for() {
    let mut numbers = Numbers(2);
    let mut seen = 0;
    for _ in 0..5_000 {
        let size = (numbers.side(), numbers.side());
        let end = |numbers: &mut Numbers| match numbers.below(2) {
            0 => TrimEnd::Before(numbers.below(30) as u32),
            _ => TrimEnd::Length(numbers.side()),
        };
        let trim = Trim::Rectangle {
            left: numbers.below(30) as u32,
            top: numbers.below(30) as u32,
            right: end(&mut numbers),
            bottom: end(&mut numbers),
        };
        let transform = Transform { trim: Some(trim), ..Transform::default() };
        let Some(plan) = planned(size, numbers.one_of(&ORIENTATIONS), &transform) else { continue };
        seen += 1;
        let rect = plan.trimmed.expect("a trim");
        assert!(rect.width > 0 && rect.height > 0);
        assert!(rect.left + rect.width <= size.0 && rect.top + rect.height <= size.1, "{size:?} {rect:?}");
        assert_eq!(plan.scaled, rect.size());
    }
    assert!(seen > 1_000, "{seen} plans");
}

fn numbered(width: u32, height: u32) -> Frame {
    let pixels = (0..width * height).flat_map(|i| [i as u8, (i >> 8) as u8, 7]).collect();
    Frame::new(width, height, Channels::Rgb, pixels).expect("its size")
}

fn run(frame: Frame, orientation: Orientation, transform: &Transform) -> Frame {
    let plan = plan((frame.width(), frame.height()), orientation, transform);
    steps::run(frame, &plan).expect("a picture")
}

/// Metadata, trim, flip, rotate and cut in one plan give the pixels that they give one after the
/// other.
#[test]
fn one_orientation_does_the_same_as_its_parts() {
    let mut numbers = Numbers(3);
    for _ in 0..2_000 {
        let frame = numbered(numbers.below(30) as u32 + 12, numbers.below(30) as u32 + 12);
        let orientation = numbers.one_of(&ORIENTATIONS);
        let part = |numbers: &mut Numbers| numbers.below(5) as u32;
        let trim = Some(Trim::Rectangle {
            left: part(&mut numbers),
            top: part(&mut numbers),
            right: TrimEnd::Before(part(&mut numbers)),
            bottom: TrimEnd::Before(part(&mut numbers)),
        });
        // A box with a side larger than any, so that nothing is scaled.
        let (width, height) = (numbers.one_of(&[5, 8, 500]), 500);
        let all = Transform {
            trim,
            fit: Fit::Crop,
            width: Side::parse(width).ok(),
            height: Side::parse(height).ok(),
            ..numbers.transform()
        };
        let none = Transform::default();
        let mut apart = run(frame.clone(), orientation, &none);
        for step in [
            Transform { trim, ..none.clone() },
            Transform { flip: all.flip, ..none.clone() },
            Transform { rotate: all.rotate, ..none.clone() },
            Transform {
                fit: Fit::Crop,
                width: all.width,
                height: all.height,
                gravity: all.gravity,
                ..none.clone()
            },
        ] {
            apart = run(apart, Orientation::AsStored, &step);
        }
        assert_eq!(run(frame, orientation, &all), apart, "{orientation:?} {all:?}");
    }
}

#[test]
fn orientations_make_a_group() {
    for first in ORIENTATIONS {
        assert_eq!(first.then(Orientation::AsStored), first);
        assert_eq!(Orientation::AsStored.then(first), first);
        let reached = ORIENTATIONS.map(|second| first.then(second));
        for orientation in ORIENTATIONS {
            assert!(reached.contains(&orientation), "{first:?} never becomes {orientation:?}");
        }
    }
    assert_eq!(Orientation::Rotate90.then(Orientation::Rotate90), Orientation::Rotate180);
    assert_eq!(Orientation::Rotate90.then(Orientation::Rotate270), Orientation::AsStored);
}
