use super::super::fixtures::{account, image, two_accounts};
use super::*;
use crate::sqlite::plan;
use safelight_domain::image::{BlobId, Creator, Metadata};
use safelight_domain::image_search::folded;

/// Few images are sorted and few are looked at, so that every way is taken.
const TIGHT: Bounds = Bounds { few: 5, examined: 7 };

const SORTS: [ImageSort; 4] = [ImageSort::Uploaded, ImageSort::Id, ImageSort::Filename, ImageSort::Bytes];

/// What is searched for: long enough for the index or not, and much that would be syntax there.
const TEXTS: [&str; 37] = [
    "img",
    "IMG_0001.jpg",
    "a",
    "é",
    "ß",
    "ss",
    "größe",
    "ÄÖÜ",
    "alice",
    "при",
    "Привет",
    "meer",
    "1234.5",
    "true",
    "key",
    "\u{202E}",
    "\u{202E}gpj",
    "画像 ",
    "🖼",
    "🖼.w",
    "<script>",
    "a\"b",
    "a\"b*",
    "NEAR(x)",
    "-c AND OR",
    "^d: {e}",
    "\"",
    "*",
    "\"\"\"",
    "id-0/",
    "id-3/3",
    "example.com",
    "a\u{FFFD}bc",
    "sommermeer",
    "absent",
    "%",
    "_",
];

fn text(text: &str, within: SearchIn) -> Option<(SearchText, SearchIn)> {
    Some((SearchText::parse(text).expect("a text"), within))
}

fn all_of(sort: ImageSort, order: SortOrder) -> ImageSearch {
    ImageSearch { text: None, privacy: None, sort, order, after: None }
}

/// A catalog in which both accounts have the same images, and those of one.
async fn filled() -> (crate::fixtures::Place, Catalog, Vec<Image>) {
    let (folder, catalog) = two_accounts().await;
    let names = [
        Some("IMG_0001.JPG"),
        Some("img_0001.jpg"),
        None,
        Some("Größe ÄÖÜ.png"),
        Some("<script>alert(1)</script>.svg"),
        Some("\u{202E}gpj.exe"),
        Some("画像 🖼.webp"),
        Some("a\"b* NEAR(x) -c AND OR ^d: {e}.gif"),
    ];
    let creators = [None, Some("Alice"), Some("ПРИВЕТ"), Some("bob@example.com")];
    let metadata = [
        r#"{}"#,
        r#"{"album":"Sommer","tags":["Meer","a\"b"],"n":1234.5}"#,
        r#"{"o":{"key":true}}"#,
        r#"{"x":"a\u0000bc"}"#,
    ];
    let mut images = Vec::new();
    for number in 0..60_u8 {
        let pick = usize::from(number);
        let mut made = image(
            'a',
            &format!("Id-{}/{number}", number % 4),
            BlobId::from_random([number; 16]),
            i64::from(number / 3),
        );
        made.filename = names[pick % names.len()].map(str::to_owned);
        made.creator = creators[pick / 2 % creators.len()].and_then(|creator| Creator::parse(creator).ok());
        made.metadata =
            Metadata::from_json_object(metadata[pick / 5 % metadata.len()].to_owned()).expect("short");
        made.bytes = u64::from(number % 7);
        made.privacy = if number % 3 == 0 { Privacy::RequireSigned } else { Privacy::Public };
        catalog.insert_image(made.clone()).await.expect("new");
        let theirs =
            Image { account: account('b'), blob: BlobId::from_random([number + 100; 16]), ..made.clone() };
        catalog.insert_image(theirs).await.expect("another account's");
        images.push(made);
    }
    (folder, catalog, images)
}

/// Every page of a search, one after the other.
async fn walk(catalog: &Catalog, search: &ImageSearch, limit: usize, bounds: Bounds) -> Vec<Image> {
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..200 {
        let search = ImageSearch { after, ..search.clone() };
        let read = move |connection: &dyn Connection| page(connection, &account('a'), &search, limit, bounds);
        let FoundImages { images, next } = catalog.inner.readers.read(read).await.expect("works");
        assert!(images.len() <= limit);
        found.extend(images);
        match next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
    panic!("the pages do not end");
}

fn sorted(mut images: Vec<Image>, sort: ImageSort, order: SortOrder) -> Vec<Image> {
    let name = |image: &Image| image.filename.as_deref().unwrap_or_default().to_ascii_lowercase();
    images.sort_by(|a, b| {
        let ids = a.id.cmp(&b.id);
        let keys = match sort {
            ImageSort::Uploaded => a.uploaded_ms.cmp(&b.uploaded_ms),
            ImageSort::Id => ids,
            ImageSort::Filename => name(a).cmp(&name(b)),
            ImageSort::Bytes => a.bytes.cmp(&b.bytes),
        };
        keys.then(ids)
    });
    if order == SortOrder::Descending {
        images.reverse();
    }
    images
}

#[tokio::test]
async fn every_search_finds_what_has_its_text_and_nothing_else_in_every_order() {
    let (_folder, catalog, images) = filled().await;
    let mut matched = 0;
    for text in std::iter::once(None).chain(TEXTS.map(Some)) {
        for within in SearchIn::ALL {
            let text = text.and_then(|wanted| self::text(wanted, within));
            for privacy in [None, Some(Privacy::Public), Some(Privacy::RequireSigned)] {
                let expected: Vec<Image> = images
                    .iter()
                    .filter(|image| privacy.is_none_or(|privacy| privacy == image.privacy))
                    .filter(|image| text.as_ref().is_none_or(|(text, within)| has(image, text, *within)))
                    .cloned()
                    .collect();
                matched += expected.len();
                for (number, sort) in SORTS.into_iter().enumerate() {
                    let order = [SortOrder::Ascending, SortOrder::Descending][(matched + number) % 2];
                    let search = ImageSearch { text: text.clone(), privacy, ..all_of(sort, order) };
                    let expected = sorted(expected.clone(), sort, order);
                    for (limit, bounds) in [(3, TIGHT), (1000, BOUNDS)] {
                        let found = walk(&catalog, &search, limit, bounds).await;
                        assert_eq!(found, expected, "{text:?} {privacy:?} {sort:?} {order:?}");
                    }
                }
            }
        }
    }
    assert!(matched > 2_000, "{matched} matches show little");
}

/// Told apart from how the index and the walk do it: the texts as they are.
fn has(image: &Image, text: &SearchText, within: SearchIn) -> bool {
    let metadata: serde_json::Value = serde_json::from_str(image.metadata.as_json()).expect("JSON");
    fn leaves(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(object) => object.iter().for_each(|(key, value)| {
                found.push(key.clone());
                leaves(value, found);
            }),
            serde_json::Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
            serde_json::Value::String(text) => found.push(text.clone()),
            other => found.push(other.to_string()),
        }
    }
    let mut values = Vec::new();
    leaves(&metadata, &mut values);
    let of = |place: SearchIn| match place {
        SearchIn::Id => vec![image.id.as_str().to_owned()],
        SearchIn::Filename => image.filename.iter().cloned().collect(),
        SearchIn::Creator => image.creator.iter().map(|creator| creator.as_str().to_owned()).collect(),
        SearchIn::Metadata | SearchIn::Any => values.clone(),
    };
    let places = if within == SearchIn::Any { SearchIn::ALL.to_vec() } else { vec![within] };
    places.into_iter().flat_map(of).any(|value| folded(&value).contains(text.folded()))
}

#[tokio::test]
async fn an_account_without_images_finds_none() {
    let (_folder, catalog) = two_accounts().await;
    for text in [None, text("x", SearchIn::Any), text("xyz", SearchIn::Any)] {
        let search = ImageSearch { text, ..all_of(ImageSort::Uploaded, SortOrder::Descending) };
        let found = catalog.search_images(&account('a'), search, 10).await.expect("works");
        assert_eq!(found, FoundImages { images: Vec::new(), next: None });
    }
}

#[tokio::test]
async fn every_page_is_read_from_an_index_in_the_order_of_the_list() {
    let (_folder, catalog) = crate::fixtures::new_file();
    let last = image('a', "i", crate::fixtures::blob(1), 5);
    let explain = |connection: &dyn Connection, search: &ImageSearch, named: Option<&Named>| {
        let sql = candidates(&account('a'), search, search.after.as_ref(), named, 10, Dialect::Sqlite);
        plan(connection, &sql.text, &sql.values)
    };
    let check = move |connection: &dyn Connection| {
        for sort in SORTS {
            for order in [SortOrder::Ascending, SortOrder::Descending] {
                for after in [None, Some(SearchCursor::of(&last, sort))] {
                    let search = ImageSearch { after, ..all_of(sort, order) };
                    let plan = explain(connection, &search, None)?;
                    assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{sort:?}: {plan}");
                    let bounds = ["(uploaded_ms,", "id<?", "id>?", "(sorted_filename,", "(bytes,"];
                    let bounded = bounds.iter().any(|bound| plan.contains(bound));
                    assert!(bounded || search.after.is_none(), "{sort:?}: {plan}");
                    let img = SearchText::parse("img").expect("a text");
                    let named = Named { text: img, within: SearchIn::Any, low: 0, high: 9 };
                    let plan = explain(connection, &search, Some(&named))?;
                    assert!(
                        plan.starts_with("SEARCH images USING INDEX images_by_number (number=?)"),
                        "{plan}"
                    );
                    assert!(plan.contains("image_search VIRTUAL TABLE INDEX"), "{plan}");
                }
            }
        }
        Ok(())
    };
    catalog.inner.readers.read(check).await.expect("works");
}
