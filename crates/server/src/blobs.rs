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

mod disk;
mod files;
mod key;
mod memory;
mod owner;
mod s3;
mod tally;
mod transfer;
mod transport;
mod unread;

pub use key::BlobKey;
pub use owner::ClaimError;
pub use tally::{StoreCounts, StoreFault, StoreMethod};
pub use transfer::Hashed;
pub use unread::Unread;

use crate::config::S3Config;
use crate::free_space;
use crate::staging::Staged;
use bytes::Bytes;
use disk::Disk;
use files::Files;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use key::{LEVEL, RENDITION, folder_of};
use memory::Memory;
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};
use s3::S3;
use safelight_domain::access::Granted;
use safelight_domain::image::BlobId;
use sha2::{Digest, Sha256};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tally::Tally;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::time::timeout;
use unread::{Place, Remote};

/// A store that takes longer for a small object is not well.
const CHECK_TIME: Duration = Duration::from_secs(5);

/// The store; clones share it.
#[derive(Clone, Debug)]
pub struct Blobs {
    objects: Arc<dyn ObjectStore>,
    kind: Kind,
    memory: Arc<Memory>,
    /// Of the requests to a store elsewhere.
    tally: Arc<Tally>,
    /// Bytes that stay free on the disk of files.
    free_bytes: u64,
}

/// What is there beside the objects.
#[derive(Clone, Debug)]
enum Kind {
    Files(Files),
    S3(S3),
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
    /// The disk is full, or nearly.
    #[error("the disk is nearly full")]
    NoRoom,
    /// The store failed.
    #[error("the blob store failed")]
    Store(#[source] object_store::Error),
    /// The staged upload could not be read.
    #[error("the staged upload cannot be read")]
    Staged(#[source] std::io::Error),
    /// The folder of the store cannot be made or read, or the store was waited for too long.
    #[error("the blob store cannot be used")]
    Folder(#[from] std::io::Error),
}

impl From<object_store::Error> for BlobError {
    fn from(error: object_store::Error) -> BlobError {
        match error {
            // A bucket that is gone is told like an object that is.
            object_store::Error::NotFound { ref source, .. }
                if source.to_string().contains("NoSuchBucket") =>
            {
                BlobError::Store(error)
            }
            object_store::Error::NotFound { .. } => BlobError::Missing,
            other if is_full(&other) => BlobError::NoRoom,
            other => BlobError::Store(other),
        }
    }
}

/// Whether the disk of a store of files is.
fn is_full(error: &object_store::Error) -> bool {
    let first: &(dyn Error + 'static) = error;
    let mut causes = std::iter::successors(Some(first), |&error| error.source());
    causes.any(|cause| cause.downcast_ref().is_some_and(free_space::is_full))
}

impl Blobs {
    /// Opens a store of files below `folder`, made if missing with leave for the owner alone.
    /// Blocks.
    pub fn open(folder: &Path) -> Result<Blobs, BlobError> {
        let (files, objects) = Files::open(folder)?;
        let memory = Arc::new(Memory::new(0));
        let (objects, kind) = (Arc::new(objects), Kind::Files(files));
        Ok(Blobs { objects, kind, memory, tally: Arc::default(), free_bytes: 0 })
    }

    /// Opens an S3-compatible store, with copies of what is read and written in the folder `cache`. Nothing is sent yet.
    /// Blocks.
    pub fn open_s3(config: &S3Config, cache: PathBuf) -> Result<Blobs, BlobError> {
        let tally = Arc::default();
        let objects = s3::objects(config, &tally)?;
        let disk = (config.cache_bytes > 0).then(|| Disk::open(cache, config.cache_bytes, config.free_bytes));
        let memory = Arc::new(Memory::new(0));
        Ok(Blobs { objects, kind: Kind::S3(S3::new(disk)), memory, tally, free_bytes: 0 })
    }

    /// The same store, where so many bytes stay free on the disk if it is one of files.
    #[must_use]
    pub fn with_free(self, free_bytes: u64) -> Blobs {
        Blobs { free_bytes, ..self }
    }

    /// Whether there is room for so many bytes more. A bucket is taken to have it.
    pub async fn require_room(&self, bytes: u64) -> Result<(), BlobError> {
        let Kind::Files(files) = &self.kind else { return Ok(()) };
        if self.free_bytes == 0 {
            return Ok(());
        }
        let (folder, reserve) = (files.folder().to_owned(), self.free_bytes);
        let asked = tokio::task::spawn_blocking(move || free_space::require(&folder, bytes, reserve)).await;
        match asked.map_err(std::io::Error::from).flatten() {
            Err(error) if free_space::is_full(&error) => Err(BlobError::NoRoom),
            asked => Ok(asked?),
        }
    }

    /// The same store with at most `bytes` of renditions kept in memory in front of it.
    pub fn with_memory(self, bytes: usize) -> Blobs {
        Blobs { memory: Arc::new(Memory::new(bytes)), ..self }
    }

    /// Bytes of renditions in memory, with what they take beside.
    pub fn memory_bytes(&self) -> u64 {
        self.memory.bytes()
    }

    /// Requests to a store elsewhere, and those that failed; `None` for a store of files.
    pub fn store_counts(&self) -> Option<StoreCounts> {
        matches!(self.kind, Kind::S3(_)).then(|| self.tally.read())
    }

    /// Writes a small object of a blob that nothing else has, reads it and deletes it (for health
    /// checks). What a crash leaves of it is an orphan to the sweeper.
    pub async fn check(&self, fresh: &BlobId) -> Result<(), BlobError> {
        let key = BlobKey::Rendition { blob: fresh.clone(), name: fresh.as_str().to_owned() };
        let path = key.path();
        let tried = async {
            self.objects.put(&path, Bytes::from_static(b"check").into()).await?;
            let read = self.objects.get(&path).await?.bytes().await?;
            self.delete(&key).await?;
            if read.as_ref() == b"check" { Ok(()) } else { Err(BlobError::Missing) }
        };
        timeout(CHECK_TIME, tried).await.map_err(std::io::Error::from)?
    }

    /// Stores an original under a name that nothing has. It is durable when this returns. When the caller
    /// stops waiting, it may be stored all the same. Files alone are known to be `Taken`; names are fresh and random.
    pub async fn put_original(&self, blob: &BlobId, staged: &Staged) -> Result<(), BlobError> {
        // Most are on the disk already; the store may be on another.
        self.require_room(0).await?;
        let key = BlobKey::Original(blob.clone());
        match &self.kind {
            Kind::Files(files) => files.put_original(&*self.objects, &key.path(), staged).await,
            Kind::S3(s3) => s3.put_original(&self.objects, &key, staged).await,
        }
    }

    /// Stores a rendition of the granted blob. Its bytes are durable when this returns, so that no
    /// row ever names half a file; the folders on its way need not be.
    pub async fn put_rendition(&self, granted: &Granted, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.put(rendition_key(granted, name), bytes).await
    }

    /// Stores a level of the granted blob, as durably as a rendition.
    pub async fn put_level(&self, granted: &Granted, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        self.put(level_key(granted, name), bytes).await
    }

    async fn put(&self, key: BlobKey, bytes: Bytes) -> Result<(), BlobError> {
        self.require_room(bytes.len() as u64).await?;
        self.objects.put(&key.path(), bytes.clone().into()).await?;
        self.keep(key, bytes).await;
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
        let s3 = match &self.kind {
            Kind::S3(s3) => s3,
            Kind::Files(files) => {
                let path = files.file(&key.path());
                return match tokio::fs::metadata(&path).await {
                    Ok(known) => Ok(Unread { bytes: known.len(), place: Place::File(path) }),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(BlobError::Missing),
                    Err(error) => Err(error.into()),
                };
            }
        };
        let bytes = match s3.disk.as_ref().and_then(|disk| disk.length(key)) {
            Some(bytes) => bytes,
            None => self.objects.head(&key.path()).await?.size,
        };
        let (objects, disk) = (Arc::clone(&self.objects), s3.disk.clone());
        let remote = Remote { objects, key: key.clone(), disk, runtime: Handle::current() };
        Ok(Unread { bytes, place: Place::Store(remote) })
    }

    /// The whole original.
    #[cfg(test)]
    pub(crate) async fn original(&self, granted: &Granted) -> Result<Bytes, BlobError> {
        let path = BlobKey::Original(granted.blob().clone()).path();
        Ok(self.objects.get(&path).await?.bytes().await?)
    }

    /// The original as a stream.
    pub async fn original_stream(
        &self,
        granted: &Granted,
    ) -> Result<BoxStream<'static, Result<Bytes, object_store::Error>>, BlobError> {
        let path = BlobKey::Original(granted.blob().clone()).path();
        Ok(self.objects.get(&path).await?.into_stream())
    }

    /// A stored rendition, from memory where possible. What comes from elsewhere than this machine's own store has the
    /// hash that its row says, or it is `Missing`.
    pub async fn rendition(
        &self,
        granted: &Granted,
        name: &str,
        sha256: &[u8; 32],
    ) -> Result<Bytes, BlobError> {
        if let Some(bytes) = self.memory.get(granted.blob(), name) {
            return Ok(bytes);
        }
        // Boxed, so that what is in memory takes no room for what is not.
        let bytes = Box::pin(self.read_rendition(rendition_key(granted, name), sha256)).await?;
        self.memory.put(granted.blob(), name, &bytes);
        Ok(bytes)
    }

    async fn read_rendition(&self, key: BlobKey, sha256: &[u8; 32]) -> Result<Bytes, BlobError> {
        let path = key.path();
        let Kind::S3(s3) = &self.kind else { return Ok(self.objects.get(&path).await?.bytes().await?) };
        let is_it = |bytes: &Bytes| Sha256::digest(bytes).as_slice() == sha256;
        if let Some(disk) = &s3.disk {
            match disk.read(&key).await.filter(is_it) {
                Some(bytes) => return Ok(bytes),
                None => disk.remove(&key),
            }
        }
        let bytes = s3::read(&*self.objects, &path).await?;
        if !is_it(&bytes) {
            return Err(BlobError::Missing);
        }
        self.keep(key, bytes.clone()).await;
        Ok(bytes)
    }

    /// Keeps a copy on this machine of what is in a store elsewhere.
    async fn keep(&self, key: BlobKey, bytes: Bytes) {
        if let Kind::S3(S3 { disk: Some(disk), .. }) = &self.kind {
            let disk = Arc::clone(disk);
            // One that is not kept is read from the store again.
            drop(tokio::task::spawn_blocking(move || disk.put(&key, &bytes)).await);
        }
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
        if let Some(disk) = self.disk() {
            disk.forget(blob);
        }
        for kind in [RENDITION, LEVEL] {
            let mut derived = self.objects.list(Some(&folder_of(kind, blob)));
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
        self.objects
            .list(None)
            .filter_map(move |object| async move { object.map(keyed).map_err(BlobError::from).transpose() })
            .boxed()
    }

    /// Removes the unfinished files of writers that died, where they were last written before
    /// `before_ms`. How many there were.
    pub async fn remove_unfinished(&self, before_ms: i64) -> Result<u64, BlobError> {
        match &self.kind {
            Kind::Files(files) => files.remove_unfinished(before_ms).await,
            // A bucket does not list parts of uploads that died; its own rule removes them (docs/stores.md).
            Kind::S3(_) => Ok(0),
        }
    }

    async fn delete_path(&self, path: &StorePath) -> Result<(), BlobError> {
        if let (Some(disk), Some(key)) = (self.disk(), BlobKey::parse(path)) {
            disk.remove(&key);
        }
        match self.objects.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn remove_folder(&self, kind: &str, blob: &BlobId) {
        if let Kind::Files(files) = &self.kind {
            files.remove_folder(kind, blob).await;
        }
    }

    fn disk(&self) -> Option<&Arc<Disk>> {
        match &self.kind {
            Kind::Files(_) => None,
            Kind::S3(s3) => s3.disk.as_ref(),
        }
    }
}

fn level_key(granted: &Granted, name: &str) -> BlobKey {
    BlobKey::Level { blob: granted.blob().clone(), name: name.to_owned() }
}

fn rendition_key(granted: &Granted, name: &str) -> BlobKey {
    BlobKey::Rendition { blob: granted.blob().clone(), name: name.to_owned() }
}

#[cfg(test)]
#[path = "blobs_tests.rs"]
pub(crate) mod tests;
