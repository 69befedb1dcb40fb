//! What a copy keeps in the data folder of its target while it is not done.

use super::record::IN_BACKUP;
use super::{CopyError, Purpose, catalog_place};
use crate::bootstrap::TOKEN_FILE;
use crate::catalog::CatalogPlace;
use crate::config::{Config, StoreConfig};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The folder of an unfinished copy.
const FOLDER: &str = "copy";

/// The file that makes a folder a backup, and says of what.
const BACKUP: &str = "backup";

/// Its first line.
const FORMAT: &str = "safelight backup, format 1";

/// What a data folder has that was ever used.
const SIGNS: [&str; 4] = ["catalog.sqlite", "blobs", "store", TOKEN_FILE];

/// An unfinished copy.
pub(super) struct Work {
    data: PathBuf,
    folder: PathBuf,
    purpose: Purpose,
    /// The file of the source's first token.
    token: PathBuf,
}

impl Work {
    /// Sees that nothing else is in the target, and begins or goes on.
    pub(super) fn begin(from: &Config, to: &Config, purpose: Purpose) -> Result<Work, CopyError> {
        let work = Work {
            data: to.data.clone(),
            folder: to.data.join(FOLDER),
            purpose,
            token: from.data.join(TOKEN_FILE),
        };
        let source = description(from);
        match std::fs::read_to_string(work.folder.join("from")) {
            Ok(before) if before == source => return Ok(work),
            Ok(before) => return Err(CopyError::OtherCopy(work.folder, before)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(CopyError::File(work.folder, error)),
        }
        let is_backup = purpose == Purpose::Backup && to.data.join(BACKUP).exists();
        if let Some(sign) = SIGNS.into_iter().find(|sign| !is_backup && to.data.join(sign).exists()) {
            return Err(CopyError::Occupied(work.data, sign));
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&work.folder);
        made.map_err(|error| CopyError::File(work.folder.clone(), error))?;
        write(&work.folder.join("from"), &source)?;
        Ok(work)
    }

    /// Whether all was done but the end. No server starts on an unfinished copy, so a catalog is the copied one.
    pub(super) fn is_done(&self) -> bool {
        let is_published =
            matches!(self.purpose, Purpose::Move(_)) && self.data.join("catalog.sqlite").exists();
        self.folder.join("done").exists() || is_published
    }

    /// The rows of the source.
    pub(super) fn snapshot(&self) -> PathBuf {
        self.folder.join("snapshot.sqlite")
    }

    /// Where a snapshot is to be taken; an older one is removed.
    pub(super) fn fresh_snapshot(&self) -> Result<PathBuf, CopyError> {
        let path = self.unfinished();
        for file in [&path, &self.snapshot()] {
            for suffix in ["", "-wal", "-shm"] {
                let file = with_suffix(file, suffix);
                match std::fs::remove_file(&file) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(CopyError::File(file, error));
                    }
                    _ => {}
                }
            }
        }
        // Made here with its mode, which SQLite takes over for the files beside it.
        write(&path, "")?;
        Ok(path)
    }

    /// Gives a whole snapshot its name.
    pub(super) fn keep_snapshot(&self) -> Result<(), CopyError> {
        rename(&self.unfinished(), &self.snapshot())
    }

    fn unfinished(&self) -> PathBuf {
        self.folder.join("snapshot.new")
    }

    /// Which objects are there.
    pub(super) fn record(&self) -> PathBuf {
        match self.purpose {
            Purpose::Move(_) => self.folder.join("verified"),
            Purpose::Backup => self.data.join(IN_BACKUP),
        }
    }

    /// Sees that a backup that is there is of this catalog, and else makes the folder one.
    pub(super) fn require_own_backup(&self, owner: &str) -> Result<(), CopyError> {
        let (path, text) = (self.data.join(BACKUP), format!("{FORMAT}\n{owner}\n"));
        match (self.purpose, std::fs::read_to_string(&path)) {
            (Purpose::Move(_), _) => Ok(()),
            (Purpose::Backup, Ok(found)) if found == text => Ok(()),
            (Purpose::Backup, Ok(_)) => Err(CopyError::OtherBackup(self.data.clone())),
            (Purpose::Backup, Err(error)) if error.kind() == ErrorKind::NotFound => write(&path, &text),
            (Purpose::Backup, Err(error)) => Err(CopyError::File(path, error)),
        }
    }

    /// Whether rows of the snapshot may be in the target.
    pub(super) fn has_begun_rows(&self) -> bool {
        self.folder.join("rows-begun").exists()
    }

    /// From now on they may.
    pub(super) fn begin_rows(&self) -> Result<(), CopyError> {
        write(&self.folder.join("rows-begun"), "")
    }

    /// Makes the snapshot the catalog of the target.
    pub(super) fn publish(&self) -> Result<(), CopyError> {
        rename(&self.snapshot(), &self.data.join("catalog.sqlite"))
    }

    /// Takes the token's file along, and removes what is not needed any more.
    pub(super) fn end(&self) -> Result<(), CopyError> {
        write(&self.folder.join("done"), "")?;
        match std::fs::read_to_string(&self.token) {
            Ok(token) => write(&self.data.join(TOKEN_FILE), &token)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(CopyError::File(self.token.clone(), error)),
        }
        std::fs::remove_dir_all(&self.folder).map_err(|error| CopyError::File(self.folder.clone(), error))
    }
}

/// Whether a folder has the beginning of a copy.
pub fn is_unfinished(data: &Path) -> bool {
    data.join(FOLDER).join("from").exists()
}

/// Whether a folder has a whole backup.
pub fn is_backup(folder: &Path) -> bool {
    let first = std::fs::read_to_string(folder.join(BACKUP)).unwrap_or_default();
    first.lines().next() == Some(FORMAT) && folder.join("catalog.sqlite").exists()
}

/// What tells one source from another, without secrets.
fn description(config: &Config) -> String {
    let catalog = match catalog_place(config) {
        CatalogPlace::File(path) => path.canonicalize().unwrap_or(path).display().to_string(),
        CatalogPlace::Server(address) => format!("{address:?}"),
    };
    match &config.store {
        StoreConfig::Files => catalog,
        StoreConfig::S3(s3) => format!("{catalog} with s3://{}/{}", s3.bucket, s3.prefix),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Whole and durable, for the owner alone.
fn write(path: &Path, text: &str) -> Result<(), CopyError> {
    let write = || {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error| CopyError::File(path.to_owned(), error))
}

fn rename(from: &Path, to: &Path) -> Result<(), CopyError> {
    let rename = || {
        // A log beside it would be another catalog's, or hold the last of this one.
        for path in [from, to] {
            if with_suffix(path, "-wal").exists() {
                return Err(std::io::Error::other("SQLite has not let go of it"));
            }
        }
        std::fs::rename(from, to)?;
        to.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    rename().map_err(|error| CopyError::File(to.to_owned(), error))
}
