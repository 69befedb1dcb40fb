//! Bytes that are read when their turn comes.

use super::transport::time_for;
use super::{BlobError, BlobKey, Disk};
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Pieces that have come and are not written yet; one has some hundred KiB at most.
const PIECES: usize = 4;

/// Stored bytes that are read when their turn comes, so that nobody holds them while they wait.
#[derive(Clone, Debug)]
pub struct Unread {
    pub(super) place: Place,
    pub(super) bytes: u64,
}

/// Where they are.
#[derive(Clone, Debug)]
pub(super) enum Place {
    File(PathBuf),
    Store(Remote),
}

/// An object of a store, which is reached by the runtime and not by the thread that waits for it.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) key: BlobKey,
    pub(super) disk: Option<Arc<Disk>>,
    pub(super) runtime: Handle,
}

impl Unread {
    /// Length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes all of it. `NotFound` or `UnexpectedEof` when it is gone by now, `ConnectionAborted` when the store fails.
    /// Blocks, and is not for threads of the runtime.
    pub fn write_to(&self, file: &mut File) -> io::Result<()> {
        match &self.place {
            Place::File(path) => copy(&File::open(path)?, self.bytes, file),
            Place::Store(remote) => remote.write_to(self.bytes, file),
        }
    }
}

impl Remote {
    fn write_to(&self, bytes: u64, file: &mut File) -> io::Result<()> {
        if let Some(kept) = self.disk.as_ref().and_then(|disk| disk.open_copy(&self.key, bytes)) {
            let begin = file.stream_position()?;
            if copy(&kept, bytes, file).is_ok() {
                return Ok(());
            }
            // The disk failed. What the store has takes the place of what came.
            file.set_len(begin)?;
            file.seek(SeekFrom::Start(begin))?;
        }
        let (sender, mut pieces) = mpsc::channel(PIECES);
        // When the runtime ends, so does the channel.
        self.runtime.spawn(send_all(Arc::clone(&self.objects), self.key.clone(), bytes, sender));
        let mut copy = self.disk.as_ref().and_then(|disk| disk.begin(&self.key, bytes));
        let mut left = bytes;
        while let Some(piece) = pieces.blocking_recv() {
            let piece = piece.map_err(failed)?;
            left = left.checked_sub(piece.len() as u64).ok_or(ErrorKind::UnexpectedEof)?;
            file.write_all(&piece)?;
            copy = copy.and_then(|copy| copy.write(&piece));
        }
        if left > 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if let Some(copy) = copy {
            copy.keep();
        }
        Ok(())
    }
}

fn copy(from: &File, bytes: u64, to: &mut File) -> io::Result<()> {
    let copied = io::copy(&mut from.take(bytes), to)?;
    if copied == bytes { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

async fn send_all(
    objects: Arc<dyn ObjectStore>,
    key: BlobKey,
    bytes: u64,
    sender: mpsc::Sender<Result<Bytes, BlobError>>,
) {
    let sending = async {
        let mut stream = objects.get(&key.path()).await?.into_stream();
        while let Some(piece) = stream.try_next().await? {
            if sender.send(Ok(piece)).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let sent = timeout(time_for(bytes), sending).await;
    if let Err(error) = sent.map_err(|elapsed| BlobError::from(io::Error::from(elapsed))).flatten() {
        // Whoever does not wait any more does not miss it.
        drop(sender.send(Err(error)).await);
    }
}

/// What a worker's driver is told.
fn failed(error: BlobError) -> io::Error {
    match error {
        BlobError::Missing => ErrorKind::NotFound.into(),
        error => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a picture cannot be read from the store"
            );
            io::Error::new(ErrorKind::ConnectionAborted, error)
        }
    }
}
