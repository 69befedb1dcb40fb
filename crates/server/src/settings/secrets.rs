//! Secrets, and names that go with them: from a variable or from a file that a variable names.

use super::{Environment, SettingsError, variable};
use std::io::Read;
use std::path::PathBuf;

/// What is given by environment alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// `SAFELIGHT_ACCOUNT_ID`.
    AccountId,
    /// `SAFELIGHT_ACCOUNT_HASH`.
    AccountHash,
    /// `SAFELIGHT_API_TOKEN`.
    ApiToken,
    /// `SAFELIGHT_SIGNING_KEY`.
    SigningKey,
    /// `SAFELIGHT_DATABASE_PASSWORD`.
    DatabasePassword,
}

/// Longest secret in bytes.
const MAX_BYTES: usize = 4096;

impl Secret {
    /// Every secret.
    pub const ALL: [Secret; 5] = [
        Secret::AccountId,
        Secret::AccountHash,
        Secret::ApiToken,
        Secret::SigningKey,
        Secret::DatabasePassword,
    ];

    /// The variable that holds it.
    pub fn variable(self) -> &'static str {
        match self {
            Secret::AccountId => "SAFELIGHT_ACCOUNT_ID",
            Secret::AccountHash => "SAFELIGHT_ACCOUNT_HASH",
            Secret::ApiToken => "SAFELIGHT_API_TOKEN",
            Secret::SigningKey => "SAFELIGHT_SIGNING_KEY",
            Secret::DatabasePassword => "SAFELIGHT_DATABASE_PASSWORD",
        }
    }

    /// The variable that names a file that holds it.
    pub fn file_variable(self) -> String {
        format!("{}_FILE", self.variable())
    }
}

/// The secret and where it is from, `None` if neither variable is set. Exactly one final newline is
/// cut from a file.
///
/// # Errors
/// When both variables are set, the file cannot be read, or the text is empty, longer than 4,096
/// bytes or not UTF-8.
pub fn secret(environment: &Environment, which: Secret) -> Result<Option<(String, String)>, SettingsError> {
    let (name, file_name) = (which.variable(), which.file_variable());
    let (text, from) = match (environment.text(name)?, environment.text(&file_name)?) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(SettingsError::Both(name)),
        (Some(text), None) => (text, variable(name)),
        (None, Some(path)) => {
            let from = format!("the file {path}, named by {file_name},");
            (read(&file_name, path.into())?, from)
        }
    };
    if text.is_empty() || text.len() > MAX_BYTES {
        return Err(SettingsError::Secret { from, allowed: "a text of 1 to 4096 bytes" });
    }
    Ok(Some((text, from)))
}

fn read(file_name: &str, path: PathBuf) -> Result<String, SettingsError> {
    let mut text = String::new();
    let most = MAX_BYTES as u64 + 2;
    let read = std::fs::File::open(&path).and_then(|file| file.take(most).read_to_string(&mut text));
    if let Err(source) = read {
        return Err(SettingsError::File { from: variable(file_name), path, source });
    }
    let cut = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text);
    Ok(cut.to_owned())
}
