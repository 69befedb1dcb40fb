//! Uploads on their way in: bounded, on disk, counted.

use crate::free_space;
use crate::random;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use rustix::fs::{Advice, fadvise};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::num::NonZeroU64;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use tokio::task::JoinHandle;

/// Where uploads wait until they are stored; emptied at start.
#[derive(Clone, Debug)]
pub struct Staging {
    folder: PathBuf,
    /// Bytes that stay free on its disk.
    free_bytes: u64,
}

/// A complete upload on disk. Its file is removed when this is dropped. It is not durable.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    bytes: u64,
}

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
    /// The disk is full, or nearly.
    #[error("the disk is nearly full")]
    NoRoom,
    /// The disk failed.
    #[error("the upload cannot be written")]
    Io(#[source] std::io::Error),
}

impl<E> From<io::Error> for StageError<E> {
    fn from(error: io::Error) -> StageError<E> {
        if free_space::is_full(&error) { StageError::NoRoom } else { StageError::Io(error) }
    }
}

impl Staging {
    /// Opens the folder, made if missing, and removes what an earlier process left in it. It must
    /// be this process's alone. Blocks.
    pub fn open(folder: PathBuf) -> std::io::Result<Staging> {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        for entry in folder.read_dir()? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            } else {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Staging { folder, free_bytes: 0 })
    }

    /// The same, where so many bytes stay free on the disk.
    #[must_use]
    pub fn with_free(self, free_bytes: u64) -> Staging {
        Staging { free_bytes, ..self }
    }

    /// Whether there is room for an upload (for health checks).
    pub async fn check(&self) -> io::Result<()> {
        let Staging { folder, free_bytes } = self.clone();
        let asked = tokio::task::spawn_blocking(move || free_space::require(&folder, 0, free_bytes)).await;
        asked.map_err(io::Error::from).flatten()
    }

    /// Writes a stream to a fresh file, stopping at `limit` bytes: a stream of exactly `limit`
    /// bytes is taken, and nothing is read after the piece that goes beyond.
    pub async fn stage<E>(
        &self,
        mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
        limit: u64,
    ) -> Result<Staged, StageError<E>> {
        // From here on the file goes when this goes, on every way out.
        let mut staged = Staged { path: self.folder.join(random::hex_id()), bytes: 0 };
        // Made at once and not in the background, where it could be made after it was removed.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&staged.path)?;
        let mut writer =
            Writer { staging: self, file: Arc::new(file), at: 0, part: Vec::new(), length: 0, writing: None };
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(StageError::Source)?;
            staged.bytes = staged.bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            if staged.bytes > limit {
                return Err(StageError::TooLarge { limit });
            }
            writer.take(piece).await?;
        }
        writer.finish().await?;
        Ok(staged)
    }
}

/// Bytes that are written at once, while the next ones come.
const PART: usize = 1 << 20;

/// Most pieces of a part, each of which may hold a whole buffer of its connection.
const PIECES: usize = 64;

/// From this many on it is worth to have the disk begin at once.
const LARGE: u64 = 128 << 10;

/// Writes a file in the background, one part at a time.
struct Writer<'a> {
    staging: &'a Staging,
    file: Arc<File>,
    /// Where the part begins that is being gathered.
    at: u64,
    part: Vec<Bytes>,
    length: usize,
    writing: Option<JoinHandle<io::Result<()>>>,
}

impl Writer<'_> {
    async fn take(&mut self, piece: Bytes) -> io::Result<()> {
        self.length += piece.len();
        self.part.push(piece);
        let is_full = self.length >= PART || self.part.len() >= PIECES;
        if is_full { self.write().await } else { Ok(()) }
    }

    /// Writes what has been gathered, once the part before it is written.
    async fn write(&mut self) -> io::Result<()> {
        self.written().await?;
        let (file, at, part) = (Arc::clone(&self.file), self.at, std::mem::take(&mut self.part));
        let bytes = std::mem::take(&mut self.length) as u64;
        self.at += bytes;
        let Staging { folder, free_bytes } = self.staging.clone();
        self.writing = Some(tokio::task::spawn_blocking(move || {
            // Of each part anew, since others write too.
            free_space::require(&folder, bytes, free_bytes)?;
            write_part(&file, at, &part)
        }));
        Ok(())
    }

    async fn written(&mut self) -> io::Result<()> {
        match self.writing.take() {
            Some(writing) => writing.await.map_err(io::Error::from).flatten(),
            None => Ok(()),
        }
    }

    async fn finish(mut self) -> io::Result<()> {
        self.write().await?;
        self.written().await
    }
}

fn write_part(file: &File, at: u64, part: &[Bytes]) -> io::Result<()> {
    let mut end = at;
    for piece in part {
        file.write_all_at(piece, end)?;
        end += piece.len() as u64;
    }
    if end - at >= LARGE {
        // The kernel takes this as leave to begin with the disk; what is on its way there stays in memory. By the
        // time the whole is synced little of it is left to do. It is advice: without it all is as good, and slower.
        let _ = fadvise(file, at, NonZeroU64::new(end - at), Advice::DontNeed);
    }
    Ok(())
}

impl Staged {
    /// Length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// So many bytes of it from the first on, or all.
    pub async fn beginning(&self, most: u64) -> io::Result<Bytes> {
        let (path, most) = (self.path.clone(), most.min(self.bytes));
        let read = move || {
            let mut bytes = Vec::with_capacity(usize::try_from(most).unwrap_or(0));
            File::open(path)?.take(most).read_to_end(&mut bytes)?;
            Ok(bytes.into())
        };
        tokio::task::spawn_blocking(read).await.map_err(io::Error::from).flatten()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "a staged upload stays until the next start"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::os::unix::fs::PermissionsExt;

    fn pieces(lengths: &[usize]) -> impl Stream<Item = Result<Bytes, &'static str>> + Unpin {
        let pieces: Vec<_> = lengths.iter().map(|length| Ok(Bytes::from(vec![b'x'; *length]))).collect();
        stream::iter(pieces)
    }

    fn files(folder: &Path) -> usize {
        folder.read_dir().expect("a folder").count()
    }

    #[tokio::test]
    async fn an_upload_is_counted_kept_private_and_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let staging = Staging::open(folder.path().join("staging")).expect("opens");
        let staged = staging.stage(pieces(&[3, 0, 100_000]), 100_003).await.expect("exactly the limit");
        assert_eq!(staged.bytes(), 100_003);
        assert_eq!(staged.beginning(4).await.expect("read"), "xxxx");
        assert_eq!(staged.beginning(u64::MAX).await.expect("read").len(), 100_003);
        let metadata = staged.path().metadata().expect("a file");
        assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (100_003, 0o600));
        let mode = staging.folder.metadata().expect("a folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(staged);
        assert_eq!(files(&staging.folder), 0);
    }

    #[tokio::test]
    async fn parts_are_written_in_their_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let staging = Staging::open(folder.path().to_owned()).expect("opens");
        let lengths = std::iter::repeat_n(1, 2 * PIECES).chain([70_000; 50]);
        let sent: Vec<Bytes> =
            lengths.zip(0..).map(|(length, byte)| Bytes::from(vec![byte; length])).collect();
        let stream = stream::iter(sent.iter().cloned().map(Ok::<_, &str>));
        let staged = staging.stage(stream, u64::MAX).await.expect("staged");
        assert!(std::fs::read(staged.path()).expect("a file") == sent.concat());
    }

    #[tokio::test]
    async fn an_upload_over_the_limit_stops_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let staging = Staging::open(folder.path().to_owned()).expect("opens");
        let mut stream = pieces(&[4, 4, 4, 4]);
        let refused = staging.stage(&mut stream, 9).await;
        assert!(matches!(refused, Err(StageError::TooLarge { limit: 9 })), "{refused:?}");
        assert_eq!(stream.count().await, 1);
        assert_eq!(files(folder.path()), 0);
    }

    #[tokio::test]
    async fn an_upload_for_which_there_is_no_room_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let staging = Staging::open(folder.path().to_owned()).expect("opens").with_free(1 << 60);
        let refused = staging.stage(pieces(&[4]), 9).await;
        assert!(matches!(refused, Err(StageError::NoRoom)), "{refused:?}");
        assert_eq!(files(folder.path()), 0);
    }

    #[tokio::test]
    async fn an_upload_that_breaks_off_or_is_abandoned_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let staging = Staging::open(folder.path().to_owned()).expect("opens");
        let broken = stream::iter([Ok(Bytes::from_static(b"half")), Err("gone")]);
        assert!(matches!(staging.stage(broken, 9).await, Err(StageError::Source("gone"))));
        assert_eq!(files(folder.path()), 0);

        let waiting = pieces(&[4]).chain(stream::pending());
        let mut upload = Box::pin(staging.stage(waiting, 9));
        while files(folder.path()) == 0 {
            assert!(futures_util::poll!(&mut upload).is_pending());
            tokio::task::yield_now().await;
        }
        drop(upload);
        assert_eq!(files(folder.path()), 0);
    }

    #[tokio::test]
    async fn what_an_earlier_process_left_is_removed_at_the_start() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("left"), "x").expect("a file");
        std::fs::create_dir(folder.path().join("folder")).expect("a folder");
        Staging::open(folder.path().to_owned()).expect("opens");
        assert_eq!(files(folder.path()), 0);
    }
}
