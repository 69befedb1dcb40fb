//! Moves everything from one place to another, whatever kinds of catalog and store they have: a snapshot of the rows of
//! one moment, then the bytes that they name, then the rows. Killed anywhere, it goes on; a row never comes before its
//! bytes.

mod record;
mod work;

use crate::blobs::{BlobError, BlobKey, Blobs, ClaimError};
use crate::catalog::{
    CatalogError, CatalogPlace, CopyRowsError, Derived, Found, StoredKind, StoredRow, StoredRows,
    StoredTotal, drop_from_snapshot, finish_snapshot, has_blob, put_rows, take_snapshot,
};
use crate::config::{Config, Database, S3Config, StoreConfig};
use futures_util::{StreamExt, stream};
use record::Record;
use safelight_domain::hex;
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;
use work::Work;

pub use work::{is_backup, is_unfinished};

/// Objects on their way at once.
const AT_ONCE: usize = 8;

/// What the copy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be served from. The target must be empty.
    Move(Derived),
    /// To be kept. The target may have an older backup of the same catalog.
    Backup,
}

/// How far it has come.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// So many rows were read.
    Read(u64),
    /// So much is to be copied.
    Total(StoredTotal),
    /// One more image or piece of an image is there.
    Stored {
        /// How long it is.
        bytes: u64,
        /// Whether it is an original.
        is_image: bool,
    },
    /// So many rows were put.
    Put(u64),
}

/// Whom the steps are told to.
pub type Told = Arc<dyn Fn(Step) + Send + Sync>;

/// What was copied.
#[derive(Clone, Debug, Default)]
pub struct Copied {
    /// Rows of all tables.
    pub rows: u64,
    /// Objects that were written and read back.
    pub written: u64,
    /// Objects that were there from an earlier time.
    pub kept: u64,
    /// Images that were deleted in the source meanwhile.
    pub deleted: u64,
    /// Renditions and levels that were left behind since they were missing or damaged.
    pub remade: u64,
    /// Originals that are missing or damaged in the source. Their rows were copied.
    pub lost: Vec<String>,
}

/// Why nothing, or not everything, was copied.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The two places are one.
    #[error("both places have the same catalog")]
    Same,
    /// Something is there.
    #[error("the data folder {0} is not empty: it has {1}")]
    Occupied(PathBuf, &'static str),
    /// A backup of something else.
    #[error("the folder {0} has the backup of another catalog")]
    OtherBackup(PathBuf),
    /// The beginning of another copy.
    #[error(
        "the data folder {0} has the beginning of a copy of {1}: go on with that, or delete the folder {0}"
    )]
    OtherCopy(PathBuf, String),
    /// No account, so nothing to copy.
    #[error("the catalog of the source has no account")]
    Empty,
    /// Bytes that came back differ from those that were sent.
    #[error("{0} is not in the target as it was sent: its store cannot be relied on")]
    NotAsSent(BlobKey),
    /// An object.
    #[error("{key} cannot be copied")]
    Object {
        /// Which one.
        key: BlobKey,
        /// Why.
        source: BlobError,
    },
    /// A store cannot be opened.
    #[error("the store of the {0} cannot be opened")]
    Store(&'static str, #[source] BlobError),
    /// Whose the store is.
    #[error("the store of the target cannot be used")]
    Claim(#[from] ClaimError),
    /// The rows.
    #[error("the rows of the {0} cannot be copied")]
    Rows(&'static str, #[source] CopyRowsError),
    /// The rows of the snapshot.
    #[error("the snapshot of the rows cannot be read")]
    Snapshot(#[from] CatalogError),
    /// A file in the target.
    #[error("{0} cannot be written or read")]
    File(PathBuf, #[source] std::io::Error),
}

/// Copies everything. Both data folders are locked, but that of the source for a backup.
///
/// # Errors
/// When the target has something else, or a part of either cannot be read or written. It may be called again then.
pub async fn copy(from: &Config, to: &Config, purpose: Purpose, told: Told) -> Result<Copied, CopyError> {
    let (source, target) = (catalog_place(from), catalog_place(to));
    if is_same(&source, &target) {
        return Err(CopyError::Same);
    }
    let work = Work::begin(from, to, purpose)?;
    if work.is_done() {
        work.end()?;
        return Ok(Copied::default());
    }
    let mut copied =
        Copied { rows: snapshot(&work, &source, &target, purpose, &told).await?, ..Copied::default() };
    let rows = StoredRows::open(&CatalogPlace::File(work.snapshot()))
        .map_err(|error| CopyError::Rows("source", error))?;
    let (account, created_ms) = rows.oldest_account()?.ok_or(CopyError::Empty)?;
    let owner = format!("{} {created_ms}", account.as_str());
    work.require_own_backup(&owner)?;
    let total = rows.total()?;
    told(Step::Total(total));
    if !is_same_store(&from.store, &to.store) {
        let stores = Stores {
            from: open(from).map_err(|error| CopyError::Store("source", error))?,
            to: open(to).map_err(|error| CopyError::Store("target", error))?,
            known: Record::of_backup(&from.data)?,
        };
        stores.to.claim(&owner).await?;
        copy_objects(&stores, &work, &source, rows, &told, &mut copied).await?;
    }
    put(&work, &target, purpose, &told).await?;
    work.end()?;
    Ok(copied)
}

/// Where the catalog of these settings is.
pub fn catalog_place(config: &Config) -> CatalogPlace {
    match &config.database {
        Database::File => CatalogPlace::File(config.data.join("catalog.sqlite")),
        Database::Postgres(address) => CatalogPlace::Server(address.clone()),
    }
}

/// Opens the store, without copies in the data folder: everything is read once.
pub fn open(config: &Config) -> Result<Blobs, BlobError> {
    match &config.store {
        StoreConfig::Files => Blobs::open(&config.data.join("blobs")),
        StoreConfig::S3(s3) => {
            Blobs::open_s3(&S3Config { cache_bytes: 0, ..(**s3).clone() }, config.data.join("cache"))
        }
    }
}

/// The two stores, and what is known of the first.
struct Stores {
    from: Blobs,
    to: Blobs,
    known: Record,
}

fn is_same(one: &CatalogPlace, other: &CatalogPlace) -> bool {
    match (one, other) {
        (CatalogPlace::File(one), CatalogPlace::File(other)) => {
            one == other
                || one
                    .canonicalize()
                    .ok()
                    .is_some_and(|one| other.canonicalize().is_ok_and(|other| one == other))
        }
        (CatalogPlace::Server(one), CatalogPlace::Server(other)) => one.is_same(other),
        _ => false,
    }
}

fn is_same_store(one: &StoreConfig, other: &StoreConfig) -> bool {
    match (one, other) {
        (StoreConfig::S3(one), StoreConfig::S3(other)) => {
            (&one.bucket, &one.prefix, &one.endpoint) == (&other.bucket, &other.prefix, &other.endpoint)
        }
        _ => false,
    }
}

/// Takes one, unless its rows were begun to be put.
async fn snapshot(
    work: &Work,
    source: &CatalogPlace,
    target: &CatalogPlace,
    purpose: Purpose,
    told: &Told,
) -> Result<u64, CopyError> {
    if work.has_begun_rows() {
        return Ok(0);
    }
    if let CatalogPlace::Server(address) = target {
        let address = address.clone();
        blocking("target", move || crate::catalog::require_empty(&address)).await?;
    }
    let derived = match purpose {
        Purpose::Move(derived) => derived,
        Purpose::Backup => Derived::LeftBehind,
    };
    let (source, told, unfinished) = (source.clone(), Arc::clone(told), work.fresh_snapshot()?);
    let take = move || take_snapshot(&source, &unfinished, derived, &mut |count| told(Step::Read(count)));
    let count = blocking("source", take).await?;
    work.keep_snapshot()?;
    Ok(count)
}

/// Away from the threads of the runtime.
async fn blocking<T: Send + 'static>(
    whose: &'static str,
    call: impl FnOnce() -> Result<T, CopyRowsError> + Send + 'static,
) -> Result<T, CopyError> {
    let called = tokio::task::spawn_blocking(call).await.map_err(std::io::Error::from);
    called.map_err(CopyRowsError::from).flatten().map_err(|error| CopyError::Rows(whose, error))
}

/// What became of an object.
enum Outcome {
    Written(String),
    Kept,
    Missing,
    Damaged,
}

async fn copy_objects(
    stores: &Stores,
    work: &Work,
    source: &CatalogPlace,
    rows: StoredRows,
    told: &Told,
    copied: &mut Copied,
) -> Result<(), CopyError> {
    let mut record = Record::open(work.record())?;
    let (mut after, mut gone) = (None, Vec::new());
    loop {
        let page = rows.page(after.as_ref())?;
        let Some(last) = page.last() else { break };
        after = Some(last.blob.clone());
        let verified: Vec<_> =
            page.into_iter().map(|row| (record.hash(&key(&row).to_string()), row)).collect();
        let mut copies = stream::iter(verified)
            .map(|(verified, row)| async move { (copy_object(stores, &row, verified).await, row) })
            .buffer_unordered(AT_ONCE);
        while let Some((outcome, row)) = copies.next().await {
            told(Step::Stored { bytes: row.bytes, is_image: matches!(row.kind, StoredKind::Original(..)) });
            match (outcome?, &row.kind) {
                (Outcome::Written(sha256), _) => {
                    record.add(&key(&row).to_string(), &sha256)?;
                    copied.written += 1;
                }
                (Outcome::Kept, _) => copied.kept += 1,
                (outcome, StoredKind::Original(account, id)) => {
                    let (place, blob) = (source.clone(), row.blob.clone());
                    if blocking("source", move || has_blob(&place, &blob)).await? {
                        let what = if matches!(outcome, Outcome::Missing) { "missing" } else { "damaged" };
                        copied.lost.push(format!(
                            "{what}: image {} of account {}",
                            id.as_str(),
                            account.as_str()
                        ));
                    } else {
                        copied.deleted += 1;
                        gone.push(row);
                    }
                }
                (_, StoredKind::Level(_) | StoredKind::Rendition(_)) => {
                    copied.remade += 1;
                    gone.push(row);
                }
            }
        }
    }
    record.sync()?;
    drop(rows);
    drop_from_snapshot(&work.snapshot(), &gone).map_err(|error| CopyError::Rows("target", error))
}

async fn copy_object(
    stores: &Stores,
    row: &StoredRow,
    verified: Option<String>,
) -> Result<Outcome, CopyError> {
    let key = key(row);
    let failed = |source| CopyError::Object { key: key.clone(), source };
    let there = if verified.is_some() { stores.to.length(&key).await.map_err(failed)? } else { None };
    if there == Some(row.bytes) {
        return Ok(Outcome::Kept);
    }
    let sent = match stores.from.transfer(&key, &stores.to).await {
        Err(BlobError::Missing) => return Ok(Outcome::Missing),
        sent => sent.map_err(failed)?,
    };
    let known = row.sha256.map(|sha256| hex::digits(&sha256)).or_else(|| stores.known.hash(&key.to_string()));
    if sent.bytes != row.bytes || known.is_some_and(|known| known != sent.sha256) {
        // Of an original what is left is better than nothing.
        if !matches!(key, BlobKey::Original(_)) {
            stores.to.delete(&key).await.map_err(failed)?;
        }
        return Ok(Outcome::Damaged);
    }
    match stores.to.hash(&key).await {
        Ok(read) if read == sent => Ok(Outcome::Written(sent.sha256)),
        Ok(_) | Err(BlobError::Missing) => {
            stores.to.delete(&key).await.map_err(failed)?;
            Err(CopyError::NotAsSent(key))
        }
        Err(error) => Err(failed(error)),
    }
}

/// Where the bytes of a row are.
pub(crate) fn key(row: &StoredRow) -> BlobKey {
    let blob = row.blob.clone();
    match &row.kind {
        StoredKind::Original(..) => BlobKey::Original(blob),
        StoredKind::Level(name) => BlobKey::Level { blob, name: name.clone() },
        StoredKind::Rendition(name) => BlobKey::Rendition { blob, name: name.clone() },
    }
}

/// Puts the rows where they are served from.
async fn put(work: &Work, target: &CatalogPlace, purpose: Purpose, told: &Told) -> Result<(), CopyError> {
    let snapshot = work.snapshot();
    match (target, purpose) {
        (CatalogPlace::Server(address), _) => {
            let found = if work.has_begun_rows() { Found::Beginning } else { Found::Nothing };
            work.begin_rows()?;
            let (address, told) = (address.clone(), Arc::clone(told));
            let put = move || put_rows(&snapshot, &address, found, &mut |count| told(Step::Put(count)));
            blocking("target", put).await.map(drop)
        }
        (CatalogPlace::File(_), Purpose::Backup) => work.publish(),
        (CatalogPlace::File(_), Purpose::Move(_)) => {
            blocking("target", move || finish_snapshot(&snapshot)).await?;
            work.publish()
        }
    }
}
