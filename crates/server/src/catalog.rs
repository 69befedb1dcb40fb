//! The catalog: every row the product keeps, in SQLite.

use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::image::{BlobId, Creator, Image, ImageId, Metadata, Privacy};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::signature::{KeyName, SigningKey};
use safelight_domain::token::{TokenHash, TokenRecord};
use safelight_domain::variant::{Variant, VariantName};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

/// Handle to the catalog; clones share it. Every method may be called from async code: blocking
/// work runs elsewhere. A change is durable (synced to disk) when its method returns.
#[derive(Clone)]
pub struct Catalog {}

/// Why the catalog could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Written by a newer version.
    #[error(
        "the catalog has schema version {found}, this program knows up to {known}: use the newer program"
    )]
    Newer {
        /// In the file.
        found: u32,
        /// Of this program.
        known: u32,
    },
    /// Not readable, not a database, or not migratable.
    #[error("the catalog cannot be opened")]
    Storage(#[from] rusqlite::Error),
}

/// The database failed; the request can only be answered with 500.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// SQLite said so.
    #[error("the catalog failed")]
    Storage(#[from] rusqlite::Error),
    /// A stored row makes no sense.
    #[error("a row of table {table} is damaged: {why}")]
    Damaged {
        /// Table name.
        table: &'static str,
        /// What does not parse.
        why: String,
    },
}

/// A refused insertion.
#[derive(Debug, Error)]
pub enum InsertError {
    /// The name is taken.
    #[error("it exists already")]
    Exists,
    /// The account has as many as it may (variants: 100).
    #[error("the account has as many as it may")]
    Full,
    /// See [`CatalogError`].
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// In the management API.
    pub id: AccountId,
    /// In delivery URLs.
    pub hash: AccountHash,
    /// For people.
    pub name: String,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub created_ms: i64,
}

/// A new account and what every account has from its first moment, inserted in one transaction.
pub struct NewAccount {
    /// The account.
    pub account: Account,
    /// The key `default`.
    pub key: SigningKey,
    /// The variant `public`.
    pub variant: Variant,
    /// Its first token.
    pub token: TokenRecord,
}

/// What delivery needs of an account, kept in memory and replaced at once by every change.
#[derive(Debug)]
pub struct DeliveryAccount {
    /// The account.
    pub id: AccountId,
    /// In delivery URLs.
    pub hash: AccountHash,
    /// Every active key.
    pub keys: Vec<SigningKey>,
    /// Every variant.
    pub variants: HashMap<VariantName, Arc<Variant>>,
}

/// Changes to an image; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct ImageChanges {
    /// Replaces the whole object.
    pub metadata: Option<Metadata>,
    /// `Some(None)` clears it.
    pub creator: Option<Option<Creator>>,
    /// Who may see it.
    pub privacy: Option<Privacy>,
}

/// Which images a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreatorFilter {
    /// All.
    Any,
    /// Those without a creator (`creator=`).
    Unset,
    /// Those of one creator.
    Is(Creator),
}

/// By upload time, then id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortOrder {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// A place in a list: the last image of the page before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListCursor {
    /// Its upload time.
    pub uploaded_ms: i64,
    /// Its id.
    pub id: ImageId,
}

/// Names a rendition: one for each of these, however many times it was made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RenditionKey {
    /// The original.
    pub blob: BlobId,
    /// `Transform::canonical`.
    pub transform: String,
    /// Of the rendition.
    pub format: OutputFormat,
    /// `safelight_pixels::ENGINE_VERSION`.
    pub engine: u32,
    /// Encoder effort; 0 is the only one so far.
    pub effort: u8,
}

/// A stored rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendition {
    /// The fresh name of its bytes: 32 hexadecimal digits.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// A job as leased to one runner.
#[derive(Clone, Debug)]
pub struct Job {
    /// Row id.
    pub id: i64,
    /// What to do.
    pub kind: JobKind,
    /// How often it was leased, this time included.
    pub attempts: u32,
}

/// Background work. Every job may run twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Delete every stored byte of a blob (its image is gone).
    DeleteBlob(BlobId),
}

macro_rules! stub {
    () => {
        unimplemented!()
    };
}

#[allow(unused_variables, missing_docs)]
impl Catalog {
    /// Opens or creates the catalog in a file and brings it to this program's schema version.
    pub fn open(path: &Path) -> Result<Catalog, OpenError> {
        stub!()
    }

    pub async fn create_account(&self, new: NewAccount) -> Result<(), InsertError> {
        stub!()
    }
    pub async fn accounts(&self) -> Result<Vec<Account>, CatalogError> {
        stub!()
    }
    pub async fn find_account(&self, id: &AccountId) -> Result<Option<Account>, CatalogError> {
        stub!()
    }
    /// What delivery needs, from memory.
    pub async fn delivery_account(
        &self,
        hash: &AccountHash,
    ) -> Result<Option<Arc<DeliveryAccount>>, CatalogError> {
        stub!()
    }

    pub async fn find_token(&self, hash: &TokenHash) -> Result<Option<TokenRecord>, CatalogError> {
        stub!()
    }
    pub async fn tokens(&self, account: &AccountId) -> Result<Vec<TokenRecord>, CatalogError> {
        stub!()
    }
    pub async fn insert_token(&self, token: TokenRecord) -> Result<(), InsertError> {
        stub!()
    }
    /// Whether there was one.
    pub async fn delete_token(&self, account: &AccountId, id: &str) -> Result<bool, CatalogError> {
        stub!()
    }

    /// By name.
    pub async fn keys(&self, account: &AccountId) -> Result<Vec<SigningKey>, CatalogError> {
        stub!()
    }
    /// Inserts a key; an existing one of that name stays as it is and is `Exists`.
    pub async fn insert_key(&self, account: &AccountId, key: SigningKey) -> Result<(), InsertError> {
        stub!()
    }
    /// Deletes a key; when it was the last, `replacement` is inserted in the same transaction. Whether there was one.
    pub async fn delete_key(
        &self,
        account: &AccountId,
        name: &KeyName,
        replacement: SigningKey,
    ) -> Result<bool, CatalogError> {
        stub!()
    }

    /// By name.
    pub async fn variants(&self, account: &AccountId) -> Result<Vec<Variant>, CatalogError> {
        stub!()
    }
    pub async fn find_variant(
        &self,
        account: &AccountId,
        name: &VariantName,
    ) -> Result<Option<Variant>, CatalogError> {
        stub!()
    }
    pub async fn insert_variant(&self, account: &AccountId, variant: Variant) -> Result<(), InsertError> {
        stub!()
    }
    /// Replaces the variant of that name. Whether there was one.
    pub async fn update_variant(&self, account: &AccountId, variant: Variant) -> Result<bool, CatalogError> {
        stub!()
    }
    /// Whether there was one.
    pub async fn delete_variant(
        &self,
        account: &AccountId,
        name: &VariantName,
    ) -> Result<bool, CatalogError> {
        stub!()
    }

    pub async fn insert_image(&self, image: Image) -> Result<(), InsertError> {
        stub!()
    }
    /// From memory where possible.
    pub async fn find_image(
        &self,
        account: &AccountId,
        id: &ImageId,
    ) -> Result<Option<Arc<Image>>, CatalogError> {
        stub!()
    }
    /// The image as changed; `None` if there is none.
    pub async fn update_image(
        &self,
        account: &AccountId,
        id: &ImageId,
        changes: ImageChanges,
    ) -> Result<Option<Arc<Image>>, CatalogError> {
        stub!()
    }
    /// Deletes the row and its renditions' rows and enqueues [`JobKind::DeleteBlob`], in one transaction. Whether there was one.
    pub async fn delete_image(
        &self,
        account: &AccountId,
        id: &ImageId,
        now_ms: i64,
    ) -> Result<bool, CatalogError> {
        stub!()
    }
    /// Page `page` (from 1) of the newest images first.
    pub async fn image_page(
        &self,
        account: &AccountId,
        filter: CreatorFilter,
        page: u64,
        per_page: u32,
    ) -> Result<Vec<Image>, CatalogError> {
        stub!()
    }
    /// The images after `after`, at most `limit`.
    pub async fn images_after(
        &self,
        account: &AccountId,
        filter: CreatorFilter,
        order: SortOrder,
        after: Option<ListCursor>,
        limit: u32,
    ) -> Result<Vec<Image>, CatalogError> {
        stub!()
    }
    /// From a counter kept with every change, not by counting rows.
    pub async fn image_count(&self, account: &AccountId) -> Result<u64, CatalogError> {
        stub!()
    }
    /// Whether any image has this blob (for the sweeper).
    pub async fn blob_in_use(&self, blob: &BlobId) -> Result<bool, CatalogError> {
        stub!()
    }

    /// From memory where possible; notes the use for eviction at most once an hour.
    pub async fn find_rendition(
        &self,
        key: &RenditionKey,
        now_ms: i64,
    ) -> Result<Option<Rendition>, CatalogError> {
        stub!()
    }
    /// Inserts unless the key is taken or the blob has no image any more; returns the stored rendition (the older one when taken), `None` when the image is gone.
    pub async fn insert_rendition(
        &self,
        key: RenditionKey,
        rendition: Rendition,
        now_ms: i64,
    ) -> Result<Option<Rendition>, CatalogError> {
        stub!()
    }
    /// Deletes the row of this key if it still names these bytes.
    pub async fn forget_rendition(&self, key: &RenditionKey, name: &str) -> Result<(), CatalogError> {
        stub!()
    }
    /// Whether any row names this rendition of this blob (for the sweeper).
    pub async fn rendition_in_use(&self, blob: &BlobId, name: &str) -> Result<bool, CatalogError> {
        stub!()
    }
    /// While all renditions together exceed `max_bytes`: deletes the least recently used rows and returns their blobs and names.
    pub async fn evict_renditions(&self, max_bytes: u64) -> Result<Vec<(BlobId, String)>, CatalogError> {
        stub!()
    }

    pub async fn enqueue(&self, kind: JobKind, not_before_ms: i64) -> Result<(), CatalogError> {
        stub!()
    }
    /// Leases the next due job until `lease_until_ms`.
    pub async fn lease_job(&self, now_ms: i64, lease_until_ms: i64) -> Result<Option<Job>, CatalogError> {
        stub!()
    }
    pub async fn finish_job(&self, id: i64) -> Result<(), CatalogError> {
        stub!()
    }
    pub async fn retry_job(&self, id: i64, not_before_ms: i64) -> Result<(), CatalogError> {
        stub!()
    }

    /// Runs a trivial query (for readiness).
    pub async fn check(&self) -> Result<(), CatalogError> {
        stub!()
    }
}
