//! Signing keys. Their values need the scope `sign`.

use crate::app::App;
use crate::catalog::InsertError;
use crate::http::auth::{AccountCaller, AnyCaller};
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::random;
use axum::extract::{Path, State};
use http::StatusCode;
use safelight_domain::account::AccountId;
use safelight_domain::signature::{KeyError, KeyName, SigningKey};
use safelight_domain::token::Scope;
use serde::Serialize;
use std::sync::Arc;

/// Most keys an account may have: each costs every forged link one HMAC.
const MAX_KEYS: usize = 20;

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
    let account = caller.account();
    let key = random_key(KeyName::parse(&name).map_err(bad_key)?)?;
    let keys = app.catalog.keys(account).await?;
    if keys.len() >= MAX_KEYS && !keys.iter().any(|stored| stored.name() == key.name()) {
        return Err(ApiError::bad_request(format!("an account may have at most {MAX_KEYS} signing keys")));
    }
    match app.catalog.insert_key(account, key).await {
        Ok(()) | Err(InsertError::Exists) => all(&app, account).await,
        Err(InsertError::Full) => Err(ApiError::bad_request("the account has too many signing keys")),
        Err(InsertError::Catalog(error)) => Err(error.into()),
    }
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
    if !app.catalog.delete_key(caller.account(), &name, replacement).await? {
        return Err(ApiError::new(StatusCode::NOT_FOUND, 5404, "Key not found"));
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
