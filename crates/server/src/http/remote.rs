//! Remote images: `/cdn-cgi/image/{options}/{source}`.

use crate::app::App;
use crate::fetch::{DownloadError, FetchError};
use crate::http::delivery::{joined, render_failure, respond, unless_read};
use crate::http::error::{ApiError, DeliveryError};
use crate::remote::{Refusal, RemoteError, Request, remote};
use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use std::sync::Arc;

/// `GET` and `HEAD /cdn-cgi/image/{options}/{source}`. Of the request, options, source and the headers
/// that formats and sizes are chosen by have a say; no other header is passed on.
pub(super) async fn handle(State(app): State<Arc<App>>, request: HttpRequest) -> Response {
    if let Some(answer) = unless_read(request.method()) {
        return answer;
    }
    let (head, _) = request.into_parts();
    let headers = &head.headers;
    let accept = joined(headers, &header::ACCEPT);
    let none_match = joined(headers, &header::IF_NONE_MATCH);
    let via = joined(headers, &header::VIA);
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let wanted = Request {
        target: head.uri.path_and_query().map_or("/", |target| target.as_str()),
        accept: accept.as_deref(),
        none_match: none_match.as_deref(),
        via: via.as_deref(),
        header: &header,
    };
    let answer = remote(&app, wanted).await;
    match answer {
        Ok(answer) => respond(answer, &head.method, head.headers),
        Err(Refusal { error, redirect }) => refuse(error, redirect.as_deref()),
    }
}

/// The error; as a redirect where there is one to follow instead.
fn refuse(error: RemoteError, redirect: Option<&str>) -> Response {
    let mut response = public(error).into_response();
    let location = redirect.and_then(|location| HeaderValue::from_str(location).ok());
    if let Some(location) = location {
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().insert(header::LOCATION, location);
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::empty();
    }
    response
}

fn public(error: RemoteError) -> DeliveryError {
    let not_allowed = "Transformation origin is not in allowed origins list";
    let forbidden = |code, text: String| DeliveryError::new(StatusCode::FORBIDDEN, code, text);
    match error {
        RemoteError::Path(error) => forbidden(9406, format!("Invalid URL: {error}")),
        RemoteError::Credentials => {
            forbidden(9406, "Invalid URL: the source may have no user and password".to_owned())
        }
        RemoteError::Options(error) => DeliveryError::new(StatusCode::BAD_REQUEST, 9401, error.to_string()),
        RemoteError::NotAllowed => forbidden(9401, not_allowed.to_owned()),
        RemoteError::NoZone => forbidden(9401, format!("{not_allowed}: paths need the setting zone-origin")),
        RemoteError::Loop => DeliveryError::new(
            StatusCode::LOOP_DETECTED,
            9403,
            "Loop: the source is an image that was already resized",
        ),
        RemoteError::Download(error) => download(error),
        RemoteError::NotAnImage => DeliveryError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            9412,
            "The source is not an image, or of a kind that is not accepted",
        ),
        RemoteError::Format(error) => {
            DeliveryError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, 9412, error.to_string())
        }
        RemoteError::Render(error) => render_failure(error),
        RemoteError::Internal(error) => DeliveryError::internal(error.as_ref()),
    }
}

fn download(error: DownloadError) -> DeliveryError {
    let (status, code) = match &error {
        DownloadError::NoRoom => return ApiError::no_room().into(),
        DownloadError::Disk(error) => return DeliveryError::internal(error),
        DownloadError::Status(status) => status_of(*status),
        DownloadError::Fetch(error) => match error {
            FetchError::Url(_) | FetchError::Port(_) => (403, 9406),
            FetchError::NoAddress => (523, 9407),
            FetchError::Unreachable => (523, 9510),
            FetchError::Tls => (502, 9505),
            FetchError::ConnectTimeout => (522, 9504),
            FetchError::Timeout => (524, 9504),
            FetchError::Redirect(_) => (400, 9420),
            FetchError::TooManyRedirects => (400, 9421),
            FetchError::TooLarge { .. } => (413, 9402),
            FetchError::Encoding | FetchError::Broken => (422, 9416),
            FetchError::Busy => (503, 9522),
        },
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    DeliveryError::new(status, code, format!("The source cannot be fetched: {error}"))
}

/// What an origin's refusal is to the viewer. Its own 4xx is passed on, but for those that ask the
/// viewer's browser for credentials.
fn status_of(status: StatusCode) -> (u16, u32) {
    match status.as_u16() {
        404 => (404, 9404),
        400 => (502, 9519),
        401 | 407 => (403, 9408),
        other @ 402..=499 => (other, 9408),
        500..=599 => (502, 9509),
        _ => (502, 9402),
    }
}
