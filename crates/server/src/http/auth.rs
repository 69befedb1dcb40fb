//! Who calls the management API.

use crate::app::App;
use crate::http::client;
use crate::http::error::ApiError;
use crate::refusals::Cause;
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use safelight_domain::account::AccountId;
use safelight_domain::rate_limit::Client;
use safelight_domain::session::{FetchSite, OpenSession, authenticate_session};
use safelight_domain::token::{
    Caller, Refusal, Scope, TokenHash, TokenRecord, authenticate, authenticate_batch,
};
use std::sync::Arc;

/// The token that a request presents, as stored: by its text, or by a session that it opened.
pub(super) struct Presented {
    /// Its record.
    pub record: TokenRecord,
    proof: Proof,
}

enum Proof {
    Text(String),
    Session(OpenSession),
}

impl Presented {
    /// The right to act for `account`.
    pub(super) fn caller(&self, account: &AccountId) -> Result<Caller, ApiError> {
        Ok(match &self.proof {
            Proof::Text(text) => authenticate(text, Some(&self.record), account)?,
            Proof::Session(session) => session.caller(account)?,
        })
    }

    /// Demands the right to administer the instance, and a scope.
    pub(super) fn require_instance_admin(&self, scope: Scope) -> Result<(), ApiError> {
        let caller = self.caller(&self.record.account)?;
        caller.require_instance_admin()?;
        Ok(caller.require(scope)?)
    }

    /// The session, if it is one.
    pub(super) fn session(&self) -> Option<&OpenSession> {
        match &self.proof {
            Proof::Text(_) => None,
            Proof::Session(session) => Some(session),
        }
    }
}

/// Marks the routes that sessions are good for: those beside the dashboard. Where the mark is missing a
/// cookie is not looked at.
#[derive(Clone, Copy)]
pub(super) struct SessionPath;

/// The cookie with the secret of a session.
pub(super) const COOKIE: &str = "safelight_session";

/// What a page must send with every change.
const CSRF_HEADER: &str = "x-csrf-token";

impl FromRequestParts<Arc<App>> for Presented {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Presented, ApiError> {
        if !has_token(&parts.headers) && parts.extensions.get::<SessionPath>().is_some() {
            let session = open_session(parts, app).await?;
            let record = session.session().token.clone();
            app.catalog.note_token_use(&record, app.clock.now_ms());
            return Ok(Presented { record, proof: Proof::Session(session) });
        }
        let text = token_text(&parts.headers).ok_or(Refusal::Unauthenticated)?;
        let record = app.catalog.find_token(&TokenHash::of(text)).await?;
        let record = record.ok_or_else(|| unknown_token(parts, app))?;
        app.catalog.note_token_use(&record, app.clock.now_ms());
        Ok(Presented { record, proof: Proof::Text(text.to_owned()) })
    }
}

/// The session of the cookie. Browsers send it with what pages of other sites ask for too, so those are
/// refused as far as the browser tells them, and changes need a proof of their own in any case.
async fn open_session(parts: &Parts, app: &App) -> Result<OpenSession, ApiError> {
    let secret = cookie(&parts.headers).ok_or(Refusal::Unauthenticated)?;
    fetch_site(&parts.headers).require_own()?;
    let stored = app.catalog.find_session(&TokenHash::of(secret)).await?;
    let session = authenticate_session(secret, stored, app.clock.now_ms())?;
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        session.require_csrf(parts.headers.get(CSRF_HEADER).map(HeaderValue::as_bytes))?;
    }
    Ok(session)
}

/// Where the page is that a browser asks for.
pub(super) fn fetch_site(headers: &HeaderMap) -> FetchSite {
    FetchSite::parse(headers.get("sec-fetch-site").map(HeaderValue::as_bytes))
}

/// The first cookie of our name.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = values.flat_map(|value| value.split(';'));
    cookies.find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// The header of older clients.
const AUTH_KEY: &str = "x-auth-key";

/// Marks the routes of the batch API. They open to batch tokens alone, which name their account;
/// and those open nothing else.
#[derive(Clone, Copy)]
pub(super) struct BatchPath;

async fn batch_caller(parts: &Parts, app: &App) -> Result<Caller, ApiError> {
    let text = token_text(&parts.headers).ok_or(Refusal::Unauthenticated)?;
    let stored =
        app.catalog.find_batch_token(&TokenHash::of(text)).await?.ok_or_else(|| unknown_token(parts, app))?;
    Ok(authenticate_batch(text, Some(&stored), app.clock.now_ms())?)
}

/// Counts a token that is none as a failed login. A right one is never refused for it: programs behind one address
/// would else stop each other.
fn unknown_token(parts: &Parts, app: &App) -> ApiError {
    let client = Client::from(client::address(app, &parts.extensions, &parts.headers));
    match app.logins.begin(client, app.clock.now_ms()) {
        Ok(()) => Refusal::Unauthenticated.into(),
        Err(wait) => {
            app.refusals.count(Cause::Logins);
            ApiError::wait(wait.0)
        }
    }
}

/// A caller for the `{account_id}` in the path, or for the account of a batch token, whatever its
/// scopes: the endpoint demands them.
pub(super) struct AnyCaller(pub Caller);

impl FromRequestParts<Arc<App>> for AnyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<AnyCaller, ApiError> {
        if parts.extensions.get::<BatchPath>().is_some() {
            return Ok(AnyCaller(batch_caller(parts, app).await?));
        }
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

/// Whether a request presents a token, also one that is none: it wins over a cookie.
fn has_token(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || headers.contains_key(AUTH_KEY)
}

/// `Authorization: Bearer <token>`, or `X-Auth-Key: <token>` as older clients send it.
fn token_text(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
    }
    headers.get(AUTH_KEY)?.to_str().ok().map(str::trim)
}
