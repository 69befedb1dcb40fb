//! Origins, below `/safelight/v1`: those that an account offers for links, and those that remote images may come
//! from.

use crate::app::App;
use crate::catalog::RemoteOrigin;
use crate::http::auth::{AccountCaller, Presented};
use crate::http::envelope::{Success, json_body};
use crate::http::error::ApiError;
use axum::body::Body;
use axum::extract::State;
use safelight_domain::origin::AllowedOrigin;
use safelight_domain::token::Scope;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use url::{Origin, Url};

/// Most origins that an account may offer.
const MAX_DOMAINS: usize = 20;

/// Most stored origins of remote images.
const MAX_REMOTE_ORIGINS: usize = 100;

/// Longest origin in bytes: a name has at most 253.
const MAX_ORIGIN_BYTES: usize = 300;

/// `result` and body of the domains.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Domains {
    domains: Vec<String>,
}

/// `result` of the origins of remote images.
#[derive(Serialize)]
pub(super) struct RemoteOrigins {
    /// Those of the settings.
    configured: Vec<String>,
    stored: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetRemoteOrigins {
    stored: Vec<String>,
}

/// `GET /safelight/v1/accounts/{account_id}/domains`
pub(super) async fn domains(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
) -> Result<Success<Domains>, ApiError> {
    Ok(Success(Domains { domains: app.catalog.domains(caller.account()).await? }))
}

/// `PUT /safelight/v1/accounts/{account_id}/domains`: in place of all.
pub(super) async fn set_domains(
    State(app): State<Arc<App>>,
    AccountCaller(caller): AccountCaller,
    body: Body,
) -> Result<Success<Domains>, ApiError> {
    let body: Domains = json_body(body).await?;
    if body.domains.len() > MAX_DOMAINS {
        return Err(ApiError::bad_request(format!("domains may have at most {MAX_DOMAINS} entries")));
    }
    let mut domains: Vec<String> = Vec::with_capacity(body.domains.len());
    for text in &body.domains {
        let origin = origin(text).ok_or_else(|| {
            ApiError::bad_request(
                "each of domains must be http:// or https:// with a host and perhaps a port, such as \
                 https://img.example.com",
            )
        })?;
        if !domains.contains(&origin) {
            domains.push(origin);
        }
    }
    app.catalog.set_domains(caller.account(), domains.clone()).await?;
    Ok(Success(Domains { domains }))
}

/// Scheme, host and port, and nothing else, as browsers write it.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= MAX_ORIGIN_BYTES)?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    let known = matches!(url.scheme(), "http" | "https");
    match url.origin() {
        origin @ Origin::Tuple(..) if bare && anonymous && known => Some(origin.ascii_serialization()),
        _ => None,
    }
}

/// `GET /safelight/v1/origins` (instance admin)
pub(super) async fn remote(
    State(app): State<Arc<App>>,
    presented: Presented,
) -> Result<Success<RemoteOrigins>, ApiError> {
    presented.require_instance_admin(Scope::Read)?;
    Ok(Success(shown(&app)))
}

/// `PUT /safelight/v1/origins` (instance admin): in place of all stored ones, in force at once.
pub(super) async fn set_remote(
    State(app): State<Arc<App>>,
    presented: Presented,
    body: Body,
) -> Result<Success<RemoteOrigins>, ApiError> {
    presented.require_instance_admin(Scope::Write)?;
    let body: SetRemoteOrigins = json_body(body).await?;
    if body.stored.len() > MAX_REMOTE_ORIGINS {
        return Err(ApiError::bad_request(format!("stored may have at most {MAX_REMOTE_ORIGINS} entries")));
    }
    let parsed = body.stored.into_iter().map(|entry| {
        let parsed = AllowedOrigin::parse(&entry).filter(|_| entry.len() <= MAX_ORIGIN_BYTES);
        parsed.map(|parsed| (entry, parsed)).ok_or_else(|| {
            ApiError::bad_request(
                "each of stored must be a host such as example.com, *.example.com for a domain and all below it, \
                 or * for any, perhaps with a path",
            )
        })
    });
    let origins = parsed.collect::<Result<Vec<RemoteOrigin>, ApiError>>()?;
    app.catalog.set_remote_origins(origins).await?;
    Ok(Success(shown(&app)))
}

fn shown(app: &App) -> RemoteOrigins {
    RemoteOrigins {
        configured: app.config.remote.origins.iter().map(AllowedOrigin::to_string).collect(),
        stored: app.catalog.remote_origins().iter().map(|(entry, _)| entry.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_one_form() {
        for (text, expected) in [
            ("https://img.example.com", Some("https://img.example.com")),
            ("HTTPS://Img.Example.com:443/", Some("https://img.example.com")),
            ("http://localhost:8787", Some("http://localhost:8787")),
            ("https://img.example.com/path", None),
            ("https://img.example.com/?q", None),
            ("https://user@img.example.com", None),
            ("ftp://img.example.com", None),
            ("img.example.com", None),
            ("", None),
        ] {
            assert_eq!(origin(text).as_deref(), expected, "{text}");
        }
    }
}
