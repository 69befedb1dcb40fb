//! Which bytes the rows of a catalog name, for copies and examinations.

use super::copy::reader;
use super::database::{Connection, Row};
use super::rows::{all, damaged, first};
use super::{CatalogError, CatalogPlace, CopyRowsError};
use safelight_domain::account::AccountId;
use safelight_domain::image::{BlobId, ImageId};

/// Images of one page.
const PAGE: usize = 256;

/// The rows of a catalog, in the order of their blobs.
pub struct StoredRows(Box<dyn Connection + Send>);

/// Bytes that a row names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// The original, or what they are derived from.
    pub blob: BlobId,
    /// What they are.
    pub kind: StoredKind,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of them, where it is known.
    pub sha256: Option<[u8; 32]>,
}

/// See [`StoredRow`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredKind {
    /// An original, and whose image it is.
    Original(AccountId, ImageId),
    /// A level, by name.
    Level(String),
    /// A rendition, by name.
    Rendition(String),
}

impl StoredKind {
    /// Whether they cannot be made again.
    pub fn is_original(&self) -> bool {
        matches!(self, StoredKind::Original(..))
    }
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredTotal {
    /// Images.
    pub images: u64,
    /// Bytes of everything.
    pub bytes: u64,
}

impl StoredRows {
    /// Opens a catalog of this program's version. Blocks, as everything here does.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(place: &CatalogPlace) -> Result<StoredRows, CopyRowsError> {
        Ok(StoredRows(reader(place)?))
    }

    /// The rows of the images after a blob; none at the end. Each original comes before what was made of it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn page(&self, after: Option<&BlobId>) -> Result<Vec<StoredRow>, CatalogError> {
        let after = after.map_or("", BlobId::as_str);
        let sql =
            format!("SELECT account, id, blob, bytes FROM images WHERE blob > ?1 ORDER BY blob LIMIT {PAGE}");
        let mut page = all(&*self.0, &sql, [after], original)?;
        let Some(last) = page.last().map(|row| row.blob.clone()) else { return Ok(page) };
        let between = (after, last.as_str());
        let sql = "SELECT blob, name, bytes FROM levels WHERE blob > ?1 AND blob <= ?2";
        page.extend(all(&*self.0, sql, between, level)?);
        let sql = "SELECT blob, name, bytes, sha256 FROM renditions WHERE blob > ?1 AND blob <= ?2";
        page.extend(all(&*self.0, sql, between, rendition)?);
        page.sort_by(|one, other| one.blob.as_str().cmp(other.blob.as_str()));
        Ok(page)
    }

    /// By counting.
    ///
    /// # Errors
    /// When the database fails.
    pub fn total(&self) -> Result<StoredTotal, CatalogError> {
        let sql = "SELECT count(*), CAST(coalesce(sum(bytes), 0)
                       + (SELECT coalesce(sum(bytes), 0) FROM levels)
                       + (SELECT coalesce(sum(bytes), 0) FROM renditions) AS BIGINT) FROM images";
        let parse = |row: &Row<'_>| Ok(StoredTotal { images: row.get(0)?, bytes: row.get(1)? });
        Ok(first(&*self.0, sql, (), parse)?.unwrap_or_default())
    }

    /// The account that was made first, and when.
    ///
    /// # Errors
    /// When the database fails.
    pub fn oldest_account(&self) -> Result<Option<(AccountId, i64)>, CatalogError> {
        let sql = "SELECT id, created_ms FROM accounts ORDER BY created_ms, id LIMIT 1";
        first(&*self.0, sql, (), |row| {
            let id = AccountId::parse(&row.get::<_, String>(0)?).map_err(|why| damaged("accounts", why))?;
            Ok((id, row.get(1)?))
        })
    }
}

fn blob(row: &Row<'_>, table: &'static str) -> Result<BlobId, CatalogError> {
    BlobId::parse(&row.get::<_, String>("blob")?).ok_or_else(|| damaged(table, "blob"))
}

fn original(row: &Row<'_>) -> Result<StoredRow, CatalogError> {
    let account =
        AccountId::parse(&row.get::<_, String>("account")?).map_err(|why| damaged("images", why))?;
    let kind = StoredKind::Original(account, ImageId::named(&row.get::<_, String>("id")?));
    Ok(StoredRow { blob: blob(row, "images")?, kind, bytes: row.get("bytes")?, sha256: None })
}

fn level(row: &Row<'_>) -> Result<StoredRow, CatalogError> {
    let kind = StoredKind::Level(row.get("name")?);
    Ok(StoredRow { blob: blob(row, "levels")?, kind, bytes: row.get("bytes")?, sha256: None })
}

fn rendition(row: &Row<'_>) -> Result<StoredRow, CatalogError> {
    let kind = StoredKind::Rendition(row.get("name")?);
    let sha256 = Some(row.get("sha256")?);
    Ok(StoredRow { blob: blob(row, "renditions")?, kind, bytes: row.get("bytes")?, sha256 })
}
