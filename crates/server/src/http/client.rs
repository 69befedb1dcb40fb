//! Where a request comes from.

use crate::app::App;
use http::{Extensions, HeaderMap};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// Who proxies say that they ask for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of a request's client, by what the accept loop and trusted proxies say of it.
pub(super) fn address(app: &App, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    Some(behind(app, *extensions.get::<SocketAddr>()?, headers))
}

/// The same for a peer that is known.
pub(super) fn behind(app: &App, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
    client_address(peer.ip(), headers, &app.config.trusted_proxies)
}

/// Whether a trusted proxy has said whom it asks for.
pub(super) fn is_forwarded(app: &App, extensions: &Extensions, headers: &HeaderMap) -> bool {
    let peer = extensions.get::<SocketAddr>().map(SocketAddr::ip);
    let is_trusted = |peer: IpAddr| app.config.trusted_proxies.iter().any(|net| net.contains(&peer));
    peer.is_some_and(is_trusted) && headers.contains_key(FORWARDED_FOR)
}

/// The address of the client: the peer, unless it is a trusted proxy; then the last address in
/// `X-Forwarded-For` that is none. What stands before that anyone can have written.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let forwarded: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
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
    use http::HeaderValue;

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
