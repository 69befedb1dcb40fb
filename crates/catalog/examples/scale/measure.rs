//! Asks two catalogs the same in turns, and prints how long it took.

use crate::images::{account, id, image, scattered, uploaded_ms};
use anyhow::{Context, ensure};
use safelight_catalog::{
    Catalog, CreatorFilter, ImageChanges, ImageSearch, ImageSort, ListCursor, SearchCursor, SortOrder,
};
use safelight_domain::image::{Creator, Image, Privacy};
use safelight_domain::image_search::{SearchIn, SearchText};
use safelight_domain::metadata_filter::parse_filters;
use std::time::{Duration, Instant};

/// Images in a page.
const PAGE: u32 = 100;

/// What is asked.
#[derive(Clone, Copy)]
enum Ask {
    /// The image of an id, from the database.
    Lookup,
    /// A new image, to its commit.
    Insert,
    /// Makes an image public.
    Update,
    /// Deletes one that was inserted before.
    Delete,
    /// The first page of the older list.
    FirstPage,
    /// Its page in the middle, by offset.
    MiddlePage,
    /// A page of the newer list behind an image.
    PageBehind,
    /// The same among a creator's images.
    PageOfCreator,
    /// A page behind an image under filters.
    Filters(&'static str),
    /// The first page of a search, in the order of uploads.
    Search(&'static str),
    /// A page behind an image in the order of file names.
    SortedByName,
    /// Numbers and bytes of what is stored.
    Stats,
}

/// How often each is asked.
const MANY: u64 = 1_000;
const SOME: u64 = 200;
const FEW: u64 = 20;

const ASKS: [(&str, Ask, u64); 24] = [
    ("lookup of an image by id", Ask::Lookup, MANY),
    ("insertion", Ask::Insert, SOME),
    ("change of an image", Ask::Update, SOME),
    ("deletion", Ask::Delete, SOME),
    ("list v1, first page", Ask::FirstPage, SOME),
    ("list v1, middle page (offset)", Ask::MiddlePage, FEW),
    ("list v2, a page", Ask::PageBehind, SOME),
    ("list v2, a creator's", Ask::PageOfCreator, SOME),
    ("`meta.status=new` (a third)", Ask::Filters("meta.status=new"), SOME),
    ("`meta.status[in]=new\\|old` (two thirds)", Ask::Filters("meta.status[in]=new|old"), SOME),
    ("`meta.album=a77` (one in 1,000)", Ask::Filters("meta.album=a77"), SOME),
    ("`meta.rare=yes` (one in 2,000)", Ask::Filters("meta.rare=yes"), SOME),
    ("`meta.price[gte]=500000` (half)", Ask::Filters("meta.price[gte]=500000"), SOME),
    ("`meta.price[lt]=1000` (one in 1,000)", Ask::Filters("meta.price[lt]=1000"), FEW),
    ("`meta.price[lt]=100` (one in 10,000)", Ask::Filters("meta.price[lt]=100"), FEW),
    ("`status=new`, `rare=yes`", Ask::Filters("meta.status=new&meta.rare=yes"), SOME),
    (
        "`status=new`, `album=a77`, `price[lt]=500000`",
        Ask::Filters("meta.status=new&meta.album=a77&meta.price[lt]=500000"),
        FEW,
    ),
    ("search `img_` (everyone)", Ask::Search("img_"), FEW),
    ("search `user-77` (one in 91)", Ask::Search("user-77"), FEW),
    ("search `a77` (an album and more)", Ask::Search("a77"), FEW),
    ("search of a file name", Ask::Search("img_00001234.jpg"), FEW),
    ("search `absent text` (nobody)", Ask::Search("absent text"), FEW),
    ("sorted by file name, a page", Ask::SortedByName, SOME),
    ("counts and bytes", Ask::Stats, SOME),
];

/// A catalog and how many images it had at first.
type Filled<'a> = (&'a Catalog, u64);

pub(crate) async fn measure(filled: [Filled<'_>; 2]) -> anyhow::Result<()> {
    println!(
        "| | {} images: p50 | p99 | found | {} images: p50 | p99 | found | p50 to p50 |",
        filled[0].1, filled[1].1
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (name, ask, times) in ASKS {
        let (mut took, mut found) = ([Vec::new(), Vec::new()], [0, 0]);
        for turn in 0..times {
            for (place, filled) in filled.iter().enumerate() {
                let begin = Instant::now();
                found[place] += run(*filled, ask, turn).await.with_context(|| name)? as u64;
                took[place].push(begin.elapsed());
            }
        }
        took.iter_mut().for_each(|took| took.sort_unstable());
        let at = |took: &[Duration], part: usize| took[(took.len() * part / 100).min(took.len() - 1)];
        let [few, many] = took;
        let ratio = at(&many, 50).as_secs_f64() / at(&few, 50).as_secs_f64();
        println!(
            "| {name} | {:.2?} | {:.2?} | {} | {:.2?} | {:.2?} | {} | {ratio:.1} |",
            at(&few, 50),
            at(&few, 99),
            found[0] / times,
            at(&many, 50),
            at(&many, 99),
            found[1] / times,
        );
    }
    Ok(())
}

/// How many images were found.
async fn run((catalog, count): Filled<'_>, ask: Ask, turn: u64) -> anyhow::Result<usize> {
    let account = account();
    let number = scattered(turn ^ 0xA5A5) % count;
    let behind = || Some(ListCursor { uploaded_ms: uploaded_ms(number), id: id(number) });
    let any = CreatorFilter::Any;
    let newest = SortOrder::Descending;
    Ok(match ask {
        Ask::Lookup => there(catalog.stored_image(&account, &id(number)).await?.is_some())?,
        Ask::Insert => {
            catalog.insert_image(new(count, turn)?).await?;
            0
        }
        Ask::Update => {
            let changes = ImageChanges { privacy: Some(Privacy::Public), ..ImageChanges::default() };
            there(catalog.update_image(&account, &id(number), changes).await?.is_some())?
        }
        Ask::Delete => there(catalog.delete_image(&account, &new(count, turn)?.id, 0).await?)?,
        Ask::FirstPage => catalog.image_page(&account, any, 1, PAGE).await?.len(),
        Ask::MiddlePage => {
            let middle = count / u64::from(PAGE) / 2;
            catalog.image_page(&account, any, middle, PAGE).await?.len()
        }
        Ask::PageBehind => catalog.images_after(&account, any, newest, behind(), PAGE).await?.len(),
        Ask::PageOfCreator => {
            let creator = CreatorFilter::Is(Creator::parse(&format!("user-{}", number % 1_000))?);
            catalog.images_after(&account, creator, newest, behind(), PAGE).await?.len()
        }
        Ask::Filters(query) => {
            let pairs: Vec<_> = query.split('&').filter_map(|pair| pair.rsplit_once('=')).collect();
            let filters = parse_filters(&pairs)?;
            catalog.images_matching(&account, any, filters, newest, behind(), PAGE).await?.images.len()
        }
        Ask::Search(text) => {
            let text = Some((SearchText::parse(text)?, SearchIn::Any));
            search(catalog, text, ImageSort::Uploaded, None).await?
        }
        Ask::SortedByName => {
            let after = SearchCursor::Filename(format!("img_{number:08}.jpg"), id(number));
            search(catalog, None, ImageSort::Filename, Some(after)).await?
        }
        Ask::Stats => there(catalog.stored_sizes(&account).await?.images >= count)?,
    })
}

async fn search(
    catalog: &Catalog,
    text: Option<(SearchText, SearchIn)>,
    sort: ImageSort,
    after: Option<SearchCursor>,
) -> anyhow::Result<usize> {
    let search = ImageSearch { text, privacy: None, sort, order: SortOrder::Descending, after };
    Ok(catalog.search_images(&account(), search, PAGE).await?.images.len())
}

fn there(is: bool) -> anyhow::Result<usize> {
    ensure!(is, "there is none");
    Ok(1)
}

/// An image that the catalog did not have at first.
fn new(count: u64, turn: u64) -> anyhow::Result<Image> {
    image(count + turn)
}
