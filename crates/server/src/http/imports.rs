//! Imports of an account, below `/safelight/v1`.

use crate::app::App;
use crate::catalog::{
    Import, ImportFailure, ImportFrom, ImportItem, InsertError, MAX_FAILURES, MAX_RUNNING_IMPORTS, NewImport,
    RemoteAccount,
};
use crate::fetch::Target;
use crate::http::auth::AccountCaller;
use crate::http::envelope::{Success, empty, json_body_within};
use crate::http::error::ApiError;
use crate::http::images::{privacy, rfc3339};
use crate::ingest::filename_in;
use crate::random;
use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use safelight_domain::account::AccountId;
use safelight_domain::image::{ImageId, Metadata};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use url::Url;

/// Most URLs of an import.
const MAX_URLS: usize = 10_000;
/// Largest body in bytes: as many URLs of 400 bytes fit.
const MAX_BODY_BYTES: usize = 4 << 20;
/// Longest token of a source in bytes.
const MAX_TOKEN_BYTES: usize = 1_024;
/// Longest address of an API in bytes.
const MAX_API_BYTES: usize = 2_048;
/// Failures of each import that a list shows, so that it stays small.
const LISTED_FAILURES: u32 = 10;
/// Where Cloudflare's own API is.
const CLOUDFLARE: &str = "https://api.cloudflare.com/client/v4";

/// Body of POST.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum CreateBody {
    Urls {
        urls: Vec<UrlBody>,
        #[serde(default, rename = "requireSignedURLs")]
        require_signed_urls: bool,
    },
    Cloudflare {
        api: Option<String>,
        account_id: String,
        token: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UrlBody {
    url: String,
    id: Option<String>,
}

/// An import on the wire. The token of its source is never shown.
#[derive(Serialize)]
pub(super) struct ImportBody {
    id: String,
    kind: &'static str,
    source: String,
    state: &'static str,
    total: Option<u64>,
    imported: u64,
    skipped: u64,
    failed: u64,
    created: String,
    finished: Option<String>,
    message: Option<String>,
    /// The newest first.
    failures: Vec<FailureBody>,
}

#[derive(Serialize)]
struct FailureBody {
    source: String,
    message: String,
}

/// `result` of the list.
#[derive(Serialize)]
pub(super) struct All {
    imports: Vec<ImportBody>,
}

/// `POST /safelight/v1/accounts/{account_id}/imports`: it begins within a second.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    body: Body,
) -> Result<Success<ImportBody>, ApiError> {
    let body: CreateBody = json_body_within(body, MAX_BODY_BYTES).await?;
    let (source, from) = match body {
        CreateBody::Urls { urls, require_signed_urls } => from_urls(&app, urls, require_signed_urls)?,
        CreateBody::Cloudflare { api, account_id, token } => from_account(api, &account_id, token)?,
    };
    let id = random::hex_id();
    let import = NewImport {
        id: id.clone(),
        account: caller.account().clone(),
        source,
        from,
        created_ms: app.clock.now_ms(),
    };
    match app.catalog.insert_import(import).await {
        Ok(()) => Ok(Success(find(&app, caller.account(), &id).await?)),
        Err(InsertError::Full) => Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            5429,
            format!(
                "an account may have at most {MAX_RUNNING_IMPORTS} imports that run: wait for one, or stop it"
            ),
        )),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

/// `GET /safelight/v1/accounts/{account_id}/imports`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<All>, ApiError> {
    let mut imports = Vec::new();
    for import in app.catalog.imports(caller.account()).await? {
        let failures = app.catalog.import_failures(&import.id, LISTED_FAILURES).await?;
        imports.push(body_of(import, failures));
    }
    Ok(Success(All { imports }))
}

/// `GET /safelight/v1/accounts/{account_id}/imports/{import_id}`
pub(super) async fn get(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<ImportBody>, ApiError> {
    Ok(Success(find(&app, caller.account(), &id).await?))
}

/// `DELETE /safelight/v1/accounts/{account_id}/imports/{import_id}`: stops one that runs, removes one that
/// has ended. What it brought stays.
pub(super) async fn stop(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<Value>, ApiError> {
    let stopped = app.catalog.stop_import(caller.account(), &id, app.clock.now_ms()).await?;
    stopped.map(|_| empty()).ok_or_else(not_found)
}

async fn find(app: &App, account: &AccountId, id: &str) -> Result<ImportBody, ApiError> {
    let import = app.catalog.find_import(account, id).await?.ok_or_else(not_found)?;
    let failures = app.catalog.import_failures(&import.id, MAX_FAILURES).await?;
    Ok(body_of(import, failures))
}

fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, 5404, "Import not found")
}

fn from_urls(
    app: &App,
    urls: Vec<UrlBody>,
    require_signed_urls: bool,
) -> Result<(String, ImportFrom), ApiError> {
    if urls.is_empty() || urls.len() > MAX_URLS {
        return Err(ApiError::bad_request(format!("urls must be a list of 1 to {MAX_URLS}")));
    }
    let mut hosts = BTreeSet::new();
    let mut items = Vec::with_capacity(urls.len());
    for (number, UrlBody { url, id }) in urls.into_iter().enumerate() {
        let refused = |why: String| ApiError::bad_request(format!("urls[{number}]: {why}"));
        let target = Target::parse(&url).map_err(|error| refused(error.to_string()))?;
        let image = match id.filter(|id| !id.is_empty()) {
            Some(id) => {
                ImageId::custom(&id).map_err(|error| refused(format!("the Custom ID is invalid: {error}")))?
            }
            None => app.image_ids.next(),
        };
        let filename = filename_in(target.url());
        hosts.insert(target.url().origin().ascii_serialization());
        items.push(ImportItem {
            number: 0,
            source: url,
            image,
            filename,
            metadata: Metadata::default(),
            creator: None,
            privacy: privacy(require_signed_urls),
        });
    }
    let source = match hosts.pop_first() {
        Some(only) if hosts.is_empty() => only,
        _ => format!("{} origins", hosts.len() + 1),
    };
    Ok((source, ImportFrom::Urls(items)))
}

fn from_account(api: Option<String>, account: &str, token: String) -> Result<(String, ImportFrom), ApiError> {
    let account =
        AccountId::parse(account).map_err(|error| ApiError::bad_request(format!("account_id: {error}")))?;
    let visible = (1..=MAX_TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic());
    if !visible {
        return Err(ApiError::bad_request(format!(
            "token must be 1 to {MAX_TOKEN_BYTES} visible ASCII characters without spaces"
        )));
    }
    let remote = RemoteAccount { api: parse_api(api.as_deref().unwrap_or(CLOUDFLARE))?, account, token };
    let shown = format!("{}/accounts/{}", remote.api.as_str().trim_end_matches('/'), remote.account.as_str());
    Ok((shown, ImportFrom::Cloudflare(remote)))
}

fn parse_api(text: &str) -> Result<Url, ApiError> {
    Target::parse(text)
        .ok()
        .filter(|api| text.len() <= MAX_API_BYTES && api.authorization().is_none() && api.url().query().is_none())
        .map(|api| api.url().clone())
        .ok_or_else(|| {
            ApiError::bad_request(format!(
                "api must be an http or https URL of at most {MAX_API_BYTES} bytes without user, password and \
                 query, such as {CLOUDFLARE}"
            ))
        })
}

fn body_of(import: Import, failures: Vec<ImportFailure>) -> ImportBody {
    let failure = |failure: ImportFailure| FailureBody { source: failure.source, message: failure.message };
    ImportBody {
        id: import.id,
        kind: import.kind.as_str(),
        source: import.source,
        state: import.state.as_str(),
        total: import.total,
        imported: import.imported,
        skipped: import.skipped,
        failed: import.failed,
        created: rfc3339(import.created_ms),
        finished: import.finished_ms.map(rfc3339),
        message: import.message,
        failures: failures.into_iter().map(failure).collect(),
    }
}
