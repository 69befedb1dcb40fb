//! Blobs on an S3-compatible store.
//!
//! Every name is fresh and random, and written once, so nothing rests on conditional writes: some servers ignore them,
//! some let two win. For the same reason nobody needs to know whether a name is taken.

use super::tally::Tally;
use super::transport::Transport;
use super::{BlobError, BlobKey, Disk};
use crate::config::S3Config;
use crate::staging::Staged;
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as StorePath;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, MultipartUpload, ObjectStore, ObjectStoreExt, RetryConfig};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Bytes of one part; of a larger original several are sent at once.
const PART: u64 = 8 << 20;

/// Parts of one original that are under way.
const PARTS_AT_ONCE: usize = 4;

/// Parts of all originals together that are in memory.
const PARTS_IN_MEMORY: usize = 16;

/// Longest wait for room among them: a store that hangs must not gather uploads.
const ROOM_TIME: Duration = Duration::from_secs(30);

/// Attempts after the first, and the time after which none is begun any more.
const RETRIES: usize = 3;
const RETRY_TIME: Duration = Duration::from_secs(10);

/// Most time for a rendition to be read, all attempts included.
const READ_TIME: Duration = Duration::from_secs(20);

/// A store and what is in front of it.
#[derive(Clone, Debug)]
pub(super) struct S3 {
    parts: Arc<Semaphore>,
    pub(super) disk: Option<Arc<Disk>>,
}

/// The objects of a bucket below its prefix. Nothing is sent yet.
pub(super) fn objects(config: &S3Config, tally: &Arc<Tally>) -> Result<Arc<dyn ObjectStore>, BlobError> {
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: RETRIES,
        retry_timeout: RETRY_TIME,
    };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&config.bucket)
        .with_region(&config.region)
        .with_access_key_id(&config.credentials.key_id)
        .with_secret_access_key(&config.credentials.secret_key)
        .with_http_connector(Transport { authorities: config.authorities.clone(), tally: Arc::clone(tally) })
        // Whether the endpoint may speak plain HTTP was decided with the settings.
        .with_client_options(ClientOptions::new().with_allow_http(true))
        // Requests for one object each are what every such store knows.
        .with_disable_bulk_delete(true)
        .with_retry(retry);
    if let Some(token) = &config.credentials.token {
        builder = builder.with_token(token);
    }
    builder = match &config.endpoint {
        Some(endpoint) => builder.with_endpoint(endpoint.as_str().trim_end_matches('/')),
        // AWS prefers the bucket in the host's name, where its certificate covers that.
        None => builder.with_virtual_hosted_style_request(!config.bucket.contains('.')),
    };
    Ok(Arc::new(PrefixStore::new(builder.build()?, config.prefix.as_str())))
}

impl S3 {
    pub(super) fn new(disk: Option<Arc<Disk>>) -> S3 {
        S3 { parts: Arc::new(Semaphore::new(PARTS_IN_MEMORY)), disk }
    }

    /// Stores a staged upload, in parts where it is large. It goes on when the caller stops waiting, so that what was
    /// begun is ended or taken back.
    pub(super) async fn put_original(
        &self,
        objects: &Arc<dyn ObjectStore>,
        key: &BlobKey,
        staged: &Staged,
    ) -> Result<(), BlobError> {
        let from = staged.path().to_owned();
        let opened = tokio::task::spawn_blocking(move || File::open(from)).await;
        let file = opened.map_err(io::Error::from).flatten().map_err(BlobError::Staged)?;
        let source = Source { file: Arc::new(file), bytes: staged.bytes(), parts: Arc::clone(&self.parts) };
        let (objects, path) = (Arc::clone(objects), key.path());
        tokio::spawn(async move { source.send(&*objects, &path).await }).await.map_err(io::Error::from)??;
        if let Some(disk) = &self.disk {
            let (disk, key) = (Arc::clone(disk), key.clone());
            let (file, bytes) = (staged.path().to_owned(), staged.bytes());
            // Levels are made of it next. One that is not kept is read from the store.
            drop(tokio::task::spawn_blocking(move || disk.link(&key, &file, bytes)).await);
        }
        Ok(())
    }
}

/// An original on its way to the store.
struct Source {
    file: Arc<File>,
    bytes: u64,
    parts: Arc<Semaphore>,
}

impl Source {
    async fn send(&self, objects: &dyn ObjectStore, path: &StorePath) -> Result<(), BlobError> {
        if self.bytes <= PART {
            let _room = self.room().await?;
            objects.put(path, self.read(0).await?.into()).await?;
            return Ok(());
        }
        let mut upload = objects.put_multipart(path).await?;
        let sent = match self.send_parts(&mut *upload).await {
            Ok(()) => upload.complete().await.map(drop).map_err(BlobError::from),
            Err(error) => Err(error),
        };
        if sent.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, %path, "parts of an upload stay in the store");
        }
        sent
    }

    async fn send_parts(&self, upload: &mut dyn MultipartUpload) -> Result<(), BlobError> {
        let mut under_way = FuturesUnordered::new();
        let mut at = 0;
        loop {
            let room = match under_way.len() {
                _ if at >= self.bytes => None,
                0 => Some(self.room().await?),
                // Whoever holds room does not wait for more, or all could wait for each other.
                1..PARTS_AT_ONCE => Arc::clone(&self.parts).try_acquire_owned().ok(),
                _ => None,
            };
            if let Some(room) = room {
                // They are numbered in the order in which they are begun.
                let sending = upload.put_part(self.read(at).await?.into());
                at += PART;
                under_way.push(async move {
                    let _room = room;
                    sending.await
                });
            } else if under_way.try_next().await?.is_none() {
                return Ok(());
            }
        }
    }

    async fn room(&self) -> Result<OwnedSemaphorePermit, BlobError> {
        let room = timeout(ROOM_TIME, Arc::clone(&self.parts).acquire_owned()).await;
        Ok(room.map_err(io::Error::from)?.map_err(io::Error::other)?)
    }

    /// The part that begins there.
    async fn read(&self, at: u64) -> Result<Bytes, BlobError> {
        let (file, length) = (Arc::clone(&self.file), PART.min(self.bytes.saturating_sub(at)));
        let read = move || {
            let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            file.read_exact_at(&mut bytes, at)?;
            Ok(Bytes::from(bytes))
        };
        tokio::task::spawn_blocking(read).await.map_err(io::Error::from).flatten().map_err(BlobError::Staged)
    }
}

/// All of an object, in bounded time.
pub(super) async fn read(objects: &dyn ObjectStore, path: &StorePath) -> Result<Bytes, BlobError> {
    let read = async { objects.get(path).await?.bytes().await };
    Ok(timeout(READ_TIME, read).await.map_err(io::Error::from)??)
}
