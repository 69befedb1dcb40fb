//! Where a catalog on a server is.

use rustls::{ClientConfig, RootCertStore};
use std::net::IpAddr;
use std::str::FromStr;
use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A PostgreSQL database: `postgres://user:password@host:port/database?sslmode=require`.
#[derive(Clone)]
pub struct PostgresAddress(Box<Config>);

/// Why a text is no address of a database.
#[derive(Debug, Error)]
pub enum PostgresAddressError {
    /// Not the URL of one, or with a parameter that is not known.
    #[error("it has a part or a parameter that is not known")]
    Syntax(#[source] tokio_postgres::Error),
    /// Nothing says where it is.
    #[error("it lacks postgres://, a host or a database")]
    Incomplete,
    /// Passwords and rows would go over the network as they are.
    #[error("a host elsewhere is spoken to by TLS alone, so not with sslmode=disable or sslmode=prefer")]
    Plain,
}

impl PostgresAddress {
    /// Parses a URL. Hosts elsewhere are spoken to by TLS alone, with a certificate that the lists of Mozilla
    /// vouch for; this machine may be spoken to without.
    pub fn parse(text: &str) -> Result<PostgresAddress, PostgresAddressError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(PostgresAddressError::Incomplete);
        }
        let mut config = Config::from_str(text).map_err(PostgresAddressError::Syntax)?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(PostgresAddressError::Incomplete);
        }
        if !config.get_hosts().iter().all(is_here) {
            // Config cannot tell a mode that was asked for from its own default.
            if ["sslmode=disable", "sslmode=prefer"].iter().any(|plain| text.contains(plain)) {
                return Err(PostgresAddressError::Plain);
            }
            config.ssl_mode(SslMode::Require);
        }
        config.application_name("safelight");
        Ok(PostgresAddress(Box::new(config)))
    }

    /// The same with another password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> PostgresAddress {
        self.0.password(password);
        self
    }

    /// What a client needs.
    pub(crate) fn config(&self) -> Config {
        (*self.0).clone()
    }
}

impl std::fmt::Debug for PostgresAddress {
    // Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PostgresAddress({:?}, {:?})", self.0.get_hosts(), self.0.get_dbname())
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

/// TLS with the authorities that Mozilla trusts.
pub(crate) fn tls() -> Result<MakeRustlsConnect, rustls::Error> {
    let authorities = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(MakeRustlsConnect::new(config.with_root_certificates(authorities).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_elsewhere_have_tls() {
        let mode = |text: &str| PostgresAddress::parse(text).map(|address| address.0.get_ssl_mode());
        assert_eq!(mode("postgres://u:p@db.example/safelight").expect("an address"), SslMode::Require);
        assert_eq!(mode("postgres://u@127.0.0.1:5433/x").expect("an address"), SslMode::Prefer);
        assert_eq!(mode("postgres://u@localhost/x?sslmode=disable").expect("an address"), SslMode::Disable);
        assert_eq!(mode("postgres://u@%2Frun%2Fpostgresql/x").expect("an address"), SslMode::Prefer);
        let plain = mode("postgres://u:p@db.example/x?sslmode=disable");
        assert!(matches!(plain, Err(PostgresAddressError::Plain)));
        for text in ["", "mysql://u@h/x", "postgres:///x", "postgres://u@h"] {
            assert!(matches!(mode(text), Err(PostgresAddressError::Incomplete)), "{text}");
        }
        assert!(matches!(mode("postgres://u@h/x?odd=1"), Err(PostgresAddressError::Syntax(_))));
    }

    #[test]
    fn passwords_are_not_shown() {
        let address = PostgresAddress::parse("postgres://u:hidden@db.example/x").expect("an address");
        assert!(!format!("{address:?}").contains("hidden"));
    }
}
