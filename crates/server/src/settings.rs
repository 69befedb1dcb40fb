//! Settings: flags over environment over file over defaults, parsed once into a [`Config`].
//!
//! Every setting is one row of `settings/table.rs`, which gives it the same name in all sources:
//! `--max-upload-bytes`, `SAFELIGHT_MAX_UPLOAD_BYTES` and `max_upload_bytes`. Secrets come from the
//! environment or from files it names, never from flags, which every process list shows.

mod catalog;
mod duration;
mod fetching;
mod limits;
mod listening;
mod preparing;
mod rendering;
mod secrets;
mod sources;
mod store;
mod table;

pub use duration::parse as parse_duration;
pub use secrets::{Secret, secret};
pub use table::{Fallback, Form, ROWS, Row, documented_defaults};

use crate::catalog::PostgresAddressError;
use crate::config::{Config, ConnectionLimits, FirstAccount, TlsFiles};
use safelight_domain::account::{AccountHash, AccountId};
use safelight_domain::image::SourceLimits;
use sources::Values;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;
use tracing::level_filters::LevelFilter;
use url::Url;

/// How the names of our own variables start.
const OWN: &str = "SAFELIGHT_";

/// Enough for ten megabytes at 300 kbit/s.
const DIRECT_UPLOAD_TIME: Duration = Duration::from_secs(300);

/// Everything that settings are read from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Flags as given: the name of the row and its text.
    pub flags: Vec<(&'static str, String)>,
    /// `--config`; wins over `SAFELIGHT_CONFIG`.
    pub config_file: Option<PathBuf>,
    /// The environment.
    pub environment: Environment,
    /// The program that worker processes are started from.
    pub program: PathBuf,
    /// Worker processes unless a setting says otherwise; 0 counts as 1.
    pub parallelism: usize,
}

/// The variables of the environment whose names start with `SAFELIGHT_`, and those of AWS by which a store is
/// reached. Its `Debug` form hides the values, some of which are secrets.
#[derive(Clone, Default)]
pub struct Environment(std::collections::BTreeMap<String, std::ffi::OsString>);

/// What `safelight serve` needs to start.
#[derive(Debug)]
pub struct Settings {
    /// For the parts of the server. Its public URL is only right once [`Settings::bound_to`] was
    /// told the address that was bound.
    pub config: Config,
    /// How the log looks.
    pub log: LogSettings,
    public_url: PublicUrl,
}

/// How the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// See [`LogFormat`].
    pub format: LogFormat,
    /// Least serious level that is logged.
    pub level: LevelFilter,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PublicUrl {
    Given,
    FollowsListener,
}

/// Why the settings are refused. Values of secrets are in none of the messages.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A value that does not parse or is out of range.
    #[error("{from} is {value:?}, but must be {allowed}")]
    Value {
        /// The flag, variable or key.
        from: String,
        /// As given.
        value: String,
        /// What would do.
        allowed: &'static str,
    },
    /// A secret that does not parse.
    #[error("the value of {from} must be {allowed}")]
    Secret {
        /// The variable or file.
        from: String,
        /// What would do.
        allowed: &'static str,
    },
    /// A name that no setting has.
    #[error("{from} is no setting; known are: {known}")]
    Unknown {
        /// The variable or key.
        from: String,
        /// Every name that would do.
        known: String,
    },
    /// A secret and the file it is in.
    #[error("the environment variables {0} and {0}_FILE are both given: give one")]
    Both(&'static str),
    /// One of two settings that need each other.
    #[error("{given} is given without {missing}: give both or neither")]
    Alone {
        /// The one.
        given: &'static str,
        /// The other.
        missing: &'static str,
    },
    /// No address of a database. Its text, which may have a password, is not in the message.
    #[error("{from} must be {allowed}: {why}")]
    Database {
        /// The flag, variable or key.
        from: String,
        /// What would do.
        allowed: &'static str,
        /// What is wrong.
        why: PostgresAddressError,
    },
    /// A file that cannot be read.
    #[error("{from} names the file {path}, which cannot be read")]
    File {
        /// The flag or variable.
        from: String,
        /// As given.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is no TOML.
    #[error("the file {path} is not valid TOML: {why}")]
    Toml {
        /// As given.
        path: PathBuf,
        /// Place and reason.
        why: String,
    },
}

/// Reads and parses every setting. Whatever is not understood is refused: an unknown key in the
/// file, an unknown variable that starts with `SAFELIGHT_`, a value out of range.
pub fn load(sources: &Sources) -> Result<Settings, SettingsError> {
    let values = Values::read(sources)?;
    let listen = values.required(&listening::LISTEN)?;
    let given_url = values.get(&table::PUBLIC_URL)?;
    let public_url = if given_url.is_some() { PublicUrl::Given } else { PublicUrl::FollowsListener };
    let tls = listening::tls(&values)?;
    let config = Config {
        listen,
        admin_listen: values.get(&listening::ADMIN_LISTEN)?,
        dashboard: listening::dashboard(&values)?,
        metrics_listen: values.get(&listening::METRICS_LISTEN)?,
        data: values.required(&table::DATA)?,
        store: store::store(&values, &sources.environment)?,
        public_url: given_url.unwrap_or_else(|| url_of(listen, tls.as_ref())),
        tls,
        max_upload_bytes: values.required(&table::MAX_UPLOAD_BYTES)?,
        direct_upload_time: DIRECT_UPLOAD_TIME,
        source_limits: SourceLimits::CLOUDFLARE,
        levels: values.required(&preparing::LEVELS)?,
        refine: preparing::refine(&values)?,
        prepared_formats: values.required(&preparing::PREPARED_FORMATS)?,
        compat: values.required(&table::COMPAT)?,
        unknown_images: values.required(&table::UNKNOWN_IMAGES)?,
        database: catalog::database(&values, &sources.environment)?,
        public_without_catalog: catalog::public_without_catalog(&values)?,
        trusted_proxies: values.required(&table::TRUSTED_PROXIES)?,
        connections: connection_limits(&values)?,
        render: rendering::render(&values, sources)?,
        fetch: fetching::fetch(&values)?,
        remote: fetching::remote(&values)?,
        rendition_bytes: values.required(&rendering::RENDITION_CACHE_BYTES)?,
        rendition_memory_bytes: values.required(&rendering::RENDITION_MEMORY_BYTES)?,
        limits: limits::limits(&values)?,
        first_account: first_account(&sources.environment)?,
    };
    let log = LogSettings {
        format: values.required(&table::LOG_FORMAT)?,
        level: values.required(&table::LOG_LEVEL)?,
    };
    Ok(Settings { config, log, public_url })
}

impl Settings {
    /// Takes over the address that the listener for delivery really has (port 0 asks for any). A
    /// public URL that was not given follows it.
    pub fn bound_to(&mut self, listen: SocketAddr) {
        self.config.listen = listen;
        if self.public_url == PublicUrl::FollowsListener {
            self.config.public_url = url_of(listen, self.config.tls.as_ref());
        }
    }
}

impl Environment {
    /// Takes the variables out of all that there are.
    pub fn new(variables: impl IntoIterator<Item = (std::ffi::OsString, std::ffi::OsString)>) -> Environment {
        let ours = |(name, value): (std::ffi::OsString, _)| {
            // A name that is no UTF-8 is none of ours, and must still be seen to be refused.
            let name = name.to_string_lossy().into_owned();
            let is_read = name.starts_with(OWN) || store::VARIABLES.contains(&name.as_str());
            is_read.then_some((name, value))
        };
        Environment(variables.into_iter().filter_map(ours).collect())
    }

    /// Those of the variables that have one of these names.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Environment {
        let kept = self.0.iter().filter(|(name, _)| names.contains(&name.as_str()));
        Environment(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Those of the variables by which a database and a store are reached.
    #[must_use]
    pub fn access(&self) -> Environment {
        let password =
            [Secret::DatabasePassword.variable().to_owned(), Secret::DatabasePassword.file_variable()];
        let names: Vec<&str> = password.iter().map(String::as_str).chain(store::VARIABLES).collect();
        self.only(&names)
    }

    /// All but the password of a database.
    #[must_use]
    pub fn without_password(mut self) -> Environment {
        let which = Secret::DatabasePassword;
        self.0.retain(|name, _| *name != which.variable() && *name != which.file_variable());
        self
    }

    /// The text of a variable, if it is set.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(&self, name: &str) -> Result<Option<String>, SettingsError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        match value.to_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(SettingsError::Secret { from: variable(name), allowed: "UTF-8 text" }),
        }
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn connection_limits(values: &Values) -> Result<ConnectionLimits, SettingsError> {
    Ok(ConnectionLimits {
        connections: values.required(&table::MAX_CONNECTIONS)?,
        header_timeout: values.required(&table::HEADER_TIMEOUT)?,
        body_timeout: values.required(&table::BODY_TIMEOUT)?,
        idle_timeout: values.required(&table::IDLE_TIMEOUT)?,
        headers: values.required(&table::MAX_HEADERS)?,
        head_bytes: values.required(&table::MAX_HEAD_BYTES)?,
        shutdown_timeout: values.required(&table::SHUTDOWN_TIMEOUT)?,
    })
}

fn first_account(environment: &Environment) -> Result<FirstAccount, SettingsError> {
    let given = |which| secret(environment, which).map(Option::unzip);
    let refused =
        |from: Option<String>, allowed| SettingsError::Secret { from: from.unwrap_or_default(), allowed };
    let (id, from) = given(Secret::AccountId)?;
    let id = id.as_deref().map(AccountId::parse).transpose();
    let id = id.map_err(|_| refused(from, "32 hexadecimal digits (0-9, a-f)"))?;
    let (hash, from) = given(Secret::AccountHash)?;
    let hash = hash.as_deref().map(AccountHash::parse).transpose();
    let hash = hash.map_err(|_| refused(from, "22 characters out of A-Z, a-z, 0-9, '-' and '_'"))?;
    let (api_token, from) = given(Secret::ApiToken)?;
    if api_token.as_ref().is_some_and(|token| !token.bytes().all(|b| b.is_ascii_graphic())) {
        return Err(refused(from, "visible ASCII characters without spaces"));
    }
    let (signing_key, _) = given(Secret::SigningKey)?;
    Ok(FirstAccount { id, hash, api_token, signing_key })
}

/// Where a browser on this machine reaches a listener: an address that stands for every interface
/// is reached by loopback.
pub(crate) fn url_of(listen: SocketAddr, tls: Option<&TlsFiles>) -> Url {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let address = SocketAddr::new(ip, listen.port());
    #[allow(clippy::expect_used)] // An address without a scope is always a host and a port.
    Url::parse(&format!("{scheme}://{address}")).expect("an address makes a URL")
}

fn variable(name: &str) -> String {
    format!("the environment variable {name}")
}
