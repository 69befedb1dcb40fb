//! Rows for tests, here and in the server.
#![allow(clippy::expect_used, missing_docs)] // Tests alone call this.

use crate::{Account, Catalog, NewAccount};
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::image::{
    BlobId, Creator, Image, ImageId, Metadata, Privacy, SourceFormat, SourceInfo, Turn,
};
use safelight_domain::signature::{KeyName, SigningKey};
use safelight_domain::token::{Role, Scope, TokenHash, TokenRecord};
use safelight_domain::transform::Transform;
use safelight_domain::variant::{Variant, VariantAccess, VariantName};
use tempfile::TempDir;

/// A new catalog. It lives as long as its folder.
pub fn new_catalog() -> (TempDir, Catalog) {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = Catalog::open(&folder.path().join("catalog.sqlite")).expect("opens");
    (folder, catalog)
}

/// A new catalog with the accounts `a` and `b`.
pub async fn two_accounts() -> (TempDir, Catalog) {
    let (folder, catalog) = new_catalog();
    for digit in ['a', 'b'] {
        catalog.create_account(new_account(digit)).await.expect("a new account");
    }
    (folder, catalog)
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
