//! Looks over a whole installation: whether every row has its bytes and every object its row, counters and indices,
//! clocks, and whom the data folder is open to.

use crate::blobs::{BlobError, BlobKey, Blobs};
use crate::catalog::{
    Catalog, CatalogError, CatalogPlace, CopyRowsError, Examiner, IndexFaults, StoredKind, StoredRow,
    StoredRows, WrongCounter,
};
use crate::copy::key;
use crate::sweep::{ORPHAN_AGE, SweepError, in_use};
use futures_util::{StreamExt, TryStreamExt, stream};
use safelight_domain::hex;
use safelight_domain::image::BlobId;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;

/// Objects that are looked at at once.
const AT_ONCE: usize = 16;

/// Clocks that differ by less are one: an answer takes its time, and stores tell whole seconds.
const CLOCKS_MS: i64 = 5_000;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A clock differs by so many milliseconds from this machine's.
    Clock(&'static str, i64),
    /// A counter is wrong.
    Counter(WrongCounter),
    /// An index is wrong.
    Index(IndexFaults),
    /// The bytes of a row are not there.
    Missing(StoredRow),
    /// They are others than the row says.
    Damaged(StoredRow),
    /// Bytes without a row. Younger ones than a day may be an upload on its way, and are none.
    Orphan(BlobKey),
}

/// What becomes of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// They are told.
    Tell,
    /// What can be made right without loss is.
    Repair,
}

/// How closely bytes are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Their length.
    Length,
    /// All of them are read.
    Hash,
}

/// Why the examination ended early.
#[derive(Debug, Error)]
pub enum DoctorError {
    /// The rows.
    #[error(transparent)]
    Rows(#[from] CopyRowsError),
    /// The catalog.
    #[error("the catalog cannot be examined")]
    Catalog(#[from] CatalogError),
    /// The store.
    #[error("the store cannot be examined")]
    Blobs(#[from] BlobError),
    /// Whether an object has a row.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// A thread ended.
    #[error("the examination was interrupted")]
    Interrupted,
}

impl Finding {
    /// Whether it can be made right without loss.
    pub fn is_repairable(&self) -> bool {
        match self {
            Finding::Clock(..) => false,
            Finding::Counter(_) | Finding::Index(_) | Finding::Orphan(_) => true,
            Finding::Missing(row) | Finding::Damaged(row) => !row.kind.is_original(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Clock(whose, ms) => write!(
                f,
                "the clock of the {whose} is {} ms {} this machine's: run NTP on both",
                ms.abs(),
                if *ms > 0 { "ahead of" } else { "behind" }
            ),
            Finding::Counter(WrongCounter { account, counter, kept, counted }) => {
                write!(f, "account {account} counts {kept} {counter} and has {counted}: --repair counts anew")
            }
            Finding::Index(IndexFaults { unsearchable, search_surplus, unfilterable, filter_surplus }) => {
                write!(
                    f,
                    "searches miss {unsearchable} images and have {search_surplus} too many, filters miss {unfilterable} \
                 values and have {filter_surplus} too many: --repair makes the indices anew"
                )
            }
            Finding::Missing(row) => told(f, row, "missing"),
            Finding::Damaged(row) => told(f, row, "damaged"),
            Finding::Orphan(key) => {
                write!(f, "{key} has no row: --repair deletes it, as the server does within hours")
            }
        }
    }
}

fn told(f: &mut fmt::Formatter<'_>, row: &StoredRow, what: &str) -> fmt::Result {
    let key = key(row);
    match &row.kind {
        StoredKind::Original(account, id) => write!(
            f,
            "{key} is {what}, the original of image {} of account {}: put it back from a backup, or delete the image",
            id.as_str(),
            account.as_str()
        ),
        StoredKind::Level(_) | StoredKind::Rendition(_) => {
            write!(f, "{key} is {what}: --repair drops its row, and it is made again")
        }
    }
}

/// An installation that no server has open.
pub struct Patient {
    /// Where its catalog is.
    pub catalog: CatalogPlace,
    /// Its bytes.
    pub blobs: Blobs,
    /// A name that nothing has, for an object that asks the store for the time.
    pub fresh: BlobId,
}

/// Tells every finding to `tell`, once it was repaired if it is to be.
///
/// # Errors
/// When catalog or store cannot be read, or repaired.
pub async fn examine(
    patient: &Patient,
    treatment: Treatment,
    depth: Depth,
    now_ms: impl Fn() -> i64,
    tell: &mut (dyn FnMut(&Finding) + Send),
) -> Result<(), DoctorError> {
    let place = patient.catalog.clone();
    let examiner = away(move || Ok(Arc::new(Mutex::new(Examiner::open(&place)?)))).await?;
    let database_ms = on_rows(&examiner, |examiner| Ok(examiner.clock_ms()?)).await?;
    let clocks = [("database", database_ms), ("store", patient.blobs.clock_ms(&patient.fresh).await?)];
    for (whose, ms) in clocks {
        let ahead = ms.map_or(0, |ms| ms - now_ms());
        if ahead.abs() > CLOCKS_MS {
            tell(&Finding::Clock(whose, ahead));
        }
    }
    examine_objects(patient, &examiner, treatment, depth, tell).await?;
    let (wrong, faults) = on_rows(&examiner, move |examiner| {
        let (wrong, faults) = (examiner.wrong_counters()?, examiner.index_faults()?);
        if treatment == Treatment::Repair {
            if !wrong.is_empty() {
                examiner.recount()?;
            }
            if !faults.is_none() {
                examiner.reindex()?;
            }
        }
        Ok((wrong, faults))
    })
    .await?;
    wrong.into_iter().for_each(|wrong| tell(&Finding::Counter(wrong)));
    if !faults.is_none() {
        tell(&Finding::Index(faults));
    }
    drop(examiner);
    let before_ms = now_ms().saturating_sub(i64::try_from(ORPHAN_AGE.as_millis()).unwrap_or(i64::MAX));
    examine_orphans(patient, treatment, before_ms, tell).await
}

/// Runs queries away from the threads of the runtime.
async fn away<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, CopyRowsError> + Send + 'static,
) -> Result<T, DoctorError> {
    Ok(tokio::task::spawn_blocking(call).await.map_err(|_| DoctorError::Interrupted)??)
}

/// The same on rows that are open.
async fn on_rows<R: Send + 'static, T: Send + 'static>(
    rows: &Arc<Mutex<R>>,
    query: impl FnOnce(&mut R) -> Result<T, CopyRowsError> + Send + 'static,
) -> Result<T, DoctorError> {
    let rows = Arc::clone(rows);
    away(move || query(&mut rows.lock().unwrap_or_else(PoisonError::into_inner))).await
}

async fn examine_objects(
    patient: &Patient,
    examiner: &Arc<Mutex<Examiner>>,
    treatment: Treatment,
    depth: Depth,
    tell: &mut (dyn FnMut(&Finding) + Send),
) -> Result<(), DoctorError> {
    let place = patient.catalog.clone();
    let rows = away(move || Ok(Arc::new(Mutex::new(StoredRows::open(&place)?)))).await?;
    let mut after = None;
    loop {
        let from = after.clone();
        let page = on_rows(&rows, move |rows| Ok(rows.page(from.as_ref())?)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.blob.clone());
        let found: Vec<Option<Finding>> = stream::iter(page)
            .map(|row| examine_object(&patient.blobs, row, depth))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let found: Vec<Finding> = found.into_iter().flatten().collect();
        let derived = found.iter().filter(|finding| finding.is_repairable()).filter_map(row_of);
        let derived: Vec<StoredRow> = derived.cloned().collect();
        if treatment == Treatment::Repair && !derived.is_empty() {
            // Rows first: bytes without one are an orphan.
            let rows = derived.clone();
            on_rows(examiner, move |examiner| Ok(examiner.drop_derived(&rows)?)).await?;
            for row in &derived {
                patient.blobs.delete(&key(row)).await?;
            }
        }
        found.iter().for_each(&mut *tell);
    }
}

fn row_of(finding: &Finding) -> Option<&StoredRow> {
    match finding {
        Finding::Missing(row) | Finding::Damaged(row) => Some(row),
        _ => None,
    }
}

async fn examine_object(blobs: &Blobs, row: StoredRow, depth: Depth) -> Result<Option<Finding>, BlobError> {
    let key = key(&row);
    let is_sound = match depth {
        Depth::Length => blobs.length(&key).await?.map(|bytes| bytes == row.bytes),
        Depth::Hash => match blobs.hash(&key).await {
            Ok(read) => {
                let is_same = row.sha256.is_none_or(|known| hex::digits(&known) == read.sha256);
                Some(is_same && read.bytes == row.bytes)
            }
            Err(BlobError::Missing) => None,
            Err(error) => return Err(error),
        },
    };
    Ok(match is_sound {
        None => Some(Finding::Missing(row)),
        Some(false) => Some(Finding::Damaged(row)),
        Some(true) => None,
    })
}

/// Opening the catalog as the server does also makes what its indices lack, so this comes last.
async fn examine_orphans(
    patient: &Patient,
    treatment: Treatment,
    before_ms: i64,
    tell: &mut (dyn FnMut(&Finding) + Send),
) -> Result<(), DoctorError> {
    let catalog = match &patient.catalog {
        CatalogPlace::File(path) => Catalog::open(path).map_err(CopyRowsError::from)?,
        CatalogPlace::Server(address) => Catalog::connect(address).await.map_err(CopyRowsError::from)?,
    };
    let mut stored = patient.blobs.list();
    while let Some(object) = stored.try_next().await? {
        if object.modified_ms < before_ms && !in_use(&catalog, &object.key).await? {
            if treatment == Treatment::Repair {
                patient.blobs.delete(&object.key).await?;
            }
            tell(&Finding::Orphan(object.key));
        }
    }
    Ok(())
}
