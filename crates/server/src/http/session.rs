//! Sessions of browsers: a token is shown once, and a cookie that no script can read stands for it.

use crate::app::App;
use crate::http::auth::{COOKIE, Presented, fetch_site};
use crate::http::client;
use crate::http::envelope::{Success, empty, json_body};
use crate::http::error::ApiError;
use crate::http::images::{public_origin, rfc3339};
use crate::logins::{LoginError, log_in};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, header};
use safelight_domain::rate_limit::Client;
use safelight_domain::session::{OpenSession, SESSION_MS};
use safelight_domain::token::{Refusal, Role, TokenRecord};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogIn {
    token: String,
}

/// `result` of [`create`] and [`get`].
#[derive(Serialize)]
pub(super) struct SessionBody {
    csrf: Option<String>,
    expires: Option<String>,
    account_id: String,
    account_hash: String,
    account_name: String,
    scopes: Vec<&'static str>,
    instance_admin: bool,
    public_url: String,
}

/// `POST /safelight/v1/session`: opens one for a token.
pub(super) async fn create(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    fetch_site(&parts.headers).require_own()?;
    let LogIn { token } = json_body(body).await?;
    let client = Client::from(client::address(&app, &parts.extensions, &parts.headers));
    let logged_in = log_in(&app, client, &token).await.map_err(|error| match error {
        LoginError::Wait(wait) => ApiError::wait(wait.0),
        LoginError::Token(refusal) => refusal.into(),
        LoginError::Catalog(error) => error.into(),
        error @ LoginError::Insert(_) => ApiError::internal(&error),
    })?;
    let body = session_body(&app, &logged_in.open.session().token, Some(&logged_in.open)).await?;
    let cookie = set_cookie(&parts.headers, &logged_in.secret, SESSION_MS / 1000);
    Ok(([(header::SET_COOKIE, cookie)], Success(body)).into_response())
}

/// `GET /safelight/v1/session`: who one is, by session or by token.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    presented: Presented,
) -> Result<Success<SessionBody>, ApiError> {
    Ok(Success(session_body(&app, &presented.record, presented.session()).await?))
}

/// `DELETE /safelight/v1/session`: ends it, and has the browser forget what it saw.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    presented: Presented,
) -> Result<Response, ApiError> {
    if let Some(open) = presented.session() {
        app.catalog.delete_session(&open.session().hash).await?;
    }
    let headers = [
        (header::SET_COOKIE, set_cookie(&headers, "", 0)),
        (HeaderName::from_static("clear-site-data"), "\"cache\"".to_owned()),
    ];
    Ok((headers, empty()).into_response())
}

/// `Secure` where the page was loaded by TLS, which a proxy in front may be the one to know; without
/// it the cookie would be lost on a plain `http://localhost`.
fn set_cookie(headers: &HeaderMap, value: &str, seconds: i64) -> String {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let secure = if origin.is_some_and(|origin| origin.starts_with("https://")) { "; Secure" } else { "" };
    format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}")
}

async fn session_body(
    app: &App,
    record: &TokenRecord,
    session: Option<&OpenSession>,
) -> Result<SessionBody, ApiError> {
    let account = app.catalog.find_account(&record.account).await?.ok_or(Refusal::OtherAccount)?;
    Ok(SessionBody {
        csrf: session.map(|open| open.csrf().to_owned()),
        expires: session.map(|open| rfc3339(open.session().expires_ms)),
        account_id: account.id.as_str().to_owned(),
        account_hash: account.hash.as_str().to_owned(),
        account_name: account.name,
        scopes: record.scopes.iter().map(|scope| scope.as_str()).collect(),
        instance_admin: record.role == Role::InstanceAdmin,
        public_url: public_origin(app),
    })
}
