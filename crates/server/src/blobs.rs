//! Stored bytes: originals and what is derived from them.
//!
//! They are read only through a [`Granted`], and only those of the blob that it names. Without a
//! decision there is nothing to read with:
//!
//! ```compile_fail,E0308
//! use safelight::blobs::Blobs;
//! use safelight_domain::image::BlobId;
//! async fn read(blobs: &Blobs, leave: &BlobId) {
//!     let _ = blobs.unread_original(leave).await;
//! }
//! ```
//!
//! The same with one compiles:
//!
//! ```
//! use safelight::blobs::Blobs;
//! use safelight_domain::access::Granted;
//! async fn read(blobs: &Blobs, leave: &Granted) {
//!     let _ = blobs.unread_original(leave).await;
//! }
//! ```

mod memory;

use crate::staging::Staged;
use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use memory::Memory;
use object_store::local::LocalFileSystem;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, path::Path as StorePath};
use safelight_domain::access::Granted;
use safelight_domain::image::BlobId;
use std::fs::{DirBuilder, File};
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use thiserror::Error;
use tokio::io::AsyncReadExt;

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

/// The store; clones share it.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: LocalFileSystem,
    folder: PathBuf,
    memory: Arc<Memory>,
}

/// Stored bytes that are read when their turn comes, so that nobody holds them while they wait.
#[derive(Clone, Debug)]
pub struct Unread {
    path: PathBuf,
    bytes: u64,
}

impl Unread {
    /// Length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes all of it. `NotFound` or `UnexpectedEof` when it is gone by now. Blocks.
    pub(crate) fn write_to(&self, file: &mut File) -> std::io::Result<()> {
        let copied = std::io::copy(&mut File::open(&self.path)?.take(self.bytes), file)?;
        if copied == self.bytes { Ok(()) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub key: BlobKey,
    /// When it was written: milliseconds since 1970-01-01T00:00:00Z.
    pub modified_ms: i64,
}

/// Why bytes could not be stored or read.
#[derive(Debug, Error)]
pub enum BlobError {
    /// An original has that name already.
    #[error("an original has been stored by that name")]
    Taken,
    /// They should be there.
    #[error("the stored bytes are missing")]
    Missing,
    /// The store failed.
    #[error("the blob store failed")]
    Store(#[source] object_store::Error),
    /// The staged upload could not be read.
    #[error("the staged upload cannot be read")]
    Staged(#[source] std::io::Error),
    /// The folder of the store cannot be made or read.
    #[error("the blob store's folder failed")]
    Folder(#[from] std::io::Error),
}

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> BlobError {
        match error {
            object_store::Error::NotFound { .. } => BlobError::Missing,
            other => BlobError::Store(other),
        }
    }
}

/// Bytes of an original that are in memory while it is stored.
const CHUNK: usize = 256 * 1024;

/// The folders of the kinds.
const KINDS: [&str; 3] = [ORIGINAL, LEVEL, RENDITION];
const ORIGINAL: &str = "original";
const LEVEL: &str = "level";
const RENDITION: &str = "rendition";

impl BlobKey {
    /// The path below the store's folder: `original/ab/<blob>`, `level/ab/<blob>/<name>` or
    /// `rendition/ab/<blob>/<name>`, where `ab` are the first two digits of the blob.
    fn path(&self) -> StorePath {
        match self {
            BlobKey::Original(blob) => folder_of(ORIGINAL, blob),
            BlobKey::Level { blob, name } => folder_of(LEVEL, blob).join(name.as_str()),
            BlobKey::Rendition { blob, name } => folder_of(RENDITION, blob).join(name.as_str()),
        }
    }

    /// The key of a path; `None` for a path that no key has.
    fn parse(path: &StorePath) -> Option<BlobKey> {
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

/// Where the file of a blob's original is, or the folder of what is derived from it.
fn folder_of(kind: &str, blob: &BlobId) -> StorePath {
    let digits: String = blob.as_str().chars().take(2).collect();
    StorePath::from_iter([kind, &digits, blob.as_str()])
}

impl Blobs {
    /// Opens a store of files below `folder`, made if missing with leave for the owner alone.
    /// Blocks.
    ///
    /// The store syncs a file, the folder that it is renamed in, and the folders that it made for
    /// it. Of two uploads that need the same new folder at once, though, the second finds it made
    /// and returns while the first has yet to sync it. So the 256 folders of originals are made and
    /// synced here, before any upload.
    pub fn open(folder: &Path) -> Result<Blobs, BlobError> {
        let mut private = DirBuilder::new();
        private.recursive(true).mode(0o700);
        for digits in 0..=u8::MAX {
            private.create(folder.join(ORIGINAL).join(format!("{digits:02x}")))?;
        }
        sync_folder(&folder.join(ORIGINAL))?;
        sync_folder(folder)?;
        let folder = folder.canonicalize()?;
        if let Some(parent) = folder.parent() {
            sync_folder(parent)?;
        }
        let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
        Ok(Blobs { store, folder, memory: Arc::new(Memory::new(0)) })
    }

    /// The same store with at most `bytes` of renditions kept in memory in front of it.
    pub fn with_memory(self, bytes: usize) -> Blobs {
        Blobs { memory: Arc::new(Memory::new(bytes)), ..self }
    }

    /// Writes a small object of a blob that nothing else has, reads it and deletes it (for health
    /// checks). What a crash leaves of it is an orphan to the sweeper.
    pub async fn check(&self, fresh: &BlobId) -> Result<(), BlobError> {
        let key = BlobKey::Rendition { blob: fresh.clone(), name: fresh.as_str().to_owned() };
        let path = key.path();
        self.store.put(&path, Bytes::from_static(b"check").into()).await?;
        let read = self.store.get(&path).await?.bytes().await?;
        self.delete(&key).await?;
        if read.as_ref() == b"check" { Ok(()) } else { Err(BlobError::Missing) }
    }

    /// Stores an original under a name that nothing has. It is durable when this returns. When the caller
    /// stops waiting, it may be stored all the same.
    pub async fn put_original(&self, blob: &BlobId, staged: &Staged) -> Result<(), BlobError> {
        let name = self.folder.join(BlobKey::Original(blob.clone()).path().as_ref());
        let from = staged.path().to_owned();
        let linked = tokio::task::spawn_blocking(move || link_durably(&from, &name)).await;
        match linked.map_err(std::io::Error::from).flatten() {
            Ok(()) => Ok(()),
            // The kernel looks at the name first. A copy would take the other original's place.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(BlobError::Taken),
            // The store may be on another file system, or on one without links.
            Err(_) => self.copy_original(blob, staged).await,
        }
    }

    async fn copy_original(&self, blob: &BlobId, staged: &Staged) -> Result<(), BlobError> {
        let mut file = tokio::fs::File::open(staged.path()).await.map_err(BlobError::Staged)?;
        let path = BlobKey::Original(blob.clone()).path();
        let mut upload = self.store.put_multipart(&path).await?;
        loop {
            let chunk = read_chunk(&mut file).await.map_err(BlobError::Staged)?;
            if chunk.is_empty() {
                break;
            }
            upload.put_part(chunk.into()).await?;
        }
        upload.complete().await?;
        Ok(())
    }

    /// Stores a rendition of the granted blob. Its bytes are durable when this returns, so that no
    /// row ever names half a file; the folders on its way need not be.
    pub async fn put_rendition(&self, granted: &Granted, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.store.put(&rendition_key(granted, name).path(), bytes.into()).await?;
        Ok(())
    }

    /// Stores a level of the granted blob, as durably as a rendition.
    pub async fn put_level(&self, granted: &Granted, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.store.put(&level_key(granted, name).path(), bytes.into()).await?;
        Ok(())
    }

    /// The original, to be read later.
    pub async fn unread_original(&self, granted: &Granted) -> Result<Unread, BlobError> {
        self.unread(&BlobKey::Original(granted.blob().clone())).await
    }

    /// A level, to be read later.
    pub async fn unread_level(&self, granted: &Granted, name: &str) -> Result<Unread, BlobError> {
        self.unread(&level_key(granted, name)).await
    }

    async fn unread(&self, key: &BlobKey) -> Result<Unread, BlobError> {
        let path = self.folder.join(key.path().as_ref());
        match tokio::fs::metadata(&path).await {
            Ok(known) => Ok(Unread { path, bytes: known.len() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(BlobError::Missing),
            Err(error) => Err(error.into()),
        }
    }

    /// The whole original.
    #[cfg(test)]
    pub(crate) async fn original(&self, granted: &Granted) -> Result<Bytes, BlobError> {
        let path = BlobKey::Original(granted.blob().clone()).path();
        Ok(self.store.get(&path).await?.bytes().await?)
    }

    /// The original as a stream.
    pub async fn original_stream(
        &self,
        granted: &Granted,
    ) -> Result<BoxStream<'static, Result<Bytes, object_store::Error>>, BlobError> {
        let path = BlobKey::Original(granted.blob().clone()).path();
        Ok(self.store.get(&path).await?.into_stream())
    }

    /// A stored rendition, from memory where possible.
    pub async fn rendition(&self, granted: &Granted, name: &str) -> Result<Bytes, BlobError> {
        if let Some(bytes) = self.memory.get(granted.blob(), name) {
            return Ok(bytes);
        }
        let path = rendition_key(granted, name).path();
        let read = async { self.store.get(&path).await?.bytes().await };
        let bytes = Box::pin(read).await?;
        self.memory.put(granted.blob(), name, &bytes);
        Ok(bytes)
    }

    /// Deletes one object; none there is fine.
    pub async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.delete_path(&key.path()).await?;
        match key {
            BlobKey::Original(_) => {}
            BlobKey::Level { blob, .. } => self.remove_folder(LEVEL, blob).await,
            BlobKey::Rendition { blob, .. } => self.remove_folder(RENDITION, blob).await,
        }
        Ok(())
    }

    /// Deletes everything of a blob: what is derived from it first, the original last.
    pub async fn delete_blob(&self, blob: &BlobId) -> Result<(), BlobError> {
        for kind in [RENDITION, LEVEL] {
            let mut derived = self.store.list(Some(&folder_of(kind, blob)));
            while let Some(object) = derived.try_next().await? {
                self.delete_path(&object.location).await?;
            }
            self.remove_folder(kind, blob).await;
        }
        self.delete(&BlobKey::Original(blob.clone())).await
    }

    /// Every object, in no order. What changes meanwhile may be listed or not. Files that are no
    /// objects are left out.
    pub fn list(&self) -> BoxStream<'static, Result<Stored, BlobError>> {
        let keyed = |object: object_store::ObjectMeta| {
            let modified_ms = object.last_modified.timestamp_millis();
            BlobKey::parse(&object.location).map(|key| Stored { key, modified_ms })
        };
        self.store
            .list(None)
            .filter_map(move |object| async move { object.map(keyed).map_err(BlobError::from).transpose() })
            .boxed()
    }

    /// Removes the unfinished files of writers that died, where they were last written before
    /// `before_ms`. How many there were.
    ///
    /// The store names them `<object>#<number>` and leaves them out of its listings.
    pub async fn remove_unfinished(&self, before_ms: i64) -> Result<u64, BlobError> {
        let folder = self.folder.clone();
        let remove = move || {
            let kinds = KINDS.iter().map(|kind| folder.join(kind)).filter(|kind| kind.exists());
            kinds.map(|kind| remove_unfinished_below(&kind, before_ms)).sum::<std::io::Result<u64>>()
        };
        let removed = tokio::task::spawn_blocking(remove).await.map_err(std::io::Error::from)?;
        Ok(removed?)
    }

    async fn delete_path(&self, path: &StorePath) -> Result<(), BlobError> {
        match self.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the folder of a blob's levels or renditions, if it is empty.
    async fn remove_folder(&self, kind: &str, blob: &BlobId) {
        // A folder with something in it stays; an empty one that stays is no harm either.
        let _ = tokio::fs::remove_dir(self.folder.join(folder_of(kind, blob).as_ref())).await;
    }
}

fn level_key(granted: &Granted, name: &str) -> BlobKey {
    BlobKey::Level { blob: granted.blob().clone(), name: name.to_owned() }
}

fn rendition_key(granted: &Granted, name: &str) -> BlobKey {
    BlobKey::Rendition { blob: granted.blob().clone(), name: name.to_owned() }
}

/// The next bytes of a file, at most [`CHUNK`]; none at its end.
async fn read_chunk(file: &mut tokio::fs::File) -> std::io::Result<Bytes> {
    let mut chunk = BytesMut::with_capacity(CHUNK);
    while chunk.len() < CHUNK && file.read_buf(&mut chunk).await? > 0 {}
    Ok(chunk.freeze())
}

/// Gives a file a second name, which nothing has, and makes both the file and the name durable.
fn link_durably(from: &Path, name: &Path) -> std::io::Result<()> {
    File::open(from)?.sync_all()?;
    std::fs::hard_link(from, name)?;
    name.parent().map_or(Ok(()), sync_folder)
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn remove_unfinished_below(folder: &Path, before_ms: i64) -> std::io::Result<u64> {
    let mut removed = 0;
    for entry in folder.read_dir()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            removed += remove_unfinished_below(&entry.path(), before_ms)?;
        } else if entry.file_name().as_encoded_bytes().contains(&b'#') && modified_ms(&entry)? < before_ms {
            std::fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn modified_ms(entry: &std::fs::DirEntry) -> std::io::Result<i64> {
    let since = entry.metadata()?.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "blobs_tests.rs"]
pub(crate) mod tests;
