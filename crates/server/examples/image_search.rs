//! How long pages of images take when they are searched and sorted, in a catalog of made-up images.
//!
//! `cargo run --example image_search -- FOLDER COUNT`
//!
//! Makes `FOLDER/catalog.sqlite` with that many images unless it is there, then prints for each query
//! the time of its first page of 100, the worst of its next pages, and how full they were; and what a
//! single change costs.

mod made_up;

use anyhow::ensure;
use made_up::{photograph, scattered};
use safelight::catalog::{
    Catalog, FoundImages, ImageChanges, ImageSearch, ImageSort, SearchCursor, SortOrder,
};
use safelight_domain::account::AccountId;
use safelight_domain::image::{Image, ImageId, Metadata};
use safelight_domain::image_search::{SearchIn, SearchText};
use std::time::{Duration, Instant};

/// Pages after the first that are timed.
const PAGES: usize = 20;

/// Images in a page.
const PER_PAGE: u32 = 100;

/// Changes one after the other that are timed.
const CHANGES: u64 = 200;

/// `img_` begins every other file name, `lisbon` is one place of twenty, `veronica` one creator of a
/// thousand, `needle` one image in 20,000; the last number is part of every third id or so. `img_9x`
/// is made of what many have, and nobody has it.
const TEXTS: [(&str, SearchIn); 16] = [
    ("img_", SearchIn::Any),
    ("lisbon", SearchIn::Any),
    ("veronica", SearchIn::Creator),
    ("needle", SearchIn::Metadata),
    ("IMG_000123", SearchIn::Filename),
    ("img_9x", SearchIn::Any),
    ("absent text", SearchIn::Any),
    ("Sommer", SearchIn::Any),
    ("sommerurlaub in lisbon", SearchIn::Any),
    ("example.com", SearchIn::Filename),
    (".jpg", SearchIn::Metadata),
    ("a7f3", SearchIn::Id),
    ("a7f", SearchIn::Any),
    ("im", SearchIn::Any),
    ("9", SearchIn::Id),
    ("~", SearchIn::Any),
];

const SORTS: [ImageSort; 4] = [ImageSort::Uploaded, ImageSort::Id, ImageSort::Filename, ImageSort::Bytes];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (catalog, account, count) = made_up::catalog("image_search", make_up).await?;
    change(&catalog, &account, count).await?;
    println!("| query | first page | worst of the next {PAGES} | images | pages |");
    println!("| --- | --- | --- | --- | --- |");
    for text in std::iter::once(None).chain(TEXTS.map(Some)) {
        for sort in SORTS {
            for order in [SortOrder::Descending, SortOrder::Ascending] {
                measure(&catalog, &account, text, sort, order).await?;
            }
        }
    }
    Ok(())
}

async fn measure(
    catalog: &Catalog,
    account: &AccountId,
    text: Option<(&str, SearchIn)>,
    sort: ImageSort,
    order: SortOrder,
) -> anyhow::Result<()> {
    let wanted = match text {
        Some((text, within)) => Some((SearchText::parse(text)?, within)),
        None => None,
    };
    let (mut after, mut times, mut images) = (None, Vec::new(), 0);
    for page in 0..=PAGES {
        let search = ImageSearch { text: wanted.clone(), privacy: None, sort, order, after };
        let begin = Instant::now();
        let FoundImages { images: found, next } = catalog.search_images(account, search, PER_PAGE).await?;
        times.push(begin.elapsed());
        images += found.len();
        after = next;
        if after.is_none() {
            break;
        }
        if page == 0 && text.is_none() {
            after = middle(sort).or(after);
        }
    }
    let first = times.remove(0);
    let worst = times.iter().max().copied().unwrap_or(Duration::ZERO);
    let text = text.map_or("none".to_owned(), |(text, within)| format!("`{text}` in {}", within.as_str()));
    println!("| {text}, {sort:?} {order:?} | {first:.1?} | {worst:.1?} | {images} | {} |", times.len() + 1);
    Ok(())
}

/// A place deep in the list, where the sort tells of one.
fn middle(sort: ImageSort) -> Option<SearchCursor> {
    match sort {
        ImageSort::Id => Some(SearchCursor::Id(ImageId::named("8"))),
        ImageSort::Filename => Some(SearchCursor::Filename("IMG_05".to_owned(), ImageId::named("8"))),
        ImageSort::Bytes => Some(SearchCursor::Bytes(5_000_000, ImageId::named("8"))),
        ImageSort::Uploaded => None,
    }
}

/// What one insertion, one change of metadata and one deletion take, alone.
async fn change(catalog: &Catalog, account: &AccountId, count: u64) -> anyhow::Result<()> {
    let mut took = [Duration::ZERO; 3];
    for number in count..count + CHANGES {
        let image = make_up(account, number)?;
        let id = image.id.clone();
        let begin = Instant::now();
        catalog.insert_image(image).await?;
        took[0] += begin.elapsed();
        let begin = Instant::now();
        let metadata = Some(Metadata::from_json_object(r#"{"title":"another title"}"#.to_owned())?);
        let changes = ImageChanges { metadata, ..ImageChanges::default() };
        ensure!(catalog.update_image(account, &id, changes).await?.is_some(), "no image was changed");
        took[1] += begin.elapsed();
        let begin = Instant::now();
        ensure!(catalog.delete_image(account, &id, 0).await?, "no image was deleted");
        took[2] += begin.elapsed();
    }
    let [inserted, changed, deleted] = took.map(|took| took / u32::try_from(CHANGES).unwrap_or(1));
    println!(
        "one after the other: inserted in {inserted:.0?}, changed in {changed:.0?}, deleted in {deleted:.0?}"
    );
    Ok(())
}

const PLACES: [&str; 20] = [
    "Lisbon",
    "Porto",
    "Kyoto",
    "Oslo",
    "Berlin",
    "Paris",
    "London",
    "New York",
    "Lima",
    "Quito",
    "Accra",
    "Cairo",
    "Athens",
    "Roma",
    "Wien",
    "Zürich",
    "Malmö",
    "Gdańsk",
    "Москва",
    "東京",
];

const NAMES: [&str; 10] =
    ["alice", "bob", "carla", "dmitri", "eve", "farid", "greta", "hiro", "ines", "veronica"];

fn make_up(account: &AccountId, number: u64) -> anyhow::Result<Image> {
    let random = scattered(number);
    let place = PLACES[(random >> 8) as usize % PLACES.len()];
    let filename = match random % 4 {
        0 | 1 => format!("IMG_{number:06}.JPG"),
        2 => format!("Sommerurlaub in {place} {}.jpg", random >> 50),
        _ => format!("Screenshot 2026-{:02}-{:02} at {}.png", random % 12 + 1, random % 28 + 1, random >> 48),
    };
    let name = NAMES[(random >> 20) as usize % NAMES.len()];
    let creator = format!("{name}{}@example.com", (random >> 24) % 100);
    let mut metadata = serde_json::json!({
        "album": format!("album {}", (random >> 16) % 1_000),
        "place": place,
        "title": format!("{place} at {} o'clock", random % 24),
        "rating": random % 6,
        "tags": [name, "import", format!("camera-{}", random % 9)],
    });
    if (random >> 40).is_multiple_of(20_000) {
        metadata["note"] = "needle in a haystack".into();
    }
    let image = photograph(account, number, filename, &creator, &metadata)?;
    Ok(Image { bytes: image.bytes + scattered(random) % 9_000_000, ..image })
}
