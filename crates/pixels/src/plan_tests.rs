use super::*;
use safelight_domain::image::SourceFormat;
use safelight_domain::transform::{Blur, Side};

const LIMITS: SourceLimits = SourceLimits::CLOUDFLARE;

fn source(width: u32, height: u32) -> SourceInfo {
    SourceInfo { format: SourceFormat::Png, width, height, has_alpha: true, frames: 1 }
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

fn plan(size: (u32, u32), orientation: Orientation, transform: &Transform) -> Plan {
    Plan::new(&source(size.0, size.1), orientation, transform, OutputFormat::Png, &LIMITS)
        .expect("within limits")
}

#[test]
fn every_fit_gives_the_documented_size() {
    use Fit::{Contain, Cover, Crop, Pad, ScaleDown};
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
fn padding_is_centred_and_white() {
    let plan = plan((1080, 720), Orientation::AsStored, &transform(Fit::Pad, 500, 500));
    assert_eq!(plan.scaled, Size { width: 500, height: 333 });
    assert_eq!(plan.placement, Placement { left: 0, top: 83 });
    assert_eq!(plan.backdrop, Backdrop::White);
}

#[test]
fn transparency_stays_except_where_it_cannot() {
    let wanted = transform(Fit::Contain, 10, 10);
    for (format, backdrop) in [
        (OutputFormat::Jpeg, Backdrop::White),
        (OutputFormat::Png, Backdrop::None),
        (OutputFormat::WebP, Backdrop::None),
    ] {
        let plan = Plan::new(&source(20, 20), Orientation::AsStored, &wanted, format, &LIMITS);
        assert_eq!(plan.map(|plan| plan.backdrop), Ok(backdrop));
    }
}

#[test]
fn blur_is_half_the_strength() {
    let blurred = Transform { blur: Blur::parse(5.0).expect("in range"), ..Transform::default() };
    assert_eq!(plan((10, 10), Orientation::AsStored, &blurred).blur, Some(2.5));
    assert_eq!(plan((10, 10), Orientation::AsStored, &Transform::default()).blur, None);
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
        let plan = Plan::new(&source(size.0, size.1), Orientation::AsStored, &wanted, format, &LIMITS);
        match plan {
            Ok(_) => assert!(fine, "{fit:?} of {size:?} at {sides:?}"),
            Err(fault) => assert!(!fine && matches!(fault, Fault::CannotEncode(_)), "{fault}"),
        }
    }
    let wide = SourceLimits { side: 20_000, area: 100_000_000 };
    let as_is = Transform::default();
    let webp = |width| Plan::new(&source(width, 9), Orientation::AsStored, &as_is, OutputFormat::WebP, &wide);
    assert!(webp(16_383).is_ok());
    let fault = webp(16_384).expect_err("too wide").to_string();
    assert!(fault.contains("16383"), "{fault}");
}
