use super::super::fixtures::{account, image, two_accounts};
use super::*;
use crate::sqlite::plan;
use safelight_domain::image::Creator;
use safelight_domain::image::{BlobId, ImageId};

/// Images with few distinct times, so that most of them share theirs with others, in an order that
/// is neither that of the times nor that of the ids.
async fn insert_many(catalog: &Catalog, count: u64) -> Vec<(i64, String)> {
    let mut expected = Vec::new();
    for number in 0..count {
        let scattered = number * 37 % count;
        let uploaded_ms = i64::try_from(scattered / 8).expect("small");
        let id = format!("i{:03}", scattered * 53 % count);
        let mut made = image('a', &id, fresh_blob(number), uploaded_ms);
        made.creator = match scattered % 3 {
            0 => None,
            1 => Creator::parse("one").ok(),
            _ => Creator::parse("two").ok(),
        };
        catalog.insert_image(made).await.expect("new");
        let other = image('b', &id, fresh_blob(number + count), uploaded_ms);
        catalog.insert_image(other).await.expect("another account's");
        expected.push((uploaded_ms, id));
    }
    expected.sort();
    expected
}

fn fresh_blob(number: u64) -> BlobId {
    BlobId::from_random(u128::from(number).to_be_bytes())
}

fn place(image: &Image) -> (i64, String) {
    (image.uploaded_ms, image.id.as_str().to_owned())
}

fn cursor(image: &Image) -> ListCursor {
    ListCursor { uploaded_ms: image.uploaded_ms, id: image.id.clone() }
}

async fn walk(catalog: &Catalog, filter: &CreatorFilter, order: SortOrder, limit: u32) -> Vec<Image> {
    let mut walked: Vec<Image> = Vec::new();
    loop {
        let after = walked.last().map(cursor);
        let page =
            catalog.images_after(&account('a'), filter.clone(), order, after, limit).await.expect("works");
        assert!(page.len() <= usize::try_from(limit).expect("small"));
        if page.is_empty() {
            return walked;
        }
        walked.extend(page);
    }
}

#[tokio::test]
async fn every_page_size_lists_each_image_once_in_order() {
    let (_folder, catalog) = two_accounts().await;
    let expected = insert_many(&catalog, 61).await;
    for limit in [1, 2, 7, 8, 60, 61, 62] {
        let up = walk(&catalog, &CreatorFilter::Any, SortOrder::Ascending, limit).await;
        assert_eq!(up.iter().map(place).collect::<Vec<_>>(), expected, "limit {limit}");
        let down = walk(&catalog, &CreatorFilter::Any, SortOrder::Descending, limit).await;
        assert!(down.iter().rev().eq(up.iter()), "limit {limit}");
    }
}

#[tokio::test]
async fn pages_by_number_agree_with_pages_by_cursor() {
    let (_folder, catalog) = two_accounts().await;
    insert_many(&catalog, 61).await;
    let newest_first = walk(&catalog, &CreatorFilter::Any, SortOrder::Descending, 100).await;
    for per_page in [1, 10, 61] {
        let mut paged = Vec::new();
        for page in 1..=62 {
            paged.extend(
                catalog.image_page(&account('a'), CreatorFilter::Any, page, per_page).await.expect("works"),
            );
        }
        assert_eq!(paged, newest_first, "{per_page} a page");
    }
    for (page, per_page) in [(u64::MAX, u32::MAX), (3, 61), (1, 0)] {
        let beyond = catalog.image_page(&account('a'), CreatorFilter::Any, page, per_page).await;
        assert_eq!(beyond.expect("works"), [], "page {page}");
    }
}

#[tokio::test]
async fn the_creator_filters_divide_the_images() {
    let (_folder, catalog) = two_accounts().await;
    insert_many(&catalog, 61).await;
    let one = Creator::parse("one").expect("a creator");
    let two = Creator::parse("two").expect("a creator");
    let nobody = CreatorFilter::Is(Creator::parse("nobody").expect("a creator"));
    let mut total = 0;
    for (filter, creator) in [
        (CreatorFilter::Unset, None),
        (CreatorFilter::Is(one.clone()), Some(one)),
        (CreatorFilter::Is(two.clone()), Some(two)),
    ] {
        let listed = walk(&catalog, &filter, SortOrder::Descending, 4).await;
        assert!(listed.iter().all(|image| image.creator == creator));
        let page = catalog.image_page(&account('a'), filter, 1, 100).await.expect("works");
        assert_eq!(page, listed);
        total += listed.len();
    }
    assert_eq!(total, 61);
    assert_eq!(walk(&catalog, &nobody, SortOrder::Ascending, 4).await, []);
}

fn assert_complete(walked: &[Image], expected: &[(i64, String)]) {
    let mut places: Vec<_> = walked.iter().map(place).collect();
    let count = places.len();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), count, "something was listed twice");
    assert!(expected.iter().all(|old| places.binary_search(old).is_ok()), "something was missed");
}

#[tokio::test]
async fn inserting_between_pages_neither_hides_nor_repeats() {
    let (_folder, catalog) = two_accounts().await;
    let expected = insert_many(&catalog, 40).await;
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        let mut walked: Vec<Image> = Vec::new();
        let mut fresh = if order == SortOrder::Ascending { 1_000 } else { 2_000 };
        loop {
            let after = walked.last().map(cursor);
            let page = catalog.images_after(&account('a'), CreatorFilter::Any, order, after, 3).await;
            let page = page.expect("works");
            let Some(last) = page.last().cloned() else { break };
            walked.extend(page);
            // Before the cursor, after it, and at its very time; enough to be met on later pages,
            // not so many that the walk never ends.
            for (offset, prefix) in [(0, "a"), (0, "z"), (-1, "m"), (1, "m")] {
                if fresh % 1_000 < 40 {
                    fresh += 1;
                    let uploaded_ms = last.uploaded_ms + offset;
                    let made = image('a', &format!("{prefix}{fresh}"), fresh_blob(fresh), uploaded_ms);
                    catalog.insert_image(made).await.expect("new");
                }
            }
        }
        assert!(walked.len() > expected.len(), "some of the new ones were met");
        assert_complete(&walked, &expected);
    }
}

#[tokio::test]
async fn deleting_the_image_at_the_cursor_neither_hides_nor_repeats() {
    let (_folder, catalog) = two_accounts().await;
    let expected = insert_many(&catalog, 40).await;
    let mut walked: Vec<Image> = Vec::new();
    loop {
        let after = walked.last().map(cursor);
        let page =
            catalog.images_after(&account('a'), CreatorFilter::Any, SortOrder::Descending, after, 3).await;
        let page = page.expect("works");
        let Some(last) = page.last().cloned() else { break };
        walked.extend(page);
        assert!(catalog.delete_image(&account('a'), &last.id, 0).await.expect("works"));
    }
    assert_eq!(walked.len(), 40);
    assert_complete(&walked, &expected);
}

#[tokio::test]
async fn a_cursor_needs_no_image() {
    let (_folder, catalog) = two_accounts().await;
    let expected = insert_many(&catalog, 20).await;
    let after = ListCursor { uploaded_ms: 1, id: ImageId::named("") };
    let listed = catalog
        .images_after(&account('a'), CreatorFilter::Any, SortOrder::Ascending, Some(after), u32::MAX)
        .await
        .expect("works");
    assert_eq!(listed.iter().map(place).collect::<Vec<_>>(), expected[8..]);
}

#[tokio::test]
async fn lists_are_read_from_their_index_without_sorting() {
    let (_folder, catalog) = crate::fixtures::new_file();
    for (filter, index) in [
        (CreatorFilter::Any, "images_by_upload"),
        (CreatorFilter::Unset, "images_by_creator"),
        (CreatorFilter::Is(Creator::parse("x").expect("a creator")), "images_by_creator"),
    ] {
        let after = ListCursor { uploaded_ms: 1, id: ImageId::named("") };
        let sql = query(&account('a'), filter, SortOrder::Descending, Some(after), 1);
        let plan =
            catalog.inner.readers.read(move |connection| plan(connection, &sql.text, &sql.values)).await;
        let plan = plan.expect("works");
        assert!(plan.contains(index) && plan.contains("(uploaded_ms,id)<"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
