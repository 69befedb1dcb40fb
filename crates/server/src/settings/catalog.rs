//! The settings of where the catalog is, and of what is served while it cannot be reached.

use super::secrets::{Secret, secret};
use super::table::{Fallback, Form, Row, Setting};
use super::{Environment, SettingsError, Values, duration};
use crate::catalog::PostgresAddress;
use crate::config::Database;
use std::time::Duration;

/// Parsed apart from the others, whose errors show the value: there may be a password in it.
pub(super) const DATABASE: Row = Row {
    name: "database",
    default: Fallback::Derived { example: "postgres://safelight@db.example.com/safelight" },
    form: Form::Text,
    allowed: "postgres://USER:PASSWORD@HOST:PORT/DATABASE",
    about: "PostgreSQL database for the catalog, which any number of nodes may share (docs/nodes.md). Its password is \
            better in the variable SAFELIGHT_DATABASE_PASSWORD than here. A file in the data folder unless given.",
};

/// How long what was public is served on.
#[derive(Clone, Copy)]
pub(super) struct OnLoss(Duration);

pub(super) const ON_CATALOG_LOSS: Setting<OnLoss> = Setting {
    row: Row {
        name: "on-catalog-loss",
        default: Fallback::Is("60s"),
        form: Form::Text,
        allowed: "refuse, or a duration from 2s to 1d",
        about: "How long a node that cannot reach the database goes on serving from its caches what it last knew to be \
                public. What is private it refuses after two seconds; refuse does the same with everything.",
    },
    parse: |text| match text {
        "refuse" => Some(OnLoss(Duration::ZERO)),
        text => {
            let range = Duration::from_secs(2)..=Duration::from_secs(86_400);
            duration::parse(text).filter(|time| range.contains(time)).map(OnLoss)
        }
    },
};

/// Where the catalog is.
pub(super) fn database(values: &Values, environment: &Environment) -> Result<Database, SettingsError> {
    let password = secret(environment, Secret::DatabasePassword)?;
    let Some((text, from)) = values.text(&DATABASE) else {
        return match password {
            None => Ok(Database::File),
            Some(_) => Err(SettingsError::Alone {
                given: Secret::DatabasePassword.variable(),
                missing: DATABASE.name,
            }),
        };
    };
    let refused = |why| SettingsError::Database { from: from.to_owned(), why, allowed: DATABASE.allowed };
    let address = PostgresAddress::parse(text).map_err(refused)?;
    Ok(Database::Postgres(match password {
        Some((password, _)) => address.with_password(&password),
        None => address,
    }))
}

/// How long what was public is served on without the catalog.
pub(super) fn public_without_catalog(values: &Values) -> Result<Duration, SettingsError> {
    values.required(&ON_CATALOG_LOSS).map(|OnLoss(time)| time)
}
