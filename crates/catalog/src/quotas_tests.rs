use super::*;
use crate::fixtures::{Place, account, blob, image, two_accounts};
use crate::{ConfigChanges, FulfilError, ImportFrom, ImportItem, InsertImageError, ItemOutcome, NewImport};
use safelight_domain::direct_upload::{Draft, LinkUse, Original};
use safelight_domain::image::{Image, ImageId, Metadata, Privacy};
use safelight_domain::token::TokenHash;

/// At most two images, of 100 bytes together.
const SMALL: Quota = Quota { images: Bound::At(2), bytes: Bound::At(100), renders_per_minute: Bound::Off };

fn sized(owner: char, id: &str, number: u8, bytes: u64) -> Image {
    Image { bytes, ..image(owner, id, blob(number), 7) }
}

async fn give(catalog: &Catalog, owner: char, quota: QuotaChanges) -> OwnQuota {
    let changes = ConfigChanges { quota, ..ConfigChanges::default() };
    catalog.update_account_config(&account(owner), changes).await.expect("works").quota
}

fn refused(result: Result<(), InsertImageError>) -> QuotaExceeded {
    match result {
        Err(InsertImageError::Quota(exceeded)) => exceeded,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_account_keeps_as_much_as_it_may_and_deletion_gives_back() {
    let (_place, catalog) = two_accounts().await;
    let catalog = catalog.with_quota(SMALL);
    catalog.insert_image(sized('a', "one", 1, 60)).await.expect("fits");
    let bytes = refused(catalog.insert_image(sized('a', "two", 2, 41)).await);
    assert_eq!(bytes, QuotaExceeded::Bytes { used: 60, allowed: 100, more: 41 });
    catalog.insert_image(sized('a', "two", 2, 40)).await.expect("fits exactly");
    let images = refused(catalog.insert_image(sized('a', "three", 3, 0)).await);
    assert_eq!(images, QuotaExceeded::Images { used: 2, allowed: 2 });
    let kept = Kept { images: 2, bytes: 100 };
    assert_eq!(catalog.room(&account('a')).await.expect("works"), Room { quota: SMALL, kept });
    // Another account has its own.
    catalog.insert_image(sized('b', "one", 4, 100)).await.expect("fits");

    assert!(catalog.delete_image(&account('a'), &ImageId::named("one"), 9).await.expect("works"));
    catalog.insert_image(sized('a', "three", 3, 60)).await.expect("fits again");
}

#[tokio::test]
async fn what_an_account_is_given_wins_and_can_be_taken_back() {
    let (place, catalog) = two_accounts().await;
    let catalog = catalog.with_quota(SMALL);
    let more = QuotaChanges {
        images: Some(Some(Bound::Off)),
        bytes: Some(Some(Bound::At(7))),
        ..Default::default()
    };
    let own = give(&catalog, 'a', more).await;
    assert_eq!(
        own,
        OwnQuota { images: Some(Bound::Off), bytes: Some(Bound::At(7)), renders_per_minute: None }
    );
    let quota = Quota { images: Bound::Off, bytes: Bound::At(7), ..SMALL };
    assert_eq!(catalog.room(&account('a')).await.expect("works").quota, quota);
    assert_eq!(catalog.room(&account('b')).await.expect("works").quota, SMALL);

    // Other settings leave it alone, delivery knows it, and so does the next start.
    let browser_ttl = Some(None);
    let changes = ConfigChanges { browser_ttl, ..ConfigChanges::default() };
    catalog.update_account_config(&account('a'), changes).await.expect("works");
    for catalog in [catalog.clone(), place.open().await] {
        let (_, known) = catalog.own_delivery_account(&account('a')).await.expect("works").expect("is there");
        assert_eq!(known.config.quota, own);
    }
    let back = QuotaChanges { images: Some(None), bytes: Some(None), renders_per_minute: Some(None) };
    assert_eq!(give(&catalog, 'a', back).await, OwnQuota::default());
    assert_eq!(catalog.room(&account('a')).await.expect("works").quota, SMALL);
}

/// Two handles stand for two nodes on a server, and for two tasks of one program elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_on_two_nodes_do_not_exceed_it() {
    let (place, one) = two_accounts().await;
    let other = match &place {
        Place::Folder(_) => one.clone(),
        Place::Server { .. } => place.open().await,
    };
    let quota = Quota { images: Bound::At(10), ..Quota::OFF };
    let nodes = [one.with_quota(quota), other.with_quota(quota)];
    let uploads: Vec<_> = (0..40_u8)
        .map(|n| {
            let node = nodes[usize::from(n % 2)].clone();
            tokio::spawn(async move { node.insert_image(sized('a', &format!("{n}"), n, 1)).await })
        })
        .collect();
    let mut kept = 0;
    for upload in uploads {
        match upload.await.expect("no panic") {
            Ok(()) => kept += 1,
            Err(InsertImageError::Quota(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(kept, 10);
    assert_eq!(nodes[0].image_count(&account('a')).await.expect("works"), 10);
}

#[tokio::test]
async fn an_upload_by_link_over_the_quota_leaves_the_link_as_it_was() {
    let (_place, catalog) = two_accounts().await;
    let catalog = catalog.with_quota(Quota { images: Bound::At(0), ..Quota::OFF });
    let draft = Draft {
        account: account('a'),
        id: ImageId::named("x"),
        metadata: Metadata::default(),
        creator: None,
        privacy: Privacy::Public,
        created_ms: 10,
        expires_ms: 1_000,
        link: LinkUse::Fresh,
    };
    let link = TokenHash::of("one");
    catalog.insert_draft(draft, link.clone(), 9).await.expect("a promise takes no room");
    let fulfil = async |catalog: &Catalog| {
        let Image { blob, source, bytes, filename, .. } = sized('a', "x", 1, 5);
        let original = Original { blob, source, bytes, filename };
        catalog.fulfil_draft(&link, original, "e".to_owned(), 20).await
    };
    let refused = fulfil(&catalog).await;
    assert!(matches!(refused, Err(FulfilError::Quota(QuotaExceeded::Images { .. }))), "{refused:?}");
    give(&catalog, 'a', QuotaChanges { images: Some(Some(Bound::At(1))), ..Default::default() }).await;
    fulfil(&catalog).await.expect("the link is good");
}

#[tokio::test]
async fn an_item_of_an_import_over_the_quota_fails_and_says_why() {
    let (_place, catalog) = two_accounts().await;
    let catalog = catalog.with_quota(SMALL);
    let item = ImportItem {
        number: 0,
        source: "https://a.example/x".to_owned(),
        image: ImageId::named("x"),
        filename: None,
        metadata: Metadata::default(),
        creator: None,
        privacy: Privacy::Public,
    };
    let from = ImportFrom::Urls(vec![item]);
    let new =
        NewImport { id: "i".to_owned(), account: account('a'), source: "s".to_owned(), from, created_ms: 5 };
    catalog.insert_import(new).await.expect("new");
    let work = catalog.import_work("i", 9).await.expect("works").expect("runs");
    let brought = ItemOutcome::Brought(Box::new(sized('a', "x", 1, 101)));
    catalog.finish_import_item("i", work.items[0].number, brought).await.expect("works");
    let import = catalog.find_import(&account('a'), "i").await.expect("works").expect("is there");
    assert_eq!((import.imported, import.skipped, import.failed), (0, 0, 1));
    let failures = catalog.import_failures("i", 9).await.expect("works");
    assert_eq!(failures[0].source, "x");
    assert!(failures[0].message.contains("0 of 100 bytes"), "{}", failures[0].message);
    assert_eq!(catalog.image_count(&account('a')).await.expect("works"), 0);
}
