//! What every store does alike.

use crate::proxy::Proxy;
use crate::radosgw::{config, radosgw};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use safelight::blobs::{BlobError, BlobKey, Blobs, Stored, Unread};
use safelight::staging::Staging;
use safelight_domain::access::{Granted, authorize_upkeep};
use safelight_domain::account::AccountId;
use safelight_domain::image::{BlobId, Image, ImageId, Metadata, Privacy, SourceFormat, SourceInfo, Turn};
use sha2::{Digest, Sha256};
use std::io::{Read, Seek};
use std::path::Path;
use std::time::SystemTime;

pub(crate) fn blob(number: u8) -> BlobId {
    BlobId::from_random([number; 16])
}

pub(crate) fn granted(number: u8) -> Granted {
    let (format, turn) = (SourceFormat::Jpeg, Turn::Upright);
    let source = SourceInfo { format, width: 1, height: 1, has_alpha: false, frames: 1, turn };
    authorize_upkeep(&Image {
        account: AccountId::from_random([1; 16]),
        id: ImageId::from_random([1; 16]),
        blob: blob(number),
        source,
        bytes: 1,
        filename: None,
        metadata: Metadata::default(),
        creator: None,
        privacy: Privacy::RequireSigned,
        uploaded_ms: 1,
    })
}

pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state >> 16).to_le_bytes()[..4]);
    }
    bytes.truncate(length);
    bytes
}

pub(crate) async fn put(blobs: &Blobs, number: u8, bytes: &[u8]) -> Result<(), BlobError> {
    let folder = tempfile::tempdir().expect("a folder");
    let staging = Staging::open(folder.path().to_owned()).expect("opens");
    let pieces = bytes.chunks(1 << 20).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)));
    let pieces: Vec<_> = pieces.collect();
    let staged = staging.stage(stream::iter(pieces), u64::MAX).await.expect("staged");
    blobs.put_original(&blob(number), &staged).await
}

/// By the way that archives and downloads go.
pub(crate) async fn streamed(blobs: &Blobs, number: u8) -> Result<Vec<u8>, BlobError> {
    let stream = blobs.original_stream(&granted(number)).await?;
    let pieces: Vec<Bytes> = stream.try_collect().await?;
    Ok(pieces.concat())
}

/// By the way that workers' files go.
pub(crate) async fn written(unread: Unread) -> std::io::Result<Vec<u8>> {
    let write = move || {
        let mut file = tempfile::tempfile().expect("a file");
        unread.write_to(&mut file)?;
        file.rewind()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    tokio::task::spawn_blocking(write).await.expect("no panic")
}

async fn listed(blobs: &Blobs) -> Vec<BlobKey> {
    let stored: Vec<Stored> = blobs.list().try_collect().await.expect("lists");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis();
    let recent =
        |stored: &Stored| u128::try_from(stored.modified_ms).is_ok_and(|ms| now.abs_diff(ms) < 600_000);
    assert!(stored.iter().all(recent), "{stored:?}");
    let mut keys: Vec<_> = stored.into_iter().map(|stored| stored.key).collect();
    keys.sort_by_key(|key| format!("{key:?}"));
    keys
}

fn rendition(number: u8, name: &str) -> BlobKey {
    BlobKey::Rendition { blob: blob(number), name: name.to_owned() }
}

/// The store is empty, and is left so.
async fn conforms(blobs: &Blobs) {
    blobs.claim("tests").await.expect("free");
    blobs.claim("tests").await.expect("its own");
    blobs.check(&blob(99)).await.expect("works");
    assert_eq!(listed(blobs).await, []);
    originals(blobs).await;
    derived(blobs).await;
    deleted(blobs).await;
}

async fn originals(blobs: &Blobs) {
    // None, some, one part exactly, and parts of which the last is short.
    for (number, length) in [(1, 0), (2, 70_000), (3, 8 << 20), (4, (40 << 20) + 17)] {
        let bytes = noise(length, number.into());
        put(blobs, number, &bytes).await.expect("stored");
        assert!(streamed(blobs, number).await.expect("is there") == bytes, "{length} bytes");
        for _ in 0..2 {
            let unread = blobs.unread_original(&granted(number)).await.expect("is there");
            assert_eq!(unread.bytes(), bytes.len() as u64);
            assert!(written(unread).await.expect("is there") == bytes, "{length} bytes");
        }
    }
    assert!(matches!(blobs.unread_original(&granted(9)).await, Err(BlobError::Missing)));
    assert!(matches!(streamed(blobs, 9).await, Err(BlobError::Missing)));
    assert_eq!(listed(blobs).await, [1, 2, 3, 4].map(|number| BlobKey::Original(blob(number))));
}

async fn derived(blobs: &Blobs) {
    let bytes = Bytes::from(noise(50_000, 7));
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    blobs.put_rendition(&granted(2), "n", bytes.clone()).await.expect("stored");
    blobs.put_rendition(&granted(2), "m", bytes.clone()).await.expect("stored");
    blobs.put_level(&granted(2), "n", bytes.clone()).await.expect("stored");
    for _ in 0..2 {
        assert_eq!(blobs.rendition(&granted(2), "n", &sha256).await.expect("is there"), bytes);
        let level = blobs.unread_level(&granted(2), "n").await.expect("is there");
        assert_eq!(written(level).await.expect("is there"), bytes);
    }
    // A grant reads its own blob alone, and a name is no way out.
    assert!(matches!(blobs.rendition(&granted(3), "n", &sha256).await, Err(BlobError::Missing)));
    let outside = format!("../{}/n", blob(2).as_str());
    assert!(blobs.rendition(&granted(3), &outside, &sha256).await.is_err());
    assert!(matches!(blobs.unread_level(&granted(2), "m").await, Err(BlobError::Missing)));
    let level = BlobKey::Level { blob: blob(2), name: "n".to_owned() };
    let of_two = [level, BlobKey::Original(blob(2)), rendition(2, "m"), rendition(2, "n")];
    let all = listed(blobs).await;
    assert!(all.len() == 7 && of_two.iter().all(|key| all.contains(key)), "{all:?}");
}

async fn deleted(blobs: &Blobs) {
    let (held, level) =
        (blobs.unread_original(&granted(2)).await, blobs.unread_level(&granted(2), "n").await);
    for _ in 0..2 {
        blobs.delete(&rendition(2, "m")).await.expect("none there is fine");
        assert_eq!(listed(blobs).await.len(), 6);
    }
    for _ in 0..2 {
        blobs.delete_blob(&blob(2)).await.expect("none there is fine");
        assert_eq!(listed(blobs).await, [1, 3, 4].map(|number| BlobKey::Original(blob(number))));
    }
    for unread in [held, level] {
        let gone = written(unread.expect("was there")).await.expect_err("gone");
        assert_eq!(gone.kind(), std::io::ErrorKind::NotFound);
    }
    let rendition = blobs.rendition(&granted(2), "n", &[0; 32]).await;
    assert!(matches!(rendition, Err(BlobError::Missing)), "{rendition:?}");
    for number in [1, 3, 4] {
        blobs.delete_blob(&blob(number)).await.expect("deleted");
    }
    assert_eq!(listed(blobs).await, []);
    let long_ago = 0;
    assert_eq!(blobs.remove_unfinished(long_ago).await.expect("works"), 0);
}

#[tokio::test]
async fn files_conform() {
    let folder = tempfile::tempdir().expect("a folder");
    conforms(&Blobs::open(&folder.path().join("blobs")).expect("opens")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_conforms_with_a_cache_and_without() {
    let Some(radosgw) = radosgw() else { return };
    for cache_bytes in [0, 1 << 30] {
        let folder = tempfile::tempdir().expect("a folder");
        let config = safelight::config::S3Config { cache_bytes, ..config(&radosgw.place()) };
        let blobs = Blobs::open_s3(&config, folder.path().join("cache")).expect("opens");
        conforms(&blobs).await;
        assert_eq!(files_below(folder.path()), 0, "no copy outlives what it is one of");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_one_catalogs_alone_and_names_what_is_wrong() {
    let Some(radosgw) = radosgw() else { return };
    let open = |config| Blobs::open_s3(&config, std::path::PathBuf::new()).expect("opens");
    let right = safelight::config::S3Config { cache_bytes: 0, ..config(&radosgw.place()) };
    open(right.clone()).claim("one").await.expect("free");
    let taken = open(right.clone()).claim("another").await.expect_err("taken").to_string();
    assert!(taken.contains("another bucket or prefix"), "{taken}");
    let mut wrong = right.clone();
    wrong.credentials.secret_key = "wrong".to_owned();
    let refused = open(wrong).claim("one").await.expect_err("refused");
    assert!(format!("{refused:?}").contains("SignatureDoesNotMatch"), "{refused:?}");
    let nowhere = safelight::config::S3Config { bucket: "no-such-bucket".to_owned(), ..right };
    let refused = open(nowhere.clone()).claim("one").await.expect_err("refused");
    assert!(format!("{refused:?}").contains("NoSuchBucket"), "{refused:?}");
    // What cannot be looked for is not missing.
    let read = open(nowhere).original_stream(&granted(1)).await.err();
    assert!(matches!(read, Some(BlobError::Store(_))), "{read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rendition_has_its_hash_or_is_missing() {
    let Some(radosgw) = radosgw() else { return };
    let (folder, config) = (tempfile::tempdir().expect("a folder"), config(&radosgw.place()));
    let blobs = Blobs::open_s3(&config, folder.path().to_owned()).expect("opens");
    let bytes = Bytes::from(noise(50_000, 7));
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    blobs.put_rendition(&granted(1), "n", bytes.clone()).await.expect("stored");
    // The copy is as long as it was, as after a crash of the machine.
    overwrite_all(folder.path(), &noise(50_000, 8));
    assert_eq!(blobs.rendition(&granted(1), "n", &sha256).await.expect("is there"), bytes);
    // As if somebody had changed it in the store.
    let other = blobs.rendition(&granted(1), "n", &[0; 32]).await;
    assert!(matches!(other, Err(BlobError::Missing)), "{other:?}");
}

fn overwrite_all(folder: &Path, bytes: &[u8]) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => overwrite_all(&path, bytes),
            path => std::fs::write(path, bytes).expect("written"),
        }
    }
}

#[test]
fn a_store_is_reached_by_tls_with_an_authority_of_ones_own() {
    let Some(radosgw) = radosgw() else { return };
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let proxy = Proxy::secure_before(&radosgw.variables["AWS_ENDPOINT_URL"], &certificate);
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("authorities.pem");
    let encoded = STANDARD.encode(certificate.cert.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
    std::fs::write(&bundle, pem).expect("written");
    let mut variables = radosgw.place_at(&proxy.endpoint);
    let stranger = Blobs::open_s3(&config(&variables), folder.path().join("1")).expect("opens");
    variables.insert("AWS_CA_BUNDLE".to_owned(), bundle.display().to_string());
    let blobs = Blobs::open_s3(&config(&variables), folder.path().join("2")).expect("opens");
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let refused = stranger.claim("one").await.expect_err("not trusted");
        assert!(format!("{refused:?}").contains("UnknownIssuer"), "{refused:?}");
        blobs.claim("one").await.expect("trusted");
        let bytes = noise(9 << 20, 3);
        put(&blobs, 1, &bytes).await.expect("stored");
        assert!(streamed(&blobs, 1).await.expect("is there") == bytes);
    });
}

pub(crate) fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).map(|entries| entries.flatten().collect::<Vec<_>>());
    let below =
        |entry: &std::fs::DirEntry| if entry.path().is_dir() { files_below(&entry.path()) } else { 1 };
    entries.unwrap_or_default().iter().map(below).sum()
}
