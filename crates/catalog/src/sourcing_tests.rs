use super::*;
use crate::fixtures::{account, blob, image, two_accounts};
use crate::{
    JobKind, JobLine, MAX_ACTIVE_MIGRATIONS, MAX_LOGS, MigrationChange, MigrationCounts, MigrationObject,
    MigrationPage, NewMigration, NewMigrationError, ObjectOutcome, Rendition, RenditionKey,
    SourcingMigration,
};
use safelight_domain::image::{ImageId, Privacy, SourceFormat};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::quota::{Bound, Quota};
use safelight_domain::sourcing::{ConflictBehaviour, Fate, Folder, LogType, MigrationStatus, Plan, Skipped};
use safelight_domain::transform::Effort;

fn named(text: &str) -> SourcingId {
    SourcingId::named(text)
}

fn source(owner: char, id: &str) -> BucketSource {
    BucketSource {
        id: named(id),
        account: account(owner),
        name: format!("Name of {id}"),
        vendor: Vendor::S3,
        place: BucketPlace {
            endpoint: Url::parse("https://s3.example").expect("a URL"),
            region: "eu-west-1".to_owned(),
            bucket: "photos".to_owned(),
            access_key_id: "AK".to_owned(),
            secret_access_key: "s3cret".to_owned(),
            session_token: Some("s3ssion".to_owned()),
        },
        created_ms: 1,
        updated_ms: 1,
    }
}

fn plan(conflict: ConflictBehaviour, privacy: Privacy) -> Plan {
    Plan {
        root_directory: Some(Folder::parse("/a/").expect("a folder")),
        path_prefix: None,
        conflict,
        excluded: vec![SourceFormat::Gif, SourceFormat::Svg],
        privacy,
    }
}

async fn add(catalog: &Catalog, owner: char, id: &str, plan: Plan) -> Result<(), NewMigrationError> {
    let (id, account) = (named(id), account(owner));
    catalog.insert_migration(NewMigration { id, account, source: named("s"), plan, created_ms: 3 }).await
}

async fn found(catalog: &Catalog, id: &str) -> SourcingMigration {
    catalog.find_migration(&account('a'), &named(id)).await.expect("works").expect("is there")
}

fn object(key: &str) -> MigrationObject {
    MigrationObject { number: 0, key: format!("a/{key}"), image: ImageId::named(key) }
}

fn page(keys: &[&str], after: Option<&str>) -> MigrationPage {
    MigrationPage {
        objects: keys.iter().map(|key| object(key)).collect(),
        left_out: Vec::new(),
        after: after.map(str::to_owned),
    }
}

/// A catalog with a source and a migration of it that is processing, and its first page.
async fn processing(plan: Plan, keys: &[&str]) -> (crate::fixtures::Place, Catalog) {
    let (folder, catalog) = two_accounts().await;
    catalog.insert_source(source('a', "s")).await.expect("new");
    add(&catalog, 'a', "m", plan).await.expect("new");
    let started = catalog.start_migration(&account('a'), &named("m"), 5).await.expect("works");
    assert!(matches!(started, MigrationChange::Made(now) if now.started_ms == Some(5)));
    catalog.insert_migration_page(&named("m"), 0, page(keys, None), 6).await.expect("works");
    (folder, catalog)
}

#[tokio::test]
async fn a_sources_life() {
    let (_folder, catalog) = two_accounts().await;
    let (a, b) = (account('a'), account('b'));
    for id in ["one", "two", "three"] {
        catalog.insert_source(source('a', id)).await.expect("new");
    }
    assert!(!format!("{:?}", source('a', "one")).contains("s3cret"), "secrets are not shown");
    assert_eq!(catalog.find_source(&a, &named("one")).await.expect("works"), Some(source('a', "one")));
    assert_eq!(catalog.find_source(&b, &named("one")).await.expect("works"), None);
    let names = async |name: &str, offset, limit| {
        let sources = catalog.sources(&a, name, offset, limit).await.expect("works");
        sources.into_iter().map(|source| source.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("", 0, 2).await, ["three", "two"]);
    assert_eq!(names("", 2, 25).await, ["one"]);
    assert_eq!(names("OF T", 1, 25).await, ["two"]);
    assert_eq!(names("%", 0, 25).await, [""; 0]);
    assert!(catalog.sources(&b, "", 0, 25).await.expect("works").is_empty());

    let renamed = catalog.rename_source(&a, &named("one"), "New".to_owned(), 9).await.expect("works");
    let renamed = renamed.expect("is there");
    assert_eq!((renamed.name.as_str(), renamed.created_ms, renamed.updated_ms), ("New", 1, 9));
    assert_eq!(catalog.rename_source(&b, &named("one"), "x".to_owned(), 9).await.expect("works"), None);
    assert_eq!(catalog.delete_source(&b, &named("one")).await.expect("works"), DeletedSource::Missing);
    assert_eq!(catalog.delete_source(&a, &named("one")).await.expect("works"), DeletedSource::Deleted);
    assert_eq!(catalog.delete_source(&a, &named("one")).await.expect("works"), DeletedSource::Missing);
    for number in 2..MAX_SOURCES {
        catalog.insert_source(source('a', &format!("more{number}"))).await.expect("room");
    }
    assert!(matches!(catalog.insert_source(source('a', "last")).await, Err(InsertError::Full)));
    catalog.insert_source(source('b', "last")).await.expect("of another account");
}

#[tokio::test]
async fn a_migration_waits_until_it_is_started() {
    let (_folder, catalog) = two_accounts().await;
    let a = account('a');
    let skip = || plan(ConflictBehaviour::Skip, Privacy::RequireSigned);
    assert!(matches!(add(&catalog, 'a', "m", skip()).await, Err(NewMigrationError::NoSource)));
    catalog.insert_source(source('a', "s")).await.expect("new");
    assert!(
        matches!(add(&catalog, 'b', "m", skip()).await, Err(NewMigrationError::NoSource)),
        "another account's"
    );
    add(&catalog, 'a', "m", skip()).await.expect("new");
    let now = found(&catalog, "m").await;
    assert_eq!((&now.plan, now.status, now.started_ms), (&skip(), MigrationStatus::Pending, None));
    assert!(catalog.find_migration(&account('b'), &named("m")).await.expect("works").is_none());
    assert!(catalog.migration_work(&named("m"), 9).await.expect("works").is_none(), "nobody has started it");
    assert_eq!(catalog.delete_source(&a, &named("s")).await.expect("works"), DeletedSource::InUse);
    let pending = MigrationChange::NotNow(MigrationStatus::Pending);
    assert_eq!(catalog.delete_migration(&a, &named("m")).await.expect("works"), pending);

    assert!(matches!(
        catalog.start_migration(&a, &named("m"), 5).await.expect("works"),
        MigrationChange::Made(_)
    ));
    let again = catalog.start_migration(&a, &named("m"), 6).await.expect("works");
    assert_eq!(again, MigrationChange::NotNow(MigrationStatus::Processing));
    assert_eq!(catalog.processing_migrations(9).await.expect("works"), ["m"]);
    let work = catalog.migration_work(&named("m"), 9).await.expect("works").expect("is processing");
    assert_eq!(
        (work.place, work.pages, work.after, work.is_listed),
        (Some(source('a', "s").place), 0, None, false)
    );
}

#[tokio::test]
async fn a_page_is_counted_once_and_nothing_comes_after_the_end() {
    let (_folder, catalog) = two_accounts().await;
    let a = account('a');
    catalog.insert_source(source('a', "s")).await.expect("new");
    add(&catalog, 'a', "m", plan(ConflictBehaviour::Skip, Privacy::Public)).await.expect("new");
    catalog.start_migration(&a, &named("m"), 5).await.expect("works");
    let first = MigrationPage {
        left_out: vec![
            (Skipped::InvalidName, "a/x.txt: no".to_owned()),
            (Skipped::Oversize, "a/y: big".to_owned()),
        ],
        ..page(&["one", "two"], Some("a/y"))
    };
    catalog.insert_migration_page(&named("m"), 0, first, 7).await.expect("works");
    // A page that is there already is not counted twice.
    catalog.insert_migration_page(&named("m"), 0, page(&["one"], None), 7).await.expect("works");
    let work = catalog.migration_work(&named("m"), 1).await.expect("works").expect("is processing");
    assert_eq!(
        (work.pages, work.after.as_deref(), work.is_listed, work.objects.len()),
        (1, Some("a/y"), false, 1)
    );
    let counts = MigrationCounts { scanned: 4, invalid_name: 1, oversize: 1, ..MigrationCounts::default() };
    assert_eq!(work.migration.counts, counts);

    let MigrationChange::Made(aborted) = catalog.abort_migration(&a, &named("m"), 8).await.expect("works")
    else {
        panic!("it was processing")
    };
    assert_eq!((aborted.status, aborted.ended_ms), (MigrationStatus::Aborted, Some(8)));
    let late = ObjectOutcome::Brought(Box::new(image('a', "one", blob(1), 7)));
    let taken = catalog.finish_migration_object(&named("m"), work.objects[0].clone(), late, 9).await;
    assert!(!taken.expect("works"), "nothing comes after the end");
    assert_eq!(catalog.image_count(&a).await.expect("works"), 0);
    catalog.end_migration(&named("m"), MigrationStatus::Success, "late".to_owned(), 9).await.expect("works");
    assert_eq!(found(&catalog, "m").await.status, MigrationStatus::Aborted, "it stays as it ended");
    let logs = catalog.migration_logs(&named("m"), 0, 9).await.expect("works");
    let kinds: Vec<LogType> = logs.iter().map(|entry| entry.kind).collect();
    let expected =
        [LogType::MigrationStart, LogType::Default, LogType::ImportSkippedOversized, LogType::MigrationAbort];
    assert_eq!(kinds, expected);
    assert_eq!((logs[1].message.as_str(), logs[1].at_ms), ("a/x.txt: no", 7));
    assert_eq!(catalog.migration_logs(&named("m"), 3, 9).await.expect("works").len(), 1);

    assert_eq!(catalog.delete_source(&a, &named("s")).await.expect("works"), DeletedSource::Deleted);
    assert_eq!(found(&catalog, "m").await.source, None);
    assert!(matches!(
        catalog.delete_migration(&a, &named("m")).await.expect("works"),
        MigrationChange::Made(_)
    ));
    assert_eq!(catalog.delete_migration(&a, &named("m")).await.expect("works"), MigrationChange::Missing);
    assert!(catalog.migration_logs(&named("m"), 0, 9).await.expect("works").is_empty());
}

#[tokio::test]
async fn active_migrations_are_bounded() {
    let (_folder, catalog) = two_accounts().await;
    catalog.insert_source(source('a', "s")).await.expect("new");
    let skip = || plan(ConflictBehaviour::Skip, Privacy::Public);
    for number in 0..MAX_ACTIVE_MIGRATIONS {
        add(&catalog, 'a', &format!("m{number}"), skip()).await.expect("room");
    }
    assert!(matches!(add(&catalog, 'a', "more", skip()).await, Err(NewMigrationError::ManyActive)));
    catalog.abort_migration(&account('a'), &named("m3"), 9).await.expect("works");
    add(&catalog, 'a', "more", skip()).await.expect("room again");
    let listed = catalog.migrations(&account('a'), 1, 2).await.expect("works");
    let listed: Vec<&str> = listed.iter().map(|migration| migration.id.as_str()).collect();
    assert_eq!(listed, ["m9", "m8"]);
}

#[tokio::test]
async fn an_object_is_counted_once_together_with_its_image() {
    let skip = plan(ConflictBehaviour::Skip, Privacy::RequireSigned);
    let (_folder, catalog) = processing(skip, &["one", "two", "three"]).await;
    catalog.insert_image(image('a', "two", blob(9), 7)).await.expect("new");
    let work = catalog.migration_work(&named("m"), 9).await.expect("works").expect("is processing");
    assert!(work.is_listed);
    // The same outcome twice, as after a crash between the two.
    for attempt in [1, 2] {
        let outcome = ObjectOutcome::Brought(Box::new(image('a', "one", blob(attempt), 7)));
        let done = catalog.finish_migration_object(&named("m"), work.objects[0].clone(), outcome, 8).await;
        assert_eq!(done.expect("works"), attempt == 1);
    }
    let taken = ObjectOutcome::Brought(Box::new(image('a', "two", blob(3), 7)));
    catalog.finish_migration_object(&named("m"), work.objects[1].clone(), taken, 8).await.expect("works");
    let failed = ObjectOutcome::Not(Fate::Failed, "it answered 500".to_owned());
    catalog.finish_migration_object(&named("m"), work.objects[2].clone(), failed, 8).await.expect("works");
    let counts =
        MigrationCounts { scanned: 3, imported: 1, conflict: 1, failed: 1, ..MigrationCounts::default() };
    assert_eq!(found(&catalog, "m").await.counts, counts);
    for (id, number) in [("one", 1), ("two", 9)] {
        let kept = catalog.find_image(&account('a'), &ImageId::named(id)).await.expect("works");
        assert_eq!(kept.expect("an image").blob, blob(number), "{id}");
    }
    let last = catalog.migration_logs(&named("m"), 2, 9).await.expect("works").pop().expect("an entry");
    assert_eq!(
        (last.kind, last.message.as_str()),
        (LogType::ImportErrorRetryExhaustion, "a/three: it answered 500")
    );
    let history = catalog.history(&account('a'), &ImageId::named("one")).await.expect("works");
    assert_eq!(history[0].by, "import");
}

#[tokio::test]
async fn overwriting_replaces_bytes_and_what_is_made_of_them_and_opens_nothing() {
    let overwrite = plan(ConflictBehaviour::Overwrite, Privacy::Public);
    let (_folder, catalog) = processing(overwrite, &["private"]).await;
    let a = account('a');
    let before = safelight_domain::image::Image {
        privacy: Privacy::RequireSigned,
        ..image('a', "private", blob(1), 2)
    };
    catalog.insert_image(before.clone()).await.expect("new");
    let key = RenditionKey { blob: blob(1), transform: "t".into(), format: OutputFormat::Png, engine: 1 };
    let rendition = Rendition { name: "n".to_owned(), bytes: 5, sha256: [1; 32], effort: Effort::Quick };
    catalog.insert_rendition(key.clone(), rendition, 1).await.expect("works");
    // All of it is in memory too.
    assert!(catalog.find_rendition(&key, 1).await.expect("works").is_some());
    assert!(catalog.find_image(&a, &before.id).await.expect("works").is_some());

    let work = catalog.migration_work(&named("m"), 9).await.expect("works").expect("is processing");
    let new = safelight_domain::image::Image {
        privacy: Privacy::Public,
        bytes: 99,
        ..image('a', "private", blob(2), 7)
    };
    let outcome = ObjectOutcome::Brought(Box::new(new));
    let done = catalog.finish_migration_object(&named("m"), work.objects[0].clone(), outcome, 8).await;
    assert!(done.expect("works"));
    let now = catalog.find_image(&a, &before.id).await.expect("works").expect("an image");
    assert_eq!((&now.blob, now.bytes, now.privacy), (&blob(2), 99, Privacy::RequireSigned));
    assert_eq!((&now.metadata, &now.creator), (&before.metadata, &before.creator));
    assert!(catalog.find_rendition(&key, 1).await.expect("works").is_none());
    assert!(!catalog.blob_in_use(&blob(1)).await.expect("works"));
    assert_eq!(catalog.image_count(&a).await.expect("works"), 1);
    let due = 8 + 60_000;
    assert!(catalog.lease_job(JobLine::Storage, due - 1, i64::MAX).await.expect("works").is_none());
    let job = catalog.lease_job(JobLine::Storage, due, i64::MAX).await.expect("works").expect("is due");
    assert_eq!(job.kind, JobKind::DeleteBlob(blob(1)));
    assert_eq!(found(&catalog, "m").await.counts.imported, 1);
}

#[tokio::test]
async fn a_log_is_bounded_but_for_its_end() {
    let (_folder, catalog) = processing(plan(ConflictBehaviour::Skip, Privacy::Public), &[]).await;
    catalog.abort_migration(&account('a'), &named("m"), 6).await.expect("works");
    add(&catalog, 'a', "n", plan(ConflictBehaviour::Skip, Privacy::Public)).await.expect("new");
    catalog.start_migration(&account('a'), &named("n"), 5).await.expect("works");
    let left_out = |count| (0..count).map(|n| (Skipped::InvalidName, format!("{n}"))).collect();
    let many =
        MigrationPage { left_out: left_out(MAX_LOGS - 2), after: Some("z".to_owned()), objects: Vec::new() };
    catalog.insert_migration_page(&named("n"), 0, many, 7).await.expect("works");
    assert!(!found(&catalog, "n").await.log_stopped);
    let more = MigrationPage { left_out: left_out(5), ..MigrationPage::default() };
    catalog.insert_migration_page(&named("n"), 1, more, 7).await.expect("works");
    let now = found(&catalog, "n").await;
    assert_eq!((now.log_stopped, now.counts.invalid_name), (true, MAX_LOGS + 3), "all are counted");
    catalog.end_migration(&named("n"), MigrationStatus::Success, "done".to_owned(), 9).await.expect("works");
    let end = catalog.migration_logs(&named("n"), MAX_LOGS, 9).await.expect("works");
    assert_eq!(end.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [LogType::MigrationComplete]);
}

#[tokio::test]
async fn what_the_account_has_no_room_for_is_no_image_and_replaces_none() {
    let overwrite = plan(ConflictBehaviour::Overwrite, Privacy::RequireSigned);
    let (_folder, catalog) = processing(overwrite, &["there", "more"]).await;
    let there = safelight_domain::image::Image { bytes: 60, ..image('a', "there", blob(1), 2) };
    catalog.insert_image(there.clone()).await.expect("new");
    let catalog = catalog.with_quota(Quota { images: Bound::At(1), bytes: Bound::At(100), ..Quota::OFF });
    let work = catalog.migration_work(&named("m"), 9).await.expect("works").expect("is processing");
    let bring = async |object: usize, number: u8, bytes: u64| {
        let object = work.objects[object].clone();
        let new = safelight_domain::image::Image {
            id: object.image.clone(),
            bytes,
            ..image('a', "there", blob(number), 7)
        };
        let outcome = ObjectOutcome::Brought(Box::new(new));
        catalog.finish_migration_object(&named("m"), object, outcome, 8).await.expect("works")
    };
    assert!(!bring(1, 2, 10).await, "a second image");
    assert!(!bring(0, 3, 101).await, "more bytes than there may be");
    let kept = catalog.find_image(&account('a'), &there.id).await.expect("works").expect("an image");
    assert_eq!(*kept, there);
    let counts = MigrationCounts { scanned: 2, failed: 2, ..MigrationCounts::default() };
    assert_eq!(found(&catalog, "m").await.counts, counts);
    let last = catalog.migration_logs(&named("m"), 0, 9).await.expect("works").pop().expect("an entry");
    assert!(last.message.contains("quota of bytes"), "{}", last.message);
}

#[tokio::test]
async fn an_image_that_is_replaced_makes_room() {
    let overwrite = plan(ConflictBehaviour::Overwrite, Privacy::RequireSigned);
    let (_folder, catalog) = processing(overwrite, &["there"]).await;
    let there = safelight_domain::image::Image { bytes: 60, ..image('a', "there", blob(1), 2) };
    catalog.insert_image(there).await.expect("new");
    let catalog = catalog.with_quota(Quota { images: Bound::At(1), bytes: Bound::At(100), ..Quota::OFF });
    let work = catalog.migration_work(&named("m"), 9).await.expect("works").expect("is processing");
    let new = safelight_domain::image::Image { bytes: 100, ..image('a', "there", blob(2), 7) };
    let outcome = ObjectOutcome::Brought(Box::new(new));
    let done = catalog.finish_migration_object(&named("m"), work.objects[0].clone(), outcome, 8).await;
    assert!(done.expect("works"));
}
