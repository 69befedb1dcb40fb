//! Files in memory that nobody can change any more, to be passed between processes.

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, memfd_create};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use thiserror::Error;

/// Bytes of the largest file that is passed, in either direction: 512 MiB.
pub const MAX_BYTES: u64 = 512 << 20;

const SEALS: SealFlags =
    SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::WRITE).union(SealFlags::SEAL);

/// Why a received memory file was not read.
#[derive(Debug, Error)]
pub enum SealedError {
    /// The sender could still change it, or it is no memory file.
    #[error("a file that is not sealed")]
    Unsealed,
    /// More than [`MAX_BYTES`].
    #[error("a file of {0} bytes, allowed are {MAX_BYTES}")]
    TooLarge(u64),
    /// It cannot be read.
    #[error("a file that cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Makes a sealed memory file with these parts, one behind the other.
pub fn seal<T: AsRef<[u8]>>(parts: &[T]) -> io::Result<OwnedFd> {
    seal_written(|file| parts.iter().try_for_each(|part| file.write_all(part.as_ref())))
}

/// Makes a sealed memory file of what is written to it.
pub fn seal_written(write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create("safelight", flags)?);
    write(&mut file)?;
    add_seals(&file)?;
    Ok(file.into())
}

/// How often sealing is tried; each time the kernel itself waits for about 150 ms.
const SEAL_TRIES: u32 = 20;

/// The kernel refuses as long as it has hold of a page of the file, for instance to move it: nothing of
/// ours does, so that passes.
fn add_seals(file: &File) -> io::Result<()> {
    for _ in 1..SEAL_TRIES {
        match fcntl_add_seals(file, SEALS) {
            Err(Errno::BUSY) => {}
            result => return Ok(result?),
        }
    }
    Ok(fcntl_add_seals(file, SEALS)?)
}

/// Reads a whole memory file from another process. Nothing is allocated before its seals and its
/// size are checked.
pub fn read(file: OwnedFd) -> Result<Vec<u8>, SealedError> {
    let seals = fcntl_get_seals(file.as_fd()).map_err(|_| SealedError::Unsealed)?;
    if !seals.contains(SEALS) {
        return Err(SealedError::Unsealed);
    }
    let size = u64::try_from(fstat(file.as_fd()).map_err(io::Error::from)?.st_size).unwrap_or(u64::MAX);
    let length = usize::try_from(size).unwrap_or(usize::MAX);
    if size > MAX_BYTES {
        return Err(SealedError::TooLarge(size));
    }
    let mut bytes = vec![0; length];
    File::from(file).read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip() {
        for parts in [&[&b""[..]][..], &[b"abc"], &[b"a", b"", b"bc"]] {
            let file = seal(parts).expect("sealed");
            assert_eq!(read(file).expect("read"), parts.concat());
        }
    }

    #[test]
    fn a_sealed_file_cannot_be_changed() {
        let file = File::from(seal(&[b"abc"]).expect("sealed"));
        assert!(file.write_at(b"x", 0).is_err());
        assert!(file.set_len(1).is_err());
        assert!(file.set_len(9).is_err());
    }

    #[test]
    fn what_could_still_change_is_not_read() {
        let open = memfd_create("t", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("made");
        fcntl_add_seals(&open, SealFlags::SHRINK | SealFlags::GROW).expect("sealed in part");
        assert!(matches!(read(open), Err(SealedError::Unsealed)));
        let device = File::open("/dev/null").expect("opened");
        assert!(matches!(read(device.into()), Err(SealedError::Unsealed)));
    }

    #[test]
    fn a_size_beyond_the_limit_is_refused() {
        let file =
            File::from(memfd_create("t", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("made"));
        file.set_len(MAX_BYTES + 1).expect("sparse");
        fcntl_add_seals(&file, SEALS).expect("sealed");
        assert!(matches!(read(file.into()), Err(SealedError::TooLarge(_))));
    }
}
