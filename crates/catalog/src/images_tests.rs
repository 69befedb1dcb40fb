use super::super::cache::Lookup;
use super::super::fixtures::{account, blob, image, two_accounts};
use super::*;
use crate::JobLine;
use crate::Rendition;
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Effort;

fn id(text: &str) -> ImageId {
    ImageId::named(text)
}

fn metadata(number: usize) -> ImageChanges {
    let text = format!(r#"{{"n":{number}}}"#);
    ImageChanges { metadata: Metadata::from_json_object(text).ok(), ..ImageChanges::default() }
}

async fn find_image(catalog: &Catalog, owner: char, text: &str) -> Option<Image> {
    let found = catalog.find_image(&account(owner), &id(text)).await.expect("works");
    found.map(|image| (*image).clone())
}

#[tokio::test]
async fn an_image_keeps_every_field() {
    let (_folder, catalog) = two_accounts().await;
    let full = image('a', "a/ü 50%.webp", blob(1), -7);
    let mut bare = image('a', "bare", blob(2), 0);
    bare.filename = None;
    bare.creator = None;
    bare.metadata = Metadata::default();
    bare.privacy = Privacy::Public;
    bare.source.has_alpha = false;
    for image in [full, bare] {
        catalog.insert_image(image.clone()).await.expect("new");
        for _ in 0..2 {
            assert_eq!(find_image(&catalog, 'a', image.id.as_str()).await, Some(image.clone()));
        }
    }
}

#[tokio::test]
async fn an_id_is_taken_once_in_each_account() {
    let (_folder, catalog) = two_accounts().await;
    let first = image('a', "i", blob(1), 1);
    catalog.insert_image(first.clone()).await.expect("new");
    let twin = catalog.insert_image(image('a', "i", blob(2), 2)).await;
    assert!(matches!(twin, Err(InsertImageError::Exists)), "{twin:?}");
    assert_eq!(find_image(&catalog, 'a', "i").await, Some(first));
    assert!(!catalog.blob_in_use(&blob(2)).await.expect("works"));
    let other = image('b', "i", blob(2), 2);
    catalog.insert_image(other.clone()).await.expect("another account's");
    assert_eq!(find_image(&catalog, 'b', "i").await, Some(other));
    assert_eq!(catalog.image_count(&account('a')).await.expect("works"), 1);
    let homeless = catalog.insert_image(image('c', "i", blob(3), 2)).await;
    assert!(matches!(homeless, Err(InsertImageError::Catalog(_))), "{homeless:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_insert_one_id_at_once_exactly_one_wins() {
    let (_folder, catalog) = two_accounts().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..24 {
        let catalog = catalog.clone();
        tasks.spawn(async move { (number, catalog.insert_image(image('a', "i", blob(number), 1)).await) });
    }
    let (won, lost): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().partition(|(_, r)| r.is_ok());
    assert_eq!((won.len(), lost.len()), (1, 23));
    assert!(lost.iter().all(|(_, result)| matches!(result, Err(InsertImageError::Exists))));
    let stored = find_image(&catalog, 'a', "i").await.expect("is there");
    assert_eq!(stored.blob, blob(won[0].0));
    assert_eq!(catalog.image_count(&account('a')).await.expect("works"), 1);
}

#[tokio::test]
async fn changes_reach_what_they_name_in_their_own_account() {
    let (_folder, catalog) = two_accounts().await;
    let before = image('a', "i", blob(1), 1);
    catalog.insert_image(before.clone()).await.expect("new");
    assert!(find_image(&catalog, 'a', "i").await.is_some(), "now in memory");
    let update = async |owner, changes| {
        catalog.update_image(&account(owner), &id("i"), changes).await.expect("works").map(|i| (*i).clone())
    };
    assert_eq!(update('b', metadata(1)).await, None);
    assert_eq!(find_image(&catalog, 'b', "i").await, None);
    assert!(!catalog.delete_image(&account('b'), &id("i"), 1).await.expect("works"));
    assert_eq!(catalog.image_count(&account('b')).await.expect("works"), 0);
    assert_eq!(update('a', ImageChanges::default()).await, Some(before.clone()));

    let clear =
        ImageChanges { creator: Some(None), privacy: Some(Privacy::Public), ..ImageChanges::default() };
    let cleared = Image { creator: None, privacy: Privacy::Public, ..before };
    assert_eq!(update('a', clear).await, Some(cleared.clone()));
    assert_eq!(find_image(&catalog, 'a', "i").await, Some(cleared.clone()));
    let changed = update('a', metadata(2)).await.expect("is there");
    assert_eq!(changed.metadata.as_json(), r#"{"n":2}"#);
    assert_eq!(Image { metadata: cleared.metadata.clone(), ..changed }, cleared);
}

#[tokio::test]
async fn a_deleted_image_takes_its_renditions_along_and_leaves_a_job() {
    let (_folder, catalog) = two_accounts().await;
    let (a, b) = (account('a'), account('b'));
    catalog.insert_image(image('a', "i", blob(1), 1)).await.expect("new");
    catalog.insert_image(image('b', "i", blob(2), 1)).await.expect("new");
    let key = RenditionKey { blob: blob(1), transform: "t".into(), format: OutputFormat::Png, engine: 1 };
    let rendition = Rendition { name: "n".to_owned(), bytes: 5, sha256: [1; 32], effort: Effort::Quick };
    assert_eq!(catalog.insert_rendition(key.clone(), rendition.clone(), 1).await.expect("works"), None);
    assert!(catalog.find_rendition(&key, 1).await.expect("works").is_some());
    assert!(find_image(&catalog, 'a', "i").await.is_some());

    assert!(!catalog.delete_image(&account('c'), &id("i"), 9).await.expect("works"));
    assert!(catalog.delete_image(&a, &id("i"), 9).await.expect("works"));
    assert!(!catalog.delete_image(&a, &id("i"), 9).await.expect("works"));
    assert_eq!(find_image(&catalog, 'a', "i").await, None);
    assert!(find_image(&catalog, 'b', "i").await.is_some());
    assert!(!catalog.blob_in_use(&blob(1)).await.expect("works"));
    assert!(catalog.blob_in_use(&blob(2)).await.expect("works"));
    assert!(catalog.find_rendition(&key, 1).await.expect("works").is_none());
    assert!(!catalog.rendition_in_use(&blob(1), "n").await.expect("works"));
    let late = catalog.insert_rendition(key, rendition, 1).await.expect("works");
    assert_eq!(late.as_deref(), Some("n"), "comes too late");
    let counts =
        (catalog.image_count(&a).await.expect("works"), catalog.image_count(&b).await.expect("works"));
    assert_eq!(counts, (0, 1));

    assert!(catalog.lease_job(JobLine::Storage, 8, 100).await.expect("works").is_none(), "not due yet");
    let job = catalog.lease_job(JobLine::Storage, 9, 100).await.expect("works").expect("is due");
    assert_eq!(job.kind, JobKind::DeleteBlob(blob(1)));
    assert!(catalog.lease_job(JobLine::Storage, 9, 100).await.expect("works").is_none(), "one job only");

    catalog.insert_image(image('a', "i", blob(3), 2)).await.expect("the id is free again");
    assert_eq!(find_image(&catalog, 'a', "i").await.map(|image| image.blob), Some(blob(3)));
}

#[tokio::test]
async fn a_reader_overtaken_by_a_change_does_not_keep_the_old_row() {
    let (_folder, catalog) = two_accounts().await;
    catalog.insert_image(image('a', "i", blob(1), 1)).await.expect("new");
    let key = (account('a'), id("i"));
    for round in 0..3 {
        // A reader misses, loads the row, and is held up before it puts the row in.
        let Lookup::Miss(ticket) = catalog.inner.images.lookup(&key) else { panic!("in memory") };
        let loading = key.clone();
        let old = catalog.inner.readers.read(move |connection| find(connection, &loading)).await;
        let old = old.expect("works").map(Arc::new).expect("is there");

        let changed = catalog.update_image(&key.0, &key.1, metadata(round)).await.expect("works");
        catalog.inner.images.fill(&ticket, key.clone(), old);
        assert_eq!(catalog.find_image(&key.0, &key.1).await.expect("works"), changed);
        catalog.inner.images.forget(&key);
    }
    let Lookup::Miss(ticket) = catalog.inner.images.lookup(&key) else { panic!("in memory") };
    let old = Arc::new(image('a', "i", blob(1), 1));
    assert!(catalog.delete_image(&key.0, &key.1, 1).await.expect("works"));
    catalog.inner.images.fill(&ticket, key.clone(), old);
    assert_eq!(catalog.find_image(&key.0, &key.1).await.expect("works"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_change_returned_is_seen_by_every_read_after_it() {
    let (_folder, catalog) = two_accounts().await;
    catalog.insert_image(image('a', "i", blob(1), 1)).await.expect("new");
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (catalog, done) = (catalog.clone(), Arc::clone(&done));
        readers.spawn(async move {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(find_image(&catalog, 'a', "i").await.is_some());
                tokio::task::yield_now().await;
            }
        });
    }
    for number in 0..200 {
        let changed = catalog.update_image(&account('a'), &id("i"), metadata(number)).await.expect("works");
        let seen = catalog.find_image(&account('a'), &id("i")).await.expect("works");
        assert_eq!(seen, changed);
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    readers.join_all().await;
}

#[tokio::test]
async fn many_images_are_found_in_the_order_of_their_ids() {
    let (_folder, catalog) = two_accounts().await;
    let ids = ["z", "a,b", r#"quote " and \ slash"#, "a/ü 50%.webp", "{}", "a"];
    for (id, number) in ids.iter().zip(1..) {
        catalog.insert_image(image('a', id, blob(number), 0)).await.expect("new");
    }
    catalog.insert_image(image('b', "elsewhere", blob(100), 0)).await.expect("new");
    let wanted = [&ids[..3], &["missing", "elsewhere"], &ids[3..]].concat();
    let found =
        catalog.inner.readers.read(move |connection| find_all(connection, &account('a'), &wanted)).await;
    let found: Vec<String> = found.expect("works").iter().map(|image| image.id.as_str().to_owned()).collect();
    assert_eq!(found, ids);
}
