//! The layers that values come from, and who wins.

use super::secrets::Secret;
use super::table::{Fallback, Form, ROWS, Row, Setting};
use super::{Environment, OWN, SettingsError, Sources, variable};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest configuration file in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The winning text of each setting that some source gives, and where it is from.
pub(super) struct Values(BTreeMap<&'static str, (String, String)>);

impl Values {
    /// Reads the layers from the weakest to the strongest, each overwriting what is there.
    pub(super) fn read(sources: &Sources) -> Result<Values, SettingsError> {
        let mut values = BTreeMap::new();
        refuse_unknown_variables(&sources.environment)?;
        if let Some((path, from)) = config_file(sources)? {
            read_file(&path, from, &mut values)?;
        }
        for row in &ROWS {
            let name = row.variable();
            if let Some(text) = sources.environment.text(&name)? {
                values.insert(row.name, (text, variable(&name)));
            }
        }
        for (name, text) in &sources.flags {
            values.insert(name, (text.clone(), format!("the flag --{name}")));
        }
        Ok(Values(values))
    }

    /// The text of a setting that has no default, and where it is from.
    pub(super) fn text(&self, row: &Row) -> Option<(&str, &str)> {
        self.0.get(row.name).map(|(text, from)| (text.as_str(), from.as_str()))
    }

    /// The parsed value, or else the parsed default, if the setting has one.
    pub(super) fn get<T>(&self, setting: &Setting<T>) -> Result<Option<T>, SettingsError> {
        let (text, from) = match (self.0.get(setting.row.name), setting.row.default) {
            (Some((text, from)), _) => (text.as_str(), from.clone()),
            (None, Fallback::Is(text)) => (text, format!("the default of {}", setting.row.name)),
            (None, Fallback::Derived { .. }) => return Ok(None),
        };
        match (setting.parse)(text) {
            Some(value) => Ok(Some(value)),
            None => Err(SettingsError::Value { from, value: text.to_owned(), allowed: setting.row.allowed }),
        }
    }

    /// The parsed value of a setting that has a default.
    pub(super) fn required<T>(&self, setting: &Setting<T>) -> Result<T, SettingsError> {
        self.get(setting)?.ok_or_else(|| SettingsError::Value {
            from: setting.row.name.to_owned(),
            value: String::new(),
            allowed: setting.row.allowed,
        })
    }
}

fn refuse_unknown_variables(environment: &Environment) -> Result<(), SettingsError> {
    let mut known = vec!["SAFELIGHT_CONFIG".to_owned(), "SAFELIGHT_URL".to_owned()];
    known.extend(ROWS.iter().map(Row::variable));
    for secret in Secret::ALL {
        known.extend([secret.variable().to_owned(), secret.file_variable()]);
    }
    match environment.0.keys().find(|name| name.starts_with(OWN) && !known.contains(name)) {
        None => Ok(()),
        Some(name) => Err(SettingsError::Unknown { from: variable(name), known: known.join(", ") }),
    }
}

fn config_file(sources: &Sources) -> Result<Option<(PathBuf, String)>, SettingsError> {
    if let Some(path) = &sources.config_file {
        return Ok(Some((path.clone(), "the flag --config".to_owned())));
    }
    let name = "SAFELIGHT_CONFIG";
    Ok(sources.environment.text(name)?.map(|path| (path.into(), variable(name))))
}

fn read_file(
    path: &Path,
    from: String,
    values: &mut BTreeMap<&'static str, (String, String)>,
) -> Result<(), SettingsError> {
    let mut text = String::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    match read {
        Err(source) => return Err(SettingsError::File { from, path: path.to_owned(), source }),
        Ok(bytes) if bytes as u64 > MAX_FILE_BYTES => {
            let why = format!("it is longer than {MAX_FILE_BYTES} bytes");
            return Err(SettingsError::Toml { path: path.to_owned(), why });
        }
        Ok(_) => {}
    }
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| SettingsError::Toml {
        path: path.to_owned(),
        why: error.to_string(),
    })?;
    for (key, value) in table {
        let from = format!("the key {key} in {}", path.display());
        let Some(row) = ROWS.iter().find(|row| row.key() == key) else {
            let known = ROWS.iter().map(Row::key).collect::<Vec<_>>().join(", ");
            return Err(SettingsError::Unknown { from, known });
        };
        let Some(text) = plain_text(&value, row.form) else {
            return Err(SettingsError::Value { from, value: value.to_string(), allowed: row.allowed });
        };
        values.insert(row.name, (text, from));
    }
    Ok(())
}

/// The text that the same value has in a flag; `None` for a value of the wrong kind.
fn plain_text(value: &toml::Value, form: Form) -> Option<String> {
    match (value, form) {
        (toml::Value::String(text), _) => Some(text.clone()),
        (toml::Value::Integer(number), Form::Number | Form::NumberOrWord) => Some(number.to_string()),
        (toml::Value::Array(items), Form::List) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}
