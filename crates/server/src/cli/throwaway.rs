//! A folder for the length of a command.

use super::client::segment;
use super::note;
use crate::random;
use anyhow::Context;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A new folder for this user alone, deleted with all that is in it when dropped.
pub(super) struct ThrowawayFolder(pub PathBuf);

impl ThrowawayFolder {
    /// Makes one below `parent`, named after the command.
    pub(super) fn make(parent: &Path, command: &str) -> anyhow::Result<ThrowawayFolder> {
        let path = parent.join(format!("safelight-{command}-{}", segment(&random::hex_id())));
        DirBuilder::new().mode(0o700).create(&path).context("no temporary folder can be made")?;
        Ok(ThrowawayFolder(path))
    }
}

impl Drop for ThrowawayFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            note(&format!("the folder {} cannot be deleted: {error}", self.0.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_goes_with_all_that_is_in_it() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = ThrowawayFolder::make(parent.path(), "test").expect("made");
        let path = folder.0.clone();
        std::fs::write(path.join("x"), "").expect("written");
        drop(folder);
        assert!(!path.exists());
    }
}
