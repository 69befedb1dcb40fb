//! How long pages of the list take under filters by metadata, in a catalog of made-up images.
//!
//! `cargo run --example metadata_filters -- FOLDER COUNT`
//!
//! Makes `FOLDER/catalog.sqlite` with that many images unless it is there, then prints for each query
//! the time of its first page of 1,000, the worst of its next pages, and how full they were.

mod made_up;

use made_up::{photograph, scattered};
use safelight::catalog::{Catalog, CreatorFilter, Matching, SortOrder};
use safelight_domain::account::AccountId;
use safelight_domain::image::Image;
use safelight_domain::metadata_filter::parse_filters;
use std::time::{Duration, Instant};

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
    let (catalog, account, _) = made_up::catalog("metadata_filters", make_up).await?;
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

fn make_up(account: &AccountId, number: u64) -> anyhow::Result<Image> {
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
    let creator = format!("user {}", random % 1000);
    photograph(account, number, format!("photo {number}.jpg"), &creator, &metadata)
}
