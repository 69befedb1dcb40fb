//! Signing keys. Their values need the scope `sign`.

use crate::app::App;
use crate::catalog::{InsertError, InsertKeyError, MAX_KEYS};
use crate::http::auth::{AccountCaller, AnyCaller};
use crate::http::envelope::{Success, json_body};
use crate::http::error::ApiError;
use crate::http::images::rfc3339;
use crate::random;
use crate::usage::{Span, Width, series};
use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use safelight_domain::account::AccountId;
use safelight_domain::signature::{KeyError, KeyName, SigningKey};
use safelight_domain::token::Scope;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// `result` of every endpoint here.
#[derive(Serialize)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    name: String,
    value: String,
}

/// `GET …/v1/keys`: needs the scope `sign` alone, so that a signer's token can do nothing else.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    AnyCaller(caller): AnyCaller,
) -> Result<Success<Keys>, ApiError> {
    caller.require(Scope::Sign)?;
    all(&app, caller.account()).await
}

/// `PUT …/v1/keys/{name}`: makes a key with a random value. A key that exists stays as it is.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, name)): Path<(String, String)>,
) -> Result<Success<Keys>, ApiError> {
    caller.require(Scope::Sign)?;
    match insert(&app, caller.account(), &name, None).await? {
        Made::New | Made::Before => all(&app, caller.account()).await,
    }
}

enum Made {
    New,
    /// A key of the name was there, and is as it was.
    Before,
}

async fn insert(
    app: &App,
    account: &AccountId,
    name: &str,
    replaces: Option<KeyName>,
) -> Result<Made, ApiError> {
    let key = random_key(KeyName::parse(name).map_err(bad_key)?)?;
    let refused = match app.catalog.insert_key(account, key, app.clock.now_ms(), replaces).await {
        Ok(()) => return Ok(Made::New),
        Err(refused) => refused,
    };
    match refused {
        InsertKeyError::Insert(InsertError::Exists) => Ok(Made::Before),
        InsertKeyError::Insert(InsertError::Full) => {
            Err(ApiError::bad_request(format!("an account may have at most {MAX_KEYS} signing keys")))
        }
        InsertKeyError::Insert(InsertError::Catalog(error)) => Err(error.into()),
        InsertKeyError::NothingToReplace => {
            Err(ApiError::bad_request("replaces must be the name of a key of the account"))
        }
    }
}

/// `result` of what is told of keys without their values.
#[derive(Serialize)]
pub(super) struct KnownKeys {
    keys: Vec<KnownKeyBody>,
}

#[derive(Serialize)]
struct KnownKeyBody {
    name: String,
    created: String,
    last_used: Option<String>,
    requests_last_day: u64,
    replaces: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    name: String,
    replaces: Option<String>,
}

/// `GET /safelight/v1/accounts/{account_id}/keys`: needs the scope `read` or `sign`, since it shows no value.
pub(super) async fn known(
    State(app): State<Arc<App>>,
    AnyCaller(caller): AnyCaller,
) -> Result<Success<KnownKeys>, ApiError> {
    if caller.require(Scope::Sign).is_err() {
        caller.require(Scope::Read)?;
    }
    all_known(&app, caller.account()).await
}

/// `POST /safelight/v1/accounts/{account_id}/keys`: makes a key, perhaps in place of another. Both are accepted
/// until the other is deleted.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    body: Body,
) -> Result<Success<KnownKeys>, ApiError> {
    caller.require(Scope::Sign)?;
    let account = caller.account();
    let NewKey { name, replaces } = json_body(body).await?;
    let replaces = replaces.map(|name| KeyName::parse(&name)).transpose().map_err(bad_key)?;
    match insert(&app, account, &name, replaces).await? {
        Made::New => all_known(&app, account).await,
        Made::Before => Err(ApiError::new(StatusCode::CONFLICT, 5409, "A key with this name exists already")),
    }
}

async fn all_known(app: &App, account: &AccountId) -> Result<Success<KnownKeys>, ApiError> {
    let (from, to) = Span::last_day(app, Width::FiveMinutes);
    let span = Span::new(from, to, Width::FiveMinutes).map_err(ApiError::bad_request)?;
    let used = series(app, account, span).await?.keys;
    let keys = app.catalog.known_keys(account).await?.into_iter().map(|key| KnownKeyBody {
        requests_last_day: used.get(key.name.as_str()).map_or(0, |counts| counts.iter().sum()),
        name: key.name.as_str().to_owned(),
        created: rfc3339(key.created_ms),
        last_used: key.used_ms.map(rfc3339),
        replaces: key.replaces.map(|name| name.as_str().to_owned()),
    });
    Ok(Success(KnownKeys { keys: keys.collect() }))
}

/// `DELETE …/v1/keys/{name}`: every URL signed with it stops working at once. When it was the last
/// one, a new `default` is made.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, name)): Path<(String, String)>,
) -> Result<Success<Keys>, ApiError> {
    caller.require(Scope::Sign)?;
    let name = KeyName::parse(&name).map_err(bad_key)?;
    let replacement = random_key(KeyName::parse(KeyName::DEFAULT).map_err(bad_key)?)?;
    // A new key of the name begins at nothing.
    app.usage.flush_account(&app, caller.account()).await?;
    if !app.catalog.delete_key(caller.account(), &name, replacement, app.clock.now_ms()).await? {
        return Err(ApiError::key_not_found());
    }
    all(&app, caller.account()).await
}

async fn all(app: &App, account: &AccountId) -> Result<Success<Keys>, ApiError> {
    let keys = app.catalog.keys(account).await?;
    let keys = keys.iter().map(|k| Key { name: k.name().as_str().to_owned(), value: k.value().to_owned() });
    Ok(Success(Keys { keys: keys.collect() }))
}

fn random_key(name: KeyName) -> Result<SigningKey, ApiError> {
    SigningKey::new(name, random::secret()).map_err(bad_key)
}

fn bad_key(error: KeyError) -> ApiError {
    ApiError::bad_request(error.to_string())
}
