use super::*;
use crate::fixtures::{account, key, two_accounts};
use crate::schema::{MIGRATIONS, migrate};
use crate::sqlite::Sqlite;
use crate::{InsertError, InsertKeyError, MAX_KEYS};
use safelight_domain::signature::KeyName;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

async fn add(catalog: &Catalog, owner: char, counts: &[(&str, u64)], second: i64) {
    let counts = counts.iter().map(|(measure, count)| ((*measure).to_owned(), *count)).collect();
    let taken = vec![(account(owner), counts)];
    catalog.add_usage(move || taken, second * 1000).await.expect("works");
}

async fn read(catalog: &Catalog, owner: char, stored: i64, width: i64) -> Vec<UsageRow> {
    let points = UsagePoints { stored, width, from: 0, to: 1_000 * DAY };
    catalog.usage(&account(owner), points).await.expect("works")
}

fn rows(rows: &[(i64, &str, u64)]) -> Vec<UsageRow> {
    rows.iter().map(|(begin, measure, count)| (*begin, (*measure).to_owned(), *count)).collect()
}

#[tokio::test]
async fn counts_are_added_to_narrow_and_wide_points() {
    let (_folder, catalog) = two_accounts().await;
    add(&catalog, 'a', &[("requests", 2), ("bytes", 70)], 299).await;
    add(&catalog, 'a', &[("requests", 3)], 300).await;
    add(&catalog, 'a', &[("requests", 4)], DAY - 1).await;
    add(&catalog, 'b', &[("requests", 9)], 299).await;
    assert_eq!(
        read(&catalog, 'a', 300, 300).await,
        rows(&[(0, "bytes", 70), (0, "requests", 2), (300, "requests", 3), (DAY - 300, "requests", 4)])
    );
    assert_eq!(
        read(&catalog, 'a', HOUR, HOUR).await,
        rows(&[(0, "bytes", 70), (0, "requests", 5), (DAY - HOUR, "requests", 4)])
    );
    assert_eq!(read(&catalog, 'a', HOUR, DAY).await, rows(&[(0, "bytes", 70), (0, "requests", 9)]));
    assert_eq!(read(&catalog, 'b', HOUR, DAY).await, rows(&[(0, "requests", 9)]));
}

#[tokio::test]
async fn keys_that_are_gone_are_not_counted() {
    let (_folder, catalog) = two_accounts().await;
    let a = account('a');
    catalog.insert_key(&a, key("more"), 5, Some(key("default").name().clone())).await.expect("new");
    add(&catalog, 'a', &[("key:default", 3), ("key:more", 1), ("key:gone", 7)], 10).await;
    assert_eq!(read(&catalog, 'a', 300, 300).await, rows(&[(0, "key:default", 3), (0, "key:more", 1)]));
    let known = catalog.known_keys(&a).await.expect("works");
    assert_eq!(known[0].used_ms, Some(10_000));
    assert_eq!(known[1].replaces.as_ref(), Some(key("default").name()));
    let name = KeyName::parse("default").expect("a name");
    assert!(catalog.delete_key(&a, &name, key("fresh"), 6).await.expect("works"));
    assert_eq!(read(&catalog, 'a', 300, 300).await, rows(&[(0, "key:more", 1)]));
    assert_eq!(catalog.known_keys(&a).await.expect("works")[0].replaces, None);
}

#[tokio::test]
async fn an_account_has_at_most_its_twenty_keys() {
    let (_folder, catalog) = two_accounts().await;
    let a = account('a');
    let insert = async |name: &str, replaces: Option<&str>| {
        let replaces = replaces.map(|name| KeyName::parse(name).expect("a name"));
        catalog.insert_key(&a, key(name), 5, replaces).await
    };
    let nothing = insert("new", Some("none")).await;
    assert!(matches!(nothing, Err(InsertKeyError::NothingToReplace)), "{nothing:?}");
    for number in 1..MAX_KEYS {
        insert(&format!("k{number}"), None).await.expect("has room");
    }
    for replaces in [None, Some("default")] {
        let full = insert("more", replaces).await;
        assert!(matches!(full, Err(InsertKeyError::Insert(InsertError::Full))), "{full:?}");
        let twin = insert("k1", replaces).await;
        assert!(matches!(twin, Err(InsertKeyError::Insert(InsertError::Exists))), "{twin:?}");
    }
    assert_eq!(catalog.keys(&a).await.expect("works").len(), MAX_KEYS);
}

#[tokio::test]
async fn points_are_deleted_when_they_were_kept_long_enough() {
    let (_folder, catalog) = two_accounts().await;
    for owner in ['a', 'b'] {
        add(&catalog, owner, &[("requests", 1), ("hits", 1)], 0).await;
        add(&catalog, owner, &[("requests", 1)], 392 * DAY).await;
    }
    let delete = async |second: i64| catalog.delete_old_usage(second * 1000, 3).await.expect("works");
    assert_eq!(delete(8 * DAY).await, 0);
    assert_eq!((delete(8 * DAY + 1).await, delete(8 * DAY + 1).await, delete(8 * DAY + 1).await), (3, 1, 0));
    assert_eq!(read(&catalog, 'a', HOUR, HOUR).await.len(), 3);
    // The narrow points of the other day, and the wide ones of the first.
    assert_eq!((delete(400 * DAY + 1).await, delete(400 * DAY + 1).await), (5, 1));
    assert_eq!(read(&catalog, 'b', HOUR, HOUR).await, rows(&[(392 * DAY, "requests", 1)]));
    assert_eq!(read(&catalog, 'b', 300, 300).await, []);
}

#[tokio::test]
async fn an_older_catalog_is_counted_when_it_is_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("catalog.sqlite");
    let before =
        MIGRATIONS.iter().position(|step| step.sqlite.contains("CREATE TABLE usage")).expect("is there");
    let old = Sqlite::writer(&path).expect("a database");
    migrate(&old, &MIGRATIONS[..before]).expect("an older catalog");
    let a = account('a');
    let sql =
        "INSERT INTO accounts (id, hash, name, created_ms) VALUES (?1, 'cheeW4oKsx5ljh8e8BoL2A', 'x', 7)";
    change(&old, sql, [a.as_str()]).expect("a row");
    change(&old, "INSERT INTO signing_keys VALUES (?1, 'default', 'v')", [a.as_str()]).expect("a row");
    for (blob, bytes) in [("1", 40_i64), ("2", 2)] {
        let blob = blob.repeat(32);
        let sql = "INSERT INTO images (account, id, blob, format, width, height, has_alpha, bytes, metadata,
                   privacy, uploaded_ms) VALUES (?1, ?2, ?2, 'image/png', 1, 1, 0, ?3, '{}', 'public', 1)";
        change(&old, sql, (a.as_str(), &blob, bytes)).expect("a row");
        let sql =
            "INSERT INTO renditions (account, blob, transform, format, engine, effort, name, bytes, sha256,
                   used_ms) VALUES (?1, ?2, '', 'png', 1, 0, 'n', 5, zeroblob(32), 1)";
        change(&old, sql, (a.as_str(), &blob)).expect("a row");
    }
    drop(old);

    let catalog = Catalog::open(&path).expect("migrates");
    let sizes = catalog.stored_sizes(&a).await.expect("works");
    let expected = StoredSizes {
        images: 2,
        original_bytes: 42,
        renditions: 2,
        rendition_bytes: 10,
        levels: 0,
        level_bytes: 0,
    };
    assert_eq!(sizes, expected);
    let known = catalog.known_keys(&a).await.expect("works");
    assert_eq!((known[0].created_ms, known[0].used_ms), (7, None));
}
