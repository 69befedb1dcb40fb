//! Stored bytes: originals and what is derived from them.

use crate::staging::Staged;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use safelight_domain::access::Granted;
use safelight_domain::image::BlobId;
use std::path::Path;
use thiserror::Error;

/// Names every kind of stored bytes. Nothing is ever written twice under one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BlobKey {
    /// As uploaded.
    Original(BlobId),
    /// A reduced copy, made at ingest (none are made yet).
    Level {
        /// The original.
        blob: BlobId,
        /// The side is divided by two to the power of this.
        step: u8,
        /// Fresh name: 32 hexadecimal digits.
        name: String,
    },
    /// An answer to viewers.
    Rendition {
        /// The original.
        blob: BlobId,
        /// Fresh name: 32 hexadecimal digits.
        name: String,
    },
}

/// The store; clones share it.
#[derive(Clone, Debug)]
pub struct Blobs {}

/// Why bytes could not be stored or read.
#[derive(Debug, Error)]
pub enum BlobError {
    /// They should be there.
    #[error("the stored bytes are missing")]
    Missing,
    /// The store failed.
    #[error("the blob store failed")]
    Store(#[source] object_store::Error),
    /// The staged upload could not be read.
    #[error("the staged upload cannot be read")]
    Staged(#[from] std::io::Error),
}

#[allow(unused_variables)]
impl Blobs {
    /// Opens a store of files below `folder`, made if missing.
    pub fn open(folder: &Path) -> Result<Blobs, BlobError> {
        unimplemented!()
    }

    /// Stores an original. It is durable when this returns.
    pub async fn put_original(&self, blob: &BlobId, staged: &Staged) -> Result<(), BlobError> {
        unimplemented!()
    }

    /// Stores a rendition of the granted blob. Need not be durable.
    pub async fn put_rendition(&self, granted: &Granted, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        unimplemented!()
    }

    /// The whole original.
    pub async fn original(&self, granted: &Granted) -> Result<Bytes, BlobError> {
        unimplemented!()
    }

    /// The original as a stream.
    pub async fn original_stream(
        &self,
        granted: &Granted,
    ) -> Result<BoxStream<'static, Result<Bytes, object_store::Error>>, BlobError> {
        unimplemented!()
    }

    /// A stored rendition.
    pub async fn rendition(&self, granted: &Granted, name: &str) -> Result<Bytes, BlobError> {
        unimplemented!()
    }

    /// Deletes one object; none there is fine.
    pub async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        unimplemented!()
    }

    /// Deletes everything of a blob: renditions and levels first, the original last.
    pub async fn delete_blob(&self, blob: &BlobId) -> Result<(), BlobError> {
        unimplemented!()
    }
}
