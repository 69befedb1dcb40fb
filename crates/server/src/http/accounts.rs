//! What Cloudflare has no API for, below `/safelight/v1`: accounts, tokens, and who one is.

use crate::app::App;
use crate::bootstrap::new_account;
use crate::catalog::{Account, InsertError};
use crate::config::FirstAccount;
use crate::http::auth::{AccountCaller, Presented};
use crate::http::client;
use crate::http::envelope::{Success, empty, json_body};
use crate::http::error::ApiError;
use crate::http::images::rfc3339;
use crate::random;
use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use http::request::Parts;
use safelight_domain::token::{Role, Scope, TokenHash, TokenRecord};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// `result` of [`whoami`].
#[derive(Serialize)]
pub(super) struct WhoAmI {
    account_id: String,
    account_hash: String,
    scopes: Vec<&'static str>,
    instance_admin: bool,
    public_url: String,
    /// Who asks, as far as the server knows.
    client_address: Option<String>,
    /// Whether a trusted proxy says so.
    client_forwarded: bool,
}

/// An account on the wire; `token` only in the answer that makes it.
#[derive(Serialize)]
pub(super) struct AccountBody {
    id: String,
    hash: String,
    name: String,
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// A token on the wire; `token` (its secret) only in the answer that makes it.
#[derive(Serialize)]
pub(super) struct TokenBody {
    id: String,
    name: String,
    scopes: Vec<&'static str>,
    instance_admin: bool,
    created: String,
    last_used: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateAccount {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateToken {
    name: String,
    scopes: Vec<String>,
}

/// `GET /safelight/v1/whoami`: the token's own account.
pub(super) async fn whoami(
    State(app): State<Arc<App>>,
    presented: Presented,
    head: Parts,
) -> Result<Success<WhoAmI>, ApiError> {
    let client = client::address(&app, &head.extensions, &head.headers);
    let record = &presented.record;
    let account = app.catalog.find_account(&record.account).await?;
    let account = account.ok_or(safelight_domain::token::Refusal::OtherAccount)?;
    Ok(Success(WhoAmI {
        account_id: account.id.as_str().to_owned(),
        account_hash: account.hash.as_str().to_owned(),
        scopes: record.scopes.iter().map(|scope| scope.as_str()).collect(),
        instance_admin: record.role == Role::InstanceAdmin,
        public_url: crate::http::images::public_origin(&app),
        client_address: client.map(|client| client.to_string()),
        client_forwarded: client::is_forwarded(&app, &head.extensions, &head.headers),
    }))
}

/// `GET /safelight/v1/accounts` (instance admin)
pub(super) async fn list(
    State(app): State<Arc<App>>,
    presented: Presented,
) -> Result<Success<Vec<AccountBody>>, ApiError> {
    presented.require_instance_admin(Scope::Read)?;
    let accounts = app.catalog.accounts().await?;
    Ok(Success(accounts.into_iter().map(|account| account_body(account, None)).collect()))
}

/// `POST /safelight/v1/accounts` (instance admin): makes an account with its key, variant and token.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    presented: Presented,
    body: Body,
) -> Result<Success<AccountBody>, ApiError> {
    presented.require_instance_admin(Scope::Write)?;
    let name = checked_name(json_body::<CreateAccount>(body).await?.name)?;
    let token = random::secret();
    let new = new_account(&name, Role::Member, &FirstAccount::default(), &token, app.clock.now_ms())
        .map_err(|error| ApiError::internal(error.as_ref()))?;
    let account = new.account.clone();
    match app.catalog.create_account(new).await {
        Ok(()) => Ok(Success(account_body(account, Some(token)))),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

/// `GET /safelight/v1/accounts/{account_id}/tokens`
pub(super) async fn list_tokens(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<Vec<TokenBody>>, ApiError> {
    let tokens = app.catalog.tokens(caller.account()).await?;
    Ok(Success(tokens.iter().map(|token| token_body(token, None)).collect()))
}

/// `POST /safelight/v1/accounts/{account_id}/tokens`: a token with no more scopes than the caller's.
pub(super) async fn create_token(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    body: Body,
) -> Result<Success<TokenBody>, ApiError> {
    let body: CreateToken = json_body(body).await?;
    let scopes = parse_scopes(&body.scopes)?;
    for scope in &scopes {
        caller.require(*scope)?;
    }
    let secret = random::secret();
    let record = TokenRecord {
        id: random::hex_id(),
        account: caller.account().clone(),
        name: checked_name(body.name)?,
        hash: TokenHash::of(&secret),
        scopes,
        role: Role::Member,
        created_ms: app.clock.now_ms(),
        used_ms: None,
    };
    let answer = token_body(&record, Some(secret));
    match app.catalog.insert_token(record).await {
        Ok(()) => Ok(Success(answer)),
        Err(InsertError::Full) => Err(ApiError::bad_request("the account has too many tokens")),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

/// `DELETE /safelight/v1/accounts/{account_id}/tokens/{token_id}`: it stops working at once. A token
/// that may do more than the caller cannot be deleted by it.
pub(super) async fn delete_token(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<Value>, ApiError> {
    let not_found = || ApiError::new(StatusCode::NOT_FOUND, 5404, "Token not found");
    let tokens = app.catalog.tokens(caller.account()).await?;
    let token = tokens.iter().find(|token| token.id == id).ok_or_else(not_found)?;
    for scope in &token.scopes {
        caller.require(*scope)?;
    }
    if token.role == Role::InstanceAdmin {
        caller.require_instance_admin()?;
    }
    if !app.catalog.delete_token(caller.account(), &id).await? {
        return Err(not_found());
    }
    Ok(empty())
}

fn parse_scopes(words: &[String]) -> Result<Vec<Scope>, ApiError> {
    let refused = || ApiError::bad_request("scopes must be one or more of read, write, sign");
    if words.is_empty() {
        return Err(refused());
    }
    let given =
        words.iter().map(|word| Scope::parse(word).ok_or_else(refused)).collect::<Result<Vec<_>, _>>()?;
    Ok(Scope::ALL.into_iter().filter(|scope| given.contains(scope)).collect())
}

fn checked_name(name: String) -> Result<String, ApiError> {
    let good = (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if good {
        Ok(name)
    } else {
        Err(ApiError::bad_request("name must have 1 to 100 characters, none of them control characters"))
    }
}

fn account_body(account: Account, token: Option<String>) -> AccountBody {
    AccountBody {
        id: account.id.as_str().to_owned(),
        hash: account.hash.as_str().to_owned(),
        name: account.name,
        created: rfc3339(account.created_ms),
        token,
    }
}

fn token_body(record: &TokenRecord, token: Option<String>) -> TokenBody {
    TokenBody {
        id: record.id.clone(),
        name: record.name.clone(),
        scopes: record.scopes.iter().map(|scope| scope.as_str()).collect(),
        instance_admin: record.role == Role::InstanceAdmin,
        created: rfc3339(record.created_ms),
        last_used: record.used_ms.map(rfc3339),
        token,
    }
}
