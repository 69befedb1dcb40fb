//! Where a catalog on a server is.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use thiserror::Error;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A PostgreSQL database: `postgres://user:password@host:port/database?sslrootcert=/path/to/authorities.pem`.
#[derive(Clone)]
pub struct PostgresAddress {
    config: Box<Config>,
    /// The authorities that are trusted in the place of Mozilla's list.
    authorities: Option<PathBuf>,
}

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
    #[error(
        "a host elsewhere, and one with sslrootcert, is spoken to by TLS alone, so not with sslmode=disable or sslmode=prefer"
    )]
    Plain,
}

/// Why TLS to a database cannot be spoken.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file that `sslrootcert` names.
    #[error("sslrootcert: {path} cannot be read as certificates in PEM")]
    File {
        /// As given.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// One of them is no authority, or there is none.
    #[error("sslrootcert: {path} has no certificate of an authority")]
    NoAuthority {
        /// As given.
        path: PathBuf,
    },
    /// The library refuses.
    #[error("TLS cannot be set up")]
    Library(#[from] rustls::Error),
}

/// As `libpq` has it: a file of certificates.
const AUTHORITIES: &str = "sslrootcert";

impl PostgresAddress {
    /// Parses a URL. Hosts elsewhere are spoken to by TLS alone, with a certificate that the lists of Mozilla vouch for,
    /// or the authorities in the file that `sslrootcert` names. This machine is spoken to without TLS, unless either
    /// parameter asks for it: what Debian's server has for a certificate nobody vouches for.
    pub fn parse(text: &str) -> Result<PostgresAddress, PostgresAddressError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Err(PostgresAddressError::Incomplete);
        }
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (own, others): (Vec<&str>, Vec<&str>) = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .partition(|pair| pair.split('=').next() == Some(AUTHORITIES));
        let rest =
            if others.is_empty() { address.to_owned() } else { format!("{address}?{}", others.join("&")) };
        let mut config = Config::from_str(&rest).map_err(PostgresAddressError::Syntax)?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(PostgresAddressError::Incomplete);
        }
        // A plus is one in these URLs.
        let file = own.last().map(|pair| pair.replace('+', "%2B"));
        let authorities = file.and_then(|pair| {
            let (_, path) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
            Some(PathBuf::from(path.into_owned()))
        });
        // Config cannot tell a mode that was asked for from its own default.
        let asks_for = |mode: &str| others.iter().any(|pair| *pair == format!("sslmode={mode}"));
        if !config.get_hosts().iter().all(is_here) || authorities.is_some() {
            if asks_for("disable") || asks_for("prefer") {
                return Err(PostgresAddressError::Plain);
            }
            config.ssl_mode(SslMode::Require);
        } else if !asks_for("require") {
            config.ssl_mode(SslMode::Disable);
        }
        config.application_name("safelight");
        Ok(PostgresAddress { config: Box::new(config), authorities })
    }

    /// The same with another password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> PostgresAddress {
        self.config.password(password);
        self
    }

    /// Whether both name the same database in the same way; who asks does not matter.
    pub fn is_same(&self, other: &PostgresAddress) -> bool {
        let place = |config: &Config| {
            (config.get_hosts().to_vec(), config.get_ports().to_vec(), config.get_dbname().map(str::to_owned))
        };
        place(&self.config) == place(&other.config)
    }

    /// What a client needs.
    pub(crate) fn config(&self) -> Config {
        (*self.config).clone()
    }

    /// TLS with the authorities that are trusted. Reads their file.
    pub(crate) fn tls(&self) -> Result<MakeRustlsConnect, TlsError> {
        let mut trusted = RootCertStore::empty();
        match &self.authorities {
            None => trusted.roots = webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            Some(path) => {
                let unreadable = |source| TlsError::File { path: path.clone(), source };
                for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                    let no_authority = |_| TlsError::NoAuthority { path: path.clone() };
                    trusted.add(certificate.map_err(unreadable)?).map_err(no_authority)?;
                }
                if trusted.is_empty() {
                    return Err(TlsError::NoAuthority { path: path.clone() });
                }
            }
        }
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(MakeRustlsConnect::new(config.with_root_certificates(trusted).with_no_client_auth()))
    }
}

impl std::fmt::Debug for PostgresAddress {
    // Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PostgresAddress({:?}, {:?})", self.config.get_hosts(), self.config.get_dbname())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_elsewhere_have_tls() {
        let mode = |text: &str| PostgresAddress::parse(text).map(|address| address.config.get_ssl_mode());
        for (text, expected) in [
            ("postgres://u:p@db.example/safelight", SslMode::Require),
            ("postgres://u@127.0.0.1:5433/x", SslMode::Disable),
            ("postgres://u@localhost/x?sslmode=disable", SslMode::Disable),
            ("postgres://u@localhost/x?sslmode=require", SslMode::Require),
            ("postgres://u@localhost/x?sslrootcert=/a.pem", SslMode::Require),
            ("postgres://u@%2Frun%2Fpostgresql/x", SslMode::Disable),
        ] {
            assert_eq!(mode(text).expect("an address"), expected, "{text}");
        }
        for text in [
            "db.example/x?sslmode=disable",
            "db.example/x?sslmode=prefer",
            "[::1]/x?sslmode=disable&sslrootcert=/a",
        ] {
            let plain = mode(&format!("postgres://u:p@{text}"));
            assert!(matches!(plain, Err(PostgresAddressError::Plain)), "{text}");
        }
        for text in ["", "mysql://u@h/x", "postgres:///x", "postgres://u@h"] {
            assert!(matches!(mode(text), Err(PostgresAddressError::Incomplete)), "{text}");
        }
        assert!(matches!(mode("postgres://u@h/x?odd=1"), Err(PostgresAddressError::Syntax(_))));
    }

    #[test]
    fn authorities_of_ones_own_are_read_from_a_file() {
        let address = |query: &str| PostgresAddress::parse(&format!("postgres://u@db.example/x?{query}"));
        let parsed = address("connect_timeout=3&sslrootcert=%2Fa%20b/c+d.pem").expect("an address");
        assert_eq!(parsed.authorities, Some(PathBuf::from("/a b/c+d.pem")));
        let missing = parsed.tls().err();
        assert!(matches!(missing, Some(TlsError::File { .. })), "{missing:?}");

        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("none.pem");
        for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&file, text).expect("written");
            let refused =
                address(&format!("sslrootcert={}", file.display())).expect("an address").tls().err();
            assert!(matches!(refused, Some(TlsError::NoAuthority { .. })), "{refused:?}");
        }
    }

    #[test]
    fn databases_are_told_apart_by_host_port_and_name() {
        let parse = |text| PostgresAddress::parse(text).expect("an address");
        let one = parse("postgres://u:p@localhost:5432/x");
        assert!(one.is_same(&parse("postgres://other@localhost:5432/x")));
        for other in [
            "postgres://u:p@localhost:5433/x",
            "postgres://u:p@localhost:5432/y",
            "postgres://u:p@127.0.0.1:5432/x",
        ] {
            assert!(!one.is_same(&parse(other)), "{other}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let address = PostgresAddress::parse("postgres://u:hidden@db.example/x").expect("an address");
        assert!(!format!("{address:?}").contains("hidden"));
    }
}
