use super::*;
use crate::fixtures::{account, blob, image, two_accounts};
use crate::sqlite::plan;
use crate::{Job, JobKind, JobLine, MAX_BATCH_TOKENS, Webhook};
use safelight_domain::image::Privacy;
use safelight_domain::token::{BatchToken, Scope};
use std::sync::Arc;

const EXPIRY_MS: i64 = 1_000;

fn draft(owner: char, id: &str) -> Draft {
    Draft {
        account: account(owner),
        id: ImageId::named(id),
        metadata: Metadata::from_json_object(r#"{"a":1}"#.to_owned()).expect("short"),
        creator: Some(Creator::parse("someone").expect("a creator")),
        privacy: Privacy::RequireSigned,
        created_ms: 10,
        expires_ms: EXPIRY_MS,
        link: LinkUse::Fresh,
    }
}

fn link(text: &str) -> TokenHash {
    TokenHash::of(text)
}

fn original(number: u8) -> Original {
    let Image { blob, source, bytes, filename, .. } = image('a', "x", blob(number), 0);
    Original { blob, source, bytes, filename }
}

async fn with_draft(id: &str) -> (crate::fixtures::Place, Catalog) {
    let (folder, catalog) = two_accounts().await;
    catalog.insert_draft(draft('a', id), link("one"), 9).await.expect("new");
    (folder, catalog)
}

async fn found(catalog: &Catalog, id: &str, now_ms: i64) -> Option<Draft> {
    catalog.find_draft(&account('a'), &ImageId::named(id), now_ms).await.expect("works")
}

async fn events(catalog: &Catalog) -> Vec<(AccountId, UploadEvent)> {
    let mut events = Vec::new();
    while let Some(Job { kind, .. }) =
        catalog.lease_job(JobLine::Notices, 5_000, i64::MAX).await.expect("works")
    {
        match kind {
            JobKind::Notify { account, event } => events.push((account, event)),
            other => panic!("{other:?}"),
        }
    }
    events
}

fn webhook(url: &str) -> Webhook {
    Webhook { url: url.parse().expect("a URL"), secret: Some("s".to_owned()) }
}

#[tokio::test]
async fn a_draft_becomes_its_image_once() {
    let (_folder, catalog) = with_draft("i").await;
    assert_eq!(found(&catalog, "i", 20).await, Some(draft('a', "i")));
    assert_eq!(catalog.draft_of_link(&link("one")).await.expect("works"), Some(draft('a', "i")));
    assert_eq!(catalog.draft_of_link(&link("two")).await.expect("works"), None);

    let made = catalog.fulfil_draft(&link("one"), original(1), "e".to_owned(), 20).await.expect("fulfils");
    assert_eq!(made, image('a', "i", blob(1), 20));
    let stored = catalog.find_image(&account('a'), &ImageId::named("i")).await.expect("works");
    assert_eq!(stored, Some(Arc::new(made)));
    assert_eq!(found(&catalog, "i", 20).await, None);
    let again = catalog.fulfil_draft(&link("one"), original(2), "e".to_owned(), 20).await;
    assert!(matches!(again, Err(FulfilError::Link(LinkError::Used))), "{again:?}");
    assert!(!catalog.blob_in_use(&blob(2)).await.expect("works"));
    assert_eq!(catalog.image_count(&account('a')).await.expect("works"), 1);
    assert!(events(&catalog).await.is_empty(), "nobody wants to be told");

    assert!(catalog.delete_image(&account('a'), &ImageId::named("i"), 20).await.expect("works"));
    let again = catalog.fulfil_draft(&link("one"), original(2), "e".to_owned(), 20).await;
    assert!(matches!(again, Err(FulfilError::Link(LinkError::Used))), "also when it was deleted");
}

#[tokio::test]
async fn of_many_uploads_at_once_one_becomes_the_image() {
    let (_folder, catalog) = with_draft("i").await;
    let one = link("one");
    let tries = (0..20).map(|number| catalog.fulfil_draft(&one, original(number), "e".to_owned(), 20));
    let results = futures_util::future::join_all(tries).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let used = |result: &&Result<_, _>| matches!(result, Err(FulfilError::Link(LinkError::Used)));
    assert_eq!(results.iter().filter(used).count(), 19);
    assert_eq!(catalog.image_count(&account('a')).await.expect("works"), 1);
}

#[tokio::test]
async fn a_dead_draft_is_none_and_frees_its_id() {
    let (_folder, catalog) = with_draft("i").await;
    let one = link("one");
    let dead = |now_ms| catalog.fulfil_draft(&one, original(1), "e".to_owned(), now_ms);
    assert!(matches!(dead(EXPIRY_MS).await, Err(FulfilError::Link(LinkError::Expired))));
    assert_eq!(found(&catalog, "i", EXPIRY_MS).await, None);
    assert!(found(&catalog, "i", EXPIRY_MS - 1).await.is_some());
    let id = ImageId::named("i");
    let changes = ImageChanges::default();
    let changed = catalog.update_draft(&account('a'), &id, changes, EXPIRY_MS).await.expect("works");
    assert_eq!(changed, None);
    assert!(!catalog.delete_draft(&account('a'), &id, EXPIRY_MS).await.expect("works"));
    let later = Draft { created_ms: EXPIRY_MS, expires_ms: 2 * EXPIRY_MS, ..draft('a', "i") };
    catalog.insert_draft(later, link("two"), 9).await.expect("the id is free");
    assert!(matches!(dead(20).await, Err(FulfilError::Link(LinkError::Unknown))));
}

#[tokio::test]
async fn ids_are_one_namespace_of_images_and_live_drafts() {
    let (_folder, catalog) = with_draft("i").await;
    let twin = catalog.insert_draft(draft('a', "i"), link("two"), 9).await;
    assert!(matches!(twin, Err(InsertError::Exists)), "{twin:?}");
    let twin = catalog.insert_image(image('a', "i", blob(1), 20)).await;
    assert!(matches!(twin, Err(InsertImageError::Exists)), "{twin:?}");
    catalog.insert_draft(draft('b', "i"), link("b"), 9).await.expect("another account");
    catalog.insert_image(image('a', "i", blob(1), EXPIRY_MS)).await.expect("the draft is dead by then");
    let twin = catalog.insert_draft(draft('a', "i"), link("two"), 9).await;
    assert!(matches!(twin, Err(InsertError::Exists)), "{twin:?}");
    // The clock was set back.
    let late = catalog.fulfil_draft(&link("one"), original(2), "e".to_owned(), 20).await;
    assert!(matches!(late, Err(FulfilError::Exists)), "{late:?}");
    let draft = catalog.draft_of_link(&link("one")).await.expect("works").expect("is there");
    assert_eq!(draft.link, LinkUse::Fresh, "it is as it was");
}

#[tokio::test]
async fn a_draft_can_be_changed_and_deleted_until_it_is_used() {
    let (_folder, catalog) = with_draft("i").await;
    let id = ImageId::named("i");
    let changes = ImageChanges { creator: Some(None), privacy: Some(Privacy::Public), metadata: None };
    let wanted = Draft { creator: None, privacy: Privacy::Public, ..draft('a', "i") };
    let changed = catalog.update_draft(&account('a'), &id, changes.clone(), 20).await.expect("works");
    assert_eq!(changed, Some(wanted));
    assert_eq!(catalog.update_draft(&account('b'), &id, changes, 20).await.expect("works"), None);
    assert!(!catalog.delete_draft(&account('b'), &id, 20).await.expect("works"));
    assert!(catalog.delete_draft(&account('a'), &id, 20).await.expect("works"));
    let gone = catalog.fulfil_draft(&link("one"), original(1), "e".to_owned(), 20).await;
    assert!(matches!(gone, Err(FulfilError::Link(LinkError::Unknown))), "{gone:?}");
}

#[tokio::test]
async fn the_number_of_drafts_is_bounded_and_old_ones_go() {
    let (_folder, catalog) = with_draft("i").await;
    let full = catalog.insert_draft(draft('a', "j"), link("two"), 1).await;
    assert!(matches!(full, Err(InsertError::Full)), "{full:?}");
    catalog.insert_draft(draft('b', "j"), link("b"), 1).await.expect("each account has its own");
    assert_eq!(catalog.delete_old_drafts(EXPIRY_MS, 9).await.expect("works"), 0);
    assert_eq!(catalog.delete_old_drafts(EXPIRY_MS + 1, 1).await.expect("works"), 1);
    assert_eq!(catalog.delete_old_drafts(EXPIRY_MS + 1, 9).await.expect("works"), 1);
    catalog.insert_draft(draft('a', "j"), link("two"), 1).await.expect("there is room again");
}

#[tokio::test]
async fn events_wait_for_accounts_with_a_webhook_alone() {
    let (_folder, catalog) = with_draft("i").await;
    catalog.insert_draft(draft('b', "i"), link("b"), 9).await.expect("new");
    catalog.set_webhook(&account('a'), webhook("https://a.example/1")).await.expect("works");
    catalog.set_webhook(&account('a'), webhook("https://a.example/2")).await.expect("works");
    let stored = catalog.webhook(&account('a')).await.expect("works");
    assert_eq!(stored, Some(webhook("https://a.example/2")));
    assert_eq!(format!("{stored:?}"), "Some(Webhook { .. })");
    assert_eq!(catalog.webhook(&account('b')).await.expect("works"), None);

    let outcome = UploadOutcome::Refused { code: 5455, text: "no \"image\"".to_owned() };
    let refusal = UploadEvent { event: "r".to_owned(), id: ImageId::named("i"), at_ms: 20, outcome };
    for _ in 0..TOLD_REFUSALS + 1 {
        catalog.note_refusal(&link("one"), refusal.clone()).await.expect("works");
        catalog.note_refusal(&link("b"), refusal.clone()).await.expect("works");
    }
    assert_eq!(events(&catalog).await, vec![(account('a'), refusal); TOLD_REFUSALS as usize]);
    for text in ["one", "b"] {
        let number = text.len() as u8;
        catalog.fulfil_draft(&link(text), original(number), "u".to_owned(), 20).await.expect("fulfils");
    }
    let outcome = UploadOutcome::Uploaded;
    let uploaded = UploadEvent { event: "u".to_owned(), id: ImageId::named("i"), at_ms: 20, outcome };
    assert_eq!(events(&catalog).await, [(account('a'), uploaded)]);
    assert!(catalog.delete_webhook(&account('a')).await.expect("works"));
    assert!(!catalog.delete_webhook(&account('a')).await.expect("works"));
}

#[tokio::test]
async fn batch_tokens_are_bounded_swept_and_go_with_their_parent() {
    let (_folder, catalog) = two_accounts().await;
    let token = |text: &str, expires_ms| BatchToken {
        account: account('b'),
        parent: "id of first of a".to_owned(),
        hash: link(text),
        scopes: vec![Scope::Read, Scope::Write],
        expires_ms,
    };
    let find = async |text: &str| catalog.find_batch_token(&link(text)).await.expect("works");
    for number in 0..MAX_BATCH_TOKENS {
        catalog.insert_batch_token(token(&number.to_string(), 10), 5).await.expect("new");
    }
    assert_eq!(find("7").await, Some(token("7", 10)));
    let full = catalog.insert_batch_token(token("more", 20), 9).await;
    assert!(matches!(full, Err(InsertError::Full)), "{full:?}");
    catalog.insert_batch_token(token("more", 20), 10).await.expect("the others are dead");
    assert_eq!(catalog.delete_old_batch_tokens(10, u32::MAX).await.expect("works"), 0);
    assert_eq!(catalog.delete_old_batch_tokens(11, 1).await.expect("works"), 1);
    let rest = u64::from(MAX_BATCH_TOKENS) - 1;
    assert_eq!(catalog.delete_old_batch_tokens(11, u32::MAX).await.expect("works"), rest);
    assert!(catalog.delete_token(&account('a'), "id of first of a").await.expect("works"));
    assert_eq!(find("more").await, None);
}

#[tokio::test]
async fn drafts_and_jobs_are_found_by_index() {
    let (_folder, catalog) = crate::fixtures::new_file();
    for (sql, index) in [
        (
            "SELECT * FROM drafts WHERE account = ?1 AND id = ?2 AND used = 0 AND expires_ms > ?3",
            "drafts_by_id",
        ),
        ("SELECT link FROM drafts WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2", "drafts_by_expiry"),
        ("SELECT id FROM jobs WHERE kind = ?3 AND due_ms <= ?1 ORDER BY due_ms, id LIMIT 1", "jobs_by_due"),
        ("SELECT 1 FROM jobs WHERE account = ?1 AND kind = ?2 LIMIT 1 OFFSET ?3", "jobs_of_account"),
        (
            "SELECT hash FROM batch_tokens WHERE expires_ms < ?1 ORDER BY expires_ms LIMIT ?2",
            "batch_tokens_by",
        ),
    ] {
        let plan = catalog.inner.readers.read(move |connection| plan(connection, sql, &[])).await;
        let plan = plan.expect("works");
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
        assert!(!plan.contains("SCAN"), "{sql}\n{plan}");
    }
}
