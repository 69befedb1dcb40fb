//! Delivery of pictures: from the request to headers and bytes.

use crate::app::App;
use crate::deliver::{Answer, DeliverError, Origin, Request, Transformed, Varies, deliver};
use crate::http::client;
use crate::http::error::{ApiError, CF_RESIZED, DeliveryError, EXPOSED};
use crate::metrics::{Class, Failure};
use crate::renderer::RenderError;
use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use safelight_domain::access::TokenFault;
use safelight_domain::conditional::{RangeAnswer, range};
use safelight_domain::delivery_url::DeliveryPathError;
use safelight_domain::options::ClientHints;
use safelight_domain::rate_limit::{Client, Wait};
use safelight_domain::signature::Target;
use safelight_domain::warning;
use safelight_pixels::Fault;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Room for every header of an answer, so that the table is made once.
const HEADERS: usize = 24;

/// Nothing in a picture may run or load anything, also where a browser shows it as a page.
const CSP: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; sandbox",
);

// Constants, since a value is looked at byte by byte wherever it is made.
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const ANYONE: HeaderValue = HeaderValue::from_static("*");
const EXPOSED_VALUE: HeaderValue = HeaderValue::from_static(EXPOSED);
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CROSS_ORIGIN: HeaderValue = HeaderValue::from_static("cross-origin");
const BYTES: HeaderValue = HeaderValue::from_static("bytes");
const BY_ACCEPT: HeaderValue = HeaderValue::from_static("Accept");

/// `GET` and `HEAD /{hash}/{id}/{variant}`, and the same below `/cdn-cgi/imagedelivery`.
/// `OPTIONS` needs no token, since browsers send none with it.
pub(super) async fn handle(State(app): State<Arc<App>>, request: HttpRequest) -> Response {
    let peer = request.extensions().get().copied();
    unmeasured(&app, peer, request).await.response
}

/// The same for a request of this peer, measured; and as what it is counted.
pub(super) async fn answer(app: &Arc<App>, peer: SocketAddr, request: HttpRequest) -> (Response, Class) {
    let Unmeasured { response, class, failure, took } = unmeasured(app, Some(peer), request).await;
    app.metrics.took(class, took);
    if let Some(failure) = failure {
        app.metrics.failed(failure);
    }
    (response, class)
}

/// An answer, and what is to be measured of it.
struct Unmeasured {
    response: Response,
    class: Class,
    failure: Option<Failure>,
    took: Duration,
}

async fn unmeasured(app: &Arc<App>, peer: Option<SocketAddr>, request: HttpRequest) -> Unmeasured {
    if let Some(response) = unless_read(request.method()) {
        let failure = Failure::of_status(response.status().as_u16());
        return Unmeasured { response, class: Class::Delivery, failure, took: Duration::ZERO };
    }
    let (head, _) = request.into_parts();
    let headers = &head.headers;
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let accept = joined(headers, &header::ACCEPT);
    let none_match = joined(headers, &header::IF_NONE_MATCH);
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (accept, none_match) = (accept.as_deref(), none_match.as_deref());
    let viewer = || Client::from(peer.map(|peer| client::behind(app, peer, headers)));
    let wanted = Request { target, accept, none_match, header: &header, viewer: Some(&viewer) };
    let (answer, took) = deliver(app, wanted).await;
    match answer {
        Ok(answer) => {
            let class = if answer.origin == Origin::Rendered { Class::Render } else { Class::Hit };
            let response = respond(answer, &head.method, head.headers);
            // A range outside of the picture, for one.
            let failure = Failure::of_status(response.status().as_u16());
            Unmeasured { response, class, failure, took }
        }
        Err(error) => {
            let failure = Some(error.failure());
            let response = refusal(error, target).into_response();
            Unmeasured { response, class: Class::Delivery, failure, took }
        }
    }
}

/// The answer to a request that reads no picture: OPTIONS, and what is not allowed.
pub(super) fn unless_read(method: &Method) -> Option<Response> {
    match *method {
        Method::GET | Method::HEAD => None,
        Method::OPTIONS => Some(preflight()),
        _ => {
            let text = "Only GET, HEAD and OPTIONS are allowed";
            let error = DeliveryError::new(StatusCode::METHOD_NOT_ALLOWED, 9424, text);
            Some(([(header::ALLOW, "GET, HEAD, OPTIONS")], error).into_response())
        }
    }
}

/// The answer to a request with these headers, whose table becomes that of the answer.
pub(super) fn respond(mut answer: Answer, method: &Method, request: HeaderMap) -> Response {
    let Some(bytes) = answer.body.take() else {
        return response(StatusCode::NOT_MODIFIED, always(&answer, request), Body::empty());
    };
    let length = bytes.len() as u64;
    let text = |name: HeaderName| request.get(name).and_then(|value| value.to_str().ok());
    let wanted = match *method {
        Method::GET => range(text(header::RANGE), text(header::IF_RANGE), &answer.etag, length),
        _ => RangeAnswer::Whole,
    };
    let mut headers = always(&answer, request);
    of_picture(&answer, length, &mut headers);
    let (status, body, content_range) = match wanted {
        RangeAnswer::Whole => (StatusCode::OK, bytes, None),
        RangeAnswer::Part { first, last } => {
            // Both are below the length, which is a usize.
            let part = bytes.slice(first as usize..=last as usize);
            (StatusCode::PARTIAL_CONTENT, part, Some(format!("bytes {first}-{last}/{length}")))
        }
        RangeAnswer::Unsatisfiable => {
            let error = DeliveryError::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                9424,
                "The range is outside of the image",
            );
            return ([(header::CONTENT_RANGE, format!("bytes */{length}"))], error).into_response();
        }
    };
    if let Some(text) = content_range {
        set(&mut headers, header::CONTENT_RANGE, text);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let body = if *method == Method::HEAD { Body::empty() } else { Body::from(body) };
    response(status, headers, body)
}

fn response(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The headers of an answer with and without a picture, in the place of the request's: hyper makes the table of
/// a request of that of the answer before, so one serves a whole connection.
fn always(answer: &Answer, request: HeaderMap) -> HeaderMap {
    let mut headers = request;
    headers.clear();
    headers.reserve(HEADERS);
    set(&mut headers, header::ETAG, answer.etag.as_str());
    set(&mut headers, header::CACHE_CONTROL, answer.cache_control.as_str());
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, NOSNIFF),
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, ANYONE),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_VALUE),
        (RESOURCE_POLICY, CROSS_ORIGIN),
    ] {
        headers.insert(name, value);
    }
    match answer.varies {
        Varies::No => {}
        Varies::ByAccept => drop(headers.insert(header::VARY, BY_ACCEPT)),
        Varies::ByHints => {
            set(&mut headers, header::VARY, format!("Accept, {}", ClientHints::HEADERS.join(", ")));
        }
    }
    headers
}

/// The headers of a picture of `length` bytes.
fn of_picture(answer: &Answer, length: u64, headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.format.media_type()));
    headers.insert(header::ACCEPT_RANGES, BYTES);
    if let Some(transformed) = &answer.transformed {
        set(headers, CF_RESIZED, cf_resized(answer.origin, transformed, length));
    }
    if let Some(text) = warning::header(&answer.warnings) {
        set(headers, header::WARNING, text);
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: impl TryInto<HeaderValue>) {
    if let Ok(value) = value.try_into() {
        headers.insert(name, value);
    }
}

/// `internal=ok/m` for what was rendered now and `internal=ok/h` for what was stored; `q` the
/// milliseconds in the queue, `n` those from the decision to the bytes, `l` the length of the whole
/// picture in bytes, `v` the version.
fn cf_resized(origin: Origin, transformed: &Transformed, length: u64) -> String {
    let Transformed { waited, took } = transformed;
    let origin = match origin {
        Origin::Rendered => "m",
        Origin::Stored => "h",
    };
    // No render lasts so long that it would not fit.
    let (waited, took) = (waited.as_millis() as u64, took.as_millis() as u64);
    format!(
        concat!("internal=ok/{} q={} n={} l={} v=", env!("CARGO_PKG_VERSION")),
        origin, waited, took, length
    )
}

fn preflight() -> Response {
    (
        StatusCode::NO_CONTENT,
        [
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "*"),
            (header::ACCESS_CONTROL_MAX_AGE, "86400"),
            (header::CACHE_CONTROL, "no-store"),
        ],
    )
        .into_response()
}

pub(super) fn refusal(error: DeliverError, target: &str) -> DeliveryError {
    let denied =
        |text: &str| DeliveryError::new(StatusCode::FORBIDDEN, 9425, format!("Image access denied: {text}"));
    match error {
        DeliverError::Path(DeliveryPathError::Shape) => DeliveryError::new(
            StatusCode::FORBIDDEN,
            9426,
            format!("Invalid URL: {}", DeliveryPathError::Shape),
        ),
        DeliverError::Path(DeliveryPathError::Hash) | DeliverError::UnknownAccount => {
            DeliveryError::new(StatusCode::FORBIDDEN, 9427, "Incorrect account hash")
        }
        DeliverError::UnknownVariant => denied("This account doesn't have variant with this name"),
        DeliverError::FlexibleVariant => DeliveryError::new(
            StatusCode::FORBIDDEN,
            9429,
            "Flexible variants are not enabled for the account",
        ),
        DeliverError::Token(fault) => denied(&token_fault(fault, target)),
        DeliverError::TooManyForged(Wait(seconds)) => {
            let text = "Image access denied: too many wrong signatures, try again";
            DeliveryError::new(StatusCode::TOO_MANY_REQUESTS, 9425, text).after(Duration::from_secs(seconds))
        }
        DeliverError::OptionsOnPrivate => {
            denied("flexible variants cannot be used on private images under compat = \"strict\"")
        }
        DeliverError::UnknownImage => DeliveryError::new(StatusCode::NOT_FOUND, 5404, "Image not found"),
        DeliverError::Options(error) => DeliveryError::new(StatusCode::BAD_REQUEST, 9401, error.to_string()),
        DeliverError::UnknownOverlay => {
            DeliveryError::new(StatusCode::NOT_FOUND, 9404, "An overlay of this variant does not exist")
        }
        DeliverError::Format(error) => {
            DeliveryError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, 9412, error.to_string())
        }
        DeliverError::Quota(Wait(seconds)) => {
            let text = "Too many new pictures of this account are asked for, try again";
            DeliveryError::new(StatusCode::TOO_MANY_REQUESTS, 9522, text).after(Duration::from_secs(seconds))
        }
        DeliverError::Render(error) => render_failure(error),
        DeliverError::Unsure => ApiError::not_reached().into(),
        DeliverError::Internal(error) => DeliveryError::internal(error.as_ref()),
    }
}

fn token_fault(fault: TokenFault, target: &str) -> String {
    match fault {
        TokenFault::Absent => "the image needs a signed URL, or does not exist".to_owned(),
        TokenFault::Malformed(malformed) => malformed.to_string(),
        // Cloudflare's words, which are true of a path that is signed alone; else its beginning.
        TokenFault::Mismatch => {
            let expected = match Target::parse(target) {
                Ok(target) if target.signs_query() => {
                    "SHA-256 HMAC of the path and query without domain and without sig"
                }
                _ => "SHA-256 HMAC of the path without domain nor query string",
            };
            format!(
                "check failed: Malformed data found: The URL signature does not match. Expecting {expected}"
            )
        }
        TokenFault::Expired => "the signed URL has expired".to_owned(),
    }
}

pub(super) fn render_failure(error: RenderError) -> DeliveryError {
    match error {
        RenderError::Busy(wait) => {
            DeliveryError::new(StatusCode::SERVICE_UNAVAILABLE, 9522, "Too busy, try again").after(wait)
        }
        RenderError::Refused { fault } => {
            tracing::info!(%fault, "an image is refused");
            let (status, code) = refused(&fault);
            DeliveryError::new(status, code, fault.public())
        }
        error @ RenderError::FilesTooLarge(_) => {
            DeliveryError::new(StatusCode::FORBIDDEN, 9413, error.to_string())
        }
        RenderError::TimedOut(_) => {
            DeliveryError::new(StatusCode::GATEWAY_TIMEOUT, 9522, "The image took too long to process")
        }
        RenderError::WorkerDied => {
            DeliveryError::new(StatusCode::UNPROCESSABLE_ENTITY, 9516, "The image cannot be processed")
        }
        error @ RenderError::NoWorker(_) => DeliveryError::internal(&error),
    }
}

fn refused(fault: &Fault) -> (StatusCode, u32) {
    match fault {
        Fault::Unsupported => (StatusCode::UNSUPPORTED_MEDIA_TYPE, 9520),
        Fault::SvgConversion => (StatusCode::UNSUPPORTED_MEDIA_TYPE, 9412),
        Fault::Corrupt(_) => (StatusCode::UNPROCESSABLE_ENTITY, 9516),
        Fault::CannotEncode(_) => (StatusCode::INTERNAL_SERVER_ERROR, 9516),
        Fault::TooLarge { .. }
        | Fault::TooMuchAnimation { .. }
        | Fault::OutputTooLarge { .. }
        | Fault::NothingLeft { .. }
        | Fault::OverlaysTooLarge { .. } => (StatusCode::FORBIDDEN, 9413),
    }
}

/// Several headers of one name mean the same as one with commas (RFC 9110, 5.3).
pub(super) fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}
