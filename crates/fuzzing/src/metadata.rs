//! EXIF blocks in a sound JPEG: what the engine keeps, another reader can read.

use crate::Verdict;
use crate::render::LIMITS;
use exif::{In, Tag};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::{MetadataPolicy, Transform};
use safelight_pixels::{Source, probe, render};

/// A small grey JPEG with no metadata.
pub(crate) const PICTURE: &[u8] = include_bytes!("../../pixels/tests/golden/inputs/grey.jpg");

const MARK: &[u8] = b"Exif\0\0";

/// The block as that of a picture, rendered with each policy.
pub(crate) fn check(block: &[u8]) -> Verdict {
    let Some(file) = splice(block) else { return Verdict::Reject };
    for policy in MetadataPolicy::ALL {
        let transform = Transform { metadata: policy, ..Transform::default() };
        let source = Source { file: &file, overlays: &[] };
        let made = render(&source, &transform, OutputFormat::Jpeg, &LIMITS);
        let made = made.expect("whatever its EXIF says, the picture is sound");
        probe(&made.bytes, &LIMITS).expect("a sound rendition");
        judge(&made.bytes, policy);
    }
    Verdict::Keep
}

/// The picture with the block in an APP1 segment. `None` for a block that is too long for one.
fn splice(block: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(2 + MARK.len() + block.len()).ok()?;
    let (start, rest) = PICTURE.split_at(2);
    Some([start, &[0xFF, 0xE1], &length.to_be_bytes(), MARK, block, rest].concat())
}

fn judge(jpeg: &[u8], policy: MetadataPolicy) {
    let marked = jpeg.windows(MARK.len()).any(|window| window == MARK);
    if policy == MetadataPolicy::None {
        return assert!(!marked, "metadata=none keeps EXIF");
    }
    if !marked {
        return;
    }
    let read = exif::Reader::new().read_from_container(&mut std::io::Cursor::new(jpeg));
    let read = read.expect("EXIF of a rendition can be read");
    for field in read.fields() {
        // A picture that has been turned must not be turned again.
        assert!(field.tag != Tag::Orientation || field.value.get_uint(0) == Some(1), "{field:?}");
        assert_eq!(field.ifd_num, In::PRIMARY, "a thumbnail shows what was cut off");
        if policy == MetadataPolicy::Copyright {
            assert_eq!(field.tag, Tag::Copyright, "metadata=copyright keeps more");
        }
    }
}
