//! Which store the blobs of a data folder are in.

use crate::blobs::Blobs;
use crate::catalog::Account;
use crate::config::{Config, StoreConfig};
use anyhow::{Context, ensure};
use std::io::ErrorKind;

/// The file in the data folder that names a store elsewhere. A folder with blobs and without it has them in files.
const FILE: &str = "store";

/// The name of files as a store.
const FILES: &str = "files";

/// Opens the store that the settings name. Blocks.
pub(super) fn open(config: &Config) -> anyhow::Result<Blobs> {
    let blobs = match &config.store {
        StoreConfig::Files => Blobs::open(&config.data.join("blobs"))?,
        StoreConfig::S3(s3) => Blobs::open_s3(s3, config.data.join("cache"))?,
    };
    Ok(blobs.with_memory(config.rendition_memory_bytes).with_free(config.limits.free_bytes))
}

/// Sees now and not at the first upload that the store can be used, that this catalog's blobs are in it, and that no other
/// catalog's are.
pub(super) async fn claim(config: &Config, blobs: &Blobs, oldest: &Account) -> anyhow::Result<()> {
    let before = require_same(config)?;
    let (name, file) = (name(&config.store), config.data.join(FILE));
    let owner = format!("{} {}", oldest.id.as_str(), oldest.created_ms);
    blobs.claim(&owner).await.with_context(|| format!("the store {name} cannot be used"))?;
    if before.is_none() {
        std::fs::write(&file, format!("{name}\n"))
            .with_context(|| format!("the file {} cannot be written", file.display()))?;
    }
    Ok(())
}

/// Sees that the folder's blobs are in the store that the settings name; gives its name, if it has any.
pub(super) fn require_same(config: &Config) -> anyhow::Result<Option<String>> {
    let (name, file) = (name(&config.store), config.data.join(FILE));
    let before = before(config)?;
    if let Some(before) = &before {
        ensure!(
            *before == name,
            "the images of the data folder {} are in {before}, and the settings say {name}: set store as it was, or \
             copy them and then write {name} into the file {} (docs/stores.md)",
            config.data.display(),
            file.display()
        );
    }
    Ok(before)
}

fn name(store: &StoreConfig) -> String {
    match store {
        StoreConfig::Files => FILES.to_owned(),
        StoreConfig::S3(s3) if s3.prefix.is_empty() => format!("s3://{}", s3.bucket),
        StoreConfig::S3(s3) => format!("s3://{}/{}", s3.bucket, s3.prefix),
    }
}

/// Where the folder's blobs are, if it has any.
fn before(config: &Config) -> anyhow::Result<Option<String>> {
    let file = config.data.join(FILE);
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(config.data.join("blobs").exists().then(|| FILES.to_owned()))
        }
        Err(error) => Err(error).with_context(|| format!("the file {} cannot be read", file.display())),
    }
}
