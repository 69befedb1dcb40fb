//! A small proxy that does one thing wrong.

use axum::body::Body;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// What a proxy does that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    DecodesSlashes,
    WritesCapitals,
    MergesSlashes,
    SortsQueries,
    TakesAcceptOff,
    TakesVaryOff,
    MakesPublic,
    KeepsWhatIsPrivate,
    KeepsWithoutQuery,
    KeepsRefusals,
    BreaksHead,
    TakesRangeOff,
    TakesIfNoneMatchOff,
    TakesHeadersOff,
    SaysCompressed,
    HasSmallBodies,
    HidesClients,
    Redirects,
    NeverAnswersForPictures,
}

/// A proxy on a port of its own, until it is dropped.
pub(crate) struct Proxy {
    pub(crate) origin: String,
    _runtime: Runtime,
}

type Kept = Arc<Mutex<HashMap<String, (StatusCode, http::HeaderMap, Bytes)>>>;

impl Proxy {
    /// In front of a server at `upstream`, an address and a port.
    pub(crate) fn start(upstream: &str, fault: Fault) -> Proxy {
        let upstream: SocketAddr = upstream.parse().expect("an address");
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let origin = format!("http://{}", listener.local_addr().expect("an address"));
        let kept = Kept::default();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                let answer = move |request| {
                    let kept = Arc::clone(&kept);
                    async move { Ok::<_, Infallible>(answer(request, upstream, fault, kept).await) }
                };
                let serve = server::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
                tokio::spawn(async move { drop(serve.await) });
            }
        });
        Proxy { origin, _runtime: runtime }
    }
}

async fn answer(
    request: Request<Incoming>,
    upstream: SocketAddr,
    fault: Fault,
    kept: Kept,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    let target = head.uri.path_and_query().expect("a target").as_str().to_owned();
    let is_picture = !target.starts_with("/client/") && !target.starts_with("/safelight/");
    match fault {
        Fault::NeverAnswersForPictures if is_picture => return std::future::pending().await,
        Fault::Redirects if is_picture => {
            return Response::builder()
                .status(301)
                .header("location", "/")
                .body(Body::empty())
                .expect("an answer");
        }
        Fault::HasSmallBodies if body.len() > 1_000_000 => {
            return Response::builder().status(413).body(Body::from("too large")).expect("an answer");
        }
        _ => {}
    }
    let name = match fault {
        Fault::KeepsWithoutQuery => target.split('?').next().unwrap_or_default().to_owned(),
        _ => target.clone(),
    };
    let is_get = head.method == Method::GET && !head.headers.contains_key(header::RANGE);
    let old = kept.lock().expect("no panic").get(&name).cloned().filter(|_| is_get && is_picture);
    let (status, headers, body) = match old {
        Some(old) => old,
        None => {
            let mut request =
                Request::builder().method(&head.method).uri(changed(&target, fault, is_picture));
            for (name, value) in &head.headers {
                if !taken_off(name, fault) {
                    request = request.header(name, value);
                }
            }
            if fault != Fault::HidesClients {
                request = request.header("x-forwarded-for", "203.0.113.7");
            }
            asked(request.body(Full::new(body)).expect("a request"), upstream).await
        }
    };
    let keeps = match fault {
        Fault::KeepsWhatIsPrivate | Fault::KeepsWithoutQuery => status == StatusCode::OK,
        Fault::KeepsRefusals => status == StatusCode::FORBIDDEN,
        _ => false,
    };
    if keeps && is_get && is_picture {
        kept.lock().expect("no panic").insert(name, (status, headers.clone(), body.clone()));
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if is_picture {
        spoil(&mut response, &head.method, fault);
    }
    response
}

fn changed(target: &str, fault: Fault, is_picture: bool) -> Uri {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut path = path.to_owned();
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    match fault {
        _ if !is_picture => {}
        Fault::DecodesSlashes => path = path.replace("%2F", "/"),
        Fault::WritesCapitals => {
            for byte in [0xc3_u8, 0xa4, 0xe6, 0x97, 0xa5, 0x9c, 0xac] {
                path = path.replace(&format!("%{byte:02x}"), &format!("%{byte:02X}"));
            }
        }
        Fault::MergesSlashes => path = path.replace("//", "/"),
        Fault::SortsQueries => pairs.sort_unstable(),
        _ => {}
    }
    let query = if fault == Fault::SortsQueries { pairs.join("&") } else { query.to_owned() };
    let target = if target.contains('?') { format!("{path}?{query}") } else { path };
    Uri::from(PathAndQuery::try_from(target).expect("a target"))
}

fn taken_off(name: &header::HeaderName, fault: Fault) -> bool {
    match fault {
        Fault::TakesAcceptOff => name == header::ACCEPT,
        Fault::TakesRangeOff => name == header::RANGE,
        Fault::TakesIfNoneMatchOff => name == header::IF_NONE_MATCH,
        _ => false,
    }
}

fn spoil(response: &mut Response<Body>, method: &Method, fault: Fault) {
    let headers = response.headers_mut();
    match fault {
        Fault::TakesVaryOff => drop(headers.remove(header::VARY)),
        Fault::MakesPublic => {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
        }
        Fault::BreaksHead if method == Method::HEAD => {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        }
        Fault::TakesHeadersOff => drop(headers.remove(header::X_CONTENT_TYPE_OPTIONS)),
        Fault::SaysCompressed => {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        _ => {}
    }
}

async fn asked(request: Request<Full<Bytes>>, upstream: SocketAddr) -> (StatusCode, http::HeaderMap, Bytes) {
    let stream = TcpStream::connect(upstream).await.expect("the server");
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(async move { drop(connection.await) });
    let (head, body) = sender.send_request(request).await.expect("an answer").into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    (head.status, head.headers, body)
}
