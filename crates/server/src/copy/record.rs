//! Which objects are in the target and were read back: a file that `sha256sum --check` understands.

use super::CopyError;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The name that it has in a backup.
pub(super) const IN_BACKUP: &str = "SHA256SUMS";

/// What the paths of objects begin with: the folder that they are in.
const FOLDER: &str = "blobs/";

/// Hashes of objects by their paths in the store.
#[derive(Default)]
pub(super) struct Record {
    path: PathBuf,
    hashes: HashMap<String, String>,
    file: Option<File>,
}

impl Record {
    /// Reads what is there, and is ready to add to it.
    pub(super) fn open(path: PathBuf) -> Result<Record, CopyError> {
        let mut record = Record::read(path)?;
        let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(&record.path);
        let mut file = opened.map_err(|error| record.failed(error))?;
        // The last line may be half of one.
        file.write_all(b"\n").map_err(|error| record.failed(error))?;
        record.file = Some(file);
        Ok(record)
    }

    /// What a backup in this folder says of its objects; nothing where there is none.
    pub(super) fn of_backup(data: &Path) -> Result<Record, CopyError> {
        Record::read(data.join(IN_BACKUP))
    }

    fn read(path: PathBuf) -> Result<Record, CopyError> {
        let hashes = match std::fs::read_to_string(&path) {
            Ok(text) => text.lines().filter_map(parse).collect(),
            Err(error) if error.kind() == ErrorKind::NotFound => HashMap::new(),
            Err(error) => return Err(CopyError::File(path, error)),
        };
        Ok(Record { path, hashes, file: None })
    }

    /// Of an object.
    pub(super) fn hash(&self, object: &str) -> Option<String> {
        self.hashes.get(object).cloned()
    }

    /// Notes an object that is durable and was read back.
    pub(super) fn add(&mut self, object: &str, sha256: &str) -> Result<(), CopyError> {
        let line = format!("{sha256}  {FOLDER}{object}\n");
        let written = self.file.as_mut().map_or(Ok(()), |file| file.write_all(line.as_bytes()));
        written.map_err(|error| self.failed(error))
    }

    /// Makes it durable.
    pub(super) fn sync(&self) -> Result<(), CopyError> {
        self.file.as_ref().map_or(Ok(()), File::sync_all).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: std::io::Error) -> CopyError {
        CopyError::File(self.path.clone(), error)
    }
}

fn parse(line: &str) -> Option<(String, String)> {
    let (sha256, object) = line.split_once("  ")?;
    let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some((object.strip_prefix(FOLDER)?.to_owned(), sha256.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_found_again_but_for_half_a_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(IN_BACKUP);
        let (one, other) = ("a".repeat(64), "b".repeat(64));
        let mut record = Record::open(path.clone()).expect("opens");
        record.add("original/ab/x", &one).expect("written");
        drop(record);
        let text = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(&path, format!("{text}{}", &other[..30])).expect("written");
        let mut record = Record::open(path).expect("opens");
        record.add("original/cd/y", &other).expect("written");
        let record = Record::of_backup(folder.path()).expect("opens");
        assert_eq!(record.hash("original/ab/x"), Some(one));
        assert_eq!(record.hash("original/cd/y"), Some(other));
        assert_eq!(record.hashes.len(), 2);
    }
}
