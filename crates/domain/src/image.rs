//! Images: their names, who may see them, and what their bytes turned out to be.

use crate::account::AccountId;
use crate::hex;
use std::sync::Arc;
use thiserror::Error;

/// The name of an image within its account: a generated UUID-like text or a custom id. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageId(Arc<str>);

/// Words that stand at the place of an image id in the management API.
const RESERVED_IDS: [&str; 6] = ["keys", "variants", "stats", "config", "batch_token", "direct_upload"];

/// Extensions that Cloudflare refuses in custom ids because they name something else than an
/// image it serves (`.bmp`, `.txt` and `.html` observed; the rest of the list is ours).
const REFUSED_EXTENSIONS: [&str; 22] = [
    "bmp", "css", "csv", "doc", "docx", "exe", "gz", "htm", "html", "js", "json", "md", "mjs", "mp3", "mp4",
    "pdf", "php", "tar", "txt", "wasm", "xml", "zip",
];

/// Why a text cannot be a custom image id (error 5411). The texts for UUIDs and extensions are
/// Cloudflare's own, the others follow them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CustomIdError {
    /// Empty, or longer than [`ImageId::MAX_CHARS`].
    #[error("Must have 1 to 1024 characters")]
    Length,
    /// Shaped like a generated id.
    #[error("Must not be UUID")]
    Uuid,
    /// A slash at either end or two in a row.
    #[error("Must not start or end with '/' or contain an empty segment")]
    Slash,
    /// Browsers remove such segments before they send a request.
    #[error("Must not have '.' or '..' as a segment, since browsers cannot request it")]
    DotSegment,
    /// Browsers and logs mangle them.
    #[error("Must not contain control characters")]
    Control,
    /// See [`ImageId::custom`].
    #[error("Must not use a non-image file name extension")]
    Extension,
    /// The management API has a route of that name.
    #[error("First segment must not be one of keys, variants, stats, config, batch_token, direct_upload")]
    Reserved,
    /// Where slashes are not encoded, that is the route of another image's original.
    #[error("Must not end with '/blob'")]
    Blob,
}

impl ImageId {
    /// Longest custom id, in Unicode scalar values (Cloudflare's limit).
    pub const MAX_CHARS: usize = 1024;

    /// A generated id: 16 random bytes in the textual form of a version 4 UUID.
    pub fn from_random(mut bytes: [u8; 16]) -> ImageId {
        bytes[6] = (bytes[6] & 0x0F) | 0x40;
        bytes[8] = (bytes[8] & 0x3F) | 0x80;
        let hex = hex::digits(&bytes);
        let [a, b, c, d, e] = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        ImageId(format!("{a}-{b}-{c}-{d}-{e}").into())
    }

    /// Parses an id chosen by the uploader.
    pub fn custom(text: &str) -> Result<ImageId, CustomIdError> {
        let chars = text.chars().count();
        if chars == 0 || chars > Self::MAX_CHARS {
            return Err(CustomIdError::Length);
        }
        if is_uuid(text) {
            return Err(CustomIdError::Uuid);
        }
        if text.chars().any(char::is_control) {
            return Err(CustomIdError::Control);
        }
        if text.split('/').any(str::is_empty) {
            return Err(CustomIdError::Slash);
        }
        if text.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(CustomIdError::DotSegment);
        }
        let last = text.rsplit('/').next().unwrap_or(text);
        if let Some((_, extension)) = last.rsplit_once('.')
            && REFUSED_EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str())
        {
            return Err(CustomIdError::Extension);
        }
        // Also before a slash: `keys/default` would name the signing key where it is not encoded.
        let first = text.split('/').next().unwrap_or(text);
        if RESERVED_IDS.contains(&first) {
            return Err(CustomIdError::Reserved);
        }
        if text.ends_with("/blob") {
            return Err(CustomIdError::Blob);
        }
        Ok(ImageId(text.into()))
    }

    /// Parses an id that an image has on another server: a generated or a custom one.
    pub fn of_other_server(text: &str) -> Result<ImageId, CustomIdError> {
        if is_uuid(text) { Ok(ImageId(text.into())) } else { ImageId::custom(text) }
    }

    /// An id as some request names it, to look an image up by. Any text will do: one that could
    /// never have been stored simply finds nothing.
    pub fn named(text: &str) -> ImageId {
        ImageId(text.into())
    }

    /// Whether the uploader chose it.
    pub fn is_custom(&self) -> bool {
        !is_uuid(&self.0)
    }

    /// The text, undecorated and undecoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// Names the stored bytes of one upload: 32 hexadecimal digits, fresh for every upload, so that an
/// image deleted and made again under the same [`ImageId`] never meets its old bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId(Arc<str>);

impl BlobId {
    /// The id made of 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> BlobId {
        BlobId(hex::digits(&bytes).into())
    }

    /// Parses the text that [`BlobId::as_str`] gave; `None` for anything else.
    pub fn parse(text: &str) -> Option<BlobId> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 32 && text.bytes().all(hex)).then(|| BlobId(text.into()))
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether an image is served to anyone or only by signed URL (`requireSignedURLs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Served without a token.
    Public,
    /// Served by signed URL only, except in variants that always allow public access.
    RequireSigned,
}

/// Formats that uploads may have, told by content and never by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceFormat {
    /// JPEG (`image/jpeg`).
    Jpeg,
    /// PNG, also animated (`image/png`).
    Png,
    /// WebP, also animated (`image/webp`).
    WebP,
    /// GIF, also animated (`image/gif`).
    Gif,
    /// AVIF, also animated (`image/avif`).
    Avif,
    /// HEIC and HEIF, as phones write them (`image/heic`).
    Heic,
    /// JPEG XL (`image/jxl`).
    Jxl,
    /// TIFF (`image/tiff`).
    Tiff,
    /// BMP (`image/bmp`).
    Bmp,
    /// SVG (`image/svg+xml`): sanitised and delivered as it is, never rendered to pixels.
    Svg,
}

impl SourceFormat {
    /// Every format.
    pub const ALL: [SourceFormat; 10] = [
        SourceFormat::Jpeg,
        SourceFormat::Png,
        SourceFormat::WebP,
        SourceFormat::Gif,
        SourceFormat::Avif,
        SourceFormat::Heic,
        SourceFormat::Jxl,
        SourceFormat::Tiff,
        SourceFormat::Bmp,
        SourceFormat::Svg,
    ];

    /// The media type of the stored original.
    pub fn media_type(self) -> &'static str {
        match self {
            SourceFormat::Jpeg => "image/jpeg",
            SourceFormat::Png => "image/png",
            SourceFormat::WebP => "image/webp",
            SourceFormat::Gif => "image/gif",
            SourceFormat::Avif => "image/avif",
            SourceFormat::Heic => "image/heic",
            SourceFormat::Jxl => "image/jxl",
            SourceFormat::Tiff => "image/tiff",
            SourceFormat::Bmp => "image/bmp",
            SourceFormat::Svg => "image/svg+xml",
        }
    }

    /// The usual ending of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            SourceFormat::Jpeg => "jpg",
            SourceFormat::Png => "png",
            SourceFormat::WebP => "webp",
            SourceFormat::Gif => "gif",
            SourceFormat::Avif => "avif",
            SourceFormat::Heic => "heic",
            SourceFormat::Jxl => "jxl",
            SourceFormat::Tiff => "tiff",
            SourceFormat::Bmp => "bmp",
            SourceFormat::Svg => "svg",
        }
    }

    /// The format of a media type that [`SourceFormat::media_type`] gives.
    pub fn from_media_type(text: &str) -> Option<SourceFormat> {
        SourceFormat::ALL.into_iter().find(|format| format.media_type() == text)
    }
}

/// What the header of an upload says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// By content.
    pub format: SourceFormat,
    /// Pixels, before any orientation is applied; 1 to [`SourceLimits::side`]. Of an animation, those
    /// of its canvas. An SVG without a size of its own has CSS's default of 300x150.
    pub width: u32,
    /// As for `width`.
    pub height: u32,
    /// Whether any pixel may be transparent (an alpha channel, or a palette with transparency).
    pub has_alpha: bool,
    /// Frames of an animation, 1 of a still picture. A bound where the header alone does not tell.
    pub frames: u32,
    /// See [`Turn`].
    pub turn: Turn,
}

/// Whether a picture is shown with its sides swapped, as its metadata or its container says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Shown as wide and as high as it is stored.
    Upright,
    /// Shown as wide as it is high when stored (EXIF orientations 5 to 8).
    Sideways,
    /// Of an image that was stored before this was known.
    Unknown,
}

impl Turn {
    /// Every turn.
    pub const ALL: [Turn; 3] = [Turn::Upright, Turn::Sideways, Turn::Unknown];

    /// As protocols and tables have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Turn::Upright => "upright",
            Turn::Sideways => "sideways",
            Turn::Unknown => "unknown",
        }
    }

    /// The turn of such a word.
    pub fn parse(word: &str) -> Option<Turn> {
        Turn::ALL.into_iter().find(|turn| turn.as_str() == word)
    }
}

/// Bounds on a picture, checked on its header before anything is allocated or stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLimits {
    /// Longest side in pixels.
    pub side: u32,
    /// Largest area in pixels, of an animation that of all frames together.
    pub area: u64,
}

impl SourceLimits {
    /// Cloudflare's limits for hosted images: 12,000 pixels a side and 100 megapixels.
    pub const CLOUDFLARE: SourceLimits = SourceLimits { side: 12_000, area: 100_000_000 };

    /// Whether a picture of this size is within the limits.
    pub fn allow(&self, width: u32, height: u32) -> bool {
        width >= 1
            && height >= 1
            && width.max(height) <= self.side
            && u64::from(width) * u64::from(height) <= self.area
    }
}

/// The user's own JSON object on an image (`metadata` in requests, `meta` in answers).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata(String);

/// Why a text cannot be stored as metadata.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("metadata must be at most {max} bytes of JSON, this is {actual}", max = Metadata::MAX_BYTES)]
pub struct MetadataTooLong {
    /// Bytes given.
    pub actual: usize,
}

impl Metadata {
    /// Longest metadata, in bytes of compact JSON (Cloudflare's limit).
    pub const MAX_BYTES: usize = 1024;

    /// Takes the compact JSON text of an object. That it is one is the caller's promise: this
    /// package knows no JSON.
    pub fn from_json_object(text: String) -> Result<Metadata, MetadataTooLong> {
        if text.len() > Self::MAX_BYTES {
            return Err(MetadataTooLong { actual: text.len() });
        }
        Ok(Metadata(text))
    }

    /// The JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl Default for Metadata {
    fn default() -> Metadata {
        Metadata("{}".to_owned())
    }
}

/// Whom the account's own application made an image for (`creator`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creator(String);

/// Why a text cannot be a creator.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("creator must be at most 1024 characters without control characters")]
pub struct CreatorError;

impl Creator {
    /// Parses a creator of at most 1,024 characters. The empty text is a caller's `None`.
    pub fn parse(text: &str) -> Result<Creator, CreatorError> {
        if text.chars().count() > 1024 || text.chars().any(char::is_control) {
            return Err(CreatorError);
        }
        Ok(Creator(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One stored image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Owner.
    pub account: AccountId,
    /// Name within the account.
    pub id: ImageId,
    /// The original's bytes.
    pub blob: BlobId,
    /// What the original is.
    pub source: SourceInfo,
    /// Bytes of the original.
    pub bytes: u64,
    /// File name given at upload, at most 255 characters.
    pub filename: Option<String>,
    /// The user's JSON object.
    pub metadata: Metadata,
    /// See [`Creator`].
    pub creator: Option<Creator>,
    /// Who may see it.
    pub privacy: Privacy,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub uploaded_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_ids() {
        for good in [
            "a",
            "invoices/2026/11.png",
            "ünïcode/画像",
            "50%off",
            "a.b/c",
            "..a",
            "Keys",
            "a/keys",
            "keysx",
            "x.jpg",
            "v1.2",
            "blob",
            "blob/a",
            "a/myblob",
            "2cdc28f0-017a-49c4-9ed7-87056c83901",
            "g2cdc28f-017a-49c4-9ed7-87056c839010",
        ] {
            assert_eq!(ImageId::custom(good).map(|id| id.as_str().to_owned()), Ok(good.to_owned()));
        }
        let longest = "\u{1F5BC}".repeat(1024);
        assert!(ImageId::custom(&longest).is_ok(), "4,096 bytes");
        let long = "x".repeat(1025);
        for (bad, why) in [
            ("", CustomIdError::Length),
            (long.as_str(), CustomIdError::Length),
            ("2cdc28f0-017a-49c4-9ed7-87056c839010", CustomIdError::Uuid),
            ("/a", CustomIdError::Slash),
            ("a/", CustomIdError::Slash),
            ("a//b", CustomIdError::Slash),
            ("a/../b", CustomIdError::DotSegment),
            (".", CustomIdError::DotSegment),
            ("a\nb", CustomIdError::Control),
            ("a\0", CustomIdError::Control),
            ("page.HTML", CustomIdError::Extension),
            ("a/b.bmp", CustomIdError::Extension),
            ("keys", CustomIdError::Reserved),
            ("keys/default", CustomIdError::Reserved),
            ("variants/public/flat", CustomIdError::Reserved),
            ("2CDC28F0-017A-49C4-9ED7-87056C839010", CustomIdError::Uuid),
            ("a/blob", CustomIdError::Blob),
        ] {
            assert_eq!(ImageId::custom(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn a_generated_id_is_a_uuid_and_not_custom() {
        let id = ImageId::from_random([0xFF; 16]);
        assert_eq!(id.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert!(!id.is_custom());
        assert!(ImageId::named("photo").is_custom());
        assert_eq!(ImageId::of_other_server(id.as_str()), Ok(id));
        assert_eq!(ImageId::of_other_server("a/b"), Ok(ImageId::named("a/b")));
        assert_eq!(ImageId::of_other_server("a//b"), Err(CustomIdError::Slash));
    }

    #[test]
    fn limits_are_inclusive_and_do_not_overflow() {
        let limits = SourceLimits::CLOUDFLARE;
        assert!(limits.allow(12_000, 8_333));
        assert!(limits.allow(10_000, 10_000));
        assert!(!limits.allow(12_000, 8_334));
        assert!(!limits.allow(12_001, 1));
        assert!(!limits.allow(0, 5));
        assert!(!limits.allow(u32::MAX, u32::MAX));
    }

    #[test]
    fn metadata_is_bounded() {
        assert!(Metadata::from_json_object(" ".repeat(1024)).is_ok());
        let refused = Metadata::from_json_object(" ".repeat(1025));
        assert_eq!(refused, Err(MetadataTooLong { actual: 1025 }));
    }
}
