use super::*;
use crate::catalog::fixtures::blob;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BOUND: u64 = 16 << 20;
const BYTES: usize = 100_000;

fn rendition(number: u8) -> BlobKey {
    BlobKey::Rendition { blob: blob(number), name: "a".repeat(32) }
}

fn new_disk() -> (TempDir, Arc<Disk>) {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Disk::open(folder.path().join("cache"), BOUND, 0);
    (folder, disk)
}

fn files(disk: &Disk) -> Vec<PathBuf> {
    let below = |folder: PathBuf| folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
    below(disk.folder.clone()).flat_map(below).collect()
}

fn read(disk: &Disk, key: &BlobKey) -> Option<Bytes> {
    disk.read_now(key, disk.length(key)?)
}

/// What is done in the background.
fn wait_for(done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "it takes too long");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn copies_are_private_and_come_back() {
    let (folder, disk) = new_disk();
    assert_eq!(read(&disk, &rendition(1)), None);
    for key in
        [rendition(1), BlobKey::Original(blob(1)), BlobKey::Level { blob: blob(1), name: "b".repeat(32) }]
    {
        disk.put(&key, b"bytes");
        disk.put(&key, b"bytes");
        assert_eq!(read(&disk, &key).as_deref(), Some(&b"bytes"[..]));
        assert!(disk.open_copy(&key, 5).is_some() && disk.open_copy(&key, 6).is_none());
    }
    let staged = folder.path().join("staged");
    std::fs::write(&staged, "staged").expect("a file");
    disk.link(&rendition(2), &staged, 6);
    std::fs::remove_file(&staged).expect("is there");
    assert_eq!(read(&disk, &rendition(2)).as_deref(), Some(&b"staged"[..]));
    assert_eq!(files(&disk).len(), 4);
    let mode = |path: &Path| path.metadata().expect("is there").permissions().mode() & 0o777;
    for file in files(&disk) {
        let folder = file.parent().expect("a folder");
        let own = if std::fs::read(&file).expect("a file") == b"staged" { mode(&file) } else { 0o600 };
        assert_eq!((mode(&file), mode(folder), mode(&disk.folder)), (own, 0o700, 0o700));
    }
    disk.remove(&rendition(1));
    assert_eq!((read(&disk, &rendition(1)), files(&disk).len()), (None, 3));
}

#[test]
fn the_bound_holds_on_disk_and_what_is_read_often_stays() {
    let (_folder, disk) = new_disk();
    let bytes = vec![7; BYTES];
    let key =
        |number: u32| BlobKey::Level { blob: blob((number % 200) as u8), name: format!("{number:032x}") };
    for number in 0..20 {
        disk.put(&key(number), &bytes);
    }
    for _ in 0..3 {
        assert!((0..20).all(|number| read(&disk, &key(number)).is_some()));
    }
    for number in 20..1_000 {
        disk.put(&key(number), &bytes);
    }
    let kept: u64 = files(&disk).iter().map(|file| file.metadata().expect("a file").len()).sum();
    assert!(kept <= BOUND && kept > BOUND / 2, "{kept}");
    assert!((0..20).filter(|number| read(&disk, &key(*number)).is_some()).count() >= 18);
    disk.put(&rendition(1), &vec![7; (BOUND / LARGEST_PART) as usize + 1]);
    assert_eq!(disk.length(&rendition(1)), None);
}

#[test]
fn a_copy_of_another_length_is_none() {
    let (_folder, disk) = new_disk();
    for damage in [&b"byte"[..], b"bytes!", b""] {
        disk.put(&rendition(1), b"bytes");
        let file = files(&disk).pop().expect("a file");
        std::fs::write(&file, damage).expect("a file");
        assert_eq!((read(&disk, &rendition(1)), files(&disk).len()), (None, 0));
    }
    disk.put(&rendition(1), b"bytes");
    std::fs::remove_file(files(&disk).pop().expect("a file")).expect("is there");
    assert_eq!((read(&disk, &rendition(1)), disk.length(&rendition(1))), (None, None));
}

#[test]
fn what_is_broken_off_is_not_kept() {
    let (_folder, disk) = new_disk();
    drop(disk.begin(&rendition(1), 5).expect("begun").write(b"by"));
    disk.begin(&rendition(1), 5).expect("begun").write(b"by").expect("written").keep();
    assert_eq!((disk.length(&rendition(1)), files(&disk).len()), (None, 0));
    // Deleted while it was read.
    let copy = disk.begin(&rendition(1), 5).expect("begun").write(b"bytes").expect("written");
    disk.forget(&blob(1));
    disk.remove(&rendition(1));
    copy.keep();
    assert_eq!((disk.length(&rendition(1)), files(&disk).len()), (None, 0));
}

#[test]
fn what_was_kept_is_found_again() {
    let (folder, disk) = new_disk();
    disk.put(&rendition(1), b"one");
    disk.put(&rendition(2), b"two");
    let damaged = files(&disk).into_iter().find(|file| std::fs::read(file).expect("a file") == b"two");
    std::fs::write(damaged.expect("is there"), "tw").expect("a file");
    std::fs::write(disk.folder.join(UNFINISHED).join("x"), "half").expect("a file");
    std::fs::write(disk.folder.join("01/stranger"), "x").expect("a file");
    drop(disk);
    let disk = Disk::open(folder.path().join("cache"), BOUND, 0);
    wait_for(|| disk.length(&rendition(1)).is_some() && files(&disk).len() == 1);
    assert_eq!(read(&disk, &rendition(1)).as_deref(), Some(&b"one"[..]));
    assert_eq!(disk.length(&rendition(2)), None);
}

#[test]
fn a_folder_that_cannot_be_used_keeps_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "x").expect("a file");
    let disk = Disk::open(file.join("cache"), BOUND, 0);
    disk.put(&rendition(1), b"one");
    assert_eq!(read(&disk, &rendition(1)), None);
    assert!(disk.fails.load(Ordering::Relaxed));
}
