//! What was done to an image, below `/safelight/v1`.

use crate::app::App;
use crate::http::auth::AccountCaller;
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::images::rfc3339;
use crate::http::search::image_parameter;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// `result` of [`show`], newest first.
#[derive(Serialize)]
pub(super) struct HistoryBody {
    events: Vec<EventBody>,
}

#[derive(Serialize)]
struct EventBody {
    at: String,
    action: &'static str,
    by: String,
    changes: Value,
}

/// `GET /safelight/v1/accounts/{account_id}/history`: also of an image that is gone.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    RawQuery(query): RawQuery,
) -> Result<Success<HistoryBody>, ApiError> {
    let id = image_parameter(query.as_deref().unwrap_or(""), "image")?;
    let events = app.catalog.history(caller.account(), &id).await?;
    if events.is_empty() && app.catalog.find_image(caller.account(), &id).await?.is_none() {
        return Err(ApiError::image_not_found());
    }
    let events = events.into_iter().map(|event| EventBody {
        at: rfc3339(event.at_ms),
        action: event.action.as_str(),
        by: event.by,
        changes: event.changes,
    });
    Ok(Success(HistoryBody { events: events.collect() }))
}
