//! How long pages of the list take under filters by metadata, in a catalog of made-up images.
//!
//! `cargo run --example metadata_filters -- FOLDER COUNT`
//!
//! Makes `FOLDER/catalog.sqlite` with that many images unless it is there, then prints for each query
//! the time of its first page of 1,000, the worst of its next pages, and how full they were.

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use safelight::catalog::{Account, Catalog, CreatorFilter, Matching, NewAccount, SortOrder};
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::image::{
    BlobId, Creator, Image, ImageId, Metadata, Privacy, SourceFormat, SourceInfo, Turn,
};
use safelight_domain::metadata_filter::parse_filters;
use safelight_domain::signature::{KeyName, SigningKey};
use safelight_domain::token::{Role, Scope, TokenHash, TokenRecord};
use safelight_domain::transform::Transform;
use safelight_domain::variant::{Variant, VariantAccess, VariantName};
use std::path::Path;
use std::time::{Duration, Instant};

/// Insertions under way at once; the catalog commits them in groups.
const IN_FLIGHT: usize = 512;

/// Pages after the first that are timed.
const PAGES: usize = 20;

/// `shot` grows with the upload time, `price` is spread evenly from 0 to 1,000,000, `album` has about a
/// hundred images each, `rare` is one in 10,000, and `half` and `other` are never the same.
const QUERIES: [&str; 16] = [
    "",
    "meta.status=new",
    "meta.status[in]=new|old|lost|a|b|c|d|e|f|g",
    "meta.album=a77",
    "meta.region.name=r3",
    "meta.price[lt]=10",
    "meta.price[gte]=500000",
    "meta.price[gte]=500000&meta.price[lt]=500100",
    "meta.shot[lt]=20000",
    "meta.shot[lt]=5000",
    "meta.rare=yes",
    "meta.status=new&meta.rare=yes",
    "meta.status=new&meta.flag[eq:boolean]=true&meta.price[gte]=900000",
    "meta.status=new&meta.region.name=r3&meta.price[lt]=2000",
    "meta.half=left&meta.other=left",
    "meta.status=new&meta.shot[lt]=20000&meta.flag[eq:boolean]=true",
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("usage: metadata_filters FOLDER COUNT");
    let (folder, count) = (next()?, next()?.parse::<u64>()?);
    std::fs::create_dir_all(&folder)?;
    let path = Path::new(&folder).join("catalog.sqlite");
    let catalog = Catalog::open(&path)?;
    let account = AccountId::from_random([7; 16]);
    if catalog.image_count(&account).await? == 0 {
        fill(&catalog, &account, count).await?;
    }
    ensure!(catalog.image_count(&account).await? == count, "the folder has another number of images");
    println!("{count} images, {} MB on disk", std::fs::metadata(&path)?.len() / 1_000_000);
    println!(
        "| query | first page | worst of the next {PAGES} | images | pages |\n| --- | --- | --- | --- | --- |"
    );
    for query in QUERIES {
        for order in [SortOrder::Descending, SortOrder::Ascending] {
            measure(&catalog, &account, query, order).await?;
        }
    }
    Ok(())
}

async fn measure(
    catalog: &Catalog,
    account: &AccountId,
    query: &str,
    order: SortOrder,
) -> anyhow::Result<()> {
    let pairs: Vec<_> = query.split('&').filter_map(|pair| pair.rsplit_once('=')).collect();
    let filters = parse_filters(&pairs)?;
    let (mut after, mut times, mut images) = (None, Vec::new(), 0);
    for _ in 0..=PAGES {
        let begin = Instant::now();
        let Matching { images: page, next } = if filters.is_empty() {
            let images = catalog.images_after(account, CreatorFilter::Any, order, after, 1000).await?;
            Matching { images, next: None }
        } else {
            let any = CreatorFilter::Any;
            catalog.images_matching(account, any, filters.clone(), order, after, 1000).await?
        };
        times.push(begin.elapsed());
        images += page.len();
        after = next;
        if after.is_none() {
            break;
        }
    }
    let order = if order == SortOrder::Descending { "newest first" } else { "oldest first" };
    let first = times.remove(0);
    let worst = times.iter().max().copied().unwrap_or(Duration::ZERO);
    println!("| `{query}` {order} | {first:.1?} | {worst:.1?} | {images} | {} |", times.len() + 1);
    Ok(())
}

async fn fill(catalog: &Catalog, account: &AccountId, count: u64) -> anyhow::Result<()> {
    catalog.create_account(new_account(account)?).await?;
    let begin = Instant::now();
    let mut insertions = futures_util::stream::iter(0..count)
        .map(|number| async move { anyhow::Ok(catalog.insert_image(made_up(account, number)?).await?) })
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
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn made_up(account: &AccountId, number: u64) -> anyhow::Result<Image> {
    let random = scattered(number);
    let sides = if random & 1 == 0 { ["left", "right"] } else { ["right", "left"] };
    let status = ["new", "old", "lost"][(random >> 8) as usize % 3];
    let mut metadata = serde_json::json!({
        "status": status,
        "album": format!("a{}", (random >> 16) % 10_000),
        "price": (scattered(random) % 100_000_000) as f64 / 100.0,
        "shot": number,
        "flag": random & 2 == 0,
        "region": {"name": format!("r{}", (random >> 32) % 20)},
        "half": sides[0],
        "other": sides[1],
    });
    if (random >> 40).is_multiple_of(10_000) {
        metadata["rare"] = "yes".into();
    }
    let bytes = (u128::from(random) << 64 | u128::from(number)).to_be_bytes();
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
        filename: Some(format!("photo {number}.jpg")),
        metadata: Metadata::from_json_object(metadata.to_string())?,
        creator: Some(Creator::parse(&format!("user {}", random % 1000))?),
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
