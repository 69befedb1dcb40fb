//! Blobs as files below one folder. What an object store does is done by `object_store`; here is what files alone
//! can do, or need.

use super::BlobError;
use super::key::{KINDS, ORIGINAL, folder_of};
use crate::staging::Staged;
use bytes::{Bytes, BytesMut};
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};
use safelight_domain::image::BlobId;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tokio::io::AsyncReadExt;

/// Bytes of an original that are in memory while it is copied.
pub(super) const CHUNK: usize = 256 * 1024;

/// Where the files are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    /// Makes the folder if it is missing, with leave for the owner alone. Blocks.
    ///
    /// The store syncs a file, the folder that it is renamed in, and the folders that it made for
    /// it. Of two uploads that need the same new folder at once, though, the second finds it made
    /// and returns while the first has yet to sync it. So the 256 folders of originals are made and
    /// synced here, before any upload.
    pub(super) fn open(folder: &Path) -> Result<(Files, LocalFileSystem), BlobError> {
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
        Ok((Files { folder }, store))
    }

    /// Where all of them are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where an object is.
    pub(super) fn file(&self, path: &StorePath) -> PathBuf {
        self.folder.join(path.as_ref())
    }

    /// Gives a staged upload its name in the store, which nothing has.
    pub(super) async fn put_original(
        &self,
        store: &dyn ObjectStore,
        path: &StorePath,
        staged: &Staged,
    ) -> Result<(), BlobError> {
        let (from, name) = (staged.path().to_owned(), self.file(path));
        let linked = tokio::task::spawn_blocking(move || link_durably(&from, &name)).await;
        match linked.map_err(std::io::Error::from).flatten() {
            Ok(()) => Ok(()),
            // The kernel looks at the name first. A copy would take the other original's place.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(BlobError::Taken),
            // The store may be on another file system, or on one without links.
            Err(_) => copy_original(store, path, staged).await,
        }
    }

    /// Removes the folder of a blob's levels or renditions, if it is empty.
    pub(super) async fn remove_folder(&self, kind: &str, blob: &BlobId) {
        // A folder with something in it stays; an empty one that stays is no harm either.
        let _ = tokio::fs::remove_dir(self.file(&folder_of(kind, blob))).await;
    }

    /// See `Blobs::remove_unfinished`.
    ///
    /// The store names them `<object>#<number>` and leaves them out of its listings.
    pub(super) async fn remove_unfinished(&self, before_ms: i64) -> Result<u64, BlobError> {
        let folder = self.folder.clone();
        let remove = move || {
            let kinds = KINDS.iter().map(|kind| folder.join(kind)).filter(|kind| kind.exists());
            kinds.map(|kind| remove_unfinished_below(&kind, before_ms)).sum::<std::io::Result<u64>>()
        };
        let removed = tokio::task::spawn_blocking(remove).await.map_err(std::io::Error::from)?;
        Ok(removed?)
    }
}

pub(super) async fn copy_original(
    store: &dyn ObjectStore,
    path: &StorePath,
    staged: &Staged,
) -> Result<(), BlobError> {
    let mut file = tokio::fs::File::open(staged.path()).await.map_err(BlobError::Staged)?;
    let mut upload = store.put_multipart(path).await?;
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
