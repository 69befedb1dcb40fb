//! Where an account wants to be told of direct uploads, below `/safelight/v1`.

use crate::app::App;
use crate::catalog::Webhook;
use crate::fetch::Target;
use crate::http::auth::AccountCaller;
use crate::http::envelope::{Success, empty, json_body};
use crate::http::error::ApiError;
use crate::webhooks::{Message, tell};
use axum::body::Body;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Longest address in bytes.
const MAX_URL_BYTES: usize = 2_048;
/// Longest secret in bytes.
const MAX_SECRET_BYTES: usize = 256;

/// A webhook on the wire. Its secret is never shown.
#[derive(Serialize)]
pub(super) struct WebhookBody {
    url: String,
    has_secret: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetBody {
    url: String,
    secret: Option<String>,
}

/// `GET /safelight/v1/accounts/{account_id}/webhook`
pub(super) async fn get(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<WebhookBody>, ApiError> {
    Ok(Success(body_of(&app.catalog.webhook(caller.account()).await?.ok_or_else(none)?)))
}

/// `PUT /safelight/v1/accounts/{account_id}/webhook`: in place of any other. A secret that is left
/// out is none.
pub(super) async fn set(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    body: Body,
) -> Result<Success<WebhookBody>, ApiError> {
    let webhook = json_body::<SetBody>(body).await?.parsed()?;
    let answer = body_of(&webhook);
    app.catalog.set_webhook(caller.account(), webhook).await?;
    Ok(Success(answer))
}

/// `DELETE /safelight/v1/accounts/{account_id}/webhook`: what waits for it is lost.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<Value>, ApiError> {
    if app.catalog.delete_webhook(caller.account()).await? { Ok(empty()) } else { Err(none()) }
}

/// `POST /safelight/v1/accounts/{account_id}/webhook/test`: sends a message now.
pub(super) async fn test(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<Value>, ApiError> {
    let webhook = app.catalog.webhook(caller.account()).await?.ok_or_else(none)?;
    let message = Message::test(caller.account(), app.clock.now_ms());
    tell(&app.fetch, &webhook, &message)
        .await
        .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, 5454, error.to_string()))?;
    Ok(empty())
}

impl SetBody {
    fn parsed(self) -> Result<Webhook, ApiError> {
        let target = Target::parse(&self.url)
            .ok()
            .filter(|target| self.url.len() <= MAX_URL_BYTES && target.authorization().is_none())
            .ok_or_else(|| {
                ApiError::bad_request(format!(
                    "url must be an http or https URL of at most {MAX_URL_BYTES} bytes without user and password"
                ))
            })?;
        let secret = self.secret.filter(|secret| !secret.is_empty());
        let visible = |secret: &String| {
            secret.len() <= MAX_SECRET_BYTES && secret.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !secret.as_ref().is_none_or(visible) {
            return Err(ApiError::bad_request(format!(
                "secret must be at most {MAX_SECRET_BYTES} visible ASCII characters without spaces"
            )));
        }
        Ok(Webhook { url: target.url().clone(), secret })
    }
}

fn body_of(webhook: &Webhook) -> WebhookBody {
    WebhookBody { url: webhook.url.as_str().to_owned(), has_secret: webhook.secret.is_some() }
}

fn none() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, 5404, "The account has no webhook")
}
