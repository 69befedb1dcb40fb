use super::files::{CHUNK, copy_original};
use super::*;
use crate::catalog::fixtures::{blob, image};
use crate::staging::Staging;
use futures_util::stream;
use safelight_domain::access::{Knowledge, OptionsPolicy, Segment, UnknownImagePolicy, authorize_delivery};
use safelight_domain::image::Privacy;
use safelight_domain::signature::Token;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;
use tempfile::TempDir;

/// Leave to read a blob, as a public image gives it.
pub(crate) fn granted(blob: BlobId) -> Granted {
    let mut public = image('a', "i", blob, 1);
    public.privacy = Privacy::Public;
    authorize_delivery(
        Some(&public),
        Segment::Options(OptionsPolicy::FollowImage),
        &Token::Absent,
        UnknownImagePolicy::AsPrivate,
        Knowledge::Current,
    )
    .expect("is public")
}

/// A new store. It lives as long as its folder.
pub(crate) fn new_store() -> (TempDir, Blobs) {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = Blobs::open(&folder.path().join("blobs")).expect("opens");
    (folder, blobs)
}

/// Stores an original of these bytes.
pub(crate) async fn put(blobs: &Blobs, blob: &BlobId, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let staging = Staging::open(folder.path().to_owned()).expect("opens");
    let piece = Ok::<_, std::io::Error>(Bytes::copy_from_slice(bytes));
    let staged = staging.stage(stream::iter([piece]), u64::MAX).await.expect("staged");
    blobs.put_original(blob, &staged).await.expect("stored");
}

/// Sets when an object, or an unfinished one, was last written.
pub(crate) fn set_modified(file: &Path, ms: u64) {
    let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(ms);
    File::options().write(true).open(file).and_then(|file| file.set_modified(time)).expect("a file");
}

/// Every object, sorted by path.
pub(crate) async fn listed(blobs: &Blobs) -> Vec<String> {
    let stored: Vec<Stored> = blobs.list().try_collect().await.expect("lists");
    let mut paths: Vec<_> = stored.iter().map(|stored| stored.key.path().to_string()).collect();
    paths.sort();
    paths
}

fn rendition(number: u8, name: &str) -> BlobKey {
    BlobKey::Rendition { blob: blob(number), name: name.to_owned() }
}

#[tokio::test]
async fn an_original_comes_back_whole_and_streamed() {
    let (_folder, blobs) = new_store();
    let long: Vec<u8> = (0..CHUNK * 3 + 17).map(|i| (i % 251) as u8).collect();
    for (number, bytes) in [(1, &long[..]), (2, &long[..CHUNK]), (3, &[])] {
        put(&blobs, &blob(number), bytes).await;
        assert_eq!(blobs.original(&granted(blob(number))).await.expect("is there"), bytes);
        let stream = blobs.original_stream(&granted(blob(number))).await.expect("is there");
        let pieces: Vec<Bytes> = stream.try_collect().await.expect("works");
        assert_eq!(pieces.concat(), bytes);
    }
}

#[tokio::test]
async fn what_is_read_later_is_whole_or_gone() {
    let (_folder, blobs) = new_store();
    let written = |unread: &Unread| {
        let mut file = tempfile::tempfile().expect("a file");
        unread.write_to(&mut file).map(|()| file.metadata().expect("a file").len()).map_err(|e| e.kind())
    };
    let unread = blobs.unread_original(&granted(blob(1))).await;
    assert!(matches!(unread, Err(BlobError::Missing)), "{unread:?}");
    put(&blobs, &blob(1), &[7; 300_000]).await;
    let unread = blobs.unread_original(&granted(blob(1))).await.expect("is there");
    assert_eq!((unread.bytes(), written(&unread)), (300_000, Ok(300_000)));
    let longer = Unread { bytes: 300_001, ..unread.clone() };
    assert_eq!(written(&longer), Err(std::io::ErrorKind::UnexpectedEof));
    blobs.delete_blob(&blob(1)).await.expect("deleted");
    assert_eq!(written(&unread), Err(std::io::ErrorKind::NotFound));
}

#[tokio::test]
async fn a_grant_reads_its_own_blob_alone() {
    let (_folder, blobs) = new_store();
    put(&blobs, &blob(1), b"one").await;
    blobs.put_rendition(&granted(blob(1)), "n", Bytes::from_static(b"r")).await.expect("stored");
    let other = granted(blob(2));
    assert!(matches!(blobs.original(&other).await, Err(BlobError::Missing)));
    assert!(matches!(blobs.original_stream(&other).await.err(), Some(BlobError::Missing)));
    assert!(matches!(blobs.rendition(&other, "n", &[0; 32]).await, Err(BlobError::Missing)));
    // A name is no way out of the blob's folder.
    let outside = format!("../{}/n", blob(1).as_str());
    assert!(blobs.rendition(&other, &outside, &[0; 32]).await.is_err());
    assert_eq!(blobs.rendition(&granted(blob(1)), "n", &[0; 32]).await.expect("is there"), "r");
}

#[tokio::test]
async fn paths_are_as_documented_and_their_folders_private() {
    let (folder, blobs) = new_store();
    put(&blobs, &blob(0xAB), b"one").await;
    blobs.put_rendition(&granted(blob(0xAB)), "n", Bytes::from_static(b"r")).await.expect("stored");
    let id = "ab".repeat(16);
    assert_eq!(listed(&blobs).await, [format!("original/ab/{id}"), format!("rendition/ab/{id}/n")]);
    for private in ["blobs", "blobs/original", "blobs/original/ab"] {
        let mode = folder.path().join(private).metadata().expect("a folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{private}");
    }
}

#[test]
fn keys_and_paths_correspond() {
    for key in [BlobKey::Original(blob(1)), rendition(2, "n")] {
        assert_eq!(BlobKey::parse(&key.path()), Some(key));
    }
    let id = blob(0xAB).as_str().to_owned();
    for odd in [
        "original".to_owned(),
        "original/ab/short".to_owned(),
        format!("original/cd/{id}"),
        format!("original/ab/{id}/more"),
        format!("rendition/ab/{id}"),
        format!("rendition/ab/{id}/n/more"),
        format!("other/ab/{id}"),
    ] {
        assert_eq!(BlobKey::parse(&StorePath::from(odd.as_str())), None, "{odd}");
    }
}

#[tokio::test]
async fn deleting_is_for_one_object_and_may_be_done_twice() {
    let (folder, blobs) = new_store();
    put(&blobs, &blob(1), b"one").await;
    for name in ["m", "n"] {
        blobs.put_rendition(&granted(blob(1)), name, Bytes::from_static(b"r")).await.expect("stored");
    }
    for _ in 0..2 {
        blobs.delete(&rendition(1, "m")).await.expect("works");
    }
    assert_eq!(listed(&blobs).await.len(), 2);
    blobs.delete(&rendition(1, "n")).await.expect("works");
    let own = folder.path().join("blobs").join(folder_of(RENDITION, &blob(1)).as_ref());
    assert!(!own.exists(), "no empty folder stays");
    blobs.put_rendition(&granted(blob(1)), "o", Bytes::from_static(b"r")).await.expect("makes it anew");
    blobs.delete(&BlobKey::Original(blob(1))).await.expect("works");
    assert_eq!(listed(&blobs).await, [rendition(1, "o").path().to_string()]);
}

#[tokio::test]
async fn deleting_a_blob_takes_all_of_it_and_nothing_else() {
    let (folder, blobs) = new_store();
    // The two share their fan-out folder.
    let twin = BlobId::parse(&format!("01{}", "f".repeat(30))).expect("an id");
    for id in [&blob(1), &twin] {
        put(&blobs, id, b"one").await;
        blobs.put_rendition(&granted(id.clone()), "n", Bytes::from_static(b"r")).await.expect("stored");
        blobs.put_rendition(&granted(id.clone()), "m", Bytes::from_static(b"r")).await.expect("stored");
    }
    for _ in 0..2 {
        blobs.delete_blob(&blob(1)).await.expect("works");
        let left = listed(&blobs).await;
        assert_eq!(left.len(), 3);
        assert!(left.iter().all(|path| path.contains(twin.as_str())), "{left:?}");
    }
    assert!(!folder.path().join("blobs").join(folder_of(RENDITION, &blob(1)).as_ref()).exists());
}

#[tokio::test]
async fn an_original_is_copied_where_it_cannot_be_linked() {
    let (folder, blobs) = new_store();
    let staging = Staging::open(folder.path().join("staging")).expect("opens");
    let bytes = vec![7; CHUNK * 2 + 5];
    let piece = Ok::<_, std::io::Error>(Bytes::from(bytes.clone()));
    let staged = staging.stage(stream::iter([piece]), u64::MAX).await.expect("staged");
    let path = BlobKey::Original(blob(1)).path();
    copy_original(&*blobs.objects, &path, &staged).await.expect("stored");
    assert_eq!(blobs.original(&granted(blob(1))).await.expect("is there"), bytes);
}

#[tokio::test]
async fn what_is_stored_is_never_overwritten() {
    let (folder, blobs) = new_store();
    put(&blobs, &blob(1), b"one").await;
    let staging = Staging::open(folder.path().join("staging")).expect("opens");
    let piece = Ok::<_, std::io::Error>(Bytes::from_static(b"another"));
    let staged = staging.stage(stream::iter([piece]), 9).await.expect("staged");
    let refused = blobs.put_original(&blob(1), &staged).await;
    assert_eq!(blobs.original(&granted(blob(1))).await.expect("is there"), "one");
    assert!(matches!(refused, Err(BlobError::Taken)), "{refused:?}");
}

#[tokio::test]
async fn an_upload_that_fails_stores_nothing() {
    let (folder, blobs) = new_store();
    let staging = Staging::open(folder.path().join("staging")).expect("opens");
    let piece = Ok::<_, std::io::Error>(Bytes::from_static(b"x"));
    let staged = staging.stage(stream::iter([piece]), 9).await.expect("staged");
    std::fs::remove_file(staged.path()).expect("is there");
    assert!(matches!(blobs.put_original(&blob(1), &staged).await, Err(BlobError::Staged(_))));
    assert_eq!(listed(&blobs).await, [""; 0]);
}

#[tokio::test]
async fn unfinished_files_go_when_they_are_old() {
    let (folder, blobs) = new_store();
    put(&blobs, &blob(1), b"one").await;
    blobs.put_rendition(&granted(blob(1)), "n", Bytes::from_static(b"r")).await.expect("stored");
    let root = folder.path().join("blobs");
    let original = root.join(BlobKey::Original(blob(1)).path().as_ref());
    set_modified(&original, 1_000);
    let mut unfinished = Vec::new();
    for (key, modified) in
        [(BlobKey::Original(blob(2)), 1_000), (rendition(1, "m"), 1_000), (rendition(1, "o"), 2_000)]
    {
        let file = root.join(format!("{}#1", key.path()));
        std::fs::write(&file, "half").expect("a file");
        set_modified(&file, modified);
        unfinished.push(file);
    }
    assert_eq!(listed(&blobs).await.len(), 2, "unfinished files are no objects");
    assert_eq!(blobs.remove_unfinished(1_500).await.expect("works"), 2);
    assert_eq!(unfinished.iter().map(|file| file.exists()).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(listed(&blobs).await.len(), 2);
}

#[tokio::test]
async fn a_store_opens_again_with_what_it_held() {
    let (folder, blobs) = new_store();
    put(&blobs, &blob(1), b"one").await;
    drop(blobs);
    let blobs = Blobs::open(&folder.path().join("blobs")).expect("opens again");
    assert_eq!(blobs.original(&granted(blob(1))).await.expect("is there"), "one");
}
