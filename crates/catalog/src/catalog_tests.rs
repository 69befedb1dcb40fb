use super::fixtures::*;
use super::*;
use safelight_domain::signature::KeyName;
use safelight_domain::token::TokenHash;
use safelight_domain::transform::{Blur, Fit, MetadataPolicy, Side, Transform};
use safelight_domain::variant::MAX_VARIANTS;

fn names(keys: &[SigningKey]) -> Vec<String> {
    keys.iter().map(|key| format!("{}={}", key.name().as_str(), key.value())).collect()
}

#[tokio::test]
async fn an_account_comes_with_its_key_variant_and_token() {
    let (_folder, catalog) = two_accounts().await;
    let found = catalog.find_account(&account('a')).await.expect("works").expect("is there");
    assert_eq!(found, new_account('a').account);
    assert_eq!(catalog.find_account(&account('c')).await.expect("works"), None);
    let ids: Vec<_> = catalog.accounts().await.expect("works").into_iter().map(|a| a.id).collect();
    assert_eq!(ids, [account('a'), account('b')]);
    assert_eq!(names(&catalog.keys(&account('a')).await.expect("works")), ["default=value of default"]);
    assert_eq!(catalog.variants(&account('a')).await.expect("works"), [variant("public")]);
    assert_eq!(catalog.tokens(&account('a')).await.expect("works"), [new_account('a').token]);
    catalog.check().await.expect("is ready");
}

#[tokio::test]
async fn an_account_whose_parts_are_taken_is_not_made_at_all() {
    let (_folder, catalog) = two_accounts().await;
    let fresh = || new_account('c');
    let same_id = NewAccount { account: Account { id: account('a'), ..fresh().account }, ..fresh() };
    let same_hash = NewAccount { account: Account { hash: hash('a'), ..fresh().account }, ..fresh() };
    let same_token = NewAccount { token: token('c', "first of a"), ..fresh() };
    for twin in [same_id, same_hash, same_token] {
        assert!(matches!(catalog.create_account(twin).await, Err(InsertError::Exists)));
    }
    assert_eq!(catalog.accounts().await.expect("works").len(), 2);
    assert!(catalog.delivery_account(&hash('c')).await.expect("works").is_none());
    catalog.create_account(fresh()).await.expect("nothing of it was kept");
}

#[tokio::test]
async fn tokens_are_found_by_hash_and_deleted_by_their_account_alone() {
    let (_folder, catalog) = two_accounts().await;
    let made = token('a', "t");
    catalog.insert_token(made.clone()).await.expect("new");
    assert_eq!(catalog.find_token(&made.hash).await.expect("works"), Some(made.clone()));
    assert_eq!(catalog.find_token(&TokenHash::of("u")).await.expect("works"), None);
    assert!(matches!(catalog.insert_token(made.clone()).await, Err(InsertError::Exists)));
    let same_id = TokenRecord { hash: TokenHash::of("u"), ..made.clone() };
    assert!(matches!(catalog.insert_token(same_id).await, Err(InsertError::Exists)));
    let homeless = catalog.insert_token(token('c', "v")).await;
    assert!(matches!(homeless, Err(InsertError::Catalog(CatalogError::Database(_)))), "{homeless:?}");
    assert_eq!(catalog.tokens(&account('b')).await.expect("works"), [new_account('b').token]);

    assert!(!catalog.delete_token(&account('b'), &made.id).await.expect("works"));
    assert!(catalog.find_token(&made.hash).await.expect("works").is_some());
    assert!(catalog.delete_token(&account('a'), &made.id).await.expect("works"));
    assert!(!catalog.delete_token(&account('a'), &made.id).await.expect("works"));
    assert_eq!(catalog.find_token(&made.hash).await.expect("works"), None);
}

#[tokio::test]
async fn keys_are_an_accounts_own_and_never_run_out() {
    let (_folder, catalog) = two_accounts().await;
    let of = async |digit| names(&catalog.keys(&account(digit)).await.expect("works"));
    catalog.insert_key(&account('a'), key("backup"), 5, None).await.expect("new");
    assert_eq!(of('a').await, ["backup=value of backup", "default=value of default"]);
    assert_eq!(of('b').await, ["default=value of default"]);
    let other =
        SigningKey::new(KeyName::parse("backup").expect("a name"), "other".to_owned()).expect("a key");
    let twin = catalog.insert_key(&account('a'), other, 5, None).await;
    assert!(matches!(twin, Err(InsertKeyError::Insert(InsertError::Exists))), "{twin:?}");

    let delete = async |digit, text: &str| {
        let name = KeyName::parse(text).expect("a name");
        catalog.delete_key(&account(digit), &name, key("fresh"), 6).await.expect("works")
    };
    assert!(!delete('b', "backup").await);
    assert!(delete('a', "default").await);
    assert!(!delete('a', "default").await);
    assert_eq!(of('a').await, ["backup=value of backup"]);
    assert!(delete('a', "backup").await);
    assert_eq!(of('a').await, ["fresh=value of fresh"]);
    assert!(delete('a', "fresh").await);
    assert_eq!(of('a').await, ["fresh=value of fresh"]);
    assert_eq!(of('b').await, ["default=value of default"]);
}

#[tokio::test]
async fn variants_keep_every_field_and_are_an_accounts_own() {
    let (_folder, catalog) = two_accounts().await;
    let (a, b) = (account('a'), account('b'));
    let full = Variant {
        transform: Transform {
            fit: Fit::Pad,
            width: Side::parse(12_000).ok(),
            height: Side::parse(1).ok(),
            blur: Blur::parse(2.57).expect("in range"),
            metadata: MetadataPolicy::Keep,
            ..Transform::default()
        },
        browser_ttl: BrowserTtl::parse(3_600).ok(),
        access: VariantAccess::AlwaysPublic,
        ..variant("full")
    };
    assert!(!catalog.update_variant(&a, full.clone()).await.expect("works"));
    catalog.insert_variant(&a, full.clone()).await.expect("new");
    assert_eq!(catalog.find_variant(&a, &name("full")).await.expect("works"), Some(full.clone()));
    assert_eq!(catalog.find_variant(&b, &name("full")).await.expect("works"), None);
    assert!(matches!(catalog.insert_variant(&a, variant("full")).await, Err(InsertError::Exists)));
    assert_eq!(catalog.variants(&a).await.expect("works"), [full.clone(), variant("public")]);

    assert!(!catalog.update_variant(&b, variant("full")).await.expect("works"));
    assert!(!catalog.delete_variant(&b, &name("full")).await.expect("works"));
    assert_eq!(catalog.find_variant(&a, &name("full")).await.expect("works"), Some(full));
    assert!(catalog.update_variant(&a, variant("full")).await.expect("works"));
    assert_eq!(catalog.find_variant(&a, &name("full")).await.expect("works"), Some(variant("full")));
    assert!(catalog.delete_variant(&a, &name("full")).await.expect("works"));
    assert!(!catalog.delete_variant(&a, &name("full")).await.expect("works"));
    assert_eq!(catalog.variants(&b).await.expect("works"), [variant("public")]);
}

#[tokio::test]
async fn an_account_has_at_most_its_hundred_variants() {
    let (_folder, catalog) = two_accounts().await;
    for number in 1..MAX_VARIANTS {
        catalog.insert_variant(&account('a'), variant(&format!("v{number}"))).await.expect("has room");
    }
    let one_more = catalog.insert_variant(&account('a'), variant("more")).await;
    assert!(matches!(one_more, Err(InsertError::Full)), "{one_more:?}");
    let twin = catalog.insert_variant(&account('a'), variant("v1")).await;
    assert!(matches!(twin, Err(InsertError::Exists)), "{twin:?}");
    assert_eq!(catalog.variants(&account('a')).await.expect("works").len(), MAX_VARIANTS);
    catalog.insert_variant(&account('b'), variant("more")).await.expect("another account has room");
}

#[tokio::test]
async fn delivery_sees_every_change_of_keys_and_variants_once_it_returned() {
    let (_folder, catalog) = two_accounts().await;
    let a = account('a');
    let see = async || {
        let seen = catalog.delivery_account(&hash('a')).await.expect("works").expect("is there");
        assert_eq!(seen.id, account('a'));
        let keys: Vec<_> = seen.keys.iter().map(|key| key.name().as_str().to_owned()).collect();
        let mut variants: Vec<_> = seen.variants.keys().map(|name| name.as_str().to_owned()).collect();
        variants.sort();
        format!("{} {}", keys.join(","), variants.join(","))
    };
    let before = catalog.delivery_account(&hash('a')).await.expect("works").expect("is there");
    assert_eq!(see().await, "default public");
    catalog.insert_key(&a, key("more"), 5, None).await.expect("new");
    assert_eq!(see().await, "default,more public");
    catalog.delete_key(&a, key("default").name(), key("fresh"), 6).await.expect("works");
    assert_eq!(see().await, "more public");
    catalog.insert_variant(&a, variant("v")).await.expect("new");
    assert_eq!(see().await, "more public,v");
    let open = Variant { access: VariantAccess::AlwaysPublic, ..variant("v") };
    catalog.update_variant(&a, open).await.expect("works");
    let seen = catalog.delivery_account(&hash('a')).await.expect("works").expect("is there");
    assert_eq!(seen.variants[&name("v")].access, VariantAccess::AlwaysPublic);
    catalog.delete_variant(&a, &name("v")).await.expect("works");
    assert_eq!(see().await, "more public");
    assert_eq!(before.keys.len(), 1, "a reader keeps what it began with");

    let other = catalog.delivery_account(&hash('b')).await.expect("works").expect("is there");
    assert_eq!((other.keys.len(), other.variants.len()), (1, 1));
    assert!(catalog.delivery_account(&hash('c')).await.expect("works").is_none());
}

#[tokio::test]
async fn a_refused_change_is_not_seen_by_delivery() {
    let (_folder, catalog) = two_accounts().await;
    let before = catalog.delivery_account(&hash('a')).await.expect("works").expect("is there");
    let other =
        SigningKey::new(KeyName::parse("default").expect("a name"), "other".to_owned()).expect("a key");
    assert!(catalog.insert_key(&account('a'), other, 5, None).await.is_err());
    let after = catalog.delivery_account(&hash('a')).await.expect("works").expect("is there");
    assert!(Arc::ptr_eq(&before, &after));
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let (folder, catalog) = two_accounts().await;
    let a = account('a');
    catalog.insert_key(&a, key("more"), 5, None).await.expect("new");
    catalog.insert_image(image('a', "i", blob(1), 10)).await.expect("new");
    catalog.enqueue(JobKind::DeleteBlob(blob(9)), 4).await.expect("works");
    drop(catalog);

    let catalog = folder.open().await;
    assert_eq!(catalog.accounts().await.expect("works").len(), 2);
    assert_eq!(names(&catalog.keys(&a).await.expect("works")).len(), 2);
    let delivery = catalog.delivery_account(&hash('a')).await.expect("works").expect("is there");
    assert_eq!((delivery.keys.len(), delivery.variants.len()), (2, 1));
    assert!(catalog.find_token(&TokenHash::of("first of b")).await.expect("works").is_some());
    let found = catalog.find_image(&a, &ImageId::named("i")).await.expect("works").expect("is there");
    assert_eq!(*found, image('a', "i", blob(1), 10));
    assert_eq!(catalog.image_count(&a).await.expect("works"), 1);
    let job = catalog.lease_job(JobLine::Storage, 5, 6).await.expect("works").expect("is due");
    assert_eq!((job.kind, job.attempts), (JobKind::DeleteBlob(blob(9)), 1));
}

#[tokio::test]
async fn commits_are_synced_and_references_checked() {
    let (_folder, catalog) = new_file();
    let pragma = |name: &'static str| {
        catalog.inner.writer.write(
            move |connection: &dyn Connection| -> Result<Option<String>, CatalogError> {
                let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
                rows::first(connection, &sql, (), |row| Ok(row.get(0)?))
            },
            |_| (),
        )
    };
    assert_eq!(pragma("journal_mode").await.expect("works"), Some("wal".to_owned()));
    assert_eq!(pragma("synchronous").await.expect("works"), Some("2".to_owned()));
    assert_eq!(pragma("foreign_keys").await.expect("works"), Some("1".to_owned()));
}

#[tokio::test]
async fn readers_cannot_write() {
    let (_folder, catalog) = two_accounts().await;
    let written =
        catalog.inner.readers.read(|connection| Ok(connection.change("DELETE FROM variants", &[])?)).await;
    assert!(matches!(written, Err(CatalogError::Database(_))), "{written:?}");
}

#[tokio::test]
async fn a_damaged_row_names_its_table() {
    let (_folder, catalog) = two_accounts().await;
    catalog.insert_image(image('a', "i", blob(1), 10)).await.expect("new");
    let spoil = |connection: &dyn Connection| -> Result<(), CatalogError> {
        connection.change("UPDATE images SET privacy = 'odd'", &[])?;
        Ok(())
    };
    catalog.inner.writer.write(spoil, |()| ()).await.expect("works");
    let error = catalog.find_image(&account('a'), &ImageId::named("i")).await.expect_err("is damaged");
    assert!(matches!(error, CatalogError::Damaged { table: "images", .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_plans_pages_for_their_values() {
    let Some(place) = fixtures::Place::on_server().await else { return };
    let catalog = place.open().await;
    let read = |connection: &dyn Connection| {
        rows::at_one_moment(connection, || {
            let sql = "SELECT current_setting('plan_cache_mode')";
            rows::first(connection, sql, (), |row| Ok(row.get::<_, String>(0)?))
        })
    };
    let mode = catalog.inner.readers.read(read).await.expect("works");
    assert_eq!(mode, Some("force_custom_plan".to_owned()));
}

/// `scripts/postgres` gives its server a certificate of an authority of its own.
#[tokio::test]
async fn a_server_is_spoken_to_by_tls_with_the_authorities_that_are_named() {
    let Some(fixtures::Place::Server { server, database }) = &fixtures::Place::on_server().await else {
        return;
    };
    let file = std::env::var("SAFELIGHT_TEST_POSTGRES_AUTHORITIES").expect("scripts/postgres sets it");
    let connect = async |query: &str| {
        let address = format!("{server}/{database}?{query}");
        Catalog::connect(&PostgresAddress::parse(&address).expect("an address")).await
    };
    let catalog = connect(&format!("sslrootcert={file}")).await.expect("connects");
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let read =
        |connection: &dyn Connection| rows::first(connection, sql, (), |row| Ok(row.get::<_, bool>(0)?));
    assert_eq!(catalog.inner.readers.read(read).await.expect("works"), Some(true));
    let unknown = connect("sslmode=require").await.err();
    assert!(matches!(unknown, Some(OpenError::Database(_))), "{unknown:?}");
}
