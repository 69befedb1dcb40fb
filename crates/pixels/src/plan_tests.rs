use super::*;
use safelight_domain::image::{SourceFormat, Turn};
use safelight_domain::transform::{Blur, Factor, Flip, Gravity, Ratio, Rotate, Sharpen, Side, TrimEnd};

const LIMITS: SourceLimits = SourceLimits::CLOUDFLARE;

fn source(width: u32, height: u32) -> SourceInfo {
    SourceInfo { format: SourceFormat::Png, width, height, has_alpha: true, frames: 1, turn: Turn::Upright }
}

fn transform(fit: Fit, width: u64, height: u64) -> Transform {
    // No side can be 0, so that stands for a side that is not given.
    Transform {
        fit,
        width: Side::parse(width).ok(),
        height: Side::parse(height).ok(),
        ..Transform::default()
    }
}

fn draft<'a>(
    size: (u32, u32),
    orientation: Orientation,
    transform: &'a Transform,
    format: OutputFormat,
    limits: &'a SourceLimits,
) -> Result<Draft<'a>, Fault> {
    Draft::new(&source(size.0, size.1), orientation, transform, format, limits)
}

/// A plan for a PNG, made without a look at the picture.
pub(crate) fn plan(size: (u32, u32), orientation: Orientation, transform: &Transform) -> Plan {
    let draft = draft(size, orientation, transform, OutputFormat::Png, &LIMITS).expect("within limits");
    draft.resolve(None).expect("within limits")
}

/// The plan that changes nothing.
pub(crate) fn as_is(width: u32, height: u32) -> Plan {
    plan((width, height), Orientation::AsStored, &Transform::default())
}

fn ratio(value: f64) -> Ratio {
    Ratio::parse("gravity", value).expect("in range")
}

#[test]
fn every_fit_gives_the_documented_size() {
    use Fit::{AspectCrop, Contain, Cover, Crop, Pad, ScaleDown, ScaleUp, Squeeze};
    for (fit, size, sides, expected) in [
        (ScaleDown, (1080, 720), (500, 500), (500, 333)),
        (ScaleDown, (720, 1080), (500, 500), (333, 500)),
        (ScaleDown, (1080, 720), (2000, 2000), (1080, 720)),
        (ScaleDown, (1080, 720), (0, 0), (1080, 720)),
        (ScaleDown, (1080, 720), (540, 0), (540, 360)),
        (ScaleDown, (1080, 720), (0, 360), (540, 360)),
        (ScaleDown, (1080, 720), (5000, 0), (1080, 720)),
        (ScaleDown, (1080, 720), (2000, 360), (540, 360)),
        (ScaleDown, (1000, 1), (100, 100), (100, 1)),
        (ScaleDown, (12_000, 1), (1, 0), (1, 1)),
        (ScaleDown, (3, 2), (2, 2), (2, 1)),
        (ScaleDown, (200, 300), (99, 99), (66, 99)),
        (Contain, (1080, 720), (500, 500), (500, 333)),
        (Contain, (100, 50), (400, 400), (400, 200)),
        (Contain, (100, 50), (400, 0), (400, 200)),
        (Contain, (100, 50), (0, 100), (200, 100)),
        (Contain, (100, 50), (0, 0), (100, 50)),
        (Cover, (1080, 720), (500, 500), (500, 500)),
        (Cover, (100, 50), (400, 400), (400, 400)),
        (Cover, (100, 50), (400, 0), (400, 200)),
        (Cover, (100, 50), (0, 0), (100, 50)),
        (Crop, (1080, 720), (1296, 1296), (1080, 720)),
        (Crop, (1080, 720), (500, 500), (500, 500)),
        (Crop, (1080, 720), (2000, 360), (1080, 360)),
        (Crop, (1080, 720), (540, 2000), (540, 720)),
        (Crop, (1080, 720), (540, 0), (540, 360)),
        (Crop, (1080, 720), (2000, 0), (1080, 720)),
        (Crop, (1080, 720), (1080, 720), (1080, 720)),
        (Pad, (1080, 720), (500, 500), (500, 500)),
        (Pad, (100, 50), (400, 400), (400, 400)),
        (Pad, (100, 50), (400, 0), (400, 200)),
        (AspectCrop, (612, 613), (1920, 1120), (612, 357)),
        (AspectCrop, (1080, 720), (500, 500), (500, 500)),
        (AspectCrop, (1080, 720), (1296, 1296), (720, 720)),
        (AspectCrop, (1080, 720), (2000, 360), (1080, 194)),
        (AspectCrop, (10, 10), (12_000, 1), (10, 1)),
        (AspectCrop, (1080, 720), (540, 0), (540, 360)),
        (AspectCrop, (1080, 720), (0, 5000), (1080, 720)),
        (Squeeze, (1080, 720), (500, 500), (500, 500)),
        (Squeeze, (10, 20), (400, 7), (400, 7)),
        (Squeeze, (1080, 720), (540, 0), (540, 360)),
        (ScaleUp, (100, 50), (400, 400), (400, 200)),
        (ScaleUp, (1080, 720), (500, 500), (1080, 720)),
        (ScaleUp, (100, 50), (120, 30), (100, 50)),
        (ScaleUp, (100, 50), (0, 100), (200, 100)),
        (ScaleUp, (100, 50), (0, 0), (100, 50)),
    ] {
        let made = plan(size, Orientation::AsStored, &transform(fit, sides.0, sides.1)).output;
        assert_eq!((made.width, made.height), expected, "{fit:?} of {size:?} at {sides:?}");
    }
}

#[test]
fn sizes_count_in_the_shown_orientation() {
    let upright = plan((1080, 720), Orientation::Rotate90, &transform(Fit::ScaleDown, 500, 500));
    assert_eq!(upright.output, Size { width: 333, height: 500 });
    assert_eq!(upright.scaled, Size { width: 500, height: 333 });
    let cover = plan((1000, 500), Orientation::Rotate270, &transform(Fit::Cover, 100, 100));
    assert_eq!(cover.region, Region { left: 250.0, top: 0.0, width: 500.0, height: 500.0 });
    let tall = plan((1000, 500), Orientation::Transpose, &transform(Fit::Cover, 50, 200));
    assert_eq!(tall.scaled, Size { width: 200, height: 50 });
    assert_eq!(tall.output, Size { width: 50, height: 200 });
}

#[test]
fn the_middle_is_cut_out() {
    for (fit, size, sides, region) in [
        (Fit::Cover, (1080, 720), (500, 500), (180.0, 0.0, 720.0, 720.0)),
        (Fit::Cover, (100, 50), (400, 400), (25.0, 0.0, 50.0, 50.0)),
        (Fit::Cover, (200, 300), (100, 100), (0.0, 50.0, 200.0, 200.0)),
        (Fit::Crop, (1080, 720), (360, 360), (180.0, 0.0, 720.0, 720.0)),
    ] {
        let plan = plan(size, Orientation::AsStored, &transform(fit, sides.0, sides.1));
        let (left, top, width, height) = region;
        assert_eq!(plan.region, Region { left, top, width, height }, "{fit:?} of {size:?} at {sides:?}");
        assert_eq!(plan.scaling, Scaling::Resample);
    }
}

#[test]
fn pixels_that_need_no_scaling_are_copied() {
    let same = plan((100, 50), Orientation::AsStored, &transform(Fit::ScaleDown, 200, 200));
    assert_eq!(same.scaling, Scaling::Copy);
    for (orientation, left) in [(Orientation::AsStored, 2.0), (Orientation::FlipHorizontal, 3.0)] {
        let cut = plan((100, 50), orientation, &transform(Fit::Crop, 95, 50));
        assert_eq!(cut.scaling, Scaling::Copy);
        assert_eq!(cut.region, Region { left, top: 0.0, width: 95.0, height: 50.0 }, "{orientation:?}");
    }
    let upright = plan((50, 101), Orientation::Rotate90, &transform(Fit::Crop, 100, 500));
    assert_eq!(upright.region, Region { left: 0.0, top: 1.0, width: 50.0, height: 100.0 });
    let enlarged = plan((100, 50), Orientation::AsStored, &transform(Fit::Cover, 100, 80));
    assert_eq!(enlarged.scaling, Scaling::Resample);
}

#[test]
fn gravity_shares_out_what_is_cut_off() {
    let cover = |w, h, x: f64, y: f64| Transform {
        gravity: Gravity::Point(ratio(x), ratio(y)),
        ..transform(Fit::Cover, w, h)
    };
    for (size, wanted, left, top) in [
        ((900, 900), cover(300, 900, 0.33, 0.5), 198.0, 0.0),
        ((900, 900), cover(900, 300, 0.5, 1.0), 0.0, 600.0),
        ((900, 900), cover(900, 300, 0.5, 0.0), 0.0, 0.0),
        ((105, 50), cover(100, 50, 0.5, 0.5), 2.0, 0.0),
        ((105, 50), cover(100, 50, 0.51, 0.5), 3.0, 0.0),
        // 200x100 to 50x50: a window of 100x100, with 100 columns left over.
        ((200, 100), cover(50, 50, 0.25, 0.9), 25.0, 0.0),
        ((100, 200), cover(50, 50, 0.9, 0.333), 0.0, 33.3),
    ] {
        let plan = plan(size, Orientation::AsStored, &wanted);
        let (x, y) = (plan.region.left - left, plan.region.top - top);
        assert!(x.abs() < 1e-9 && y.abs() < 1e-9, "{size:?} {wanted:?}: {:?}", plan.region);
    }
}

#[test]
fn gravity_counts_in_the_shown_orientation() {
    // Shown at the right; each stored orientation has that somewhere else.
    let right =
        Transform { gravity: Gravity::Point(Ratio::ONE, Ratio::HALF), ..transform(Fit::Cover, 50, 100) };
    for (orientation, left, top) in [
        (Orientation::AsStored, 50.0, 0.0),
        (Orientation::FlipHorizontal, 0.0, 0.0),
        (Orientation::FlipVertical, 50.0, 0.0),
        (Orientation::Rotate180, 0.0, 0.0),
        (Orientation::Transpose, 0.0, 50.0),
        (Orientation::Rotate90, 0.0, 0.0),
        (Orientation::Transverse, 0.0, 0.0),
        (Orientation::Rotate270, 0.0, 50.0),
    ] {
        let plan = plan((100, 100), orientation, &right);
        assert_eq!((plan.region.left, plan.region.top), (left, top), "{orientation:?}");
    }
}

#[test]
fn flip_and_rotate_come_after_the_metadata_and_before_the_fit() {
    let turned =
        Transform { flip: Flip::Horizontal, rotate: Rotate::By90, ..transform(Fit::ScaleDown, 100, 0) };
    let plan = plan((300, 200), Orientation::AsStored, &turned);
    assert_eq!(plan.output, Size { width: 100, height: 150 });
    assert_eq!(plan.scaled, Size { width: 150, height: 100 });
    assert_eq!(plan.orientation, Orientation::Transverse);
}

fn trimmed(left: u32, top: u32, right: TrimEnd, bottom: TrimEnd) -> Transform {
    Transform { trim: Some(Trim::Rectangle { left, top, right, bottom }), ..Transform::default() }
}

#[test]
fn a_trim_counts_in_pixels_as_shown() {
    use TrimEnd::{Before, Length};
    for (wanted, orientation, rect) in [
        (trimmed(1, 2, Before(3), Before(4)), Orientation::AsStored, (1, 2, 96, 44)),
        (trimmed(1, 2, Length(10), Length(20)), Orientation::AsStored, (1, 2, 10, 20)),
        (trimmed(90, 2, Length(999), Before(0)), Orientation::AsStored, (90, 2, 10, 48)),
        (trimmed(1, 2, Before(3), Before(4)), Orientation::FlipHorizontal, (3, 2, 96, 44)),
        (trimmed(1, 2, Before(3), Before(4)), Orientation::Rotate180, (3, 4, 96, 44)),
        (trimmed(1, 2, Before(3), Before(4)), Orientation::Transpose, (2, 1, 94, 46)),
        // A quarter turn clockwise: the top as shown is the left as stored, its left the bottom.
        (trimmed(1, 2, Before(3), Before(4)), Orientation::Rotate90, (2, 3, 94, 46)),
    ] {
        let made = plan((100, 50), orientation, &wanted).trimmed.expect("a trim");
        assert_eq!((made.left, made.top, made.width, made.height), rect, "{wanted:?} {orientation:?}");
    }
    // The fit sees what is left, and flip and rotate come after.
    let wanted = Transform {
        rotate: Rotate::By90,
        width: Side::parse(22).ok(),
        ..trimmed(1, 2, Before(3), Before(4))
    };
    assert_eq!(plan((100, 50), Orientation::AsStored, &wanted).output, Size { width: 22, height: 48 });
}

#[test]
fn a_trim_that_leaves_nothing_is_refused() {
    use TrimEnd::{Before, Length};
    for wanted in [
        trimmed(100, 0, Before(0), Before(0)),
        trimmed(60, 0, Before(40), Before(0)),
        trimmed(u32::MAX, 0, Before(u32::MAX), Before(0)),
        trimmed(0, 50, Length(5), Length(5)),
    ] {
        let fault = draft((100, 50), Orientation::AsStored, &wanted, OutputFormat::Png, &LIMITS);
        let text = fault.expect_err("nothing is left").to_string();
        assert!(text.contains("100x50"), "{text}");
    }
}

#[test]
fn padding_is_centred_and_white() {
    let plan = plan((1080, 720), Orientation::AsStored, &transform(Fit::Pad, 500, 500));
    assert_eq!(plan.scaled, Size { width: 500, height: 333 });
    assert_eq!(plan.placement, Placement { left: 0, top: 83 });
    assert_eq!(plan.backdrop, Backdrop::Around(Color::WHITE));
}

#[test]
fn transparency_stays_except_where_it_cannot() {
    let clear_red = Color { red: 255, green: 0, blue: 0, alpha: 0 };
    let red = Color { alpha: 255, ..clear_red };
    let half_red = Color { alpha: 51, ..clear_red };
    let pink = Color { red: 255, green: 204, blue: 204, alpha: 255 };
    for (format, background, backdrop, opaque) in [
        (OutputFormat::Jpeg, None, Backdrop::Behind(Color::WHITE), Some(Color::WHITE)),
        (OutputFormat::Png, None, Backdrop::None, None),
        (OutputFormat::WebP, None, Backdrop::None, None),
        (OutputFormat::Png, Some(red), Backdrop::Behind(red), None),
        (OutputFormat::Png, Some(half_red), Backdrop::Behind(half_red), None),
        (OutputFormat::Jpeg, Some(half_red), Backdrop::Behind(pink), Some(pink)),
        (OutputFormat::BaselineJpeg, Some(clear_red), Backdrop::Behind(Color::WHITE), Some(Color::WHITE)),
    ] {
        let wanted = Transform { background, ..transform(Fit::Contain, 10, 10) };
        let draft = draft((20, 20), Orientation::AsStored, &wanted, format, &LIMITS).expect("within limits");
        let plan = draft.resolve(None).expect("within limits");
        assert_eq!((plan.backdrop, plan.opaque), (backdrop, opaque), "{format:?} {background:?}");
    }
}

#[test]
fn brightness_changes_padding_and_contrast_does_not() {
    let factor = |value| Factor::parse("brightness", value).expect("in range");
    let grey = |byte| Color { red: byte, green: byte, blue: byte, alpha: 255 };
    let wanted = Transform {
        brightness: factor(0.5),
        contrast: factor(0.3),
        gamma: factor(3.0),
        ..transform(Fit::Pad, 10, 20)
    };
    // Half of the light of white is byte 188.
    let dark = plan((10, 10), Orientation::AsStored, &wanted);
    assert_eq!(dark.backdrop, Backdrop::Around(grey(188)));
    let behind = Transform { background: Some(Color::WHITE), fit: Fit::Contain, ..wanted };
    let plain = plan((10, 10), Orientation::AsStored, &behind);
    assert_eq!(plain.backdrop, Backdrop::Behind(Color::WHITE));
}

#[test]
fn blur_is_half_the_strength() {
    let blurred = Transform { blur: Blur::parse(5.0).expect("in range"), ..Transform::default() };
    assert_eq!(plan((10, 10), Orientation::AsStored, &blurred).blur, Some(2.5));
    assert_eq!(as_is(10, 10).blur, None);
    let sharpened = Transform { sharpen: Sharpen::parse(1.5).expect("in range"), ..Transform::default() };
    assert_eq!(plan((10, 10), Orientation::AsStored, &sharpened).sharpen, Some(1.5));
}

#[test]
fn outputs_beyond_the_limits_are_refused() {
    for (fit, size, sides, format, fine) in [
        (Fit::Contain, (100, 100), (10_000, 10_000), OutputFormat::Png, true),
        (Fit::Contain, (100, 100), (10_001, 10_001), OutputFormat::Png, false),
        (Fit::Contain, (1, 100), (200, 0), OutputFormat::Jpeg, false),
        (Fit::Contain, (1, 12_000), (12_000, 0), OutputFormat::WebP, false),
        (Fit::Cover, (1, 1), (12_000, 12_000), OutputFormat::Png, false),
        (Fit::Pad, (1, 1), (12_000, 8_333), OutputFormat::Png, true),
    ] {
        let wanted = transform(fit, sides.0, sides.1);
        match draft(size, Orientation::AsStored, &wanted, format, &LIMITS) {
            Ok(_) => assert!(fine, "{fit:?} of {size:?} at {sides:?}"),
            Err(fault) => assert!(!fine && matches!(fault, Fault::OutputTooLarge { .. }), "{fault}"),
        }
    }
    let wide = SourceLimits { side: 20_000, area: 100_000_000 };
    let as_is = Transform::default();
    let webp = |width| draft((width, 9), Orientation::AsStored, &as_is, OutputFormat::WebP, &wide);
    assert!(webp(16_383).is_ok());
    let fault = webp(16_384).expect_err("too wide").to_string();
    assert!(fault.contains("16383"), "{fault}");
}
