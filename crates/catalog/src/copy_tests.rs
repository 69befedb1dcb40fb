use super::*;
use crate::fixtures::{Place, blob, image, new_account, new_file, token};
use crate::{
    Action, Catalog, JobKind, Rendition, RenditionKey, StoredKind, StoredLevel, StoredRow, StoredRows,
    Webhook,
};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::transform::Effort;
use std::collections::BTreeMap;

/// Something in many of the tables.
async fn fill(catalog: &Catalog, images: u8) {
    for digit in ['a', 'b'] {
        catalog.create_account(new_account(digit)).await.expect("a new account");
    }
    catalog.insert_token(token('a', "another")).await.expect("a token");
    let url = "https://hook.example/x".parse().expect("a URL");
    let webhook = Webhook { url, secret: Some("ünï".to_owned()) };
    catalog.set_webhook(&crate::fixtures::account('a'), webhook).await.expect("works");
    for number in 0..images {
        let owner = if number.is_multiple_of(2) { 'a' } else { 'b' };
        let mut image = image(owner, &format!("image {number}"), blob(number), number.into());
        image.filename = (number % 3 > 0).then(|| format!("datei {number}.webp"));
        image.bytes = 7;
        catalog.insert_image(image).await.expect("a new image");
    }
    let key =
        RenditionKey { blob: blob(1), transform: "width=5".into(), format: OutputFormat::WebP, engine: 1 };
    let rendition = Rendition { name: "c".repeat(32), bytes: 11, sha256: [9; 32], effort: Effort::Quick };
    catalog.insert_rendition(key, rendition, 5).await.expect("works");
    let level = StoredLevel { divisor: 2, name: "d".repeat(32), bytes: 13 };
    catalog.set_levels(&blob(2), vec![level], "small 1").await.expect("works");
    catalog.enqueue(JobKind::RenderVariants(blob(2)), 3).await.expect("works");
    catalog
        .delete_image(&crate::fixtures::account('a'), &image('a', "image 0", blob(0), 0).id, 9)
        .await
        .expect("works");
}

/// Every row that is copied, by table.
fn rows_of(place: &CatalogPlace) -> BTreeMap<&'static str, Vec<AnyRow>> {
    let connection = reader(place).expect("opens");
    let known = Sqlite::in_memory().expect("a database");
    schema::migrate(&known, &MIGRATIONS).expect("migrates");
    TABLES
        .iter()
        .map(|table| {
            let columns = columns(&known, table).expect("columns");
            let (mut rows, mut after) = (Vec::new(), None);
            loop {
                let next = next_rows(&*connection, table, &columns, after.as_deref()).expect("rows");
                let Some(last) = next.last() else { return (table.name, rows) };
                after = Some(key_of(table, &columns, last));
                rows.extend(next);
            }
        })
        .collect()
}

fn file(folder: &tempfile::TempDir, name: &str) -> CatalogPlace {
    CatalogPlace::File(folder.path().join(name))
}

fn path(place: &CatalogPlace) -> &Path {
    match place {
        CatalogPlace::File(path) => path,
        CatalogPlace::Server(_) => panic!("a server"),
    }
}

#[tokio::test]
async fn a_snapshot_of_a_running_catalog_has_every_row_and_its_indices() {
    let (folder, catalog) = new_file();
    fill(&catalog, 20).await;
    let (from, to) = (file(&folder, "catalog.sqlite"), file(&folder, "copy.sqlite"));
    let mut seen = 0;
    let count = take_snapshot(&from, path(&to), Derived::Copied, &mut |count| seen = count).expect("copies");
    assert_eq!(count, seen);
    let copied = rows_of(&to);
    assert_eq!(rows_of(&from), copied);
    for table in ["accounts", "tokens", "webhooks", "images", "renditions", "levels", "jobs"] {
        assert!(!copied[table].is_empty(), "{table}");
    }
    finish_snapshot(path(&to)).expect("indices");
    let copy = Catalog::open(path(&to)).expect("opens");
    for digit in ['a', 'b'] {
        let account = crate::fixtures::account(digit);
        let (was, is) = (catalog.stored_sizes(&account).await, copy.stored_sizes(&account).await);
        assert_eq!(was.expect("works"), is.expect("works"), "triggers count");
    }
    let index = "SELECT (SELECT count(*) FROM metadata_values), (SELECT count(*) FROM image_search)";
    let indexed = |place| {
        let connection = reader(place).expect("opens");
        first(&*connection, index, (), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
            .expect("works")
    };
    assert_eq!(indexed(&from), indexed(&to));
    assert_eq!(indexed(&to), Some((19, 19)));
}

#[tokio::test]
async fn what_is_made_again_can_be_left_behind() {
    let (folder, catalog) = new_file();
    fill(&catalog, 6).await;
    let (from, to) = (file(&folder, "catalog.sqlite"), file(&folder, "copy.sqlite"));
    take_snapshot(&from, path(&to), Derived::LeftBehind, &mut |_| ()).expect("copies");
    let (was, is) = (rows_of(&from), rows_of(&to));
    assert_eq!((is["renditions"].len(), is["levels"].len()), (0, 0));
    assert_eq!(was["images"].len(), is["images"].len());
    let copy = Catalog::open(path(&to)).expect("opens");
    assert_eq!(copy.images_for_levels("small 1").await.expect("works").len(), 5, "all need levels");
}

#[tokio::test]
async fn pages_of_what_is_stored_have_everything_once() {
    let (folder, catalog) = new_file();
    fill(&catalog, 250).await;
    for number in 250..=255 {
        catalog.insert_image(image('a', &format!("image {number}"), blob(number), 0)).await.expect("new");
    }
    let rows = StoredRows::open(&file(&folder, "catalog.sqlite")).expect("opens");
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = rows.page(after.as_ref()).expect("works");
        let Some(last) = page.last() else { break };
        after = Some(last.blob.clone());
        found.extend(page);
    }
    assert_eq!(found.iter().filter(|row| matches!(row.kind, StoredKind::Original(..))).count(), 255);
    assert_eq!(found.len(), 257);
    let total = rows.total().expect("works");
    assert_eq!(total.images, 255);
    assert_eq!(total.bytes, found.iter().map(|row| row.bytes).sum::<u64>());
    let derived =
        found.iter().position(|row| row.kind == StoredKind::Level("d".repeat(32))).expect("a level");
    assert!(matches!(found[derived - 1].kind, StoredKind::Original(..)));
    assert_eq!(found[derived - 1].blob, blob(2));
}

#[tokio::test]
async fn rows_can_be_dropped_from_a_snapshot() {
    let (folder, catalog) = new_file();
    fill(&catalog, 6).await;
    let (from, to) = (file(&folder, "catalog.sqlite"), file(&folder, "copy.sqlite"));
    take_snapshot(&from, path(&to), Derived::Copied, &mut |_| ()).expect("copies");
    let rows = StoredRows::open(&to).expect("opens").page(None).expect("works");
    let gone = |row: &StoredRow| {
        let is_image = matches!(row.kind, StoredKind::Original(..));
        row.blob == blob(1) && is_image || row.blob == blob(2) && !is_image
    };
    let gone: Vec<StoredRow> = rows.into_iter().filter(gone).collect();
    drop_from_snapshot(path(&to), &gone).expect("works");
    finish_snapshot(path(&to)).expect("indices");
    let is = rows_of(&to);
    assert_eq!((is["images"].len(), is["renditions"].len(), is["levels"].len()), (4, 0, 0));
    assert!(!has_blob(&to, &blob(1)).expect("works") && has_blob(&from, &blob(1)).expect("works"));
    let levels =
        is["images"].iter().flatten().flatten().filter(|value| **value == Value::Text("off".to_owned()));
    assert_eq!(levels.count(), 4, "those that are gone are made again");
    let copy = Catalog::open(path(&to)).expect("opens");
    let counted = copy.image_count(&crate::fixtures::account('a')).await.expect("works");
    assert_eq!(counted, 2);
}

#[tokio::test]
async fn rows_go_to_a_server_and_back_and_are_the_same() {
    let Some(place) = Place::on_server().await else { return };
    let (folder, catalog) = new_file();
    fill(&catalog, 250).await;
    let address = place.address().expect("a server");
    let from = file(&folder, "catalog.sqlite");
    take_snapshot(&from, &folder.path().join("there"), Derived::Copied, &mut |_| ()).expect("copies");
    let there = folder.path().join("there");
    let (to, put) = (CatalogPlace::Server(address.clone()), address.clone());
    let put = tokio::task::spawn_blocking(move || put_rows(&there, &put, Found::Nothing, &mut |_| ()));
    assert_eq!(
        put.await.expect("ends").expect("copies"),
        rows_of(&from).values().map(Vec::len).sum::<usize>() as u64
    );
    let connected = Catalog::connect(&address).await.expect("connects");
    let back = file(&folder, "back");
    let (at, into) = (to.clone(), path(&back).to_owned());
    let taken = move || (rows_of(&at), take_snapshot(&at, &into, Derived::Copied, &mut |_| ()));
    let (rows, taken) = tokio::task::spawn_blocking(taken).await.expect("ends");
    taken.expect("copies");
    assert!(rows == rows_of(&from), "the same on the server");
    assert!(rows_of(&back) == rows, "the same on the way back");
    // New rows have numbers of their own.
    connected.enqueue(JobKind::RenderVariants(blob(3)), 3).await.expect("works");
    let account = crate::fixtures::account('b');
    connected.delete_image(&account, &image('b', "image 1", blob(1), 0).id, 9).await.expect("has an index");
    let events = connected.history(&account, &image('b', "image 3", blob(3), 0).id).await.expect("works");
    assert!(events.iter().all(|event| event.action != Action::Deleted));
}

#[tokio::test]
async fn a_copy_to_a_server_goes_on_where_it_was() {
    let Some(place) = Place::on_server().await else { return };
    let (folder, catalog) = new_file();
    fill(&catalog, 250).await;
    let from = file(&folder, "catalog.sqlite");
    let snapshot = folder.path().join("snapshot");
    take_snapshot(&from, &snapshot, Derived::Copied, &mut |_| ()).expect("copies");
    let expected = rows_of(&from);
    let address = place.address().expect("a server");
    let test = move || {
        let to = Postgres::writer(server(&address).expect("an address"));
        schema::migrate(&to, &MIGRATIONS).expect("migrates");
        let source = reader(&CatalogPlace::File(snapshot.clone())).expect("opens");
        // As a copy leaves it that is killed after some of the images.
        for table in &TABLES[..5] {
            let columns = columns(&*source, table).expect("columns");
            let mut rows = next_rows(&*source, table, &columns, None).expect("rows");
            rows.truncate(100);
            insert(&to, table, &columns, &rows).expect("inserts");
        }
        let refused = put_rows(&snapshot, &address, Found::Nothing, &mut |_| ());
        assert!(matches!(refused, Err(CopyRowsError::Occupied(_))), "{refused:?}");
        for _ in 0..2 {
            put_rows(&snapshot, &address, Found::Beginning, &mut |_| ()).expect("goes on");
        }
        assert!(rows_of(&CatalogPlace::Server(address.clone())) == expected);
        // Something else than the beginning.
        change(&to, "INSERT INTO accounts (id, hash, name, created_ms) VALUES ('x', 'x', 'x', 1)", ())
            .expect("inserts");
        let refused = put_rows(&snapshot, &address, Found::Beginning, &mut |_| ());
        assert!(matches!(refused, Err(CopyRowsError::Occupied(account)) if account == "x"));
    };
    tokio::task::spawn_blocking(test).await.expect("ends");
}

#[test]
fn what_is_no_catalog_of_this_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = file(&folder, "catalog.sqlite");
    let refused = || take_snapshot(&place, &folder.path().join("to"), Derived::Copied, &mut |_| ());
    assert!(matches!(refused(), Err(CopyRowsError::NoCatalog)));
    let old = Sqlite::writer(path(&place)).expect("a database");
    assert!(matches!(refused(), Err(CopyRowsError::NoCatalog)));
    schema::migrate(&old, &MIGRATIONS[..3]).expect("migrates");
    assert!(matches!(refused(), Err(CopyRowsError::OtherVersion { found: 3, .. })));
    old.batch("PRAGMA user_version = 99").expect("a version");
    assert!(matches!(refused(), Err(CopyRowsError::Open(OpenError::Newer { found: 99, .. }))));
}

/// Whoever adds a table says here what becomes of it in a copy.
fn assert_known(mut tables: Vec<String>, only: &[&str]) {
    tables.sort();
    let left = LEFT
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| tables.iter().any(|table| table == name) || !only.contains(name));
    let mut known: Vec<&str> = TABLES.iter().map(|table| table.name).chain(left).collect();
    known.sort_unstable();
    assert_eq!(tables, known);
}

#[tokio::test]
async fn every_table_is_copied_or_left_for_a_reason() {
    let connection = Sqlite::in_memory().expect("a database");
    schema::migrate(&connection, &MIGRATIONS).expect("migrates");
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
               AND name NOT LIKE 'image_search_%'";
    let tables = all(&connection, sql, (), |row| Ok(row.get(0)?)).expect("works");
    assert_known(tables, &["changes", "duties"]);

    let Some(place) = Place::on_server().await else { return };
    let (_catalog, address) = (place.open().await, place.address().expect("a server"));
    let test = move || {
        let server = Postgres::reader(server(&address).expect("an address"));
        let sql = "SELECT CAST(tablename AS TEXT) FROM pg_tables
                   WHERE schemaname = 'public' AND tablename <> 'schema_versions'";
        assert_known(all(&server, sql, (), |row| Ok(row.get(0)?)).expect("works"), &[]);
        let sql = "SELECT CAST(column_name AS TEXT) FROM information_schema.columns
                   WHERE table_schema = 'public' AND CAST(table_name AS TEXT) = CAST(?1 AS TEXT)
                   AND is_generated = 'NEVER'";
        for table in &TABLES {
            let mut there =
                all(&server, sql, [table.name], |row| Ok(row.get::<_, String>(0)?)).expect("works");
            there.retain(|column| (table.name, column.as_str()) != NOT_COPIED);
            let mut here = columns(&connection, table).expect("columns");
            there.sort();
            here.sort();
            assert_eq!(there, here, "{}", table.name);
        }
    };
    tokio::task::spawn_blocking(test).await.expect("ends");
}

#[tokio::test]
async fn a_database_with_an_account_is_not_empty() {
    let Some(place) = Place::on_server().await else { return };
    let address = place.address().expect("a server");
    let empty = |address: PostgresAddress| tokio::task::spawn_blocking(move || require_empty(&address));
    empty(address.clone()).await.expect("ends").expect("there is no table");
    let catalog = place.open().await;
    empty(address.clone()).await.expect("ends").expect("there is no row");
    catalog.create_account(new_account('a')).await.expect("a new account");
    assert!(matches!(empty(address).await.expect("ends"), Err(CopyRowsError::Occupied(_))));
}
