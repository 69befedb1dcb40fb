//! How refusals look on the wire: one type for the management API, one for delivery.

use crate::catalog::{CatalogError, DatabaseError};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use safelight_domain::caching::NO_STORE;
use safelight_domain::token::Refusal;
use serde_json::json;
use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

/// Seconds after which a client may try again when the server is busy.
const RETRY_AFTER_SECONDS: u64 = 1;

/// The longest time that a client is told to wait.
const MOST_RETRY_AFTER_SECONDS: u64 = 60;

/// What became of a transformation.
pub(super) const CF_RESIZED: HeaderName = HeaderName::from_static("cf-resized");

/// Headers that scripts of other origins may read of delivery's answers.
pub(super) const EXPOSED: &str = "Cf-Resized, Content-Range, ETag, Warning, X-Request-Id";

/// A refusal of the management API: a public text for the client and a private one for the log.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: u32,
    public: String,
    private: Option<String>,
    /// Seconds; given to a client that may only try again later.
    retry_after: Option<u64>,
}

impl ApiError {
    /// A refusal that is the client's to mend; `public` says what is wrong and what is allowed.
    pub(super) fn new(status: StatusCode, code: u32, public: impl Into<String>) -> ApiError {
        ApiError { status, code, public: public.into(), private: None, retry_after: None }
    }

    /// Of the answer.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Cloudflare's number of the error.
    pub(super) fn code(&self) -> u32 {
        self.code
    }

    /// What the client is told.
    pub(super) fn public_text(&self) -> &str {
        &self.public
    }

    /// 400/5400: a malformed form, body, parameter or name.
    pub(super) fn bad_request(public: impl Display) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, 5400, public.to_string())
    }

    /// 413/7011: more bytes than are read.
    pub(super) fn too_large(allowed: impl Display) -> ApiError {
        let public = format!("Request entity is too large: {allowed}");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, 7011, public)
    }

    /// 404/5404 for an image.
    pub(super) fn image_not_found() -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, 5404, "Image not found")
    }

    /// 404/5401.
    pub(super) fn variant_not_found() -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, 5401, "Variant not found")
    }

    /// 404/5404 for a signing key.
    pub(super) fn key_not_found() -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, 5404, "Key not found")
    }

    /// 500/5500: our fault. The cause goes to the log alone.
    pub(super) fn internal(cause: &(dyn Error + 'static)) -> ApiError {
        ApiError {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: 5500,
            public: "Internal server error".to_owned(),
            private: Some(chain(cause)),
            retry_after: None,
        }
    }

    /// 507/5507: the disk is nearly full, which is the operator's to mend.
    pub(super) fn no_room() -> ApiError {
        let public =
            "The server's disk is nearly full, and takes no uploads until there is room; deleting works";
        let private = "less than min-free-bytes would stay free on the disk";
        let error = ApiError::new(StatusCode::INSUFFICIENT_STORAGE, 5507, public);
        ApiError { private: Some(private.to_owned()), ..error }
    }

    /// 503/5503: try again in a moment.
    pub(super) fn busy() -> ApiError {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, 5503, "Too many images are being processed, try again")
    }

    /// 503/5503: the catalog cannot be reached.
    pub(super) fn not_reached() -> ApiError {
        let public = "The catalog cannot be reached, try again";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, 5503, public)
    }

    /// 429/5429: the client has failed too often, and may try again after so many seconds.
    pub(super) fn wait(seconds: u64) -> ApiError {
        let public = format!("Too many failed logins, try again in {seconds} s");
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, 5429, public);
        ApiError { retry_after: Some(seconds), ..error }
    }
}

impl ApiError {
    /// Code and public text, if the refusal is the client's to mend.
    pub(super) fn of_client(&self) -> Option<(u32, &str)> {
        self.status.is_client_error().then_some((self.code, self.public.as_str()))
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> ApiError {
        match error {
            CatalogError::Database(DatabaseError::Unreachable(cause)) => {
                tracing::warn!(%cause, "the catalog cannot be reached");
                ApiError::not_reached()
            }
            CatalogError::Database(DatabaseError::TooLong(_)) => ApiError::bad_request(
                "the id or the creator is too long for the database: with PostgreSQL at most about 2,700 bytes",
            ),
            error => ApiError::internal(&error),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        let (status, code, public) = match refusal {
            Refusal::Unauthenticated => (StatusCode::UNAUTHORIZED, 10000, "Authentication error".to_owned()),
            Refusal::OtherAccount => (
                StatusCode::FORBIDDEN,
                5403,
                "The given account is not valid or is not authorized to access this service".to_owned(),
            ),
            Refusal::MissingScope(scope) => (
                StatusCode::FORBIDDEN,
                10000,
                format!("Authentication error: the token lacks the scope '{}'", scope.as_str()),
            ),
            Refusal::NotInstanceAdmin => (
                StatusCode::FORBIDDEN,
                10000,
                "Authentication error: only an instance-admin token may do this".to_owned(),
            ),
            Refusal::NoCsrf => (
                StatusCode::FORBIDDEN,
                10000,
                "Authentication error: a change by a session needs its value 'csrf' in the header X-CSRF-Token"
                    .to_owned(),
            ),
            Refusal::OtherSite => (
                StatusCode::FORBIDDEN,
                10000,
                "Authentication error: only pages of this origin may log in or use a session".to_owned(),
            ),
        };
        ApiError::new(status, code, public)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        log_private(self.private.as_deref());
        let body = json!({
            "result": null,
            "success": false,
            "errors": [{"code": self.code, "message": self.public}],
            "messages": [],
        });
        let mut response = (
            self.status,
            [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, NO_STORE)],
            body.to_string(),
        )
            .into_response();
        add_status_headers(&mut response, self.retry_after);
        response
    }
}

/// A refusal of delivery: plain text `ERROR <code>: <message>`, never cached.
#[derive(Debug)]
pub(super) struct DeliveryError {
    status: StatusCode,
    code: u32,
    public: String,
    private: Option<String>,
    retry_after: Option<u64>,
}

impl DeliveryError {
    /// A refusal with a public text.
    pub(super) fn new(status: StatusCode, code: u32, public: impl Into<String>) -> DeliveryError {
        DeliveryError { status, code, public: public.into(), private: None, retry_after: None }
    }

    /// To be tried again after about that time: a second at least, and a minute at most.
    pub(super) fn after(self, wait: Duration) -> DeliveryError {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        DeliveryError {
            retry_after: Some(seconds.clamp(RETRY_AFTER_SECONDS, MOST_RETRY_AFTER_SECONDS)),
            ..self
        }
    }

    /// 500/9523: our fault. The cause goes to the log alone.
    pub(super) fn internal(cause: &(dyn Error + 'static)) -> DeliveryError {
        DeliveryError {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: 9523,
            public: "Internal error".to_owned(),
            private: Some(chain(cause)),
            retry_after: None,
        }
    }
}

/// The same refusal as plain text, for clients of upload URLs.
impl From<ApiError> for DeliveryError {
    fn from(error: ApiError) -> DeliveryError {
        let ApiError { status, code, public, private, retry_after } = error;
        DeliveryError { status, code, public, private, retry_after }
    }
}

/// The same refusal in the envelope, for the owner of a picture.
impl From<DeliveryError> for ApiError {
    fn from(error: DeliveryError) -> ApiError {
        let DeliveryError { status, code, public, private, retry_after } = error;
        ApiError { status, code, public, private, retry_after }
    }
}

impl IntoResponse for DeliveryError {
    fn into_response(self) -> Response {
        log_private(self.private.as_deref());
        let mut response = (
            self.status,
            [
                (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
                (header::CACHE_CONTROL, NO_STORE),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
                (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
            ],
            // The code alone: how long anything took could tell what is there.
            [(CF_RESIZED, format!("err={}", self.code))],
            format!("ERROR {}: {}", self.code, self.public),
        )
            .into_response();
        add_status_headers(&mut response, self.retry_after);
        response
    }
}

fn add_status_headers(response: &mut Response, retry_after: Option<u64>) {
    let status = response.status();
    let headers = response.headers_mut();
    let busy = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECONDS);
    if let Some(seconds) = retry_after.or(busy) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
}

fn log_private(private: Option<&str>) {
    if let Some(cause) = private {
        tracing::error!(cause, "request failed");
    }
}

fn chain(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busy_say_when_to_come_again_in_whole_seconds() {
        let busy = || DeliveryError::new(StatusCode::SERVICE_UNAVAILABLE, 9522, "busy");
        let after = |error: DeliveryError| {
            error.into_response().headers().get(header::RETRY_AFTER).map(|seconds| seconds.to_owned())
        };
        assert_eq!(after(busy()), Some(HeaderValue::from(1)));
        for (milliseconds, seconds) in [(0, 1), (1_000, 1), (1_001, 2), (59_500, 60), (4_000_000, 60)] {
            let found = after(busy().after(Duration::from_millis(milliseconds)));
            assert_eq!(found, Some(HeaderValue::from(seconds)));
        }
        assert_eq!(after(DeliveryError::new(StatusCode::NOT_FOUND, 5404, "none")), None);
    }
}
