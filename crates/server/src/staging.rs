//! Uploads on their way in: bounded, on disk, counted.

use bytes::Bytes;
use futures_util::Stream;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Where uploads wait until they are stored; emptied at start.
#[derive(Clone, Debug)]
pub struct Staging {}

/// A complete upload on disk. Its file is removed when this is dropped.
#[derive(Debug)]
pub struct Staged {}

/// Why an upload was not staged; nothing of it is left.
#[derive(Debug, Error)]
pub enum StageError<E> {
    /// More bytes than the limit.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: u64,
    },
    /// The client's stream failed.
    #[error("the upload ended early")]
    Source(E),
    /// The disk failed.
    #[error("the upload cannot be written")]
    Io(#[from] std::io::Error),
}

#[allow(unused_variables)]
impl Staging {
    /// Opens the folder, made if missing, and removes what an earlier process left in it.
    pub fn open(folder: PathBuf) -> std::io::Result<Staging> {
        unimplemented!()
    }

    /// Writes a stream to a fresh file, stopping at `limit` bytes.
    pub async fn stage<E>(
        &self,
        stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
        limit: u64,
    ) -> Result<Staged, StageError<E>> {
        unimplemented!()
    }
}

impl Staged {
    /// Length in bytes.
    pub fn bytes(&self) -> u64 {
        unimplemented!()
    }
    /// The file.
    pub fn path(&self) -> &Path {
        unimplemented!()
    }
}
