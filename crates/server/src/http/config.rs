//! Settings of an account.

use crate::app::App;
use crate::catalog::FlexibleVariants;
use crate::http::auth::AccountCaller;
use crate::http::envelope::{Success, json_body};
use crate::http::error::ApiError;
use axum::body::Body;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Settings on the wire.
#[derive(Serialize)]
pub(super) struct ConfigBody {
    flexible_variants: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateBody {
    flexible_variants: Option<bool>,
}

/// `GET …/v1/config`
pub(super) async fn get(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<ConfigBody>, ApiError> {
    let setting = app.catalog.flexible_variants(caller.account()).await?;
    Ok(Success(ConfigBody { flexible_variants: setting == FlexibleVariants::On }))
}

/// `PATCH …/v1/config`: what is left out stays.
pub(super) async fn update(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    body: Body,
) -> Result<Success<ConfigBody>, ApiError> {
    let body: UpdateBody = json_body(body).await?;
    if let Some(on) = body.flexible_variants {
        let setting = if on { FlexibleVariants::On } else { FlexibleVariants::Off };
        app.catalog.set_flexible_variants(caller.account(), setting).await?;
    }
    get(State(app), AccountCaller(caller)).await
}
