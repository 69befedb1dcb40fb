//! Copies of what is in a store, in files of this machine.
//!
//! They are there for speed alone. A name means the same bytes for ever, so no copy grows stale; one that is not as long
//! as its name says is no copy, and a disk that is broken or full is done without. What is read once does not push
//! out what is read often, as in memory (S3-FIFO).

use super::BlobKey;
use crate::free_space;
use crate::random;
use bytes::Bytes;
use object_store::path::Path as StorePath;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};
use safelight_domain::image::BlobId;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A part of the whole that one copy may take at most.
const LARGEST_PART: u64 = 8;

/// Parts with a lock each; the largest copy fits into one.
const SHARDS: usize = 4;

/// What is taken for the size of most copies, to size what is remembered of those that had to go.
const USUAL_BYTES: u64 = 64 << 10;

/// What a file takes beside its bytes.
const FILE_BYTES: u64 = 4 << 10;

/// Deleted blobs that are remembered, so that no reader who began before keeps a copy of one.
const DELETED: usize = 1024;

/// The folder of copies that are being written.
const UNFINISHED: &str = "new";

/// The cache.
pub(super) struct Disk {
    folder: PathBuf,
    largest: u64,
    /// Where less is free nothing is added: the catalog needs the same disk.
    free_bytes: u64,
    copies: Cache<BlobKey, Stored, Weight, DefaultHashBuilder, Removal>,
    deleted: Mutex<VecDeque<BlobId>>,
    fails: AtomicBool,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// A file with a name of its own, so that removing one copy never removes another.
#[derive(Clone, Debug)]
struct Stored {
    file: PathBuf,
    bytes: u64,
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<BlobKey, Stored> for Weight {
    fn weight(&self, _key: &BlobKey, stored: &Stored) -> u64 {
        stored.bytes + FILE_BYTES
    }
}

/// Removes the files of copies that had to go.
#[derive(Clone, Debug)]
struct Removal;

impl Lifecycle<BlobKey, Stored> for Removal {
    type RequestState = Leaving;

    fn on_evict(&self, leaving: &mut Leaving, _key: BlobKey, stored: Stored) {
        leaving.0.push(stored.file);
    }
}

#[derive(Default)]
struct Leaving(Vec<PathBuf>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.iter().for_each(|file| remove(file));
    }
}

impl Disk {
    /// A cache of at most `bound` bytes below a folder, which is made if missing. What an earlier process kept there
    /// is found again in the background. A folder that cannot be used keeps nothing.
    pub(super) fn open(folder: PathBuf, bound: u64, free_bytes: u64) -> Arc<Disk> {
        let usual = usize::try_from(bound / USUAL_BYTES).unwrap_or(usize::MAX).min(1 << 20);
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .weight_capacity(bound)
            .estimated_items_capacity(usual)
            .build();
        #[allow(clippy::expect_used)] // Both sizes that it wants are set above.
        let options = options.expect("sizes are given");
        let copies = Cache::with_options(options, Weight, DefaultHashBuilder::default(), Removal);
        let largest = bound / LARGEST_PART;
        let (deleted, fails) = (Mutex::default(), AtomicBool::new(false));
        let disk = Arc::new(Disk { folder, largest, free_bytes, copies, deleted, fails });
        let weak = Arc::downgrade(&disk);
        let folder = disk.folder.clone();
        // Before any is begun.
        if let Err(error) = empty(&folder.join(UNFINISHED)) {
            disk.failed(&error);
        }
        let thread = std::thread::Builder::new().name("cache".to_owned());
        if let Err(error) = thread.spawn(move || find_again(&folder, &weak)) {
            disk.failed(&error);
        }
        disk
    }

    /// The length of a copy.
    pub(super) fn length(&self, key: &BlobKey) -> Option<u64> {
        self.copies.get(key).map(|stored| stored.bytes)
    }

    /// A copy, open to be read, if it has so many bytes. Blocks.
    pub(super) fn open_copy(&self, key: &BlobKey, bytes: u64) -> Option<File> {
        let stored = self.copies.get(key).filter(|stored| stored.bytes == bytes)?;
        let open = || {
            let file = File::open(&stored.file)?;
            if file.metadata()?.len() == bytes { Ok(file) } else { Err(io::ErrorKind::InvalidData.into()) }
        };
        open().inspect_err(|_: &io::Error| self.remove(key)).ok()
    }

    /// The bytes of a copy.
    pub(super) async fn read(self: &Arc<Self>, key: &BlobKey) -> Option<Bytes> {
        let length = self.length(key)?;
        let (disk, key) = (Arc::clone(self), key.clone());
        tokio::task::spawn_blocking(move || disk.read_now(&key, length)).await.ok()?
    }

    fn read_now(&self, key: &BlobKey, length: u64) -> Option<Bytes> {
        let mut file = self.open_copy(key, length)?;
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        match file.read_exact(&mut bytes) {
            Ok(()) => Some(bytes.into()),
            Err(_) => {
                self.remove(key);
                None
            }
        }
    }

    /// Keeps a copy of these bytes. Blocks.
    pub(super) fn put(self: &Arc<Self>, key: &BlobKey, bytes: &[u8]) {
        if let Some(copy) = self.begin(key, bytes.len() as u64).and_then(|copy| copy.write(bytes)) {
            copy.keep();
        }
    }

    /// Keeps a staged upload by a second name for its file. Blocks.
    pub(super) fn link(self: &Arc<Self>, key: &BlobKey, staged: &Path, bytes: u64) {
        let Some(file) = self.room_for(key, bytes) else { return };
        match std::fs::hard_link(staged, &file) {
            Ok(()) => self.keep(key, Stored { file, bytes }),
            Err(error) => self.failed(&error),
        }
    }

    /// Begins a copy of so many bytes, where it may be kept. Blocks.
    pub(super) fn begin(self: &Arc<Self>, key: &BlobKey, bytes: u64) -> Option<Copy> {
        let kept = self.room_for(key, bytes)?;
        let unfinished = self.folder.join(UNFINISHED).join(random::hex_id());
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished) {
            Ok(file) => {
                let disk = Arc::clone(self);
                Some(Copy { disk, key: key.clone(), kept, bytes, file, unfinished: Unfinished(unfinished) })
            }
            Err(error) => {
                self.failed(&error);
                None
            }
        }
    }

    /// Removes the copy of an object.
    pub(super) fn remove(&self, key: &BlobKey) {
        if let Some((_, stored)) = self.copies.remove(key) {
            remove(&stored.file);
        }
    }

    /// Keeps no copy of a blob that is deleted now, also none that is being written.
    pub(super) fn forget(&self, blob: &BlobId) {
        let mut deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        if deleted.len() >= DELETED {
            deleted.pop_front();
        }
        deleted.push_back(blob.clone());
    }

    /// The file that a new copy is to have, if there may be one.
    fn room_for(&self, key: &BlobKey, bytes: u64) -> Option<PathBuf> {
        let file = self.folder.join(file_name(key, bytes)?);
        if bytes > self.largest || self.copies.contains_key(key) {
            return None;
        }
        let make = || {
            private(file.parent().unwrap_or(&self.folder))?;
            free_space::require(&self.folder, bytes, self.free_bytes)
        };
        match make() {
            Ok(()) => Some(file),
            Err(error) if free_space::is_full(&error) => None,
            Err(error) => {
                self.failed(&error);
                None
            }
        }
    }

    /// The first copy of an object stays.
    fn keep(&self, key: &BlobKey, stored: Stored) {
        let file = stored.file.clone();
        match self.copies.get_or_insert_with(key, || Ok::<_, Infallible>(stored)) {
            Ok(kept) if kept.file == file => {}
            Ok(_) | Err(_) => remove(&file),
        }
        // Looked at afterwards: who deletes it later finds it here.
        let deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        if deleted.contains(key.blob()) {
            self.remove(key);
        }
        if self.fails.swap(false, Ordering::Relaxed) {
            tracing::info!("the cache of the store works again");
        }
    }

    /// Said once for each time that it begins.
    fn failed(&self, error: &io::Error) {
        if !self.fails.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, folder = %self.folder.display(), "the cache of the store fails, and is done without");
        }
    }
}

/// A copy that is being written. Dropping it removes what was written.
pub(super) struct Copy {
    disk: Arc<Disk>,
    key: BlobKey,
    kept: PathBuf,
    bytes: u64,
    file: File,
    unfinished: Unfinished,
}

struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

impl Copy {
    /// Goes on, if the disk takes it.
    pub(super) fn write(mut self, bytes: &[u8]) -> Option<Copy> {
        match self.file.write_all(bytes) {
            Ok(()) => Some(self),
            Err(error) => {
                self.disk.failed(&error);
                None
            }
        }
    }

    /// Keeps it, if it is whole.
    pub(super) fn keep(self) {
        let Copy { disk, key, kept, bytes, file, unfinished } = self;
        let rename = || {
            if file.metadata()?.len() != bytes {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            std::fs::rename(&unfinished.0, &kept)
        };
        match rename() {
            Ok(()) => disk.keep(&key, Stored { file: kept, bytes }),
            Err(error) => disk.failed(&error),
        }
    }
}

/// `ab/<path of the key, joined by ->.<bytes>.<fresh digits>`; `None` for a key whose path does not come back.
fn file_name(key: &BlobKey, bytes: u64) -> Option<String> {
    let digits = key.blob().as_str().get(..2)?;
    let name = format!("{}.{bytes}.{}", key.path().as_ref().replace('/', "-"), random::hex_id());
    (parse_name(&name)? == (key.clone(), bytes)).then(|| format!("{digits}/{name}"))
}

fn parse_name(name: &str) -> Option<(BlobKey, u64)> {
    let mut parts = name.split('.');
    let (path, bytes, _fresh) = (parts.next()?, parts.next()?, parts.next()?);
    let key = BlobKey::parse(&StorePath::from(path.replace('-', "/")))?;
    parts.next().is_none().then_some((key, bytes.parse().ok()?))
}

/// Takes up what an earlier process kept, in the order in which the folders list it.
fn find_again(folder: &Path, disk: &Weak<Disk>) {
    let listed = |folder: &Path| folder.read_dir().map(|entries| entries.flatten().collect::<Vec<_>>());
    for below in listed(folder).unwrap_or_default() {
        if below.file_name() == UNFINISHED {
            continue;
        }
        for entry in listed(&below.path()).unwrap_or_default() {
            let Some(disk) = disk.upgrade() else { return };
            let (file, name) = (entry.path(), entry.file_name());
            let length = entry.metadata().map(|metadata| metadata.len()).ok();
            match name.to_str().and_then(parse_name) {
                Some((key, bytes)) if length == Some(bytes) => disk.keep(&key, Stored { file, bytes }),
                // Cut off by a crash, or of another version.
                _ => remove(&file),
            }
        }
    }
}

/// Makes a folder of the owner's alone.
fn private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn empty(folder: &Path) -> io::Result<()> {
    private(folder)?;
    for entry in folder.read_dir()? {
        std::fs::remove_file(entry?.path())?;
    }
    Ok(())
}

/// One that stays is found again at the next start.
fn remove(file: &Path) {
    let _ = std::fs::remove_file(file);
}

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
