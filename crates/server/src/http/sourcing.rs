//! Sources of the Sourcing Kit: buckets that images may come from.

use crate::app::App;
use crate::catalog::{BucketPlace, BucketSource, DeletedSource, InsertError, MAX_SOURCES};
use crate::fetch::Target;
use crate::http::auth::AccountCaller;
use crate::http::envelope::{Success, empty, json_body};
use crate::http::error::ApiError;
use crate::http::images::rfc3339;
use crate::import::{Unreadable, aws_endpoint, check_bucket, region_of_bucket};
use crate::random;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use http::StatusCode;
use safelight_domain::account::AccountId;
use safelight_domain::sourcing::{SourcingId, Vendor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use url::Url;

/// Longest name of a source, and of a bucket, in characters (Cloudflare's limits).
const MAX_NAME_CHARS: usize = 128;
/// Longest text of a secret in bytes; session tokens have some two thousand.
const MAX_SECRET_BYTES: usize = 8_192;
/// Longest endpoint in bytes.
const MAX_ENDPOINT_BYTES: usize = 2_048;
/// Entries of a list when nothing is said, and at most (Cloudflare's).
const DEFAULT_LIMIT: u32 = 25;
const MAX_LIMIT: u32 = 100;
/// Longest text that is looked for in names, in bytes.
const MAX_FILTER_BYTES: usize = 512;
/// What stores that are not AWS are told unless another region is given, as clients do.
const USUAL_REGION: &str = "us-east-1";

/// Body of POST, of a check without the name.
#[derive(Deserialize)]
struct PlaceBody {
    name: Option<String>,
    bucket: String,
    vendor: String,
    /// Read by hand, so that no error repeats it.
    secret: Value,
    account: Option<String>,
    region: Option<String>,
    /// Ours: a store that is not AWS.
    endpoint: Option<String>,
}

#[derive(Deserialize)]
struct RenameBody {
    name: String,
}

/// A source on the wire. Its secret is never shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SourceBody {
    id: String,
    name: String,
    bucket: String,
    vendor: &'static str,
    region: Option<String>,
    /// Ours: of a store that is not AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    created_at: String,
    updated_at: String,
}

/// `result` of the list.
#[derive(Serialize)]
pub(super) struct Sources {
    sources: Vec<SourceBody>,
}

/// `result` of a check.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connectivity {
    connectivity_status: &'static str,
    code: Option<&'static str>,
    reason: Option<String>,
}

/// `POST …/v2/sourcingkit/sources`: the bucket is read before the source is kept.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    body: Body,
) -> Result<Success<SourceBody>, ApiError> {
    let body: PlaceBody = json_body(body).await?;
    let name = name(body.name.clone().unwrap_or_default())?;
    let (vendor, place) = place(&app, body).await?;
    check_bucket(&app, &place).await.map_err(unreadable)?;
    let now_ms = app.clock.now_ms();
    let source = BucketSource {
        id: SourcingId::from_random(random::bytes()),
        account: caller.account().clone(),
        name,
        vendor,
        place,
        created_ms: now_ms,
        updated_ms: now_ms,
    };
    match app.catalog.insert_source(source.clone()).await {
        Ok(()) => Ok(Success(body_of(source))),
        Err(InsertError::Full) => Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            5429,
            format!("an account may have at most {MAX_SOURCES} sources: delete one"),
        )),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

/// `GET …/v2/sourcingkit/sources`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    RawQuery(query): RawQuery,
) -> Result<Success<Sources>, ApiError> {
    let Range { offset, limit, name } = range(query.as_deref())?;
    let sources = app.catalog.sources(caller.account(), &name, offset, limit).await?;
    Ok(Success(Sources { sources: sources.into_iter().map(body_of).collect() }))
}

/// `GET …/v2/sourcingkit/sources/{source_id}`
pub(super) async fn get(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<SourceBody>, ApiError> {
    Ok(Success(body_of(find(&app, caller.account(), &id).await?)))
}

/// `PATCH …/v2/sourcingkit/sources/{source_id}`: another name.
pub(super) async fn rename(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
    body: Body,
) -> Result<Success<SourceBody>, ApiError> {
    let body: RenameBody = json_body(body).await?;
    let (id, now_ms) = (SourcingId::named(&id), app.clock.now_ms());
    let renamed = app.catalog.rename_source(caller.account(), &id, name(body.name)?, now_ms).await?;
    renamed.map(|source| Success(body_of(source))).ok_or_else(source_not_found)
}

/// `DELETE …/v2/sourcingkit/sources/{source_id}`: its secret goes too.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<Value>, ApiError> {
    match app.catalog.delete_source(caller.account(), &SourcingId::named(&id)).await? {
        DeletedSource::Deleted => Ok(empty()),
        DeletedSource::Missing => Err(source_not_found()),
        DeletedSource::InUse => Err(ApiError::new(
            StatusCode::CONFLICT,
            5409,
            "a migration that has not ended needs this source: abort it first",
        )),
    }
}

/// `GET …/v2/sourcingkit/sources/{source_id}/connectivity`
pub(super) async fn connectivity(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<Connectivity>, ApiError> {
    let source = find(&app, caller.account(), &id).await?;
    checked(&app, &source.place).await
}

/// `POST …/v2/sourcingkit/sources/connectivity-precheck`: keeps nothing.
pub(super) async fn precheck(
    State(app): State<Arc<App>>,
    AccountCaller(_): AccountCaller,
    body: Body,
) -> Result<Success<Connectivity>, ApiError> {
    let (_, place) = place(&app, json_body(body).await?).await?;
    checked(&app, &place).await
}

async fn checked(app: &App, place: &BucketPlace) -> Result<Success<Connectivity>, ApiError> {
    Ok(Success(match check_bucket(app, place).await {
        Ok(()) => Connectivity { connectivity_status: "ok", code: None, reason: None },
        Err(Unreadable { is_busy: true, .. }) => return Err(ApiError::busy()),
        Err(Unreadable { code, reason, .. }) => {
            Connectivity { connectivity_status: "error", code: Some(code), reason: Some(reason) }
        }
    }))
}

async fn find(app: &App, account: &AccountId, id: &str) -> Result<BucketSource, ApiError> {
    app.catalog.find_source(account, &SourcingId::named(id)).await?.ok_or_else(source_not_found)
}

/// 404/5404 for a source.
pub(super) fn source_not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, 5404, "Source not found")
}

fn unreadable(error: Unreadable) -> ApiError {
    if error.is_busy {
        return ApiError::busy();
    }
    let public = format!("the bucket cannot be read: {} ({})", error.reason, error.code);
    ApiError::new(StatusCode::BAD_REQUEST, 5454, public)
}

fn name(name: String) -> Result<String, ApiError> {
    let good = (1..=MAX_NAME_CHARS).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    good.then_some(name).ok_or_else(|| {
        ApiError::bad_request(format!(
            "name must have 1 to {MAX_NAME_CHARS} characters, none of them a control"
        ))
    })
}

/// Where a bucket is by a body. AWS is asked for the region where none is given.
async fn place(app: &App, body: PlaceBody) -> Result<(Vendor, BucketPlace), ApiError> {
    let vendor = Vendor::parse(&body.vendor);
    let vendor = vendor.ok_or_else(|| ApiError::bad_request("vendor must be s3 or r2"))?;
    let bucket = bucket(body.bucket)?;
    let (access_key_id, secret_access_key, session_token) = secret(&body.secret)?;
    let region = body.region.filter(|region| !region.is_empty()).map(region).transpose()?;
    let endpoint = body.endpoint.as_deref().map(endpoint).transpose()?;
    let account = body.account.filter(|account| !account.is_empty());
    let (endpoint, region) = match (vendor, endpoint) {
        (Vendor::R2, Some(_)) => return Err(ApiError::bad_request("endpoint is for the vendor s3 alone")),
        (Vendor::R2, None) => (r2_endpoint(account.as_deref())?, "auto".to_owned()),
        (Vendor::S3, Some(endpoint)) => (endpoint, region.unwrap_or_else(|| USUAL_REGION.to_owned())),
        (Vendor::S3, None) => {
            let region = match region {
                Some(region) => region,
                None => aws_region(app, &bucket).await?,
            };
            (aws_endpoint(&region).ok_or_else(refused_region)?, region)
        }
    };
    let place = BucketPlace { endpoint, region, bucket, access_key_id, secret_access_key, session_token };
    Ok((vendor, place))
}

fn bucket(bucket: String) -> Result<String, ApiError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let good = (1..=MAX_NAME_CHARS).contains(&bucket.len())
        && bucket.bytes().all(allowed)
        && bucket.bytes().any(|b| b.is_ascii_alphanumeric());
    good.then_some(bucket).ok_or_else(|| {
        ApiError::bad_request(format!(
            "bucket must be 1 to {MAX_NAME_CHARS} letters, digits, '-', '.' and '_'"
        ))
    })
}

fn secret(value: &Value) -> Result<(String, String, Option<String>), ApiError> {
    let visible = |text: &str| {
        (1..=MAX_SECRET_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    };
    let text =
        |name: &str| value.get(name).and_then(Value::as_str).filter(|text| visible(text)).map(str::to_owned);
    let token = match value.get("sessionToken") {
        None | Some(Value::Null) => Ok(None),
        Some(_) => text("sessionToken").map(Some).ok_or(()),
    };
    match (text("accessKeyId"), text("secretAccessKey"), token) {
        // A slash would end the name in a signature.
        (Some(id), Some(key), Ok(token)) if !id.contains(['/', ',']) => Ok((id, key, token)),
        _ => Err(ApiError::bad_request(format!(
            "secret must have accessKeyId and secretAccessKey, and may have sessionToken: texts of 1 to \
             {MAX_SECRET_BYTES} visible ASCII characters without spaces"
        ))),
    }
}

fn refused_region() -> ApiError {
    ApiError::bad_request("region must be 1 to 64 lower-case letters, digits and '-', such as eu-central-1")
}

fn region(region: String) -> Result<String, ApiError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let good = (1..=64).contains(&region.len()) && region.bytes().all(allowed);
    good.then_some(region).ok_or_else(refused_region)
}

async fn aws_region(app: &App, bucket: &str) -> Result<String, ApiError> {
    let found = region_of_bucket(app, bucket).await.map(region).transpose().ok().flatten();
    found.ok_or_else(|| {
        ApiError::bad_request("AWS does not say in which region the bucket is: give its region")
    })
}

fn r2_endpoint(account: Option<&str>) -> Result<Url, ApiError> {
    let account = account.and_then(|account| AccountId::parse(account).ok());
    let url = account.map(|account| format!("https://{}.r2.cloudflarestorage.com", account.as_str()));
    url.and_then(|url| Url::parse(&url).ok())
        .ok_or_else(|| ApiError::bad_request("account must be the 32 hexadecimal digits of R2's account"))
}

fn endpoint(text: &str) -> Result<Url, ApiError> {
    Target::parse(text)
        .ok()
        .filter(|target| text.len() <= MAX_ENDPOINT_BYTES && target.authorization().is_none())
        .map(|target| target.url().clone())
        .filter(|url| url.path() == "/" && url.query().is_none() && !text.contains('#'))
        .ok_or_else(|| {
            ApiError::bad_request(format!(
                "endpoint must be an http or https URL of at most {MAX_ENDPOINT_BYTES} bytes without user, \
                 password, path and query, such as https://s3.example.com"
            ))
        })
}

fn body_of(source: BucketSource) -> SourceBody {
    let BucketPlace { endpoint, region, bucket, .. } = source.place;
    let is_own = source.vendor == Vendor::S3 && aws_endpoint(&region).as_ref() != Some(&endpoint);
    SourceBody {
        id: source.id.as_str().to_owned(),
        name: source.name,
        bucket,
        vendor: source.vendor.as_str(),
        region: (source.vendor == Vendor::S3).then_some(region),
        endpoint: is_own.then(|| endpoint.as_str().trim_end_matches('/').to_owned()),
        created_at: rfc3339(source.created_ms),
        updated_at: rfc3339(source.updated_ms),
    }
}

/// Which entries of a list are wanted.
pub(super) struct Range {
    pub(super) offset: u64,
    pub(super) limit: u32,
    /// In the names of sources.
    name: String,
}

/// Reads `offset` and `limit`, and `name`.
pub(super) fn range(query: Option<&str>) -> Result<Range, ApiError> {
    let mut range = Range { offset: 0, limit: DEFAULT_LIMIT, name: String::new() };
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "offset" => {
                let offset = value.parse().ok().filter(|offset| *offset <= 1_000_000_000);
                range.offset = offset.ok_or_else(|| {
                    ApiError::bad_request("offset must be a whole number from 0 to 1000000000")
                })?;
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                range.limit = limit.ok_or_else(|| {
                    ApiError::bad_request(format!("limit must be a whole number from 1 to {MAX_LIMIT}"))
                })?;
            }
            "name" if value.len() > MAX_FILTER_BYTES => {
                return Err(ApiError::bad_request(format!("name may have at most {MAX_FILTER_BYTES} bytes")));
            }
            "name" => range.name = value.into_owned(),
            _ => {}
        }
    }
    Ok(range)
}
