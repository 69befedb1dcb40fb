//! Stored bytes on their way from one store to another. They are shown to nobody, so they need no leave.

use super::{BlobError, BlobKey, Blobs, Kind};
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use object_store::ObjectStoreExt;
use safelight_domain::hex;
use safelight_domain::image::BlobId;
use sha2::{Digest, Sha256};

/// Bytes of one object that are in memory at a time, and of a part: stores take none below five megabytes.
const PART: usize = 8 << 20;

/// What was read of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// How long it is.
    pub bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// Counts and hashes what passes.
#[derive(Default)]
struct Meter {
    bytes: u64,
    sha256: Sha256,
}

impl Meter {
    fn pass(&mut self, piece: &Bytes) {
        self.bytes += piece.len() as u64;
        self.sha256.update(piece);
    }

    fn read(self) -> Hashed {
        Hashed { bytes: self.bytes, sha256: hex::digits(&self.sha256.finalize()) }
    }
}

impl Blobs {
    /// Copies an object to another store, where it is durable when this returns, and says what was read.
    ///
    /// # Errors
    /// `Missing` where it is not in this store; when a store fails.
    pub async fn transfer(&self, key: &BlobKey, to: &Blobs) -> Result<Hashed, BlobError> {
        let path = key.path();
        let mut pieces = self.objects.get(&path).await?.into_stream();
        let (mut meter, mut part) = (Meter::default(), BytesMut::new());
        let mut upload = None;
        while let Some(piece) = pieces.try_next().await? {
            meter.pass(&piece);
            part.extend_from_slice(&piece);
            if part.len() >= PART {
                let upload = match &mut upload {
                    Some(upload) => upload,
                    None => upload.insert(to.objects.put_multipart(&path).await?),
                };
                if let Err(error) = upload.put_part(part.split().freeze().into()).await {
                    // What is not taken back is left to the store's own rule (docs/stores.md).
                    drop(upload.abort().await);
                    return Err(error.into());
                }
            }
        }
        match upload {
            None => drop(to.objects.put(&path, part.freeze().into()).await?),
            Some(mut upload) => {
                if !part.is_empty() {
                    upload.put_part(part.freeze().into()).await?;
                }
                upload.complete().await?;
            }
        }
        Ok(meter.read())
    }

    /// Reads an object and says what was read.
    ///
    /// # Errors
    /// `Missing` where there is none; when the store fails.
    pub async fn hash(&self, key: &BlobKey) -> Result<Hashed, BlobError> {
        let mut pieces = self.objects.get(&key.path()).await?.into_stream();
        let mut meter = Meter::default();
        while let Some(piece) = pieces.try_next().await? {
            meter.pass(&piece);
        }
        Ok(meter.read())
    }

    /// The length of an object; `None` where there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn length(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        match self.objects.head(&key.path()).await.map_err(BlobError::from) {
            Ok(object) => Ok(Some(object.size)),
            Err(BlobError::Missing) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What time it is by a store elsewhere, in milliseconds since 1970; `None` of files. Asked by an object that
    /// nothing else has.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clock_ms(&self, fresh: &BlobId) -> Result<Option<i64>, BlobError> {
        let Kind::S3(_) = &self.kind else { return Ok(None) };
        let key = BlobKey::Rendition { blob: fresh.clone(), name: fresh.as_str().to_owned() };
        self.objects.put(&key.path(), Bytes::from_static(b"clock").into()).await?;
        let written = self.objects.head(&key.path()).await?.last_modified.timestamp_millis();
        self.delete(&key).await?;
        Ok(Some(written))
    }
}
