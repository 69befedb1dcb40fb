use super::super::fixtures::{account, blob, image, two_accounts};
use super::super::{Catalog, ImageChanges, schema};
use super::*;
use crate::search::Named;
use crate::sql::Sql;
use crate::sqlite::Sqlite;
use safelight_domain::image::{BlobId, Creator, ImageId, Privacy};
use safelight_domain::image_search::{SearchIn, SearchText};

/// The numbers of the images that the index has a text of.
async fn named(catalog: &Catalog, text: &str, within: SearchIn) -> Vec<i64> {
    let text = SearchText::parse(text).expect("a text");
    let named = Named { text, within, low: 0, high: i64::MAX };
    let read = move |connection: &dyn Connection| {
        let mut sql = Sql::default();
        let number = connection.dialect().pick("rowid", "number");
        sql.add(&format!("SELECT {number} FROM image_search WHERE "));
        sql.append(named.condition(connection.dialect())).add(&format!(" ORDER BY {number}"));
        all(connection, &sql.text, &sql.values[..], |row| Ok(row.get(0)?))
    };
    catalog.inner.readers.read(read).await.expect("works")
}

/// Whether the index of texts is whole.
async fn check(catalog: &Catalog) {
    let check = |connection: &dyn Connection| -> Result<(), CatalogError> {
        let checks = match connection.dialect() {
            Dialect::Sqlite => "INSERT INTO image_search (image_search) VALUES ('integrity-check')",
            Dialect::Postgres => {
                "SELECT 1 / (SELECT count(*) FROM images JOIN image_search USING (number)
                             HAVING count(*) = (SELECT count(*) FROM images)
                             AND count(*) = (SELECT count(*) FROM image_search))"
            }
        };
        connection.batch(checks).map_err(CatalogError::from)
    };
    catalog.inner.writer.write(check, |()| ()).await.expect("is whole");
}

const FIRST: i64 = 1 << IMAGE_BITS;

#[tokio::test]
async fn the_index_follows_every_change_of_an_image() {
    let (_folder, catalog) = two_accounts().await;
    let (a, b) = (account('a'), account('b'));
    let i = ImageId::named("Image");
    catalog.insert_image(image('a', "Image", blob(1), 7)).await.expect("new");
    catalog.insert_image(image('b', "Image", blob(2), 8)).await.expect("new");
    catalog.insert_image(image('a', "Image 2", blob(3), 9)).await.expect("new");
    assert_eq!(named(&catalog, "image", SearchIn::Id).await, [FIRST, FIRST + 1, 2 * FIRST]);

    let change =
        async |changes| catalog.update_image(&a, &i, changes).await.expect("works").expect("is there");
    change(ImageChanges { creator: Some(Creator::parse("ÄRGER").ok()), ..ImageChanges::default() }).await;
    let metadata = Metadata::from_json_object(r#"{"k":{"Farbe":["ROT"]}}"#.to_owned()).ok();
    change(ImageChanges { metadata, ..ImageChanges::default() }).await;
    change(ImageChanges { privacy: Some(Privacy::Public), ..ImageChanges::default() }).await;
    assert_eq!(named(&catalog, "ärger", SearchIn::Creator).await, [FIRST]);
    assert_eq!(named(&catalog, "rot", SearchIn::Metadata).await, [FIRST]);
    assert_eq!(named(&catalog, "image", SearchIn::Id).await.len(), 3);
    change(ImageChanges {
        creator: Some(None),
        metadata: Some(Metadata::default()),
        ..ImageChanges::default()
    })
    .await;
    assert_eq!(named(&catalog, "ärger", SearchIn::Any).await, [0; 0]);
    assert_eq!(named(&catalog, "farbe", SearchIn::Any).await, [0; 0]);

    assert!(catalog.insert_image(image('a', "Image", blob(4), 9)).await.is_err());
    assert_eq!(named(&catalog, "image", SearchIn::Any).await.len(), 3, "a refused image leaves nothing");
    assert!(catalog.delete_image(&a, &ImageId::named("Image 2"), 1).await.expect("works"));
    assert!(catalog.delete_image(&b, &i, 1).await.expect("works"));
    assert_eq!(named(&catalog, "image", SearchIn::Any).await, [FIRST]);
    catalog.insert_image(image('a', "Third", blob(5), 9)).await.expect("new");
    assert_eq!(
        named(&catalog, "image", SearchIn::Any).await,
        [FIRST],
        "a number that is used again has no old texts"
    );
    assert_eq!(named(&catalog, "third", SearchIn::Any).await, [FIRST + 1]);
    check(&catalog).await;
}

#[tokio::test]
async fn many_changes_leave_what_is_there() {
    let (_folder, catalog) = two_accounts().await;
    for number in 0..200_u8 {
        let id = format!("image-{number}");
        catalog.insert_image(image('a', &id, blob(number), 7)).await.expect("new");
        if number % 3 == 0 {
            let creator = Some(Creator::parse(&format!("creator-{number}")).ok());
            let changes = ImageChanges { creator, ..ImageChanges::default() };
            catalog.update_image(&account('a'), &ImageId::named(&id), changes).await.expect("works");
        }
        if number % 2 == 0 {
            assert!(catalog.delete_image(&account('a'), &ImageId::named(&id), 1).await.expect("works"));
        }
    }
    assert_eq!(named(&catalog, "image", SearchIn::Any).await.len(), 100);
    assert_eq!(named(&catalog, "creator", SearchIn::Any).await.len(), 33);
    check(&catalog).await;
}

#[tokio::test]
async fn an_older_catalog_is_indexed_when_it_is_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("catalog.sqlite");
    let old = Sqlite::writer(&path).expect("a database");
    let before =
        schema::MIGRATIONS.iter().position(|step| step.sqlite.contains("image_search")).expect("it is there");
    schema::migrate(&old, &schema::MIGRATIONS[..before]).expect("an older catalog");
    for (digit, hash) in [('a', "cheeW4oKsx5ljh8e8BoL2A"), ('b', "AAAAAAAAAAAAAAAAAAAAAA")] {
        let sql = "INSERT INTO accounts (id, hash, name, created_ms) VALUES (?1, ?2, 'old', 7)";
        change(&old, sql, (account(digit).as_str(), hash)).expect("a row");
    }
    let insert =
        "INSERT INTO images (account, id, blob, format, width, height, has_alpha, bytes, filename, metadata,
                  privacy, uploaded_ms)
                  VALUES (?1, ?2, ?3, 'image/png', 1, 1, 0, 5, 'Photo.png', '{\"k\":\"Wert\"}', 'public', 1)";
    for number in 0..2_500_u16 {
        let owner = account(if number % 5 == 0 { 'b' } else { 'a' });
        let blob =
            BlobId::from_random([[1, 2], number.to_be_bytes()].concat().repeat(4).try_into().expect("16"));
        change(&old, insert, (owner.as_str(), format!("n{number}"), blob.as_str())).expect("a row");
    }
    drop(old);

    let catalog = Catalog::open(&path).expect("migrates");
    for (text, within) in [("photo", SearchIn::Filename), ("wert", SearchIn::Metadata)] {
        let named = named(&catalog, text, within).await;
        assert_eq!(named.len(), 2_500);
        let of_a = numbers(1);
        assert_eq!(named.iter().filter(|number| of_a.contains(number)).count(), 2_000);
    }
    check(&catalog).await;
    drop(catalog);
    Catalog::open(&path).expect("opens again");
}
