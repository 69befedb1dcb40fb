//! Named variants.

use crate::app::App;
use crate::catalog::InsertError;
use crate::http::auth::AccountCaller;
use crate::http::envelope::{Success, empty, json_body};
use crate::http::error::ApiError;
use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use safelight_domain::transform::{Blur, Fit, MetadataPolicy, Side, Transform, TransformError};
use safelight_domain::variant::{BrowserTtl, MAX_VARIANTS, Variant, VariantAccess, VariantName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A variant on the wire.
#[derive(Serialize)]
pub(super) struct VariantBody {
    id: String,
    options: OptionsBody,
    #[serde(rename = "neverRequireSignedURLs")]
    never_require_signed_urls: bool,
}

/// `result` of most endpoints here.
#[derive(Serialize)]
pub(super) struct One {
    variant: VariantBody,
}

/// `result` of the list: a map, not an array.
#[derive(Serialize)]
pub(super) struct All {
    variants: BTreeMap<String, VariantBody>,
}

/// `options` on the wire, in both directions; what is left out takes its default.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionsBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    fit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blur: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    browser_ttl: Option<u64>,
}

/// Body of POST.
#[derive(Deserialize)]
struct CreateBody {
    id: String,
    options: OptionsBody,
    #[serde(rename = "neverRequireSignedURLs")]
    never_require_signed_urls: Option<bool>,
}

/// Body of PATCH: `options` replaces all options.
#[derive(Deserialize)]
struct UpdateBody {
    options: Option<OptionsBody>,
    #[serde(rename = "neverRequireSignedURLs")]
    never_require_signed_urls: Option<bool>,
}

/// `GET …/v1/variants`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<All>, ApiError> {
    let variants = app.catalog.variants(caller.account()).await?;
    let variants = variants.iter().map(|v| (v.name.as_str().to_owned(), body_of(v)));
    Ok(Success(All { variants: variants.collect() }))
}

/// `POST …/v1/variants`
pub(super) async fn create(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    body: Body,
) -> Result<Success<One>, ApiError> {
    let body: CreateBody = json_body(body).await?;
    let name = VariantName::parse(&body.id).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let (transform, browser_ttl) = parse_options(&body.options)?;
    let access = access(body.never_require_signed_urls.unwrap_or(false));
    let variant = Variant { name, transform, browser_ttl, access };
    let answer = One { variant: body_of(&variant) };
    match app.catalog.insert_variant(caller.account(), variant).await {
        Ok(()) => Ok(Success(answer)),
        Err(InsertError::Exists) => {
            Err(ApiError::new(StatusCode::CONFLICT, 5409, "A variant with this name exists already"))
        }
        Err(InsertError::Full) => {
            Err(ApiError::bad_request(format!("an account may have at most {MAX_VARIANTS} variants")))
        }
        Err(InsertError::Catalog(error)) => Err(error.into()),
    }
}

/// `GET …/v1/variants/{id}`
pub(super) async fn get(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<One>, ApiError> {
    Ok(Success(One { variant: body_of(&find(&app, &caller, &id).await?) }))
}

/// `GET …/v1/variants/{id}/flat`
pub(super) async fn get_flat(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<VariantBody>, ApiError> {
    Ok(Success(body_of(&find(&app, &caller, &id).await?)))
}

/// `PATCH …/v1/variants/{id}`
pub(super) async fn update(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
    body: Body,
) -> Result<Success<One>, ApiError> {
    let body: UpdateBody = json_body(body).await?;
    let mut variant = find(&app, &caller, &id).await?;
    if let Some(options) = &body.options {
        (variant.transform, variant.browser_ttl) = parse_options(options)?;
    }
    if let Some(never) = body.never_require_signed_urls {
        variant.access = access(never);
    }
    let answer = One { variant: body_of(&variant) };
    if !app.catalog.update_variant(caller.account(), variant).await? {
        return Err(not_found());
    }
    Ok(Success(answer))
}

/// `DELETE …/v1/variants/{id}`; `public` cannot be deleted.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    Path((_, id)): Path<(String, String)>,
) -> Result<Success<Value>, ApiError> {
    if id == VariantName::PUBLIC {
        return Err(ApiError::bad_request("the variant 'public' cannot be deleted"));
    }
    let name = VariantName::parse(&id).map_err(|_| not_found())?;
    if !app.catalog.delete_variant(caller.account(), &name).await? {
        return Err(not_found());
    }
    Ok(empty())
}

async fn find(app: &App, caller: &safelight_domain::token::Caller, id: &str) -> Result<Variant, ApiError> {
    let name = VariantName::parse(id).map_err(|_| not_found())?;
    app.catalog.find_variant(caller.account(), &name).await?.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, 5401, "Variant not found")
}

fn access(never_require_signed_urls: bool) -> VariantAccess {
    if never_require_signed_urls { VariantAccess::AlwaysPublic } else { VariantAccess::FollowImage }
}

fn parse_options(options: &OptionsBody) -> Result<(Transform, Option<BrowserTtl>), ApiError> {
    let refused = |error: TransformError| ApiError::bad_request(error.to_string());
    let defaults = Transform::default();
    let transform = Transform {
        fit: options.fit.as_deref().map_or(Ok(defaults.fit), Fit::parse).map_err(refused)?,
        width: options.width.map(Side::parse).transpose().map_err(refused)?,
        height: options.height.map(Side::parse).transpose().map_err(refused)?,
        blur: options.blur.map_or(Ok(defaults.blur), Blur::parse).map_err(refused)?,
        metadata: options
            .metadata
            .as_deref()
            .map_or(Ok(defaults.metadata), MetadataPolicy::parse)
            .map_err(refused)?,
    };
    let browser_ttl = options.browser_ttl.map(BrowserTtl::parse).transpose();
    Ok((transform, browser_ttl.map_err(|error| ApiError::bad_request(error.to_string()))?))
}

fn body_of(variant: &Variant) -> VariantBody {
    let transform = &variant.transform;
    let side = |side: Option<Side>| side.map(|side| u64::from(side.pixels()));
    VariantBody {
        id: variant.name.as_str().to_owned(),
        options: OptionsBody {
            fit: Some(transform.fit.as_str().to_owned()),
            metadata: Some(transform.metadata.as_str().to_owned()),
            width: side(transform.width),
            height: side(transform.height),
            blur: Some(transform.blur.strength()),
            browser_ttl: variant.browser_ttl.map(|ttl| u64::from(ttl.seconds())),
        },
        never_require_signed_urls: variant.access == VariantAccess::AlwaysPublic,
    }
}
