//! What has been acknowledged is on disk: read from the system calls of a process that stores an
//! image, in their order.

// The whole file is a test, also the functions that Clippy does not take for one.
#![allow(clippy::expect_used)]

mod trace;

use bytes::Bytes;
use futures_util::stream;
use safelight::blobs::Blobs;
use safelight::catalog::{Account, Catalog, NewAccount};
use safelight::staging::Staging;
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::image::{BlobId, Image, ImageId, Metadata, Privacy, SourceFormat, SourceInfo, Turn};
use safelight_domain::signature::{KeyName, SigningKey};
use safelight_domain::token::{Role, Scope, TokenHash, TokenRecord};
use safelight_domain::transform::Transform;
use safelight_domain::variant::{Variant, VariantAccess, VariantName};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use trace::Trace;

/// Tells the traced process which folder to store in.
const FOLDER: &str = "DURABILITY_TEST_FOLDER";
const BEGIN: &str = "UPLOAD-BEGINS";
const DONE: &str = "UPLOAD-ACKNOWLEDGED";

#[test]
fn an_upload_is_on_disk_before_it_is_acknowledged() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return store_one_image(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().canonicalize().expect("a real path");
    let output = folder.join("trace");
    run_traced(&folder, &output);

    let trace = Trace::read(&output);
    let begin = trace.marker(BEGIN, 0).ended;
    let done = trace.marker(DONE, begin).began;
    let original = folder.join("blobs/original/ab").join(blob().as_str());
    let (placed, unfinished) =
        trace.placed(&original, begin, done).expect("the original is renamed or linked into place");

    let wrote = trace.between(&["write", "pwrite64"], &format!("<{}>", unfinished.display()), begin, done);
    let last_write = wrote.last().expect("the original is written").ended;
    let synced = trace.syncs(&unfinished, last_write, placed.began);
    assert!(!synced.is_empty(), "the original is not synced between its last byte and its name");

    let original_folder = original.parent().expect("has a folder");
    let folder_synced = trace.syncs(original_folder, placed.ended, done);
    let folder_synced = folder_synced.first().expect("the folder is not synced after the rename").ended;

    let log = folder.join("catalog.sqlite-wal");
    let logged = trace.between(&["pwrite64"], &format!("<{}>", log.display()), folder_synced, done);
    let logged = logged.last().expect("the row is written, and after the bytes are safe").ended;
    assert!(!trace.syncs(&log, logged, done).is_empty(), "the log is not synced before the answer");

    // The folder's own name is safe too, from the time before any upload.
    let mut outer = original_folder.parent();
    while let Some(parent) = outer.filter(|parent| parent.starts_with(&folder)) {
        assert!(!trace.syncs(parent, 0, begin).is_empty(), "{} is not synced", parent.display());
        outer = parent.parent();
    }
}

fn run_traced(folder: &Path, output: &Path) {
    let status = Command::new("strace")
        .args(["-f", "-y", "-qq", "-s", "64", "-e", trace::CALLS, "-o"])
        .arg(output)
        .arg(std::env::current_exe().expect("this program"))
        .args(["an_upload_is_on_disk_before_it_is_acknowledged", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .status()
        .expect("strace runs; on Debian it is in the package strace");
    assert!(status.success(), "the traced process failed: {status}");
}

fn blob() -> BlobId {
    BlobId::from_random([0xAB; 16])
}

/// The traced process's part.
fn store_one_image(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let catalog = Catalog::open(&folder.join("catalog.sqlite")).expect("opens");
        let blobs = Blobs::open(&folder.join("blobs")).expect("opens");
        let staging = Staging::open(folder.join("staging")).expect("opens");
        let account = AccountId::from_random([1; 16]);
        catalog.create_account(new_account(&account)).await.expect("a new account");

        mark(BEGIN);
        let pieces = (0..20).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 50_000])));
        let staged = staging.stage(stream::iter(pieces), 1_000_000).await.expect("staged");
        blobs.put_original(&blob(), &staged).await.expect("stored");
        catalog.insert_image(image(&account, staged.bytes())).await.expect("a new image");
        mark(DONE);
    });
}

/// Writes a line at once and in one piece.
fn mark(text: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{text}\n").as_bytes()).and_then(|()| out.flush()).expect("written");
}

fn new_account(id: &AccountId) -> NewAccount {
    let key = SigningKey::new(KeyName::parse("default").expect("a name"), "secret".to_owned());
    NewAccount {
        account: Account {
            id: id.clone(),
            hash: AccountHash::from_random([1; 22]),
            name: "test".to_owned(),
            created_ms: 0,
        },
        key: key.expect("a key"),
        variant: Variant {
            name: VariantName::parse("public").expect("a name"),
            transform: Transform::default(),
            browser_ttl: None,
            access: VariantAccess::FollowImage,
        },
        token: TokenRecord {
            id: "1".repeat(32),
            account: id.clone(),
            name: "test".to_owned(),
            hash: TokenHash::of("token"),
            scopes: Scope::ALL.to_vec(),
            role: Role::Member,
            created_ms: 0,
            used_ms: None,
        },
    }
}

fn image(account: &AccountId, bytes: u64) -> Image {
    Image {
        account: account.clone(),
        id: ImageId::named("i"),
        blob: blob(),
        source: SourceInfo {
            format: SourceFormat::Jpeg,
            width: 1,
            height: 1,
            has_alpha: false,
            frames: 1,
            turn: Turn::Upright,
        },
        bytes,
        filename: None,
        metadata: Metadata::default(),
        creator: None,
        privacy: Privacy::RequireSigned,
        uploaded_ms: 0,
    }
}
