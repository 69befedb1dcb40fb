//! Tokens of the batch API. Its paths are those of images below `/images`, without an account.

use crate::app::App;
use crate::catalog::{InsertError, MAX_BATCH_TOKENS};
use crate::http::auth::{AccountCaller, Presented};
use crate::http::envelope::Success;
use crate::http::error::ApiError;
use crate::http::images::rfc3339;
use crate::random;
use axum::extract::State;
use http::StatusCode;
use safelight_domain::token::{BATCH_TOKEN_MS, BatchToken, TokenHash, batch_scopes};
use serde::Serialize;
use std::sync::Arc;

/// `result` of [`create`].
#[derive(Serialize)]
pub(super) struct TokenBody {
    token: String,
    #[serde(rename = "expiresAt")]
    expires_at: String,
}

/// `GET …/v1/batch_token`: a fresh one each time.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    presented: Presented,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<TokenBody>, ApiError> {
    let secret = random::secret();
    let now_ms = app.clock.now_ms();
    let expires_ms = now_ms.saturating_add(BATCH_TOKEN_MS);
    let token = BatchToken {
        account: caller.account().clone(),
        parent: presented.record.id,
        hash: TokenHash::of(&secret),
        scopes: batch_scopes(&caller),
        expires_ms,
    };
    match app.catalog.insert_batch_token(token, now_ms).await {
        Ok(()) => Ok(Success(TokenBody { token: secret, expires_at: rfc3339(expires_ms) })),
        Err(InsertError::Full) => Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            5429,
            format!(
                "an account may have at most {MAX_BATCH_TOKENS} batch tokens at a time: use them for their hour"
            ),
        )),
        Err(error) => Err(ApiError::internal(&error)),
    }
}
