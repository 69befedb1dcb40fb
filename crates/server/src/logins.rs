//! Logins of browsers: a token becomes a session, at a bounded pace for those who guess.

use crate::app::App;
use crate::catalog::{CatalogError, InsertError};
use crate::random;
use crate::refusals::Cause;
use safelight_domain::rate_limit::{Client, Wait};
use safelight_domain::session::{OpenSession, SESSION_MS, Session, authenticate_session};
use safelight_domain::token::{Refusal, TokenHash, authenticate};
use thiserror::Error;

/// Why nobody is logged in.
#[derive(Debug, Error)]
pub enum LoginError {
    /// The client has failed too often.
    #[error("too many failed logins")]
    Wait(Wait),
    /// The token is not one.
    #[error("the token is not known")]
    Token(Refusal),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The session cannot be stored.
    #[error("the session cannot be stored")]
    Insert(#[from] InsertError),
}

/// A new session, and the secret for the cookie, which is kept nowhere else.
pub struct LoggedIn {
    /// The session.
    pub open: OpenSession,
    /// 43 characters of URL-safe base64.
    pub secret: String,
}

/// Opens a session for the token whose text is `token`. After too many failures a right one is not even looked at.
pub async fn log_in(app: &App, client: Client, token: &str) -> Result<LoggedIn, LoginError> {
    let now_ms = app.clock.now_ms();
    app.logins.begin(client, now_ms).map_err(|wait| {
        app.refusals.count(Cause::Logins);
        LoginError::Wait(wait)
    })?;
    let record = app.catalog.find_token(&TokenHash::of(token)).await?;
    let record = record.ok_or(LoginError::Token(Refusal::Unauthenticated))?;
    authenticate(token, Some(&record), &record.account).map_err(LoginError::Token)?;
    app.logins.take_back(client);

    let secret = random::secret();
    let expires_ms = now_ms.saturating_add(SESSION_MS);
    let session = Session { hash: TokenHash::of(&secret), token: record, expires_ms };
    if !app.catalog.insert_session(session.clone(), now_ms).await? {
        return Err(LoginError::Token(Refusal::Unauthenticated));
    }
    let open = authenticate_session(&secret, Some(session), now_ms).map_err(LoginError::Token)?;
    Ok(LoggedIn { open, secret })
}
