//! What `docs/compatibility.md` says of the engine, of parts of forms, and of limits, where no other
//! test asks for it by a request. Each test has the number of its row there.

use crate::delivery_errors::originals;
use crate::test_app::{Answer, TestApp, png};
use axum::body::Body;
use http::{Method, Request, header};
use serde_json::{Value, json};

/// A small file of the engine's own tests.
macro_rules! input {
    ($name:literal) => {
        &include_bytes!(concat!("../../../pixels/tests/golden/inputs/", $name))[..]
    };
}

const SAMPLE: &[u8] = include_bytes!("../../assets/sample.jpg");

/// An app with options in URLs.
pub(crate) async fn flexible() -> TestApp {
    let app = TestApp::new().await;
    app.call(Method::PATCH, "~/v1/config", Some(json!({"flexible_variants": true}))).await.result();
    app
}

pub(crate) async fn id_of(app: &TestApp, file: &[u8]) -> String {
    app.upload(file, &[]).await.result()["id"].as_str().expect("an id").to_owned()
}

/// The image with these options and request headers.
pub(crate) async fn with_headers(app: &TestApp, id: &str, options: &str, headers: &[(&str, &str)]) -> Answer {
    let answer = app.fetch(Method::GET, &app.target(id, options), headers).await;
    assert_eq!(answer.status, 200, "{options}: {}", answer.text());
    answer
}

pub(crate) async fn got(app: &TestApp, id: &str, options: &str) -> Answer {
    with_headers(app, id, options, &[]).await
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The marker of a JPEG's frame: 0xC0 is baseline, 0xC2 progressive.
fn frame_marker(jpeg: &[u8]) -> u8 {
    let mut at = 2;
    loop {
        let marker = jpeg[at + 1];
        if matches!(marker, 0xC0..=0xC2) {
            return marker;
        }
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
}

/// A GIF with a canvas of that size and so many frames of one pixel.
fn gif(width: u16, height: u16, frames: usize) -> Vec<u8> {
    let mut file = b"GIF89a".to_vec();
    file.extend(width.to_le_bytes());
    file.extend(height.to_le_bytes());
    file.extend(b"\x80\0\0\0\0\0\xFF\xFF\xFF");
    for _ in 0..frames {
        file.extend(b"\x21\xF9\x04\0\x0A\0\0\0\x2C\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0");
    }
    file.push(0x3B);
    file
}

/// Rows 10 and 11.
#[tokio::test]
async fn avif_then_webp_then_the_sources_kind() {
    let app = flexible().await;
    let (small, wide) = (id_of(&app, &png(40, 30, [9; 4])).await, id_of(&app, &png(1300, 2, [9; 4])).await);
    let (photo, moving) = (id_of(&app, SAMPLE).await, id_of(&app, input!("moving-alpha.gif")).await);
    let all = "image/avif,image/webp,*/*";
    for (id, options, accept, kind) in [
        (&small, "public", all, "image/avif"),
        (&small, "public", "image/webp,*/*", "image/webp"),
        (&small, "public", "*/*", "image/png"),
        (&small, "f=auto", all, "image/avif"),
        (&photo, "w=60", all, "image/avif"),
        (&photo, "w=60", "image/*", "image/jpeg"),
        (&moving, "public", "image/webp", "image/webp"),
        (&moving, "public", "*/*", "image/gif"),
        (&wide, "w=1200,h=1200", all, "image/avif"),
        (&wide, "w=1201,h=1200", all, "image/webp"),
        (&wide, "w=1201,h=1200", "image/avif", "image/png"),
    ] {
        let answer = with_headers(&app, id, options, &[("accept", accept)]).await;
        assert_eq!(answer.header("content-type"), Some(kind), "{options} {accept}");
        assert_eq!(answer.header("vary"), Some("Accept"));
    }
}

/// Row 12: the two sizes count by area.
#[tokio::test]
async fn jpegs_are_progressive_between_two_sizes() {
    let app = flexible().await;
    let id = id_of(&app, &png(1, 1, [9, 9, 9, 255])).await;
    for (size, format, marker) in [
        ("w=50,h=50", "jpeg", 0xC2),
        ("w=49,h=50", "jpeg", 0xC0),
        ("w=3000,h=3000", "jpeg", 0xC2),
        ("w=3001,h=3000", "jpeg", 0xC0),
        ("w=50,h=50", "baseline-jpeg", 0xC0),
    ] {
        let answer = got(&app, &id, &format!("{size},fit=squeeze,f={format}")).await;
        assert_eq!(answer.header("content-type"), Some("image/jpeg"));
        assert_eq!(frame_marker(&answer.body), marker, "{size} {format}");
    }
}

/// Row 13.
#[tokio::test]
async fn a_webp_of_quality_100_is_lossless() {
    let app = flexible().await;
    let id = id_of(&app, SAMPLE).await;
    let pixels = got(&app, &id, "w=64,f=png").await.body;
    for (quality, chunk, same) in [(100, b"VP8L", true), (99, b"VP8 ", false)] {
        let webp = got(&app, &id, &format!("w=64,f=webp,q={quality}")).await.body;
        assert!(contains(&webp[..32], chunk), "{quality}");
        let again = id_of(&app, &webp).await;
        assert_eq!(got(&app, &again, "f=png").await.body == pixels, same, "{quality}");
    }
}

/// Row 24.
#[tokio::test]
async fn animations_move_unless_told_otherwise() {
    let app = flexible().await;
    for (file, format) in [
        (input!("moving-alpha.webp"), "webp"),
        (input!("moving-alpha.png"), "gif"),
        (input!("moving-alpha.gif"), "gif"),
    ] {
        let id = id_of(&app, file).await;
        let told = got(&app, &id, "f=json").await.json()["frames"].clone();
        assert!(told.as_u64().is_some_and(|frames| frames > 1), "{told}");
        assert_eq!(got(&app, &id, "f=json,anim=false").await.json().get("frames"), None);
        for (anim, frames) in [("", &told), (",anim=true", &told), (",anim=false", &json!(1))] {
            let made = got(&app, &id, &format!("w=20,f={format}{anim}")).await;
            assert_eq!(made.header("content-type"), Some(format!("image/{format}").as_str()));
            let again = id_of(&app, &made.body).await;
            assert_eq!(got(&app, &again, "f=json").await.json()["frames"], *frames, "{format}{anim}");
        }
    }
}

/// Row 25: 60 megapixels in two frames. Cloudflare sends such a file as it is.
#[tokio::test]
async fn animations_of_50_to_100_megapixels_are_transformed() {
    let app = flexible().await;
    let file = gif(6000, 5000, 2);
    let id = id_of(&app, &file).await;
    let made = got(&app, &id, "w=12,f=gif").await;
    assert!(made.header("cf-resized").is_some_and(|text| text.starts_with("internal=ok/m ")));
    assert_eq!(&made.body[6..10], [12, 0, 10, 0]);
    app.upload(&gif(6000, 5000, 4), &[]).await.refused(400, 5443);
}

/// Row 26.
#[tokio::test]
async fn orientation_is_applied_whatever_metadata_says() {
    let app = flexible().await;
    for file in [
        input!("orientation-1.jpg"),
        input!("orientation-3.jpg"),
        input!("orientation-5.jpg"),
        input!("orientation-6.jpg"),
        input!("orientation-7.jpg"),
        input!("orientation-8.jpg"),
    ] {
        let id = id_of(&app, file).await;
        for metadata in ["keep", "copyright", "none"] {
            let jpeg = got(&app, &id, &format!("f=jpeg,q=100,metadata={metadata}")).await.body;
            // Whoever reads what was made does not turn it again.
            let again = id_of(&app, &jpeg).await;
            let (size, pixels) = crate::transforms::decoded(&got(&app, &again, "f=png").await.body);
            assert_eq!(size, (48, 32));
            let [r, g, b] = [pixels[0], pixels[1], pixels[2]];
            assert!(r > 170 && g < 60 && b < 80, "the red corner is at the top left: {r} {g} {b}");
        }
    }
}

/// Row 27.
#[tokio::test]
async fn colour_profiles_are_applied_whatever_metadata_says() {
    let app = flexible().await;
    let id = id_of(&app, input!("display-p3.jpg")).await;
    for metadata in ["keep", "none"] {
        let made = got(&app, &id, &format!("f=png,metadata={metadata}")).await.body;
        let (_, pixels) = crate::transforms::decoded(&made);
        // As it is stored, this corner is 200, 30, 40.
        assert!(pixels[0] > 212 && pixels[1] < 12, "{:?}", &pixels[..3]);
        assert!(!contains(&made, b"iCCP"));
    }
}

/// A JPEG whose EXIF block names an artist, a copyright and the day of a GPS fix.
fn with_exif() -> Vec<u8> {
    let mut block = b"Exif\0\0II*\0\x08\0\0\0\x03\0".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    // The three entries end at byte 50 of the TIFF, the texts follow.
    block.extend(entry(0x013B, 2, 7, 50));
    block.extend(entry(0x8298, 2, 7, 58));
    block.extend(entry(0x8825, 4, 1, 66));
    block.extend(b"\0\0\0\0ARTIST\0\0RIGHTS\0\0\x01\0");
    block.extend(entry(0x001D, 2, 11, 84));
    block.extend(b"\0\0\0\x002020:01:02\0\0");
    let length = u16::try_from(block.len() + 2).expect("short").to_be_bytes();
    [&SAMPLE[..2], &[0xFF, 0xE1], &length, &block, &SAMPLE[2..]].concat()
}

/// Row 28.
#[tokio::test]
async fn metadata_is_kept_by_policy_in_jpegs_alone() {
    let app = flexible().await;
    let id = id_of(&app, &with_exif()).await;
    for (options, expected) in [
        ("f=jpeg", [false, true, false]),
        ("f=jpeg,metadata=copyright", [false, true, false]),
        ("f=jpeg,metadata=keep", [true, true, true]),
        ("f=jpeg,metadata=none", [false; 3]),
        ("f=png,metadata=keep", [false; 3]),
        ("f=webp,metadata=keep", [false; 3]),
        ("f=avif,metadata=keep", [false; 3]),
    ] {
        let made = got(&app, &id, &format!("w=20,{options}")).await.body;
        let kept = [&b"ARTIST"[..], b"RIGHTS", b"2020:01:02"].map(|text| contains(&made, text));
        assert_eq!(kept, expected, "{options}");
    }
    let blob = app.call(Method::GET, &format!("~/v1/{id}/blob"), None).await;
    assert!(contains(&blob.body, b"2020:01:02"), "the original keeps its own");
}

/// Row 30, with the limit that is set unless told otherwise.
#[tokio::test]
async fn an_upload_has_at_most_ten_megabytes() {
    let app = TestApp::with(|config| config.max_upload_bytes = 10_000_000).await;
    let mut file = png(1, 1, [0; 4]);
    for (bytes, good) in [(10_000_000, true), (10_000_001, false)] {
        file.resize(bytes, 0);
        let answer = app.upload(&file, &[]).await;
        if good {
            answer.result();
        } else {
            answer.refused(413, 7011);
        }
    }
}

/// Row 31: what is allowed; what is not is refused in `images` and `delivery_errors`.
#[tokio::test]
async fn sides_of_12000_pixels_are_taken_and_made() {
    let app = flexible().await;
    let id = id_of(&app, &png(12_000, 1, [9, 9, 9, 255])).await;
    let told = got(&app, &id, "f=json").await.json();
    assert_eq!(told["original"]["width"], 12_000);
    let made = got(&app, &id, "w=12000,h=1,fit=contain,f=png").await.body;
    assert_eq!(crate::transforms::decoded(&made).0, (12_000, 1));
}

/// Rows 33 and 34.
#[tokio::test]
async fn heic_avif_and_more_are_taken() {
    let app = flexible().await;
    for (file, kind) in [
        (input!("plain.heic"), "image/heic"),
        (input!("ten-bit.heic"), "image/heic"),
        (input!("420.avif"), "image/avif"),
        (input!("lossy.jxl"), "image/jxl"),
        (input!("rgb.bmp"), "image/bmp"),
        (input!("cmyk.tiff"), "image/tiff"),
    ] {
        let id = id_of(&app, file).await;
        let made = got(&app, &id, "w=24,f=png").await.body;
        assert_eq!(crate::transforms::decoded(&made).0, (24, 16), "{kind}");
        assert_eq!(got(&app, &id, "f=json").await.json()["original"]["format"], kind);
    }
}

/// Rows 59 and 60: parts as Terraform sends them, and an empty creator.
#[tokio::test]
async fn metadata_may_be_a_part_of_json() {
    let app = TestApp::new().await;
    let head = "--b\r\nContent-Disposition: form-data; name=";
    let mut body = format!(
        "{head}\"metadata\"\r\nContent-Type: application/json\r\n\r\n{{\"k\":[1]}}\r\n{head}\"creator\"\r\n\r\n\r\n\
         {head}\"file\"; filename=\"upload.png\"\r\nContent-Type: image/png\r\n\r\n"
    )
    .into_bytes();
    body.extend(png(1, 1, [0; 4]));
    body.extend(b"\r\n--b--\r\n");
    let request = Request::post(format!("/client/v4/accounts/{}/images/v1", app.account.id.as_str()))
        .header(header::AUTHORIZATION, format!("Bearer {}", app.token))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
    let image = app.send(request.body(Body::from(body)).expect("a request")).await.result();
    assert_eq!((&image["meta"], &image["creator"]), (&json!({"k": [1]}), &Value::Null));
    let listed = app.call(Method::GET, "~/v2?creator=", None).await.result();
    assert_eq!(listed["images"], json!([image]));
}

/// 429, 5429: requests for more batch tokens than an account may have.
#[tokio::test]
async fn batch_tokens_are_bounded() {
    let app = TestApp::new().await;
    for _ in 0..safelight::catalog::MAX_BATCH_TOKENS {
        app.call(Method::GET, "~/v1/batch_token", None).await.result();
    }
    let text = app.call(Method::GET, "~/v1/batch_token", None).await.refused(429, 5429);
    assert!(text.contains("at most 1000 batch tokens"), "{text}");
}

/// 500, 5500: an original that the disk does not give.
#[tokio::test]
async fn faults_of_the_server_tell_nothing() {
    let app = TestApp::new().await;
    let id = app.uploaded(&[]).await;
    let [file] = &originals(&app)[..] else { panic!("one original") };
    std::fs::remove_file(file).expect("it is there");
    // A link to itself cannot be read.
    std::os::unix::fs::symlink(file, file).expect("made");
    let text = app.call(Method::GET, &format!("~/v1/{id}/blob"), None).await.refused(500, 5500);
    assert_eq!(text, "Internal server error");
}
