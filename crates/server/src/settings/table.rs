//! Every setting, once: its name, default, range and meaning.

use super::LogFormat;
use super::catalog;
use super::duration;
use super::fetching;
use super::limits;
use super::listening;
use super::preparing;
use super::rendering;
use super::store;
use crate::config::Compat;
use crate::protocol::sealed;
use ipnet::IpNet;
use safelight_domain::access::UnknownImagePolicy;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use url::Url;

/// What people need to know of a setting.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// As in the flag: words joined by `-`.
    pub name: &'static str,
    /// See [`Fallback`].
    pub default: Fallback,
    /// See [`Form`].
    pub form: Form,
    /// Continues "must be".
    pub allowed: &'static str,
    /// What it is for, in one sentence.
    pub about: &'static str,
}

/// What holds when no source names a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// This text, parsed like any other.
    Is(&'static str),
    /// Something that is known only at start; `about` says what.
    Derived {
        /// A value for the documentation.
        example: &'static str,
    },
}

/// How a value is written in the file; in flags and variables every value is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A string.
    Text,
    /// A whole number.
    Number,
    /// An array of strings; elsewhere joined by commas.
    List,
    /// A whole number, or a word as a string.
    NumberOrWord,
}

/// A row and how its text is parsed.
pub(super) struct Setting<T> {
    pub(super) row: Row,
    pub(super) parse: fn(&str) -> Option<T>,
}

/// Every row, in the order of the documentation.
pub const ROWS: [Row; 54] = [
    listening::LISTEN.row,
    listening::ADMIN_LISTEN.row,
    listening::DASHBOARD.row,
    listening::DASHBOARD_LISTEN.row,
    listening::METRICS_LISTEN.row,
    listening::TLS_CERTIFICATE.row,
    listening::TLS_KEY.row,
    DATA.row,
    store::STORE.row,
    store::STORE_CACHE_BYTES.row,
    catalog::DATABASE,
    catalog::ON_CATALOG_LOSS.row,
    PUBLIC_URL.row,
    MAX_UPLOAD_BYTES.row,
    COMPAT.row,
    UNKNOWN_IMAGES.row,
    TRUSTED_PROXIES.row,
    MAX_CONNECTIONS.row,
    HEADER_TIMEOUT.row,
    BODY_TIMEOUT.row,
    IDLE_TIMEOUT.row,
    MAX_HEADERS.row,
    MAX_HEAD_BYTES.row,
    SHUTDOWN_TIMEOUT.row,
    rendering::RENDER_WORKERS.row,
    rendering::RENDER_QUEUE.row,
    rendering::RENDER_WAIT.row,
    rendering::RENDER_TOTAL_MEMORY_BYTES.row,
    rendering::RENDER_TIMEOUT.row,
    rendering::RENDER_MEMORY_BYTES.row,
    rendering::RENDER_WORKER_JOBS.row,
    rendering::RENDER_SANDBOX.row,
    preparing::LEVELS.row,
    preparing::REFINE.row,
    preparing::FIRST_ANSWER_MS.row,
    preparing::PREPARED_FORMATS.row,
    rendering::RENDITION_CACHE_BYTES.row,
    rendering::RENDITION_MEMORY_BYTES.row,
    fetching::FETCH_PRIVATE_NETWORKS.row,
    fetching::FETCH_PORTS.row,
    fetching::FETCH_TIMEOUT.row,
    fetching::FETCH_CONCURRENCY.row,
    fetching::REMOTE_ORIGINS.row,
    fetching::ZONE_ORIGIN.row,
    fetching::REMOTE_MAX_BYTES.row,
    fetching::REMOTE_CACHE_BYTES.row,
    limits::QUOTA_IMAGES.row,
    limits::QUOTA_BYTES.row,
    limits::QUOTA_RENDERS_PER_MINUTE.row,
    limits::FAILED_LOGINS_PER_MINUTE.row,
    limits::FAILED_SIGNATURES_PER_MINUTE.row,
    limits::MIN_FREE_BYTES.row,
    LOG_FORMAT.row,
    LOG_LEVEL.row,
];

pub(super) const DATA: Setting<PathBuf> = Setting {
    row: Row {
        name: "data",
        default: Fallback::Is("./safelight-data"),
        form: Form::Text,
        allowed: "the path of a folder",
        about: "Folder for everything that is stored; it is made if missing and closed to other users.",
    },
    parse: |text| (!text.is_empty()).then(|| PathBuf::from(text)),
};

pub(super) const PUBLIC_URL: Setting<Url> = Setting {
    row: Row {
        name: "public-url",
        default: Fallback::Derived { example: "https://images.example.com" },
        form: Form::Text,
        allowed: "http:// or https:// with host and port, without user, path and query",
        about: "Start of every delivery URL in answers. Unless given, it follows the address that is listened on.",
    },
    parse: public_url,
};

pub(super) const MAX_UPLOAD_BYTES: Setting<u64> = Setting {
    row: Row {
        name: "max-upload-bytes",
        default: Fallback::Is("10000000"),
        form: Form::Number,
        allowed: "a whole number of bytes from 1 to 536870912",
        about: "Largest upload.",
    },
    // No worker takes more.
    parse: |text| in_range(text, 1..=sealed::MAX_BYTES),
};

pub(super) const COMPAT: Setting<Compat> = Setting {
    row: Row {
        name: "compat",
        default: Fallback::Is("extended"),
        form: Form::Text,
        allowed: "extended or strict",
        about: "Whether what Cloudflare refuses and Safelight can do is allowed (private images with custom ids or with options in URLs, and all options in named variants).",
    },
    parse: compat,
};

pub(super) const UNKNOWN_IMAGES: Setting<UnknownImagePolicy> = Setting {
    row: Row {
        name: "unknown-images",
        default: Fallback::Is("as-private"),
        form: Form::Text,
        allowed: "as-private or not-found",
        about: "What unsigned requests for images that do not exist are told: the same as for private ones, or 404 as Cloudflare does.",
    },
    parse: unknown_images,
};

pub(super) const TRUSTED_PROXIES: Setting<Vec<IpNet>> = Setting {
    row: Row {
        name: "trusted-proxies",
        default: Fallback::Is(""),
        form: Form::List,
        allowed: "networks such as 10.0.0.0/8 or single addresses",
        about: "Peers whose X-Forwarded-For header is believed.",
    },
    parse: networks,
};

pub(super) const MAX_CONNECTIONS: Setting<usize> = Setting {
    row: Row {
        name: "max-connections",
        default: Fallback::Is("1024"),
        form: Form::Number,
        allowed: "a whole number from 1 to 1000000",
        about: "Connections open at once; further ones wait.",
    },
    parse: |text| in_range(text, 1..=1_000_000),
};

pub(super) const HEADER_TIMEOUT: Setting<Duration> = Setting {
    row: Row {
        name: "header-timeout",
        default: Fallback::Is("10s"),
        form: Form::Text,
        allowed: "a duration of 1s to 1h",
        about: "Time for the head of a request to arrive whole.",
    },
    parse: up_to_an_hour,
};

pub(super) const BODY_TIMEOUT: Setting<Duration> = Setting {
    row: Row {
        name: "body-timeout",
        default: Fallback::Is("30s"),
        form: Form::Text,
        allowed: "a duration of 1s to 1h",
        about: "Longest pause within the body of a request.",
    },
    parse: up_to_an_hour,
};

pub(super) const IDLE_TIMEOUT: Setting<Duration> = Setting {
    row: Row {
        name: "idle-timeout",
        default: Fallback::Is("60s"),
        form: Form::Text,
        allowed: "a duration of 1s to 1h",
        about: "Longest time without a byte read or written, after which a connection is closed.",
    },
    parse: up_to_an_hour,
};

pub(super) const MAX_HEADERS: Setting<usize> = Setting {
    row: Row {
        name: "max-headers",
        default: Fallback::Is("100"),
        form: Form::Number,
        allowed: "a whole number from 10 to 1000",
        about: "Headers in a request.",
    },
    parse: |text| in_range(text, 10..=1000),
};

pub(super) const MAX_HEAD_BYTES: Setting<usize> = Setting {
    row: Row {
        name: "max-head-bytes",
        default: Fallback::Is("32768"),
        form: Form::Number,
        allowed: "a whole number of bytes from 8192 to 1048576",
        about: "Length of the head of a request.",
    },
    parse: |text| in_range(text, 8192..=1_048_576),
};

pub(super) const SHUTDOWN_TIMEOUT: Setting<Duration> = Setting {
    row: Row {
        name: "shutdown-timeout",
        default: Fallback::Is("30s"),
        form: Form::Text,
        allowed: "a duration of 1s to 1h",
        about: "Time that requests in flight get to finish when the server stops.",
    },
    parse: up_to_an_hour,
};

pub(super) const LOG_FORMAT: Setting<LogFormat> = Setting {
    row: Row {
        name: "log-format",
        default: Fallback::Is("text"),
        form: Form::Text,
        allowed: "text or json",
        about: "Form of the log lines on standard error.",
    },
    parse: log_format,
};

pub(super) const LOG_LEVEL: Setting<LevelFilter> = Setting {
    row: Row {
        name: "log-level",
        default: Fallback::Is("info"),
        form: Form::Text,
        allowed: "off, error, warn, info, debug or trace",
        about: "Least serious level that is logged.",
    },
    parse: log_level,
};

impl Row {
    /// The name in the environment.
    pub fn variable(&self) -> String {
        format!("SAFELIGHT_{}", self.name.replace('-', "_").to_ascii_uppercase())
    }

    /// The name in the file.
    pub fn key(&self) -> String {
        self.name.replace('-', "_")
    }
}

/// A configuration file that sets every setting to its default, with what is allowed beside it.
pub fn documented_defaults() -> String {
    let mut text =
        "# Settings of Safelight. Flags win over variables, variables over this file.\n".to_owned();
    text.push_str("# Secrets are not set here but by SAFELIGHT_API_TOKEN, SAFELIGHT_SIGNING_KEY,\n");
    text.push_str(
        "# SAFELIGHT_ACCOUNT_ID and SAFELIGHT_ACCOUNT_HASH, or files named by the same with _FILE.\n",
    );
    for row in &ROWS {
        let (mark, value) = match row.default {
            Fallback::Is(value) => ("", value),
            Fallback::Derived { example } => ("# ", example),
        };
        let value = match row.form {
            Form::Number => value.to_owned(),
            Form::NumberOrWord if value.bytes().all(|b| b.is_ascii_digit()) => value.to_owned(),
            Form::Text | Form::NumberOrWord => format!("{value:?}"),
            Form::List if value.is_empty() => "[]".to_owned(),
            Form::List => format!("{:?}", value.split(',').collect::<Vec<_>>()),
        };
        let (about, allowed, key) = (row.about, row.allowed, row.key());
        let (flag, variable) = (row.name, row.variable());
        text.push_str(&format!(
            "\n# {about}\n# Allowed: {allowed}.\n# Also --{flag} and {variable}.\n{mark}{key} = {value}\n"
        ));
    }
    text
}

pub(super) fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// Decimal digits alone, so that no sign or space slips through.
pub(super) fn in_range<T: FromStr + PartialOrd>(text: &str, range: RangeInclusive<T>) -> Option<T> {
    let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()?;
    range.contains(&number).then_some(number)
}

pub(super) fn up_to_an_hour(text: &str) -> Option<Duration> {
    duration::parse(text).filter(|duration| *duration <= Duration::from_secs(3_600))
}

pub(super) fn public_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let origin_alone = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    // A dot segment would be resolved away, so the text itself may hold no path either.
    let bare = text
        .trim_end_matches('/')
        .split_once("://")
        .is_some_and(|(_, rest)| !rest.contains(['/', '\\', '@']));
    (origin_alone && bare).then_some(url)
}

/// A setting that is on or off.
#[derive(Clone, Copy, Debug)]
pub(super) enum Switch {
    On,
    Off,
}

pub(super) fn switch(text: &str) -> Option<Switch> {
    match text {
        "on" => Some(Switch::On),
        "off" => Some(Switch::Off),
        _ => None,
    }
}

fn compat(text: &str) -> Option<Compat> {
    match text {
        "extended" => Some(Compat::Extended),
        "strict" => Some(Compat::Strict),
        _ => None,
    }
}

fn unknown_images(text: &str) -> Option<UnknownImagePolicy> {
    match text {
        "as-private" => Some(UnknownImagePolicy::AsPrivate),
        "not-found" => Some(UnknownImagePolicy::NotFound),
        _ => None,
    }
}

pub(super) fn networks(text: &str) -> Option<Vec<IpNet>> {
    let network = |text: &str| {
        let text = text.trim();
        parsed(text).or_else(|| parsed::<IpAddr>(text).map(IpNet::from))
    };
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(network).collect()
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

fn log_level(text: &str) -> Option<LevelFilter> {
    match text {
        "off" => Some(LevelFilter::OFF),
        "error" => Some(LevelFilter::ERROR),
        "warn" => Some(LevelFilter::WARN),
        "info" => Some(LevelFilter::INFO),
        "debug" => Some(LevelFilter::DEBUG),
        "trace" => Some(LevelFilter::TRACE),
        _ => None,
    }
}
