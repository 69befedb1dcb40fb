//! The settings of what is fetched from elsewhere.

use super::table::{Fallback, Form, Row, Setting, in_range, networks, up_to_an_hour};
use super::{SettingsError, Values};
use crate::config::FetchConfig;
use ipnet::IpNet;
use std::time::Duration;

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
