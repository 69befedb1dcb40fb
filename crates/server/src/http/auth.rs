//! Who calls the management API.

use crate::app::App;
use crate::http::error::ApiError;
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use safelight_domain::account::AccountId;
use safelight_domain::token::{Caller, Refusal, Scope, TokenHash, TokenRecord, authenticate};
use std::sync::Arc;

/// The token that a request presents, as stored.
pub(super) struct Presented {
    /// Its record.
    pub record: TokenRecord,
    text: String,
}

impl Presented {
    /// The right to act for `account`.
    pub(super) fn caller(&self, account: &AccountId) -> Result<Caller, ApiError> {
        Ok(authenticate(&self.text, Some(&self.record), account)?)
    }
}

impl FromRequestParts<Arc<App>> for Presented {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Presented, ApiError> {
        let text = token_text(&parts.headers).ok_or(Refusal::Unauthenticated)?;
        let record = app.catalog.find_token(&TokenHash::of(text)).await?.ok_or(Refusal::Unauthenticated)?;
        Ok(Presented { record, text: text.to_owned() })
    }
}

/// A caller for the `{account_id}` in the path, whatever its scopes: the endpoint demands them.
pub(super) struct AnyCaller(pub Caller);

impl FromRequestParts<Arc<App>> for AnyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<AnyCaller, ApiError> {
        let presented = Presented::from_request_parts(parts, app).await?;
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| ApiError::bad_request("the path must be percent-encoded UTF-8"))?;
        let (_, id) = params.iter().find(|(name, _)| *name == "account_id").ok_or(Refusal::OtherAccount)?;
        let account = AccountId::parse(id).map_err(|_| Refusal::OtherAccount)?;
        let caller = presented.caller(&account)?;
        // An instance admin's token passes for any id, so the account must be shown to exist.
        if presented.record.account != account && app.catalog.find_account(&account).await?.is_none() {
            return Err(Refusal::OtherAccount.into());
        }
        Ok(AnyCaller(caller))
    }
}

/// A caller with the scope that the request's method needs: `read` for GET and HEAD, `write` for
/// the rest.
pub(super) struct AccountCaller(pub Caller);

impl FromRequestParts<Arc<App>> for AccountCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<AccountCaller, ApiError> {
        let AnyCaller(caller) = AnyCaller::from_request_parts(parts, app).await?;
        caller.require(match parts.method {
            Method::GET | Method::HEAD => Scope::Read,
            _ => Scope::Write,
        })?;
        Ok(AccountCaller(caller))
    }
}

/// `Authorization: Bearer <token>`, or `X-Auth-Key: <token>` as older clients send it.
fn token_text(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
    }
    headers.get("x-auth-key")?.to_str().ok().map(str::trim)
}
