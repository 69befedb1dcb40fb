//! The catalog: every row the product keeps, in SQLite or PostgreSQL.

use accounts::DeliveryAccounts;
use cache::Cache;
use database::Connection;
use events::Act;
use follower::{Knowledge, Number};
use origins::RemoteOrigins;
use postgres::{Notices, Postgres, Server};
use readers::Readers;
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::image::{BlobId, Creator, Image, ImageId, Metadata, Privacy};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::options::Recipe;
use safelight_domain::quota::{OwnQuota, Quota};
use safelight_domain::signature::SigningKey;
use safelight_domain::token::TokenRecord;
use safelight_domain::transform::Effort;
use safelight_domain::variant::{BrowserTtl, Variant, VariantAccess, VariantName};
use sqlite::Sqlite;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;
use writer::Writer;

mod accounts;
mod address;
mod batch_tokens;
mod cache;
mod conditions;
mod copy;
mod database;
mod drafts;
mod duties;
mod events;
mod examine;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
mod follower;
mod images;
mod import_items;
mod imports;
mod jobs;
mod keys;
mod levels;
mod lists;
mod matching;
mod metadata;
mod notices;
mod origins;
mod postgres;
mod quotas;
mod readers;
mod renditions;
mod rows;
mod schema;
mod search;
mod search_index;
mod sessions;
mod sourcing_migrations;
mod sourcing_objects;
mod sourcing_sources;
mod sql;
mod sqlite;
mod stored;
mod tokens;
mod usage;
mod variants;
mod writer;

pub use address::{PostgresAddress, PostgresAddressError, TlsError};
pub use batch_tokens::MAX_BATCH_TOKENS;
pub use copy::{
    CatalogPlace, CopyRowsError, Derived, Found, drop_from_snapshot, finish_snapshot, has_blob, put_rows,
    require_empty, take_snapshot,
};
pub use database::DatabaseError;
pub use drafts::FulfilError;
pub use events::{Action, ImageEvent, MAX_EVENTS};
pub use examine::{Examiner, IndexFaults, WrongCounter};
pub use images::InsertImageError;
pub use import_items::{ImportFailure, ImportItem, ImportPage, ImportWork, ItemOutcome};
pub use imports::{
    Import, ImportFrom, Listed, MAX_FAILURES, MAX_IMPORTS, MAX_RUNNING_IMPORTS, NewImport, RemoteAccount,
    StoppedImport,
};
pub use jobs::{Job, JobKind, JobLine};
pub use keys::{InsertKeyError, KnownKey, MAX_KEYS};
pub use levels::MAX_FOR_LEVELS;
pub use lists::MAX_LIST;
pub use matching::Matching;
pub use notices::Webhook;
pub use origins::RemoteOrigin;
pub use quotas::{QuotaChanges, Room};
pub use renditions::{MAX_EVICTED, UsedRendition};
pub use schema::SCHEMA_VERSION;
pub use search::{FoundImages, ImageSearch, ImageSort, SearchCursor};
pub use sourcing_migrations::{
    MAX_ACTIVE_MIGRATIONS, MAX_LOGS, MAX_MIGRATIONS, MigrationChange, MigrationCounts, MigrationLog,
    NewMigration, NewMigrationError, SourcingMigration,
};
pub use sourcing_objects::{MigrationObject, MigrationPage, MigrationWork, ObjectOutcome};
pub use sourcing_sources::{BucketPlace, BucketSource, DeletedSource, MAX_SOURCES};
pub use stored::{StoredKind, StoredRow, StoredRows, StoredTotal};
pub use usage::{KEY_MEASURE, StoredSizes, USAGE_WIDTHS, UsageCounts, UsagePoints, UsageRow};

/// Handle to the catalog; clones share it. Every method may be called from async code: blocking
/// work runs elsewhere. A change is durable (synced to disk) when its method returns, and every
/// read that begins then sees it. A change whose caller stops waiting may be made all the same.
#[derive(Clone)]
pub struct Catalog {
    inner: Arc<Inner>,
    /// Who makes the changes of this handle, if images shall remember it.
    act: Option<Act>,
    /// What holds for accounts that are given nothing else.
    quota: Quota,
}

struct Inner {
    writer: Writer,
    readers: Readers,
    accounts: DeliveryAccounts,
    remote_origins: RemoteOrigins,
    images: Cache<ImageKey, Arc<Image>>,
    renditions: Cache<RenditionKey, Arc<UsedRendition>>,
    knowledge: Arc<Knowledge>,
}

/// What finds an image.
type ImageKey = (AccountId, ImageId);

/// Connections for reading. More would only wait for the processors.
const READERS: usize = 4;

/// The same on a server: an answer takes a way there and back.
const SERVER_READERS: usize = 8;

/// Images kept in memory: some 20 MB of usual ones, and at most ten times that.
const CACHED_IMAGES: usize = 32_768;

/// Rows of renditions kept in memory: some 30 MB.
const CACHED_RENDITIONS: usize = 65_536;

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
    Database(#[from] DatabaseError),
    /// Its folder cannot be synced, or no thread started.
    #[error("the catalog cannot be opened")]
    System(#[from] std::io::Error),
    /// No TLS is to be had.
    #[error("TLS to the database cannot be set up")]
    Tls(#[from] TlsError),
    /// What is needed from the first moment on cannot be read.
    #[error("the catalog cannot be read")]
    Catalog(#[from] CatalogError),
}

/// The database failed; the request can only be answered with 500.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// The database said so.
    #[error("the catalog failed")]
    Database(#[from] DatabaseError),
    /// A stored row makes no sense.
    #[error("a row of table {table} is damaged: {why}")]
    Damaged {
        /// Table name.
        table: &'static str,
        /// What does not parse.
        why: String,
    },
    /// Its threads have ended.
    #[error("the catalog has stopped")]
    Stopped,
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

impl From<DatabaseError> for InsertError {
    fn from(error: DatabaseError) -> InsertError {
        match error {
            DatabaseError::Taken(_) => InsertError::Exists,
            error => InsertError::Catalog(error.into()),
        }
    }
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
    /// Every active key.
    pub keys: Vec<SigningKey>,
    /// Every variant.
    pub variants: HashMap<VariantName, DeliveryVariant>,
    /// Its settings.
    pub config: AccountConfig,
}

/// Settings of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountConfig {
    /// Whether options in URLs are served.
    pub flexible_variants: FlexibleVariants,
    /// How long browsers keep pictures where the variant does not say; `None` is
    /// [`BrowserTtl::DEFAULT`].
    pub browser_ttl: Option<BrowserTtl>,
    /// What the instance's admin gives it apart from the others.
    pub quota: OwnQuota,
}

/// Changes to settings; `None` leaves one as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConfigChanges {
    /// See [`AccountConfig::flexible_variants`].
    pub flexible_variants: Option<FlexibleVariants>,
    /// See [`AccountConfig::browser_ttl`]; `Some(None)` returns to the default.
    pub browser_ttl: Option<Option<BrowserTtl>>,
    /// See [`AccountConfig::quota`].
    pub quota: QuotaChanges,
}

/// What delivery needs of a variant.
#[derive(Clone, Debug)]
pub struct DeliveryVariant {
    /// What is done to the pixels.
    pub recipe: Recipe,
    /// How long browsers keep it; `None` takes the account's or the default.
    pub browser_ttl: Option<BrowserTtl>,
    /// Who may see it of a private image.
    pub access: VariantAccess,
}

/// Whether options in URLs are served (`flexible_variants`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlexibleVariants {
    /// The default: nobody but the account's owner makes up sizes.
    #[default]
    Off,
    /// Of public images to anyone, of private ones by signed URL.
    On,
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
    pub transform: Arc<str>,
    /// Of the rendition.
    pub format: OutputFormat,
    /// `safelight_pixels::ENGINE_VERSION`.
    pub engine: u32,
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
    /// Of its encoder. A thorough one takes the place of a quick one, and is as good as it gets.
    pub effort: Effort,
}

/// A stored level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLevel {
    /// What the sides of the original were divided by.
    pub divisor: u32,
    /// The fresh name of its bytes: 32 hexadecimal digits.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
}

impl Catalog {
    /// Opens or creates the catalog in a file and brings it to this program's schema version.
    /// Blocks.
    pub fn open(path: &Path) -> Result<Catalog, OpenError> {
        let writer = Sqlite::writer(path)?;
        schema::migrate(&writer, &schema::MIGRATIONS)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            // SQLite syncs the folder for its log, not for the file that it made just now.
            File::open(folder)?.sync_all()?;
        }
        let reader = |_| Ok(Box::new(Sqlite::reader(path)?) as Box<dyn Connection + Send>);
        let readers = (0..READERS).map(reader).collect::<Result<Vec<_>, DatabaseError>>()?;
        Ok(Catalog::over(Box::new(writer), readers, Knowledge::alone())?.0)
    }

    /// The schema version of a catalog in a file; 0 where there is no file. Blocks.
    pub fn version_of_file(path: &Path) -> Result<u32, OpenError> {
        if !path.try_exists()? {
            return Ok(0);
        }
        Ok(schema::found(&Sqlite::reader(path)?)?)
    }

    /// The schema version of a catalog in a database on a server; 0 where there is none.
    pub async fn version_on(address: &PostgresAddress) -> Result<u32, OpenError> {
        let server = Arc::new(Server::new(address.config(), address.tls()?)?);
        let look = move || Ok(schema::found(&Postgres::reader(server))?);
        tokio::task::spawn_blocking(look).await.map_err(std::io::Error::from)?
    }

    /// Opens the catalog in a database on a server and brings it to this program's schema version. Others may do
    /// the same at any time; what they change is known here within a moment.
    pub async fn connect(address: &PostgresAddress) -> Result<Catalog, OpenError> {
        let server = Arc::new(Server::new(address.config(), address.tls()?)?);
        tokio::task::spawn_blocking(move || Catalog::on(server)).await.map_err(std::io::Error::from)?
    }

    fn on(server: Arc<Server>) -> Result<Catalog, OpenError> {
        let writer = Postgres::writer(Arc::clone(&server));
        schema::migrate(&writer, &schema::MIGRATIONS)?;
        let reader = |_| Box::new(Postgres::reader(Arc::clone(&server))) as Box<dyn Connection + Send>;
        let (catalog, known) = Catalog::over(
            Box::new(writer),
            (0..SERVER_READERS).map(reader).collect(),
            Knowledge::starting(),
        )?;
        let notices = Arc::new(Notices::default());
        let follower = Postgres::listening(Arc::clone(&server), Arc::clone(&notices));
        follower::follow(follower, notices, Arc::downgrade(&catalog.inner), known)?;
        catalog.inner.knowledge.await_first()?;
        Ok(catalog)
    }

    /// And the number of the last change that it knows.
    fn over(
        writer: Box<dyn Connection + Send>,
        readers: Vec<Box<dyn Connection + Send>>,
        knowledge: Knowledge,
    ) -> Result<(Catalog, Number), OpenError> {
        let knowledge = Arc::new(knowledge);
        metadata::index_backlog(&*writer)?;
        search_index::index_backlog(&*writer)?;
        let load =
            || Ok((follower::last(&*writer)?, accounts::load_all(&*writer)?, origins::load(&*writer)?));
        let (known, accounts, origins) = rows::at_one_moment(&*writer, load)?;
        let inner = Inner {
            accounts: DeliveryAccounts::new(accounts, known),
            remote_origins: RemoteOrigins::new(origins, known),
            writer: Writer::start(writer, Arc::clone(&knowledge))?,
            readers: Readers::new(readers, Arc::clone(&knowledge)),
            images: Cache::new(CACHED_IMAGES),
            renditions: Cache::new(CACHED_RENDITIONS),
            knowledge,
        };
        Ok((Catalog { inner: Arc::new(inner), act: None, quota: Quota::OFF }, known))
    }

    /// Runs a trivial query and asks whether changes are still taken (for readiness).
    pub async fn check(&self) -> Result<(), CatalogError> {
        self.inner.writer.check()?;
        let query = "SELECT 1 FROM accounts LIMIT 1";
        self.inner.readers.read(|connection| rows::any(connection, query, ()).map(drop)).await
    }
}

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;
