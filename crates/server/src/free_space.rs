//! Room that stays free on a disk: the catalog needs it, and so does whoever deletes to make more.

use rustix::fs::statvfs;
use std::io;
use std::path::Path;

/// Whether so many bytes more leave at least `reserve` free on the disk of a folder. Blocks, for a moment.
///
/// # Errors
/// When the disk cannot be asked; of kind [`StorageFull`](io::ErrorKind::StorageFull) where they do not.
pub fn require(folder: &Path, bytes: u64, reserve: u64) -> io::Result<()> {
    let disk = statvfs(folder)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= bytes.saturating_add(reserve) { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
}

/// Whether a disk, or a quota of the system's on it, is full.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_stay_free_is_not_given_away() {
        let folder = tempfile::tempdir().expect("a folder");
        require(folder.path(), 1, 1).expect("there are two bytes");
        for (bytes, reserve) in [(1, u64::MAX), (u64::MAX, 1), (0, 1 << 60)] {
            let refused = require(folder.path(), bytes, reserve).expect_err("there is not so much");
            assert!(is_full(&refused), "{refused:?}");
        }
        let nowhere = require(&folder.path().join("x"), 0, 1).expect_err("it is not there");
        assert!(!is_full(&nowhere));
    }
}
