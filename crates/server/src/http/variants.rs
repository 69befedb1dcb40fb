//! Named variants.

use crate::app::App;
use crate::catalog::InsertError;
use crate::http::auth::AccountCaller;
use crate::http::envelope::{Success, empty, json_body};
use crate::http::error::ApiError;
use crate::variant_options::{access, parse};
use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use safelight_domain::options::overlay_fields;
use safelight_domain::variant::{MAX_VARIANTS, Variant, VariantAccess, VariantName};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
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

/// `options` on the wire: `fit`, `metadata`, `width`, `height`, `blur` and `browser_ttl` as Cloudflare
/// has them, every other option of URLs that does not depend on the request, and `draw`, a list of
/// overlays. What is left out takes its default.
type OptionsBody = Map<String, Value>;

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
    let (transform, browser_ttl) = parse(&body.options, app.config.compat).map_err(ApiError::bad_request)?;
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
        (variant.transform, variant.browser_ttl) =
            parse(options, app.config.compat).map_err(ApiError::bad_request)?;
    }
    if let Some(never) = body.never_require_signed_urls {
        variant.access = access(never);
    }
    let answer = One { variant: body_of(&variant) };
    if !app.catalog.update_variant(caller.account(), variant).await? {
        return Err(ApiError::variant_not_found());
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
    let name = VariantName::parse(&id).map_err(|_| ApiError::variant_not_found())?;
    if !app.catalog.delete_variant(caller.account(), &name).await? {
        return Err(ApiError::variant_not_found());
    }
    Ok(empty())
}

async fn find(app: &App, caller: &safelight_domain::token::Caller, id: &str) -> Result<Variant, ApiError> {
    let name = VariantName::parse(id).map_err(|_| ApiError::variant_not_found())?;
    app.catalog.find_variant(caller.account(), &name).await?.ok_or_else(ApiError::variant_not_found)
}

fn body_of(variant: &Variant) -> VariantBody {
    let transform = &variant.transform;
    let mut options = Map::new();
    // Cloudflare's own options come always, the rest where they are not the default.
    options.insert("fit".to_owned(), transform.fit.as_str().into());
    options.insert("metadata".to_owned(), transform.metadata.as_str().into());
    options.insert("blur".to_owned(), transform.blur.strength().into());
    for (key, value) in transform.fields() {
        options.insert(key.to_owned(), json_scalar(value));
    }
    if !transform.draw.is_empty() {
        let drawn = transform.draw.iter().map(|overlay| {
            let fields = overlay_fields(overlay).into_iter();
            // An id is a text, also one that looks like a number.
            let shown = |key, value| if key == "image" { Value::String(value) } else { json_scalar(value) };
            fields.map(|(key, value)| (key.to_owned(), shown(key, value))).collect::<Map<_, _>>()
        });
        options.insert("draw".to_owned(), drawn.map(Value::Object).collect());
    }
    if let Some(ttl) = variant.browser_ttl {
        options.insert("browser_ttl".to_owned(), ttl.seconds().into());
    }
    VariantBody {
        id: variant.name.as_str().to_owned(),
        options,
        never_require_signed_urls: variant.access == VariantAccess::AlwaysPublic,
    }
}

/// Numbers and switches as such.
fn json_scalar(text: String) -> Value {
    match serde_json::from_str(&text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => Value::String(text),
    }
}
