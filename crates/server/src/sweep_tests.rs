use super::*;
use crate::blobs::tests::{granted, listed, new_store, put, set_modified};
use crate::catalog::fixtures::{account, blob, image, two_accounts};
use crate::catalog::{Rendition, RenditionKey};
use bytes::Bytes;
use safelight_domain::direct_upload::{Draft, LinkUse};
use safelight_domain::image::{BlobId, ImageId, Metadata, Privacy};
use safelight_domain::negotiate::OutputFormat;
use safelight_domain::token::{BatchToken, TokenHash};
use safelight_domain::transform::Effort;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const LIMITS: Limits = Limits { orphan_age: ORPHAN_AGE, rendition_bytes: u64::MAX };

struct World {
    folders: (crate::catalog::fixtures::Place, tempfile::TempDir),
    catalog: Catalog,
    blobs: Blobs,
}

async fn new_world() -> World {
    let (catalog_folder, catalog) = two_accounts().await;
    let (blob_folder, blobs) = new_store();
    World { folders: (catalog_folder, blob_folder), catalog, blobs }
}

impl World {
    async fn sweep(&self, limits: Limits, now_ms: i64) -> Swept {
        sweep(&self.catalog, &self.blobs, limits, now_ms).await.expect("sweeps")
    }

    /// An original with its image.
    async fn add_image(&self, number: u8) {
        put(&self.blobs, &blob(number), b"original").await;
        let made = image('a', &format!("i{number}"), blob(number), 1);
        self.catalog.insert_image(made).await.expect("new");
    }

    /// A stored rendition of ten bytes.
    async fn put_rendition(&self, id: &BlobId, name: &str) {
        let bytes = Bytes::from_static(b"0123456789");
        self.blobs.put_rendition(&granted(id.clone()), name, bytes).await.expect("stored");
    }

    /// A stored rendition of ten bytes with its row.
    async fn add_rendition(&self, number: u8, name: &str, now_ms: i64) {
        self.put_rendition(&blob(number), name).await;
        let key = RenditionKey {
            blob: blob(number),
            transform: name.into(),
            format: OutputFormat::Jpeg,
            engine: 1,
        };
        let rendition =
            Rendition { name: name.to_owned(), bytes: 10, sha256: [0; 32], effort: Effort::Quick };
        let unused = self.catalog.insert_rendition(key, rendition, now_ms).await.expect("works");
        assert_eq!(unused, None);
    }

    /// Makes every stored file look as if it was written at a time.
    async fn date_all(&self, ms: u64) {
        for path in listed(&self.blobs).await {
            set_modified(&self.folders.1.path().join("blobs").join(path), ms);
        }
    }
}

#[tokio::test]
async fn what_no_row_names_goes_once_it_is_a_day_old() {
    let world = new_world().await;
    world.add_image(1).await;
    world.add_rendition(1, "kept", 0).await;
    let in_use = listed(&world.blobs).await;
    put(&world.blobs, &blob(2), b"orphan").await;
    world.put_rendition(&blob(1), "orphan").await;
    world.put_rendition(&blob(2), "orphan").await;
    world.put_rendition(&blob(3), "orphan").await;
    let renditions = format!("blobs/rendition/03/{}", blob(3).as_str());
    let half = world.folders.1.path().join(renditions).join("half#1");
    std::fs::write(&half, "x").expect("a file");
    world.date_all(5_000).await;
    set_modified(&half, 5_000);
    let all = listed(&world.blobs).await;
    assert_eq!(all.len(), 6);

    assert_eq!(world.sweep(LIMITS, 5_000 + DAY_MS).await, Swept::default(), "exactly a day old");
    assert_eq!(listed(&world.blobs).await, all);
    let swept = world.sweep(LIMITS, 5_001 + DAY_MS).await;
    assert_eq!(swept, Swept { orphans: 4, unfinished: 1, ..Swept::default() });
    assert_eq!(listed(&world.blobs).await, in_use);
    assert_eq!(world.sweep(LIMITS, i64::MAX).await, Swept::default(), "what is in use stays for ever");
    assert_eq!(listed(&world.blobs).await, in_use);
}

#[tokio::test]
async fn an_upload_between_its_bytes_and_its_row_is_left_alone() {
    let world = new_world().await;
    put(&world.blobs, &blob(1), b"original").await;
    world.date_all(5_000).await;
    assert_eq!(world.sweep(LIMITS, 6_000).await, Swept::default());
    world.catalog.insert_image(image('a', "i", blob(1), 1)).await.expect("new");
    assert_eq!(world.sweep(LIMITS, 2 * DAY_MS).await, Swept::default());
    assert_eq!(world.blobs.original(&granted(blob(1))).await.expect("is there"), "original");
}

#[tokio::test]
async fn what_a_lost_job_would_have_deleted_is_swept() {
    let world = new_world().await;
    world.add_image(1).await;
    world.add_rendition(1, "n", 0).await;
    let id = ImageId::named("i1");
    assert!(world.catalog.delete_image(&account('a'), &id, 0).await.expect("works"));
    world.date_all(0).await;
    assert_eq!(world.sweep(LIMITS, 2 * DAY_MS).await.orphans, 2);
    assert_eq!(listed(&world.blobs).await, [""; 0]);
}

#[tokio::test]
async fn renditions_over_the_quota_go_with_their_bytes_and_originals_never() {
    let world = new_world().await;
    world.add_image(1).await;
    for (number, name) in ["old", "older", "new"].into_iter().enumerate() {
        let used_ms = [1, 0, 2][number];
        world.add_rendition(1, name, used_ms).await;
    }
    let quota = |rendition_bytes| Limits { rendition_bytes, ..LIMITS };
    assert_eq!(world.sweep(quota(30), 3).await, Swept::default());
    assert_eq!(world.sweep(quota(29), 3).await, Swept { evicted: 1, ..Swept::default() });
    let left = listed(&world.blobs).await;
    assert!(left.len() == 3 && !left.iter().any(|path| path.ends_with("/older")), "{left:?}");
    assert_eq!(world.sweep(quota(0), 3).await, Swept { evicted: 2, ..Swept::default() });
    assert_eq!(listed(&world.blobs).await.len(), 1);
    assert_eq!(world.blobs.original(&granted(blob(1))).await.expect("is there"), "original");
}

#[tokio::test]
async fn drafts_go_an_hour_after_their_time_and_batch_tokens_at_once() {
    let world = new_world().await;
    let later_ms = 5_000 + DEAD_DRAFT_MS;
    for number in 0..3_u8 {
        let draft = Draft {
            account: account('a'),
            id: ImageId::named(&format!("d{number}")),
            metadata: Metadata::default(),
            creator: None,
            privacy: Privacy::Public,
            created_ms: 0,
            expires_ms: if number == 0 { later_ms } else { 5_000 },
            link: LinkUse::Fresh,
        };
        world.catalog.insert_draft(draft, TokenHash::of(&number.to_string()), 9).await.expect("new");
        let token = BatchToken {
            account: account('a'),
            parent: "id of first of a".to_owned(),
            hash: TokenHash::of(&number.to_string()),
            scopes: Vec::new(),
            expires_ms: if number == 0 { i64::MAX } else { later_ms },
        };
        world.catalog.insert_batch_token(token, 0).await.expect("new");
    }
    assert_eq!(world.sweep(LIMITS, later_ms).await, Swept::default());
    let swept = world.sweep(LIMITS, later_ms + 1).await;
    assert_eq!(swept, Swept { drafts: 2, batch_tokens: 2, ..Swept::default() });
    assert!(world.catalog.draft_of_link(&TokenHash::of("0")).await.expect("works").is_some());
    assert!(world.catalog.draft_of_link(&TokenHash::of("1")).await.expect("works").is_none());
    assert!(world.catalog.find_batch_token(&TokenHash::of("0")).await.expect("works").is_some());
    assert!(world.catalog.find_batch_token(&TokenHash::of("1")).await.expect("works").is_none());
}
