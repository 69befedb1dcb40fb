use super::*;
use crate::fixtures::{account, blob, image, new_catalog, two_accounts};
use crate::{ImportPage, ItemOutcome};
use safelight_domain::image::{Creator, ImageId, Metadata, Privacy};

fn item(id: &str) -> ImportItem {
    ImportItem {
        number: 0,
        source: format!("https://a.example/{id}"),
        image: ImageId::named(id),
        filename: Some("f.png".to_owned()),
        metadata: Metadata::from_json_object(r#"{"a":1}"#.to_owned()).expect("short"),
        creator: Some(Creator::parse("someone").expect("a creator")),
        privacy: Privacy::RequireSigned,
    }
}

fn remote() -> RemoteAccount {
    let api = Url::parse("https://api.example/client/v4").expect("a URL");
    RemoteAccount { api, account: account('c'), token: "s3cret".to_owned() }
}

async fn add(catalog: &Catalog, owner: char, id: &str, from: ImportFrom) -> Result<(), InsertError> {
    let (id, source) = (id.to_owned(), "somewhere".to_owned());
    catalog.insert_import(NewImport { id, account: account(owner), source, from, created_ms: 5 }).await
}

async fn state(catalog: &Catalog, id: &str) -> Import {
    catalog.find_import(&account('a'), id).await.expect("works").expect("it is there")
}

fn failure(n: u32) -> ImportFailure {
    ImportFailure { source: format!("{n}"), message: "why".to_owned() }
}

#[tokio::test]
async fn an_item_is_counted_once_together_with_its_image() {
    let (_folder, catalog) = two_accounts().await;
    let items = ["one", "two", "three"].map(item).to_vec();
    add(&catalog, 'a', "i", ImportFrom::Urls(items.clone())).await.expect("new");
    let work = catalog.import_work("i", 2).await.expect("works").expect("runs");
    assert_eq!((&work.listed, work.import.total, work.items.len()), (&Listed::All, Some(3), 2));
    let stored = ImportItem { number: 0, ..work.items[0].clone() };
    assert_eq!(stored, items[0], "nothing of it is lost");

    // The same outcome twice, as after a crash between the two.
    for attempt in [1, 2] {
        let one = image('a', "one", blob(attempt), 7);
        let outcome = ItemOutcome::Brought(Box::new(one));
        catalog.finish_import_item("i", work.items[0].number, outcome).await.expect("works");
    }
    let now = state(&catalog, "i").await;
    assert_eq!((now.imported, now.skipped, now.failed), (1, 0, 0));
    let kept = catalog.find_image(&account('a'), &ImageId::named("one")).await.expect("works");
    assert_eq!(kept.expect("an image").blob, blob(1));

    // An id that was taken meanwhile is the other image's.
    catalog.insert_image(image('a', "two", blob(3), 7)).await.expect("new");
    let outcome = ItemOutcome::Brought(Box::new(image('a', "two", blob(4), 8)));
    catalog.finish_import_item("i", work.items[1].number, outcome).await.expect("works");
    let kept = catalog.find_image(&account('a'), &ImageId::named("two")).await.expect("works");
    assert_eq!(kept.expect("an image").blob, blob(3));
    let now = state(&catalog, "i").await;
    assert_eq!((now.imported, now.skipped, now.failed), (1, 1, 0));

    let work = catalog.import_work("i", 2).await.expect("works").expect("runs");
    let outcome = ItemOutcome::Failed(failure(1));
    catalog.finish_import_item("i", work.items[0].number, outcome).await.expect("works");
    let work = catalog.import_work("i", 2).await.expect("works").expect("runs");
    assert_eq!((work.items.len(), work.import.failed), (0, 1));
    assert_eq!(catalog.import_failures("i", 9).await.expect("works"), [failure(1)]);
}

#[tokio::test]
async fn a_stopped_import_brings_nothing_more_and_its_token_is_gone() {
    let (_folder, catalog) = two_accounts().await;
    add(&catalog, 'a', "i", ImportFrom::Cloudflare(remote())).await.expect("new");
    catalog.begin_import("i", Some(7), vec![failure(0)]).await.expect("works");
    let page = ImportPage {
        items: vec![item("one")],
        failures: vec![failure(1)],
        continuation: Some("next".to_owned()),
    };
    catalog.insert_import_page("i", 0, page).await.expect("works");
    let work = catalog.import_work("i", 2).await.expect("works").expect("runs");
    assert_eq!(work.remote, Some(remote()));
    let listed = Listed::Pages { count: 1, continuation: Some("next".to_owned()) };
    assert_eq!((work.listed, work.import.total, work.import.failed), (listed, Some(7), 1));
    // A page that is there already is not taken twice.
    let again = ImportPage { items: vec![item("x")], failures: vec![], continuation: None };
    catalog.insert_import_page("i", 0, again).await.expect("works");
    assert_eq!(catalog.import_work("i", 9).await.expect("works").expect("runs").items.len(), 1);

    let stop = async |owner| catalog.stop_import(&account(owner), "i", 9).await.expect("works");
    assert_eq!(stop('b').await, None);
    assert_eq!(stop('a').await, Some(StoppedImport::Stopped));
    assert!(catalog.import_work("i", 2).await.expect("works").is_none());
    let outcome = ItemOutcome::Brought(Box::new(image('a', "one", blob(1), 7)));
    catalog.finish_import_item("i", work.items[0].number, outcome).await.expect("works");
    assert_eq!(catalog.image_count(&account('a')).await.expect("works"), 0);
    let now = state(&catalog, "i").await;
    assert_eq!((now.state, now.finished_ms, now.imported), (ImportState::Stopped, Some(9), 0));
    let tokens = catalog.inner.readers.read(|connection| {
        all(connection, "SELECT token FROM imports", (), |row| Ok(row.get::<_, Option<String>>(0)?))
    });
    assert_eq!(tokens.await.expect("works"), [None]);
    // It stays as it ended.
    catalog.end_import("i", ImportState::Done, None, 10).await.expect("works");
    assert_eq!(state(&catalog, "i").await.state, ImportState::Stopped);
    assert_eq!(stop('a').await, Some(StoppedImport::Deleted));
    assert_eq!(stop('a').await, None);
    assert_eq!(catalog.import_failures("i", 9).await.expect("works"), []);
}

#[tokio::test]
async fn a_draft_keeps_its_id_from_an_import() {
    use safelight_domain::direct_upload::{Draft, LinkUse};
    use safelight_domain::token::TokenHash;
    let (_folder, catalog) = two_accounts().await;
    let draft = Draft {
        account: account('a'),
        id: ImageId::named("one"),
        metadata: Metadata::default(),
        creator: None,
        privacy: Privacy::RequireSigned,
        created_ms: 1,
        expires_ms: 1_000,
        link: LinkUse::Fresh,
    };
    catalog.insert_draft(draft, TokenHash::of("link"), 9).await.expect("new");
    add(&catalog, 'a', "i", ImportFrom::Urls(vec![item("one")])).await.expect("new");
    let work = catalog.import_work("i", 2).await.expect("works").expect("runs");
    let outcome = ItemOutcome::Brought(Box::new(image('a', "one", blob(1), 7)));
    catalog.finish_import_item("i", work.items[0].number, outcome).await.expect("works");
    assert_eq!(state(&catalog, "i").await.skipped, 1);
    assert_eq!(catalog.image_count(&account('a')).await.expect("works"), 0);
}

#[tokio::test]
async fn running_imports_kept_ones_and_failures_are_bounded() {
    let (_folder, catalog) = two_accounts().await;
    let urls = || ImportFrom::Urls(vec![item("one")]);
    for n in 0..MAX_RUNNING_IMPORTS {
        add(&catalog, 'a', &format!("first{n}"), urls()).await.expect("room");
    }
    assert!(matches!(add(&catalog, 'a', "more", urls()).await, Err(InsertError::Full)));
    add(&catalog, 'b', "other", urls()).await.expect("of another account");
    let running = catalog.running_imports(99).await.expect("works");
    assert_eq!((running.len(), running[0].as_str(), running[10].as_str()), (11, "first0", "other"));
    for n in 1..MAX_RUNNING_IMPORTS {
        catalog.end_import(&format!("first{n}"), ImportState::Done, None, 9).await.expect("works");
    }
    for n in 0..MAX_IMPORTS {
        add(&catalog, 'a', &format!("then{n}"), urls()).await.expect("room");
        catalog
            .end_import(&format!("then{n}"), ImportState::Failed, Some("x".to_owned()), 9)
            .await
            .expect("works");
    }
    let kept = catalog.imports(&account('a')).await.expect("works");
    assert_eq!(kept.len(), MAX_IMPORTS as usize);
    assert_eq!((kept[0].id.as_str(), kept[0].message.as_deref()), ("then99", Some("x")));
    // The one that runs is never the one that goes.
    assert_eq!(kept[99].id, "first0");

    let failures: Vec<_> = (0..MAX_FAILURES + 5).map(failure).collect();
    add(&catalog, 'a', "last", ImportFrom::Cloudflare(remote())).await.expect("room");
    catalog.begin_import("last", None, failures).await.expect("works");
    let kept = catalog.import_failures("last", 1_000).await.expect("works");
    assert_eq!((kept.len(), &kept[0], &kept[99]), (100, &failure(104), &failure(5)));
}

#[tokio::test]
async fn running_imports_are_there_after_a_restart() {
    let (folder, catalog) = new_catalog().await;
    catalog.create_account(crate::fixtures::new_account('a')).await.expect("new");
    add(&catalog, 'a', "i", ImportFrom::Cloudflare(remote())).await.expect("new");
    drop(catalog);
    let catalog = folder.open().await;
    assert_eq!(catalog.running_imports(9).await.expect("works"), ["i"]);
    let work = catalog.import_work("i", 9).await.expect("works").expect("runs");
    assert_eq!((work.listed, work.remote), (Listed::Nothing, Some(remote())));
}
