//! Files of each format, and levels, rendered as a worker renders them.

use crate::Verdict;
use crate::metadata::PICTURE;
use safelight_domain::image::{SourceFormat, SourceLimits};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Transform;
use safelight_pixels::{Rendered, Source, probe, render, render_level};

/// Small, since what a bent header may claim beyond this would only cost time.
pub(crate) const LIMITS: SourceLimits = SourceLimits { side: 2_000, area: 1_000_000 };

/// Bytes in front of the file: one chooses the output format, one the transform.
pub(crate) const PREFIX: usize = 2;

/// Texts of transforms that reach every step between them.
pub(crate) const TRANSFORMS: [&str; 16] = [
    "fit=scale-down,width=64",
    "fit=scale-down",
    "fit=scale-down,anim=false,metadata=keep",
    "fit=contain,height=90,sharpen=3",
    "fit=cover,width=40,height=30,gravity=auto",
    "fit=crop,width=50,height=50,gravity=0.2x0.9,rotate=90,flip=h",
    "fit=aspect-crop,width=30,height=31,gravity=face,zoom=0.5",
    "fit=pad,width=60,height=40,background=%23ff880080",
    "fit=squeeze,width=33,height=77,blur=10,rotate=270",
    "fit=scale-up,width=200,flip=v,rotate=180",
    "fit=scale-down,width=48,trim=border,trim.border.tolerance=30,trim.border.keep=1",
    "fit=scale-down,trim.left=3,trim.top=2,trim.width=20,trim.height=20",
    "fit=scale-down,width=30,saturation=0,brightness=1.4,contrast=0.6,gamma=2.2",
    "fit=scale-down,width=40,quality=100",
    "fit=scale-down,width=40,quality=30,compression=fast,metadata=keep,gamut=display-p3",
    "fit=scale-down,width=64,draw=image:x;width:0.5;height:20;opacity:0.5;repeat:true;composite:atop;rotate:90",
];

/// A file by its head alone.
pub(crate) fn check_head(file: &[u8]) -> Verdict {
    for limits in [LIMITS, SourceLimits::CLOUDFLARE] {
        if let Ok(info) = probe(file, &limits) {
            assert!(limits.allow(info.width, info.height), "{info:?}");
            assert!(info.frames >= 1, "{info:?}");
        }
    }
    Verdict::Keep
}

/// A file behind the bytes that choose. Files of other formats are not rendered.
pub(crate) fn check(wanted: SourceFormat, data: &[u8]) -> Verdict {
    let Some((format, transform, file)) = chosen(data) else { return Verdict::Reject };
    match probe(file, &LIMITS) {
        Ok(info) if info.format == wanted => {}
        _ => return Verdict::Reject,
    }
    let overlays = vec![file; transform.draw.len()];
    let source = Source { file, overlays: &overlays };
    if let Ok(rendered) = render(&source, &transform, format, &LIMITS) {
        judge(&rendered, format);
    }
    Verdict::Keep
}

/// A level behind the bytes that choose, with a sound picture to draw on it. It may be damaged in the store.
pub(crate) fn check_level(data: &[u8]) -> Verdict {
    let Some((format, transform, file)) = chosen(data) else { return Verdict::Reject };
    let overlays = vec![PICTURE; transform.draw.len()];
    let source = Source { file, overlays: &overlays };
    if let Ok(rendered) = render_level(&source, &transform, format, &LIMITS) {
        judge(&rendered, format);
    }
    Verdict::Keep
}

/// What the first bytes choose, and the file behind them.
fn chosen(data: &[u8]) -> Option<(OutputFormat, Transform, &[u8])> {
    let ([format, transform], file) = data.split_first_chunk::<PREFIX>()?;
    let transform = Transform::from_canonical(choose(&TRANSFORMS, *transform));
    Some((choose(&OutputFormat::ALL, *format), transform.expect("the transforms above are sound"), file))
}

fn choose<T: Copy>(all: &[T], byte: u8) -> T {
    all[usize::from(byte) % all.len()]
}

/// A rendition has the size that it says, in the format that was asked for.
fn judge(rendered: &Rendered, format: OutputFormat) {
    let (width, height) = (rendered.width, rendered.height);
    if format == OutputFormat::Json {
        assert!(rendered.bytes.starts_with(b"{") && rendered.bytes.ends_with(b"}"));
        return;
    }
    if format == OutputFormat::Svg {
        return crate::svg::judge(&rendered.bytes);
    }
    assert!(LIMITS.allow(width, height), "{width}x{height}");
    // Frames count towards the area of an animation, so a sound one may pass the small limits.
    let info = probe(&rendered.bytes, &SourceLimits::CLOUDFLARE);
    let info = info.unwrap_or_else(|fault| panic!("{} {width}x{height}: {fault}", format.as_str()));
    assert_eq!(info.format.media_type(), format.media_type());
    assert_eq!((info.width, info.height), (width, height));
}
