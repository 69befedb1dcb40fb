//! Whose a store elsewhere is. Two servers with a catalog each would sweep away each other's blobs.

use super::{BlobError, Blobs, Kind, s3};
use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;
use thiserror::Error;

/// The name of the note, which no blob has.
const NOTE: &str = "owner";

/// Why a store is not used.
#[derive(Debug, Error)]
pub enum ClaimError {
    /// Another catalog's.
    #[error(
        "another server's images are stored there (the object {NOTE} says so): choose another bucket or prefix"
    )]
    Taken,
    /// It cannot be asked.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

impl Blobs {
    /// Notes in a store elsewhere that it is the owner's, unless it is. Files are below a folder with a lock.
    ///
    /// # Errors
    /// When it is another's, or cannot be read and written.
    pub async fn claim(&self, owner: &str) -> Result<(), ClaimError> {
        let Kind::S3(_) = &self.kind else { return Ok(()) };
        let note = StorePath::from(NOTE);
        match s3::read(&*self.objects, &note).await {
            Ok(found) if found == owner => Ok(()),
            Ok(_) => Err(ClaimError::Taken),
            Err(BlobError::Missing) => {
                let written = self.objects.put(&note, owner.to_owned().into_bytes().into()).await;
                Ok(written.map(drop).map_err(BlobError::from)?)
            }
            Err(error) => Err(error.into()),
        }
    }
}
