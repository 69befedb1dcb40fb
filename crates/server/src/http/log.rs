//! One log line for each request, and the request id that ties other lines to it.

use crate::app::App;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use safelight_domain::direct_upload;
use safelight_domain::signature::redact;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives a request its id, and logs how it was answered. The value of `sig` and the
/// secret of an upload URL are never logged.
pub(super) async fn requests(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let id = crate::random::hex_id();
    let method = request.method().clone();
    let target = log_target(request.uri().path_and_query().map_or("/", |target| target.as_str()));
    let peer = request.extensions().get::<SocketAddr>().map(|peer| peer.ip());
    let client = peer.map(|peer| client_address(peer, request.headers(), &app.config.trusted_proxies));
    let client = client.map(|client| client.to_string()).unwrap_or_default();
    let start = Instant::now();
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let milliseconds = start.elapsed().as_micros() as f64 / 1000.0;
    let status = response.status().as_u16();
    span.in_scope(|| tracing::info!(%method, target, status, milliseconds, client, "answered"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// A target without what opens images or takes uploads.
fn log_target(target: &str) -> String {
    direct_upload::redact(&redact(target))
}

/// The address of the client: the peer, unless it is a trusted proxy; then the last address in
/// `X-Forwarded-For` that is none. What stands before that anyone can have written.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut client = peer;
    for address in forwarded.iter().rev() {
        let Ok(address) = address.trim().parse() else { break };
        client = address;
        if !is_trusted(&address) {
            break;
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_logged_without_their_secrets() {
        assert_eq!(log_target("/a/b/public?exp=1&sig=2"), "/a/b/public?exp=1&sig=…");
        assert_eq!(log_target("/cdn-cgi/imageupload/hash/secret?a"), "/cdn-cgi/imageupload/…");
    }

    #[test]
    fn forwarded_addresses_count_only_from_trusted_proxies() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("a network")];
        for (peer, forwarded, client) in [
            ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
            ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "198.51.100.7, 10.1.1.1", "198.51.100.7"),
            ("10.0.0.1", "198.51.100.7, junk", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_str(forwarded).expect("a header"));
            let peer: IpAddr = peer.parse().expect("an address");
            assert_eq!(client_address(peer, &headers, &trusted).to_string(), client, "{forwarded}");
        }
    }
}
