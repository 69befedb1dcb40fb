//! The settings of what is fetched from elsewhere.

use super::table::{Fallback, Form, Row, Setting, in_range, networks, public_url, up_to_an_hour};
use super::{SettingsError, Values};
use crate::config::{FetchConfig, RemoteConfig};
use ipnet::IpNet;
use safelight_domain::origin::AllowedOrigin;
use std::time::Duration;
use url::Url;

/// Time to resolve, connect and agree on TLS: three lost packets and their repetition fit.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for the next bytes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

pub(super) fn fetch(values: &Values) -> Result<FetchConfig, SettingsError> {
    Ok(FetchConfig {
        private_networks: values.required(&FETCH_PRIVATE_NETWORKS)?,
        ports: values.required(&FETCH_PORTS)?,
        timeout: values.required(&FETCH_TIMEOUT)?,
        connect_timeout: CONNECT_TIMEOUT,
        idle_timeout: IDLE_TIMEOUT,
        concurrent: values.required(&FETCH_CONCURRENCY)?,
    })
}

pub(super) fn remote(values: &Values) -> Result<RemoteConfig, SettingsError> {
    Ok(RemoteConfig {
        origins: values.required(&REMOTE_ORIGINS)?,
        zone: values.get(&ZONE_ORIGIN)?,
        max_bytes: values.required(&REMOTE_MAX_BYTES)?,
        cache_bytes: values.required(&REMOTE_CACHE_BYTES)?,
    })
}

pub(super) const FETCH_PRIVATE_NETWORKS: Setting<Vec<IpNet>> = Setting {
    row: Row {
        name: "fetch-private-networks",
        default: Fallback::Is(""),
        form: Form::List,
        allowed: "networks such as 10.0.0.0/8 or single addresses",
        about: "Networks that images are fetched from though they are not public. Everyone who may upload by URL reaches them. Metadata services of clouds must be named as single addresses.",
    },
    parse: networks,
};

pub(super) const FETCH_PORTS: Setting<Vec<u16>> = Setting {
    row: Row {
        name: "fetch-ports",
        default: Fallback::Is("80,443"),
        form: Form::List,
        allowed: "ports from 1 to 65535",
        about: "Ports that images are fetched from.",
    },
    parse: |text| text.split(',').map(|port| in_range(port.trim(), 1..=u16::MAX)).collect(),
};

pub(super) const FETCH_TIMEOUT: Setting<Duration> = Setting {
    row: Row {
        name: "fetch-timeout",
        default: Fallback::Is("30s"),
        form: Form::Text,
        allowed: "a duration of 1s to 1h",
        about: "Time for one image to be fetched, with all redirects.",
    },
    parse: up_to_an_hour,
};

pub(super) const FETCH_CONCURRENCY: Setting<usize> = Setting {
    row: Row {
        name: "fetch-concurrency",
        default: Fallback::Is("32"),
        form: Form::Number,
        allowed: "a whole number from 1 to 1000",
        about: "Images that are fetched at once; further ones are refused with 503. Each may take up to its limit on disk meanwhile.",
    },
    parse: |text| in_range(text, 1..=1000),
};

pub(super) const REMOTE_ORIGINS: Setting<Vec<AllowedOrigin>> = Setting {
    row: Row {
        name: "remote-origins",
        default: Fallback::Is(""),
        form: Form::List,
        allowed: "hosts such as example.com, *.example.com (and the domain itself) or * (any), each with a path after it if only what is below that is meant",
        about: "Where remote images (/cdn-cgi/image/) may come from. Redirects from there are followed to any public address. None unless given.",
    },
    parse: origins,
};

pub(super) const ZONE_ORIGIN: Setting<Url> = Setting {
    row: Row {
        name: "zone-origin",
        default: Fallback::Derived { example: "https://www.example.com" },
        form: Form::Text,
        allowed: "http:// or https:// with host and port, without user, path and query",
        about: "Where remote images are whose source is a path. Unless given, such sources are refused. An address that is not public must be opened by fetch-private-networks too, and its port by fetch-ports.",
    },
    parse: public_url,
};

pub(super) const REMOTE_MAX_BYTES: Setting<u64> = Setting {
    row: Row {
        name: "remote-max-bytes",
        default: Fallback::Is("100000000"),
        form: Form::Number,
        allowed: "a whole number of bytes from 1 to 500000000",
        about: "Largest source of a remote image.",
    },
    parse: |text| in_range(text, 1..=500_000_000),
};

pub(super) const REMOTE_CACHE_BYTES: Setting<usize> = Setting {
    row: Row {
        name: "remote-cache-bytes",
        default: Fallback::Is("67108864"),
        form: Form::Number,
        allowed: "a whole number of bytes from 0 to 1000000000000",
        about: "Most bytes of remote images, half for sources and half for what is made of them; they are kept in memory alone, and one may take a sixteenth of it.",
    },
    parse: |text| in_range(text, 0..=1_000_000_000_000),
};

fn origins(text: &str) -> Option<Vec<AllowedOrigin>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(|entry| AllowedOrigin::parse(entry.trim())).collect()
}
