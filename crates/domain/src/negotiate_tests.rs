use super::*;
use crate::options::Options;

fn source(format: SourceFormat, has_alpha: bool, frames: u32) -> SourceInfo {
    SourceInfo { format, width: 1600, height: 1000, has_alpha, frames, turn: Turn::Unknown }
}

fn auto(accept: Option<&str>, source: &SourceInfo, transform: &Transform) -> OutputFormat {
    output_format(FormatChoice::Auto, accept, source, transform).expect("auto suits everything")
}

#[test]
fn encodings_are_those_that_are_named() {
    use ContentEncoding::{Brotli, Gzip, Identity};
    for (header, expected) in [
        (None, &[Identity][..]),
        (Some(""), &[Identity]),
        (Some("*"), &[Identity]),
        (Some("gzip, deflate, br, zstd"), &[Brotli, Gzip, Identity]),
        (Some("GZIP;q=0.5"), &[Gzip, Identity]),
        (Some("br;q=0, gzip"), &[Gzip, Identity]),
        (Some("brotli, x-gzip"), &[Identity]),
    ] {
        assert_eq!(ContentEncoding::accepted(header).collect::<Vec<_>>(), expected, "{header:?}");
    }
}

#[test]
fn accept_keys_lead_to_the_same_formats() {
    let jpeg = source(SourceFormat::Jpeg, false, 1);
    let small = Transform { width: Side::parse(100).ok(), ..Transform::default() };
    for accept in [
        None,
        Some(""),
        Some("*/*"),
        Some("image/avif,image/webp,image/*;q=0.8"),
        Some("image/webp, image/avif;q=0"),
        Some("IMAGE/AVIF"),
    ] {
        for transform in [&small, &Transform::default()] {
            let direct = auto(accept, &jpeg, transform);
            assert_eq!(auto(accept_key(accept), &jpeg, transform), direct, "{accept:?}");
        }
    }
}

#[test]
fn webp_needs_to_be_named_with_a_weight() {
    let jpeg = source(SourceFormat::Jpeg, false, 1);
    for (accept, expected) in [
        (None, OutputFormat::Jpeg),
        (Some(""), OutputFormat::Jpeg),
        (Some("*/*"), OutputFormat::Jpeg),
        (Some("image/*"), OutputFormat::Jpeg),
        (Some("image/avif,image/webp,*/*;q=0.8"), OutputFormat::WebP),
        (Some("IMAGE/WEBP"), OutputFormat::WebP),
        (Some("image/webp;q=0.1"), OutputFormat::WebP),
        (Some("image/webp;q=0"), OutputFormat::Jpeg),
        (Some("image/webp; q=0.000 , */*"), OutputFormat::Jpeg),
        (Some("image/webp;q=x"), OutputFormat::Jpeg),
        (Some("image/webpx"), OutputFormat::Jpeg),
    ] {
        assert_eq!(auto(accept, &jpeg, &Transform::default()), expected, "{accept:?}");
    }
}

#[test]
fn avif_is_for_still_pictures_up_to_1200_pixels() {
    let accept = Some("image/avif,image/webp");
    let jpeg = source(SourceFormat::Jpeg, false, 1);
    let sized = |fit, width, height| {
        let side = |pixels: u64| (pixels > 0).then(|| Side::parse(pixels).expect("in range"));
        Transform { fit, width: side(width), height: side(height), ..Transform::default() }
    };
    for (transform, expected) in [
        (sized(Fit::ScaleDown, 1200, 1200), OutputFormat::Avif),
        (sized(Fit::ScaleDown, 1201, 10), OutputFormat::WebP),
        (sized(Fit::Contain, 750, 0), OutputFormat::Avif),
        (sized(Fit::Contain, 751, 0), OutputFormat::WebP),
        (sized(Fit::ScaleUp, 100, 100), OutputFormat::WebP),
        (sized(Fit::ScaleDown, 0, 0), OutputFormat::WebP),
    ] {
        assert_eq!(auto(accept, &jpeg, &transform), expected, "{transform:?}");
    }
    let moving = source(SourceFormat::Gif, true, 9);
    let mut small = sized(Fit::ScaleDown, 100, 100);
    assert_eq!(auto(accept, &moving, &small), OutputFormat::WebP);
    assert_eq!(auto(None, &moving, &small), OutputFormat::Gif);
    small.animation = Animation::FirstFrame;
    assert_eq!(auto(accept, &moving, &small), OutputFormat::Avif);
    assert_eq!(auto(None, &moving, &small), OutputFormat::Png);
}

#[test]
fn avif_is_up_to_1200_pixels_of_what_a_trim_leaves() {
    let source = |width, height| SourceInfo { width, height, ..source(SourceFormat::Png, false, 1) };
    let (small, large) = (source(200, 100), source(1600, 1000));
    for (source, options, expected) in [
        (&small, "fit=contain,trim.height=10,h=500", OutputFormat::WebP),
        (&small, "fit=contain,trim.height=10,h=60", OutputFormat::Avif),
        (&small, "fit=contain,trim.height=10,h=61", OutputFormat::WebP),
        // Turned by its metadata it may be 100 pixels wide, of which 5 are left.
        (&small, "fit=contain,trim.left=95,w=30", OutputFormat::Avif),
        (&small, "fit=contain,trim.left=95,w=31", OutputFormat::WebP),
        (&small, "fit=scale-down,trim.height=10,h=500", OutputFormat::Avif),
        (&small, "fit=contain,trim=border,h=500", OutputFormat::WebP),
        (&small, "fit=contain,trim=border,w=6", OutputFormat::Avif),
        (&small, "fit=contain,trim=border,w=7", OutputFormat::WebP),
        (&small, "fit=contain,trim=border,w=1200,h=1200", OutputFormat::Avif),
        (&small, "fit=scale-down,trim=border,h=500", OutputFormat::Avif),
        (&large, "fit=scale-down,trim=border,h=500", OutputFormat::WebP),
        (&large, "trim=border", OutputFormat::WebP),
        (&large, "trim.left=400,trim.top=400", OutputFormat::Avif),
        (&large, "trim.left=399,trim.top=400", OutputFormat::WebP),
    ] {
        let transform = Options::parse(options).expect("good options").transform;
        let chosen = auto(Some("image/avif,image/webp"), source, &transform);
        assert_eq!(chosen, expected, "{options}");
    }
}

#[test]
fn avif_is_for_the_side_that_a_picture_is_shown_with() {
    let camera =
        |turn| SourceInfo { width: 4000, height: 3000, turn, ..source(SourceFormat::Jpeg, false, 1) };
    let (avif, webp) = (OutputFormat::Avif, OutputFormat::WebP);
    for (options, upright, sideways, unknown) in [
        ("w=900", avif, avif, avif),
        ("w=901", avif, webp, webp),
        ("w=1200", avif, webp, webp),
        ("w=1201", webp, webp, webp),
        ("h=901", webp, avif, webp),
        ("w=1000,rotate=90", webp, avif, webp),
        ("w=1000,rotate=180", avif, webp, webp),
        ("w=1000,trim.left=1000", avif, webp, webp),
        ("w=1000,trim.left=2000", webp, webp, webp),
        ("w=1200,h=1200", avif, avif, avif),
    ] {
        let transform = Options::parse(options).expect("good options").transform;
        let chosen = [Turn::Upright, Turn::Sideways, Turn::Unknown]
            .map(|turn| auto(Some("image/avif,image/webp"), &camera(turn), &transform));
        assert_eq!(chosen, [upright, sideways, unknown], "{options}");
    }
}

#[test]
fn without_webp_transparency_survives() {
    for (format, alpha, expected) in [
        (SourceFormat::Jpeg, false, OutputFormat::Jpeg),
        (SourceFormat::Png, false, OutputFormat::Png),
        (SourceFormat::Gif, true, OutputFormat::Png),
        (SourceFormat::WebP, true, OutputFormat::Png),
        (SourceFormat::Avif, true, OutputFormat::Png),
        (SourceFormat::WebP, false, OutputFormat::Jpeg),
        (SourceFormat::Heic, false, OutputFormat::Jpeg),
    ] {
        assert_eq!(auto(None, &source(format, alpha, 1), &Transform::default()), expected);
    }
    let fast = Transform { compression: Compression::Fast, ..Transform::default() };
    let accept = Some("image/webp");
    assert_eq!(auto(accept, &source(SourceFormat::Png, false, 1), &fast), OutputFormat::Jpeg);
    assert_eq!(auto(accept, &source(SourceFormat::Png, true, 1), &fast), OutputFormat::WebP);
}

#[test]
fn svg_and_pixels_do_not_become_each_other() {
    let plain = Transform::default();
    let (svg, png) = (source(SourceFormat::Svg, true, 1), source(SourceFormat::Png, true, 1));
    let only = |format, source| output_format(FormatChoice::Only(format), None, source, &plain);
    assert_eq!(auto(Some("image/avif"), &svg, &plain), OutputFormat::Svg);
    assert_eq!(only(OutputFormat::Svg, &svg), Ok(OutputFormat::Svg));
    assert_eq!(only(OutputFormat::Json, &svg), Ok(OutputFormat::Json));
    assert_eq!(only(OutputFormat::Png, &svg), Err(FormatError::FromSvg));
    assert_eq!(only(OutputFormat::Svg, &png), Err(FormatError::ToSvg));
    assert_eq!(only(OutputFormat::Avif, &png), Ok(OutputFormat::Avif));
}
