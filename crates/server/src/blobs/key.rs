//! The names of stored bytes, and the paths that they have in every store.

use object_store::path::Path as StorePath;
use safelight_domain::image::BlobId;

/// Names every kind of stored bytes. Nothing is ever written twice under one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BlobKey {
    /// As uploaded.
    Original(BlobId),
    /// What renditions are made of in the original's place.
    Level {
        /// The original.
        blob: BlobId,
        /// Fresh name: 32 hexadecimal digits.
        name: String,
    },
    /// An answer to viewers.
    Rendition {
        /// The original.
        blob: BlobId,
        /// Fresh name: 32 hexadecimal digits.
        name: String,
    },
}

/// The folders of the kinds.
pub(super) const KINDS: [&str; 3] = [ORIGINAL, LEVEL, RENDITION];
pub(super) const ORIGINAL: &str = "original";
pub(super) const LEVEL: &str = "level";
pub(super) const RENDITION: &str = "rendition";

impl BlobKey {
    /// The original, or what it is derived from.
    pub fn blob(&self) -> &BlobId {
        match self {
            BlobKey::Original(blob) | BlobKey::Level { blob, .. } | BlobKey::Rendition { blob, .. } => blob,
        }
    }

    /// The path below the store's folder: `original/ab/<blob>`, `level/ab/<blob>/<name>` or
    /// `rendition/ab/<blob>/<name>`, where `ab` are the first two digits of the blob.
    pub(super) fn path(&self) -> StorePath {
        match self {
            BlobKey::Original(blob) => folder_of(ORIGINAL, blob),
            BlobKey::Level { blob, name } => folder_of(LEVEL, blob).join(name.as_str()),
            BlobKey::Rendition { blob, name } => folder_of(RENDITION, blob).join(name.as_str()),
        }
    }

    /// The key of a path; `None` for a path that no key has.
    pub(super) fn parse(path: &StorePath) -> Option<BlobKey> {
        let mut parts = path.as_ref().split('/');
        let (kind, _fan, blob) = (parts.next()?, parts.next()?, BlobId::parse(parts.next()?)?);
        let key = match (kind, parts.next()) {
            (ORIGINAL, None) => BlobKey::Original(blob),
            (LEVEL, Some(name)) => BlobKey::Level { blob, name: name.to_owned() },
            (RENDITION, Some(name)) => BlobKey::Rendition { blob, name: name.to_owned() },
            _ => return None,
        };
        (key.path() == *path).then_some(key)
    }
}

impl std::fmt::Display for BlobKey {
    /// The path in the store.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path().fmt(f)
    }
}

/// Where a blob's original is, or the folder of what is derived from it.
pub(super) fn folder_of(kind: &str, blob: &BlobId) -> StorePath {
    let digits: String = blob.as_str().chars().take(2).collect();
    StorePath::from_iter([kind, &digits, blob.as_str()])
}
