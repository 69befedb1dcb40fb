//! Places of commands that work on catalogs and stores themselves: a data folder or a configuration file.

use super::Surroundings;
use crate::config::Config;
use crate::settings::{Environment, SettingsError, Sources, load};
use anyhow::{Context, ensure};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Longest file of variables in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What a setting is called whose password is alone.
const DATABASE: &str = "database";

/// The settings of a place. A folder has everything in it; a file is a configuration file. Passwords and keys come out
/// of a file of variables, as a service manager reads one, or else out of this process's environment, which gives nothing
/// else.
pub(super) fn settings(
    surroundings: &Surroundings,
    place: &Path,
    variables: Option<&Path>,
) -> anyhow::Result<Config> {
    let is_file = place.is_file();
    let mut sources = Sources {
        flags: if is_file { Vec::new() } else { vec![("data", text(place)?)] },
        config_file: is_file.then(|| place.to_owned()),
        environment: match variables {
            Some(file) => read(file)?,
            None => surroundings.environment.access(),
        },
        program: surroundings.program.clone(),
        parallelism: surroundings.parallelism,
    };
    let named = || format!("the settings of {}", place.display());
    match load(&sources) {
        // The password is for the other place.
        Err(SettingsError::Alone { missing: DATABASE, .. }) if variables.is_none() => {
            sources.environment = sources.environment.without_password();
            Ok(load(&sources).with_context(named)?.config)
        }
        settings => Ok(settings.with_context(named)?.config),
    }
}

fn text(path: &Path) -> anyhow::Result<String> {
    Ok(path.to_str().context("the path of a data folder must be UTF-8")?.to_owned())
}

/// Lines of `NAME=value`; those that are empty or begin with `#` are passed over.
fn read(file: &Path) -> anyhow::Result<Environment> {
    let mut lines = String::new();
    let read = File::open(file).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut lines));
    read.with_context(|| format!("the file of variables {} cannot be read", file.display()))?;
    let fits = u64::try_from(lines.len()).is_ok_and(|length| length <= MAX_BYTES);
    ensure!(fits, "the file of variables {} is longer than {MAX_BYTES} bytes", file.display());
    let mut variables = Vec::new();
    for (line, number) in lines.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line itself may be a secret.
        let pair = line.split_once('=');
        let (name, value) =
            pair.with_context(|| format!("line {number} of {} is not NAME=value", file.display()))?;
        variables.push((name.into(), unquoted(value).into()));
    }
    Ok(Environment::new(variables))
}

fn unquoted(value: &str) -> &str {
    let within = |quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::{Database, StoreConfig};
    use std::path::PathBuf;

    fn surroundings(variables: &[(&str, &str)]) -> Surroundings {
        Surroundings {
            environment: Environment::new(variables.iter().map(|(name, value)| (name.into(), value.into()))),
            clock: Clock::system(),
            program: PathBuf::new(),
            parallelism: 1,
        }
    }

    #[test]
    fn a_place_is_a_folder_or_a_file_of_settings() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.toml");
        std::fs::write(
            &file,
            "data = \"/d\"\ndatabase = \"postgres://u@localhost/x\"\nstore = \"s3://bucket\"\n",
        )
        .expect("written");
        let around = surroundings(&[
            ("SAFELIGHT_DATA", "/elsewhere"),
            ("SAFELIGHT_DATABASE_PASSWORD", "hidden"),
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_REGION", "c"),
        ]);
        let plain = settings(&around, folder.path(), None).expect("a folder");
        assert_eq!(plain.data, folder.path());
        assert!(matches!((plain.database, plain.store), (Database::File, StoreConfig::Files)));
        let other = settings(&around, &file, None).expect("a file");
        assert_eq!(other.data, Path::new("/d"));
        assert!(matches!((other.database, other.store), (Database::Postgres(_), StoreConfig::S3(_))));
    }

    #[test]
    fn a_file_of_variables_takes_the_place_of_the_environment() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("env");
        let lines = "# of the new place\n\nSAFELIGHT_DATABASE=postgres://u@localhost/x\n\
                     SAFELIGHT_DATABASE_PASSWORD=\"a b\"\n";
        std::fs::write(&file, lines).expect("written");
        let read = settings(&surroundings(&[]), folder.path(), Some(&file)).expect("good");
        assert!(matches!(read.database, Database::Postgres(_)));
        for (bad, said) in [("SECRET", "line 1"), ("SAFELIGHT_ODD=1", "SAFELIGHT_ODD")] {
            std::fs::write(&file, bad).expect("written");
            let refused = settings(&surroundings(&[]), folder.path(), Some(&file)).expect_err("is refused");
            let text = format!("{refused:#}");
            assert!(text.contains(said) && !text.contains("SECRET"), "{text}");
        }
    }
}
