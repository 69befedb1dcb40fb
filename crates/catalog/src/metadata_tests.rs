use super::super::fixtures::{account, blob, image, new_account, two_accounts};
use super::super::{Catalog, ImageChanges, schema};
use super::*;
use crate::sqlite::Sqlite;
use safelight_domain::image::{BlobId, ImageId, Privacy};

fn with(mut image: Image, metadata: &str) -> Image {
    image.metadata = Metadata::from_json_object(metadata.to_owned()).expect("short");
    image
}

/// The zones of every field as text.
async fn zones(catalog: &Catalog) -> Vec<String> {
    let read = |connection: &dyn Connection| {
        let sql = "SELECT path, zone, CAST(low AS INTEGER) AS low, CAST(high AS INTEGER) AS high FROM metadata_zones JOIN metadata_fields USING (field)
                   ORDER BY path, zone";
        all(connection, sql, (), |row| {
            let (path, zone): (String, i64) = (row.get("path")?, row.get("zone")?);
            let (low, high): (i64, i64) = (row.get("low")?, row.get("high")?);
            Ok(format!("{path} {zone}: {low}..{high}"))
        })
    };
    catalog.inner.readers.read(read).await.expect("works")
}

/// The whole index as text.
async fn index(catalog: &Catalog) -> Vec<String> {
    let read = |connection: &dyn Connection| {
        let value = connection.dialect().pick(
            "quote(value)",
            "CASE WHEN value >= '\\x03' THEN quote_literal(convert_from(substring(value FROM 2), 'UTF8'))
                  WHEN value = '\\x02c014000000000000' THEN '5.0' WHEN value = '\\x028000000000000000' THEN '0.0'
                  ELSE 'X''' || encode(value, 'hex') || '''' END",
        );
        let sql = format!(
            "SELECT account, path, {value} AS value, uploaded_ms, image
             FROM metadata_fields LEFT JOIN metadata_values USING (field)
             ORDER BY account, path, value, uploaded_ms, image"
        );
        all(connection, &sql, (), |row| {
            let account: String = row.get("account")?;
            let (path, value): (String, String) = (row.get("path")?, row.get("value")?);
            let (ms, image): (i64, String) = (row.get("uploaded_ms")?, row.get("image")?);
            Ok(format!("{} {path}={value} {ms} {image}", &account[..1]))
        })
    };
    catalog.inner.readers.read(read).await.expect("works")
}

#[tokio::test]
async fn the_index_follows_every_change_of_an_image() {
    let (_folder, catalog) = two_accounts().await;
    let first =
        with(image('a', "i", blob(1), 7), r#"{"s":"x","n":5,"f":false,"o":{"k":-0.0},"l":[1],"z":null}"#);
    catalog.insert_image(first).await.expect("new");
    catalog.insert_image(with(image('b', "i", blob(2), 8), r#"{"s":"5"}"#)).await.expect("new");
    assert_eq!(
        index(&catalog).await,
        ["a f=X'00' 7 i", "a n=5.0 7 i", "a o.k=0.0 7 i", "a s='x' 7 i", "b s='5' 8 i"]
    );

    let change = async |changes| {
        catalog.update_image(&account('a'), &ImageId::named("i"), changes).await.expect("works");
    };
    change(ImageChanges { privacy: Some(Privacy::Public), ..ImageChanges::default() }).await;
    assert_eq!(index(&catalog).await.len(), 5, "metadata that is not changed stays");
    let metadata = Metadata::from_json_object(r#"{"s":"x","n":"5"}"#.to_owned()).ok();
    change(ImageChanges { metadata, ..ImageChanges::default() }).await;
    assert_eq!(index(&catalog).await, ["a n='5' 7 i", "a s='x' 7 i", "b s='5' 8 i"]);

    let twin = with(image('a', "i", blob(3), 9), r#"{"other":1}"#);
    assert!(catalog.insert_image(twin).await.is_err());
    assert_eq!(index(&catalog).await.len(), 3, "a refused image leaves nothing");
    assert!(catalog.delete_image(&account('a'), &ImageId::named("i"), 1).await.expect("works"));
    assert_eq!(index(&catalog).await, ["b s='5' 8 i"]);
}

#[tokio::test]
async fn zones_bound_the_numbers_of_their_time_and_go_with_the_last() {
    let (_folder, catalog) = two_accounts().await;
    let mut number = 0;
    for (id, ms, value) in [("a", 0, 5), ("b", ZONE_MS - 1, -3), ("c", ZONE_MS, 9), ("d", -1, 4), ("e", 7, 6)]
    {
        number += 1;
        let metadata = format!(r#"{{"n":{value},"t":"{value}"}}"#);
        catalog.insert_image(with(image('a', id, blob(number), ms), &metadata)).await.expect("new");
    }
    assert_eq!(zones(&catalog).await, ["n -1: 4..4", "n 0: -3..6", "n 1: 9..9"]);
    let delete = async |id| {
        assert!(catalog.delete_image(&account('a'), &ImageId::named(id), 1).await.expect("works"));
    };
    delete("b").await;
    delete("d").await;
    assert_eq!(zones(&catalog).await, ["n 0: -3..6", "n 1: 9..9"], "what is left is not narrowed");
    let metadata = Metadata::from_json_object(r#"{"n":"text"}"#.to_owned()).ok();
    let changes = ImageChanges { metadata, ..ImageChanges::default() };
    catalog.update_image(&account('a'), &ImageId::named("c"), changes).await.expect("works");
    assert_eq!(zones(&catalog).await, ["n 0: -3..6"]);
    for id in ["a", "c", "e"] {
        delete(id).await;
    }
    assert_eq!((zones(&catalog).await.len(), index(&catalog).await.len()), (0, 0));
}

#[test]
fn what_no_filter_can_name_is_not_indexed() {
    let found = |metadata: &str| -> Vec<String> {
        let metadata = Metadata::from_json_object(metadata.to_owned()).expect("short");
        entries(&metadata).iter().map(|(path, _)| path.as_str().to_owned()).collect()
    };
    assert_eq!(found(r#"{"a":{"b":{"c":{"d":{"e":1,"f":{"g":1}}}}}}"#), ["a.b.c.d.e"]);
    assert_eq!(found(r#"{"a.b":1,"":2,"c[d]":3,"e":{"f.g":4}}"#), [""; 0]);
    let key = "ü".repeat(101);
    assert_eq!(found(&format!(r#"{{"{key}":1}}"#)), [""; 0]);
    assert_eq!(found("[1]"), [""; 0]);
    assert_eq!(found("no JSON"), [""; 0]);
}

#[test]
fn numbers_keep_all_their_digits() {
    for text in ["0.1", "9007199254740993", "2.2250738585072011e-308", "1e300", "123456789.123456789"] {
        let metadata = Metadata::from_json_object(format!(r#"{{"n":{text}}}"#)).expect("short");
        let number = MetadataNumber::new(text.parse().expect("a number")).expect("finite");
        let value = entries(&metadata).pop().map(|(_, value)| value);
        assert_eq!(value, Some(MetadataValue::Number(number)), "{text}");
    }
}

#[tokio::test]
async fn an_older_catalog_is_indexed_when_it_is_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("catalog.sqlite");
    let before = schema::MIGRATIONS
        .iter()
        .position(|step| step.sqlite.contains("metadata_backlog"))
        .expect("is there");
    let old = Sqlite::writer(&path).expect("a database");
    schema::migrate(&old, &schema::MIGRATIONS[..before]).expect("migrates");
    let owner = new_account('a').account;
    let sql = "INSERT INTO accounts (id, hash, name, created_ms) VALUES (?1, ?2, 'old', 7)";
    change(&old, sql, [owner.id.as_str(), owner.hash.as_str()]).expect("a row");
    let count = BACKLOG_BATCH * 2 + 1;
    old.batch("BEGIN").expect("begins");
    for number in 0..count {
        let sql = "INSERT INTO images VALUES (?1, ?2, ?3, 'image/png', 1, 1, 0, 9, NULL, ?4, NULL, 'public', ?5, 1)";
        let metadata =
            if number == 0 { "{}".to_owned() } else { format!(r#"{{"n":{number},"t":"ü\u0000"}}"#) };
        let blob = BlobId::from_random(u128::from(number).to_be_bytes());
        change(&old, sql, (owner.id.as_str(), format!("i{number}"), blob.as_str(), metadata, number))
            .expect("a row");
    }
    old.batch("COMMIT").expect("commits");
    drop(old);

    for _ in 0..2 {
        let catalog = Catalog::open(&path).expect("opens");
        let index = index(&catalog).await;
        assert_eq!(index.len(), 2 * (count as usize - 1));
        assert!(index.contains(&"a n=7.0 7 i7".to_owned()));
        let backlog = catalog
            .inner
            .readers
            .read(|connection| crate::rows::any(connection, "SELECT 1 FROM metadata_backlog", ()));
        assert!(!backlog.await.expect("works"));
    }
}
