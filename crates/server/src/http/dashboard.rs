//! The dashboard's files. They are part of the program, hold nothing secret, and do everything by the
//! API.

use crate::app::App;
use crate::http::delivery::joined;
use crate::http::images::public_origin;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use safelight_domain::conditional::ETag;
use safelight_domain::negotiate::ContentEncoding;
use std::sync::Arc;

/// Where the files are.
const FOLDER: &str = "/dashboard/";

/// A file below `dashboard/`, as the build found it.
struct File {
    /// Its path from there.
    name: &'static str,
    media_type: &'static str,
    plain: Form,
    /// Where it is worth it.
    gzip: Option<Form>,
    /// The same.
    brotli: Option<Form>,
}

/// One way in which a file is sent.
struct Form {
    bytes: &'static [u8],
    /// SHA-256 of the bytes.
    digest: [u8; 32],
}

/// Every file, in order.
const FILES: &[File] = &include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

/// `GET /dashboard/` and the files below it.
pub(super) async fn file(State(app): State<Arc<App>>, request: Request) -> Response {
    let headers = security(&app);
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let text = "Only GET and HEAD are allowed";
        return (StatusCode::METHOD_NOT_ALLOWED, headers, [(header::ALLOW, "GET, HEAD")], text)
            .into_response();
    }
    let name = match request.uri().path().strip_prefix(FOLDER) {
        Some("") => "index.html",
        Some(name) => name,
        None => return moved(headers),
    };
    match FILES.iter().find(|file| file.name == name) {
        Some(file) => sent(file, headers, &request),
        None => (StatusCode::NOT_FOUND, headers, "The dashboard has no such file").into_response(),
    }
}

/// Leads from `GET /` to the dashboard. `None` for anything else, also when something is asked of
/// that path: that may be meant for whoever serves it where there is no dashboard.
pub(super) fn home(app: &App, request: &Request) -> Option<Response> {
    let asked = matches!(*request.method(), Method::GET | Method::HEAD)
        && request.uri().path() == "/"
        && request.uri().query().is_none();
    asked.then(|| (StatusCode::FOUND, security(app), [(header::LOCATION, FOLDER)]).into_response())
}

/// Names within the files start where they are, so the slash matters.
fn moved(headers: HeaderMap) -> Response {
    (StatusCode::PERMANENT_REDIRECT, headers, [(header::LOCATION, FOLDER)]).into_response()
}

fn sent(file: &File, mut headers: HeaderMap, request: &Request) -> Response {
    let accepted = joined(request.headers(), &header::ACCEPT_ENCODING);
    let (form, encoding) = ContentEncoding::accepted(accepted.as_deref())
        .find_map(|encoding| match encoding {
            ContentEncoding::Brotli => Some((file.brotli.as_ref()?, Some("br"))),
            ContentEncoding::Gzip => Some((file.gzip.as_ref()?, Some("gzip"))),
            ContentEncoding::Identity => None,
        })
        .unwrap_or((&file.plain, None));
    let etag = ETag::of_file(&form.digest);
    headers.extend(HeaderValue::from_str(etag.as_str()).ok().map(|value| (header::ETAG, value)));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let known = joined(request.headers(), &header::IF_NONE_MATCH);
    if known.is_some_and(|known| etag.matches_none_match(&known)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(form.bytes.len()));
    let encoding = encoding.map(HeaderValue::from_static);
    headers.extend(encoding.map(|encoding| (header::CONTENT_ENCODING, encoding)));
    let body = match *request.method() {
        Method::HEAD => Body::empty(),
        _ => Body::from(Bytes::from_static(form.bytes)),
    };
    (headers, body).into_response()
}

/// The headers of every answer. Nothing runs but the files themselves, no text becomes markup or code,
/// and pictures come from here and from where they are delivered.
fn security(app: &App) -> HeaderMap {
    let delivery = public_origin(app);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: {delivery}; \
         connect-src 'self' {delivery}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    );
    let mut headers = HeaderMap::new();
    for (name, value) in [
        // A newer version of the program has other files.
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = HeaderValue::from_str(&policy).ok();
    // No policy allows less than one with nothing.
    let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers
}
