//! The options of transformations as `docs/compatibility.md` has them, from upload to pixels. Each test
//! has the number of its row there.

use crate::compatibility::{flexible, got, id_of, with_headers};
use crate::test_app::{TestApp, png};
use http::Method;
use serde_json::json;

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

/// Size and pixels, four samples each, of a PNG.
pub(crate) fn decoded(file: &[u8]) -> ((u32, u32), Vec<u8>) {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut pixels).expect("pixels");
    let pixels = match info.color_type.samples() {
        2 => pixels.as_chunks::<2>().0.iter().flat_map(|&[luma, alpha]| [luma, luma, luma, alpha]).collect(),
        _ => pixels,
    };
    ((info.width, info.height), pixels)
}

/// A PNG whose pixels are made of column and row.
fn drawn(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a header");
    let pixels: Vec<u8> = (0..width * height).flat_map(|n| pixel(n % width, n / width)).collect();
    writer.write_image_data(&pixels).expect("pixels");
    writer.finish().expect("an end");
    file
}

/// Size and pixels with the options, as a PNG.
async fn made(app: &TestApp, id: &str, options: &str) -> ((u32, u32), Vec<u8>) {
    decoded(&got(app, id, &format!("{options},f=png")).await.body)
}

/// The first pixel's colour.
async fn first(app: &TestApp, id: &str, options: &str) -> [u8; 3] {
    let (_, pixels) = made(app, id, options).await;
    [pixels[0], pixels[1], pixels[2]]
}

/// Row 83.
#[tokio::test]
async fn short_names_are_the_long_ones() {
    let app = flexible().await;
    let id = app.uploaded(&[]).await;
    let long = "width=20,height=20,fit=cover,format=jpeg,quality=50,gravity=face,zoom=0.5";
    let tag = async |options: &str| {
        let answer = with_headers(&app, &id, options, &[("save-data", "on")]).await;
        answer.header("etag").expect("a tag").to_owned()
    };
    assert_eq!(tag(long).await, tag("w=20,h=20,fit=cover,f=jpeg,q=50,g=face,face-zoom=0.5").await);
    let slow = tag(&format!("{long},slow-connection-quality=10")).await;
    assert_eq!(slow, tag(&format!("{long},scq=10")).await);
    assert_ne!(slow, tag(long).await);
}

/// Rows 85, 86 and 87.
#[tokio::test]
async fn sizes_by_fit() {
    let app = flexible().await;
    let small = id_of(&app, &png(100, 50, [9, 9, 9, 255])).await;
    let wide = id_of(&app, &png(1080, 720, [9, 9, 9, 255])).await;
    let square = id_of(&app, &png(612, 613, [9, 9, 9, 255])).await;
    for (id, options, size) in [
        (&small, "w=200", (100, 50)),
        (&small, "w=200,h=20", (40, 20)),
        (&wide, "w=500,h=500", (500, 333)),
        (&wide, "fit=contain,w=500,h=500", (500, 333)),
        (&small, "fit=contain,w=200", (200, 100)),
        (&wide, "fit=crop,w=1296,h=1296", (1080, 720)),
        (&square, "fit=aspect-crop,w=1920,h=1120", (612, 357)),
        (&square, "fit=crop,w=1920,h=1120", (612, 613)),
        (&wide, "fit=crop,w=30,h=30", (30, 30)),
        (&small, "fit=cover,w=300,h=300", (300, 300)),
        (&small, "fit=cover,w=20", (20, 10)),
        (&small, "fit=pad,w=30,h=30", (30, 30)),
        (&small, "fit=squeeze,w=30,h=30", (30, 30)),
        (&small, "fit=scale-up,w=30", (100, 50)),
        (&small, "fit=scale-up,w=300", (300, 150)),
    ] {
        assert_eq!(made(&app, id, options).await.0, size, "{options}");
    }
    assert_eq!(first(&app, &small, "fit=pad,w=30,h=30").await, [255; 3], "white above the picture");
    let warned = got(&app, &small, "fit=cover,w=20,f=png").await;
    assert!(warned.header("warning").is_some_and(|text| text.contains("needs both width and height")));
}

/// Row 88.
#[tokio::test]
async fn a_point_of_gravity_takes_its_share_of_what_is_cut() {
    let app = flexible().await;
    let column = |x: u32, _: u32| [(x / 4) as u8; 3];
    let id = id_of(&app, &drawn(900, 9, column)).await;
    for (gravity, start) in
        [("", 300), (",g=0.33x0.5", 198), (",g=0x1", 0), (",g=left", 0), (",g=right", 600), (",g=1x0", 600)]
    {
        let found = first(&app, &id, &format!("fit=cover,w=300,h=9{gravity}")).await;
        assert_eq!(found, column(start, 0), "{gravity}");
    }
}

/// A face as children draw one, on a square with sides from -1 to 1.
fn face(u: f64, v: f64) -> f64 {
    let blob =
        |cx: f64, cy: f64, rx: f64, ry: f64| (-((u - cx) / rx).powi(2) - ((v - cy) / ry).powi(2)).exp();
    let skin = 1.0 / (1.0 + (((u / 0.72).powi(2) + (v / 0.95).powi(2) - 1.0) * 14.0).exp());
    let features = [-1.0, 1.0].map(|side| {
        25.0 * blob(0.42 * side, 0.18, 0.22, 0.22)
            - 90.0 * blob(0.32 * side, -0.18, 0.16, 0.09)
            - 60.0 * blob(0.32 * side, -0.40, 0.24, 0.07)
            - 30.0 * blob(0.12 * side, 0.24, 0.07, 0.06)
    });
    let middle = 20.0 * blob(0.0, 0.05, 0.08, 0.25) - 80.0 * blob(0.0, 0.52, 0.30, 0.09);
    60.0 + (130.0 + features[0] + features[1] + middle) * skin
}

/// Row 89.
#[tokio::test]
async fn gravity_finds_what_stands_out_and_faces() {
    let app = flexible().await;
    let spot = drawn(300, 100, |x, y| match (230..270).contains(&x) && (30..70).contains(&y) {
        true => [220, 30, 30],
        false => [80; 3],
    });
    let spot = id_of(&app, &spot).await;
    let portrait = drawn(600, 200, |x, y| match (450..540).contains(&x) && (50..140).contains(&y) {
        true => {
            [face(f64::from(x - 450) / 45.0 - 1.0, f64::from(y - 50) / 45.0 - 1.0).clamp(0.0, 255.0) as u8; 3]
        }
        false => [80; 3],
    });
    let portrait = id_of(&app, &portrait).await;
    let square = async |id: &str, rest: &str| made(&app, id, &format!("fit=cover,w=100,h=100{rest}")).await.1;
    let varies = |pixels: &[u8]| pixels.as_chunks::<4>().0.iter().any(|pixel| pixel[0].abs_diff(80) > 20);

    assert!(
        !varies(&square(&spot, "").await) && !varies(&square(&portrait, "").await),
        "the centre is empty"
    );
    assert!(varies(&square(&spot, ",g=auto").await));
    assert!(square(&spot, ",g=face").await == square(&spot, "").await, "without a face it is the centre");
    let loose = square(&portrait, ",g=face").await;
    assert!(varies(&loose));
    assert!(square(&portrait, ",g=face,zoom=0").await == loose);
    assert!(square(&portrait, ",g=face,zoom=1").await != loose);
}

/// Row 90.
#[tokio::test]
async fn dpr_multiplies_sizes_and_trims() {
    let app = flexible().await;
    let id = app.uploaded(&[]).await;
    for (options, size) in [
        ("w=10,dpr=2", (20, 15)),
        ("w=10,h=10,fit=squeeze,dpr=1.5", (15, 15)),
        ("trim=5;5;5;5,dpr=2", (20, 10)),
        ("trim=5;5;5;5", (30, 20)),
    ] {
        assert_eq!(made(&app, &id, options).await.0, size, "{options}");
    }
}

/// Row 91, and the tolerance: how far a sample may be from the border's colour.
#[tokio::test]
async fn every_form_of_trim() {
    let app = flexible().await;
    // A white frame of 3 pixels, in it one of 2 that is nearly white.
    let id = id_of(
        &app,
        &drawn(40, 30, |x, y| match x.min(39 - x).min(y).min(29 - y) {
            0..3 => [255; 3],
            3..5 => [250; 3],
            _ => [10, 20, 200],
        }),
    )
    .await;
    for (options, size) in [
        ("trim=1;2;3;4", (34, 26)),
        ("trim.top=1,trim.right=2,trim.bottom=3,trim.left=4", (34, 26)),
        ("trim.left=4,trim.top=1,trim.width=10,trim.height=5", (10, 5)),
        ("trim=border", (30, 20)),
        ("trim=border,trim.border.tolerance=0", (34, 24)),
        ("trim=border,trim.border.tolerance=255", (40, 30)),
        ("trim=border,trim.border.keep=2", (34, 24)),
        ("trim=border,trim.border.color=red", (40, 30)),
        ("trim=border,trim.border.color=white", (30, 20)),
    ] {
        assert_eq!(made(&app, &id, options).await.0, size, "{options}");
    }
}

/// Row 92.
#[tokio::test]
async fn flip_comes_before_rotate_and_rotate_before_the_sizes() {
    let app = flexible().await;
    let (a, b, c, d) = ([255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]);
    let corners = drawn(40, 20, |x, y| [[a, b], [c, d]][usize::from(y >= 10)][usize::from(x >= 20)]);
    let id = id_of(&app, &corners).await;
    for (options, corner, size) in [
        ("flip=h", b, (40, 20)),
        ("flip=v", c, (40, 20)),
        ("flip=hv", d, (40, 20)),
        ("rotate=90", c, (20, 40)),
        ("rotate=180", d, (40, 20)),
        ("rotate=270", b, (20, 40)),
        ("rotate=90,flip=h", d, (20, 40)),
        ("rotate=90,w=10", c, (10, 20)),
        ("trim=0;0;10;0,rotate=90", a, (10, 40)),
    ] {
        let (found, pixels) = made(&app, &id, options).await;
        assert_eq!((found, &pixels[..3]), (size, &corner[..]), "{options}");
    }
}

/// Row 93.
#[tokio::test]
async fn blur_and_sharpen_have_their_ranges() {
    let app = flexible().await;
    let edge = drawn(40, 30, |x, _| if x < 20 { [100; 3] } else { [150; 3] });
    let id = id_of(&app, &edge).await;
    let (_, plain) = made(&app, &id, "w=40").await;
    for (options, changes) in [
        ("blur=0", false),
        ("blur=1.5", true),
        ("blur=250", true),
        ("sharpen=0", false),
        ("sharpen=1", true),
        ("sharpen=10", true),
    ] {
        assert_eq!(made(&app, &id, options).await.1 != plain, changes, "{options}");
    }
    for options in ["blur=250.1", "blur=-1", "sharpen=10.1", "sharpen=x"] {
        app.get(&app.target(&id, options)).await.error(400, 9401);
    }
}

/// Rows 94 and 95: a gamma below 1 is darker.
#[tokio::test]
async fn zero_is_ignored_but_for_saturation_and_a_low_gamma_is_dark() {
    let app = flexible().await;
    let id = app.uploaded(&[]).await;
    let plain = first(&app, &id, "w=40").await;
    for option in ["brightness", "contrast", "gamma"] {
        for value in [0, 1] {
            assert_eq!(first(&app, &id, &format!("{option}={value}")).await, plain, "{option}");
        }
        app.get(&app.target(&id, &format!("{option}=256"))).await.error(400, 9401);
    }
    let [r, g, b] = first(&app, &id, "saturation=0").await;
    assert!(r == g && g == b && r > plain[1] && r < plain[0], "{r} {g} {b}");
    assert_eq!(first(&app, &id, "saturation=1").await, plain);
    for (option, lighter) in
        [("gamma=0.5", false), ("gamma=2", true), ("brightness=0.5", false), ("brightness=1.2", true)]
    {
        assert_eq!(first(&app, &id, option).await[0] > plain[0], lighter, "{option}");
        assert_ne!(first(&app, &id, option).await, plain, "{option}");
    }
}

/// Row 96.
#[tokio::test]
async fn words_of_quality_go_from_high_to_low() {
    let app = flexible().await;
    let id = id_of(&app, SAMPLE).await;
    for format in ["jpeg", "webp", "avif"] {
        let mut sizes = Vec::new();
        for quality in ["high", "medium-high", "medium-low", "low"] {
            sizes.push(got(&app, &id, &format!("w=300,f={format},q={quality}")).await.body.len());
        }
        assert!(sizes.is_sorted_by(|more, less| more > less), "{format}: {sizes:?}");
        let usual = got(&app, &id, &format!("w=300,f={format}")).await.body;
        assert_eq!(got(&app, &id, &format!("w=300,f={format},q=85")).await.body, usual, "{format}");
    }
    app.get(&app.target(&id, "q=best")).await.error(400, 9401);
}

/// Row 97.
#[tokio::test]
async fn slow_connections_have_their_thresholds() {
    let app = flexible().await;
    let id = id_of(&app, SAMPLE).await;
    let length = async |headers: &[(&str, &str)]| {
        with_headers(&app, &id, "w=100,f=jpeg,q=90,scq=10", headers).await.body.len()
    };
    let fast = length(&[]).await;
    for (name, value, slow) in [
        ("rtt", "151", true),
        ("rtt", "150", false),
        ("save-data", "on", true),
        ("save-data", "off", false),
        ("ect", "slow-2g", true),
        ("ect", "2g", true),
        ("ect", "3g", true),
        ("ect", "4g", false),
        ("downlink", "4.9", true),
        ("downlink", "5", false),
    ] {
        assert_eq!(length(&[(name, value)]).await < fast, slow, "{name}: {value}");
    }
}

/// Row 98.
#[tokio::test]
async fn width_auto_has_four_widths() {
    let app = flexible().await;
    let id = id_of(&app, &png(1300, 13, [9, 9, 9, 255])).await;
    for (headers, width) in [
        (&[][..], 1200),
        (&[("sec-ch-ua-mobile", "?1")], 768),
        (&[("user-agent", "Mozilla/5.0 (iPhone) Mobile/15E148")], 768),
        (&[("sec-ch-viewport-width", "300")], 320),
        (&[("sec-ch-viewport-width", "321")], 768),
        (&[("sec-ch-viewport-width", "900")], 960),
        (&[("sec-ch-viewport-width", "2000")], 1200),
        (&[("sec-ch-viewport-width", "400"), ("sec-ch-dpr", "2")], 960),
    ] {
        let answer = with_headers(&app, &id, "w=auto,f=png", headers).await;
        assert_eq!(decoded(&answer.body).0.0, width, "{headers:?}");
    }
}

/// Row 100: what needs a model is refused.
#[tokio::test]
async fn options_that_need_a_model_are_refused() {
    let app = flexible().await;
    let id = app.uploaded(&[]).await;
    for options in ["segment=foreground", "upscale=generate"] {
        let answer = app.get(&app.target(&id, options)).await;
        assert!(answer.text().contains("no model"), "{}", answer.text());
        answer.error(400, 9401);
    }
    assert_eq!(made(&app, &id, "w=80,fit=contain,upscale=interpolate").await.0, (80, 60));
}

/// Row 101: overlays of named variants; in URLs Cloudflare has none either.
#[tokio::test]
async fn overlays_lie_where_they_are_told() {
    let app = flexible().await;
    app.upload(&png(4, 4, [0, 200, 0, 255]), &[("id", "mark")]).await.result();
    let options = json!({"draw": [{"image": "mark", "right": 2, "bottom": 3}]});
    app.call(Method::POST, "~/v1/variants", Some(json!({"id": "marked", "options": options}))).await.result();
    let id = app.uploaded(&[]).await;
    let answer = with_headers(&app, &id, "marked", &[("accept", "image/png")]).await;
    let ((width, height), pixels) = decoded(&answer.body);
    assert_eq!((width, height), (40, 30));
    for (number, pixel) in (0..).zip(pixels.as_chunks::<4>().0) {
        let (x, y) = (number % width, number / width);
        let green = (34..38).contains(&x) && (23..27).contains(&y);
        assert_eq!(pixel[..3], if green { [0, 200, 0] } else { [200, 30, 30] }, "{x} {y}");
    }
    app.get(&app.target(&id, "draw=image:mark")).await.error(400, 9401);
}
