//! Settings of an account.

use crate::app::App;
use crate::catalog::{AccountConfig, ConfigChanges, FlexibleVariants};
use crate::http::auth::AccountCaller;
use crate::http::envelope::{Success, json_body};
use crate::http::error::ApiError;
use axum::body::Body;
use axum::extract::State;
use safelight_domain::variant::{BrowserTtl, BrowserTtlError};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Settings on the wire, each as it is in force.
#[derive(Serialize)]
pub(super) struct ConfigBody {
    browser_ttl: u32,
    flexible_variants: bool,
    /// Always false: the engine removes content credentials.
    preserve_content_credentials: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateBody {
    #[serde(default, deserialize_with = "present")]
    browser_ttl: Option<Value>,
    flexible_variants: Option<bool>,
    preserve_content_credentials: Option<bool>,
}

/// Tells `"browser_ttl": null` (back to the default) from no `browser_ttl` at all.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// `GET …/v1/config`
pub(super) async fn get(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<ConfigBody>, ApiError> {
    Ok(Success(body_of(app.catalog.account_config(caller.account()).await?)))
}

/// `PATCH …/v1/config`: what is left out stays, and a refused body changes nothing.
pub(super) async fn update(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    body: Body,
) -> Result<Success<ConfigBody>, ApiError> {
    let body: UpdateBody = json_body(body).await?;
    if body.preserve_content_credentials == Some(true) {
        return Err(ApiError::bad_request(
            "preserve_content_credentials must be false: content credentials are always removed",
        ));
    }
    let changes = ConfigChanges {
        flexible_variants: body
            .flexible_variants
            .map(|on| if on { FlexibleVariants::On } else { FlexibleVariants::Off }),
        browser_ttl: body.browser_ttl.map(parse_ttl).transpose()?,
        ..ConfigChanges::default()
    };
    Ok(Success(body_of(app.catalog.update_account_config(caller.account(), changes).await?)))
}

fn parse_ttl(value: Value) -> Result<Option<BrowserTtl>, ApiError> {
    if value.is_null() {
        return Ok(None);
    }
    let seconds = value.as_u64().ok_or_else(|| ApiError::bad_request(BrowserTtlError))?;
    BrowserTtl::parse(seconds).map(Some).map_err(ApiError::bad_request)
}

fn body_of(config: AccountConfig) -> ConfigBody {
    ConfigBody {
        browser_ttl: config.browser_ttl.unwrap_or(BrowserTtl::DEFAULT).seconds(),
        flexible_variants: config.flexible_variants == FlexibleVariants::On,
        preserve_content_credentials: false,
    }
}
