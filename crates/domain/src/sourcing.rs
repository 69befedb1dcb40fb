//! The Sourcing Kit: buckets that images come from, and migrations that bring them.

use crate::image::{CustomIdError, ImageId, Privacy, SourceFormat};
use thiserror::Error;

/// Names a source or a migration: a text like a UUID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourcingId(String);

impl SourcingId {
    /// The id made of 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> SourcingId {
        SourcingId(ImageId::from_random(bytes).as_str().to_owned())
    }

    /// An id as some request names it. Any text will do: one that was never made finds nothing.
    pub fn named(text: &str) -> SourcingId {
        SourcingId(text.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose stores a bucket is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Amazon's, or any other that speaks S3.
    S3,
    /// Cloudflare's.
    R2,
}

impl Vendor {
    /// The word in API and table.
    pub fn as_str(self) -> &'static str {
        match self {
            Vendor::S3 => "s3",
            Vendor::R2 => "r2",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Option<Vendor> {
        [Vendor::S3, Vendor::R2].into_iter().find(|vendor| vendor.as_str() == text)
    }
}

/// How far a migration has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationStatus {
    /// Nobody has started it.
    Pending,
    /// It goes on, also after a restart.
    Processing,
    /// Every object was imported, skipped or has failed.
    Success,
    /// Its bucket cannot be read any further.
    Error,
    /// Its account ended it.
    Aborted,
}

impl MigrationStatus {
    const ALL: [MigrationStatus; 5] = [
        MigrationStatus::Pending,
        MigrationStatus::Processing,
        MigrationStatus::Success,
        MigrationStatus::Error,
        MigrationStatus::Aborted,
    ];

    /// Cloudflare's word.
    pub fn as_str(self) -> &'static str {
        match self {
            MigrationStatus::Pending => "pending",
            MigrationStatus::Processing => "processing",
            MigrationStatus::Success => "success",
            MigrationStatus::Error => "error",
            MigrationStatus::Aborted => "aborted",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Option<MigrationStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether it needs its source.
    pub fn is_active(self) -> bool {
        matches!(self, MigrationStatus::Pending | MigrationStatus::Processing)
    }
}

/// What becomes of an object whose id an image has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictBehaviour {
    /// The image stays.
    Skip,
    /// Its bytes are replaced.
    Overwrite,
}

impl ConflictBehaviour {
    /// The word in API, CLI and table.
    pub fn as_str(self) -> &'static str {
        match self {
            ConflictBehaviour::Skip => "skip",
            ConflictBehaviour::Overwrite => "overwrite",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Option<ConflictBehaviour> {
        [ConflictBehaviour::Skip, ConflictBehaviour::Overwrite].into_iter().find(|word| word.as_str() == text)
    }
}

/// Why an object is not imported although nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// Its id is taken.
    Conflict,
    /// The migration leaves out its format.
    ExcludedContentType,
    /// It cannot be decoded.
    InvalidMedia,
    /// Its key makes no id.
    InvalidName,
    /// It has too many bytes or pixels.
    Oversize,
    /// It must be restored from an archive first.
    StorageClass,
    /// It is no image of a known format.
    UnsupportedContentType,
}

/// What became of an object. Each is counted by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is an image.
    Imported,
    /// It was not to be had, however often it was asked for.
    Failed,
    /// It is left out.
    Skipped(Skipped),
}

impl Fate {
    /// The word of its entry in the log; what is imported has none.
    pub fn log_type(self) -> Option<LogType> {
        Some(match self {
            Fate::Imported => return None,
            Fate::Failed => LogType::ImportErrorRetryExhaustion,
            Fate::Skipped(Skipped::Conflict | Skipped::InvalidName) => LogType::Default,
            Fate::Skipped(Skipped::ExcludedContentType) => LogType::ImportSkippedExcludedContentType,
            Fate::Skipped(Skipped::InvalidMedia) => LogType::ImportSkippedInvalidMedia,
            Fate::Skipped(Skipped::Oversize) => LogType::ImportSkippedOversized,
            Fate::Skipped(Skipped::StorageClass) => LogType::ImportSkippedStorageClass,
            Fate::Skipped(Skipped::UnsupportedContentType) => LogType::ImportSkippedUnsupportedContentType,
        })
    }
}

/// Kinds of entries in the log of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogType {
    /// What Cloudflare has no word of its own for.
    Default,
    /// See [`Skipped::UnsupportedContentType`].
    ImportSkippedUnsupportedContentType,
    /// See [`Skipped::ExcludedContentType`].
    ImportSkippedExcludedContentType,
    /// See [`Skipped::InvalidMedia`].
    ImportSkippedInvalidMedia,
    /// See [`Fate::Failed`].
    ImportErrorRetryExhaustion,
    /// See [`Skipped::Oversize`].
    ImportSkippedOversized,
    /// See [`Skipped::StorageClass`].
    ImportSkippedStorageClass,
    /// It was started.
    MigrationStart,
    /// See [`MigrationStatus::Aborted`].
    MigrationAbort,
    /// See [`MigrationStatus::Error`].
    MigrationError,
    /// See [`MigrationStatus::Success`].
    MigrationComplete,
}

impl LogType {
    const ALL: [LogType; 11] = [
        LogType::Default,
        LogType::ImportSkippedUnsupportedContentType,
        LogType::ImportSkippedExcludedContentType,
        LogType::ImportSkippedInvalidMedia,
        LogType::ImportErrorRetryExhaustion,
        LogType::ImportSkippedOversized,
        LogType::ImportSkippedStorageClass,
        LogType::MigrationStart,
        LogType::MigrationAbort,
        LogType::MigrationError,
        LogType::MigrationComplete,
    ];

    /// Cloudflare's word.
    pub fn as_str(self) -> &'static str {
        match self {
            LogType::Default => "default",
            LogType::ImportSkippedUnsupportedContentType => "importSkippedUnsupportedContentType",
            LogType::ImportSkippedExcludedContentType => "importSkippedExcludedContentType",
            LogType::ImportSkippedInvalidMedia => "importSkippedInvalidMedia",
            LogType::ImportErrorRetryExhaustion => "importErrorRetryExhaustion",
            LogType::ImportSkippedOversized => "importSkippedOversized",
            LogType::ImportSkippedStorageClass => "importSkippedStorageClass",
            LogType::MigrationStart => "migrationStart",
            LogType::MigrationAbort => "migrationAbort",
            LogType::MigrationError => "migrationError",
            LogType::MigrationComplete => "migrationComplete",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Option<LogType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Why a text is no folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "must have 1 to {} characters: segments between single slashes, none of them '.' or '..', and no control characters",
    Folder::MAX_CHARS
)]
pub struct FolderError;

/// A folder of keys or ids, as it was written; slashes at its ends mean nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(String);

impl Folder {
    /// Longest folder, in characters (Cloudflare's limit).
    pub const MAX_CHARS: usize = 128;

    /// Parses a folder.
    pub fn parse(text: &str) -> Result<Folder, FolderError> {
        let within = text.trim_matches('/');
        let good = text.chars().count() <= Self::MAX_CHARS
            && !text.chars().any(char::is_control)
            && within.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
        good.then(|| Folder(text.to_owned())).ok_or(FolderError)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What everything in it begins with.
    pub fn prefix(&self) -> String {
        format!("{}/", self.0.trim_matches('/'))
    }
}

/// What a migration brings, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Objects elsewhere in the bucket are left alone.
    pub root_directory: Option<Folder>,
    /// In which the images are here.
    pub path_prefix: Option<Folder>,
    /// See [`ConflictBehaviour`].
    pub conflict: ConflictBehaviour,
    /// Formats that are left out.
    pub excluded: Vec<SourceFormat>,
    /// Of the images that come.
    pub privacy: Privacy,
}

/// An object as a list of its bucket has it.
#[derive(Clone, Copy, Debug)]
pub struct ListedObject<'a> {
    /// Its whole key.
    pub key: &'a str,
    /// Its length.
    pub bytes: u64,
    /// Where the store keeps it, if it says.
    pub storage_class: Option<&'a str>,
}

/// Why an object of a list need not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotFetched {
    /// See [`Skipped::InvalidName`].
    #[error("its name makes no id: {0}")]
    Name(#[from] CustomIdError),
    /// See [`Skipped::StorageClass`].
    #[error("it has to be restored from the archive first")]
    Archived,
    /// See [`Skipped::InvalidMedia`].
    #[error("it is empty")]
    Empty,
    /// See [`Skipped::Oversize`].
    #[error("it has {bytes} bytes, and at most {most} are allowed")]
    TooLarge {
        /// Its own.
        bytes: u64,
        /// The server's limit.
        most: u64,
    },
}

impl NotFetched {
    /// How it is counted.
    pub fn skipped(&self) -> Skipped {
        match self {
            NotFetched::Name(_) => Skipped::InvalidName,
            NotFetched::Archived => Skipped::StorageClass,
            NotFetched::Empty => Skipped::InvalidMedia,
            NotFetched::TooLarge { .. } => Skipped::Oversize,
        }
    }
}

/// Classes of storage that are not read without a request to restore.
const ARCHIVES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

impl Plan {
    /// What every key begins with that is to be brought.
    pub fn listing_prefix(&self) -> String {
        self.root_directory.as_ref().map(Folder::prefix).unwrap_or_default()
    }

    /// The id of an object's image: its key below the root directory, below the path prefix.
    pub fn image_id(&self, key: &str) -> Result<ImageId, CustomIdError> {
        let below = key.strip_prefix(&self.listing_prefix()).unwrap_or(key);
        let prefix = self.path_prefix.as_ref().map(Folder::prefix).unwrap_or_default();
        ImageId::custom(&format!("{prefix}{below}"))
    }

    /// The id of the image that an object is to become, unless its place in the list tells already that it cannot.
    pub fn judge(&self, object: ListedObject<'_>, most: u64) -> Result<ImageId, NotFetched> {
        let id = self.image_id(object.key)?;
        if object.storage_class.is_some_and(|class| ARCHIVES.contains(&class)) {
            return Err(NotFetched::Archived);
        }
        match object.bytes {
            0 => Err(NotFetched::Empty),
            bytes if bytes > most => Err(NotFetched::TooLarge { bytes, most }),
            _ => Ok(id),
        }
    }

    /// Who may see an image whose bytes are replaced: never more than before, nor more than the migration says.
    pub fn privacy_over(&self, before: Privacy) -> Privacy {
        match (self.privacy, before) {
            (Privacy::Public, Privacy::Public) => Privacy::Public,
            (Privacy::RequireSigned, _) | (_, Privacy::RequireSigned) => Privacy::RequireSigned,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(root: Option<&str>, prefix: Option<&str>) -> Plan {
        let folder = |text: &str| Folder::parse(text).expect("a folder");
        Plan {
            root_directory: root.map(folder),
            path_prefix: prefix.map(folder),
            conflict: ConflictBehaviour::Skip,
            excluded: Vec::new(),
            privacy: Privacy::RequireSigned,
        }
    }

    #[test]
    fn ids_are_keys_below_the_root_directory() {
        for (root, prefix, key, id) in [
            (None, None, "a/b.png", Ok("a/b.png")),
            (Some("a"), None, "a/b.png", Ok("b.png")),
            (Some("/a/b/"), Some("c/"), "a/b/ü d%20.png", Ok("c/ü d%20.png")),
            (Some("a"), Some("x"), "a/a/b", Ok("x/a/b")),
            (None, None, "photos/", Err(CustomIdError::Slash)),
            (Some("photos"), None, "photos/", Err(CustomIdError::Length)),
            (None, None, "a//b", Err(CustomIdError::Slash)),
            (None, None, "a/../b", Err(CustomIdError::DotSegment)),
            (None, None, "notes.txt", Err(CustomIdError::Extension)),
            (None, None, "keys/a", Err(CustomIdError::Reserved)),
            (None, None, "2cdc28f0-017a-49c4-9ed7-87056c839010", Err(CustomIdError::Uuid)),
        ] {
            let made = plan(root, prefix).image_id(key);
            assert_eq!(
                made.as_ref().map(ImageId::as_str).map_err(Clone::clone),
                id,
                "{root:?} {prefix:?} {key}"
            );
        }
        let long = "x".repeat(1024);
        assert_eq!(plan(None, Some("y")).image_id(&long), Err(CustomIdError::Length));
    }

    #[test]
    fn lists_tell_what_need_not_be_fetched() {
        let judged = |key, bytes, storage_class| {
            let object = ListedObject { key, bytes, storage_class };
            plan(None, None).judge(object, 100).map_err(|why| why.skipped())
        };
        assert_eq!(judged("a.png", 100, Some("STANDARD")).expect("fetched").as_str(), "a.png");
        assert!(judged("a.png", 1, Some("GLACIER_IR")).is_ok());
        for (key, bytes, class, skipped) in [
            ("a.png", 101, None, Skipped::Oversize),
            ("a.png", 0, None, Skipped::InvalidMedia),
            ("a.png", 1, Some("GLACIER"), Skipped::StorageClass),
            ("a.png", 1, Some("DEEP_ARCHIVE"), Skipped::StorageClass),
            ("a/", 0, None, Skipped::InvalidName),
            ("a.txt", 101, None, Skipped::InvalidName),
        ] {
            assert_eq!(judged(key, bytes, class), Err(skipped), "{key} {bytes} {class:?}");
        }
    }

    #[test]
    fn folders() {
        for (text, prefix) in [("a", "a/"), ("/a/b/", "a/b/"), ("é", "é/")] {
            assert_eq!(Folder::parse(text).expect(text).prefix(), prefix);
        }
        let long = "x".repeat(129);
        for text in ["", "/", "a//b", ".", "a/../b", "a\nb", &long] {
            assert_eq!(Folder::parse(text), Err(FolderError), "{text:?}");
        }
    }

    #[test]
    fn replacing_bytes_opens_nothing() {
        use Privacy::{Public, RequireSigned};
        for (plan_privacy, before, after) in [
            (Public, Public, Public),
            (Public, RequireSigned, RequireSigned),
            (RequireSigned, Public, RequireSigned),
            (RequireSigned, RequireSigned, RequireSigned),
        ] {
            let plan = Plan { privacy: plan_privacy, ..plan(None, None) };
            assert_eq!(plan.privacy_over(before), after);
        }
    }

    #[test]
    fn words() {
        for status in MigrationStatus::ALL {
            assert_eq!(MigrationStatus::parse(status.as_str()), Some(status));
        }
        for kind in LogType::ALL {
            assert_eq!(LogType::parse(kind.as_str()), Some(kind));
        }
        for word in [ConflictBehaviour::Skip, ConflictBehaviour::Overwrite] {
            assert_eq!(ConflictBehaviour::parse(word.as_str()), Some(word));
        }
        for vendor in [Vendor::S3, Vendor::R2] {
            assert_eq!(Vendor::parse(vendor.as_str()), Some(vendor));
        }
        assert!(MigrationStatus::parse("running").is_none() && Vendor::parse("gcs").is_none());
    }
}
