//! The guarded client against origins on this machine, with names of the tests' own.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test ends where its ground gives way")]

#[path = "fetch/origin.rs"]
mod origin;

use http::{HeaderMap, StatusCode};
use origin::{Origin, answer, redirect};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::RootCertStore;
use safelight::config::FetchConfig;
use safelight::fetch::{Client, FetchError, Resolver, Target};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const LIMIT: u64 = 1_000;
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Stands for a public address: it is open, and nobody listens there.
const OPEN: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

fn config(ports: &[u16]) -> FetchConfig {
    FetchConfig {
        private_networks: vec!["127.0.0.1/32".parse().expect("a network")],
        ports: ports.to_vec(),
        timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(5),
        concurrent: 4,
    }
}

/// Every name is this address.
fn names(address: IpAddr) -> Resolver {
    Resolver::from_fn(move |_| Box::pin(async move { Ok(vec![address]) }))
}

fn client(config: &FetchConfig) -> Client {
    Client::with(config, names(LOOPBACK), RootCertStore::empty())
}

async fn get(client: &Client, url: &str) -> Result<(StatusCode, Vec<u8>), FetchError> {
    let mut fetched = client.get(Target::parse(url)?, &HeaderMap::new(), LIMIT).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = fetched.body.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok((fetched.status, bytes))
}

fn refused(result: Result<(StatusCode, Vec<u8>), FetchError>) -> FetchError {
    result.expect_err("refused")
}

#[tokio::test]
async fn a_body_arrives_and_the_request_says_what_it_must() {
    let origin = Origin::start(|_| answer("200 OK", "", "hello")).await;
    let client = client(&config(&[origin.port]));
    let url = format!("http://images.example:{}/a%20b?c=d#e", origin.port);
    assert_eq!(get(&client, &url).await, Ok((StatusCode::OK, b"hello".to_vec())));
    let request = origin.request(0);
    assert!(request.starts_with("GET /a%20b?c=d HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: images.example:{}\r\n", origin.port)), "{request}");
    assert!(request.contains("accept-encoding: identity\r\n"), "{request}");
    assert!(!request.contains("authorization") && !request.contains("cookie"), "{request}");
}

#[tokio::test]
async fn closed_addresses_are_never_connected_to() {
    let origin = Origin::start(|_| answer("200 OK", "", "secret")).await;
    let closed = FetchConfig { private_networks: Vec::new(), ..config(&[origin.port]) };
    let client = client(&closed);
    for host in [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "127.1",
        "[::ffff:127.0.0.1]",
        "a.example",
        "0.0.0.0",
        "[::]",
    ] {
        let url = format!("http://{host}:{}/", origin.port);
        assert_eq!(refused(get(&client, &url).await), FetchError::NoAddress, "{host}");
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn the_address_judged_is_the_address_connected_to() {
    let origin = Origin::start(|_| answer("200 OK", "", "secret")).await;
    // The first answer is open and the second this machine: a client that resolves once to judge
    // and once more to connect would get through.
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let rebinding = Resolver::from_fn(move |_| {
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move { Ok(vec![if first { OPEN } else { LOOPBACK }]) })
    });
    let networks = vec!["127.0.0.2/32".parse().expect("a network")];
    let closed = FetchConfig { private_networks: networks, ..config(&[origin.port]) };
    let client = Client::with(&closed, rebinding, RootCertStore::empty());
    let url = format!("http://rebind.example:{}/", origin.port);
    assert_eq!(refused(get(&client, &url).await), FetchError::Unreachable);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "one look-up for each connection");
    assert_eq!(refused(get(&client, &url).await), FetchError::NoAddress);
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn an_answer_of_open_and_closed_addresses_is_refused_whole() {
    let origin = Origin::start(|_| answer("200 OK", "", "secret")).await;
    let closed = IpAddr::V6(Ipv6Addr::LOCALHOST);
    for addresses in [vec![LOOPBACK, closed], vec![closed, LOOPBACK], vec![]] {
        let resolver = Resolver::from_fn(move |_| {
            let addresses = addresses.clone();
            Box::pin(async move { Ok(addresses) })
        });
        let client = Client::with(&config(&[origin.port]), resolver, RootCertStore::empty());
        let url = format!("http://mixed.example:{}/", origin.port);
        assert_eq!(refused(get(&client, &url).await), FetchError::NoAddress);
    }
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn a_name_that_is_unknown_and_one_that_is_closed_look_alike() {
    let resolver = Resolver::from_fn(|host| {
        Box::pin(async move {
            match host.as_str() {
                "known.internal" => Ok(vec![IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))]),
                _ => Err(std::io::ErrorKind::NotFound.into()),
            }
        })
    });
    let client = Client::with(&config(&[80]), resolver, RootCertStore::empty());
    let known = refused(get(&client, "http://known.internal/").await);
    assert_eq!(known, refused(get(&client, "http://unknown.internal/").await));
    assert_eq!(known, refused(get(&client, "http://192.168.0.1/").await));
    assert_eq!(known.to_string(), "the host has no public address");
}

#[tokio::test]
async fn every_redirect_is_judged_anew() {
    let target = Origin::start(|_| answer("200 OK", "", "secret")).await;
    let secret = format!("http://[::1]:{}/", target.port);
    let port = target.port;
    let origin = Origin::start(move |request| {
        redirect(
            "302 Found",
            match request.split(' ').nth(1) {
                Some("/address") => &secret,
                Some("/port") => "http://127.0.0.1:9/",
                Some("/scheme") => "file:///etc/passwd",
                Some("/metadata") => "http://169.254.169.254/latest/",
                _ => "/loop",
            },
        )
    })
    .await;
    let client = client(&config(&[origin.port, port, 80]));
    let fetch =
        async |path: &str| refused(get(&client, &format!("http://a.example:{}{path}", origin.port)).await);
    assert_eq!(fetch("/address").await, FetchError::NoAddress);
    assert_eq!(fetch("/metadata").await, FetchError::NoAddress);
    assert_eq!(fetch("/port").await, FetchError::Port(9));
    assert!(matches!(fetch("/scheme").await, FetchError::Redirect(_)));
    assert_eq!(origin.connections(), 4);
    assert_eq!(fetch("/loop").await, FetchError::TooManyRedirects);
    assert_eq!(origin.connections(), 4 + 6);
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn credentials_go_to_the_first_origin_alone() {
    let other = Origin::start(|_| answer("200 OK", "", "there")).await;
    let location = format!("http://other.example:{}/x", other.port);
    let origin = Origin::start(move |request| match request.starts_with("GET /a ") {
        true => redirect("307 Temporary Redirect", "/b"),
        false => redirect("307 Temporary Redirect", &location),
    })
    .await;
    let client = client(&config(&[origin.port, other.port]));
    let url = format!("http://user:pass@a.example:{}/a", origin.port);
    assert_eq!(get(&client, &url).await, Ok((StatusCode::OK, b"there".to_vec())));
    for number in [0, 1] {
        assert!(origin.request(number).contains("authorization: Basic dXNlcjpwYXNz\r\n"));
    }
    assert!(!other.request(0).contains("authorization"), "{}", other.request(0));
}

#[tokio::test]
async fn bodies_are_bounded_in_bytes() {
    let body = "x".repeat(1_001);
    let told = body.clone();
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n{body}\r\n0\r\n\r\n");
    let until_closed = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    let origin = Origin::start(move |request| match request.split(' ').nth(1) {
        Some("/told") => answer("200 OK", "", &told),
        Some("/chunked") => chunked.clone().into_bytes(),
        Some("/closed") => until_closed.clone().into_bytes(),
        Some("/zipped") => answer("200 OK", "content-encoding: gzip\r\n", "x"),
        Some("/short") => b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx".to_vec(),
        Some("/head") => answer("200 OK", &format!("x: {}\r\n", "y".repeat(300_000)), "x"),
        Some("/headers") => answer("200 OK", &"x: y\r\n".repeat(101), "x"),
        Some("/exact") => answer("200 OK", "content-encoding: Identity\r\n", &told[1..]),
        _ => b"no HTTP".to_vec(),
    })
    .await;
    let client = client(&config(&[origin.port]));
    let fetch = async |path: &str| get(&client, &format!("http://a.example:{}{path}", origin.port)).await;
    for path in ["/told", "/chunked", "/closed"] {
        assert_eq!(refused(fetch(path).await), FetchError::TooLarge { limit: LIMIT }, "{path}");
    }
    for path in ["/short", "/head", "/headers", "/nonsense"] {
        assert_eq!(refused(fetch(path).await), FetchError::Broken, "{path}");
    }
    assert_eq!(refused(fetch("/zipped").await), FetchError::Encoding);
    assert_eq!(fetch("/exact").await.expect("exactly the limit").1.len(), 1_000);
}

#[tokio::test]
async fn large_bodies_arrive_whole_and_let_the_next_one_in() {
    const LENGTH: usize = 5_000_000;
    let origin = Origin::start(|_| answer("200 OK", "", vec![b'x'; LENGTH])).await;
    let client = client(&FetchConfig { concurrent: 1, ..config(&[origin.port]) });
    let target = || Target::parse(&format!("http://a.example:{}/", origin.port)).expect("a URL");
    for _ in 0..2 {
        let mut fetched = client.get(target(), &HeaderMap::new(), LENGTH as u64).await.expect("an answer");
        let busy = client.get(target(), &HeaderMap::new(), LENGTH as u64).await.err();
        assert_eq!(busy, Some(FetchError::Busy), "a body that is being read counts");
        let mut length = 0;
        while let Some(piece) = fetched.body.next().await.expect("a piece") {
            length += piece.len();
        }
        assert_eq!(length, LENGTH);
    }
}

#[tokio::test]
async fn slow_origins_are_left() {
    let quick = |config: FetchConfig| FetchConfig { idle_timeout: Duration::from_millis(200), ..config };
    let silent = Origin::start(|_| Vec::new()).await.silent();
    let client = client(&quick(config(&[silent.port])));
    let begin = Instant::now();
    let url = format!("http://a.example:{}/", silent.port);
    assert_eq!(refused(get(&client, &url).await), FetchError::Timeout);
    assert!(begin.elapsed() < Duration::from_secs(3));

    // A byte now and then keeps the pause short; the whole time still ends it.
    let dripping = Origin::start(|_| answer("200 OK", "", "x".repeat(900))).await.dripping();
    let whole = FetchConfig { timeout: Duration::from_millis(600), ..config(&[dripping.port]) };
    let client = Client::with(&whole, names(LOOPBACK), RootCertStore::empty());
    let url = format!("http://a.example:{}/", dripping.port);
    assert_eq!(refused(get(&client, &url).await), FetchError::Timeout);
}

#[tokio::test]
async fn a_look_up_that_hangs_and_too_many_at_once() {
    let hanging = Resolver::from_fn(|_| Box::pin(std::future::pending()));
    let short = FetchConfig { connect_timeout: Duration::from_millis(500), concurrent: 1, ..config(&[80]) };
    let client = Client::with(&short, hanging, RootCertStore::empty());
    let (first, second) = tokio::join!(get(&client, "http://a.example/"), get(&client, "http://a.example/"));
    assert_eq!(refused(first), FetchError::ConnectTimeout);
    assert_eq!(refused(second), FetchError::Busy);
    // The leave comes back.
    assert_eq!(refused(get(&client, "http://a.example/").await), FetchError::ConnectTimeout);
}

#[tokio::test]
async fn a_post_sends_its_body_and_follows_nothing() {
    let origin = Origin::start(|_| redirect("302 Found", "/elsewhere")).await;
    let client = client(&config(&[origin.port]));
    let target = Target::parse(&format!("http://a.example:{}/hook", origin.port)).expect("a URL");
    let answer = client.post(target, &HeaderMap::new(), "{\"a\":1}".into(), LIMIT).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::FOUND);
    let request = origin.request(0);
    assert!(request.starts_with("POST /hook ") && request.ends_with("{\"a\":1}"), "{request}");
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn certificates_count() {
    let key = KeyPair::generate().expect("a key");
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key).expect("a root");
    let issuer = Issuer::new(authority, key);
    let leaf_key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["a.example".to_owned()]).expect("parameters");
    let leaf = leaf.signed_by(&leaf_key, &issuer).expect("a certificate");
    let origin = Origin::start(|request| match request.starts_with("GET /plain ") {
        true => redirect("302 Found", "http://a.example/"),
        false => answer("200 OK", "", "secure"),
    })
    .await
    .secure(leaf.der().clone(), leaf_key.serialize_der());
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).expect("a root");
    let config = config(&[origin.port, 80]);
    let trusting = Client::with(&config, names(LOOPBACK), roots);
    let url = |host: &str, path: &str| format!("https://{host}:{}{path}", origin.port);
    assert_eq!(get(&trusting, &url("a.example", "/")).await, Ok((StatusCode::OK, b"secure".to_vec())));
    // Another name than the certificate's, and a root that nobody trusts.
    assert_eq!(refused(get(&trusting, &url("b.example", "/")).await), FetchError::Tls);
    assert_eq!(refused(get(&trusting, &url("127.0.0.1", "/")).await), FetchError::Tls);
    let strange = Client::with(&config, names(LOOPBACK), RootCertStore::empty());
    assert_eq!(refused(get(&strange, &url("a.example", "/")).await), FetchError::Tls);
    let down = refused(get(&trusting, &url("a.example", "/plain")).await);
    assert!(matches!(down, FetchError::Redirect(_)), "{down:?}");
}

#[tokio::test]
async fn proxies_of_the_environment_are_not_used() {
    let origin = Origin::start(|_| answer("200 OK", "", "direct")).await;
    let url = format!("http://a.example:{}/", origin.port);
    if std::env::var_os("SAFELIGHT_TEST_PROXY").is_none() {
        // Once more in a process of its own, with the variables that would name a proxy.
        let mut command = std::process::Command::new(std::env::current_exe().expect("this test"));
        command.args(["--exact", "proxies_of_the_environment_are_not_used"]).env("SAFELIGHT_TEST_PROXY", "1");
        for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"] {
            command.env(name, "http://127.0.0.1:9");
        }
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    assert_eq!(get(&client(&config(&[origin.port])), &url).await.expect("direct").1, b"direct");
}
