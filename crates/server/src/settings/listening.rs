//! The settings of where the server listens, and what is there.

use super::table::{Fallback, Form, Row, Setting, Switch, in_range, parsed, switch};
use super::{SettingsError, Values};
use crate::config::{Dashboard, TlsFiles};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

pub(super) fn dashboard(values: &Values) -> Result<Dashboard, SettingsError> {
    let apart = values.get(&DASHBOARD_LISTEN)?;
    Ok(match values.required(&DASHBOARD)? {
        Switch::Off => Dashboard::Off,
        Switch::On => apart.map_or(Dashboard::WithManagement, Dashboard::Apart),
    })
}

pub(super) fn tls(values: &Values) -> Result<Option<TlsFiles>, SettingsError> {
    match (values.get(&TLS_CERTIFICATE)?, values.get(&TLS_KEY)?) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(SettingsError::Alone { given: TLS_CERTIFICATE.row.name, missing: TLS_KEY.row.name })
        }
        (None, Some(_)) => {
            Err(SettingsError::Alone { given: TLS_KEY.row.name, missing: TLS_CERTIFICATE.row.name })
        }
    }
}

pub(super) const LISTEN: Setting<SocketAddr> = Setting {
    row: Row {
        name: "listen",
        default: Fallback::Is("127.0.0.1:8787"),
        form: Form::Text,
        allowed: "an IP address and a port, for instance 127.0.0.1:8787",
        about: "Address of delivery, and of the management API and the dashboard unless admin-listen is set. Port 0 takes a free one.",
    },
    parse: parsed,
};

pub(super) const ADMIN_LISTEN: Setting<SocketAddr> = Setting {
    row: Row {
        name: "admin-listen",
        default: Fallback::Derived { example: "127.0.0.1:8788" },
        form: Form::Text,
        allowed: "an IP address and a port, for instance 127.0.0.1:8788",
        about: "Address of the management API, the health checks and the dashboard, when they shall not share the address of delivery.",
    },
    parse: parsed,
};

pub(super) const DASHBOARD: Setting<Switch> = Setting {
    row: Row {
        name: "dashboard",
        default: Fallback::Is("on"),
        form: Form::Text,
        allowed: "on or off",
        about: "Whether the dashboard is served, and browsers can log in to it.",
    },
    parse: switch,
};

pub(super) const DASHBOARD_LISTEN: Setting<SocketAddr> = Setting {
    row: Row {
        name: "dashboard-listen",
        default: Fallback::Derived { example: "127.0.0.1:8789" },
        form: Form::Text,
        allowed: "an IP address and a port, for instance 127.0.0.1:8789",
        about: "Address of the dashboard, with the management API that it uses, when it shall share none of the others.",
    },
    parse: parsed,
};

pub(super) const METRICS_LISTEN: Setting<SocketAddr> = Setting {
    row: Row {
        name: "metrics-listen",
        default: Fallback::Derived { example: "9187" },
        form: Form::Text,
        allowed: "a port, for 127.0.0.1, or an IP address and a port, for instance 10.0.0.5:9187",
        about: "Address of GET /metrics without a token, and of nothing else: whoever reaches it reads it. Without it, /metrics is in the management API alone.",
    },
    parse: port_or_address,
};

pub(super) const TLS_CERTIFICATE: Setting<PathBuf> = Setting {
    row: Row {
        name: "tls-certificate",
        default: Fallback::Derived { example: "/etc/safelight/fullchain.pem" },
        form: Form::Text,
        allowed: "the path of a file, and tls-key given too",
        about: "File of a certificate with its chain in PEM; with it every address speaks TLS. When the file changes, new connections get what it holds then.",
    },
    parse: path,
};

pub(super) const TLS_KEY: Setting<PathBuf> = Setting {
    row: Row {
        name: "tls-key",
        default: Fallback::Derived { example: "/etc/safelight/privkey.pem" },
        form: Form::Text,
        allowed: "the path of a file, and tls-certificate given too",
        about: "File of the certificate's private key in PEM, which nobody but the server's user should be able to read.",
    },
    parse: path,
};

/// A port alone is loopback's, so that who writes the least opens the least.
fn port_or_address(text: &str) -> Option<SocketAddr> {
    let port = in_range(text, 1..=65_535_u32).and_then(|port| u16::try_from(port).ok());
    port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port))).or_else(|| parsed(text))
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}
