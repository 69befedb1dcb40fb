use super::super::fixtures::{account, blob, image, two_accounts};
use super::*;
use safelight_domain::image::ImageId;

const HOUR: i64 = NOTE_EVERY_MS;

fn key(number: u8, transform: &str) -> RenditionKey {
    RenditionKey { blob: blob(number), transform: transform.into(), format: OutputFormat::WebP, engine: 1 }
}

fn rendition(name: &str, bytes: u64) -> Rendition {
    Rendition { name: name.to_owned(), bytes, sha256: [7; 32], effort: Effort::Quick }
}

fn thorough(name: &str, bytes: u64) -> Rendition {
    Rendition { effort: Effort::Thorough, ..rendition(name, bytes) }
}

async fn insert_one(catalog: &Catalog, key: &RenditionKey, name: &str, bytes: u64, now_ms: i64) {
    let unused = catalog.insert_rendition(key.clone(), rendition(name, bytes), now_ms).await.expect("works");
    assert_eq!(unused, None);
}

async fn found(catalog: &Catalog, key: &RenditionKey, now_ms: i64) -> Option<Rendition> {
    let found = catalog.find_rendition(key, now_ms).await.expect("works")?;
    assert_eq!(found.etag, ETag::of_rendition(&found.rendition.sha256, &key.blob));
    Some(found.rendition.clone())
}

async fn evicted(catalog: &Catalog, max_bytes: u64) -> Vec<String> {
    let evicted = catalog.evict_renditions(max_bytes).await.expect("works");
    evicted.into_iter().map(|(_, name)| name).collect()
}

async fn one_image() -> (crate::fixtures::Place, Catalog) {
    let (folder, catalog) = two_accounts().await;
    catalog.insert_image(image('a', "i", blob(1), 1)).await.expect("new");
    (folder, catalog)
}

#[tokio::test]
async fn each_part_of_the_key_tells_renditions_apart() {
    let (_folder, catalog) = one_image().await;
    catalog.insert_image(image('b', "i", blob(2), 1)).await.expect("new");
    let keys = [
        key(1, "t"),
        key(2, "t"),
        key(1, "u"),
        RenditionKey { format: OutputFormat::Jpeg, ..key(1, "t") },
        RenditionKey { engine: 2, ..key(1, "t") },
    ];
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(found(&catalog, key, 0).await, None);
        insert_one(&catalog, key, &format!("n{number}"), 5, 0).await;
    }
    for (number, key) in keys.iter().enumerate() {
        for _ in 0..2 {
            assert_eq!(found(&catalog, key, 0).await, Some(rendition(&format!("n{number}"), 5)));
        }
    }
    assert!(catalog.rendition_in_use(&blob(2), "n1").await.expect("works"));
    assert!(!catalog.rendition_in_use(&blob(2), "n0").await.expect("works"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_renditions_of_one_key_the_first_stays() {
    let (_folder, catalog) = one_image().await;
    let insert = |name: &str| catalog.insert_rendition(key(1, "t"), rendition(name, 5), 0);
    let (one, two) = tokio::join!(insert("one"), insert("two"));
    let stored = found(&catalog, &key(1, "t"), 0).await.expect("one of them");
    for (name, unused) in [("one", one), ("two", two), ("three", insert("three").await)] {
        let expected = (name != stored.name).then(|| name.to_owned());
        assert_eq!(unused.expect("works"), expected);
    }
    assert_eq!(evicted(&catalog, 4).await.len(), 1, "counted once");
}

#[tokio::test]
async fn a_thorough_rendition_takes_the_place_of_a_quick_one_and_keeps_it() {
    let (_folder, catalog) = one_image().await;
    insert_one(&catalog, &key(1, "t"), "quick", 10, 0).await;
    let find = async || found(&catalog, &key(1, "t"), 0).await;
    let insert = async |made| catalog.insert_rendition(key(1, "t"), made, 0).await.expect("works");
    assert_eq!(find().await, Some(rendition("quick", 10)));
    assert_eq!(insert(thorough("small", 7)).await.as_deref(), Some("quick"));
    assert_eq!(find().await, Some(thorough("small", 7)));
    assert!(!catalog.rendition_in_use(&blob(1), "quick").await.expect("works"));
    for late in [rendition("late", 10), thorough("twin", 7)] {
        assert_eq!(insert(late.clone()).await, Some(late.name));
        assert_eq!(find().await, Some(thorough("small", 7)));
    }
    assert_eq!(evicted(&catalog, 7).await, [""; 0], "one is counted");
    assert_eq!(evicted(&catalog, 6).await, ["small"]);
}

#[tokio::test]
async fn a_blob_without_an_image_gets_no_rendition() {
    let (_folder, catalog) = one_image().await;
    let unused = catalog.insert_rendition(key(9, "t"), rendition("n", 5), 0).await.expect("works");
    assert_eq!(unused.as_deref(), Some("n"));
    assert_eq!(found(&catalog, &key(9, "t"), 0).await, None);
}

#[tokio::test]
async fn the_least_recently_used_go_first_and_no_more_than_needed() {
    let (_folder, catalog) = one_image().await;
    for (number, name) in ["one", "two", "three", "four"].into_iter().enumerate() {
        insert_one(&catalog, &key(1, name), name, 10, i64::try_from(number).expect("small")).await;
    }
    assert_eq!(evicted(&catalog, 40).await, [""; 0]);
    // From memory and not, a use an hour later counts; one within the hour does not.
    assert!(found(&catalog, &key(1, "one"), HOUR).await.is_some());
    assert!(found(&catalog, &key(1, "two"), HOUR - 1).await.is_some());
    assert_eq!(evicted(&catalog, 25).await, ["two", "three"]);
    assert_eq!(found(&catalog, &key(1, "two"), HOUR).await, None);
    assert!(!catalog.rendition_in_use(&blob(1), "two").await.expect("works"));
    assert!(found(&catalog, &key(1, "four"), 3 * HOUR).await.is_some());
    assert_eq!(evicted(&catalog, 19).await, ["one"]);
    assert_eq!(evicted(&catalog, 19).await, [""; 0]);
    assert_eq!(evicted(&catalog, 0).await, ["four"]);
}

#[tokio::test]
async fn one_eviction_is_bounded_and_the_next_goes_on() {
    let (_folder, catalog) = one_image().await;
    let total = MAX_EVICTED + 3;
    let inserts = (0..total).map(|number| {
        let name = format!("n{number}");
        catalog.insert_rendition(key(1, &name), rendition(&name, 1), 0)
    });
    assert!(futures_util::future::join_all(inserts).await.into_iter().all(|stored| stored.is_ok()));
    assert_eq!(evicted(&catalog, 0).await.len(), MAX_EVICTED);
    assert_eq!(evicted(&catalog, 0).await.len(), 3);
}

#[tokio::test]
async fn a_row_without_bytes_can_be_deleted_and_made_anew() {
    let (_folder, catalog) = one_image().await;
    insert_one(&catalog, &key(1, "t"), "lost", 5, 0).await;
    assert!(found(&catalog, &key(1, "t"), 0).await.is_some());
    assert!(!catalog.delete_rendition(&key(1, "t"), "other").await.expect("works"));
    assert!(!catalog.delete_rendition(&key(2, "t"), "lost").await.expect("works"));
    assert!(catalog.delete_rendition(&key(1, "t"), "lost").await.expect("works"));
    assert_eq!(found(&catalog, &key(1, "t"), 0).await, None);
    insert_one(&catalog, &key(1, "t"), "fresh", 5, 0).await;
    assert!(!catalog.delete_rendition(&key(1, "t"), "lost").await.expect("works"), "a late twin");
    assert!(found(&catalog, &key(1, "t"), 0).await.is_some());
}

#[tokio::test]
async fn a_reader_overtaken_by_an_eviction_does_not_keep_the_row() {
    let (_folder, catalog) = one_image().await;
    insert_one(&catalog, &key(1, "t"), "n", 5, 0).await;
    let Lookup::Miss(ticket) = catalog.inner.renditions.lookup(&key(1, "t")) else { panic!("in memory") };
    let old = catalog.inner.readers.read(|connection| find(connection, &key(1, "t"))).await;
    let old = old.expect("works").map(Arc::new).expect("is there");
    assert_eq!(evicted(&catalog, 0).await, ["n"]);
    catalog.inner.renditions.fill(&ticket, key(1, "t"), old);
    assert_eq!(found(&catalog, &key(1, "t"), 0).await, None);
}

#[tokio::test]
async fn the_bytes_of_deleted_images_no_longer_count() {
    let (_folder, catalog) = one_image().await;
    catalog.insert_image(image('a', "j", blob(2), 1)).await.expect("new");
    insert_one(&catalog, &key(1, "t"), "one", 10, 5).await;
    insert_one(&catalog, &key(2, "t"), "two", 10, 0).await;
    assert!(catalog.delete_image(&account('a'), &ImageId::named("i"), 0).await.expect("works"));
    assert_eq!(evicted(&catalog, 10).await, [""; 0]);
    assert_eq!(evicted(&catalog, 9).await, ["two"]);
}
