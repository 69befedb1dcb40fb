//! A catalog full of made-up images, for the examples that measure lists.

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use safelight::catalog::{Account, Catalog, NewAccount};
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::image::{BlobId, Creator, Image, ImageId, Metadata};
use safelight_domain::image::{Privacy, SourceFormat, SourceInfo, Turn};
use safelight_domain::signature::{KeyName, SigningKey};
use safelight_domain::token::{Role, Scope, TokenHash, TokenRecord};
use safelight_domain::transform::Transform;
use safelight_domain::variant::{Variant, VariantAccess, VariantName};
use std::path::Path;
use std::time::Instant;

/// Insertions under way at once; the catalog commits them in groups.
const IN_FLIGHT: usize = 512;

/// What an example makes up of the image of a number.
pub(crate) type MakeUp = fn(&AccountId, u64) -> anyhow::Result<Image>;

/// The catalog and its account, by the arguments FOLDER and COUNT. With an empty folder that many images are
/// inserted first.
pub(crate) async fn catalog(example: &str, make_up: MakeUp) -> anyhow::Result<(Catalog, AccountId, u64)> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().with_context(|| format!("usage: {example} FOLDER COUNT"));
    let (folder, count) = (next()?, next()?.parse::<u64>()?);
    std::fs::create_dir_all(&folder)?;
    let path = Path::new(&folder).join("catalog.sqlite");
    let catalog = Catalog::open(&path)?;
    let account = AccountId::from_random([7; 16]);
    if catalog.image_count(&account).await? == 0 {
        fill(&catalog, &account, count, make_up).await?;
    }
    ensure!(catalog.image_count(&account).await? == count, "the folder has another number of images");
    println!("{count} images, {} MB on disk", std::fs::metadata(&path)?.len() / 1_000_000);
    Ok((catalog, account, count))
}

async fn fill(catalog: &Catalog, account: &AccountId, count: u64, make_up: MakeUp) -> anyhow::Result<()> {
    catalog.create_account(new_account(account)?).await?;
    let begin = Instant::now();
    let mut insertions = futures_util::stream::iter(0..count)
        .map(|number| async move { anyhow::Ok(catalog.insert_image(make_up(account, number)?).await?) })
        .buffer_unordered(IN_FLIGHT);
    let mut done = 0_u64;
    while let Some(inserted) = insertions.next().await {
        inserted?;
        done += 1;
        if done.is_multiple_of(100_000) {
            println!("{done} inserted after {:.0?}", begin.elapsed());
        }
    }
    Ok(())
}

/// Numbers without a pattern, always the same ones (the finalizer of SplitMix64).
pub(crate) fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A private photograph, uploaded 50 ms after the one of the number before.
pub(crate) fn photograph(
    account: &AccountId,
    number: u64,
    filename: String,
    creator: &str,
    metadata: &serde_json::Value,
) -> anyhow::Result<Image> {
    let bytes = (u128::from(scattered(number)) << 64 | u128::from(number)).to_be_bytes();
    Ok(Image {
        account: account.clone(),
        id: ImageId::from_random(bytes),
        blob: BlobId::from_random(bytes),
        source: SourceInfo {
            format: SourceFormat::Jpeg,
            width: 4000,
            height: 3000,
            has_alpha: false,
            frames: 1,
            turn: Turn::Upright,
        },
        bytes: 1_000_000,
        filename: Some(filename),
        metadata: Metadata::from_json_object(metadata.to_string())?,
        creator: Some(Creator::parse(creator)?),
        privacy: Privacy::RequireSigned,
        uploaded_ms: 1_700_000_000_000 + i64::try_from(number)? * 50,
    })
}

fn new_account(account: &AccountId) -> anyhow::Result<NewAccount> {
    Ok(NewAccount {
        account: Account {
            id: account.clone(),
            hash: AccountHash::from_random([7; 22]),
            name: "made up".to_owned(),
            created_ms: 0,
        },
        key: SigningKey::new(KeyName::parse(KeyName::DEFAULT)?, "none".to_owned())?,
        variant: Variant {
            name: VariantName::parse(VariantName::PUBLIC)?,
            transform: Transform::default(),
            browser_ttl: None,
            access: VariantAccess::FollowImage,
        },
        token: TokenRecord {
            id: "none".to_owned(),
            account: account.clone(),
            name: "none".to_owned(),
            hash: TokenHash::of("none"),
            scopes: vec![Scope::Read],
            role: Role::Member,
            created_ms: 0,
            used_ms: None,
        },
    })
}
