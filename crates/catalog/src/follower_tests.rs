use super::*;
use crate::database::DatabaseError;
use crate::fixtures::{Place, account, blob, image, key, new_account, variant};
use crate::{ImageChanges, InsertImageError};
use safelight_domain::image::Privacy;
use safelight_domain::origin::AllowedOrigin;
use safelight_domain::variant::{Variant, VariantAccess};

/// Two nodes on one server; `None` where tests have none, which is said.
async fn two_nodes() -> Option<(Place, Catalog, Catalog)> {
    let place = Place::on_server().await?;
    let (one, other) = (place.open().await, place.open().await);
    one.create_account(new_account('a')).await.expect("new");
    Some((place, one, other))
}

/// Waits until something is so, and for how long.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) -> Duration {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(2), "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_changes_the_other_knows_at_once() {
    let Some((_place, one, other)) = two_nodes().await else { return };
    let (a, id) = (account('a'), ImageId::named("i"));
    let delivered = async || other.delivery_account(&new_account('a').account.hash).await.expect("works");
    until("the account", async || delivered().await.is_some()).await;
    one.insert_image(image('a', "i", blob(1), 1)).await.expect("new");
    assert!(other.find_image(&a, &id).await.expect("works").is_some());

    let private = ImageChanges { privacy: Some(Privacy::Public), ..ImageChanges::default() };
    one.update_image(&a, &id, private).await.expect("works");
    let seen = async || other.remembered_image(&a, &id).is_none_or(|image| image.privacy == Privacy::Public);
    until("privacy", seen).await;
    assert!(other.find_image(&a, &id).await.expect("works").is_some());
    assert!(one.delete_image(&a, &id, 5).await.expect("works"));
    until("deletion", async || other.remembered_image(&a, &id).is_none()).await;

    one.insert_key(&a, key("more"), 5, None).await.expect("new");
    until("a key", async || delivered().await.is_some_and(|known| known.keys.len() == 2)).await;
    let name = key("more").name().clone();
    assert!(one.delete_key(&a, &name, key("fresh"), 6).await.expect("works"));
    until("no key", async || delivered().await.is_some_and(|known| known.keys.len() == 1)).await;
    let public = Variant { access: VariantAccess::AlwaysPublic, ..variant("public") };
    assert!(one.update_variant(&a, public).await.expect("works"));
    let is_public = async || {
        let known = delivered().await.expect("is known");
        known.variants.values().any(|variant| variant.access == VariantAccess::AlwaysPublic)
    };
    until("a variant", is_public).await;
    one.set_remote_origins(Vec::new()).await.expect("works");
    assert!(other.age_of_knowledge() < Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_notice_it_is_known_by_the_next_look() {
    let Some((_place, one, other)) = two_nodes().await else { return };
    one.insert_image(image('a', "i", blob(1), 1)).await.expect("new");
    let (a, id) = (account('a'), ImageId::named("i"));
    other.find_image(&a, &id).await.expect("works").expect("is there");
    let silently = |connection: &dyn Connection| -> Result<(), CatalogError> {
        connection.batch("UPDATE images SET privacy = 'public'")?;
        let sql = "INSERT INTO changes (kind, account, image) VALUES ('image', ?1, 'i')";
        change(connection, sql, [account('a').as_str()])?;
        Ok(())
    };
    one.inner.writer.write(silently, |()| ()).await.expect("works");
    until("the change", async || other.remembered_image(&a, &id).is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_missed_changes_reads_everything_anew() {
    let Some((_place, one, other)) = two_nodes().await else { return };
    one.insert_image(image('a', "i", blob(1), 1)).await.expect("new");
    let (a, id) = (account('a'), ImageId::named("i"));
    other.find_image(&a, &id).await.expect("works").expect("is there");
    let later = |connection: &dyn Connection| -> Result<(), CatalogError> {
        connection.batch("DELETE FROM changes; ALTER TABLE changes ALTER COLUMN number RESTART WITH 1000")?;
        tell(connection, &Kept::RemoteOrigins).map(drop)
    };
    one.inner.writer.write(later, |()| ()).await.expect("works");
    until("everything", async || other.remembered_image(&a, &id).is_none()).await;
    assert!(other.delivery_account(&new_account('a').account.hash).await.expect("works").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_set_back_is_read_anew() {
    let Some((_place, one, other)) = two_nodes().await else { return };
    let entry = "images.example.com".to_owned();
    let origin = AllowedOrigin::parse(&entry).expect("an origin");
    one.set_remote_origins(vec![(entry, origin)]).await.expect("works");
    until("the origin", async || other.remote_origins().len() == 1).await;
    let set_back = |connection: &dyn Connection| -> Result<(), CatalogError> {
        connection.batch("DELETE FROM remote_origins; DELETE FROM changes")?;
        connection.batch("ALTER TABLE changes ALTER COLUMN number RESTART WITH 1")?;
        tell(connection, &Kept::RemoteOrigins).map(drop)
    };
    one.inner.writer.write(set_back, |()| ()).await.expect("works");
    until("no origin", async || other.remote_origins().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_fits_no_index_is_too_long() {
    let Some((_place, one, _)) = two_nodes().await else { return };
    // No two are alike, so that they do not compress.
    let long: String =
        (0..1024).filter_map(|number| char::from_u32(0x2_0000 + number * 37 % 40_000)).collect();
    let refused = one.insert_image(image('a', &long, blob(1), 1)).await;
    let is_too_long =
        |error: &CatalogError| matches!(error, CatalogError::Database(DatabaseError::TooLong(_)));
    assert!(matches!(&refused, Err(InsertImageError::Catalog(error)) if is_too_long(error)), "{refused:?}");
    assert_eq!(one.image_count(&account('a')).await.expect("works"), 0);
    assert!(one.find_image(&account('a'), &ImageId::named(&long)).await.expect("works").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_nodes_that_insert_one_id_exactly_one_wins() {
    let Some((_place, one, other)) = two_nodes().await else { return };
    let nodes = [&one, &other];
    for round in 0..10_u8 {
        let insert = |number: u8| {
            let new = image('a', &format!("i{round}"), blob(round * 8 + number), 1);
            nodes[usize::from(number) % 2].insert_image(new)
        };
        let results = futures_util::future::join_all((0..8).map(insert)).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        let taken =
            |result: &Result<(), InsertImageError>| matches!(result, Ok(()) | Err(InsertImageError::Exists));
        assert!(results.iter().all(taken), "{results:?}");
    }
    assert_eq!(one.image_count(&account('a')).await.expect("works"), 10);
}
