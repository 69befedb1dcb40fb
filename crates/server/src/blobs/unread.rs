//! Bytes that are read when their turn comes.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

/// Stored bytes that are read when their turn comes, so that nobody holds them while they wait.
#[derive(Clone, Debug)]
pub struct Unread {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

impl Unread {
    /// Length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes all of it. `NotFound` or `UnexpectedEof` when it is gone by now. Blocks.
    pub(crate) fn write_to(&self, file: &mut File) -> std::io::Result<()> {
        let copied = std::io::copy(&mut File::open(&self.path)?.take(self.bytes), file)?;
        if copied == self.bytes { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }
}
