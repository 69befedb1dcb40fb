//! Rows for tests, here and in the server.
#![allow(clippy::expect_used, missing_docs)] // Tests alone call this.

use crate::{Account, Catalog, NewAccount, PostgresAddress};
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::image::{
    BlobId, Creator, Image, ImageId, Metadata, Privacy, SourceFormat, SourceInfo, Turn,
};
use safelight_domain::signature::{KeyName, SigningKey};
use safelight_domain::token::{Role, Scope, TokenHash, TokenRecord};
use safelight_domain::transform::Transform;
use safelight_domain::variant::{Variant, VariantAccess, VariantName};
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Where a test's catalog is; it goes with this.
pub enum Place {
    /// In a file.
    Folder(TempDir),
    /// In a database of its own on the server that the variable names.
    Server {
        /// The server's own database.
        server: String,
        /// The test's.
        database: String,
    },
}

/// The variable that names a PostgreSQL server for tests, `postgres://user@host:port` without a database.
const SERVER: &str = "SAFELIGHT_TEST_POSTGRES";

/// Where this variable is `postgres`, every test has its catalog on that server, and else in a file.
const CATALOG: &str = "SAFELIGHT_TEST_CATALOG";

impl Place {
    /// A place of its own.
    pub async fn new() -> Place {
        if std::env::var(CATALOG).is_ok_and(|kind| kind == "postgres") {
            Place::database(std::env::var(SERVER).expect(SERVER)).await
        } else {
            Place::Folder(tempfile::tempdir().expect("a folder"))
        }
    }

    /// A place on the server. `None` where there is none; this is said, and the tests of CI have one.
    pub async fn on_server() -> Option<Place> {
        let Ok(server) = std::env::var(SERVER) else {
            assert!(std::env::var_os("CI").is_none(), "{SERVER} names no server: run `make test`");
            // Not by a macro, whose output is shown for failures alone.
            let said = b"\nSKIPPED: there is no PostgreSQL server; `scripts/postgres cargo test` runs one\n";
            std::io::stderr().write_all(said).expect("written");
            return None;
        };
        Some(Place::database(server).await)
    }

    async fn database(server: String) -> Place {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let database = format!("test_{}_{number}", std::process::id());
        ask(&server, format!("CREATE DATABASE {database}")).await;
        Place::Server { server, database }
    }

    /// Opens the catalog there.
    pub async fn open(&self) -> Catalog {
        match self {
            Place::Folder(folder) => Catalog::open(&folder.path().join("catalog.sqlite")).expect("opens"),
            Place::Server { .. } => {
                Catalog::connect(&self.address().expect("a server")).await.expect("connects")
            }
        }
    }

    /// Where it is.
    pub fn catalog(&self) -> crate::CatalogPlace {
        match self {
            Place::Folder(folder) => crate::CatalogPlace::File(folder.path().join("catalog.sqlite")),
            Place::Server { .. } => crate::CatalogPlace::Server(self.address().expect("a server")),
        }
    }

    /// Of a database.
    pub fn address(&self) -> Option<PostgresAddress> {
        self.url().map(|url| PostgresAddress::parse(&url).expect("an address"))
    }

    /// The same as settings have it.
    pub fn url(&self) -> Option<String> {
        match self {
            Place::Folder(_) => None,
            Place::Server { server, database } => Some(format!("{server}/{database}")),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Place::Server { server, database } = self {
            let (server, drop) = (server.clone(), format!("DROP DATABASE {database} WITH (FORCE)"));
            // Not on this thread, whose runtime may be busy with the test.
            let dropping = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(ask(&server, drop));
            });
            let _ = dropping.join();
        }
    }
}

async fn ask(server: &str, sql: String) {
    let config: tokio_postgres::Config = format!("{server}/postgres").parse().expect("an address");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("a server");
    tokio::spawn(connection);
    client.batch_execute(&sql).await.expect("works");
}

/// A new catalog. It lives as long as its place.
pub async fn new_catalog() -> (Place, Catalog) {
    let place = Place::new().await;
    let catalog = place.open().await;
    (place, catalog)
}

/// A new catalog in a file, for what SQLite alone has.
pub fn new_file() -> (TempDir, Catalog) {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = Catalog::open(&folder.path().join("catalog.sqlite")).expect("opens");
    (folder, catalog)
}

/// A new catalog with the accounts `a` and `b`.
pub async fn two_accounts() -> (Place, Catalog) {
    let (place, catalog) = new_catalog().await;
    for digit in ['a', 'b'] {
        catalog.create_account(new_account(digit)).await.expect("a new account");
    }
    (place, catalog)
}

pub fn account(digit: char) -> AccountId {
    AccountId::parse(&digit.to_string().repeat(32)).expect("32 digits")
}

pub fn hash(digit: char) -> AccountHash {
    AccountHash::parse(&digit.to_string().repeat(22)).expect("22 characters")
}

pub fn blob(number: u8) -> BlobId {
    BlobId::from_random([number; 16])
}

pub fn key(name: &str) -> SigningKey {
    SigningKey::new(KeyName::parse(name).expect("a name"), format!("value of {name}")).expect("not empty")
}

pub fn name(text: &str) -> VariantName {
    VariantName::parse(text).expect("a name")
}

pub fn variant(text: &str) -> Variant {
    Variant {
        name: name(text),
        transform: Transform::default(),
        browser_ttl: None,
        access: VariantAccess::FollowImage,
    }
}

pub fn token(owner: char, text: &str) -> TokenRecord {
    TokenRecord {
        id: format!("id of {text}"),
        account: account(owner),
        name: "for a test".to_owned(),
        hash: TokenHash::of(text),
        scopes: vec![Scope::Read, Scope::Sign],
        role: Role::Member,
        created_ms: 3,
        used_ms: None,
    }
}

pub fn new_account(digit: char) -> NewAccount {
    let first = TokenRecord { role: Role::InstanceAdmin, ..token(digit, &format!("first of {digit}")) };
    NewAccount {
        account: Account {
            id: account(digit),
            hash: hash(digit),
            name: format!("Account {digit}"),
            created_ms: 5,
        },
        key: key("default"),
        variant: variant("public"),
        token: first,
    }
}

/// An image with every field set.
pub fn image(owner: char, id: &str, blob: BlobId, uploaded_ms: i64) -> Image {
    Image {
        account: account(owner),
        id: ImageId::named(id),
        blob,
        source: SourceInfo {
            format: SourceFormat::WebP,
            width: 7,
            height: 12_000,
            has_alpha: true,
            frames: 3,
            turn: Turn::Sideways,
        },
        bytes: 1 << 40,
        filename: Some("ünïcode.webp".to_owned()),
        metadata: Metadata::from_json_object(r#"{"a":1}"#.to_owned()).expect("short"),
        creator: Some(Creator::parse("someone").expect("a creator")),
        privacy: Privacy::RequireSigned,
        uploaded_ms,
    }
}
